"""Statistics against closed forms and by simulation of their error rates."""

import numpy as np
import pytest
from scipy import stats

from dropatlas.randomness import generator
from dropatlas.stats import (
    Interval,
    binomial_interval,
    binomial_p_value,
    bootstrap_interval,
    holm,
    mean_interval,
    mean_p_value,
    ratio_interval,
)


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


def test_mean_interval_by_hand_and_without_enough_values():
    interval = mean_interval(np.array([1.0, 3.0, np.nan]))
    assert interval.estimate == 2.0
    assert interval.high == pytest.approx(2 + stats.t.ppf(0.975, 1), rel=1e-12)
    assert (mean_interval(np.array([5.0])).low, mean_interval(np.array([5.0])).high) == (-np.inf, np.inf)


def test_mean_interval_misses_as_often_as_it_says():
    samples = generator(5, "mean").standard_normal((4000, 6))
    missed = np.mean([not mean_interval(row).contains(0.0) for row in samples])
    assert 0.04 < missed < 0.06


def test_the_t_test_of_a_mean_by_hand_and_without_spread():
    values = np.array([1.0, 2.0, 3.0])
    assert mean_p_value(values) == pytest.approx(2 * stats.t.sf(2 / (1 / np.sqrt(3)), 2))
    assert mean_p_value(values, 2.0) == pytest.approx(1.0)
    assert mean_p_value(values, 0.0, "less") == pytest.approx(stats.t.cdf(2 * np.sqrt(3), 2))
    same = np.full(4, 0.5)
    assert [mean_p_value(same, centre) for centre in (0.0, 0.5)] == [0.0, 1.0]
    assert [mean_p_value(same, 0.0, side) for side in ("less", "greater")] == [1.0, 0.0]
    assert mean_p_value(same[:1]) == 1.0


def test_the_interval_of_a_ratio_by_hand_and_of_an_unclear_denominator():
    found = ratio_interval(np.array([2.0, 4.0, 6.0, 8.0]), np.array([2.0, 2.0, 2.0, 2.0]))
    alone = mean_interval(np.array([1.0, 2.0, 3.0, 4.0]))  # without spread below it is that of a mean
    assert (found.estimate, found.low, found.high) == pytest.approx((alone.estimate, alone.low, alone.high))
    unclear = ratio_interval(np.array([1.0, 2.0, 3.0]), np.array([-1.0, 0.5, 2.0]))
    assert (unclear.low, unclear.high) == (-np.inf, np.inf)


def test_an_interval_is_written_as_estimate_and_ends():
    assert f"{Interval(0.5, 0.25, 0.751):.2g}" == "0.5 [0.25, 0.75]"
    assert f"{Interval(0.5, -0.25, 0.75):+.0%}" == "+50% [-25%, +75%]"


def test_bootstrap_interval_covers_about_as_often_as_it_says():
    rng = generator(10, "bootstrap")
    samples = rng.standard_normal((400, 40))
    found = [bootstrap_interval(row, np.mean, rng, resamples=400) for row in samples]
    assert 0.90 < np.mean([interval.contains(0.0) for interval in found]) < 0.98
    assert all(interval.estimate == row.mean() for interval, row in zip(found, samples, strict=True))


def test_bootstrap_draws_whole_rows():
    x = generator(11, "rows").standard_normal(30)
    found = bootstrap_interval(np.stack([x, 2 * x], axis=1), lambda rows: np.corrcoef(rows.T)[0, 1], generator(0, "r"))
    assert (found.low, found.high) == pytest.approx((1.0, 1.0))  # the bond within a row survives any resampling
    alone = bootstrap_interval(np.ones(1), np.mean, generator(0, "r"))
    assert (alone.estimate, alone.low, alone.high) == (1.0, -np.inf, np.inf)


def test_streams_are_equal_by_name_and_independent_otherwise():
    def draw(*names):
        return generator(11, *names).random(20000)

    assert np.array_equal(draw("a", 1), draw("a", 1))
    others = [draw("a", 2), draw("a", "1"), draw("a1"), draw(1, "a"), generator(12, "a", 1).random(20000)]
    for other in others:
        assert abs(np.corrcoef(draw("a", 1), other)[0, 1]) < 0.03
    with pytest.raises(ValueError, match="non-negative"):
        generator(-1, "a")
