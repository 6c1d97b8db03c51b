"""Numbers that the judge, figures and captions of the precision table read off it."""

import numpy as np
import pandas as pd

ORDERS = ("folded", "plain")
"""Orders of operations (`dropatlas.phases.precision`); float64, the reference, is folded."""
DIVERGED = 1.0
"""Error over the movement with which a network counts that has diverged in low precision: the whole movement."""


def at_largest_width(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the widest networks."""
    return rows[rows.width == rows.width.max()]


def final_errors(rows: pd.DataFrame) -> pd.DataFrame:
    """The last measurement of every network; one that has diverged counts with an error of `DIVERGED`.

    Args:
        rows: Table `phases/precision`.
    """
    final = rows[rows.step == rows.groupby(["regime", "width"]).step.transform("max")]
    return final.assign(relative_error=final.relative_error.replace(np.inf, DIVERGED))


def typical_errors(rows: pd.DataFrame) -> pd.Series:
    """Error over the movement at the end, at the largest width of a regime: geometric mean over seeds.

    Args:
        rows: Table `phases/precision`.

    Returns:
        By regime, precision and order, without float64, the reference.
    """
    final = final_errors(rows)
    largest = final[(final.width == final.groupby("regime").width.transform("max")) & (final.precision != "float64")]
    return np.exp(
        np.log(largest.relative_error).groupby([largest.regime, largest.precision, largest.order], sort=False).mean()
    )
