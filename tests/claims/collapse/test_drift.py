"""Judges of P6 and P7 on fabricated evidence: true, false, half true, undecidable."""

import numpy as np
import pandas as pd
import pytest
from tests.claims.collapse.evidence import OPEN, PARTLY, REFUTED, REPRODUCED, any_beyond, judged, noise

from dropatlas.claims.collapse.drift import DRIFT_BOUND, MOVEMENT, bound_ratio

# P6


def drift(ratio, spread=0.05, crossed=100):
    cells = []
    for number, centre in enumerate([0.2, ratio]):
        frame = pd.DataFrame({"distance": centre + spread * noise(20, number), "bound": 1.0, "crossed_steps": crossed})
        cells.append(frame.assign(width=number, network="tanh", model="site", depth=20, drop_rate=0.5))
    rows = pd.concat(cells, ignore_index=True)
    return {DRIFT_BOUND: rows.assign(assumption=True, diverged=False)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [(drift(0.8), REPRODUCED), (drift(1.5), REFUTED), (drift(0.98, spread=0.3), OPEN), (drift(1.5, crossed=1), OPEN)],
)
def test_drift_bound(evidence, verdict):
    assert judged("P6", evidence).verdict == verdict


def test_the_shown_drift_is_that_of_the_seeds_of_one_cell():
    found = judged("P6", drift(0.8))
    assert found.effect == pytest.approx(0.8)
    assert found.n == 20
    found = judged("P6", drift(1.5))
    assert found.effect == pytest.approx(1.5)
    assert found.low > 1
    assert found.reason.startswith("fails: weights move less than the bound: mean movement over its bound is 1.5")


def test_a_norm_has_no_negative_end():
    rows = drift(0.5)[DRIFT_BOUND]
    dead = (rows.width == 1) & (rows.groupby("width").cumcount() > 1)
    rows.loc[dead, "distance"] = 0.0
    found = judged("P6", {DRIFT_BOUND: rows})
    assert found.low == 0 < found.effect < found.high < 1


@pytest.mark.parametrize(("seeds", "share"), [(20, 1.0), (2, 0.1)])
def test_movement_against_a_bound_of_zero_refutes(seeds, share):
    evidence = drift(0.5)
    evidence[DRIFT_BOUND].loc[20 : 20 + seeds - 1, "bound"] = 0.0
    found = judged("P6", evidence)
    assert found.verdict == REFUTED
    assert (found.effect, found.n) == (share, 20)
    assert found.low > 0


def test_networks_without_any_gradient_neither_confirm_nor_refute_the_drift_bound():
    rows = drift(0.5)[DRIFT_BOUND].assign(distance=0.0, bound=0.0)
    assert judged("P6", {DRIFT_BOUND: rows}).verdict == OPEN


@pytest.mark.parametrize("column", ["distance", "bound"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_drift_that_is_no_number_neither_refutes_nor_confirms(column, value):
    evidence = drift(0.5)
    evidence[DRIFT_BOUND].loc[25, column] = value
    assert judged("P6", evidence).verdict == OPEN


def test_a_bound_of_zero_is_kept_by_weights_that_do_not_move():
    rows = pd.DataFrame({"distance": [0.0, 1.0, 1.0, 1.0], "bound": [0.0, 0.0, 2.0, np.nan]})
    np.testing.assert_array_equal(bound_ratio(rows), [0.0, np.inf, 0.5, np.nan])


# P7


def movement_of(low, high, learns=True):
    """Shares of the control's movement below and above the boundary, shapes (cells, seeds)."""
    cells = [(100, 0.01, width, shares) for width, shares in enumerate(low)]
    cells += [(10, 20.0, width, shares) for width, shares in enumerate(high)]
    columns = ["depth", "width", "variant", "theta_rate_sum", "seed", "relative_movement"]
    rows = [
        (depth, width, variant, x, member, 0.5 * share if variant == "dropout" else 0.5)
        for depth, x, width, shares in cells
        for member, share in enumerate(shares)
        for variant in ("none", "dropout")
    ]
    frame = pd.DataFrame(rows, columns=columns).assign(gain="plain", step=100, diverged=False, control_learns=learns)
    return {MOVEMENT: frame}


def movement(low, high, spread=0.01, learns=True):
    return movement_of([low + spread * noise(10)], [high + spread * noise(10)], learns)


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (movement(0.01, 0.5), REPRODUCED),
        (movement(0.3, 0.02), REFUTED),
        (movement(0.3, 0.5), PARTLY),
        (movement(0.01, 0.02), PARTLY),
        (movement(0.1, 0.5, spread=0.2), OPEN),
        (movement(0.01, 0.1, spread=0.2), OPEN),
        (movement(0.01, 0.5, learns=False), OPEN),
    ],
)
def test_movement_boundary(evidence, verdict):
    assert judged("P7", evidence).verdict == verdict


@pytest.mark.parametrize("depth", [10, 100])
def test_one_side_of_the_boundary_can_fail_alone_but_not_hold(depth):
    for shares, verdict in (((0.01, 0.5), OPEN), ((0.3, 0.02), REFUTED)):
        rows = movement(*shares)[MOVEMENT]
        assert judged("P7", {MOVEMENT: rows[rows.depth == depth]}).verdict == verdict


def test_the_shown_movement_is_that_of_the_seeds_of_one_cell():
    still, moving = np.zeros((4, 20)), 0.5 + 0.01 * noise(20)
    found = judged("P7", movement_of(still, [*still[:3], moving]))
    assert found.verdict == PARTLY
    assert (found.effect, found.n) == (0.0, 20)
    assert found.reason.startswith(
        "fails: weights leave where θ·Σα >= 5: movement over that without dropout is 0, at least 0.1 required "
        "(L = 10, W = 0, plain gain, θ·Σα = 20, decides among 4), so something else than missing paths holds them"
    )
    found = judged("P7", movement_of(still, [moving]))
    assert found.verdict == REPRODUCED
    assert found.n == 20
    assert found.low < found.effect < found.high


def test_movement_that_is_no_number_neither_refutes_nor_confirms():
    broken = movement(0.3, 0.5)[MOVEMENT]
    broken.loc[(broken.variant == "dropout") & (broken.depth == 100) & (broken.seed == 3), "relative_movement"] = np.nan
    assert judged("P7", {MOVEMENT: broken}).verdict == OPEN


def test_movement_at_the_threshold_is_refuted_in_few_trials():
    shares = np.random.default_rng(7).normal(0.1, 0.05, (120, 2, 6, 10))
    errors = [judged("P7", movement_of(low, high)).verdict != OPEN for low, high in shares]
    assert np.mean(errors) <= 0.05
    assert any_beyond(np.concatenate([shares[:, 0], 0.2 - shares[:, 1]], axis=1), 0.1, 1) > 0.15
