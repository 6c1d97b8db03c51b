"""Numbers of a statement, each against the band in which the statement puts it; what they say together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dropatlas.claims.verdicts import LEAST_SEEDS, Judgement, Verdict
from dropatlas.stats import Interval, holm, mean_interval, mean_p_value

STATES = {1: "holds", 0: "open", -1: "refuted"}


@dataclass(frozen=True)
class Check:
    """One number of a statement against the band in which the statement puts it.

    Attributes:
        name: What the number is, with its unit.
        interval: Estimate with its 95 % interval.
        band: Lower and upper end of what the statement says; one of them may be infinite.
        n: Independent units behind the number.
        holds: Whether the number is shown to lie within the band.
        p_value: Of the hypothesis that it lies there, against the nearer end (one-sided).
        where: Which networks the number is of, unless its name tells.
    """

    name: str
    interval: Interval
    band: tuple[float, float]
    n: int
    holds: bool
    p_value: float
    where: str = ""

    @property
    def above(self) -> bool:
        """Whether the band is open upwards: a limit that the number must exceed."""
        return bool(np.isinf(self.band[1]))

    @property
    def limit(self) -> float:
        """The finite end of a band that is open on one side."""
        return self.band[0] if self.above else self.band[1]

    @property
    def shown(self) -> str:
        """The number with its interval, for a reader."""
        return f"{self.interval:.3g}" if self.n else "no number"

    @property
    def wanted(self) -> str:
        """The band in words."""
        low, high = self.band
        if np.isinf(low) or np.isinf(high):
            return f"at most {high:.3g}" if np.isinf(low) else f"at least {low:.3g}"
        return f"{low:.3g} to {high:.3g}"

    @property
    def reach(self) -> float:
        """How far the interval reaches beyond the band; negative where it lies inside, -inf where it is unbounded."""
        if not np.isfinite([self.interval.low, self.interval.high]).all():
            return -np.inf
        return max(self.band[0] - self.interval.low, self.interval.high - self.band[1])

    def __str__(self) -> str:
        return f"{self.name}: {self.interval:.3g}, wanted {self.wanted}" if self.n else f"{self.name}: too few numbers"

    def __format__(self, form: str) -> str:
        return format(self.interval.estimate, form) if form and self.n else "unknown" if form else str(self)

    def judgement(self, verdict: Verdict, reason: str) -> Judgement:
        """The verdict with this number as its effect."""
        found = self.interval
        return Judgement(verdict, self.name, found.estimate, found.low, found.high, self.n, reason)


def numbers(values: Sequence[float]) -> np.ndarray:
    """The finite values, one per seed; none where they are fewer than three, or than half of all."""
    values = np.asarray(values, dtype=float)
    finite = values[np.isfinite(values)]
    return finite if len(finite) >= max(LEAST_SEEDS, len(values) / 2) else np.array([])


def beyond_p_value(values: np.ndarray, low: float, high: float) -> float:
    """Of the hypothesis that the mean lies within [low, high]: one-sided t test of the end that it is nearer to."""
    if len(values) < 2:
        return 1.0
    below = values.mean() - low < high - values.mean()
    return mean_p_value(values, low, "less") if below else mean_p_value(values, high, "greater")


def mean_check(
    name: str, values: Sequence[float], low: float, high: float, *, confidence: float = 0.95, log: bool = False
) -> Check:
    """Check of a mean over seeds.

    Args:
        name: What the mean is.
        values: One value per seed; without enough of them (`numbers`) the check stays open.
        low: Lower end of the band; may be -inf.
        high: Upper end; may be inf.
        confidence: Of the interval that must lie within the band for the check to hold.
        log: Take the geometric mean of positive values.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = numbers(np.log(values) if log else values)
    ends = [np.log(end) if log and np.isfinite(end) else end for end in (low, high)]
    shown, tested = mean_interval(seen), mean_interval(seen, confidence)
    if log:
        shown = Interval(*np.exp([shown.estimate, shown.low, shown.high]).tolist())
    holds = (np.isinf(low) or ends[0] < tested.low) and (np.isinf(high) or tested.high < ends[1])
    return Check(name, shown, (low, high), len(seen), bool(holds), beyond_p_value(seen, *ends))


def limit_check(name: str, where: str, values: np.ndarray, limit: float, *, above: bool) -> Check:
    """Check that the mean over the seeds of some networks lies above, or below, a limit.

    Args:
        name: What the mean is.
        where: Which networks it is of.
        values: One value per seed; open unless all of them are finite, and at least three.
        limit: The limit.
        above: Whether the mean must be at least the limit, or else at most.
    """
    known = values if np.isfinite(values).all() else []
    band = (limit, np.inf) if above else (-np.inf, limit)
    return replace(mean_check(name, known, *band), where=where)


def sides_of(checks: Sequence[Check], alpha: float) -> list[int]:
    """+1 where a check holds, -1 where it is refuted (p-values corrected together by Holm), 0 where it is open."""
    refuted = holm(np.array([check.p_value for check in checks])) <= alpha
    return [-1 if against else int(check.holds) for check, against in zip(checks, refuted, strict=True)]


def both_hold(sides: Sequence[int]) -> list[int]:
    """Sides of parts of two checks each, which must both hold."""
    return [min(pair) for pair in zip(sides[::2], sides[1::2], strict=True)]


def marked(text: str, side: int) -> str:
    """The text, with the state of its part unless that holds."""
    return text if side > 0 else f"{text} ({STATES[side]})"


def deciding(checks: Sequence[Check], sides: Sequence[int]) -> Check:
    """Of the checks with the worst side the one whose interval reaches furthest beyond its band."""
    return min(zip(checks, sides, strict=True), key=lambda pair: (pair[1], -pair[0].reach))[0]


def seed_slopes(rows: pd.DataFrame, column: str, seed: str = "seed", least_widths: int = 2) -> pd.Series:
    """Exponent of `column` over the width for every seed, by least squares in logarithms.

    Args:
        rows: One row per seed and width.
        column: The quantity.
        seed: Column that names the seed.
        least_widths: With fewer there is no exponent.

    Returns:
        By seed; NaN where a value is missing or not a positive number.
    """
    table = rows.pivot(index=seed, columns="width", values=column).astype(float)
    if table.shape[1] < least_widths:
        return pd.Series(np.nan, table.index)
    x = np.log(table.columns.to_numpy(dtype=float))
    x -= x.mean()
    return np.log(table.where(np.isfinite(table) & (table > 0))) @ x / (x @ x)
