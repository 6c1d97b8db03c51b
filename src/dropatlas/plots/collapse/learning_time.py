"""Figures on the steps that learning takes: against 1/θ, and against depth."""

from collections.abc import Mapping
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from dropatlas.collapse.effects import growth_by_seed, there_at_start, time_pairs
from dropatlas.collapse.members import GAINS
from dropatlas.plots.collapse.shared import GAIN_LABELS, error_bar
from dropatlas.plots.style import COLOURS, MODEL_LABELS
from dropatlas.stats import known_seeds, mean_interval, ratio_interval

GOAL_LABELS = {"movement": "until weights have moved", "loss": "until the loss target"}
MARKERS = {"site": "o", "bond": "s"}


def _colours(rows: pd.DataFrame) -> dict[int, tuple[float, float, float]]:
    return dict(zip(sorted(rows.width.unique()), (COLOURS[7], COLOURS[0], COLOURS[1], COLOURS[2]), strict=False))


def _network_handles(rows: pd.DataFrame) -> list[plt.Line2D]:
    kinds = sorted({(model, width) for model, width in zip(rows.model, rows.width, strict=True)}, reverse=True)
    colours = _colours(rows)
    return [
        plt.Line2D(
            [], [], color=colours[width], marker=MARKERS[model], ls="", label=f"{MODEL_LABELS[model]}, $W$={width}"
        )
        for model, width in sorted(kinds, key=lambda kind: (kind[0] == "bond", kind[1]))
    ]


def _plain_numbers(axis: Axis, ticks: list[float] | None = None) -> None:
    """Ticks of a logarithmic axis as plain numbers, and none between them."""
    if ticks is not None:
        axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(NullLocator())


