"""What a judge says of a claim."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from dropatlas.stats import binomial_interval

LEAST_SEEDS = 3
"""Fewest seeds whose mean decides anything."""


class Verdict(StrEnum):
    """Outcome of judging one claim."""

    REPRODUCED = "reproduced"
    PARTLY = "partly"
    NOT_REPRODUCED = "not reproduced"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Judgement:
    """A verdict with the number behind it.

    Attributes:
        verdict: Outcome.
        measure: What the effect is, with its unit.
        effect: The deciding number.
        low: Lower end of its 95 % interval; equal to `effect` for a computation without sampling.
        high: Upper end.
        n: Number of observations behind it.
        reason: One sentence for a reader.
    """

    verdict: Verdict
    measure: str
    effect: float
    low: float
    high: float
    n: int
    reason: str


def undecided(measure: str, n: int, reason: str) -> Judgement:
    """Inconclusive, since the evidence does not carry a number."""
    return Judgement(Verdict.INCONCLUSIVE, measure, math.nan, math.nan, math.nan, n, reason)


def of_parts(sides: Sequence[int]) -> Verdict:
    """Verdict on a statement all of whose parts must hold: +1 a part that holds, -1 one that is refuted, 0 open.

    One refuted part refutes the statement; if another part holds, it holds partly.
    """
    if -1 in sides:
        return Verdict.PARTLY if 1 in sides else Verdict.NOT_REPRODUCED
    return Verdict.REPRODUCED if sides and 0 not in sides else Verdict.INCONCLUSIVE


VERDICTS = {1: Verdict.REPRODUCED, 0: Verdict.INCONCLUSIVE, -1: Verdict.NOT_REPRODUCED}
"""Verdict on one part of a statement by its side, as `of_parts` takes it."""


def by_share(side: int, measure: str, successes: int, trials: int, reason: str) -> Judgement:
    """Judgement on one part that rests on a share of independent trials, with its exact interval."""
    found = binomial_interval(successes, trials)
    return Judgement(VERDICTS[side], measure, found.estimate, found.low, found.high, trials, reason)


def side_of(part: Judgement) -> int:
    """+1 if a part of a statement holds, -1 if it is refuted, 0 if it is open."""
    return next((side for side, verdict in VERDICTS.items() if verdict == part.verdict), 0)


def conjunction(parts: Sequence[Judgement]) -> Judgement:
    """Judgement on a statement all of whose parts must hold.

    The worst part (refuted, then open, then holding; the first of equals) gives the number and begins the reason.
    """
    ranked = sorted(parts, key=side_of)
    verdict = of_parts([side_of(part) for part in parts])
    return replace(ranked[0], verdict=verdict, reason="; ".join(part.reason for part in ranked))
