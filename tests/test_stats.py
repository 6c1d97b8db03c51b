"""Statistics against closed forms and by simulation of their error rates."""

import numpy as np
import pytest
from scipy import stats

from dropatlas.randomness import generator
from dropatlas.stats import binomial_interval, binomial_p_value, holm


def test_clopper_pearson_against_the_beta_quantiles():
    interval = binomial_interval(7, 20)
    assert interval.estimate == 0.35
    assert interval.low == pytest.approx(stats.beta.ppf(0.025, 7, 14), rel=1e-12)
    assert interval.high == pytest.approx(stats.beta.ppf(0.975, 8, 13), rel=1e-12)
    assert (binomial_interval(0, 20).low, binomial_interval(20, 20).high) == (0.0, 1.0)
    assert binomial_interval(0, 20).high == pytest.approx(1 - 0.025 ** (1 / 20), rel=1e-12)


def test_interval_covers_at_least_as_often_as_it_says():
    probability, trials = 0.03, 200
    successes = np.arange(trials + 1)
    covered = [binomial_interval(k, trials).contains(probability) for k in successes]
    coverage = stats.binom.pmf(successes, trials, probability)[covered].sum()
    assert 0.95 <= coverage < 0.999


def test_p_value_is_exact_and_clips_rounding():
    assert binomial_p_value(0, 10, 0.5) == pytest.approx(2 / 1024)
    assert binomial_p_value(10, 10, 1.0 + 1e-16) == 1.0
    assert binomial_p_value(9, 10, 1.0) == 0.0


def test_holm_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.6, 0.9])).tolist() == [1.0, 1.0]


def test_holm_keeps_the_family_wise_error_rate():
    p_values = generator(3, "holm").random((4000, 10))
    errors = np.mean([holm(row).min() < 0.05 for row in p_values])
    assert 0.04 < errors < 0.06


def test_streams_are_equal_by_name_and_independent_otherwise():
    def draw(*names):
        return generator(11, *names).random(20000)

    assert np.array_equal(draw("a", 1), draw("a", 1))
    others = [draw("a", 2), draw("a", "1"), draw("a1"), draw(1, "a"), generator(12, "a", 1).random(20000)]
    for other in others:
        assert abs(np.corrcoef(draw("a", 1), other)[0, 1]) < 0.03
    with pytest.raises(ValueError, match="non-negative"):
        generator(-1, "a")
