"""Judges of training collapse (arXiv 2512.13853, Section V), P9: how long learning takes."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import (
    ANYWHERE,
    mean_check,
    no_number,
)
from dropatlas.claims.parts import Check, Part, decide
from dropatlas.claims.verdicts import Judgement
from dropatlas.collapse.members import MASKED

LEARNING_TIME = "collapse/learning_time"


GOALS = {"movement": "until weights have moved", "loss": "until the loss target"}


def time_slopes(runs: pd.DataFrame) -> np.ndarray:
    """Slope of log steps against log 1/θ of every seed; their mean is the slope of the mean.

    Only θ at which no run is censored are used: a censored run is a time beyond the horizon, and leaving out just
    that run would bias the slope. Empty if fewer than three θ remain.

    Args:
        runs: Rows of one model, width and goal.
    """
    open_ended = runs.groupby("target_theta").censored.any()
    used = runs[runs.target_theta.isin(open_ended.index[~open_ended])]
    table = np.log(used.pivot(index="theta", columns="seed", values="steps")).dropna(axis=1)
    if len(table) < 3:
        return np.empty(0)
    x = -np.log(table.index.to_numpy())
    x = x - x.mean()
    return (x @ table.to_numpy()) / (x @ x)


def _time_checks(name: str, runs: pd.DataFrame, criterion: Mapping[str, float]) -> list[Check]:
    """That steps grow like 1/θ, and that most runs are not far behind it."""
    margin, patience = criterion["margin"], criterion["patience"]
    late = (runs.steps > patience * runs.control_steps / runs.theta).groupby(runs.seed).mean()
    lateness = mean_check(name, late.to_numpy(), (-np.inf, 0.5), support=(0.0, 1.0))
    measure = f"share of the θ at which a network needs over {patience:g} times the steps foretold"
    return [mean_check(name, time_slopes(runs), (1 - margin, 1 + margin)), replace(lateness, measure=measure)]


def judge_p9(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P9: steps needed (to leave initialisation, and to reach the loss target) grow like 1/θ.

    The number is the slope of log steps against log 1/θ, one per seed (paired across θ). Two parts: the pure case,
    dropout of width 1, where a mask cuts or spares the whole network, and all others (wider networks; dropconnect,
    which also takes input edges). A part holds if in every case, for both goals, the slope lies within 1 ± `margin`,
    and at most half of the runs need over `patience` times the control's steps times 1/θ. Seeds whose horizon is not
    beyond `patience` times the steps foretold, or whose control never arrives, are left out.
    """
    rows = tables[LEARNING_TIME].query("not diverged")
    rows = rows[rows.horizon > criterion["patience"] * rows.control_steps / rows.theta]
    pure: list[Check] = []
    others: list[Check] = []
    for (model, width, goal), runs in rows.groupby(["model", "width", "goal"]):
        own = pure if (model, width) == ("site", 1) else others
        own += _time_checks(f"{MASKED[model]}, W = {width}, {GOALS[goal]}", runs, criterion)
    seen = rows.query("model == 'site' and width == 1").goal.unique()
    pure += [no_number(f"dropout, W = 1, {told}", ANYWHERE) for goal, told in GOALS.items() if goal not in seen]
    slope = "slope of log steps against log 1/θ"
    return decide(
        [
            Part("steps grow like 1/θ where a mask cuts or spares the whole network", slope, pure),
            Part("steps grow like 1/θ in wider networks and under dropconnect", slope, others),
        ]
    )
