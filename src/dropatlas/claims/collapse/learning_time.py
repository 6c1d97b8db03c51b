"""Judges of training collapse (arXiv 2512.13853, Section V), P9, P15 and P22: how long learning takes."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import all_known, exact_check, mean_check, never_check, no_number, ratio_check, share_check
from dropatlas.claims.parts import Check, Part, decide
from dropatlas.claims.verdicts import Judgement
from dropatlas.collapse.effects import growth_by_seed, there_at_start, time_pairs
from dropatlas.collapse.members import GAINS, MASKED

LEARNING_TIME = "collapse/learning_time"
DEPTH_LAW = "collapse/depth_law"

GOALS = {"movement": "until weights have moved", "loss": "until the loss target"}
GAIN_NAMES = {"plain": "gain 1", "compensated": "gain 1/√q"}
TIME_RATIO = "steps times θ over the steps without dropout"
GROWTH = "rise of log steps per layer, relative to no dropout, over the decay rate of θ"


def _crossing_checks(rows: pd.DataFrame, cell: list[str], margin: float) -> Iterator[Check]:
    """That masks have a path as often as θ says, in every cell; a network counts once, whatever its gain and goal."""
    networks = rows.drop_duplicates([*cell, "seed"])
    for key, runs in networks.groupby(cell):
        theta, where = runs.theta.iloc[0], ", ".join(f"{name} {value}" for name, value in zip(cell, key, strict=True))
        band = (theta * (1 - margin), theta * (1 + margin))
        found = share_check(f"control: {where}", int(runs.crossed_steps.sum()), int(runs.horizon.sum()), band)
        yield replace(found, measure="share of steps with a path")


def _time_cells(rows: pd.DataFrame, most: float) -> Iterator[tuple[str, pd.DataFrame]]:
    """Runs by cell whose control arrives: at most the share `most` of its runs do not within their horizon.

    Seeds whose control is there before training are left out, for both goals.
    """
    for (model, width, theta, goal), runs in rows[~there_at_start(rows)].groupby(
        ["model", "width", "target_theta", "goal"]
    ):
        if runs.control_censored.mean() <= most:
            yield f"{MASKED[model]}, W = {width}, θ = {theta:g}, {GOALS[goal]}", runs


def _left_out(rows: pd.DataFrame) -> str:
    """How many networks `_time_cells` leaves out, in words; nothing if none."""
    networks = rows.assign(there=there_at_start(rows)).drop_duplicates(["width", "seed"])
    lost, count = int(networks.there.sum()), len(networks)
    return f"{lost} of {count} networks, at the loss target before training, are left out" if lost else ""


def judge_p9(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P9: at the initial gain 1 learning takes at least 1/θ times the steps that it takes without dropout.

    One part, at gain 1 (networks that start as their controls). In every wider network, for every θ and both goals, the
    ratio of mean times, times θ, must be at least 1 - `margin`. Times end at the horizon, which is the control's over
    θ. Controls in the same part: at W = 1, where a mask of dropout cuts or spares everything, the ratio must be 1 up to
    `control`, and masks must have a path as often as θ says, up to `margin`. Cells more than the share `most_censored`
    of whose networks do not arrive without dropout decide nothing; controls that do not count as their horizon, too.
    """
    rows = tables[LEARNING_TIME].query("gain == 'plain'")
    most, margin = criterion["most_censored"], criterion["margin"]
    pure, norm = (rows.model == "site") & (rows.width == 1), (0.0, np.inf)
    least, around = (1 - margin, np.inf), (1 - criterion["control"], 1 + criterion["control"])
    wide = [ratio_check(name, *time_pairs(runs), least, support=norm) for name, runs in _time_cells(rows[~pure], most)]
    control = [
        ratio_check(f"control: {name}", *time_pairs(runs), around, support=norm)
        for name, runs in _time_cells(rows[pure], most)
    ]
    checks = [
        *(wide or [no_number("no wider network learns without dropout", least)]),
        *(control or [no_number("control: no network of width 1", around)]),
        *_crossing_checks(rows, ["model", "width", "target_theta"], margin),
    ]
    censored = rows[~pure & ~there_at_start(rows)].censored.mean()
    told = f"{censored:.0%} of these runs end before they get there" if censored > 0 else ""
    context = "; ".join(filter(None, [told, _left_out(rows)]))
    return decide([Part("learning takes at least 1/θ as long at gain 1", TIME_RATIO, checks)], context)


