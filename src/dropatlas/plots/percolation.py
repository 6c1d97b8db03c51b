"""Figures of the percolation report."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from dropatlas.percolation.effects import (
    deepest,
    excess,
    extrapolated_threshold,
    one_constant,
    rare,
    ratio,
    standard_error,
    width_exponents,
    window,
    window_distance,
)
from dropatlas.percolation.settings import FLOOR, HALF
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


def sampling_agreement(cells: pd.DataFrame, margin: float) -> Figure:
    """Sampled minus exact theta of all cells in standard errors, with the margin that decides, and their p-values.

    Args:
        cells: Table `percolation/crossing_probability`.
        margin: Largest excess that is still agreement, in standard errors.
    """
    figure, panels = plt.subplots(1, 2, figsize=(11, 3.8), width_ratios=(2, 1))
    panels[0].axhspan(-1.96, 1.96, color="0.9", label="95 % of samples")
    errors = standard_error(cells)
    for shift, (model, rows) in zip((-0.01, 0.01), cells.groupby("model", sort=False), strict=False):
        chosen = errors[rows.index]
        bars = [(rows.estimate - rows.interval_low) / chosen, (rows.interval_high - rows.estimate) / chosen]
        # cells of one theta beside each other, the narrow networks left
        places = rows.theta + shift + 0.018 * (rows.groupby(rows.theta.round(1)).cumcount() / len(rows) * 5 - 0.5)
        panels[0].errorbar(
            *(places, excess(rows) / chosen, bars),
            fmt="o",
            ms=3,
            lw=0.6,
            color=MODEL_COLOURS[model],
            label=MODEL_LABELS[model],
        )
    for end in (-margin, margin):
        panels[0].axhline(end, color="0.2", lw=1.2, ls="--", label="margin" if end > 0 else None)
    panels[0].set(
        xlabel="exact crossing probability $\\theta$",
        ylabel="(sampled $-$ exact) / standard error",
        ylim=(-1.35 * margin, 1.35 * margin),
    )
    panels[0].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, fontsize="small")
    sns.ecdfplot(cells, x="p_value", hue="model", palette=MODEL_COLOURS, ax=panels[1], legend=False)
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


def finite_thresholds(rows: pd.DataFrame, model: str, tolerances: Mapping[str, float]) -> Figure:
    """The p where theta = 1/2 over n, and its distance to the critical probability; one column per tau.

    Thin lines are theta = 0.01 and 0.99.

    Args:
        rows: Table `percolation/finite_thresholds`.
        model: "site" or "bond".
        tolerances: Largest distances at the end, `critical_tolerance` and `outer_tolerance`.
    """
    shown = rows.query("model == @model")
    constants = sorted(shown.constant.unique())
    colours = dict(zip(constants, sns.color_palette("colorblind", len(constants)), strict=True))
    exponents = sorted(shown.exponent.unique())
    size = (4 * len(exponents), 6.6)
    figure, panels = plt.subplots(2, len(exponents), figsize=size, sharex="col", sharey="row", squeeze=False)
    for (above, below), exponent in zip(panels.T, exponents, strict=True):
        law = shown.query("exponent == @exponent")
        critical = 0 < law.limit.iloc[0] < 1
        _other_targets(above, below, law, colours)
        for (constant, curve, rounding), line in law[law.target == HALF].groupby(["constant", "curve", "rounding"]):
            floor = rounding == FLOOR
            style = {
                "ms": 3.5 if floor else 3,
                "color": colours[constant],
                "mfc": "none" if floor else colours[constant],
            }
            style |= {"marker": ("s" if floor else "o") if curve == "exact" else None, "lw": 0.7 if floor else 1.5}
            name = f"$C$ = {constant:g}, {curve}{', floor' if floor else ''}"
            above.plot(line.log10_n, line.threshold, CURVE_DASHES[curve], label=name, **style)
            if curve == "exact":
                below.plot(line.log10_n, (line.threshold - line.limit).abs(), **style)
            if not floor:
                above.axhline(line.limit.iloc[0], color=colours[constant], lw=1, alpha=0.5)
        if model == "bond" and critical:
            for (constant, _, _), line in law[law.curve == "exact"].groupby(["constant", "rounding", "target"]):
                _extrapolation(below, line, colours[constant])
        tolerance = tolerances["critical_tolerance" if critical else "outer_tolerance"]
        below.axhline(tolerance, color="0.2", lw=1.2, ls="--", label="tolerance")
        above.set(title=f"$\\tau$ = {exponent:g}")
        below.set(xlabel="$\\log_{10} n$", xscale="log", yscale="log", ylabel="distance to the limit")
        probability_axis(above, "$p$ where $\\theta = 1/2$")
        above.label_outer()
        below.label_outer()
    entries = {text: line for axes in panels.flat for line, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    panels[0, -1].legend(entries.values(), entries, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def _other_targets(
    above: Axes, below: Axes, law: pd.DataFrame, colours: dict[float, tuple[float, float, float]]
) -> None:
    """The p where theta = 0.01 and 0.99 on the exact curves, and their distances, as thin lines."""
    other = law[(law.curve == "exact") & (law.target != HALF)]
    for (constant, _, _), line in other.groupby(["constant", "rounding", "target"]):
        name = f"$C$ = {constant:g}, $\\theta$ = 0.01, 0.99"
        above.plot(line.log10_n, line.threshold, lw=0.6, color=colours[constant], label=name)
        below.plot(line.log10_n, (line.threshold - line.limit).abs(), lw=0.6, color=colours[constant])


def _extrapolation(axes: Axes, curve: pd.DataFrame, colour: tuple[float, float, float]) -> None:
    """The threshold extrapolated to infinite width: its distance to the limit, and the largest of six fits."""
    fit, low, high = extrapolated_threshold(curve)
    limit, end = curve.limit.iloc[0], curve.log10_n.max() * (1.6 if (curve.rounding == FLOOR).all() else 1.3)
    farthest = max(high - limit, limit - low)
    size, place = (
        (8, end) if (curve.target == HALF).all() else (4, 1.1 * end if curve.target.max() < HALF else end / 1.1)
    )
    name = f"extrapolated, $C$ = {curve.constant.iloc[0]:g}"
    axes.plot(place, abs(fit - limit), "*", ms=size, color=colour, label=name if size == 8 else None)
    axes.vlines(place, abs(fit - limit), farthest, color=colour, lw=1.5)


def critical_point(rows: pd.DataFrame) -> Figure:
    """Theta at p = exp(-1/C) itself over n, dropout at tau = 1 and dropconnect at tau = 1/2.

    Args:
        rows: Table `percolation/finite_thresholds`.
    """
    shown = rows.dropna(subset="theta_at_limit")
    constants = sorted(shown.constant.unique())
    colours = dict(zip(constants, sns.color_palette("colorblind", len(constants)), strict=True))
    figure, panels = plt.subplots(1, 2, figsize=(11, 4))
    for axes, model in zip(panels, MODEL_LABELS, strict=True):
        part = shown.query("model == @model")
        for (constant, rounding), line in part.groupby(["constant", "rounding"]):
            worst = rounding == FLOOR
            axes.plot(
                *(line.log10_n, line.theta_at_limit),
                marker="s" if worst else "o",
                ls="--" if worst else "-",
                mfc="none" if worst else colours[constant],
                color=colours[constant],
                lw=1,
                ms=4,
                label=f"$C$ = {constant:g}, {'just below the next width' if worst else 'whole width'}",
            )
            if model == "site":
                axes.axhline(np.exp(-np.exp(1 / constant)) if worst else np.exp(-1), color="0.3", lw=0.8, ls=":")
        axes.set(title=MODEL_LABELS[model], xlabel="$\\log_{10} n$", xscale="log")
    panels[0].set(ylabel="$\\theta$ at $p_c = e^{-1/C}$", ylim=(0, 0.42))
    panels[1].set(yscale="log", ylim=(1e-60, 1), xlim=(0.8, 40))
    panels[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def minimum_cuts(networks: pd.DataFrame, tolerances: Mapping[str, float]) -> Figure:
    """Extinction over its first term as p falls; distance to e^(-x) and rate per layer in the critical window.

    Args:
        networks: Table `percolation/minimum_cuts`.
        tolerances: `ratio_tolerance` and `window_tolerance`.
    """
    small, critical = rare(networks), window(networks)
    figure, panels = plt.subplots(1, 3, figsize=(13.5, 4.2))
    small = small[small.log10_depth == small.log10_depth.max()]
    for width, rows in small.groupby("width"):
        colour = _sequential(sorted(small.width.unique()))[width]
        panels[0].plot(rows.p, ratio(rows), "o-", ms=4, lw=1.2, color=colour, label=f"{width:g}")
    limit = tolerances["ratio_tolerance"]
    panels[0].axhspan(1 - limit, 1 + limit, color="0.88", label="tolerance")
    panels[0].set(
        xscale="log",
        xlabel="removal probability $p$",
        ylabel="$(1 - \\theta)\\, /\\, [((2^W - 1)L + 1)\\, p^{W^2}]$",
        title=f"rare extinction, $L$ = {10 ** small.log10_depth.max():.0f}",
    )
    panels[0].set_ylim(0, 2.4)
    panels[0].legend(title="$W$", fontsize="small", loc="upper left", ncols=3)
    colours = _sequential(sorted(critical.p.unique()))
    styles = dict(zip(sorted(critical.planned_x.unique()), ("-", "--", ":"), strict=False))
    for (p, x), rows in critical.groupby(["p", "planned_x"]):
        distance = window_distance(rows).clip(lower=1e-8)
        panels[1].plot(rows.width, distance, styles.get(x, "-"), marker="o", ms=3, lw=1.1, color=colours[p])
    limit = tolerances["window_tolerance"]
    panels[1].plot(critical.width.max(), limit, "v", color="0.2", clip_on=False)
    panels[1].axhline(limit, color="0.2", lw=1.2, ls=(0, (4, 3)))
    handles = [Line2D([], [], color="0.4", ls=style, label=f"$x$ = {x:g}") for x, style in styles.items()]
    handles.append(Line2D([], [], color="0.2", marker="v", ls=(0, (4, 3)), label="tolerance, at the largest $W$"))
    panels[1].legend(handles=handles, fontsize="small", loc="lower left")
    panels[1].set(
        xscale="log",
        yscale="log",
        ylim=(1e-8, 1.5),
        xlabel="width $W$",
        ylabel="$|\\theta - e^{-x}|$",
        title="critical window, $x = L\\,2^W p^{W^2}$",
    )
    for p, rows in critical.drop_duplicates(["p", "width"]).groupby("p"):
        panels[2].plot(rows.width, rows.rate_ratio, "o-", ms=3, lw=1.1, color=colours[p], label=f"{p:g}")
    panels[2].axhline(1, color="0.2", lw=1, ls="--")
    panels[2].set(
        xscale="log", yscale="log", xlabel="width $W$", ylabel="decay rate per layer $/\\ (2^W p^{W^2})$", title="rate"
    )
    panels[2].legend(title="$p$", fontsize="small")
    for axes in panels[1:]:
        axes.set_xticks([2, 4, 8, 16, 32, 64], ["2", "4", "8", "16", "32", "64"])
        axes.minorticks_off()
    return figure


def open_cuts(rows: pd.DataFrame, margin: float) -> Figure:
    """Numbers of open minimum cuts of sampled networks beside the Poisson law, with the margin; one panel per cell.

    Args:
        rows: Table `percolation/open_cuts`.
        margin: Largest difference of a share to its Poisson probability.
    """
    cells = list(rows.groupby(["width", "p", "depth"], sort=False))
    figure, panels = plt.subplots(1, len(cells), figsize=(3.7 * len(cells), 3.8), sharey=True, squeeze=False)
    for axes, ((width, p, depth), cell) in zip(panels.flat, cells, strict=True):
        for row in cell.itertuples():
            band = (row.poisson - margin, row.poisson + margin)
            axes.fill_between([row.open_cuts - 0.35, row.open_cuts + 0.35], *band, color="0.88", lw=0)
            bound = (row.poisson - row.bound, row.poisson + row.bound)
            axes.fill_between([row.open_cuts - 0.35, row.open_cuts + 0.35], *bound, color="0.72", lw=0)
            axes.hlines(row.poisson, row.open_cuts - 0.35, row.open_cuts + 0.35, color="0.2", lw=1.2)
        error = np.abs(cell[["interval_low", "interval_high"]].to_numpy().T - cell.share.to_numpy())
        axes.errorbar(cell.open_cuts, cell.share, error, fmt="o", ms=4, capsize=3, color=MODEL_COLOURS["bond"])
        names = [f"{row.open_cuts}{'+' if row.more else ''}" for row in cell.itertuples()]
        axes.set_xticks(cell.open_cuts, names)
        axes.set(title=f"$W$ = {width}, $p$ = {p:g}, $L$ = {depth:,}", xlabel="open minimum cuts", ylim=(0, None))
    panels[0, 0].set_ylabel("share of networks")
    return figure


def parameter_budget(rows: pd.DataFrame, widths: pd.DataFrame, least_exponent: float, from_depth: float) -> Figure:
    """Odds of theta over the width at fixed numbers of weights; exponent of the width that a deeper network needs.

    Args:
        rows: Table `percolation/parameter_budget`.
        widths: Table `percolation/required_width`.
        least_exponent: What the exponent would have to be.
        from_depth: Depth from which on it is measured.
    """
    figure, panels = plt.subplots(1, 3, figsize=(13.5, 4.2), width_ratios=(1.2, 1.2, 1))
    colours = _sequential(sorted(rows.p.unique()))
    dashes = dict(zip(sorted(rows.budget.unique()), (":", "-.", "--", "-"), strict=False))
    for axes, model in zip(panels, MODEL_LABELS, strict=False):
        for (p, budget), line in rows.query("model == @model and theta > 0 and extinction > 0").groupby(
            ["p", "budget"]
        ):
            odds = np.log10(line.theta) - np.log10(line.extinction)
            axes.plot(line.width, odds, dashes.get(budget, "-"), marker="o", ms=2.5, lw=1, color=colours[p])
        axes.axhline(0, color="0.3", lw=0.8)
        axes.set(title=MODEL_LABELS[model], xlabel="width $W$", xscale="log", yscale="symlog")
    panels[0].set_ylabel("$\\log_{10}\\, \\theta / (1 - \\theta)$")
    handles = [Line2D([], [], color=colours[p], label=f"$p$ = {p:g}") for p in colours]
    handles += [Line2D([], [], color="0.3", ls=dash, label=f"{budget:,} weights") for budget, dash in dashes.items()]
    panels[2].legend(handles=handles, fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    for (model, p), exponent in width_exponents(widths, from_depth).items():
        panels[2].plot(p, exponent, "o" if model == "site" else "s", color=MODEL_COLOURS[model])
    panels[2].axhline(least_exponent, color="0.2", lw=1.2, ls="--")
    panels[2].text(0.1, least_exponent - 0.07, "exponential growth: at least this", fontsize="small")
    for place, (model, label) in enumerate(MODEL_LABELS.items()):
        panels[2].text(0.1, 0.6 - 0.08 * place, label, color=MODEL_COLOURS[model], fontsize="small")
    panels[2].set(xlabel="removal probability $p$", ylabel="exponent $a$ in $W \\sim L^a$", ylim=(-0.05, 1.15))
    panels[2].set_title("width needed")
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
