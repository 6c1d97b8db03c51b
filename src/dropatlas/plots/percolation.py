"""Figures of the percolation report."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from dropatlas.percolation.effects import deepest, excess, one_constant, uncertain
from dropatlas.plots.style import MODEL_COLOURS, MODEL_LABELS, probability_axis

CURVE_DASHES = {"exact": "-", "lower bound": ":", "upper bound": "--"}


def _sequential(values: list[float]) -> dict[float, tuple[float, float, float]]:
    """Colours for ordered values, dark for large ones."""
    return dict(zip(values, sns.color_palette("flare", len(values)), strict=True))


def _sampled(axes: Axes, points: pd.DataFrame, colour: tuple[float, float, float]) -> None:
    """Sampled probabilities with their exact intervals."""
    error = np.abs(points[["interval_low", "interval_high"]].to_numpy().T - points.estimate.to_numpy())
    axes.errorbar(points.p, points.estimate, error, fmt="o", ms=4, capsize=2.5, lw=1, color=colour)


def crossing_grid(cells: pd.DataFrame, curves: pd.DataFrame) -> Figure:
    """Theta over p for every width at the largest depth: exact curves, bounds, sampled masks with intervals.

    Args:
        cells: Table `percolation/crossing_probability`.
        curves: Table `percolation/crossing_curves`.
    """
    cells, curves = deepest(cells), deepest(curves)
    colours = _sequential(sorted(cells.width.unique()))
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.4), sharey=True)
    for axes, model in zip(panels, MODEL_LABELS, strict=True):
        for width, curve in curves.query("model == @model").groupby("width"):
            axes.plot(curve.p, curve.theta, color=colours[width], label=f"{width}")
            axes.fill_between(curve.p, curve.lower_bound, curve.upper_bound, color=colours[width], alpha=0.12, lw=0)
        for width, points in cells.query("model == @model").groupby("width"):
            _sampled(axes, points, colours[width])
        axes.set(title=MODEL_LABELS[model], xlabel="removal probability $p$")
        probability_axis(axes)
    panels[1].set_ylabel("")
    panels[1].legend(title="width $W$", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def sampling_agreement(cells: pd.DataFrame) -> Figure:
    """Sampled minus exact theta for all cells, against the spread that binomial sampling allows.

    Args:
        cells: Table `percolation/crossing_probability`.
    """
    figure, panels = plt.subplots(1, 2, figsize=(11, 3.8), width_ratios=(2, 1))
    theta = np.linspace(0, 1, 201)
    spread = 1.96 * np.sqrt(theta * (1 - theta) / cells.samples.min())
    panels[0].fill_between(theta, -spread, spread, color="0.88", label="95 % of binomial samples")
    for model, rows in cells.groupby("model", sort=False):
        panels[0].plot(rows.theta, excess(rows), "o", ms=4, color=MODEL_COLOURS[model], label=MODEL_LABELS[model])
    panels[0].set(xlabel="exact crossing probability $\\theta$", ylabel="sampled $-$ exact")
    panels[0].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize="small")
    sns.ecdfplot(uncertain(cells), x="p_value", hue="model", palette=MODEL_COLOURS, ax=panels[1], legend=False)
    panels[1].plot([0, 1], [0, 1], color="0.4", lw=1, ls="--")
    panels[1].text(0.97, 0.05, "dashed: ideal", ha="right", color="0.4", fontsize="small")
    panels[1].set(xlabel="exact binomial p-value", ylabel="share of cells", xlim=(0, 1), ylim=(0, 1.02))
    return figure


def required_width(rows: pd.DataFrame) -> Figure:
    """Smallest width that reaches the target, by depth, with the law log L / log(1/p) beside it.

    Args:
        rows: Table `percolation/required_width`.
    """
    colours = _sequential(sorted(rows.p.unique()))
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.2))
    for axes, (model, part) in zip(panels, rows.groupby("model", sort=False), strict=True):
        for p, curve in part.groupby("p"):
            axes.step(curve.depth, curve.width, where="post", color=colours[p], label=f"{p:g}")
            axes.plot(curve.depth, curve.width, "o", ms=3.5, color=colours[p])
        axes.set(title=MODEL_LABELS[model], xlabel="hidden layers $L$", ylabel="width needed $W$", xscale="log")
        axes.set_ylim(0, None)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    panels[1].legend(title="$p$", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def site_scaling(rows: pd.DataFrame) -> Figure:
    """Dropout's theta over n along W = floor((C log n)^tau), smallest C, one panel per tau, one curve per p.

    Args:
        rows: Table `percolation/scaling_laws`.
    """
    shown = one_constant(rows).query("model == 'site'")
    colours = _sequential(sorted(shown.p.unique()))
    exponents = sorted(shown.exponent.unique())
    figure, panels = plt.subplots(1, len(exponents), figsize=(4 * len(exponents), 4), sharey=True)
    for axes, exponent in zip(panels, exponents, strict=True):
        part = shown.query("exponent == @exponent")
        for p, line in part.groupby("p"):
            axes.plot(line.log10_n, line.theta, color=colours[p], lw=1.4, label=f"{p:g}")
        _law_axes(axes, exponent, part.critical_probability.iloc[0])
    panels[-1].legend(title="$p$", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def bond_scaling(rows: pd.DataFrame) -> Figure:
    """Dropconnect's theta over n between its published bounds, smallest C; panels by tau (columns) and p (two rows).

    Args:
        rows: Table `percolation/scaling_laws`.
    """
    shown = one_constant(rows).query("model == 'bond'")
    drop_rates = sorted(rows.p.unique())[:2]
    exponents = sorted(shown.exponent.unique())
    size = (4 * len(exponents), 3.2 * len(drop_rates))
    figure, grid = plt.subplots(len(drop_rates), len(exponents), figsize=size, sharex=True, sharey=True, squeeze=False)
    for panels, p in zip(grid, drop_rates, strict=True):
        for axes, exponent in zip(panels, exponents, strict=True):
            part = shown.query("exponent == @exponent and p == @p")
            curves = part.pivot(index="log10_n", columns="curve", values="theta")
            axes.fill_between(
                curves.index,
                curves["lower bound"],
                curves["upper bound"],
                color="0.8",
                lw=0,
                label="between the bounds",
            )
            axes.plot(curves.index, curves["exact"], color=MODEL_COLOURS["bond"], label="exact")
            _law_axes(axes, exponent, part.critical_probability.iloc[0])
            axes.set_title(f"$p$ = {p:g},  {axes.get_title()}")
    grid[0, -1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _law_axes(axes: Axes, exponent: float, limit: float) -> None:
    axes.set(title=f"$\\tau$ = {exponent:g}: $p_c$ = {limit:.3g}", xlabel="$\\log_{10} n$  (depth $L = n$)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    probability_axis(axes)
    axes.label_outer()


def finite_thresholds(rows: pd.DataFrame, model: str) -> Figure:
    """The p where theta = 1/2 over n, on its way to the critical probability; one panel per tau.

    Args:
        rows: Table `percolation/finite_thresholds`.
        model: "site" or "bond".
    """
    shown = rows.query("model == @model")
    constants = sorted(shown.constant.unique())
    colours = dict(zip(constants, sns.color_palette("colorblind", len(constants)), strict=True))
    exponents = sorted(shown.exponent.unique())
    figure, panels = plt.subplots(1, len(exponents), figsize=(4 * len(exponents), 4), sharey=True)
    for axes, exponent in zip(panels, exponents, strict=True):
        law = shown.query("exponent == @exponent")
        for (constant, curve), line in law.groupby(["constant", "curve"]):
            marker = "o" if curve == "exact" else None
            axes.plot(
                line.log10_n,
                line.half_probability,
                CURVE_DASHES[curve],
                marker=marker,
                ms=3,
                color=colours[constant],
                label=f"$C$ = {constant:g}, {curve}",
            )
            axes.axhline(line.limit.iloc[0], color=colours[constant], lw=1, alpha=0.5)
        if model == "bond" and exponent == 0.5:
            for constant, line in law.query("curve == 'exact'").groupby("constant"):
                corrected = np.exp(-1 / constant - np.log(2) / line.width)
                axes.plot(line.log10_n, corrected, color="0.2", lw=1, label="$e^{-1/C}\\, 2^{-1/W}$")
        axes.set(title=f"$\\tau$ = {exponent:g}", xlabel="$\\log_{10} n$", xscale="log")
        probability_axis(axes, "$p$ where $\\theta = 1/2$")
        axes.label_outer()
    entries = {text: line for axes in panels for line, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    panels[-1].legend(entries.values(), entries, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def crossing_boundary(rows: pd.DataFrame) -> Figure:
    """Depth at which theta falls to the target, by width, for both models.

    Args:
        rows: Table `percolation/crossing_boundary`.
    """
    shown = rows[np.isfinite(rows.log10_depth)]
    colours = _sequential(sorted(shown.p.unique()))
    figure, axes = plt.subplots(figsize=(8, 4.6))
    for (model, p), curve in shown.groupby(["model", "p"]):
        axes.plot(
            curve.width,
            curve.log10_depth,
            "-" if model == "site" else "--",
            marker="o" if model == "site" else "s",
            ms=3.5,
            color=colours[p],
            label=f"{p:g}, {model}",
        )
    axes.set(
        xlabel="width $W$",
        ylabel=f"$\\log_{{10}} L$ where $\\theta$ = {rows.target.iloc[0]:g}",
        ylim=(-0.3, 12.3),
        xlim=(0, None),
    )
    axes.legend(title="$p$, model", loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def topologies(rows: pd.DataFrame) -> Figure:
    """Probability of every event over p, one panel per topology and event, for the deepest networks of the table.

    The event "any path" of residual networks with intact identity is certain and left out.

    Args:
        rows: Table `percolation/topologies`.
    """
    certain = rows.topology.str.contains("in the branches") & (rows.event == "any path")
    panels = list(rows[~certain].groupby(["topology", "event"], sort=False))
    widths = sorted(rows.width.unique())
    colours = _sequential(widths)
    lines = -(-(len(panels) + 1) // 3)
    figure, grid = plt.subplots(lines, 3, figsize=(11, 3.2 * lines), sharex=True, sharey=True)
    for axes, ((topology, event), part) in zip(grid.flat, panels, strict=False):
        deepest = part[part.depth == part.depth.max()]
        for width, curve in deepest.sort_values("p").groupby("width"):
            axes.fill_between(curve.p, curve.known_low, curve.known_high, color=colours[width], alpha=0.15, lw=0)
            axes.plot(curve.p, curve.known_high, "-", marker="_", ms=9, color=colours[width], lw=0.8)
            axes.plot(curve.p, curve.plain_theta, ":", color=colours[width], lw=1.2)
            _sampled(axes, curve, colours[width])
        axes.set_title(f"{topology}\n{event}, depth {deepest.depth.iloc[0]}", fontsize="small")
        probability_axis(axes, "probability")
        axes.label_outer()
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for axes in grid.flat[len(panels) - 3 : len(panels)]:  # the lowest panel of every column
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("removal probability $p$")
    handles = [Line2D([], [], marker="o", ls="", color=colours[width], label=f"width {width}") for width in widths]
    handles.append(Line2D([], [], marker="_", ms=9, lw=0.8, color="0.3", label="closed form or bound"))
    handles.append(Line2D([], [], ls=":", color="0.3", label="plain network"))
    grid.flat[-1].legend(handles=handles, loc="center")
    return figure
