"""Figures of the mechanisms behind the phase diagram: precision, deeper networks."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dropatlas.phases.exponents import mean_exponent, seed_slopes
from dropatlas.phases.labels import REGIME_LABELS
from dropatlas.phases.mechanisms import at_largest_width, final_errors
from dropatlas.plots.style import COLOURS
from dropatlas.stats import mean_interval

PRECISION_COLOURS = {
    "float32": COLOURS[0],
    "float16": COLOURS[2],
    "bfloat16": COLOURS[3],
    "bfloat16, float32 weights": COLOURS[1],
}
REGIME_STEPS = {
    "critical": "$\\tau \\propto 1/n$, neurons step $\\alpha$",
    "penalised": "smaller $\\alpha$, more steps",
    "gradient_flow": "the same $\\tau$, all neurons step $\\tau$",
}
REGIME_TITLES = {regime: f"{label}\n{REGIME_STEPS[regime]}" for regime, label in REGIME_LABELS.items()}
VARIANT_COLOURS = {"none": "0.35", "ram": COLOURS[0], "pn_ram": COLOURS[4]}
VARIANT_LABELS = {"none": "no dropout", "ram": "RaM", "pn_ram": "PN + RaM"}


def _band(axes: Axes, rows: pd.DataFrame, x: str, y: str, outside: float = 0.1, **style: Any) -> None:
    """Median over seeds with the range that leaves out the share `outside` on both sides."""
    low, middle, high = (rows.groupby(x)[y].quantile(level) for level in (outside, 0.5, 1 - outside))
    axes.plot(middle.index, middle, **style)
    axes.fill_between(middle.index, low, high, color=style["color"], alpha=0.15, lw=0)


def _geometric(axes: Axes, x: float, values: pd.Series, **style: Any) -> None:
    """Geometric mean with its 95 % interval over seeds."""
    logs = np.log(values[np.isfinite(values) & (values > 0)])
    if len(logs) < 2:
        return
    found = mean_interval(logs)
    middle, low, high = np.exp([found.estimate, found.low, found.high])
    axes.errorbar(x, middle, [[middle - low], [high - middle]], capsize=3, ms=5, **style)


def _line_handles(colours: Mapping[str, Any], labels: Mapping[str, str] | None = None) -> list[Line2D]:
    return [
        Line2D([], [], color=colour, marker="o", ms=4, label=(labels or {}).get(name, name))
        for name, colour in colours.items()
    ]


def precision_errors(rows: pd.DataFrame, tolerance: float) -> Figure:
    """Final error of low precision over the movement (above) and lost updates (below), over the width, by regime.

    Args:
        rows: Table `phases/precision`.
        tolerance: What the claim takes for a problem, drawn as a line.
    """
    final = final_errors(rows)
    figure, panels = plt.subplots(2, 3, figsize=(12.5, 6.4), sharex=True, sharey="row")
    for column, (regime, title) in enumerate(REGIME_TITLES.items()):
        part = final[final.regime == regime]
        for name, colour in PRECISION_COLOURS.items():
            cell = part[part.precision == name]
            for width, runs in cell.groupby("width"):
                _geometric(panels[0, column], width, runs.relative_error, fmt="o", color=colour)
            middle = cell.groupby("width").relative_error.median()
            panels[0, column].plot(middle.index, middle, color=colour, lw=1)
            lost = cell.groupby("width").lost_share.mean()
            panels[1, column].plot(lost.index, lost, color=colour, marker="o", ms=4)
        panels[0, column].axhline(tolerance, color="0.3", lw=1, ls="--")
        panels[0, column].set(title=title, xscale="log", yscale="log")
        widths = sorted(part.width.unique())
        panels[1, column].set(xlabel="neurons $n$", ylim=(-0.03, 1.03))
        panels[1, column].set_xticks(widths, widths)
        panels[1, column].minorticks_off()
    panels[0, 0].set_ylabel("error / movement")
    panels[1, 0].set_ylabel("updates lost (share)")
    panels[0, 2].legend(
        handles=_line_handles(PRECISION_COLOURS), loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small"
    )
    return figure


def precision_growth(rows: pd.DataFrame) -> Figure:
    """Error of low precision over training time, by regime.

    Args:
        rows: Table `phases/precision`; the widest networks are shown.
    """
    shown = at_largest_width(rows)
    figure, panels = plt.subplots(1, 3, figsize=(12.5, 3.8), sharey=True)
    for axes, (regime, title) in zip(panels, REGIME_TITLES.items(), strict=True):
        for name, colour in PRECISION_COLOURS.items():
            cell = shown[(shown.regime == regime) & (shown.precision == name)]
            _band(axes, cell, "time", "relative_error", color=colour, marker="o", ms=3.5)
        axes.set(title=title, xlabel="time $k\\tau$", yscale="log")
    panels[0].set_ylabel(f"error / movement, $n$ = {rows.width.max()}")
    panels[2].legend(
        handles=_line_handles(PRECISION_COLOURS), loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small"
    )
    return figure


def depth_distances(rows: pd.DataFrame, initialisation: str = "correlated") -> Figure:
    """RMS distance of the variants to dropout over the width, one panel per depth with exponents; dotted: n^(-1/2).

    Args:
        rows: Table `phases/depth`.
        initialisation: Which networks are shown.
    """
    final = rows[(rows.initialisation == initialisation) & (rows.step == rows.step.max())]
    depths = sorted(final.depth.unique())
    figure, panels = plt.subplots(1, len(depths), figsize=(3.1 * len(depths) + 1.6, 4.1), sharey=True, squeeze=False)
    for axes, depth in zip(panels[0], depths, strict=True):
        part = final[final.depth == depth]
        widths = np.array(sorted(part.width.unique()))
        for name, colour in VARIANT_COLOURS.items():
            cell = part[(part.variant == name) & ~part.diverged]
            middle = np.exp(np.log(cell.distance.where(cell.distance > 0)).groupby(cell.width).mean())
            axes.plot(middle.index, middle, color=colour, lw=1)
            for width, runs in cell.groupby("width"):
                _geometric(axes, width, runs.distance, fmt="o", color=colour)
            if name == "ram":
                axes.plot(widths, middle.iloc[0] * (widths / widths[0]) ** -0.5, color=colour, ls=":", lw=1.2)
        learned = part[part.variant == "none"].risk_ratio.median()
        slopes = {name: mean_exponent(seed_slopes(part[part.variant == name], "distance")) for name in ("ram", "none")}
        told = ", ".join(f"{VARIANT_LABELS[name]} $n^{{{k.estimate:.2f}}}$" for name, k in slopes.items() if k)
        title = f"$L$ = {depth} hidden\nrisk {learned:.2g} of a constant's" + (f"\n{told}" if told else "")
        axes.set(title=title, xscale="log", yscale="log")
        axes.set(xlabel="neurons per layer $n$")
        axes.set_xticks(widths, widths)
        axes.minorticks_off()
    panels[0][0].set_ylabel("RMS distance to dropout")
    handles = _line_handles(VARIANT_COLOURS, VARIANT_LABELS)
    handles.append(plt.Line2D([], [], color=VARIANT_COLOURS["ram"], ls=":", lw=1.2, label="$n^{-1/2}$"))
    panels[0][-1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure
