"""Statements with several parts: comparisons that are tested together and what they make of the statement."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dropatlas.claims.verdicts import LEAST_SEEDS, Judgement, Verdict, of_parts
from dropatlas.stats import Interval, equivalence_p_value, holm, mean_p_value


@dataclass(frozen=True)
class Comparison:
    """One comparison that a part of a statement rests on.

    Attributes:
        part: The part; it holds if all its comparisons do, and is refuted if one of them is.
        label: What is compared, for a reader.
        measure: What the effect is, with its unit.
        effect: The number that decides, with its 95 % interval.
        n: Number of independent units behind it.
        p_holds: p-value of the hypothesis that the comparison does not hold.
        p_refuted: p-value of the hypothesis that it is not refuted.
    """

    part: str
    label: str
    measure: str
    effect: Interval
    n: int
    p_holds: float
    p_refuted: float


@dataclass(frozen=True)
class Decision:
    """What comparisons say together: +1 holds, -1 refuted, 0 open.

    Attributes:
        verdict: Verdict on the statement.
        deciding: The comparison that decides.
        parts: Side of every part.
        cells: Side of every comparison, in the given order.
    """

    verdict: Verdict
    deciding: Comparison
    parts: dict[str, int]
    cells: list[int]


def decide(comparisons: Sequence[Comparison], alpha: float) -> Decision:
    """Verdict on a statement all of whose parts must hold.

    One comparison is enough to refute, but one that holds does not: refutations are corrected over all comparisons
    (Holm). A part needs all of its comparisons to hold, which needs no correction; over parts it is corrected (Holm).
    The deciding comparison is the clearest refutation, or without any the one that holds least clearly.
    """
    refuted = holm(np.array([each.p_refuted for each in comparisons])) <= alpha
    holding = [each.p_holds <= alpha for each in comparisons]
    cells = [1 if holds else -1 if wrong else 0 for holds, wrong in zip(holding, refuted, strict=True)]
    names = list(dict.fromkeys(each.part for each in comparisons))
    weakest = [max(each.p_holds for each in comparisons if each.part == name) for name in names]
    parts = {name: int(holds) for name, holds in zip(names, holm(np.array(weakest)) <= alpha, strict=True)}
    parts |= {each.part: -1 for each, side in zip(comparisons, cells, strict=True) if side < 0}
    against = [each for each, side in zip(comparisons, cells, strict=True) if side < 0]
    known = [each for each in comparisons if np.isfinite([each.effect.low, each.effect.high]).all()]
    if against:
        deciding = min(against, key=lambda each: each.p_refuted)
    else:
        deciding = max(known or comparisons, key=lambda each: each.p_holds)
    return Decision(of_parts(list(parts.values())), deciding, parts, cells)


def judged(decision: Decision, reason: str) -> Judgement:
    """The judgement of a decision, with the deciding comparison's number."""
    shown = decision.deciding
    effect = shown.effect
    return Judgement(decision.verdict, shown.measure, effect.estimate, effect.low, effect.high, shown.n, reason)


def above(values: np.ndarray, lower: float, upper: float) -> tuple[float, float]:
    """p-values of "the mean is above": holds above `lower` (two-sided t test), refuted below `upper` (one-sided).

    Args:
        values: One value per seed, all finite; fewer than three neither hold nor refute.
        lower: What the mean must exceed.
        upper: Smallest mean that would matter, at least `lower`.

    Returns:
        `p_holds` and `p_refuted` of a `Comparison`.
    """
    if len(values) < LEAST_SEEDS:
        return 1.0, 1.0
    return min(1.0, 2 * mean_p_value(values, lower, "greater")), mean_p_value(values, upper, "less")


def within(values: np.ndarray, margin: float) -> tuple[float, float]:
    """p-values of "the mean is 0": holds within `margin` (two one-sided t tests), refuted beyond it (two-sided).

    Args:
        values: One value per seed, all finite; fewer than three neither hold nor refute.
        margin: What counts as no difference.

    Returns:
        `p_holds` and `p_refuted` of a `Comparison`.
    """
    if len(values) < LEAST_SEEDS:
        return 1.0, 1.0
    beyond = min(mean_p_value(values, margin, "greater"), mean_p_value(values, -margin, "less"))
    return equivalence_p_value(values, margin), min(1.0, 2 * beyond)


def points(difference: float | Interval) -> str:
    """A difference of shares in percentage points, such as "+0.15 [-0.05, +0.35] pp"."""
    if isinstance(difference, Interval):
        difference = Interval(100 * difference.estimate, 100 * difference.low, 100 * difference.high)
        return f"{difference:+.2f} pp"
    return f"{100 * difference:+.2f} pp"
