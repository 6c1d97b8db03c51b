"""Judges of P12 on fabricated evidence: true, false, half true, undecidable."""

import numpy as np
import pandas as pd
import pytest
from tests.claims.collapse.evidence import OPEN, PARTLY, REFUTED, REPRODUCED, judged

from dropatlas.claims.collapse.topologies import TOPOLOGIES


def topologies(residual, rare, common=20, learns=True):
    """How many of 20 residual and of 20 convolutional networks with few paths learn, and of those with many."""
    cells = [
        ("plain", 3, 0.7, 0),
        ("residual", 1, 0.3, 0),
        ("residual", 1, 0.1, 0),
        ("residual", 3, 0.7, residual),
        ("residual", 3, 0.1, 20),
        ("convolution", 1, 0.3, rare),
        ("convolution", 3, 0.7, rare),
        ("convolution", 1, 0.1, common),
        ("convolution", 3, 0.1, common),
    ]
    rows = [(*cell[:3], member, member < cell[3]) for cell in cells for member in range(20)]
    frame = pd.DataFrame(rows, columns=["topology", "width", "drop_rate", "seed", "learned"])
    frame["theta_rate_sum"] = frame.drop_rate.map({0.1: 12.0, 0.3: 0.08, 0.7: 0.02})
    return {TOPOLOGIES: frame.assign(variant="dropout", gain="plain", control_learns=learns, diverged=False)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (topologies(20, 0), REPRODUCED),
        (topologies(0, 20), REFUTED),
        (topologies(0, 0, common=0), REFUTED),
        (topologies(20, 20), PARTLY),
        (topologies(20, 0, common=0), PARTLY),
        (topologies(0, 0), PARTLY),
        (topologies(10, 0), OPEN),
        (topologies(20, 0, common=10), OPEN),
        (topologies(20, 0, learns=False), OPEN),
    ],
)
def test_topologies(evidence, verdict):
    assert judged("P12", evidence).verdict == verdict


def test_a_convolution_that_never_learns_does_not_show_the_threshold():
    found = judged("P12", topologies(20, 0, common=0))
    assert (found.effect, found.n) == (0.0, 20)
    assert found.reason.startswith(
        "fails: the threshold holds for convolutional networks: share of networks that learn is 0% [0%, 17%], at least "
        "50% required (convolution, W = 1, p = 0.1"
    )


def test_wider_convolutions_must_obey_the_threshold_too():
    rows = topologies(20, 0)[TOPOLOGIES]
    rows.loc[(rows.topology == "convolution") & (rows.width == 3), "learned"] = False
    assert judged("P12", {TOPOLOGIES: rows}).verdict == PARTLY


@pytest.mark.parametrize(
    "absent",
    [
        "topology == 'residual'",
        "topology == 'convolution'",
        "topology == 'convolution' and theta_rate_sum < 1",
        "topology == 'convolution' and theta_rate_sum > 1",
        "topology == 'residual' and theta_rate_sum < 1",
    ],
)
def test_topologies_of_every_kind_are_needed_on_both_sides_of_the_threshold(absent):
    rows = topologies(20, 0)[TOPOLOGIES]
    for sum_of_rates in (np.nan, 1.0):  # absent, or too near to the threshold
        moved = rows.assign(theta_rate_sum=rows.theta_rate_sum.mask(rows.eval(absent), sum_of_rates))
        found = judged("P12", {TOPOLOGIES: moved.dropna()})
        assert found.verdict == OPEN
        assert "there are too few numbers (" in found.reason


def test_networks_that_diverged_do_not_count_as_failures():
    rows = topologies(20, 0)[TOPOLOGIES]
    rows.loc[(rows.topology == "convolution") & (rows.drop_rate > 0.1), "diverged"] = True
    assert judged("P12", {TOPOLOGIES: rows}).verdict == OPEN


def test_shares_at_one_half_are_refuted_in_few_trials():
    counts = np.random.default_rng(17).binomial(20, 0.5, (100, 3))
    errors = [judged("P12", topologies(*map(int, trial))).verdict != OPEN for trial in counts]
    assert np.mean(errors) <= 0.05
