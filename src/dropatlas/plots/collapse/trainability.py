"""Figures on which networks learn under dropout, and what stops the others."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from dropatlas.collapse.effects import CERTAIN
from dropatlas.collapse.trainability import FEW, LOST, MANY, WIDE, ordering, signal_given_path, surviving_share
from dropatlas.plots.collapse.shared import error_bar
from dropatlas.plots.style import COLOURS
from dropatlas.stats import known_seeds, mean_interval

ARM_LABELS = {
    "dropout": "one mask a step",
    "compensated": "larger initial weights",
    "sample": "a mask per sample",
    "rescaled": "rescaled by $1/q$",
    "inverted": "inverted dropout",
    "normalised": "normalised layers",
    "normalised sample": "normalised, mask per sample",
}
MAPPED = ("compensated", "sample", "inverted", "normalised")
"""Arms of the second row of the map."""
LEAST = 1e-3
"""Smaller numbers of steps are drawn there."""

Score = Callable[[pd.DataFrame], pd.Series]


def success_map(rows: pd.DataFrame) -> Figure:
    """Share of networks that learn over p and L, a panel per width and per arm, with the edges both laws foretell.

    Args:
        rows: Table `collapse/trainability`.
    """
    runs = rows[(rows.grid == "map") & (rows.step == rows.step.max()) & ~rows.diverged]
    widths = sorted(runs[runs.arm == "dropout"].width.unique())
    panels = [("dropout", width, f"$W$ = {width}") for width in widths]
    arms = [arm for arm in MAPPED if (runs.arm == arm).any()]
    panels_below = [(arm, widths[-1], f"$W$ = {widths[-1]}, {ARM_LABELS[arm]}") for arm in arms]
    depths, rates = (np.sort(runs[runs.arm != "none"][name].unique()) for name in ("depth", "drop_rate"))
    columns = max(len(panels), len(panels_below))
    figure, grid = plt.subplots(2, columns, figsize=(3.1 * columns + 0.8, 6.6), sharex=True, sharey=True, squeeze=False)
    for line, row in zip(grid, (panels, panels_below), strict=True):
        for axes in line[len(row) :]:
            axes.set_visible(False)
        for axes, (arm, width, title) in zip(line, row, strict=False):
            image = _share_map(axes, runs[(runs.arm == arm) & (runs.width == width)], depths, rates)
            _edges(axes, _borders(rates), _borders(depths), width, int(runs.step.max()))
            axes.set_title(title)
        line[0].set_ylabel("hidden layers $L$")
    for axes in grid[-1]:
        axes.set_xlabel("removal probability $p$")
    figure.colorbar(image, ax=grid, label="share of networks that learn", fraction=0.03, pad=0.01)
    lines = [
        plt.Line2D([], [], color="black", lw=2.2, label=f"$T q^L$ = {FEW:g} (paths that survive)"),
        plt.Line2D([], [], color=COLOURS[3], lw=2.2, ls="--", label=f"$\\theta T$ = {FEW:g} (steps with a path)"),
    ]
    figure.legend(handles=lines, loc="outside upper center", ncols=2)
    return figure


def _share_map(axes: Axes, runs: pd.DataFrame, depths: np.ndarray, rates: np.ndarray) -> QuadMesh:
    """Cells in the colour of the share that learns; grey where the control does not, or none was run."""
    able = runs.assign(learned=runs.learned.where(runs.control_learns).astype(float))
    table = able.pivot_table(index="depth", columns="drop_rate", values="learned").reindex(depths, columns=rates)
    axes.set_facecolor("0.85")
    axes.grid(visible=False)
    axes.set(xscale="log", yscale="log")
    image = axes.pcolormesh(
        _borders(rates),
        _borders(depths),
        np.ma.masked_invalid(table.to_numpy(dtype=float)),
        cmap="Blues",
        vmin=0,
        vmax=1,
        edgecolors="white",
        linewidth=0.5,
    )
    axes.set_xticks(rates, [f"{p:g}".lstrip("0") for p in rates], fontsize="small")
    axes.set_yticks(depths, [f"{depth}" for depth in depths])
    axes.minorticks_off()
    return image


def _borders(centres: np.ndarray) -> np.ndarray:
    """Ends of cells around centres that lie evenly on a log axis."""
    logs = np.log(centres.astype(float))
    inner = (logs[1:] + logs[:-1]) / 2
    half = (logs[1] - logs[0]) / 2 if len(logs) > 1 else 0.35
    return np.exp([logs[0] - half, *inner, logs[-1] + (logs[-1] - inner[-1] if len(inner) else half)])


def _edges(axes: Axes, p: np.ndarray, depth: np.ndarray, width: int, steps: int) -> None:
    """Where few steps with a path are expected, and where few surviving paths are, within the borders of a map."""
    x, y = np.geomspace(p[0], min(p[-1], 0.95), 120), np.geomspace(depth[0], depth[-1], 120)
    share = np.array([[surviving_share(rate, level) for rate in x] for level in y])
    signal = np.array([[signal_given_path(rate, width, level) for rate in x] for level in y])
    for left, style in ((share, {"colors": "black"}), (share / signal, {"colors": [COLOURS[3]], "linestyles": "--"})):
        if left.min() * steps < FEW < left.max() * steps:
            axes.contour(x, y, np.log(left * steps), levels=[np.log(FEW)], linewidths=2.2, **style)


def what_stops_training(rows: pd.DataFrame) -> Figure:
    """Left: success against steps with a path at W = 1. Middle: against T q^L where paths never lack. Right: order.

    Args:
        rows: Table `collapse/trainability`.
    """
    runs = rows[(rows.grid == "map") & (rows.arm != "none") & rows.control_learns & ~rows.diverged]
    final = runs[runs.step == runs.step.max()]
    figure, panels = plt.subplots(1, 3, figsize=(13, 4.4), gridspec_kw={"width_ratios": [1, 1.15, 0.85]})
    single = final[final.width == 1]
    for arm in ("dropout", "sample"):
        _cells(panels[0], single[single.arm == arm], arm, lambda cell: cell.crossed_steps)
    panels[0].set(xlabel="measured steps with a path", title="$W$ = 1: only paths can be missing")
    sure = final[(final.width >= WIDE) & (final.theta >= CERTAIN)]
    for arm in ARM_LABELS:
        _cells(panels[1], sure[sure.arm == arm], arm, lambda cell: cell.step * cell.surviving_share)
    panels[1].set(xlabel="$T q^L$", title=f"$\\theta$ ≥ {CERTAIN:g}: paths never lack")
    for axes, limits in ((panels[0], (FEW, MANY)), (panels[1], (LOST, MANY))):
        for limit in limits:
            axes.axvline(limit, color="0.4", lw=1.2, ls=":")
        axes.set(xscale="log", ylabel="share of networks that learn", ylim=(-0.05, 1.05))
    handles, labels = (panels[1] if len(sure) else panels[0]).get_legend_handles_labels()
    figure.legend(handles, labels, fontsize="small", loc="outside lower left", ncols=4)
    _order(panels[2], final[final.arm == "dropout"])
    return figure


def _cells(axes: Axes, runs: pd.DataFrame, arm: str, score: Score) -> None:
    """A dot per cell: share that learns over the mean of a score; arms are moved a little beside each other."""
    if runs.empty:
        return
    number = list(ARM_LABELS).index(arm)
    cells = runs.assign(score=score(runs)).groupby(["width", "depth", "drop_rate"])[["score", "learned"]].mean()
    x = cells.score.clip(lower=LEAST) * 1.12 ** (number - len(ARM_LABELS) // 2)
    style = {"color": COLOURS[number], "label": ARM_LABELS[arm], "marker": "osD^vXP"[number]}
    axes.plot(x, cells.learned, ls="", ms=6, alpha=0.8, mew=0, **style)


SCORES: dict[str, Score] = {
    "steps with\na path": lambda runs: runs.crossed_steps,
    "signal $s^2$": lambda runs: runs.signal,
    "both\n(product)": lambda runs: runs.crossed_steps * runs.signal,
}


def _order(axes: Axes, runs: pd.DataFrame) -> None:
    """Share of pairs that each score puts in order, mean over seeds."""
    groups = {f"$W$ ≥ {WIDE}": runs[runs.width >= WIDE], "all widths": runs}
    for number, (name, group) in enumerate(groups.items()):
        for place, score in enumerate(SCORES.values()):
            values = [
                ordering(score(network).to_numpy(), network.learned.to_numpy(dtype=bool))
                for _, network in group.groupby("seed")
            ]
            error_bar(
                axes,
                place + 0.16 * (2 * number - 1),
                mean_interval(known_seeds(values)),
                fmt="so"[number],
                ms=7,
                capsize=4,
                color=COLOURS[(4, 0)[number]],
                label=name if place == 0 else None,
            )
    axes.axhline(0.5, color="0.4", lw=1.2, ls="--")
    axes.set_xticks(range(len(SCORES)), list(SCORES))
    axes.set(ylabel="pairs put in order", xlim=(-0.5, 2.5), ylim=(0.4, 1.02), title="what tells success")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="small", loc="lower right")
