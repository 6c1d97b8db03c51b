"""Figures on how far weights leave their initialisation."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from dropatlas.collapse.drift_effects import (
    LEAVES,
    bound_ratio,
    drift_cells,
    movement_cells,
    threshold_cells,
)
from dropatlas.plots.collapse.shared import GAIN_LABELS, constant_line, error_bar, sequential
from dropatlas.plots.style import COLOURS, MODEL_LABELS
from dropatlas.stats import mean_interval

SMALL_DRIFT = 0.02
"""x up to which weights must stay, where it is above that in units of θ."""
CHANCES = 5.0
"""Steps with a path, over those the control needs to leave, from which on weights should leave."""
CROSSINGS = 20
"""Expected steps with a path of the cells that are drawn against their bound."""
FLOOR = 1e-9
"""Smaller movements are drawn here."""


def drift_bound(rows: pd.DataFrame) -> Figure:
    """Movement of half of the seeds over the bound from the other half, by theta, 95 % interval; in theory below 1.

    Args:
        rows: Table `collapse/drift_bound`.
    """
    cells = list(drift_cells(rows))
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, sharex=True)
    for axes, holds in zip(panels, (True, False), strict=True):
        part = [cell for cell in cells if cell.assumption == holds]
        names = list(dict.fromkeys((cell.network, cell.width) for cell in part))
        colours = dict(zip(names, COLOURS[0:6:2] if holds else COLOURS[1:5:2], strict=False))
        for cell in part:
            number = names.index((cell.network, cell.width)) * 2 + (cell.model == "bond")
            error_bar(
                axes,
                cell.theta * 1.025 ** (number - len(names)),  # beside one another
                bound_ratio(cell.rows).interval(),
                fmt="o" if cell.model == "site" else "s",
                ms=5,
                capsize=2.5,
                color=colours[cell.network, cell.width],
            )
        constant_line(axes)
        handles = [
            plt.Line2D([], [], ls="", marker="o", color=colour, label=f"{network}, $W$ = {width}")
            for (network, width), colour in colours.items()
        ]
        handles += [
            plt.Line2D([], [], ls="", marker=m, color="0.4", label=MODEL_LABELS[k])
            for k, m in (("site", "o"), ("bond", "s"))
            if any(cell.model == k for cell in part)
        ]
        axes.legend(handles=handles, loc="upper right", fontsize="small")
        title = "assumption holds (no biases, $\\sigma(0)=0$)" if holds else "assumption fails"
        axes.set(title=title, xlabel="crossing probability $\\theta$", xscale="log", yscale="log")
    panels[0].text(0.02, 1.1, "bound", fontsize="small", color="0.3", transform=panels[0].get_yaxis_transform())
    panels[0].set_ylabel("$\\|w_T - w_0\\|\\,/\\,(M\\,\\theta\\,\\Sigma\\alpha_t)$")
    return figure


def _movement(axes: Axes, x: float, moved: np.ndarray, colour: tuple[float, float, float], *, told: bool) -> None:
    """Mean and interval of a cell; hollow where it cannot tell."""
    found = mean_interval(moved)
    if np.isfinite(found.estimate):
        centre = max(found.estimate, FLOOR)
        ends = [[centre - np.clip(found.low, FLOOR, centre)], [max(found.high, centre) - centre]]
        fill = colour if told else "white"
        axes.errorbar(max(x, FLOOR), centre, ends, fmt="o", ms=4.5, capsize=2, color=colour, mfc=fill)


def _depth_legend(figure: Figure, colours: dict[int, tuple[float, float, float]], hollow: str) -> None:
    handles = [plt.Line2D([], [], color=c, marker="o", ms=4.5, ls="", label=f"$L$ = {d}") for d, c in colours.items()]
    handles.append(plt.Line2D([], [], color="0.4", marker="o", mfc="white", ms=4.5, ls="", label=hollow))
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles), fontsize="small")


def movement(rows: pd.DataFrame) -> Figure:
    """Movement against its bound x, per gain, with thresholds; right: movement over its bound near the critical width.

    Args:
        rows: Table `collapse/movement`.
    """
    cells = movement_cells(rows)
    colours = sequential(sorted({cell.depth for cell in cells}))
    cells = [cell for cell in cells if cell.expected >= CROSSINGS]
    figure, panels = plt.subplots(1, 3, figsize=(14, 4.4), width_ratios=(1, 1, 0.75))
    for axes, gain in zip(panels[:2], GAIN_LABELS, strict=True):
        for cell in cells:
            if cell.gain == gain:
                told = cell.control_leaves and cell.every_step > SMALL_DRIFT
                _movement(axes, cell.drift, cell.moved, colours[cell.depth], told=told)
        ends = np.array([FLOOR, 30.0])
        axes.plot(ends, ends, color="0.4", lw=1)
        axes.text(2e-6, 8e-6, "movement = $x$", rotation=38, fontsize="small", color="0.3", ha="center")
        axes.plot([FLOOR, SMALL_DRIFT, SMALL_DRIFT], [LEAVES, LEAVES, FLOOR], color="0.4", lw=1, ls="--")
        axes.set(title=GAIN_LABELS[gain], xscale="log", yscale="log", xlim=(FLOOR / 3, 100), ylim=(FLOOR / 3, 30))
        axes.set_xlabel("$x = M\\,\\theta\\,\\Sigma\\alpha_t\\,/\\,\\|w_0\\|$")
        axes.xaxis.set_major_locator(LogLocator(numticks=6))
    panels[0].set_ylabel("$\\|w_T - w_0\\|\\,/\\,\\|w_0\\|$")
    _depth_legend(figure, colours, "cannot tell")
    _threshold(panels[2], rows)
    return figure


def _threshold(axes: Axes, rows: pd.DataFrame) -> None:
    """Movement over its bound near the critical width, where enough steps have a path."""
    near = [cell for cell in threshold_cells(rows) if cell.expected >= CROSSINGS]
    for cell in near:
        error_bar(axes, cell.width, bound_ratio(cell.rows).interval(), fmt="o", ms=5, capsize=3, color=COLOURS[0])
    constant_line(axes)
    if not near:
        told = "too few steps with a path\nat this scale"
        axes.text(0.5, 0.3, told, transform=axes.transAxes, ha="center", fontsize="small", color="0.3")
    axes.set_xticks([cell.width for cell in near], [f"{cell.width}\n{cell.theta:.2g}" for cell in near])
    axes.set(yscale="log", xlabel="width $W$, and $\\theta$", ylabel="movement over its bound $x$")
    axes.set(title=f"near the critical width, $L$ = {rows[rows.series == 'threshold'].depth.iloc[0]}")


def leaving(rows: pd.DataFrame) -> Figure:
    """Movement against the steps with a path in units of the control's time to leave, and over depth and width.

    Args:
        rows: Table `collapse/movement`.
    """
    cells = movement_cells(rows)
    colours = sequential(sorted({cell.depth for cell in cells}))
    figure, panels = plt.subplots(1, 3, figsize=(14, 4.4), width_ratios=(1, 1, 1))
    shown = [cell for cell in cells if np.isfinite(cell.control_step)]
    for axes, gain in zip(panels[:2], GAIN_LABELS, strict=True):
        for cell in shown:
            if cell.gain == gain:
                _movement(axes, cell.chances, cell.moved, colours[cell.depth], told=cell.control_learns)
        axes.plot([CHANCES, CHANCES, 1000], [30, LEAVES, LEAVES], color="0.4", lw=1, ls="--")
        axes.set(title=GAIN_LABELS[gain], xscale="log", yscale="log", xlim=(1e-4, 1000), ylim=(FLOOR / 3, 30))
        axes.set_xlabel("$\\theta\\,T\\,/$ steps until the control leaves")
        axes.xaxis.set_major_locator(LogLocator(numticks=7))
    panels[0].set_ylabel("$\\|w_T - w_0\\|\\,/\\,\\|w_0\\|$")
    _depth_legend(figure, colours, "control did not learn")
    last = {
        (cell.depth, cell.width): cell
        for cell in sorted(cells, key=lambda cell: (cell.learning_rate, cell.step))
        if cell.gain == "compensated"
    }
    depths = list(colours)
    places = [depths.index(depth) for depth, _ in last]
    drawn = panels[2].scatter(
        places,
        [width for _, width in last],
        c=[max(float(np.mean(cell.moved)), FLOOR) for cell in last.values()],
        s=330,
        marker="s",
        norm=LogNorm(1e-6, 1, clip=True),
        cmap="viridis",
    )
    drop_rate = rows[rows.variant == "dropout"].drop_rate.iloc[0]
    panels[2].plot(range(len(depths)), np.log(depths) / -np.log(drop_rate), color=COLOURS[3], lw=1.5, ls="--")
    panels[2].set_xticks(range(len(depths)), [str(depth) for depth in depths])
    panels[2].set(xlabel="depth $L$", ylabel="width $W$", title="movement at the end, gain $1/\\sqrt{q}$")
    panels[2].set_xlim(-0.6, len(depths) - 0.4)
    panels[2].set_ylim(0.3, max(width for _, width in last) + 0.7)
    figure.colorbar(drawn, ax=panels[2], label="$\\|w_T - w_0\\|\\,/\\,\\|w_0\\|$")
    return figure
