"""Statements with several parts: how comparisons are tested together."""

import numpy as np
import pytest
from scipy import stats

from dropatlas.claims import parts
from dropatlas.claims.parts import Comparison, above, decide, judged, points, within
from dropatlas.claims.verdicts import Verdict
from dropatlas.stats import Interval

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
HOLDS, WRONG, UNKNOWN = (0.001, 1.0), (1.0, 0.001), (0.5, 0.5)


def compared(part, p_values, estimate=0.0, n=5):
    effect = Interval(estimate, estimate - 1, estimate + 1)
    return Comparison(part, f"cell of {part}", f"effect on {part}", effect, n, *p_values)


@pytest.mark.parametrize(
    ("cells", "verdict", "deciding"),
    [
        ([("a", HOLDS), ("b", (0.01, 1.0))], REPRODUCED, 1),
        ([("a", HOLDS), ("b", WRONG)], PARTLY, 1),
        ([("a", WRONG), ("b", (1.0, 0.0001)), ("b", HOLDS)], REFUTED, 1),
        ([("a", WRONG), ("b", UNKNOWN)], REFUTED, 0),
        ([("a", HOLDS), ("b", UNKNOWN)], OPEN, 1),
        ([("a", HOLDS), ("a", UNKNOWN), ("b", WRONG)], REFUTED, 2),  # a part needs all of its comparisons
        ([("a", (1.0, 0.04)), ("b", UNKNOWN)], OPEN, 0),  # not clear enough for one of two
        ([("a", (0.001, 0.001))], REPRODUCED, 0),  # little, but there: between nothing and what would matter
    ],
)
def test_verdict_and_deciding_comparison(cells, verdict, deciding):
    comparisons = [compared(part, p_values, estimate) for estimate, (part, p_values) in enumerate(cells)]
    decision = decide(comparisons, 0.05)
    assert decision.verdict == verdict
    assert decision.deciding is comparisons[deciding]
    assert list(decision.parts) == sorted({part for part, _ in cells})
    found = judged(decision, "why")
    assert (found.effect, found.low, found.measure) == (deciding, deciding - 1, f"effect on {cells[deciding][0]}")


def test_a_comparison_without_numbers_is_not_shown_if_another_has_some():
    unknown = Comparison("a", "", "", Interval(np.nan, -np.inf, np.inf), 0, 1.0, 1.0)
    known = compared("b", UNKNOWN)
    assert decide([unknown, known], 0.05).deciding is known
    assert decide([unknown], 0.05).verdict == OPEN


def test_p_values_of_above_and_within():
    values = 0.1 + 0.01 * np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    assert above(values, 0.0, 0.05)[0] == pytest.approx(stats.ttest_1samp(values, 0.0).pvalue)
    assert above(values, 0.0, 0.12)[1] == pytest.approx(stats.ttest_1samp(values, 0.12, alternative="less").pvalue)
    assert within(values, 0.12)[0] == pytest.approx(above(values, 0.0, 0.12)[1])
    for side in (values, -values):
        assert within(side, 0.08)[1] == pytest.approx(stats.ttest_1samp(values, 0.08).pvalue)
    assert above(values[:2], 0.0, 1.0) == within(values[:2], 1.0) == (1.0, 1.0)


def test_differences_of_shares_are_told_in_percentage_points():
    assert points(Interval(0.0015, -0.0005, 0.0035)) == "+0.15 [-0.05, +0.35] pp"
    assert points(-0.01) == "-1.00 pp"


@pytest.mark.parametrize("cells", [[1, 9, 9], [1, 1, 1], [20, 20], [1, 1, 1, 1], [4, 4, 4, 4]])
def test_a_truth_at_the_threshold_is_refuted_in_one_of_twenty_tables(cells, monkeypatch):
    """Parts with so many comparisons each, five seeds, all at the threshold; without correction it is far more."""
    values = np.random.default_rng(0).standard_normal((600, sum(cells), 5))
    p_values = stats.ttest_1samp(values, 0.0, axis=-1, alternative="less").pvalue
    names = np.repeat([f"part {number}" for number in range(len(cells))], cells)

    def share():
        verdicts = [
            decide([compared(name, (1.0, p_value)) for name, p_value in zip(names, trial, strict=True)], 0.05).verdict
            for trial in p_values
        ]
        return np.mean([verdict != OPEN for verdict in verdicts])

    assert share() <= 0.07
    monkeypatch.setattr(parts, "holm", np.asarray)
    assert share() > 0.1