def learning_time(rows: pd.DataFrame, lower: Mapping[str, float], upper: Mapping[str, float]) -> Figure:
    """Mean steps times θ over those without dropout, with 95 % intervals, over 1/θ; hollow: a lower bound.

    Args:
        rows: Table `collapse/learning_time`.
        lower: Criterion of P9; 1 - `margin` is drawn, and above which share of runs that do not arrive a mean is a
            lower bound (`most_censored`).
        upper: Criterion of P22; `most` is drawn.
    """
    colours, rows = _colours(rows), rows[~there_at_start(rows)]
    figure, panels = plt.subplots(1, 4, figsize=(15, 4.3), sharey=True, sharex=True)
    kinds = list(colours)
    for axes, (gain, goal) in zip(panels, product(GAINS, GOAL_LABELS), strict=True):
        for (model, width, theta), runs in rows[(rows.gain == gain) & (rows.goal == goal)].groupby(
            ["model", "width", "target_theta"]
        ):
            steps, control = time_pairs(runs)
            if not np.isfinite(steps).all() or runs.control_censored.mean() > lower["most_censored"]:
                continue
            shift = 1 + 0.05 * (2 * kinds.index(width) + (model == "bond") - len(kinds) + 0.5)
            filled = runs.censored.mean() <= lower["most_censored"]
            style = {"color": colours[width], "mfc": colours[width] if filled else "white"}
            error_bar(
                axes, shift / theta, ratio_interval(steps, control), fmt=MARKERS[model], ms=5.5, capsize=2.5, **style
            )
        if gain == "plain":
            axes.axhline(1 - lower["margin"], color="0.2", lw=1.2)
        axes.axhline(upper["most"], color="0.2", lw=1.2, ls="--")
        axes.set(title=f"{GAIN_LABELS[gain]}\n{GOAL_LABELS[goal]}", xlabel="$1/\\theta$", xscale="log", yscale="log")
        axes.set_xticks([1 / theta for theta in rows.target_theta.unique()], minor=False)
        _plain_numbers(axes.xaxis)
        _plain_numbers(axes.yaxis, [0.5, 1, 2, 5, 10, 20, 50])
    panels[0].set_ylabel("steps $\\times\\ \\theta$ / steps without dropout")
    handles = [
        *_network_handles(rows),
        plt.Line2D(
            [], [], color="0.4", marker="o", mfc="white", ls="", label="a lower bound: runs\nend before the goal"
        ),
        plt.Line2D([], [], color="0.2", lw=1.2, label="at least this (P9)"),
        plt.Line2D([], [], color="0.2", lw=1.2, ls="--", label="at most this (P22)"),
    ]
    panels[-1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def depth_law(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Figure:
    """Time to move the weights relative to no dropout over L, and how fast it grows against the decay of θ.

    Args:
        rows: Table `collapse/depth_law`.
        criterion: Of P15: limits drawn in the right panel, and which depths count.
    """
    figure, panels = plt.subplots(1, 4, figsize=(17.5, 4.8), width_ratios=[1, 1, 1, 1.2])
    shown = [("constant", "plain"), ("constant", "compensated"), ("falling", "plain")]
    for axes, (schedule, gain) in zip(panels[:3], shown, strict=True):
        runs = rows[(rows.schedule == schedule) & (rows.gain == gain) & (rows.goal == "movement")]
        _growing_times(axes, runs, _colours(rows), criterion)
        axes.set(title=f"{schedule} learning rate\n{GAIN_LABELS[gain]}", xlabel="hidden layers $L$", yscale="log")
        axes.set_xticks(sorted(runs.depth.unique()))
        _plain_numbers(axes.yaxis, [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000])
    panels[0].set_ylabel("steps to move, relative to no dropout")
    panels[2].set_ylabel("sum of learning rates to move, relative")
    _growth_rates(panels[3], rows, criterion)
    handles = [
        *_network_handles(rows),
        plt.Line2D([], [], color="0.5", lw=1.2, label="growth of $1/\\theta$"),
        plt.Line2D([], [], color="0.4", marker="o", mfc="white", ls="", label="a lower bound"),
    ]
    panels[-1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def _growing_times(
    axes: Axes, rows: pd.DataFrame, colours: Mapping[int, tuple[float, float, float]], criterion: Mapping[str, float]
) -> None:
    """Geometric mean of the relative time of every kind of network over depth, and a line that rises like 1/θ."""
    for (model, width), runs in rows.groupby(["model", "width"]):
        kept = runs[~runs.diverged]
        for depth, cell in kept.groupby("depth"):
            log = mean_interval(np.log(cell.rate_sum / cell.control_rate_sum).to_numpy())
            filled = cell.censored.mean() <= criterion["most_censored"]
            mfc = colours[width] if filled else "white"
            low, middle, high = np.exp([log.low, log.estimate, log.high])
            shift = 0.07 * (2 * list(colours).index(width) + (model == "bond") - 2)
            error = [[middle - low], [high - middle]]
            axes.errorbar(
                depth + shift, middle, error, fmt=MARKERS[model], ms=5, capsize=2, color=colours[width], mfc=mfc
            )
    depths = np.array([rows.depth.min(), rows.depth.max()])
    axes.plot(depths, np.exp(rows.layer_rate.iloc[0] * depths), color="0.5", lw=1.2, zorder=0)


def _growth_rates(axes: Axes, rows: pd.DataFrame, criterion: Mapping[str, float]) -> None:
    """Growth over the decay rate of θ of every kind of network that can tell, with the limits it is judged by."""
    colours, place, labels = _colours(rows), 0, []
    for (schedule, gain), some in rows.groupby(["schedule", "gain"], sort=False):
        for (goal, model, width), runs in some.groupby(["goal", "model", "width"], sort=False):
            most = criterion["half_censored"] if gain == "plain" else criterion["most_censored"]
            growth = known_seeds(growth_by_seed(runs, most, criterion["most_censored"], int(criterion["least_depths"])))
            if not len(growth):
                continue
            found = mean_interval(growth)
            error = [[found.estimate - found.low], [found.high - found.estimate]]
            axes.errorbar(
                found.estimate, place, xerr=error, fmt=MARKERS[model], ms=5, capsize=2.5, color=colours[width]
            )
            size = "gain 1" if gain == "plain" else "gain $1/\\sqrt{q}$"
            labels.append(f"{schedule}, {size}, {goal}")
            place += 1
    axes.axvspan(1 - criterion["sharp"], 1 + criterion["sharp"], color="0.85", lw=0, zorder=0)
    axes.axvline(1 - criterion["margin"], color="0.2", lw=1.2)
    axes.set_yticks(range(place), labels, fontsize="x-small")
    axes.invert_yaxis()
    axes.set(
        xlabel="growth per layer / decay rate of $\\theta$",
        title="line: at least (gain 1)\ngrey: just as fast",
        xlim=(0, None),
    )
