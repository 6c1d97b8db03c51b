"""Ratios of means: known cases, and the coverage of their intervals by simulation."""

import numpy as np
import pytest

from dropatlas.collapse.ratios import UNKNOWN, LogRatio, paired_ratio, ratio_to_bound


def test_a_ratio_to_a_bound_is_that_of_the_means():
    found = ratio_to_bound(np.full(6, 3.0), np.array([4.0, 8, 4, 8, 6, 6]), np.array([2.0, 4, 2, 4, 3, 3]), 0.5)
    assert found.interval().estimate == pytest.approx(3.0 / (2.0 * 0.5))
    assert found.error == 0  # every network has the same mean norm, and moves the same
    assert (found.p_below(3.5), found.p_below(2.5), found.p_above(2.5)) == (0.0, 1.0, 0.0)


def test_the_uncertainty_of_both_groups_counts():
    sure, unsure = np.full(20, 1.0), 1 + 0.5 * np.resize([-1.0, 1.0], 20)
    counts = np.full(20, 10.0)
    one = ratio_to_bound(unsure, 10 * sure, counts, 1.0).error
    other = ratio_to_bound(sure, 10 * unsure, counts, 1.0).error
    assert one == pytest.approx(other)
    assert ratio_to_bound(unsure, 10 * unsure, counts, 1.0).error == pytest.approx(np.hypot(one, other))


def test_a_pair_that_varies_together_has_a_sure_ratio():
    values = np.arange(1.0, 11.0)
    assert paired_ratio(0.3 * values, values).interval().low == pytest.approx(0.3)
    assert paired_ratio(0.3 * values, values[::-1]).interval().low < 0.2


@pytest.mark.parametrize(
    "movement", [np.ones(4), np.zeros(10), np.array([np.nan, *np.ones(9)]), np.array([np.inf, *np.ones(9)])]
)
def test_too_few_networks_no_movement_or_no_number_leave_the_ratio_unknown(movement):
    assert ratio_to_bound(movement, np.ones(10), np.ones(10), 1.0) == UNKNOWN
    assert paired_ratio(movement, np.ones(len(movement))) == UNKNOWN
    assert UNKNOWN.interval().low == 0
    assert np.isnan(UNKNOWN.interval().estimate)


def test_a_ratio_of_independent_ratios():
    both = LogRatio(np.log(0.5), 0.3, 9, 10).over(LogRatio(np.log(2.0), 0.4, 19, 20))
    assert both.interval().estimate == pytest.approx(0.25)
    assert both.error == pytest.approx(0.5)
    assert 9 < both.freedom < 28


@pytest.mark.parametrize(("spread", "networks"), [(0.3, 10), (0.7, 20), (1.0, 40)])
def test_the_interval_covers_the_ratio(spread, networks):
    """Lognormal movement and norms, as of products of random factors; norms counted over Poisson numbers of steps."""
    rng = np.random.default_rng(3)
    width = np.sqrt(np.log(1 + spread**2))
    trials = 2000

    def drawn() -> np.ndarray:
        return np.exp(width * rng.standard_normal((trials, networks)) - width**2 / 2)

    counts = 5 + rng.poisson(10, (trials, networks))
    ratios = [ratio_to_bound(*rows, 1.0) for rows in zip(drawn(), counts * drawn(), counts, strict=True)]
    covered = np.mean([found.interval().contains(1.0) for found in ratios])
    assert covered >= 0.93 - 1.96 * np.sqrt(0.93 * 0.07 / trials)
    assert np.mean([found.interval().low >= 0 for found in ratios]) == 1
    shared = drawn()
    pairs = [paired_ratio(*rows) for rows in zip(shared * drawn() ** 0.3, shared, strict=True)]
    true = np.exp(0.3 * 0.3 * width**2 / 2 - 0.3 * width**2 / 2)
    assert np.mean([found.interval().contains(true) for found in pairs]) >= 0.93 - 0.012
