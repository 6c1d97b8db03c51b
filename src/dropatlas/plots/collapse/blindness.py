"""Figures on masks without a path: what outputs and gradients still show, and when coupled runs part."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dropatlas.collapse.partings import NETWORK, differing, partings
from dropatlas.plots.style import COLOURS, MODEL_LABELS
from dropatlas.stats import binomial_interval


def decoupling(rows: pd.DataFrame) -> Figure:
    """Share of masked networks that ignore their input, and without any weight gradient: without and with a path.

    Args:
        rows: Table `collapse/decoupling`.
    """
    names = rows.activation.astype(str) + np.where(rows.biases, ", biases", "") + ", " + rows.model.map(MODEL_LABELS)
    rows = rows.assign(case=names).sort_values(["assumption", "model", "activation", "biases"])
    measures = {
        "input_effect_zero": ("$F(x) = F(0)$ in all bits", "o", COLOURS[0]),
        "weight_gradients_zero": ("all weight gradients exactly 0", "D", COLOURS[1]),
    }
    claimed = int(rows[rows.assumption].case.nunique())
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True)
    for axes, (path, title) in zip(panels, ((False, "no path left"), (True, "with a path (control)")), strict=True):
        part = rows[rows.has_path == path]
        for shift, (column, (label, marker, colour)) in zip((-0.15, 0.15), measures.items(), strict=True):
            places = np.arange(len(part)) + shift
            axes.plot(part[column] / part.networks, places, marker, ms=6, color=colour, label=label)
        axes.axhspan(len(part) - claimed - 0.5, len(part) - 0.5, color="0.9", zorder=0)
        axes.set(title=title, xlabel="share of networks", xlim=(-0.04, 1.04), yticks=range(len(part)))
    panels[0].set_yticklabels(rows[~rows.has_path].case)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def blindness(rows: pd.DataFrame, margin: float) -> Figure:
    """Pairs that are still equal over expected steps with a path, and the share that differs by T minus its bound.

    Left: one line per network and optimiser, over -t·log(1 - θ), where theory puts all on one line. Right: per network
    (square: first horizon, dot: second) with 95 % intervals; the band of P11 shaded.

    Args:
        rows: Table `collapse/blindness`.
        margin: Half the width of the band.
    """
    figure, (curves, shares) = plt.subplots(1, 2, figsize=(13, 6), width_ratios=(1.25, 1))
    styles = dict(zip(dict.fromkeys(rows.optimiser), ("-", "--", ":", "-."), strict=False))
    for (*_, optimiser), pairs in rows.groupby([*NETWORK, "optimiser"], sort=False):
        steps = np.arange(pairs.late.iloc[0] + 1)
        parted = np.where(pairs.first_different > 0, pairs.first_different, np.inf)
        equal = (parted[:, None] > steps).mean(axis=0)
        clock = -steps * np.log1p(-pairs.theta.iloc[0])
        colour = COLOURS[int(pairs.masks.iloc[0] == "sample") + 2 * int(pairs.model.iloc[0] == "bond")]
        curves.plot(clock, equal, ls=styles[optimiser], color=colour, lw=0.9, alpha=0.8)
    clock = np.linspace(0, curves.get_xlim()[1], 100)
    curves.plot(clock, np.exp(-clock), color="k", lw=1.8, label="$(1-\\theta)^t$")
    kinds = {0: "dropout, one mask per step", 1: "dropout, one per sample", 2: "dropconnect"}
    handles = [plt.Line2D([], [], color=COLOURS[number], label=kind) for number, kind in kinds.items()]
    handles += [plt.Line2D([], [], color="0.4", ls=style, label=name) for name, style in styles.items()]
    figure.legend(handles=[curves.lines[-1], *handles], fontsize="small", ncols=8, loc="outside lower center")
    seen = partings(rows)
    curves.set(
        title=f"parted too early: {seen.leaked.sum():,} of {seen.watched.sum():,} pairs (0 required)",
        xlabel="$-t\\,\\log(1-\\theta)$, after $t$ steps",
        ylabel="share of pairs that are equal",
    )
    found = differing(rows)
    names = list(dict.fromkeys(found.network))
    for row in found.itertuples():
        late = row.steps == found[found.network == row.network].steps.max()
        share = binomial_interval(row.differing, row.pairs)
        low, middle, high = (value - row.bound for value in (share.low, share.estimate, share.high))
        shares.errorbar(
            middle,
            names.index(row.network) + (0.15 if late else -0.15),
            xerr=[[middle - low], [high - middle]],
            fmt="o" if late else "s",
            ms=5,
            capsize=3,
            color=COLOURS[3] if late else COLOURS[4],
        )
    shares.axvspan(-margin, margin, color="0.9", zorder=0)
    shares.axvline(0, color="k", lw=1)
    shares.set(
        yticks=range(len(names)),
        xlabel="share that differs by $T$, minus $1-(1-\\theta)^T$",
        title=f"±{margin:g} required",
        xlim=(min(-1.3 * margin, shares.get_xlim()[0]), max(1.3 * margin, shares.get_xlim()[1])),
        xticks=[-margin, -margin / 2, 0, margin / 2, margin],
    )
    shares.set_yticklabels(names, fontsize="x-small")
    shares.invert_yaxis()
    return figure
