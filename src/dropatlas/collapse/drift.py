"""What the drift bound E‖w_T - w_0‖ <= M θ Σα (arXiv 2512.13853, Theorem V.3) needs of a run: an estimate of M."""

from typing import NamedTuple

import numpy as np
import pandas as pd

LEAST_STEPS = 20
"""Steps with a path that the mean of an interval needs."""


class PooledGradients(NamedTuple):
    """Norm of the filtered gradient over steps with a path, pooled over the networks of a cell.

    Attributes:
        largest: Largest mean of an interval: the estimate of M = sup E[‖f ⊙ g‖ | path].
        mean: Mean of all these steps; NaN if there is none.
    """

    largest: float
    mean: float


def pooled_gradients(history: pd.DataFrame, least: int = LEAST_STEPS) -> PooledGradients:
    """Pool the gradient norms of all networks of one cell.

    Args:
        history: Rows of `runs.history`, with `step`, `path_gradient` and `crossed_steps` (both since the start).
        least: Intervals between measured steps with fewer crossed steps are joined with the following ones.
    """
    totals = (history.path_gradient * history.crossed_steps).fillna(0.0).groupby(history.step).sum()
    counts = history.crossed_steps.groupby(history.step).sum()
    largest, sum_before, count_before = 0.0, 0.0, 0.0
    for total, count in zip(totals, counts, strict=True):
        if count - count_before >= least:
            largest = max(largest, (total - sum_before) / (count - count_before))
            sum_before, count_before = total, count
    mean = totals.iloc[-1] / counts.iloc[-1] if counts.iloc[-1] else np.nan
    return PooledGradients(largest or mean, mean)
