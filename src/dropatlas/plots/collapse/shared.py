"""What the figures of training collapse share: colours, labels, error bars."""

from typing import Any, TypeVar

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from dropatlas.plots.style import COLOURS
from dropatlas.stats import Interval

VARIANT_COLOURS = {
    "none": "0.35",
    "dropout": COLOURS[0],
    "modified": COLOURS[2],
    "dropconnect": COLOURS[1],
    "modified_dropconnect": COLOURS[3],
    "inverted": COLOURS[4],
}


GAIN_LABELS = {"plain": "initial gain 1", "compensated": "initial gain $1/\\sqrt{q}$"}


Value = TypeVar("Value")


def sequential(values: list[Value]) -> dict[Value, tuple[float, float, float]]:
    """A colour of a sequence for every value."""
    return dict(zip(values, sns.color_palette("flare", len(values)), strict=True))


def error_bar(axes: Axes, x: float, found: Interval, **style: Any) -> None:
    """An estimate with its interval; nothing for an estimate that is no number."""
    if np.isfinite(found.estimate):
        low, high = (end if np.isfinite(end) else found.estimate for end in (found.low, found.high))
        axes.errorbar(x, found.estimate, [[found.estimate - low], [high - found.estimate]], **style)


def with_diverged(label: str, cell: pd.DataFrame) -> str:
    """The label of a cell, with a note if networks of it diverged and are not drawn."""
    last = cell[cell.step == cell.step.max()] if "step" in cell else cell
    return f"{label}\n{last.diverged.sum()} of {len(last)} diverged" if last.diverged.any() else label


def cell_rows(rows: pd.DataFrame, cell: tuple[int, int, float], variant: str | None = None) -> pd.DataFrame:
    """Rows of one (depth, width, drop rate of the cell), of one variant if given."""
    chosen = rows[(rows.depth == cell[0]) & (rows.width == cell[1]) & (rows.cell_drop_rate == cell[2])]
    return chosen if variant is None else chosen[chosen.variant == variant]


def constant_line(axes: Axes) -> None:
    """The loss of the best constant."""
    axes.axhline(1, color="0.4", lw=1, ls="--")
