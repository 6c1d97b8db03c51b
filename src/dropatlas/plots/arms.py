"""How the arms of a comparison of regularisation methods are shown: colours, intervals, curves over epochs."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import AutoLocator

from dropatlas.plots.style import COLOURS
from dropatlas.stats import Interval, mean_interval

ARM_COLOURS = {
    "none": "0.35",
    "dropout": COLOURS[0],
    "dropconnect": COLOURS[1],
    "dropconnect_dense": COLOURS[8],
    "standout": COLOURS[4],
    "ddc": COLOURS[2],
    "drop_big_gradient": COLOURS[3],
    "drop_small_weight": COLOURS[5],
    "drop_big_weight": COLOURS[6],
}


def reach(found: Interval) -> list[list[float]]:
    """Error bar of an interval; none where it is unbounded."""
    if not np.isfinite([found.low, found.high]).all():
        return [[0.0], [0.0]]
    return [[found.estimate - found.low], [found.high - found.estimate]]


def over_epochs(axes: Axes, rows: pd.DataFrame, column: str, label: str, colour: str | tuple[float, ...]) -> None:
    """Mean of a column over seeds against the epoch, with its 95 % t interval; diverged runs are left out.

    Args:
        axes: Panel drawn into.
        rows: Runs and epochs of one arm; nothing is drawn if the column holds no value.
        column: What is drawn.
        label: Name of the curve.
        colour: Its colour.
    """
    table = rows[~rows.diverged].pivot(index="epoch", columns="seed", values=column)
    if table.empty or table.isna().all(axis=None):
        return
    found = [mean_interval(values) for values in table.to_numpy()]
    axes.plot(table.index, [each.estimate for each in found], "o-", ms=3, color=colour, label=label)
    ends = np.array([(each.low, each.high) for each in found])
    known = np.isfinite(ends).all(axis=1)
    axes.fill_between(table.index[known], *ends[known].T, color=colour, alpha=0.15, lw=0)
    locator = AutoLocator()
    locator.set_params(integer=True)
    axes.xaxis.set_major_locator(locator)
