"""Figures of deeper networks: distances to dropout over width and depth, and the numbers that decide."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dropatlas.phases.exponents import depth_slopes, mean_exponent, plateau_shares, relative_distances, seed_slopes
from dropatlas.phases.widest import of_widest
from dropatlas.plots.style import COLOURS
from dropatlas.stats import known_seeds, mean_interval

VARIANT_COLOURS = {"none": "0.35", "ram": COLOURS[0]}
VARIANT_LABELS = {"none": "no dropout", "ram": "RaM"}
BRANCH_COLOURS = {1.0: COLOURS[0], 0.0: COLOURS[1]}
BRANCH_LABELS = {1.0: "branches times $1/L$", 0.0: "branches not scaled"}
DISTANCE = "RMS distance to dropout"


def _geometric(axes: Axes, values: pd.Series, **style: Any) -> None:
    """Geometric means with their 95 % intervals over seeds, joined; values indexed by x."""
    logs = np.log(values[np.isfinite(values) & (values > 0)])
    means = {x: mean_interval(part) for x, part in logs.groupby(level=0) if len(part) > 1}
    if not means:
        return
    middle, low, high = np.exp([[mean.estimate, mean.low, mean.high] for mean in means.values()]).T
    axes.errorbar(list(means), middle, [middle - low, high - middle], marker="o", lw=1, ms=4, capsize=3, **style)


def _means(axes: Axes, values: Mapping[Any, pd.Series], **style: Any) -> None:
    """Means with their 95 % intervals over seeds, one place each; what a judge takes for unknown is left out."""
    for place, slopes in enumerate(values.values()):
        if len(known := known_seeds(slopes)):
            mean = mean_interval(known)
            reach = [[mean.estimate - mean.low], [mean.high - mean.estimate]]
            axes.errorbar(place, mean.estimate, reach, fmt="o", ms=5, capsize=3, **style)
    axes.set_xticks(range(len(values)), [str(place) for place in values])
    axes.set_xlim(-0.5, len(values) - 0.5)


def _required(axes: Axes, low: float, high: float) -> None:
    """The band in which a number must lie, shaded with its ends drawn."""
    axes.axhspan(low, high, color=COLOURS[2], alpha=0.15, lw=0)
    for end in (low, high):
        axes.axhline(end, color=COLOURS[2], ls="--", lw=1)


def _of(rows: pd.DataFrame, variant: str) -> pd.DataFrame:
    return rows[rows.variant == variant]


def _deciding(exponents: Axes, shares: Axes, rows: pd.DataFrame, criterion: Mapping[str, float]) -> None:
    """Exponent in n of RaM, and what lasts of its distance and of that of no dropout, at every depth."""
    depths = dict(list(rows.groupby("depth")))
    _means(
        exponents,
        {depth: seed_slopes(_of(part, "ram"), "distance") for depth, part in depths.items()},
        color=VARIANT_COLOURS["ram"],
    )
    _required(exponents, -0.5 - criterion["margin"], -0.5 + criterion["margin"])
    exponents.set(ylabel="exponent in $n$", title="RaM comes nearer")
    for variant, colour in VARIANT_COLOURS.items():
        fitted = {
            depth: _of(part, variant) if variant == "none" else of_widest(_of(part, variant))
            for depth, part in depths.items()
        }
        _means(shares, {depth: plateau_shares(part, "distance") for depth, part in fitted.items()}, color=colour)
    low, high = shares.get_ylim()
    shares.set_ylim(min(low, -0.1), max(high, 1.1))
    shares.axhline(criterion["plateau"], color=COLOURS[2], ls="--", lw=1)
    shares.set(ylabel="share of $d^2$ that lasts as $n$ → ∞", title="no dropout above, RaM below")


def depth_distances(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Figure:
    """Distance to dropout over the width at every depth, dotted: n^(-1/2); then the numbers that decide, by depth.

    Args:
        rows: Table `phases/depth`.
        criterion: Thresholds of M10.
    """
    final = rows[rows.step == rows.step.max()]
    depths = sorted(final.depth.unique())
    figure, panels = plt.subplots(1, len(depths) + 2, figsize=(2.6 * len(depths) + 7.4, 4.4), layout="constrained")
    for axes, depth in zip(panels[:-2], depths, strict=True):
        part = final[(final.depth == depth) & ~final.diverged]
        widths = np.array(sorted(final.width.unique()))
        for name, colour in VARIANT_COLOURS.items():
            values = _of(part, name).set_index("width").distance
            _geometric(axes, values, color=colour, label=VARIANT_LABELS[name])
            if name == "ram" and len(values):
                start = np.exp(np.log(values[values.index.min()]).mean())
                axes.plot(widths, start * (widths / widths[0]) ** -0.5, color=colour, ls=":", label="$n^{-1/2}$")
        slope = mean_exponent(seed_slopes(_of(final[final.depth == depth], "ram"), "distance"))
        learned = _of(part, "none").risk_ratio.median()
        told = f"\nRaM $n^{{{slope.estimate:.2f}}}$" if slope else ""
        axes.set(title=f"$L$ = {depth} hidden\nrisk {learned:.2g} of the start's{told}", xscale="log", yscale="log")
        axes.set_xticks(widths, widths, fontsize="small")
        axes.minorticks_off()
        axes.set_xlabel("neurons per layer $n$")
        axes.sharey(panels[0])
    panels[0].set_ylabel(DISTANCE)
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize="small", ncols=3, loc="outside lower left")
    _deciding(panels[-2], panels[-1], final, criterion)
    for axes in panels[-2:]:
        axes.set_xlabel("hidden layers $L$")
    return figure


def residual_distances(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Figure:
    """Residual networks: distances over width and depth, and the numbers that decide.

    Args:
        rows: Table `phases/residual`.
        criterion: Thresholds of M14.
    """
    figure, panels = plt.subplots(2, 3, figsize=(13, 8), layout="constrained")
    scaled = rows[rows.branch_exponent == 1]
    depths, widths = sorted(rows.depth.unique()), sorted(rows.width.unique())
    shades = plt.get_cmap("viridis")(np.linspace(0.0, 0.85, len(depths)))
    over_width, over_depth, in_depth = panels[0]
    for depth, shade in zip(depths, shades, strict=True):
        part = scaled[(scaled.depth == depth) & ~scaled.diverged]
        _geometric(over_width, _of(part, "ram").set_index("width").distance, color=shade, label=f"$L$ = {depth}")
        _geometric(over_width, _of(part, "none").set_index("width").distance, color=shade, ls="--", mfc="white")
    over_width.set(title="with $1/L$: RaM –, no dropout - -", ylabel=DISTANCE, xlabel="neurons $n$")
    over_width.legend(fontsize="small", ncol=2)
    slopes = {}
    for exponent, colour in BRANCH_COLOURS.items():
        part = rows[rows.branch_exponent == exponent]
        relative, label = relative_distances(part), BRANCH_LABELS[exponent]
        for width in (widths[0], widths[-1]):
            at = relative[relative.width == width].set_index("depth").relative
            style = {"mfc": "white", "ls": "--"} if width == widths[0] else {}
            _geometric(over_depth, at, color=colour, label=f"{label}, $n$ = {width}", **style)
        judged = part[part.depth >= criterion["deep"]] if exponent == 1 else part
        slopes[label.replace(" ", "\n", 1)] = depth_slopes(judged)
    over_depth.set(title="with and without $1/L$", ylabel="that of RaM over that of no dropout")
    over_depth.set_xlabel("branches $L$")
    for axes in (over_width, over_depth):
        axes.set(xscale="log", yscale="log")
        axes.minorticks_off()
    over_width.set_xticks(widths, widths)
    over_depth.set_xticks(depths, depths)
    over_depth.set_ylim(bottom=over_depth.get_ylim()[0] / 5)  # room for the legend
    over_depth.legend(fontsize="x-small", loc="lower center")
    _means(in_depth, slopes, color="0.2")
    margin = criterion["margin"]
    for place, (low, high) in enumerate(((-0.5 - margin, -0.5 + margin), (0.0, 0.9))):
        in_depth.fill_between([place - 0.4, place + 0.4], low, high, color=COLOURS[2], alpha=0.15, lw=0)
        for end in (low, high)[: 2 - place]:
            in_depth.plot([place - 0.4, place + 0.4], [end, end], color=COLOURS[2], ls="--", lw=1)
    in_depth.set(ylabel="exponent in $L$ of that ratio", title="with the depth", ylim=(-0.9, 0.9))
    _deciding(panels[1, 0], panels[1, 1], scaled, criterion)
    for axes in panels[1, :2]:
        axes.set_xlabel("branches $L$, times $1/L$")
    risks = _of(rows, "none").groupby(["branch_exponent", "depth"]).risk_ratio.median()
    for exponent, colour in BRANCH_COLOURS.items():
        if exponent in risks.index:
            panels[1, 2].plot(risks[exponent].index, risks[exponent], "o-", color=colour, label=BRANCH_LABELS[exponent])
    panels[1, 2].axhline(criterion["learned"], color="0.4", ls="--", lw=1, label="counts as learning below")
    panels[1, 2].set(xscale="log", ylim=(0, 1.05), title="no dropout learns", xlabel="branches $L$")
    panels[1, 2].set_ylabel("risk over that at the start")
    panels[1, 2].minorticks_off()
    panels[1, 2].set_xticks(depths, depths)
    panels[1, 2].legend(fontsize="small")
    return figure
