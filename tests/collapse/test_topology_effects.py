"""Shares of an effect with their interval, and what of the tables on topologies can tell."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.collapse.topology_effects import (
    kept_benefit,
    open_paths,
    paired_differences,
    share_interval,
    undecidable,
)


def test_a_ratio_with_a_sure_denominator_has_the_interval_of_a_mean():
    whole = np.full(6, 2.0)
    part = np.array([0.2, 0.4, 0.6, 0.8, 1.0, 1.2])
    found = share_interval(part, whole)
    half = 2.5705818 * part.std(ddof=1) / np.sqrt(6) / 2  # Student's t, five degrees of freedom
    assert (found.estimate, found.low, found.high) == pytest.approx((0.35, 0.35 - half, 0.35 + half))


def test_a_ratio_needs_seeds_and_an_effect():
    rng = np.random.default_rng(0)
    part, whole = rng.normal(1, 1, 20), rng.normal(0, 1, 20)
    for values in (share_interval(part, whole - whole.mean()), share_interval(part[:4], np.ones(4))):
        assert np.isnan(values.estimate)
        assert (values.low, values.high) == (-np.inf, np.inf)


@pytest.mark.parametrize("count", [10, 20])
@pytest.mark.parametrize("share", [-0.2, 0.0, 0.5, 0.9])
def test_the_interval_of_a_ratio_covers_it(count, share):
    """Spread of the whole as in the pilot: 0.4 of its mean."""
    rng = np.random.default_rng(7)
    covered = []
    for _ in range(600):  # standard error 0.9 %
        whole = rng.normal(1, 0.4, count)
        found = share_interval(share * whole + rng.normal(0, 0.25, count), whole)
        covered.append(found.low <= share <= found.high)
    assert np.mean(covered) >= 0.93


def test_the_kept_benefit_is_paired_over_seeds_and_knows_no_diverged_network():
    rows = [
        ("residual", 8, variant, p, seed, loss + 0.1 * seed, variant == "dropout" and seed == 2)
        for variant, p, loss in (("none", 0.0, 0.1), ("identity", 1.0, 0.4), ("dropout", 0.5, 0.3))
        for seed in range(3)
    ]
    names = ["topology", "width", "variant", "drop_rate", "seed", "scaled_loss_ratio", "diverged"]
    ((cell, (part, whole)),) = kept_benefit(pd.DataFrame(rows, columns=names)).items()
    assert cell == (8, 0.5)
    np.testing.assert_allclose(part, [0.1, 0.1, np.nan])
    np.testing.assert_allclose(whole, 0.3)


def test_paths_are_listed_by_theory_and_as_counted():
    frame = pd.DataFrame(
        {
            "topology": "residual",
            "width": 2,
            "drop_rate": 0.5,
            "variant": "dropout",
            "gain": "plain",
            "steps": 100,
            "theta": 1.0,
            "branch_theta": 0.98,
            "plain_theta": 0.42,
            "crossed_steps": [100, 100],
            "branch_steps": [97, 99],
            "plain_crossed_steps": [40, 42],
        }
    )
    (row,) = open_paths(frame).to_dict("records")
    assert (row["any path"], row["any path, counted"]) == ("1", "1")
    assert (row["besides the identity"], row["besides the identity, counted"]) == ("0.98", "0.98")
    assert (row["every layer"], row["every layer, counted"]) == ("0.42", "0.41")


def test_pairs_and_what_cannot_tell():
    rows = [
        (variant, seed, step, loss, crossed)
        for step in (10, 20)
        for seed in (0, 1)
        for variant, loss, crossed in (("none", 0.1, step), ("dropout", 0.5, 3), ("modified", 0.3 + 0.1 * seed, 3))
    ]
    frame = pd.DataFrame(rows, columns=["variant", "seed", "step", "test_loss_ratio", "crossed_steps"]).assign(
        architecture="plain", biases=True, learning_rate=0.1, diverged=False, control_learns=True
    )
    found = paired_differences(frame, "test_loss_ratio")
    np.testing.assert_allclose(found, [-0.2, -0.1] * 2)
    gone = frame.assign(diverged=(frame.variant == "modified") & (frame.seed == 1))
    assert paired_differences(gone, "test_loss_ratio").isna().tolist() == [False, True] * 2
    assert undecidable(frame, 0.03) == ""
    assert undecidable(frame.assign(control_learns=False), 0.03) == "networks without dropout do not learn"
    assert undecidable(frame.assign(crossed_steps=0), 0.03) == "no step has a path"
    assert undecidable(frame.assign(crossed_steps=frame.step), 0.03) == "every step has a path"
    assert undecidable(gone, 0.03) == "networks diverged"
    for variant, change in (("modified", 0.04), ("dropout", -0.04)):
        moved = frame.test_loss_ratio + change * ((frame.variant == variant) & (frame.step == 20))
        assert undecidable(frame.assign(test_loss_ratio=moved), 0.03) == "not at its plateau"
