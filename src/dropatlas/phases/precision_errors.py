"""Numbers that the judge, figures and captions of the precision table read off it."""

import numpy as np
import pandas as pd


def at_largest_width(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the widest networks."""
    return rows[rows.width == rows.width.max()]


def final_errors(rows: pd.DataFrame) -> pd.DataFrame:
    """The last measurement of every network.

    Args:
        rows: Table `phases/precision`.
    """
    return rows[rows.step == rows.groupby(["regime", "width"]).step.transform("max")]


def typical_errors(rows: pd.DataFrame) -> pd.Series:
    """Error over the movement at the end, at the largest width of a regime: geometric mean over seeds.

    Args:
        rows: Table `phases/precision`.

    Returns:
        By regime and precision, without float64, the reference.
    """
    final = final_errors(rows)
    largest = final[(final.width == final.groupby("regime").width.transform("max")) & (final.precision != "float64")]
    return np.exp(np.log(largest.relative_error).groupby([largest.regime, largest.precision], sort=False).mean())
