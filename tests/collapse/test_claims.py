"""Judges P5-P12 on fabricated evidence: each can say reproduced, not reproduced and inconclusive."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import collapse as judges
from dropatlas.claims.verdicts import Verdict

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY


def noise(count, seed=0):
    """Values with mean 0 and standard deviation 1."""
    values = np.random.default_rng(seed).standard_normal(count)
    return (values - values.mean()) / values.std()


# P5


def decoupling(networks=100, failures=0, blind=False):
    rows = [
        (assumption, path, networks, networks - failures if not path else (networks if blind else 0))
        + (networks if assumption and not path else 0,)
        for assumption in (True, False)
        for path in (True, False)
    ]
    columns = ["assumption", "has_path", "networks", "input_effect_zero", "weight_gradients_zero"]
    return {judges.DECOUPLING: pd.DataFrame(rows, columns=columns)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (decoupling(), REPRODUCED),
        (decoupling(failures=1), REFUTED),
        (decoupling(networks=10), OPEN),
        (decoupling(blind=True), OPEN),
    ],
)
def test_decoupling(evidence, verdict):
    assert judges.judge_decoupling(evidence, {"least_networks": 50, "least_sighted": 0.5}).verdict == verdict


def test_a_gradient_without_a_path_refutes_decoupling():
    evidence = decoupling()
    rows = evidence[judges.DECOUPLING]
    rows.loc[rows.assumption & ~rows.has_path, "weight_gradients_zero"] = 99
    found = judges.judge_decoupling(evidence, {"least_networks": 50, "least_sighted": 0.5})
    assert found.verdict == REFUTED


# P6


def drift(ratio, spread=0.05, crossed=100):
    cells = []
    for number, centre in enumerate([0.2, ratio]):
        frame = pd.DataFrame({"distance": centre + spread * noise(20, number), "bound": 1.0, "crossed_steps": crossed})
        cells.append(frame.assign(width=number, network="tanh", model="site", depth=20, drop_rate=0.5))
    return {judges.DRIFT_BOUND: pd.concat(cells).assign(assumption=True, diverged=False)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [(drift(0.8), REPRODUCED), (drift(1.5), REFUTED), (drift(0.98, spread=0.3), OPEN), (drift(1.5, crossed=1), OPEN)],
)
def test_drift_bound(evidence, verdict):
    assert judges.judge_drift_bound(evidence, {"alpha": 0.01, "least_crossings": 100}).verdict == verdict


def test_a_bound_of_zero_is_kept_by_weights_that_do_not_move():
    rows = pd.DataFrame({"distance": [0.0, 1.0, 1.0], "bound": [0.0, 0.0, 2.0]})
    np.testing.assert_array_equal(judges.bound_ratio(rows), [0.0, np.inf, 0.5])


# P7


def movement(low, high, spread=0.01, learns=True):
    rows = []
    for depth, x, share in ((10, 20.0, high), (100, 0.01, low)):
        for replica, wiggle in enumerate(noise(10)):
            rows.append((depth, "none", "plain", replica, 20.0, 0.5))
            rows.append((depth, "dropout", "plain", replica, x, 0.5 * (share + spread * wiggle)))
    columns = ["depth", "variant", "gain", "replica", "theta_rate_sum", "relative_movement"]
    frame = pd.DataFrame(rows, columns=columns).assign(width=3, step=100, diverged=False, control_learns=learns)
    return {judges.MOVEMENT: frame}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (movement(0.01, 0.5), REPRODUCED),
        (movement(0.3, 0.5), REFUTED),
        (movement(0.01, 0.02), PARTLY),
        (movement(0.1, 0.5, spread=0.2), OPEN),
        (movement(0.01, 0.5, learns=False), OPEN),
    ],
)
def test_movement_boundary(evidence, verdict):
    criterion = {"stays_below": 0.1, "stays": 0.1, "leaves_above": 5.0, "leaves": 0.1}
    assert judges.judge_movement_boundary(evidence, criterion).verdict == verdict


# P8


def success(theta_off=0.0, learned=1.0):
    rows = []
    for width, drop_rate, theta in ((8, 0.6, 0.2), (16, 0.4, 0.999), (32, 0.2, 1.0)):
        for replica, wiggle in enumerate(noise(10)):
            crossed = round(1000 * min(1.0, max(0.0, theta + theta_off)))
            ratio = 1 - 0.7 * learned * theta + 0.01 * wiggle
            does = theta > 0.9 and replica < 10 * learned
            rows.append((width, drop_rate, theta, replica, 1000, crossed, ratio, does))
    columns = ["width", "drop_rate", "theta", "replica", "steps", "crossed_steps", "loss_ratio", "learned"]
    frame = pd.DataFrame(rows, columns=columns).assign(depth=100, variant="dropout", gain="plain", control_learns=True)
    return {judges.WIDTH_DEPTH: frame}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (success(), REPRODUCED),
        (success(theta_off=-0.1), REFUTED),
        (success(learned=0.0), PARTLY),
        (success(learned=0.5), OPEN),
    ],
)
def test_crossings_and_success(evidence, verdict):
    criterion = {"alpha": 0.01, "depth": 100, "high": 0.99, "learns": 0.5}
    assert judges.judge_crossings_and_success(evidence, criterion).verdict == verdict


# P9


def times(slope, spread=0.05, wide_censored=False, thetas=(0.9, 0.5, 0.1, 0.02)):
    rows = []
    for width in (1, 2):
        for theta in thetas:
            for replica, wiggle in enumerate(noise(12, int(100 * theta))):
                steps = 30 * theta**-slope * np.exp(spread * wiggle)
                censored = wide_censored and width == 2
                horizon = 1000 / theta
                rows.append((width, theta, theta, replica, horizon if censored else steps, censored, horizon))
    columns = ["width", "theta", "target_theta", "replica", "steps", "censored", "horizon"]
    frame = pd.DataFrame(rows, columns=columns).assign(
        model="site", goal="movement", diverged=False, control_steps=30.0
    )
    return {judges.LEARNING_TIME: frame}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (times(1.0), REPRODUCED),
        (times(0.5), REFUTED),
        (times(1.5), REFUTED),
        (times(1.0, wide_censored=True), PARTLY),
        (times(1.05, spread=0.5), OPEN),
        (times(1.0, thetas=(0.9, 0.5)), OPEN),
    ],
)
def test_learning_time(evidence, verdict):
    assert judges.judge_learning_time(evidence, {"margin": 0.1, "patience": 2.0}).verdict == verdict


def test_the_slope_leaves_out_censored_theta_as_a_whole():
    runs = times(1.0)[judges.LEARNING_TIME].query("width == 1").copy()
    last = runs.theta == 0.02
    runs.loc[last & (runs.replica < 3), ["censored", "steps"]] = [True, 1.0]
    assert judges.time_slope(runs).contains(1.0)


# P10, P11


def variants(biased_difference, spread=0.01, free_difference=0.0, loss=1.0, share=0.02, theta=0.01, learns=True):
    rows = []
    for biases in (False, True):
        for replica, wiggle in enumerate(noise(12)):
            difference = biased_difference + spread * wiggle if biases else free_difference
            level = loss + 0.01 * wiggle
            rows.append((biases, "none", replica, 0.2, 1.0, 1.0))
            rows.append((biases, "dropout", replica, level, share, theta))
            rows.append((biases, "modified", replica, level + difference, share, theta))
    columns = ["biases", "variant", "replica", "loss_ratio", "relative_movement", "theta"]
    frame = pd.DataFrame(rows, columns=columns).assign(problem="regression", depth=20, width=2, cell_drop_rate=0.5)
    return {judges.VARIANTS: frame.assign(step=100, diverged=False, control_learns=learns, bias_movement=1.0)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (variants(-0.2), REPRODUCED),
        (variants(0.2), REFUTED),
        (variants(0.0, spread=0.001), REFUTED),
        (variants(-0.2, free_difference=0.001), REFUTED),
        (variants(0.0, spread=0.3), OPEN),
    ],
)
def test_modified_dropout(evidence, verdict):
    assert judges.judge_modified_dropout(evidence, {"alpha": 0.05, "margin": 0.02}).verdict == verdict


def test_modified_dropout_that_is_better_here_and_worse_there_is_partly_so():
    two = [variants(difference)[judges.VARIANTS].assign(width=width) for width, difference in ((2, -0.2), (3, 0.2))]
    found = judges.judge_modified_dropout({judges.VARIANTS: pd.concat(two)}, {"alpha": 0.05, "margin": 0.02})
    assert found.verdict == PARTLY
    assert found.n == 24


def test_false_alarms_of_the_paired_judge_stay_at_its_level():
    rng, alarms = np.random.default_rng(4), 0
    frame = variants(0.0)[judges.VARIANTS]
    changed = frame.biases & (frame.variant == "modified")
    for _ in range(200):
        values = frame.loss_ratio + changed * rng.standard_normal(len(frame))
        found = judges.judge_modified_dropout(
            {judges.VARIANTS: frame.assign(loss_ratio=values)}, {"alpha": 0.05, "margin": 0.02}
        )
        alarms += found.verdict != OPEN
    assert 2 <= alarms <= 19  # 10 expected at a level of 5 %; outside with probability 0.7 %


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (variants(0.0), REPRODUCED),
        (variants(0.0, loss=0.5), REFUTED),
        (variants(0.0, share=0.8), PARTLY),
        (variants(0.0, loss=0.95), OPEN),
        (variants(0.0, theta=0.9), OPEN),
        (variants(0.0, learns=False), OPEN),
    ],
)
def test_breakdown_with_biases(evidence, verdict):
    criterion = {"theta": 0.05, "margin": 0.05, "stall": 0.1}
    assert judges.judge_breakdown_with_biases(evidence, criterion).verdict == verdict


# P12


def topologies(residual, convolution, learns=True):
    rows = [
        (topology, replica, replica < count)
        for topology, count in (("plain", 0), ("residual", residual), ("convolution", convolution))
        for replica in range(20)
    ]
    frame = pd.DataFrame(rows, columns=["topology", "replica", "learned"])
    frame = frame.assign(variant="dropout", gain="plain", plain_theta=0.2, control_learns=learns)
    return {judges.TOPOLOGIES: frame}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (topologies(20, 0), REPRODUCED),
        (topologies(0, 20), REFUTED),
        (topologies(20, 20), PARTLY),
        (topologies(10, 0), OPEN),
        (topologies(20, 0, learns=False), OPEN),
    ],
)
def test_topologies(evidence, verdict):
    assert judges.judge_topologies(evidence, {"theta": 0.5}).verdict == verdict
