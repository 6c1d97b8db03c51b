"""Figures of the variants of dropout: teacher-student (Figure 2 of arXiv 2510.07554)."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dropatlas.phases.exponents import distance_slopes, mean_exponent
from dropatlas.phases.labels import VARIANT_LABELS
from dropatlas.phases.reference_code import REFERENCE, REFERENCE_STEP
from dropatlas.plots.style import COLOURS
from dropatlas.stats import mean_interval

VARIANT_COLOURS = {
    "none": "0.35",
    "dropout": COLOURS[0],
    "ram": COLOURS[1],
    "pn_ram": COLOURS[2],
}


def _over_steps(
    axes: Axes, rows: pd.DataFrame, column: str, colour: str | tuple[float, ...], label: str, style: str = "-"
) -> None:
    """Geometric mean over seeds with its 95 % t interval; seeds that diverged are left out."""
    table = rows[~rows.diverged & (rows[column] > 0)].pivot(index="step", columns="seed", values=column)
    if table.empty:
        return
    found = [mean_interval(values) for values in np.log(table.to_numpy())]
    mean, low, high = (np.exp([getattr(each, name) for each in found]) for name in ("estimate", "low", "high"))
    axes.plot(table.index, mean, style, color=colour, lw=1.6, label=label)
    known = np.isfinite(low) & (low > 0) & np.isfinite(high)
    axes.fill_between(table.index[known], low[known], high[known], color=colour, alpha=0.15, lw=0)


def _log_steps(rows: pd.DataFrame, count: int = 80) -> pd.DataFrame:
    """Rows of about `count` steps evenly spaced in log step: what a logarithmic axis can show."""
    shown = np.unique(np.geomspace(1, max(rows.step.max(), 1), count).round().astype(int))
    return rows[rows.step.isin(shown)]


def losses(rows: pd.DataFrame) -> Figure:
    """Figure 2: training risk as the variant sees it (top) and validation risk without masks (bottom), by width.

    Args:
        rows: Table `phases/teacher_student`.
    """
    widths = sorted(rows.width.unique())
    size = (2.7 * len(widths) + 1.6, 5.8)
    figure, panels = plt.subplots(2, len(widths), figsize=size, sharex=True, sharey="row", squeeze=False)
    shown = _log_steps(rows)
    for column, width in enumerate(widths):
        for axes, risk in zip(panels[:, column], ("training_risk", "validation_risk"), strict=True):
            for variant in ("none", "dropout", "ram", "pn_ram"):
                curve = shown[(shown.width == width) & (shown.variant == variant)]
                style = "--" if variant == "ram" else "-"
                _over_steps(axes, curve, risk, VARIANT_COLOURS[variant], VARIANT_LABELS[variant], style)
            axes.set(xscale="log", yscale="log")
        panels[0, column].set_title(f"$n$ = {width}")
        panels[1, column].set_xlabel("step")
    panels[0, 0].set_ylabel("training risk, with masks")
    panels[1, 0].set_ylabel("validation risk, without")
    panels[0, -1].legend(loc="center left", bbox_to_anchor=(1.0, 0.0), fontsize="small")
    return figure


def distances_over_steps(rows: pd.DataFrame) -> Figure:
    """Figure 2: RMS distance of RaM, PN+RaM and no dropout to dropout over steps, one curve per width.

    Args:
        rows: Table `phases/teacher_student`.
    """
    widths = sorted(rows.width.unique())
    colours = dict(zip(widths, sns.color_palette("flare", len(widths)), strict=True))
    figure, panels = plt.subplots(1, 3, figsize=(12.5, 4), sharey=True, sharex=True)
    shown = _log_steps(rows)
    for axes, variant in zip(panels, ("ram", "pn_ram", "none"), strict=True):
        for width in widths:
            curve = shown[(shown.width == width) & (shown.variant == variant)]
            _over_steps(axes, curve, "rms_distance", colours[width], f"$n$ = {width}")
        axes.axvline(REFERENCE_STEP, color="0.5", lw=1, ls=":")
        axes.set(title=f"dropout – {VARIANT_LABELS[variant]}", xlabel="step", xscale="log", yscale="log")
    panels[0].set_ylabel("RMS distance of coupled neurons")
    panels[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def distances_over_width(rows: pd.DataFrame) -> Figure:
    """RMS distance to dropout over the width, early and at the end: seeds, means, fitted exponents, published runs.

    Args:
        rows: Table `phases/teacher_student`.
    """
    last = int(rows.step.max())
    figure, panels = plt.subplots(1, 2, figsize=(11.5, 4.6), sharey=True)
    for axes, step in zip(panels, (min(REFERENCE_STEP, last), last), strict=True):
        for variant in ("none", "pn_ram", "ram"):
            at = rows[(rows.step == step) & (rows.variant == variant) & ~rows.diverged]
            colour, slope = VARIANT_COLOURS[variant], mean_exponent(distance_slopes(rows, variant, step))
            fitted = "no exponent" if slope is None else f"$n^{{{slope.estimate:.2f}}}$"
            interval = "" if slope is None else f" [{slope.low:.2f}, {slope.high:.2f}]"
            axes.plot(at.width, at.rms_distance, ".", ms=3.5, color=colour, alpha=0.4)
            logs = np.log(at.rms_distance).groupby(at.width)
            found = {width: mean_interval(values) for width, values in logs}
            mean = np.exp([each.estimate for each in found.values()])
            reach = [mean - np.exp([e.low for e in found.values()]), np.exp([e.high for e in found.values()]) - mean]
            axes.errorbar(list(found), mean, reach, fmt="o", ms=5, capsize=3, color=colour)
            if slope is not None:
                grid = np.array([min(found), max(found)], dtype=float)
                centre = np.exp(np.log(list(found)).mean())
                level = np.exp(np.log(mean).mean())
                axes.plot(grid, level * (grid / centre) ** slope.estimate, color=colour, lw=1.3)
            label = f"{VARIANT_LABELS[variant]}: {fitted}{interval}"
            axes.plot([], [], "o-", ms=5, color=colour, label=label)
            if step == REFERENCE_STEP:
                published = REFERENCE[variant]
                axes.plot(published.keys(), published.values(), "*", ms=11, color=colour, mec="black", mew=0.6, ls="")
        ram = rows[(rows.step == step) & (rows.variant == "ram") & ~rows.diverged]
        grid = np.array([rows.width.min(), rows.width.max()], dtype=float)
        start = np.exp(np.log(ram[ram.width == grid[0]].rms_distance).mean()) * 0.6
        axes.plot(grid, start * (grid / grid[0]) ** -0.5, color="0.5", lw=1.2, ls="--", label="$n^{-1/2}$, predicted")
        if step == REFERENCE_STEP:
            axes.plot([], [], "*", ms=11, color="white", mec="black", mew=0.6, label="reference code, one run each")
        axes.set(title=f"after {step} steps", xlabel="width $n$", xscale="log", yscale="log")
        axes.set_xticks(sorted(rows.width.unique()), sorted(rows.width.unique()))
        axes.minorticks_off()
        axes.legend(loc="lower left", fontsize="x-small")
    low, high = panels[0].get_ylim()
    panels[0].set(ylabel="RMS distance to the dropout network", ylim=(low / 6, high))
    return figure


def trajectories(rows: pd.DataFrame) -> Figure:
    """Figure 2: ways of single neurons in the plane of their first two input weights; circle: start, square: end.

    Args:
        rows: Table `phases/trajectories`.
    """
    neurons = sorted(rows.neuron.unique())
    figure, panels = plt.subplots(1, len(neurons), figsize=(3.7 * len(neurons) + 2.2, 3.7), squeeze=False)
    for axes, neuron in zip(panels[0], neurons, strict=True):
        for variant in ("none", "pn_ram", "dropout", "ram"):
            way = rows[(rows.neuron == neuron) & (rows.variant == variant)].sort_values("step")
            style = "--" if variant == "ram" else "-"
            axes.plot(way["first"], way.second, style, color=VARIANT_COLOURS[variant], lw=1.4, alpha=0.9)
            axes.plot(way["first"].iloc[-1:], way.second.iloc[-1:], "s", ms=6, color=VARIANT_COLOURS[variant])
        start = rows[(rows.neuron == neuron) & (rows.step == 0)]
        axes.plot(start["first"].iloc[:1], start.second.iloc[:1], "o", ms=7, color="white", mec="black")
        axes.set(title=f"neuron {neuron + 1}", xlabel="first input weight")
        axes.margins(0.12)
    panels[0, 0].set_ylabel("second input weight")
    order = ("none", "dropout", "ram", "pn_ram")
    handles = [
        plt.Line2D([], [], color=VARIANT_COLOURS[v], ls="--" if v == "ram" else "-", label=VARIANT_LABELS[v])
        for v in order
    ]
    panels[0, -1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure
