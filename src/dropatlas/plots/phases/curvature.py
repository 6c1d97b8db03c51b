"""Figures of the second-order expansion: its terms along training, their ratios, and its third term measured."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from dropatlas.phases.bypass import SETTING, costs_over_training, setting_group, setting_name, third_slopes, third_terms
from dropatlas.plots.style import COLOURS
from dropatlas.stats import LEAST_SEEDS, Interval, mean_interval

ACTIVATION_COLOURS = {"relu": COLOURS[3], "tanh": COLOURS[0], "erf": COLOURS[2]}
GROUP_COLOURS = {"two layers, squared loss": COLOURS[0], "two layers, logistic loss": COLOURS[3], "deeper": COLOURS[1]}

TICKS = [digit * 10.0**power for power in range(-5, 4) for digit in (1, 3)]


def _band(axes: Axes, rows: pd.DataFrame, x: str, y: str, **style: Any) -> None:
    """Median over seeds with the range that leaves out a tenth on both sides."""
    low, middle, high = (rows.groupby(x)[y].quantile(level) for level in (0.1, 0.5, 0.9))
    axes.plot(middle.index, middle, **style)
    axes.fill_between(middle.index, low, high, color=style["color"], alpha=0.15, lw=0)


def _geometric(values: pd.Series) -> Interval:
    """Geometric mean with its 95 % interval; unknown where a judge takes it for unknown."""
    if not np.isfinite(values).all() or len(values) < LEAST_SEEDS:
        return Interval(np.nan, np.nan, np.nan)
    found = mean_interval(np.log(values.to_numpy(dtype=float)))
    return Interval(*np.exp([found.estimate, found.low, found.high]).tolist())


def _required(axes: Axes, low: float, high: float) -> None:
    """What must be shown, of the numbers on the y axis: shaded, with its ends drawn."""
    axes.axhspan(low, high, color="0.5", alpha=0.13, lw=0)
    for end in (low, high):
        axes.axhline(end, color="0.35", ls="--", lw=1)


def curvature_terms(rows: pd.DataFrame) -> Figure:
    """B, |C| and the self-interaction S/n along the training of the widest two-layer networks, relative to G.

    Args:
        rows: Table `phases/curvature`.
    """
    shown = rows[rows.depth == 1]
    shown = shown[shown.width == shown.width.max()]
    shown = shown.assign(
        B=shown.gauss_newton / shown.gradient,
        C=shown.curved.abs() / shown.gradient,
        S=(shown.blocks - shown.curved) / shown.gradient,
    )
    terms = {
        "B": ("$B/G$: Gauss-Newton, not masked", COLOURS[0]),
        "C": ("$|C|/G$: curvature of a neuron", COLOURS[3]),
        "S": ("$S/(nG)$: self-interaction", COLOURS[1]),
    }
    losses, kinds = list(dict.fromkeys(shown.loss)), list(ACTIVATION_COLOURS)
    figure, panels = plt.subplots(len(losses), len(kinds), figsize=(12, 3.1 * len(losses)), sharex=True, squeeze=False)
    for line, loss in zip(panels, losses, strict=True):
        for axes, kind in zip(line, kinds, strict=True):
            cell = shown[(shown.loss == loss) & (shown.activation == kind)]
            for name, (label, colour) in terms.items():
                _band(axes, cell, "step", name, color=colour, marker="o", ms=3.5, label=label)
            axes.set(title=f"{kind}, {loss} loss", yscale="log", xscale="symlog", xlim=(-0.15, None))
            axes.xaxis.set_minor_locator(NullLocator())
        line[0].set_ylabel("term / $G$ (mean-field units)")
    for axes in panels[-1]:
        axes.set_xlabel("training step")
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def curvature_ratio(rows: pd.DataFrame, factor: float, cost: float) -> Figure:
    """B over |C|, and the extra cost of masks over B, in the mean over the risk's decrease, by setting.

    Args:
        rows: Table `phases/curvature`.
        factor: Least B over |C|, drawn.
        cost: Largest extra cost over B, drawn.
    """
    networks = costs_over_training(rows)
    settings = [
        (setting_group(depth, loss), depth, width, kind)
        for depth, loss, kind, width in networks[SETTING].value_counts().index
    ]
    order = sorted(settings, key=lambda setting: (list(GROUP_COLOURS).index(setting[0]), *setting[1:]))
    figure, panels = plt.subplots(1, 2, figsize=(11.5, 0.27 * len(order) + 1.6), sharey=True)
    for axes, column, (low, high) in zip(panels, ("ratio", "cost"), ((factor, None), (None, cost)), strict=True):
        for place, (group, depth, width, kind) in enumerate(order):
            cell = networks[(networks.depth == depth) & (networks.width == width) & (networks.activation == kind)]
            cell = cell[[setting_group(depth, loss) == group for loss in cell.loss]]
            found = _geometric(cell[column])
            axes.plot(cell[column], np.full(len(cell), place), "o", ms=2.5, color=GROUP_COLOURS[group], alpha=0.35)
            reach = [[found.estimate - found.low], [found.high - found.estimate]]
            label = group if group not in axes.get_legend_handles_labels()[1] else ""
            axes.errorbar(
                found.estimate, place, xerr=reach, fmt="o", ms=5, capsize=3, color=GROUP_COLOURS[group], label=label
            )
        axes.set(xscale="log")
        left, right = axes.get_xlim()
        ends = min(left, (low or left) / 1.3), max(right, (high or right) * 1.3)
        axes.axvspan(low or ends[0], high or ends[1], color="0.5", alpha=0.13, lw=0)
        axes.axvline(low or high or 1.0, color="0.35", ls="--", lw=1)
        axes.set_xlim(ends)
        ticks = [tick for tick in TICKS if ends[0] <= tick <= ends[1]]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    names = [setting_name(kind, width, depth) for _, depth, width, kind in order]
    panels[0].set_yticks(range(len(order)), names, fontsize="small")
    panels[0].invert_yaxis()
    panels[0].set_xlabel("$B\\,/\\,|C|$")
    panels[1].set_xlabel("$\\mathrm{Var}(m)\\,(C^+ + S/n)\\,/\\,B$")
    panels[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def third_term(rows: pd.DataFrame, margin: float, exponent_margin: float) -> Figure:
    """The third term of the expansion, measured: over the expected one, over B with its exponents in n.

    Args:
        rows: Table `phases/expansion`.
        margin: Largest difference of the first ratio to 1, drawn.
        exponent_margin: Largest difference of the exponent to -1, drawn.
    """
    shown = third_terms(rows)
    widths, keeps, losses, steps = (sorted(shown[name].unique()) for name in ("width", "keep_rate", "loss", "step"))
    colours = dict(zip(steps, COLOURS, strict=False))
    marks = dict(zip(losses, "os", strict=False))
    figure, panels = plt.subplots(1, 3, figsize=(13.5, 4.2), gridspec_kw={"width_ratios": [1.9, 1.2, 1], "wspace": 0.3})
    ratio, falling, exponents = panels
    _required(ratio, 1 - margin, 1 + margin)
    ratio.axhline(0, color="0.35", lw=1, ls=":")
    lanes = [(loss, step, keep) for loss in losses for step in steps for keep in keeps]
    for (loss, step, keep, width), cell in shown.groupby(["loss", "step", "keep_rate", "width"]):
        lane = lanes.index((loss, step, keep))
        place = widths.index(width) + (lane - len(lanes) / 2 + 0.5) / len(lanes) * 0.8
        _error_bar(ratio, place, mean_interval(cell.share.to_numpy()), colours[step], marks[loss])
    for (loss, step), part in shown.groupby(["loss", "step"]):
        middle = part.groupby("width").relative.mean()
        falling.plot(middle.index, middle, color=colours[step], marker=marks[loss], ms=4, lw=1)
    grid = np.array([min(widths), max(widths)])
    falling.plot(grid, shown.relative.max() * grid[0] / grid, color="0.35", ls=":", lw=1)
    _required(exponents, -1 - exponent_margin, -1 + exponent_margin)
    slopes = third_slopes(shown)
    for place, ((loss, step, _), found) in enumerate(slopes.items()):
        _error_bar(exponents, place, mean_interval(found.to_numpy()), colours[step], marks[loss])
    falling.set(xscale="log", yscale="log", xlabel="neurons $n$", ylabel="measured third term / Var($m$) $B$")
    falling.set_xticks(widths, widths)
    falling.minorticks_off()
    ratio.set(ylim=(-0.15, None), xlabel="neurons $n$", ylabel="measured / expected third term")
    ratio.set_xticks(range(len(widths)), widths)
    exponents.set_xticks(range(len(slopes)), [str(step) for _, step, _ in slopes])
    exponents.set(xlabel="training step", ylabel="exponent in $n$ of the middle panel", ylim=(-1.6, -0.4))
    handles = [plt.Line2D([], [], color=colours[step], marker="o", ls="none", label=f"step {step}") for step in steps]
    handles += [plt.Line2D([], [], color="0.3", marker=marks[loss], ls="none", label=f"{loss} loss") for loss in losses]
    exponents.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def _error_bar(axes: Axes, x: float, found: Interval, colour: Any, mark: str) -> None:
    reach = [[found.estimate - found.low], [found.high - found.estimate]]
    axes.errorbar(x, found.estimate, reach, color=colour, marker=mark, ms=3.5, capsize=1.5, lw=0.8)
