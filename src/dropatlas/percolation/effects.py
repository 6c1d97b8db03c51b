"""Selections and numbers of the percolation tables that figures, captions and verdicts share."""

import pandas as pd

UNCERTAIN = (0.001, 0.999)
"""Probabilities between which sampled masks can tell whether a formula is right; beyond them nearly all agree."""


def deepest(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the largest depth L."""
    return rows[rows.depth == rows.depth.max()]


def one_constant(laws: pd.DataFrame) -> pd.DataFrame:
    """Rows of the smallest constant C of W = floor((C log n)^tau); the others look alike."""
    return laws[laws.constant == laws.constant.min()]


def uncertain(rows: pd.DataFrame, probability: str = "theta") -> pd.DataFrame:
    """Rows whose exact `probability` (a column) lies within `UNCERTAIN`."""
    low, high = UNCERTAIN
    return rows[(rows[probability] > low) & (rows[probability] < high)]


def excess(cells: pd.DataFrame) -> pd.Series:
    """Sampled minus exact crossing probability of every cell of `percolation/crossing_probability`."""
    return cells.estimate - cells.theta


def missed(rows: pd.DataFrame, probability: str = "theta") -> pd.Series:
    """Whether the interval of the sampled masks misses the exact `probability` (a column), by row."""
    return (rows.interval_low > rows[probability]) | (rows.interval_high < rows[probability])


def exactly_known(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of `percolation/topologies` with a closed form, not only bounds, whose value is `uncertain`."""
    return uncertain(rows[rows.known_low == rows.known_high], "known_low")


def last_thresholds(rows: pd.DataFrame, exponent: float) -> pd.DataFrame:
    """Thresholds (the p where theta = 1/2) of the exact curves at the largest n that was solved, for one exponent.

    Args:
        rows: Rows of one model of `percolation/finite_thresholds`.
        exponent: tau of W = (C log n)^tau.

    Returns:
        One row per constant C (index), with `distance`, that of the threshold to its limit; none if tau was not run.
    """
    curves = rows[(rows.curve == "exact") & (rows.exponent == exponent)]
    last = curves.sort_values("log10_n").groupby("constant").last()
    return last.assign(distance=(last.half_probability - last.limit).abs())
