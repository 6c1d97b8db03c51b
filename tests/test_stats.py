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
    equivalence_p_value,
    holm,
    mean_interval,
    mean_p_value,
    mean_signs,
    paired_comparison,
    power_law_exponent,
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


def test_paired_comparison_by_hand_and_without_enough_seeds():
    found = paired_comparison(np.array([1.0, 4.0, np.nan, 2.0]), np.array([0.0, 1.0, 5.0, np.inf]))
    assert (found.estimate, found.high) == pytest.approx((2.0, 2.0 + stats.t.ppf(0.975, 1)))
    assert found.p_value == pytest.approx(stats.ttest_rel([1.0, 4.0], [0.0, 1.0]).pvalue)
    same, shifted = paired_comparison(np.ones(3), np.ones(3)), paired_comparison(np.ones(3), np.zeros(3))
    assert (same.p_value, shifted.p_value) == (1.0, 0.0)
    alone = paired_comparison(np.array([1.0]), np.array([0.0]))
    assert (alone.estimate, alone.low, alone.p_value) == (1.0, -np.inf, 1.0)
    with pytest.raises(ValueError, match=r"one value per seed on both sides, got \(2,\) \(3,\)"):
        paired_comparison(np.ones(2), np.ones(3))


def test_paired_comparison_errs_as_often_as_it_says_and_profits_from_the_pairing():
    rng = generator(9, "paired")
    shared = 10 * rng.standard_normal((4000, 8, 1))  # what the seeds share is far larger than what tells the methods
    values = shared + rng.standard_normal((4000, 8, 2))
    found = [paired_comparison(pair[:, 0], pair[:, 1]) for pair in values]
    assert 0.04 < np.mean([comparison.p_value < 0.05 for comparison in found]) < 0.06
    assert 0.04 < np.mean([not comparison.contains(0.0) for comparison in found]) < 0.06
    power = np.mean([paired_comparison(pair[:, 0] + 3, pair[:, 1]).p_value < 0.05 for pair in values[:500]])
    assert power > 0.95


def test_the_t_test_of_a_mean_by_hand_and_without_spread():
    values = np.array([1.0, 2.0, 3.0])
    assert mean_p_value(values) == pytest.approx(2 * stats.t.sf(2 / (1 / np.sqrt(3)), 2))
    assert mean_p_value(values, 2.0) == pytest.approx(1.0)
    assert mean_p_value(values, 0.0, "less") == pytest.approx(stats.t.cdf(2 * np.sqrt(3), 2))
    same = np.full(4, 0.5)
    assert [mean_p_value(same, centre) for centre in (0.0, 0.5)] == [0.0, 1.0]
    assert [mean_p_value(same, 0.0, side) for side in ("less", "greater")] == [1.0, 0.0]
    assert mean_p_value(same[:1]) == 1.0


def test_sides_of_many_means_err_together_as_often_as_said():
    rng = np.random.default_rng(3)
    groups = rng.normal(0.3, 1.0, (600, 8, 10))
    found = np.array([mean_signs(list(trial), 0.05, 0.3) for trial in groups])
    assert 0.03 <= (found != 0).any(axis=1).mean() <= 0.07
    assert mean_signs([np.array([1.0, 1.1, 0.9]), np.array([-1.0, -1.1, -0.9])], 0.05, [0.0, -1.0]) == [1, 0]
    assert mean_signs([np.array([-1.0, -1.1, -0.9])], 0.05) == [-1]
    assert mean_signs([], 0.05) == []


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


def test_equivalence_at_the_margin_errs_as_often_as_it_says():
    samples = 0.3 + generator(6, "margin").standard_normal((4000, 8))
    errors = np.mean([equivalence_p_value(row, 0.3) < 0.05 for row in samples])
    assert errors < 0.06  # two one-sided tests err at most in one of them
    near = 1.0 + 0.1 * generator(7, "margin").standard_normal((4000, 8))
    assert 0.04 < np.mean([equivalence_p_value(row, 1.0) < 0.05 for row in near]) < 0.06


def test_equivalence_of_few_equal_or_far_values():
    assert equivalence_p_value(np.array([0.0]), 0.1) == 1.0
    assert equivalence_p_value(np.array([0.05, 0.05]), 0.1) == 0.0
    assert equivalence_p_value(np.array([0.2, 0.2]), 0.1) == 1.0
    assert equivalence_p_value(np.array([-5.0, -5.1, -4.9]), 0.1) > 0.99
    with pytest.raises(ValueError, match="margin must be positive, got 0"):
        equivalence_p_value(np.zeros(3), 0)


def test_exponent_of_an_exact_law_and_its_error_rate():
    sizes = np.repeat([10.0, 100.0, 1000.0], 4)
    exact = power_law_exponent(sizes, 3 * sizes**-0.5)
    assert (exact.estimate, exact.low, exact.high) == pytest.approx((-0.5, -0.5, -0.5), abs=1e-7)
    noise = generator(8, "law").standard_normal((2000, len(sizes)))
    missed = np.mean([not power_law_exponent(sizes, sizes**-0.5 * np.exp(row)).contains(-0.5) for row in noise])
    assert 0.035 < missed < 0.065
    with pytest.raises(ValueError, match="at least three points at two sizes, got 3"):
        power_law_exponent(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="positive"):
        power_law_exponent(sizes, sizes - 50)


def test_streams_are_equal_by_name_and_independent_otherwise():
    def draw(*names):
        return generator(11, *names).random(20000)

    assert np.array_equal(draw("a", 1), draw("a", 1))
    others = [draw("a", 2), draw("a", "1"), draw("a1"), draw(1, "a"), generator(12, "a", 1).random(20000)]
    for other in others:
        assert abs(np.corrcoef(draw("a", 1), other)[0, 1]) < 0.03
    with pytest.raises(ValueError, match="non-negative"):
        generator(-1, "a")
