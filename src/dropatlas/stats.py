"""Intervals and tests the result tables and the claim ledger rest on, on top of scipy."""

from dataclasses import dataclass

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
