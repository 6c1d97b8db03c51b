"""What the rows of many runs say: when each reached a goal, and whether its cell learns at all."""

from collections.abc import Callable

import numpy as np
import pandas as pd


def first_step_where(frame: pd.DataFrame, reached: Callable[[pd.DataFrame], pd.Series], keys: list[str]) -> pd.Series:
    """First measured step of every run at which a condition holds.

    Args:
        frame: Rows of many runs, several steps each.
        reached: Condition, as a boolean series over the rows of `frame`.
        keys: Columns that tell runs apart.

    Returns:
        Step by run; NaN (censored) where the condition never held.
    """
    steps = frame.step.where(reached(frame))
    return steps.groupby([frame[key] for key in keys], sort=False).min()


def aligned(values: pd.Series, rows: pd.DataFrame, keys: list[str]) -> np.ndarray:
    """Values by run in the order of `rows`, whose columns `keys` tell runs apart."""
    index = pd.MultiIndex.from_frame(rows[keys]) if len(keys) > 1 else pd.Index(rows[keys[0]])
    return values.reindex(index).to_numpy()


def steps_until(frame: pd.DataFrame, reached: Callable[[pd.DataFrame], pd.Series], keys: list[str]) -> pd.DataFrame:
    """Steps that every run needs until a condition holds; runs that never get there are censored.

    Args:
        frame: Rows of many runs, measured at the same steps.
        reached: As in `first_step_where`.
        keys: Columns that tell runs apart.

    Returns:
        The last row of every run with `steps`, those of the whole run if it is `censored`.
    """
    horizon = frame.step.max()
    final = frame[frame.step == horizon]
    first = aligned(first_step_where(frame, reached, keys), final, keys).astype(np.float64)
    return final.assign(steps=np.where(np.isnan(first), horizon, first), censored=np.isnan(first))


def control_learns(final: pd.DataFrame, keys: list[str], target: float, rows: pd.DataFrame | None = None) -> pd.Series:
    """Whether networks without dropout learn, for every run's cell.

    Args:
        final: Final rows of all runs, with `variant` and `loss_ratio`.
        keys: Columns that say which control belongs to which run.
        target: Loss ratio that counts as learned.
        rows: Rows that are asked about, with the columns `keys`; None: `final`.

    Returns:
        Aligned with `rows`: True if at least half of the cell's runs of variant "none" reach the target. Where not, the
        cell says nothing about masks: it is undecidable.
    """
    rows = final if rows is None else rows
    controls = final[final.variant == "none"].groupby(keys)
    learned = controls.loss_ratio.apply(lambda ratio: (ratio <= target).mean() >= 0.5)
    return pd.Series(aligned(learned, rows, keys), index=rows.index).eq(True)  # a cell without a control: False
