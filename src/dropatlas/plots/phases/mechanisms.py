"""Figures of deeper networks."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dropatlas.phases.exponents import mean_exponent, seed_slopes
from dropatlas.plots.style import COLOURS
from dropatlas.stats import mean_interval

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
