"""Estimates of the sampled check on outputs whose truth is known."""

import numpy as np
import pytest
import torch

from dropatlas.check.sampling import _agreement, _trials


@pytest.mark.parametrize(("masks", "truth"), [(5, 0.9), (8, 0.3), (30, 0.02), (100, 0.3)])
def test_the_interval_of_the_agreement_covers(masks, truth):
    """Signal and noise of known size: at least 93 % of 400 intervals, less two standard errors."""
    generator, hits = np.random.default_rng(0), 0
    for _ in range(400):
        signal = generator.normal(size=60)
        signal /= np.sqrt((signal**2).sum())
        noise = generator.standard_t(5, size=(masks, 60)) * np.sqrt(3 / 5 * (1 / truth - 1) / 60)
        agreement, factor = _agreement(list(signal + noise), [signal])
        hits += agreement.contains(truth)
        assert factor > 0.5
    assert hits / 400 > 0.93 - 2 * np.sqrt(0.93 * 0.07 / 400)


def test_masks_without_effect_agree_and_nothing_is_said_of_no_signal():
    signal = np.arange(6.0)
    assert _agreement([signal] * 5, [signal])[0].estimate == pytest.approx(1)
    assert _agreement([signal] * 4, [signal]) == (None, None)
    assert _agreement([signal] * 5, [signal * 0]) == (None, None)
    assert _agreement([signal * 0] * 5, [signal]) == (None, None)


def test_trials_are_independent_and_leave_dead_samples_out():
    events = torch.tensor([[True, False, True], [False, False, True]])
    counts = torch.tensor([True, False, True])
    assert _trials(events, counts, "sample", 6).tolist() == [True, True, False, True]
    assert _trials(events, counts, "sample", 4).tolist() == [True, True, False]
    assert _trials(events, counts, "step", 2).tolist() == [True, True]  # one for each draw, samples in turn
    assert _trials(events, ~counts & False, "step", 2).tolist() == []
