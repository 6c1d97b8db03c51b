"""Ratios of two means of positive numbers, with an interval on the log scale: it never reaches below 0.

Both means are uncertain, and the interval says so (delta method). It is a Student-t interval; for two groups of
networks with Welch's degrees of freedom. Coverage, by simulation (tests): 93 % or more at 20 networks a group with
coefficients of variation up to 0.7, at 40 with up to 1.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

from dropatlas.stats import LEAST_SEEDS, Interval


class LogRatio(NamedTuple):
    """Logarithm of a ratio of means.

    Attributes:
        estimate: The logarithm; NaN if there is none.
        error: Its standard error.
        freedom: Degrees of freedom of the t distribution.
        n: Networks behind the smaller group.
    """

    estimate: float
    error: float
    freedom: float
    n: int

    def interval(self) -> Interval:
        """The ratio with its 95 % interval; unbounded above where nothing is known."""
        if not np.isfinite(self.estimate):
            return Interval(np.nan, 0.0, np.inf)
        half = stats.t.ppf(0.975, self.freedom) * self.error
        low, centre, high = np.exp([self.estimate - half, self.estimate, self.estimate + half]).tolist()
        return Interval(centre, low, high)

    def p_below(self, limit: float) -> float:
        """p-value of the hypothesis that the ratio is at least `limit` (small: it is shown to be lower)."""
        return self._p_value(np.log(limit) - self.estimate)

    def p_above(self, limit: float) -> float:
        """p-value of the hypothesis that the ratio is at most `limit` (small: it is shown to be higher)."""
        return self._p_value(self.estimate - np.log(limit))

    def _p_value(self, distance: float) -> float:
        if self.error == 0:  # nothing varies: the answer is certain
            return float(distance <= 0)
        return float(stats.t.sf(distance / self.error, self.freedom))

    def over(self, other: "LogRatio") -> "LogRatio":
        """This ratio over an independent one."""
        return _combined(self.estimate - other.estimate, self.error, self.freedom, other.error, other.freedom, self.n)


UNKNOWN = LogRatio(np.nan, np.nan, np.nan, 0)


def _combined(estimate: float, error: float, freedom: float, other: float, other_freedom: float, n: int) -> LogRatio:
    """Two independent standard errors as one, with Welch's degrees of freedom."""
    both = np.hypot(error, other)
    if both == 0 or not np.isfinite(both):
        return LogRatio(estimate, float(both), freedom, n)
    welch = both**4 / (error**4 / freedom + other**4 / other_freedom)
    return LogRatio(estimate, float(both), float(welch), n)


def _usable(*groups: np.ndarray) -> bool:
    return all(len(values) >= LEAST_SEEDS and np.isfinite(values).all() for values in groups)


def ratio_to_bound(movement: np.ndarray, sums: np.ndarray, counts: np.ndarray, factor: float) -> LogRatio:
    """Mean of `movement` over factor * (Σ sums / Σ counts), the latter from *other* networks.

    Args:
        movement: One number per network, shape (m,).
        sums: Sum of gradient norms of every network of the other group, shape (k,).
        counts: How many norms each of these sums has, shape (k,).
        factor: What the mean norm is multiplied by in the bound, such as θ Σα.

    Returns:
        The ratio; unknown with fewer than five networks in a group, a number that is none, or a mean that is 0.
    """
    movement, sums, counts = (np.asarray(values, dtype=float) for values in (movement, sums, counts))
    if not _usable(movement, sums, counts) or min(movement.mean(), sums.sum(), counts.sum()) <= 0:
        return UNKNOWN
    mean_norm = sums.sum() / counts.sum()
    influence = (sums - mean_norm * counts) / sums.mean()  # what each network contributes to the error of its log
    above, below = len(movement) - 1, len(sums) - 1
    return _combined(
        float(np.log(movement.mean() / (mean_norm * factor))),
        float(movement.std(ddof=1) / movement.mean() / np.sqrt(len(movement))),
        above,
        float(influence.std(ddof=1) / np.sqrt(len(sums))),
        below,
        min(len(movement), len(sums)),
    )


def paired_ratio(numerators: np.ndarray, denominators: np.ndarray) -> LogRatio:
    """Ratio of the means of two numbers of the same networks.

    Args:
        numerators: One number per seed, shape (m,).
        denominators: The other number of the same seeds, shape (m,).

    Returns:
        The ratio; unknown with fewer than five seeds, a number that is none, or a mean that is 0.
    """
    numerators, denominators = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)
    if not _usable(numerators, denominators) or min(numerators.mean(), denominators.mean()) <= 0:
        return UNKNOWN
    influence = numerators / numerators.mean() - denominators / denominators.mean()
    m = len(numerators)
    error = float(influence.std(ddof=1) / np.sqrt(m))
    # what cancels exactly leaves rounding behind
    error = 0.0 if error < 1e-12 else error
    return LogRatio(float(np.log(numerators.mean() / denominators.mean())), error, m - 1, m)
