"""What a judge says of a claim: its verdict, the number that decides, and every part of the statement."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Group = Literal["published", "suggested", "open", "ours"]
"""Whose statement it is: the paper's, an experiment its authors propose, a question they leave open, or our own."""


class Verdict(StrEnum):
    """Outcome of judging one claim; only what a paper states can be reproduced, all else is supported."""

    REPRODUCED = "reproduced"
    SUPPORTED = "supported"
    PARTLY = "partly"
    NOT_REPRODUCED = "not reproduced"
    NOT_SUPPORTED = "not supported"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not run"

    def for_group(self, group: Group) -> "Verdict":
        """The verdict in the words of a group of statements."""
        ours = {Verdict.REPRODUCED: Verdict.SUPPORTED, Verdict.NOT_REPRODUCED: Verdict.NOT_SUPPORTED}
        return self if group == "published" else ours.get(self, self)


SO_FAR = "; so far:"
"""Ends the words, at the head of a reason, that a larger scale is needed to decide."""


class State(StrEnum):
    """What the evidence says of one part of a statement."""

    HOLDS = "holds"
    FAILS = "fails"
    OPEN = "open"


@dataclass(frozen=True)
class Finding:
    """One part of a statement as it was found.

    Attributes:
        name: The part, in a few plain words.
        state: What the evidence says of it.
        measure: What its number is, with its unit.
        where: Which networks or cell it is of, unless the part says it.
        estimate: The number that decides this part; NaN if there is none.
        low: Lower end of its 95 % interval; the number itself if it is computed without sampling.
        high: Upper end.
        threshold: Lowest and highest number with which the part holds; infinite where there is no limit.
        n: Independent units (seeds, masks, starts) behind the number.
        sentence: One plain sentence for a reader, with number, interval and threshold.
    """

    name: str
    state: State
    measure: str
    where: str
    estimate: float
    low: float
    high: float
    threshold: tuple[float, float]
    n: int
    sentence: str


@dataclass(frozen=True)
class Judgement:
    """A verdict with the number behind it.

    Attributes:
        verdict: Outcome.
        measure: What the effect is, with its unit.
        effect: The deciding number, that of the part which decides.
        low: Lower end of its 95 % interval; equal to `effect` for a computation without sampling.
        high: Upper end.
        n: Number of independent units behind it.
        reason: For a reader: which parts hold, fail and are open, one sentence each.
        parts: Every part of the statement.
        context: What a reader should know besides the parts; the end of the reason.
        p_value: Of what the verdict says: that some part does not hold, or that none fails; NaN without a decision.
    """

    verdict: Verdict
    measure: str
    effect: float
    low: float
    high: float
    n: int
    reason: str
    parts: tuple[Finding, ...] = ()
    context: str = ""
    p_value: float = math.nan


def undecided(measure: str, n: int, reason: str) -> Judgement:
    """Inconclusive, since the evidence does not carry a number."""
    return Judgement(Verdict.INCONCLUSIVE, measure, math.nan, math.nan, math.nan, n, reason)
