"""Judges of P9 on fabricated evidence: true, false, half true, undecidable."""

import numpy as np
import pandas as pd
import pytest
from tests.claims.collapse.evidence import OPEN, PARTLY, REFUTED, REPRODUCED, any_beyond, judged, noise, states

from dropatlas.claims.collapse.learning_time import LEARNING_TIME, time_slopes
from dropatlas.stats import mean_interval


def times(slope, wide=None, spread=0.05, wide_censored=False, thetas=(0.9, 0.5, 0.1, 0.02), loss=None):
    rows = []
    cases = [(goal, model, width) for goal in ("movement", "loss") for model in ("site", "bond") for width in (1, 2)]
    for number, (goal, model, width) in enumerate(cases):
        steepness = slope if width == 1 or wide is None else wide
        if goal == "loss" and loss is not None:
            steepness = loss
        for theta in thetas:
            for member, wiggle in enumerate(noise(12, int(100 * theta) + number)):
                steps = 30 * theta**-steepness * np.exp(spread * wiggle)
                censored = wide_censored and width == 2
                horizon = 1000 / theta
                steps = horizon if censored else steps
                rows.append((goal, model, width, theta, theta, member, steps, censored, horizon))
    columns = ["goal", "model", "width", "theta", "target_theta", "seed", "steps", "censored", "horizon"]
    return {LEARNING_TIME: pd.DataFrame(rows, columns=columns).assign(diverged=False, control_steps=30.0)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (times(1.0), REPRODUCED),
        (times(0.5), REFUTED),
        (times(1.0, wide=0.5), PARTLY),
        (times(1.5), REFUTED),
        (times(1.0, wide=1.5), PARTLY),
        (times(1.0, wide_censored=True), PARTLY),
        (times(1.0, loss=0.5), REFUTED),
        (times(1.05, spread=0.5), OPEN),
        (times(1.0, thetas=(0.9, 0.5)), OPEN),
    ],
)
def test_learning_time(evidence, verdict):
    assert judged("P9", evidence).verdict == verdict


def test_the_shown_slope_is_that_of_its_seeds():
    found = judged("P9", times(1.0, wide_censored=True))
    assert states(found) == "hf"
    late = "share of the θ at which a network needs over 2 times the steps foretold"
    assert found.measure == f"{late} (dropconnect, W = 2, until the loss target)"
    assert (found.effect, found.n) == (1.0, 12)
    assert found.parts[0].measure == "slope of log steps against log 1/θ"
    assert found.parts[0].estimate == pytest.approx(1.0, abs=0.05)
    assert "(dropout, W = 1, until " in found.parts[0].sentence
    found = judged("P9", times(1.0, wide=0.5))
    assert found.effect == pytest.approx(0.5, abs=0.05)


def test_the_pure_case_can_fail_alone():
    rows = times(1.0)[LEARNING_TIME]
    pure = (rows.model == "site") & (rows.width == 1)
    rows.loc[pure, "steps"] *= rows.theta[pure] ** -0.3
    assert states(judged("P9", {LEARNING_TIME: rows})) == "fh"


def test_both_goals_and_wider_networks_are_needed():
    rows = times(1.0)[LEARNING_TIME]
    for kept in ("goal == 'movement'", "goal == 'loss'", "model == 'bond'", "model == 'site' and width == 1"):
        assert judged("P9", {LEARNING_TIME: rows.query(kept)}).verdict == OPEN


def test_seeds_whose_control_never_learns_say_nothing_of_the_law():
    rows = times(1.0)[LEARNING_TIME]
    hopeless = (rows.goal == "loss") & (rows.seed < 3)
    rows.loc[hopeless, "control_steps"] = np.nan
    rows.loc[hopeless, "steps"] = rows.horizon[hopeless]
    rows.loc[hopeless, "censored"] = True
    found = judged("P9", {LEARNING_TIME: rows})
    assert found.verdict == REPRODUCED
    assert found.n in (9, 12)


def test_the_slope_leaves_out_censored_theta_as_a_whole():
    runs = times(1.0)[LEARNING_TIME].query("width == 1 and goal == 'movement' and model == 'site'").copy()
    last = runs.theta == 0.02
    runs.loc[last & (runs.seed < 3), ["censored", "steps"]] = [True, 1.0]
    assert mean_interval(time_slopes(runs)).contains(1.0)


@pytest.mark.parametrize("limit", [0.9, 1.1])
def test_slopes_at_the_threshold_are_refuted_in_few_trials(limit):
    rng = np.random.default_rng(11)
    rows = times(limit, spread=0.0)[LEARNING_TIME].query("width == 1")
    seeds = rows.groupby(["goal", "model", "width", "seed"]).ngroup().to_numpy()
    errors = []
    for tilt in rng.normal(0, 0.05, (100, seeds.max() + 1)):
        steps = rows.steps * rows.theta ** -tilt[seeds]
        errors.append(judged("P9", {LEARNING_TIME: rows.assign(steps=steps)}).verdict != OPEN)
    assert np.mean(errors) <= 0.05
    assert any_beyond(rng.normal(limit, 0.05, (2000, 4, 12)), limit, np.sign(limit - 1)) > 0.08
