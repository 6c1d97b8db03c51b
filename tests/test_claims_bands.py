"""Numbers against bands: when a check holds, is refuted or stays open, and which one decides."""

import numpy as np
import pytest
from scipy import stats

from dropatlas.claims.bands import deciding, limit_check, mean_check, sides_of
from dropatlas.claims.verdicts import Verdict
from dropatlas.stats import mean_interval

VALUES = 1.0 + 0.1 * np.array([-2.0, -1.0, 0.0, 1.0, 2.0])  # mean 1, 95 % interval 0.80 to 1.20


@pytest.mark.parametrize(
    ("limit", "above", "side"),
    [(0.7, True, 1), (0.9, True, 0), (1.5, True, -1), (1.3, False, 1), (1.1, False, 0), (0.5, False, -1)],
)
def test_a_mean_against_a_limit(limit, above, side):
    check = limit_check("mean", "here", VALUES, limit, above=above)
    assert sides_of([check], 0.05) == [side]
    assert (check.above, check.limit, check.where, check.n) == (above, limit, "here", 5)
    assert check.interval == mean_interval(VALUES)
    assert check.p_value == pytest.approx(
        stats.ttest_1samp(VALUES, limit, alternative="less" if above else "greater").pvalue
    )
    assert str(check) == f"mean: 1 [0.804, 1.2], wanted {'at least' if above else 'at most'} {limit:g}"
    found = check.judgement(Verdict.INCONCLUSIVE, "why")
    assert (found.effect, found.low, found.n, found.reason) == (1.0, check.interval.low, 5, "why")


@pytest.mark.parametrize("values", [[1.0, 1.1], [1.0, np.nan, 1.1, 1.2], [1.0, np.inf, 1.1, 1.2], []])
def test_too_few_or_broken_values_leave_a_limit_open(values):
    for limit in (0.0, 10.0):
        check = limit_check("mean", "here", np.array(values), limit, above=True)
        assert sides_of([check], 0.05) == [0]
        assert (check.n, check.shown) == (0, "no number")


def test_a_mean_that_equals_its_limit_is_not_shown_to_lie_beyond():
    assert sides_of([limit_check("mean", "here", np.zeros(5), 0.0, above=above) for above in (True, False)], 0.05) == [
        0,
        0,
    ]


def test_the_worst_check_decides_and_of_equals_the_one_that_reaches_furthest():
    far, near, unclear, holding = (limit_check("mean", "", VALUES, limit, above=True) for limit in (1.6, 1.4, 0.9, 0.5))
    lost = limit_check("mean", "", VALUES[:2], 0.5, above=True)
    for checks, decides in [
        ([holding, near, far], far),
        ([holding, near], near),
        ([holding, lost], lost),  # what is missing decides, not what holds
        ([lost, unclear], unclear),
    ]:
        assert deciding(checks, sides_of(checks, 0.05)) is decides


def test_a_band_around_a_geometric_mean():
    check = mean_check("ratio", np.exp(VALUES), 2.0, 4.0, log=True)
    assert check.interval.estimate == pytest.approx(np.e)
    assert sides_of([check], 0.05) == [1]
    assert sides_of([mean_check("ratio", np.exp(VALUES), 2.0, 3.0, log=True)], 0.05) == [0]
    assert sides_of([mean_check("ratio", np.exp(VALUES), 0.5, 2.0, log=True)], 0.05) == [-1]
