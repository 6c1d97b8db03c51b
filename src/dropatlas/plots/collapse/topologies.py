"""Figures on residual and convolutional networks."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dropatlas.collapse.labels import VARIANT_LABELS
from dropatlas.collapse.topology_effects import (
    convolution_cells,
    kept_benefit,
    paired_differences,
    share_interval,
    undecidable,
)
from dropatlas.plots.collapse.shared import GAIN_LABELS, VARIANT_COLOURS, error_bar
from dropatlas.plots.style import COLOURS
from dropatlas.stats import binomial_interval, mean_interval

MARKERS = "osD^v"


def _shade(axes: Axes, criterion: Mapping[str, float]) -> None:
    """Where the plain network has few paths, and where many."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.axvspan(min(low, criterion["few"]), criterion["few"], color="0.9", lw=0, zorder=0)
    axes.axvspan(criterion["many"], max(high, criterion["many"]), color=COLOURS[2], alpha=0.12, lw=0, zorder=0)
    axes.set(
        xlim=(low, high), xlabel="$\\theta\\,\\Sigma\\alpha_t$ of the plain network (grey: few paths, green: many)"
    )


def topologies(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Figure:
    """Share of convolutions that learn, and share of their benefit that residual branches keep, over θ·Σα.

    Args:
        rows: Table `collapse/topologies`.
        criterion: Thresholds `few`, `many`, `learns` and `kept`.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(12.5, 4.6))
    convolutions = rows[rows.topology == "convolution"]
    markers = dict(zip(sorted(convolutions.width.unique()), MARKERS, strict=False))
    shown = [*convolution_cells(rows)]
    controls = convolutions[(convolutions.variant == "none") & ~convolutions.diverged]
    shown += [(("none", width, 0.0), cell) for width, cell in controls.groupby("width")]
    lowest, told_at = -0.07, 0.0  # of the labels, and where the last one stands
    for (gain, width, p), cell in sorted(shown, key=lambda item: item[1].theta_rate_sum.iloc[0]):
        colour = "0.35" if gain == "none" else COLOURS[0 if gain == "plain" else 1]
        learned = binomial_interval(int(cell.learned.sum()), len(cell))
        place = cell.theta_rate_sum.iloc[0] * (0.93 if gain == "plain" else 1.07)  # equal shares stay apart
        decides = gain == "none" or cell.control_learns.all()
        style = {"fmt": markers[width], "ms": 6, "capsize": 3, "color": colour, "mfc": colour if decides else "white"}
        error_bar(left, place, learned, **style)
        if gain != "compensated" and p:
            lowest = -0.12 if lowest == -0.07 and place < 2 * told_at else -0.07  # neighbours alternate
            told_at = place
            left.annotate(f"$p$ = {p:g}", (place, lowest), ha="center", fontsize="x-small", color="0.35")
    left.axhline(criterion["learns"], color="0.3", lw=1, ls="--")
    left.set(ylabel="share of convolutions that learn", ylim=(-0.16, 1.04))
    _shade(left, criterion)
    handles = [
        plt.Line2D([], [], marker="o", ls="", color=COLOURS[k], label=GAIN_LABELS[g])
        for k, g in enumerate(("plain", "compensated"))
    ]
    handles.append(plt.Line2D([], [], marker="o", ls="", color="0.35", label="no dropout ($\\theta$ = 1)"))
    handles += [
        plt.Line2D([], [], marker=m, ls="", mfc="white", color="0.35", label=f"$W$ = {w}") for w, m in markers.items()
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=5, fontsize="small")
    thetas = rows[(rows.topology == "residual") & (rows.variant == "dropout")]
    thetas = thetas.groupby(["width", "drop_rate"]).theta_rate_sum.first()
    place = 0.0
    for (width, p), benefits in sorted(kept_benefit(rows).items(), key=lambda cell: thetas[cell[0]]):
        place = max(thetas[width, p], 1.5 * place)  # cells of about equal θ·Σα stand beside each other
        kept, told = share_interval(*benefits), f"$W$={width}, $p$={p:g}"
        if np.isfinite(kept.estimate):
            error_bar(right, place, kept, fmt="o", ms=6, capsize=3, color=COLOURS[0])
        else:
            right.plot(place, 0, "x", color="0.35")
            told += ": cannot tell"
        height = kept.estimate if np.isfinite(kept.estimate) else 0.0
        right.annotate(
            told,
            (place, height),
            (0, 8),
            textcoords="offset points",
            fontsize="x-small",
            rotation=90,
            va="bottom",
            ha="center",
        )
    for level, told in ((0, "identity alone"), (1, "no dropout")):
        right.axhline(level, color="0.6", lw=1)
        right.annotate(
            told,
            (0.99, level),
            (0, -4),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize="x-small",
            color="0.35",
        )
    right.axhline(criterion["kept"], color="0.3", lw=1, ls="--")
    right.set(ylabel="kept share of the branches' benefit", ylim=(min(-0.3, right.get_ylim()[0]), None))
    right.set_xlim(thetas.min() / 2, 3 * place)
    _shade(right, criterion)
    return figure


def modified_topologies(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Figure:
    """Losses of no dropout, dropout and modified dropout (top), and modified minus plain dropout (bottom).

    Args:
        rows: Table `collapse/modified_topologies`.
        criterion: The `margin`.
    """
    biased = rows[rows.biases]
    architectures = list(dict.fromkeys(biased.architecture))
    figure, panels = plt.subplots(
        2, len(architectures), figsize=(4 * len(architectures) + 0.5, 7), sharex="row", sharey="row", squeeze=False
    )
    rates = sorted(biased.learning_rate.unique())
    for (levels, differences), architecture in zip(panels.T, architectures, strict=True):
        cell = biased[biased.architecture == architecture]
        final = cell[(cell.step == cell.step.max()) & ~cell.diverged]
        for (rate, variant), runs in final.groupby(["learning_rate", "variant"]):
            place = rates.index(rate) + 0.2 * (list(VARIANT_COLOURS).index(variant) - 1)
            for column, face, shift in (("train_loss_ratio", "white", -0.04), ("test_loss_ratio", None, 0.04)):
                colour = VARIANT_COLOURS[variant]
                style = {"fmt": "o", "ms": 5, "capsize": 3, "color": colour, "mfc": face or colour}
                error_bar(levels, place + shift, mean_interval(runs[column]), **style)
        why = {f"α = {rate:g}": undecidable(runs, criterion["margin"]) for rate, runs in cell.groupby("learning_rate")}
        told = "\n".join(f"{name}: {reason}" for name, reason in why.items() if reason)
        theta = final[final.variant == "dropout"].theta.iloc[0]
        levels.set_title(f"{architecture}, $\\theta$ = {theta:.2g}\n{told}", fontsize="small")
        levels.set_xticks(range(len(rates)), [f"$\\alpha$ = {rate:g}" for rate in rates])
        places = {key: n for n, key in enumerate((rate, step) for rate in rates for step in sorted(cell.step.unique()))}
        for column, colour, shift in (("train_loss_ratio", COLOURS[2], -0.1), ("test_loss_ratio", COLOURS[3], 0.1)):
            for key, values in paired_differences(cell, column).groupby(["learning_rate", "step"]):
                style = {"fmt": "o" if column == "test_loss_ratio" else "s", "ms": 5, "capsize": 3, "color": colour}
                error_bar(differences, places[key] + shift, mean_interval(values.to_numpy()), **style)
        differences.axhline(0, color="0.3", lw=1)
        differences.axhline(-criterion["margin"], color="0.3", lw=1, ls="--")
        differences.set_xticks(
            range(len(places)),
            [f"$\\alpha$={rate:g}\n{step // 2} to {step}" for rate, step in places],
            fontsize="x-small",
        )
    panels[0][0].set_ylabel("loss / $\\log 10$, last half of the steps")
    panels[1][0].set_ylabel("modified minus plain dropout,\nloss / $\\log 10$")
    variants = ("none", "dropout", "modified")
    handles = [
        plt.Line2D([], [], marker="o", ls="", color=VARIANT_COLOURS[v], label=VARIANT_LABELS[v]) for v in variants
    ]
    handles.append(plt.Line2D([], [], marker="o", ls="", mfc="white", color="0.35", label="training loss"))
    panels[0][-1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    handles = [
        plt.Line2D([], [], marker=m, ls="", color=COLOURS[k], label=label)
        for m, k, label in (("o", 3, "test loss (decides)"), ("s", 2, "training loss"))
    ]
    handles.append(plt.Line2D([], [], ls="--", color="0.3", label="margin"))
    panels[1][-1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure
