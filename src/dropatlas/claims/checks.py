"""Numbers against bands: one function per kind of number, each with the test that belongs to it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from dropatlas.claims.parts import LEVEL, UNKNOWN, Band, Check
from dropatlas.stats import (
    LEAST_SEEDS,
    Interval,
    binomial_interval,
    holm,
    known_seeds,
    mean_interval,
    mean_p_value,
    ratio_interval,
)

ANYWHERE: Band = (-np.inf, np.inf)
"""No limit: nothing lies outside."""

NORM: Band = (0.0, np.inf)
"""Support of a number that cannot be negative."""


def no_number(where: str, band: Band) -> Check:
    """A check without evidence: it stays open."""
    return Check(where, UNKNOWN, band, 0, 1.0, 1.0)


def all_known(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """The values, one per seed; none where one of them is no number, which nothing may explain away."""
    values = np.asarray(values, dtype=float)
    return values if np.isfinite(values).all() else np.array([])


def mean_check(
    where: str,
    values: Sequence[float] | np.ndarray,
    band: Band,
    *,
    fails_outside: Band | None = None,
    log: bool = False,
    support: Band = ANYWHERE,
) -> Check:
    """A mean over seeds; one-sided Student t tests against the ends of the band.

    Args:
        where: Which networks it is of.
        values: One value per seed; without enough finite ones (`known_seeds`) the check stays open.
        band: What must be shown.
        fails_outside: The band outside of which the number fails, where that is not `band`: a gain may have to be more
            than nothing to hold, and fails where it is less than what would matter.
        log: Take the geometric mean; a value that is not positive is no number.
        support: Lowest and highest number possible, such as 0 for a norm; the interval shown ends there.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = known_seeds(np.log(values) if log else values)
    if not len(seen):
        return no_number(where, band)

    def scaled(ends: Band) -> Band:
        return (_log(ends[0]), _log(ends[1])) if log else ends

    value = mean_interval(seen)
    if log:
        value = Interval(*np.exp([value.estimate, value.low, value.high]).tolist())
    value = Interval(value.estimate, max(value.low, support[0]), min(value.high, support[1]))
    inside, outside = mean_tests(seen, scaled(band)), mean_tests(seen, scaled(fails_outside or band))
    return Check(where, value, band, len(seen), inside[0], outside[1])


def _log(end: float) -> float:
    return end if np.isinf(end) else float(np.log(end)) if end > 0 else -np.inf


def mean_tests(values: np.ndarray, band: Band) -> tuple[float, float]:
    """p-values of "the mean lies outside the band" and of "it lies inside", one-sided t tests of its ends."""
    low, high = band
    above_low, below_high = 0.0, 0.0
    beyond = 1.0
    if np.isfinite(low):
        above_low = mean_p_value(values, low, "greater")
        beyond = mean_p_value(values, low, "less")
    if np.isfinite(high):
        below_high = mean_p_value(values, high, "less")
        beyond = min(beyond, mean_p_value(values, high, "greater"))
    return max(above_low, below_high), beyond


def ratio_check(
    where: str,
    numerators: Sequence[float] | np.ndarray,
    denominators: Sequence[float] | np.ndarray,
    band: Band,
    *,
    fails_outside: Band | None = None,
    support: Band = ANYWHERE,
) -> Check:
    """A ratio of two means over the same seeds; one-sided t tests of numerator - end·denominator (Fieller).

    Args:
        where: Which networks it is of.
        numerators: One value per seed.
        denominators: One value per seed, in the same order, of positive mean. A pair with a value that is no number
            leaves the check open.
        band: What must be shown.
        fails_outside: The band outside of which the ratio fails, where that is not `band`.
        support: Lowest and highest number possible; the interval shown ends there.
    """
    pairs = np.column_stack([numerators, denominators]).astype(float)
    if not np.isfinite(pairs).all() or len(pairs) < LEAST_SEEDS or pairs[:, 1].mean() <= 0:
        return no_number(where, band)
    value = ratio_interval(pairs[:, 0], pairs[:, 1])
    value = Interval(value.estimate, max(value.low, support[0]), min(value.high, support[1]))
    inside, outside = (_ratio_tests(pairs, ends) for ends in (band, fails_outside or band))
    return Check(where, value, band, len(pairs), inside[0], outside[1])


def _ratio_tests(pairs: np.ndarray, band: Band) -> tuple[float, float]:
    """p-values of "the ratio lies outside the band" and of "it lies inside", for a positive denominator."""
    inside, beyond = 0.0, 1.0
    for end, sign in ((band[0], 1), (band[1], -1)):
        if np.isfinite(end):
            within = sign * (pairs[:, 0] - end * pairs[:, 1])
            inside = max(inside, mean_p_value(within, 0.0, "greater"))
            beyond = min(beyond, mean_p_value(within, 0.0, "less"))
    return inside, beyond


