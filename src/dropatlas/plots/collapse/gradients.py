"""Figures on gradient norms under masks, and on momentum and Adam."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from dropatlas.collapse.gradient_effects import NormCell, norm_cells, optimiser_cells
from dropatlas.plots.collapse.shared import GAIN_LABELS, constant_line, error_bar, sequential
from dropatlas.plots.style import COLOURS

SMALLER, OF_INVERSE, ROOT_BAND = 0.9, 0.5, (0.5, 2.0)
"""Thresholds: norms smaller by a tenth, half of 1/θ steps, and 1/√θ of them up to a factor of two."""

OPTIMISER_LABELS = {"sgd": "plain descent", "momentum": "momentum", "adam": "Adam"}


def gradients(norms: pd.DataFrame, optimisers: pd.DataFrame) -> Figure:
    """Norms relative to no dropout over depth (above); movement and time to learn by theta (below).

    Args:
        norms: Table `collapse/gradients`.
        optimisers: Table `collapse/optimisers`.
    """
    cells = list(norm_cells(norms))
    colours = sequential(sorted({cell.drop_rate for cell in cells}))
    figure, panels = plt.subplots(2, 3, figsize=(13, 8))
    for axes, gain in zip(panels[0, :2], GAIN_LABELS, strict=True):
        _norms(axes, [cell for cell in cells if cell.gain == gain], colours, given_path=False)
        axes.set(title=GAIN_LABELS[gain], ylabel="$E\\|f \\odot g\\|$ over that without dropout")
    _norms(panels[0, 2], [cell for cell in cells if cell.gain == "plain"], colours, given_path=True)
    panels[0, 2].set(
        title="given a path, initial gain 1", ylabel="$E[\\|f \\odot g\\|\\,|\\,$path$]$ over that without"
    )
    first, last = sorted({cell.step for cell in cells})
    handles = [plt.Line2D([], [], color=c, marker="o", ms=5, ls="", label=f"$p$ = {p:g}") for p, c in colours.items()]
    handles += [
        plt.Line2D([], [], color="0.4", marker="o", mfc="white", ms=5, ls="", label=f"first {first} steps"),
        plt.Line2D([], [], color="0.4", marker="o", ms=5, ls="", label=f"first {last} steps"),
    ]
    panels[0, 0].legend(handles=handles, loc="lower left", fontsize="small")
    _optimisers(panels[1], optimisers)
    return figure


def _norms(
    axes: Axes, cells: Sequence[NormCell], colours: dict[float, tuple[float, float, float]], *, given_path: bool
) -> None:
    depths, steps = sorted({cell.depth for cell in cells}), sorted({cell.step for cell in cells})
    for cell in cells:
        shift = 0.06 * (list(colours).index(cell.drop_rate) - 1) + (0.03 if cell.step == steps[-1] else 0.0)
        found = (cell.given_path if given_path else cell.ratio).interval()
        fill = {} if cell.step == steps[-1] else {"mfc": "white"}
        place = depths.index(cell.depth) + shift
        error_bar(axes, place, found, fmt="o", ms=4.5, capsize=2, color=colours[cell.drop_rate], **fill)
    constant_line(axes)
    axes.axhline(SMALLER, color=COLOURS[3], lw=1, ls=":")
    axes.set(xlabel="depth $L$", yscale="log")
    axes.set_xticks(range(len(depths)), [str(depth) for depth in depths])


def _optimisers(panels: np.ndarray, rows: pd.DataFrame) -> None:
    cells = list(optimiser_cells(rows))
    names = list(dict.fromkeys(cell.optimiser for cell in cells))
    colours = dict(zip(names, COLOURS[:1] + COLOURS[2:3] + COLOURS[4:5], strict=False))
    markers = dict(zip(sorted({cell.width for cell in cells}), "os^", strict=False))
    for cell in cells:
        place = (
            cell.theta * 1.05 ** (names.index(cell.optimiser) - 1) * 1.02 ** (2 * list(markers).index(cell.width) - 1)
        )
        style = {"fmt": markers[cell.width], "ms": 5, "capsize": 2.5, "color": colours[cell.optimiser]}
        fill = {"mfc": "white"} if cell.censored else {}
        if cell.optimiser == "adam":
            error_bar(panels[2], place, cell.root_time.interval(), **style, **fill)
        else:
            error_bar(panels[0], place, cell.drift.interval(), **style)
            error_bar(panels[1], place, cell.time.interval(), **style, **fill)
    shown = sorted({round(cell.theta, 6) for cell in cells})
    thetas = np.geomspace(rows.theta.min(), 1, 50)
    panels[2].plot(thetas, 1 / np.sqrt(thetas), color="0.4", lw=1, ls="-.")
    for axes, limits in ((panels[0], ()), (panels[1], (OF_INVERSE,)), (panels[2], ROOT_BAND)):
        constant_line(axes)
        for limit in limits:
            axes.axhline(limit, color=COLOURS[3], lw=1, ls=":")
        axes.set(xscale="log", yscale="log", xlabel="crossing probability $\\theta$")
        axes.set_xticks(shown, [f"{theta:.2g}" for theta in shown], minor=False)
        axes.set_xticks([], minor=True)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_yticks([], minor=True)
    told = "over that without dropout"
    panels[0].set(title="movement", ylabel="movement over its bound\n(momentum: over $1-\\beta$)")
    panels[1].set(title="time to learn", ylabel=f"$\\theta\\,T_{{learn}}$ {told}")
    panels[2].set(title="time to learn, Adam", ylabel=f"$\\sqrt{{\\theta}}\\,T_{{learn}}$ {told}")
    handles = [
        plt.Line2D([], [], ls="", marker="o", color=c, label=OPTIMISER_LABELS[name]) for name, c in colours.items()
    ]
    handles += [
        plt.Line2D([], [], ls="", marker=m, color="0.4", label=f"$W$ = {width}") for width, m in markers.items()
    ]
    handles += [
        plt.Line2D([], [], ls="", marker="o", mfc="white", color="0.4", label="at least"),
        plt.Line2D([], [], ls="-.", lw=1, color="0.4", label="$1/\\theta$"),
    ]
    panels[2].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
