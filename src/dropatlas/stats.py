"""Intervals and tests the result tables and the claim ledger rest on, on top of scipy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Interval:
    """An estimate with a confidence interval."""

    estimate: float
    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Whether `value` lies in the closed interval."""
        return self.low <= value <= self.high

    def __format__(self, form: str) -> str:
        """Estimate and interval as "0.47 [0.26, 0.68]"; `form` is the format of its three numbers (".3g")."""
        form = form or ".3g"
        return f"{self.estimate:{form}} [{self.low:{form}}, {self.high:{form}}]"


def binomial_interval(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Exact (Clopper-Pearson) interval of a proportion.

    Args:
        successes: Number of successes, in [0, trials].
        trials: Number of independent trials, at least 1.
        confidence: Coverage probability in (0, 1).

    Raises:
        ValueError: counts out of range (from scipy).
    """
    interval = stats.binomtest(int(successes), int(trials)).proportion_ci(confidence, method="exact")
    return Interval(successes / trials, float(interval.low), float(interval.high))


def binomial_p_value(successes: int, trials: int, probability: float) -> float:
    """Two-sided exact p-value of the hypothesis that each trial succeeds with `probability`.

    Probabilities that rounding pushed out of [0, 1] are clipped.
    """
    return float(stats.binomtest(int(successes), int(trials), float(np.clip(probability, 0.0, 1.0))).pvalue)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's step-down adjusted p-values, controlling the family-wise error rate.

    Args:
        p_values: Unadjusted p-values, shape (m,).

    Returns:
        Adjusted p-values in the given order, shape (m,).
    """
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values)
    steps = np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps * p_values[order]))
    return adjusted


LEAST_SEEDS = 5
"""Fewest seeds whose mean decides, or carries an interval."""


def known_seeds(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """The finite values, one per seed; none where they are fewer than five, or than half of all."""
    values = np.asarray(values, dtype=float)
    finite = values[np.isfinite(values)]
    return finite if len(finite) >= max(LEAST_SEEDS, len(values) / 2) else np.array([])


def mean_interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """Student-t interval of a mean over seeds.

    Args:
        values: One value per seed, shape (m,); those that are not finite are left out.
        confidence: Coverage probability in (0, 1).

    Returns:
        The interval; unbounded for fewer than two values.
    """
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    if len(values) < 2:
        centre = float(values[0]) if len(values) else np.nan
        return Interval(centre, -np.inf, np.inf)
    half = stats.t.ppf((1 + confidence) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return Interval(float(values.mean()), float(values.mean() - half), float(values.mean() + half))


def ratio_interval(numerators: np.ndarray, denominators: np.ndarray, confidence: float = 0.95) -> Interval:
    """Fieller's interval of the ratio of two means over the same seeds: the ratios that a paired t test allows.

    Args:
        numerators: One value per seed, shape (m,), m >= 2, all finite.
        denominators: The same, of positive mean.
        confidence: Coverage probability in (0, 1).

    Returns:
        The interval; unbounded where the denominator is not clearly different from 0.
    """
    y, x = float(np.mean(numerators)), float(np.mean(denominators))
    spread = np.cov(numerators, denominators, ddof=1) / len(numerators)
    t2 = stats.t.ppf((1 + confidence) / 2, len(numerators) - 1) ** 2
    a, b, c = x * x - t2 * spread[1, 1], x * y - t2 * spread[0, 1], y * y - t2 * spread[0, 0]
    if a <= 0:
        return Interval(y / x, -np.inf, np.inf)
    root = np.sqrt(max(b * b - a * c, 0.0))
    return Interval(y / x, float((b - root) / a), float((b + root) / a))


def mean_p_value(
    values: np.ndarray, centre: float = 0.0, alternative: Literal["two-sided", "less", "greater"] = "two-sided"
) -> float:
    """One-sample t test of the hypothesis that the mean is `centre`.

    Args:
        values: One value per seed, shape (m,), all finite.
        centre: Hypothetical mean.
        alternative: Side on which the mean is suspected.

    Returns:
        The p-value; 1 for fewer than two values. Without any spread the answer is certain: 0 or 1.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return 1.0
    if np.ptp(values) == 0:
        side = np.sign(values[0] - centre)
        return float(not {"two-sided": side != 0, "less": side < 0, "greater": side > 0}[alternative])
    return float(stats.ttest_1samp(values, centre, alternative=alternative).pvalue)


def bootstrap_interval(
    samples: np.ndarray,
    statistic: Callable[[np.ndarray], float],
    rng: np.random.Generator,
    confidence: float = 0.95,
    resamples: int = 1000,
) -> Interval:
    """Percentile bootstrap interval of a statistic, for what has no t interval (a rank correlation, a ratio of means).

    Args:
        samples: One row per independent unit, mostly a seed, shape (m, ...); whole rows are drawn with replacement.
        statistic: Takes such an array of m rows.
        rng: Source of the resampling.
        confidence: Coverage probability in (0, 1). With few rows the real coverage is lower: some 90 % for ten.
        resamples: Number of bootstrap samples.

    Returns:
        The interval; unbounded for fewer than two rows.
    """
    samples = np.asarray(samples)
    if len(samples) < 2:
        return Interval(float(statistic(samples)) if len(samples) else np.nan, -np.inf, np.inf)
    found = stats.bootstrap(
        (np.arange(len(samples)),),
        lambda rows: statistic(samples[rows]),
        vectorized=False,
        n_resamples=resamples,
        confidence_level=confidence,
        method="percentile",
        rng=rng,
    ).confidence_interval
    return Interval(float(statistic(samples)), float(found.low), float(found.high))
