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

from dropatlas.phases.agreement import CELL, DECIDING, cell_distances, cell_outcomes, flow_cells, inside, leads
from dropatlas.phases.classification import CONTAINS, CONVENTION, PHASE_NAMES, PHASES, classify_phase
from dropatlas.phases.comparison import OK
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
AGREES, DISAGREES, UNKNOWN = "●", "✗", "?"


def _classes(width: int, log_tau: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """Number of the phase in LIMIT_COLOURS on a grid of log10 τ and log10 q."""
    names = list(LIMIT_COLOURS)
    return np.array(
        [[names.index(classify_phase(width, 10.0**t, 10.0**q).name) for t in log_tau] for q in log_q], dtype=float
    )


def _regions(axes: Axes, width: int, log_tau: np.ndarray, log_q: np.ndarray) -> None:
    """Fields of the phases, with the lines on which the convention puts their boundaries."""
    colours = ListedColormap(list(LIMIT_COLOURS.values()))
    norm = BoundaryNorm(np.arange(len(LIMIT_COLOURS) + 1) - 0.5, colours.N)
    classes = _classes(width, log_tau, log_q)
    axes.pcolormesh(log_tau, log_q, classes, cmap=colours, norm=norm, alpha=0.3, lw=0)
    thresholds: dict[str, Any] = {"color": "0.35", "lw": 1, "ls": "--"}
    for value in (CONVENTION.small, CONVENTION.large):
        axes.plot(log_tau, log_tau - np.log10(value), **thresholds)
        axes.axhline(-np.log10(value * width), **thresholds)
    axes.axhline(np.log10(CONVENTION.discrete), xmin=0.8, **thresholds)
    axes.grid(visible=False)


def _free_place(spots: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """The spot that is farthest from all that is taken and from the other side of its region."""
    centre = spots.mean(axis=0)
    room = np.linalg.norm(spots[:, None] - taken, axis=2).min(axis=1) if len(taken) else np.ones(len(spots))
    return spots[np.argmax(np.minimum(room, 0.35) - 0.1 * np.linalg.norm(spots - centre, axis=1))]


def phase_space(measured: pd.DataFrame, tolerance: float, widths: tuple[int, ...] = (100, 1_000, 10_000)) -> Figure:
    """The whole diagram over n, τ and q: slices in space, and the measured one face on.

    Args:
        measured: Table `phases/diagram`, of one activation; its cells are coloured by the limit found.
        tolerance: Of a found limit, in movements.
        widths: Widths n of the slices in space.
    """
    log_tau, log_q = np.linspace(-5.2, 0.3, 111), np.linspace(-3.2, 0, 81)
    figure = plt.figure(figsize=(13, 4.8))
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
    space.set(xlabel="$\\log_{10}\\tau$", ylabel="$\\log_{10} q$", title="slices along $\\log_{10} n$")
    space.set_zticks(np.log10(widths), [f"$n$ = {width:,}" for width in widths])
    space.tick_params(axis="z", pad=14)
    space.view_init(elev=18, azim=-58)
    face = figure.add_subplot(1, 2, 2)
    shown = int(measured.width.iloc[0])
    _regions(face, shown, log_tau, log_q)
    cells = cell_outcomes(measured, tolerance)
    places = np.log10(cells[["learning_rate", "keep_rate"]].to_numpy())
    run = (cells.status == OK).to_numpy()
    face.scatter(
        places[run, 0],
        places[run, 1],
        c=[LIMIT_COLOURS[name] if name else "white" for name in cells.found[run]],
        s=60,
        edgecolors=["0.6" if near else "black" for near in cells.boundary[run]],
        linewidths=1.2,
        zorder=3,
    )
    face.plot(*places[~run].T, "x", color="0.35", ms=6)
    numbers = _classes(shown, log_tau, log_q)
    for number, name in enumerate(PHASES):
        rows, columns = np.nonzero(numbers == number)
        if len(rows):
            spot = _free_place(np.column_stack([log_tau[columns], log_q[rows]]), places)
            face.text(
                spot[0],
                spot[1],
                name,
                zorder=4,
                fontsize="large",
                weight="bold",
                color="0.15",
                ha="center",
                va="center",
            )
    face.set(
        xlabel="$\\log_{10}\\tau$ (learning rate)",
        ylabel="$\\log_{10} q$ (keep rate)",
        title=f"slice $n$ = {shown}; dashed: the convention",
        xlim=(log_tau[0], log_tau[-1]),
        ylim=(log_q[0], log_q[-1] + 0.08),
    )
    handles: list[Artist] = [
        Patch(color=colour, label=f"{name}: {PHASE_NAMES[name]}" if name in PHASES else PHASE_NAMES[name])
        for name, colour in LIMIT_COLOURS.items()
    ]
    dot: dict[str, Any] = {"marker": "o", "ls": "", "mfc": "0.6", "ms": 7}
    handles += [
        plt.Line2D([], [], mec="black", label="measured: colour of the limit found", **dot),
        plt.Line2D([], [], mec="0.6", label="measured, near a boundary", **dot),
        plt.Line2D([], [], mec="black", label="limits tie", **dot | {"mfc": "white"}),
        plt.Line2D([], [], marker="x", ls="", color="0.35", label="not run: over budget, or no limit"),
    ]
    face.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def found_limits(tolerance: float, *tables: pd.DataFrame) -> Figure:
    """Grid of predicted phase (field), and the limit found with its D (text), one panel per table.

    Args:
        tolerance: Of a found limit, in movements.
        tables: Tables in the form of `phases/diagram`, each of one activation.
    """
    sizes = [rows.learning_rate.nunique() for rows in tables]
    figure, panels = plt.subplots(
        1, len(tables), figsize=(0.75 * sum(sizes) + 3.2, 5.2), squeeze=False, width_ratios=sizes
    )
    for axes, rows in zip(panels[0], tables, strict=True):
        _outcome_grid(axes, rows, tolerance)
    handles = [Patch(color=(*LIMIT_COLOURS[name], 0.4), label=name) for name in LIMIT_COLOURS]
    marks = {AGREES: "that limit is found", DISAGREES: "another, or a tie", UNKNOWN: "a number is missing"}
    handles += [Patch(color="none", label=f"{mark} {told}") for mark, told in marks.items()]
    handles.append(Patch(facecolor="none", edgecolor="0.4", hatch="//", label="near a boundary"))
    panels[0][-1].legend(
        handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", title="predicted"
    )
    return figure


def _outcome_grid(axes: Axes, rows: pd.DataFrame, tolerance: float) -> None:
    cells = cell_outcomes(rows, tolerance)
    taus, keeps = sorted(cells.learning_rate.unique()), sorted(cells.keep_rate.unique())
    for cell in cells.itertuples():
        x, y = taus.index(cell.learning_rate), keeps.index(cell.keep_rate)
        box = plt.Rectangle((x - 0.5, y - 0.5), 1, 1, fc=(*LIMIT_COLOURS[cell.phase][:3], 0.4), ec="white", lw=1.5)
        axes.add_patch(box)
        if cell.boundary:
            axes.add_patch(plt.Rectangle((x - 0.5, y - 0.5), 1, 1, fc="none", ec=(0, 0, 0, 0.15), hatch="//", lw=0))
        if cell.status != OK or cell.phase not in PHASES:
            axes.text(x, y, cell.status.replace(" ", "\n"), ha="center", va="center", fontsize=6, color="0.4")
            continue
        mark = UNKNOWN if cell.agrees is None else AGREES if cell.agrees else DISAGREES
        found = cell.found if isinstance(cell.found, str) else "tie"
        text = f"{mark} {found}\n{getattr(cell, cell.phase):.3f}"
        axes.text(x, y, text, ha="center", va="center", fontsize=7)
    axes.set(xlim=(-0.5, len(taus) - 0.5), ylim=(-0.5, len(keeps) - 0.5))
    axes.set_xticks(range(len(taus)), [f"{value:g}" for value in taus], fontsize="small", rotation=45)
    axes.set_yticks(range(len(keeps)), [f"{value:g}" for value in keeps], fontsize="small")
    first = rows.iloc[0]
    neuron = first.activation + ("" if np.isinf(first.bound) else f", |a|, |w| ≤ {first.bound:g}")
    axes.set(title=f"{neuron}, $n$ = {first.width}", xlabel="learning rate $\\tau$", ylabel="keep rate $q$")
    axes.grid(visible=False)


def limit_leads(rows: pd.DataFrame, tolerance: float) -> Figure:
    """How much farther than the predicted limit the others are, in every cell away from the boundaries.

    Args:
        rows: Table `phases/diagram`, of one activation.
        tolerance: x, in movements: a limit that has the predicted one as limiting case must lie right of -x, every
            other right of x.
    """
    shown = {phase: inside(rows[rows.phase == phase]) for phase in DECIDING} | {"GF": flow_cells(rows)}
    cells = {phase: list(cell_distances(found).groupby(level=CELL, sort=False)) for phase, found in shown.items()}
    most = max(1, *(len(found) for found in cells.values()))
    figure, panels = plt.subplots(1, len(cells), figsize=(16, 1.6 + 0.42 * most), sharex=True)
    for axes, (phase, found) in zip(panels, cells.items(), strict=True):
        for line in (-tolerance, tolerance):
            axes.axvline(line, color="0.35", lw=1, ls="--")
        for row, (_, seeds) in enumerate(found):
            for shift, (limit, lead) in enumerate(leads(seeds, phase).items()):
                if lead.isna().all():
                    continue  # over budget
                interval = mean_interval(lead.to_numpy())
                axes.errorbar(
                    interval.estimate,
                    row + 0.18 * (shift - 1.5),
                    xerr=[[interval.estimate - interval.low], [interval.high - interval.estimate]],
                    fmt="s" if phase in CONTAINS[str(limit)] else "o",
                    color=LIMIT_COLOURS[str(limit)],
                    mfc="white" if phase in CONTAINS[str(limit)] else None,
                    ms=4.5,
                    capsize=2,
                )
        axes.set_yticks(range(len(found)), [f"{tau:g}, {q:g}" for (tau, q), _ in found], fontsize="x-small")
        axes.set(title=f"{phase}: {PHASE_NAMES[phase]}", xlabel="$D$(other) − $D$(predicted)", ylim=(-0.6, most - 0.4))
        axes.set_xscale("symlog", linthresh=2 * tolerance)
        marks = [-tolerance, tolerance, 0.2, 0.5, 1.0]
        axes.set_xticks(marks, [f"{mark:g}" for mark in marks])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.tick_params(axis="x", labelsize="x-small")
    panels[0].set_ylabel("$\\tau$, $q$")
    handles: list[Artist] = [
        plt.Line2D([], [], color=LIMIT_COLOURS[name], marker="o", ls="", label=f"to {name}") for name in PHASES
    ]
    handles += [
        plt.Line2D([], [], color="0.4", marker="o", ls="", label="right of $x$ predicted"),
        plt.Line2D([], [], color="0.4", marker="s", mfc="white", ls="", label="right of $-x$ predicted"),
        plt.Line2D([], [], color="0.35", ls="--", label="$\\mp x$"),
    ]
    panels[-1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


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
    """W₁ to the predicted limit over n in every phase, with both noise floors and, at the end, the limiting cases.

    Args:
        rows: Table `phases/width_trend`.
    """
    kinds = list(rows.activation.unique())
    figure, panels = plt.subplots(
        len(kinds), len(PHASES), figsize=(14, 1.0 + 2.8 * len(kinds)), sharey=True, sharex=True, squeeze=False
    )
    for kind, line in zip(kinds, panels, strict=True):
        for axes, sequence in zip(line, PHASES, strict=True):
            runs = rows[(rows.sequence == sequence) & (rows.activation == kind)]
            own = runs[runs.limit == sequence]
            _curve(axes, own, own.dropout_floor, fmt="s--", color="0.45", mfc="white", lw=1.2)
            if (own.floor > 0).any():
                _curve(axes, own, own.floor, fmt="^:", color="0.6", lw=1.2)
            for case in sorted(set(runs.limit) - {sequence}):
                part = runs[runs.limit == case]
                _curve(axes, part, part.distance, fmt="D", color=LIMIT_COLOURS[case], mfc="white")
            _curve(axes, own, own.distance, fmt="o-", color=LIMIT_COLOURS[sequence], lw=1.8)
            axes.set(title=f"{sequence}: {PHASE_NAMES[sequence]}, {kind}", yscale="log")
            _width_axis(axes, rows)
            axes.title.set_fontsize("small")
            axes.axvline(rows.points.max(), color="0.7", lw=1, ls=":")  # from here on only so many are compared
        line[0].set_ylabel(f"$W_1$ (of up to {rows.points.max()} particles)", fontsize="small")
    for axes in panels[:-1].flat:
        axes.set_xlabel("")
    handles = [
        plt.Line2D([], [], color="0.2", marker="o", label="dropout to its limit (colour: of the limit)"),
        plt.Line2D([], [], color="0.2", marker="D", mfc="white", ls="", label="dropout to a limiting case"),
        plt.Line2D([], [], color="0.45", marker="s", mfc="white", ls="--", label="two runs of dropout"),
        plt.Line2D([], [], color="0.6", marker="^", ls=":", label="two copies of the limit"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncol=4, fontsize="small")
    return figure
