"""Exponents over the width as judges, figures and captions read them off the tables: one per seed.

The widths of one seed share teacher and data, so that their points are not independent; the exponents of different
seeds are.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dropatlas.phases.rates import MOST_PENALTY
from dropatlas.stats import Interval, known_seeds, mean_interval

LEAST_WIDTHS = 3
"""With fewer there is no exponent: a line through two points says nothing about a power law."""


def seed_slopes(rows: pd.DataFrame, column: str) -> pd.Series:
    """Exponent of a column over the width for every seed, by least squares in logarithms.

    Args:
        rows: One row per seed and width: `seed`, `width`, the column, and `diverged` where runs can diverge.
        column: The quantity.

    Returns:
        By seed; NaN where the value is missing, not positive or of a run that diverged at any of the widths, and with
        fewer than three widths.
    """
    values = rows[column].where(~rows.diverged) if "diverged" in rows else rows[column]
    table = rows.assign(value=values).pivot(index="seed", columns="width", values="value").astype(float)
    if table.shape[1] < LEAST_WIDTHS:
        return pd.Series(np.nan, table.index)
    x = np.log(table.columns.to_numpy(dtype=float))
    x -= x.mean()
    return np.log(table.where(np.isfinite(table) & (table > 0))) @ x / (x @ x)


def distance_slopes(rows: pd.DataFrame, variant: str, step: int) -> pd.Series:
    """Exponent per seed of a variant's RMS distance to dropout after so many steps.

    Args:
        rows: Table `phases/teacher_student`.
        variant: Any but dropout.
        step: Steps done.
    """
    return seed_slopes(rows[(rows.variant == variant) & (rows.step == step)], "rms_distance")


def predicted_slope(kappa: float) -> float:
    """Exponent in n of the penalty effect over the movement at τ ∝ n^(-κ): that of β, κ - 1 or, from κ = 1 on, 0."""
    return min(0.0, kappa - 1)


def penalty_shares(rows: pd.DataFrame) -> pd.DataFrame:
    """The networks that were run, with the penalty effect as a `share` of the movement; NaN where one diverged.

    Args:
        rows: Table `phases/penalty`.
    """
    runs = rows[rows.status != "over budget"]
    share = runs.penalty_effect / runs.movement
    return runs.assign(share=share.where((runs.status == "ok") & np.isfinite(share)))


def penalty_slopes(rows: pd.DataFrame, family: str = MOST_PENALTY) -> dict[float, pd.Series]:
    """Exponent per seed of the penalty effect (as a share of the movement), for every κ of a family.

    Args:
        rows: Table `phases/penalty`.
        family: One of `rates.MOST_PENALTY`, `HELD` and `FIXED`.
    """
    runs = penalty_shares(rows)
    return {kappa: seed_slopes(part, "share") for kappa, part in runs[runs.family == family].groupby("exponent")}


def penalty_at_largest(rows: pd.DataFrame, kappa: float) -> pd.DataFrame:
    """The networks of one κ of "most penalty" at the largest width that was run, one row per seed.

    Args:
        rows: Table `phases/penalty`.
        kappa: Exponent of τ ∝ n^(-κ).
    """
    runs = penalty_shares(rows)
    runs = runs[(runs.family == MOST_PENALTY) & (runs.exponent == kappa)]
    return runs[runs.width == runs.width.max()]


def mean_exponent(slopes: Sequence[float] | pd.Series) -> Interval | None:
    """Mean exponent with its 95 % t interval over seeds.

    Args:
        slopes: One per seed, NaN where there is none.

    Returns:
        None where a judge takes it for unknown, too: with fewer than five seeds, or than half of them.
    """
    known = known_seeds(slopes)
    return mean_interval(known) if len(known) else None
