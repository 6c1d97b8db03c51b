"""The largest widths of a table, on which a law for n → ∞ is fitted where narrower networks are off their limit."""

import numpy as np
import pandas as pd

WIDEST = 3
"""Widths that are fitted: no exponent comes from fewer."""


def of_widest(rows: pd.DataFrame, count: int | None = WIDEST) -> pd.DataFrame:
    """The rows at so many of the largest widths.

    Args:
        rows: Any table with a column `width`.
        count: How many widths; None: all.
    """
    return rows if count is None else rows[rows.width.isin(np.sort(rows.width.unique())[-count:])]
