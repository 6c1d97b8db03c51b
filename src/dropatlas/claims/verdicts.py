"""What a judge says of a claim."""

from dataclasses import dataclass
from enum import StrEnum


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
