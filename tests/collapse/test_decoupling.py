"""Theorem V.7 as a property of random networks, masks and inputs."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dropatlas.collapse.decoupling import masked_outcome, sample_outcomes

SEEN = Counter()


@given(
    model=st.sampled_from(["site", "bond"]),
    widths=st.lists(st.integers(1, 5), min_size=3, max_size=9),
    activation=st.sampled_from(["tanh", "relu"]),
    p=st.floats(0.1, 0.9),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=200, deadline=None, database=None, derandomize=True)
def _without_a_path_nothing_depends_on_the_input_and_no_gradient_is_left(model, widths, activation, p, seed):
    outcome = masked_outcome(model, widths, activation, False, p, np.random.default_rng(seed))
    SEEN[outcome.has_path] += 1
    if not outcome.has_path:
        assert outcome.input_effect == 0
        assert outcome.weight_gradient == 0
    elif activation == "tanh":
        assert outcome.input_effect > 0
        assert outcome.weight_gradient > 0


def test_decoupling_and_that_masks_of_both_sorts_were_met():
    SEEN.clear()
    _without_a_path_nothing_depends_on_the_input_and_no_gradient_is_left()
    assert SEEN[True] >= 50
    assert SEEN[False] >= 50


@pytest.mark.parametrize(("activation", "biases"), [("sigmoid", False), ("tanh", True), ("relu", True)])
@pytest.mark.parametrize("model", ["site", "bond"])
def test_where_the_assumption_fails_outputs_decouple_but_gradients_stay(model, activation, biases):
    rng = np.random.default_rng(3)
    outcomes = [masked_outcome(model, [3, 3, 3, 3, 2], activation, biases, 0.7, rng) for _ in range(100)]
    cut = [outcome for outcome in outcomes if not outcome.has_path]
    assert len(cut) >= 20
    assert all(outcome.input_effect == 0 for outcome in cut)
    assert any(outcome.weight_gradient > 0 for outcome in cut)
    if biases:
        assert all(outcome.bias_gradient > 0 for outcome in cut)  # the output bias always learns


def test_sampled_networks_are_those_of_their_stream():
    found = sample_outcomes("site", "relu", False, 30, 3, 2, 5)
    assert len(found) == 30
    assert found == sample_outcomes("site", "relu", False, 30, 3, 2, 5)
    assert found != sample_outcomes("site", "relu", False, 30, 3, 2, 6)
    assert {outcome.has_path for outcome in found} == {False, True}
    assert all(outcome.weight_gradient == 0 for outcome in found if not outcome.has_path)