def judge_p22(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P22: 1/θ is also enough: learning takes at most `most` times what missing paths ask for.

    Two parts, the initial gain 1 and 1/√q: in every wider network, for every θ and both goals, the ratio of mean times,
    times θ, must be at most `most`. A run that does not arrive counts as the horizon, which is less than its time: a
    cell with more than the share `most_censored` of such runs can fail, but not hold.
    """
    rows = tables[LEARNING_TIME].query("width > 1")
    parts = []
    for gain in GAINS:
        checks = []
        for name, runs in _time_cells(rows[rows.gain == gain], criterion["most_censored"]):
            found = ratio_check(name, *time_pairs(runs), (-np.inf, criterion["most"]), support=(0.0, np.inf))
            hidden = runs.censored.mean() > criterion["most_censored"]
            checks.append(replace(found, p_holds=1.0) if hidden else found)
        none = "no cell that learns without dropout"
        parts.append(Part(f"1/θ is enough at {GAIN_NAMES[gain]}", TIME_RATIO, checks, why_open=none))
    return decide(parts, _left_out(rows))


def _growth_checks(
    rows: pd.DataFrame, most_censored: float, criterion: Mapping[str, float], band: tuple[float, float]
) -> Iterator[Check]:
    """The growth of time over depth of every kind of network against a band; kinds with too few depths are left out."""
    for (model, width, goal), runs in rows.groupby(["model", "width", "goal"]):
        growth = growth_by_seed(runs, most_censored, criterion["most_censored"], int(criterion["least_depths"]))
        if len(growth):
            yield mean_check(f"{MASKED[model]}, W = {width}, {GOALS[goal]}", all_known(growth), band)


def _decay_checks(rows: pd.DataFrame, margin: float) -> Iterator[Check]:
    """That θ decays between the two deepest networks by the rate per layer that is stated."""
    for (model, width), runs in rows.groupby(["model", "width"]):
        theta = runs.groupby("depth").theta.first().tail(2)
        if len(theta) == 2:
            rate = -np.log(theta.iloc[1] / theta.iloc[0]) / (theta.index[1] - theta.index[0])
            where = f"control: {MASKED[model]}, W = {width}"
            found = exact_check(where, float(rate / runs.layer_rate.iloc[0]), (1 - margin, 1 + margin))
            yield replace(found, measure="decay of θ per layer over the rate stated")


def judge_p15(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P15: the sum of learning rates needed to learn grows exponentially with depth, as 1/θ does.

    The number is the slope over L of log(sum of learning rates until the goal, relative to the network without dropout
    of the same depth and seed), one per seed, over the decay rate of θ per layer. Four parts. At a constant and at a
    falling rate it must be at least 1 - `margin` in every wider network of gain 1, for both goals. At each gain
    (constant rate) it must be 1 up to `sharp`: growth just as fast as that of 1/θ, neither faster nor slower.

    A run that does not arrive counts as its horizon, which is less than its time, and the same multiple of 1/θ at every
    depth: it pulls a slope towards 1, down where the slope is above 1, up where it is below. Depths at which more than
    the share `half_censored` of runs do not arrive are left out of the lower bounds, more than `most_censored` out of
    the equalities; and everywhere depths at which more than `most_censored` of the controls do not, since their horizon
    makes the ratio larger. Kinds of network with fewer than `least_depths` left decide nothing. Controls in
    the first two parts: dropout of W = 1 must have a slope of 1 up to `sharp`, masks a path as often as θ says and θ
    the decay stated, up to `margin` and `decay`, and computing steps without a path must change no bit.
    """
    rows = tables[DEPTH_LAW]
    margin, sharp = criterion["margin"], criterion["sharp"]
    equal, parts = (1 - sharp, 1 + sharp), []
    names = {
        "constant": "at a constant learning rate steps grow at least as fast as 1/θ",
        "falling": "at a falling learning rate the sum of rates grows at least as fast as 1/θ",
    }
    none = f"no wider network with {criterion['least_depths']:g} depths at which it learns"
    for schedule, name in names.items():
        everything = rows[rows.schedule == schedule]
        runs = everything[everything.gain == "plain"]
        below = (1 - margin, np.inf)
        wide = list(_growth_checks(runs[runs.width > 1], criterion["half_censored"], criterion, below))
        pure = list(_growth_checks(runs[runs.width == 1], criterion["most_censored"], criterion, equal))
        networks = everything.drop_duplicates(["model", "width", "depth", "gain", "seed"])
        change = never_check("control", int(networks.differs.sum()), len(networks), len(networks))
        checks = [
            *(wide or [no_number(none, below)]),
            *(replace(check, where=f"control: {check.where}") for check in pure),
            *([] if pure else [no_number("control: no network of width 1", equal)]),
            *_crossing_checks(runs, ["model", "width", "depth"], margin),
            *_decay_checks(runs, criterion["decay"]),
            replace(change, measure="share of networks that a step without a path changes"),
        ]
        parts.append(Part(name, GROWTH, checks))
    for gain in GAINS:
        runs = rows[(rows.schedule == "constant") & (rows.gain == gain) & (rows.width > 1)]
        checks = list(_growth_checks(runs, criterion["most_censored"], criterion, equal))
        parts.append(Part(f"steps grow just as fast as 1/θ at {GAIN_NAMES[gain]}", GROWTH, checks, why_open=none))
    return decide(parts)