def share_check(where: str, successes: int, trials: int, band: Band, *, fails_outside: Band | None = None) -> Check:
    """A share of independent trials; exact binomial tests against the ends of the band.

    Args:
        where: Which trials they are.
        successes: Number of successes.
        trials: Number of independent trials; none: the check stays open.
        band: What must be shown; a lower end of 0 or an upper end of 1 is no limit.
        fails_outside: The band outside of which the share fails, where that is not `band`.
    """
    if not trials:
        return no_number(where, band)
    inside, outside = (_share_tests(successes, trials, ends) for ends in (band, fails_outside or band))
    return Check(where, binomial_interval(successes, trials), band, trials, inside[0], outside[1])


def _share_tests(successes: int, trials: int, band: Band) -> tuple[float, float]:
    """p-values of "the share lies outside the band" and of "it lies inside", one-sided tests of its ends."""
    low, high = band
    inside, beyond = 0.0, 1.0
    if low > 0:
        inside = float(stats.binom.sf(successes - 1, trials, low))
        beyond = float(stats.binom.cdf(successes, trials, low))
    if high < 1:
        inside = max(inside, float(stats.binom.cdf(successes, trials, high)))
        beyond = min(beyond, float(stats.binom.sf(successes - 1, trials, high)))
    return inside, beyond


def exact_check(where: str, value: float, band: Band, n: int = 1, *, fails_outside: Band | None = None) -> Check:
    """A number computed without sampling: certainly inside its band or outside; NaN stays open.

    Args:
        where: What it is of.
        value: The number.
        band: What must be shown.
        n: Numbers that it sums up.
        fails_outside: The band outside of which it fails, where that is not `band`: between both it is open.
    """
    if not np.isfinite(value):
        return no_number(where, band)
    low, high = fails_outside or band
    holds, fails = band[0] <= value <= band[1], not low <= value <= high
    return Check(where, Interval(value, value, value), band, n, float(not holds), float(not fails))


def never_check(where: str, events: int, trials: int, least_trials: int) -> Check:
    """That something never happens: one event is enough to fail; it holds after enough trials without any.

    Args:
        where: What never happens.
        events: How often it has happened.
        trials: Independent trials.
        least_trials: Trials without an event from which on it holds.
    """
    if not trials:
        return no_number(where, (0.0, 0.0))
    value = binomial_interval(events, trials)
    holds = not events and trials >= least_trials
    return Check(where, value, (0.0, 0.0), trials, float(not holds), float(not events))


def bootstrap_check(
    where: str,
    samples: np.ndarray,
    statistic: Callable[[np.ndarray], float],
    band: Band,
    rng: np.random.Generator,
    resamples: int = 1999,
) -> Check:
    """A statistic without a t test, such as a rank correlation; shares of bootstrap samples beyond the band's ends.

    A bootstrap of few rows is too narrow, by sqrt((m - 1) / m) and by the normal in place of the t distribution; its
    shares are widened for both (Hesterberg's expanded percentile interval).

    Args:
        where: What it is of.
        samples: One row per independent unit, mostly a seed, shape (m, ...); fewer than five: the check stays open.
        statistic: Takes such an array of m rows; NaN is "undefined".
        band: What must be shown.
        rng: Source of the resampling.
        resamples: Number of bootstrap samples.
    """
    samples = np.asarray(samples)
    m = len(samples)
    if m < LEAST_SEEDS or not np.isfinite(estimate := float(statistic(samples))):
        return no_number(where, band)
    draws = np.array([statistic(samples[rng.integers(m, size=m)]) for _ in range(resamples)])
    draws = np.sort(draws[np.isfinite(draws)])
    if len(draws) < resamples / 2:
        return no_number(where, band)

    def p_value(beyond: np.ndarray) -> float:
        share = (beyond.sum() + 1) / (len(draws) + 1)  # never zero, as the resamples are finite in number
        return float(stats.t.sf(stats.norm.isf(share) * np.sqrt((m - 1) / m), m - 1))

    low, high = band
    inside = max(p_value(draws <= low), p_value(draws >= high))
    beyond = min(
        p_value(draws >= low) if np.isfinite(low) else 1.0, p_value(draws <= high) if np.isfinite(high) else 1.0
    )
    tail = stats.norm.sf(stats.t.isf(LEVEL, m - 1) * np.sqrt(m / (m - 1)))
    rank = int(tail * (len(draws) + 1))
    ends = (draws[rank - 1], draws[-rank]) if rank else (-np.inf, np.inf)
    return Check(where, Interval(estimate, float(ends[0]), float(ends[1])), band, m, inside, beyond)


def one_of(checks: Sequence[Check]) -> Check:
    """That at least one number lies in its band: shown by any of them (Holm), refuted only by all."""
    p_holds = holm(np.array([check.p_holds for check in checks]))
    p_fails = [check.p_fails for check in checks]
    shown = checks[int(p_holds.argmin() if p_holds.min() <= LEVEL else np.argmax(p_fails))]
    return replace(shown, p_holds=float(p_holds.min()), p_fails=max(p_fails))
