"""Decay of θ with depth, and horizons of falling learning rates, against what they are defined by."""

import numpy as np
import pytest

from dropatlas.collapse.depth_law import horizon_of
from dropatlas.collapse.drop_rates import decay_rate, drop_rate_decaying
from dropatlas.collapse.members import MASKED, Descent, Member, Shape


@pytest.mark.parametrize("model", ["site", "bond"])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_theta_decays_by_the_stated_rate(model, width):
    p = drop_rate_decaying(0.45, model, width)
    member = Member(width, p, MASKED[model], 1.0, "plain", 0)
    deep, deeper = (member.theta(Shape(16, depth, 1)) for depth in (8, 9))
    assert np.log(deep / deeper) == pytest.approx(0.45, rel=1e-3)
    assert decay_rate(model, p, width) == pytest.approx(0.45)


def test_the_horizon_of_falling_rates_brings_the_sum_asked_for():
    for wanted in (3.0, 40.0, 400.0):
        steps = horizon_of(wanted, 100.0)
        sums = Descent(decay=100.0).rate_sum(np.array([steps]))
        assert sums[0] == pytest.approx(wanted, abs=1)
        assert sums[0] >= wanted  # whole steps
    assert horizon_of(40.0) == 40
    assert horizon_of(600.0, 100.0) / horizon_of(300.0, 100.0) == pytest.approx(np.exp(3), rel=0.1)
