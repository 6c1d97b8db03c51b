"""Figures of the mean-field phase diagram of dropout."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from dropatlas.phases.agreement import HIT, MISS, TIE, cell_outcomes
from dropatlas.phases.classification import PHASE_NAMES, PHASES, classify_phase
from dropatlas.plots.style import COLOURS
from dropatlas.stats import Interval, mean_interval

LIMIT_COLOURS = {
    "GF": COLOURS[0],
    "II": COLOURS[2],
    "III": COLOURS[1],
    "IV": COLOURS[3],
    "I": COLOURS[4],
    "degenerate": (0.75, 0.75, 0.75),
}
OUTCOME_MARKS = {HIT: "●", TIE: "≈", MISS: "✗"}


def _classes(width: int, log_tau: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """Number of the phase in LIMIT_COLOURS on a grid of -log10 τ and -log10 q."""
    names = list(LIMIT_COLOURS)
    return np.array(
        [[names.index(classify_phase(width, 10**-t, 10**-q).name) for t in log_tau] for q in log_q], dtype=float
    )


def _regions(axes: Axes, width: int, log_tau: np.ndarray, log_q: np.ndarray) -> None:
    colours = ListedColormap(list(LIMIT_COLOURS.values()))
    norm = BoundaryNorm(np.arange(len(LIMIT_COLOURS) + 1) - 0.5, colours.N)
    axes.pcolormesh(log_tau, log_q, _classes(width, log_tau, log_q), cmap=colours, norm=norm, alpha=0.35, lw=0)
    axes.grid(visible=False)


def phase_space(widths: tuple[int, ...] = (100, 1_000, 10_000), measured: pd.DataFrame | None = None) -> Figure:
    """The whole diagram in the paper's coordinates (log n, -log τ, -log q): slices in space, and face on.

    Args:
        widths: Widths n of the slices.
        measured: Table `phases/diagram`; its cells are drawn in their slice, coloured by the nearest limit.
    """
    log_tau, log_q = np.linspace(0, 5.5, 111), np.linspace(0, 4.5, 91)
    figure = plt.figure(figsize=(13, 4.6))
    space = figure.add_subplot(1, 2, 1, projection="3d", computed_zorder=False)
    colours = list(LIMIT_COLOURS.values())
    grid_tau, grid_q = np.meshgrid(log_tau[::3], log_q[::3])
    for order, width in enumerate(widths):
        numbers = _classes(width, log_tau[::3], log_q[::3]).astype(int)
        faces = np.array([[(*colours[number][:3], 0.55) for number in row] for row in numbers])
        level = np.full_like(grid_tau, np.log10(width))
        space.plot_surface(
            grid_tau, grid_q, level, facecolors=faces, rstride=1, cstride=1, shade=False, lw=0, zorder=order
        )
    space.set(xlabel="$-\\log_{10}\\tau$", ylabel="$-\\log_{10} q$", title="slices along $\\log_{10} n$")
    space.set_zticks(np.log10(widths), [f"$n$ = {width:,}" for width in widths])
    space.tick_params(axis="z", pad=14)
    space.view_init(elev=18, azim=-58)
    face = figure.add_subplot(1, 2, 2)
    shown = widths[len(widths) // 2] if measured is None else int(measured.width.iloc[0])
    _regions(face, shown, log_tau, log_q)
    if measured is not None:
        cells = cell_outcomes(measured)
        run = cells[cells.nearest.notna()]
        face.scatter(
            *(-np.log10(run.learning_rate), -np.log10(run.keep_rate)),
            c=[LIMIT_COLOURS[name] for name in run.nearest],
            s=75,
            edgecolors=["black" if not b else "white" for b in run.boundary],
            linewidths=1.2,
        )
        rest = cells[cells.nearest.isna()]
        face.plot(-np.log10(rest.learning_rate), -np.log10(rest.keep_rate), "x", color="0.35", ms=7)
    numbers = _classes(shown, log_tau, log_q)
    for number, name in enumerate(PHASES):
        rows, columns = np.nonzero(numbers == number)
        if len(rows):
            place = log_tau[columns].mean(), log_q[rows].mean()
            face.text(
                *place, name, zorder=1.5, fontsize="x-large", weight="bold", color="0.15", ha="center", va="center"
            )
    face.set(
        xlabel="$-\\log_{10}\\tau$ (learning rate)", ylabel="$-\\log_{10} q$ (keep rate)", title=f"slice $n$ = {shown}"
    )
    handles: list[Artist] = [
        Patch(color=colour, label=f"{name}: {PHASE_NAMES[name]}" if name in PHASES else PHASE_NAMES[name])
        for name, colour in LIMIT_COLOURS.items()
    ]
    if measured is not None:
        dot: dict[str, Any] = {"marker": "o", "ls": "", "mfc": "0.6", "ms": 8}
        handles += [
            plt.Line2D([], [], mec="black", label="measured: colour of the nearest limit", **dot),
            plt.Line2D([], [], mec="white", label="measured, near a boundary", **dot),
            plt.Line2D([], [], marker="x", ls="", color="0.35", label="not run: over budget, or diverged"),
        ]
    face.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def nearest_limits(*tables: pd.DataFrame) -> Figure:
    """Grid of predicted phase (field), nearest limit and outcome (text), one panel per table.

    Args:
        tables: Tables in the form of `phases/diagram`.
    """
    sizes = [rows.learning_rate.nunique() for rows in tables]
    figure, panels = plt.subplots(
        1, len(tables), figsize=(1.0 * sum(sizes) + 3.2, 5.0), squeeze=False, width_ratios=sizes
    )
    for axes, rows in zip(panels[0], tables, strict=True):
        _outcome_grid(axes, rows)
    handles = [Patch(color=(*LIMIT_COLOURS[name], 0.4), label=name) for name in LIMIT_COLOURS]
    marks = {HIT: "predicted limit", TIE: "cannot be told apart", MISS: "another limit"}
    handles += [Patch(color="none", label=f"{mark} {marks[name]}") for name, mark in OUTCOME_MARKS.items()]
    handles.append(Patch(facecolor="none", edgecolor="0.4", hatch="//", label="near a boundary"))
    panels[0][-1].legend(
        handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", title="predicted"
    )
    return figure


def _outcome_grid(axes: Axes, rows: pd.DataFrame) -> None:
    cells = cell_outcomes(rows)
    taus, keeps = sorted(cells.learning_rate.unique(), reverse=True), sorted(cells.keep_rate.unique(), reverse=True)
    for cell in cells.itertuples():
        x, y = taus.index(cell.learning_rate), keeps.index(cell.keep_rate)
        box = plt.Rectangle((x - 0.5, y - 0.5), 1, 1, fc=(*LIMIT_COLOURS[cell.phase][:3], 0.4), ec="white", lw=1.5)
        axes.add_patch(box)
        if cell.boundary:
            axes.add_patch(plt.Rectangle((x - 0.5, y - 0.5), 1, 1, fc="none", ec=(0, 0, 0, 0.15), hatch="//", lw=0))
        if pd.isna(cell.nearest):
            axes.text(x, y, cell.status.replace(" ", "\n"), ha="center", va="center", fontsize=6.5, color="0.4")
            continue
        own = getattr(cell, cell.phase) if cell.phase in PHASES else np.nan
        text = f"{OUTCOME_MARKS.get(cell.outcome, '')} {cell.nearest}\n{getattr(cell, cell.nearest):.2f}"
        if np.isfinite(own) and cell.nearest != cell.phase:
            text += f"\n({own:.2f})"
        axes.text(x, y, text, ha="center", va="center", fontsize=7.5)
    axes.set(xlim=(-0.5, len(taus) - 0.5), ylim=(-0.5, len(keeps) - 0.5))
    axes.set_xticks(range(len(taus)), [f"{value:g}" for value in taus], fontsize="small", rotation=45)
    axes.set_yticks(range(len(keeps)), [f"{value:g}" for value in keeps], fontsize="small")
    first = rows.iloc[0]
    neuron = first.activation + ("" if np.isinf(first.bound) else f", |a|, |w| ≤ {first.bound:g}")
    axes.set(title=f"{neuron}, $n$ = {first.width}", xlabel="learning rate $\\tau$", ylabel="keep rate $q$")
    axes.grid(visible=False)


def _width_axis(axes: Axes, rows: pd.DataFrame) -> None:
    widths = sorted(rows.width.unique())
    axes.set(xlabel="width $n$", xscale="log")
    axes.set_xticks(widths, [f"{width}" for width in widths], fontsize="x-small")
    axes.xaxis.set_minor_locator(NullLocator())


def _curve(axes: Axes, rows: pd.DataFrame, values: pd.Series, scale: float = 1.0, **style: Any) -> None:
    """Mean and 95 % interval over the seeds at every width."""
    found: dict[int, Interval] = {w: mean_interval(values[part.index].to_numpy()) for w, part in rows.groupby("width")}
    found = {w: interval for w, interval in found.items() if np.isfinite(interval.high)}
    if not found:
        return
    mean = np.array([interval.estimate for interval in found.values()])
    reach = np.array([interval.high - interval.estimate for interval in found.values()])
    widths = np.array(list(found)) * scale
    axes.errorbar(widths, mean, [np.minimum(reach, 0.95 * np.abs(mean)), reach], capsize=2.5, ms=4.5, **style)


def width_trend(rows: pd.DataFrame) -> Figure:
    """W₁ to the predicted limit over n in every phase, with both noise floors.

    Args:
        rows: Table `phases/width_trend`.
    """
    figure, panels = plt.subplots(1, len(PHASES), figsize=(14, 3.6), sharey=True, sharex=True)
    for axes, sequence in zip(panels, PHASES, strict=True):
        runs = rows[rows.sequence == sequence]
        colour = LIMIT_COLOURS[sequence]
        _curve(
            axes, runs, runs.dropout_floor, fmt="s--", color="0.45", mfc="white", lw=1.2, label="two runs of dropout"
        )
        if (runs.floor > 0).any():
            _curve(axes, runs, runs.floor, fmt="^:", color="0.6", lw=1.2, label="two copies of the limit")
        _curve(axes, runs, runs.distance, fmt="o-", color=colour, lw=1.8, label="dropout to its limit")
        axes.set(title=f"{sequence}: {PHASE_NAMES[sequence]}", yscale="log")
        _width_axis(axes, rows)
        axes.title.set_fontsize("small")
        axes.legend(fontsize=6.5, loc="upper right")
        axes.axvline(rows.points.max(), color="0.7", lw=1, ls=":")  # from here on only so many are compared
    points = rows.points.max()
    panels[0].set_ylabel(f"$W_1$ (of up to {points} particles)")
    return figure
