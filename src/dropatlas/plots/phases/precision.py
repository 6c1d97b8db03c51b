"""Figures of dropout in low floating-point precision."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dropatlas.phases.labels import REGIME_LABELS
from dropatlas.phases.precision_errors import ORDERS, at_largest_width, final_errors
from dropatlas.plots.style import COLOURS
from dropatlas.stats import mean_interval

PRECISION_COLOURS = {
    "float32": COLOURS[0],
    "float16": COLOURS[2],
    "bfloat16": COLOURS[3],
    "bfloat16, float32 weights": COLOURS[1],
}
LOOKS: dict[str, dict[str, Any]] = {"folded": {"ls": "-"}, "plain": {"ls": "--", "mfc": "white"}}
REGIME_STEPS = {
    "critical": "$\\tau \\propto 1/n$, neurons step $\\alpha$",
    "penalised": "smaller $\\alpha$, more steps",
    "gradient_flow": "critical $\\tau$, all neurons step $\\tau$",
}
REGIME_TITLES = {regime: f"{label}\n{REGIME_STEPS[regime]}" for regime, label in REGIME_LABELS.items()}


def precision_errors(rows: pd.DataFrame, tolerance: float, growth: float) -> Figure:
    """Final error of low precision over the movement (above) and lost updates (below), over the width, by regime.

    Args:
        rows: Table `phases/precision`.
        tolerance: What the claim takes for a problem, drawn as a line.
        growth: Exponent in n that it takes for one, drawn from the first error of each precision on.
    """
    final = final_errors(rows)
    figure, panels = plt.subplots(2, 3, figsize=(12.5, 6.4), sharex="col", sharey="row")
    for column, (regime, title) in enumerate(REGIME_TITLES.items()):
        above, below = panels[:, column]
        part = final[final.regime == regime]
        widths = np.array(sorted(part.width.unique()))
        for (name, colour), order in product(PRECISION_COLOURS.items(), ORDERS):
            cell, look = part[(part.precision == name) & (part.order == order)], {"color": colour, **LOOKS[order]}
            errors = [_geometric(above, width, runs.relative_error, look) for width, runs in cell.groupby("width")]
            above.plot(widths[: len(errors)], errors, ls=look["ls"], color=colour, lw=1)
            if regime == "critical" and errors and order == "folded":
                above.plot(widths, errors[0] * (widths / widths[0]) ** growth, ":", color=colour, lw=1)
            lost = cell.groupby("width").lost_share.mean()
            below.plot(lost.index, lost, marker="o", ms=4, **look)
        above.axhline(tolerance, color="0.3", lw=1, ls="--")
        above.set(title=title, xscale="log", yscale="log")
        below.set(xlabel="neurons $n$", ylim=(-0.03, 1.03))
        below.set_xticks(widths, [f"{width:,}" for width in widths], fontsize="x-small", rotation=30, ha="right")
        below.minorticks_off()
    panels[0, 0].set_ylabel("error / movement")
    panels[1, 0].set_ylabel("updates lost (share)")
    _legend(panels[0, 2])
    return figure


def _geometric(axes: Axes, x: float, values: pd.Series, look: Mapping[str, Any]) -> float:
    """Draw a geometric mean with its 95 % interval over seeds, and tell it."""
    found = mean_interval(np.log(values[np.isfinite(values) & (values > 0)].to_numpy()))
    middle, low, high = np.exp([found.estimate, found.low, found.high])
    if np.isfinite(high):
        bar: dict[str, Any] = {"color": look["color"], "mfc": look.get("mfc", look["color"])}
        axes.errorbar(x, middle, [[middle - low], [high - middle]], fmt="o", capsize=3, ms=5, **bar)
    return float(middle)


def _legend(axes: Axes) -> None:
    handles = [Line2D([], [], color=colour, marker="o", ms=4, label=name) for name, colour in PRECISION_COLOURS.items()]
    handles += [
        Line2D([], [], color="0.4", marker="o", ms=4, label=f"{order} order", **LOOKS[order]) for order in ORDERS
    ]
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")


def precision_growth(rows: pd.DataFrame) -> Figure:
    """Error of low precision over training time, by regime, median and 10 % to 90 % of seeds.

    Args:
        rows: Table `phases/precision`; the widest networks of each regime are shown.
    """
    figure, panels = plt.subplots(1, 3, figsize=(12.5, 3.8), sharey=True)
    for axes, (regime, title) in zip(panels, REGIME_TITLES.items(), strict=True):
        shown = at_largest_width(rows[rows.regime == regime])
        for (name, colour), order in product(PRECISION_COLOURS.items(), ORDERS):
            cell = shown[(shown.precision == name) & (shown.order == order)]
            errors = cell.groupby("time").relative_error
            low, middle, high = (errors.quantile(level) for level in (0.1, 0.5, 0.9))
            axes.plot(middle.index, middle, color=colour, marker="o", ms=3.5, **LOOKS[order])
            axes.fill_between(middle.index, low, high, color=colour, alpha=0.15, lw=0)
        wide = f", $n$ = {shown.width.max():,}" if len(shown) else ""
        axes.set(title=f"{title}{wide}", xlabel="time $k\\tau$", yscale="log")
    panels[0].set_ylabel("error / movement")
    _legend(panels[2])
    return figure
