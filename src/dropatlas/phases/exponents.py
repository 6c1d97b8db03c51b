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
SHARES = np.linspace(-1.0, 1.0, 401)


def seed_slopes(rows: pd.DataFrame, column: str, over: str = "width") -> pd.Series:
    """Exponent of a column over the width for every seed, by least squares in logarithms.

    Args:
        rows: One row per seed and width: `seed`, `width`, the column, and `diverged` where runs can diverge.
        column: The quantity.
        over: What takes the place of the width, such as `depth`.

    Returns:
        By seed; NaN where the value is missing, not positive or of a run that diverged at any of the widths, and with
        fewer than three widths.
    """
    table = _by_seed(rows, column, over)
    if table.shape[1] < LEAST_WIDTHS:
        return pd.Series(np.nan, table.index)
    x = np.log(table.columns.to_numpy(dtype=float))
    x -= x.mean()
    return np.log(table.where(np.isfinite(table) & (table > 0))) @ x / (x @ x)


def _by_seed(rows: pd.DataFrame, column: str, over: str) -> pd.DataFrame:
    """Values by seed (rows) and width (columns, ascending); NaN where a run diverged."""
    values = rows[column].where(~rows.diverged) if "diverged" in rows else rows[column]
    return rows.assign(value=values).pivot(index="seed", columns=over, values="value").astype(float)


def plateau_shares(rows: pd.DataFrame, column: str, power: float = 1.0) -> pd.Series:
    """Share s = D²/d² that is left of a squared distance at the largest width as n → ∞, by seed.

    Fit of d² = D² + c/n^p by least squares in log d, since errors are relative: with N the largest width,
    d² ∝ s + (1 - s) (N/n)^p, and s is searched on a grid of [-1, 1] in steps of 0.005. The law has s = 0, a constant
    distance s = 1, as the exponent alone would not tell from a slow approach to D > 0; noise, or a distance that falls
    faster, makes s negative.

    Args:
        rows: One row per seed and width: `seed`, `width`, the column, and `diverged` where runs can diverge.
        column: The distance.
        power: p.

    Returns:
        By seed; NaN as in `seed_slopes`.
    """
    slopes = seed_slopes(rows, column)
    widths = np.sort(rows.width.unique())
    if len(widths) < LEAST_WIDTHS:
        return slopes
    squares = 2 * np.log(_by_seed(rows, column, "width")[slopes.notna()])
    laws = np.log(SHARES[:, None] + (1 - SHARES[:, None]) * (widths[-1] / widths) ** power)
    errors = squares.to_numpy()[:, None, :] - laws
    best = errors.var(axis=-1).argmin(axis=-1)
    return pd.Series(SHARES[best], squares.index).reindex(slopes.index)


def relative_distances(rows: pd.DataFrame) -> pd.DataFrame:
    """Distance of RaM to dropout over that of no dropout, as `relative`, for every seed, depth and width.

    Args:
        rows: Table `phases/residual` at one branch exponent. NaN where one of both diverged or was not run.
    """
    known = rows.assign(distance=rows.distance.where(~rows.diverged))
    table = known.pivot(index=["seed", "depth", "width"], columns="variant", values="distance")
    table = table.reindex(columns=["ram", "none"])
    return (table.ram / table.none).rename("relative").reset_index()


def depth_slopes(rows: pd.DataFrame) -> pd.Series:
    """Exponent in the depth of `relative_distances` by seed, the mean of those at all widths.

    Args:
        rows: Table `phases/residual` at one branch exponent.

    Returns:
        By seed; NaN where one of the distances is no number, and with fewer than three depths.
    """
    slopes = [seed_slopes(part, "relative", "depth") for _, part in relative_distances(rows).groupby("width")]
    return pd.concat(slopes, axis=1).mean(axis=1, skipna=False) if slopes else pd.Series(dtype=float)


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
