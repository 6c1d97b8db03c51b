"""Judges of P8 on fabricated evidence: true, false, half true, undecidable."""

import numpy as np
import pandas as pd
import pytest
from tests.claims.collapse.evidence import OPEN, PARTLY, REFUTED, REPRODUCED, judged, noise, states

from dropatlas.claims.collapse.trainability import WIDTH_DEPTH


def success(theta_off=0.0, learned=1.0, steps=1000, falls=False):
    rows = []
    for width, drop_rate, theta in ((8, 0.6, 0.2), (16, 0.4, 0.999), (32, 0.2, 1.0)):
        for member, wiggle in enumerate(noise(10)):
            crossed = round(steps * min(1.0, max(0.0, theta + theta_off)))
            ratio = 1 - 0.7 * learned * (1.1 - theta if falls else theta) + 0.01 * wiggle
            does = (theta < 0.9 if falls else theta > 0.9) and member < 10 * learned
            rows.append((width, drop_rate, theta, member, steps, crossed, ratio, does))
    columns = ["width", "drop_rate", "theta", "seed", "steps", "crossed_steps", "loss_ratio", "learned"]
    frame = pd.DataFrame(rows, columns=columns).assign(depth=100, variant="dropout", gain="plain", control_learns=True)
    return {WIDTH_DEPTH: frame.assign(diverged=False)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (success(), REPRODUCED),
        (success(theta_off=-0.1, learned=0.0), REFUTED),
        (success(theta_off=-0.1), PARTLY),
        (success(learned=0.0), PARTLY),
        (success(falls=True), PARTLY),
        (success(learned=0.5), OPEN),
    ],
)
def test_crossings_and_success(evidence, verdict):
    assert judged("P8", evidence).verdict == verdict


def test_wrong_crossings_show_the_worst_deviation():
    found = judged("P8", success(theta_off=-0.1))
    assert states(found) == "fh"
    assert found.measure == "share of masks with a path in excess of θ (p = 0.4, W = 16, L = 100)"
    assert found.effect == pytest.approx(-0.1)
    assert -0.2 < found.low < found.high < 0
    assert found.n == 10_000
    assert ", L = 100, decides among 3)" in found.reason


def test_few_masks_do_not_show_that_crossings_agree():
    evidence = success(steps=4)
    rows = evidence[WIDTH_DEPTH]
    rows.loc[rows.theta == 0.2, "crossed_steps"] = [2, 2, 2, 2, 1, 1, 1, 1, 1, 1]  # 14 of 40, p-value 0.02
    found = judged("P8", evidence)
    assert found.verdict == OPEN
    assert found.effect == pytest.approx(0.15)
    assert "not clear enough when all tests are counted" in found.reason


def test_success_that_does_not_vary_has_no_correlation():
    rows = success()[WIDTH_DEPTH]
    found = judged("P8", {WIDTH_DEPTH: rows.assign(learned=True)})
    assert (found.verdict, states(found)) == (OPEN, "ho")
    assert np.isnan(found.effect)
    assert "(success does not vary, one of 2)" in found.reason
    found = judged("P8", {WIDTH_DEPTH: rows.assign(learned=False)})  # but none learns where nearly all masks have paths
    assert (found.effect, found.n) == (0.0, 10)
    assert found.measure == "share of seeds in which most networks with θ near 1 learn (L = 100 and θ >= 0.99)"


def test_success_that_falls_with_theta_fails_by_its_correlation():
    rows = success()[WIDTH_DEPTH].assign(learned=True)
    rows = pd.concat([rows, rows.assign(seed=rows.seed + 10)], ignore_index=True)
    rows.loc[(rows.theta > 0.9) & (rows.seed < 4), "learned"] = False
    found = judged("P8", {WIDTH_DEPTH: rows})
    assert states(found) == "hf"
    assert found.measure == "rank correlation of θ and the share of networks that learn"
    assert found.effect == pytest.approx(-0.816, abs=0.001)


def test_success_needs_networks_that_learn_without_dropout_and_have_paths():
    rows = success()[WIDTH_DEPTH]
    for kept in (rows.assign(control_learns=False), rows[rows.theta < 0.9], rows[:0], rows.assign(depth=10)):
        assert judged("P8", {WIDTH_DEPTH: kept}).verdict == OPEN


def test_crossings_at_another_depth_do_not_count():
    rows = success()[WIDTH_DEPTH]
    shallow = rows.assign(depth=10, crossed_steps=0)
    assert judged("P8", {WIDTH_DEPTH: pd.concat([rows, shallow])}).verdict == REPRODUCED
