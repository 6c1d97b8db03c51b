"""How much of dropout's effect on the test risk the random metric has (Figure 3): what judge and figure read."""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from dropatlas.stats import mean_p_value

WINDOW = (2000, 16000)
"""The published figure shows the steps above the first and up to the second."""
PUBLISHED_WIDTH, PUBLISHED_RATE = 4000, 0.4
"""Neurons n and drop rate p of the published figure."""

CLEAR = 0.025
"""Level of the one-sided test of dropout's effect."""

Reading = Literal["best", "chosen", "mean", "last"]
READINGS: dict[Reading, str] = {
    "best": "lowest of each run, as the authors",
    "chosen": "at each run's lowest validation risk",
    "mean": "mean over the steps",
    "last": "at the last step",
}
"""How the test risks of a run along the window become one number."""


def risks_of_runs(rows: pd.DataFrame, reading: Reading = "best", window: tuple[int, int] = WINDOW) -> pd.DataFrame:
    """Test risk of every network within a window of steps.

    Args:
        rows: Table `phases/digit_pair`.
        reading: Which number of the window.
        window: Steps above the first and up to the second.

    Returns:
        One column per variant, one row per `width`, `drop_rate` and `seed`; the networks without dropout, which have no
        drop rate, stand in every row of their seed. NaN where a run diverged or was not made.
    """
    inside = rows[(rows.step > window[0]) & (rows.step <= window[1])]
    inside = inside.assign(risk=inside.risk.where(~inside.diverged))
    run = ["width", "drop_rate", "variant", "seed"]
    risk = inside.pivot(index=[*run, "step"], columns="part", values="risk").reindex(columns=["validation", "test"])
    lost = risk.isna().any(axis=1).groupby(run).any()
    groups = risk.test.groupby(run)
    match reading:
        case "best":
            found = groups.min()
        case "mean":
            found = groups.mean()
        case "last":
            found = groups.last()
        case "chosen":
            lowest = risk.validation.fillna(np.inf).groupby(run).idxmin()
            found = pd.Series(risk.test.reindex(lowest).to_numpy(), lowest.index, dtype=float)
    table = found.where(~lost).unstack("variant").reset_index("drop_rate")
    none = table.none[table.drop_rate == 0] if "none" in table else pd.Series(np.nan, table.index.unique())
    masked = table[table.drop_rate > 0].drop(columns="none", errors="ignore")
    return masked.assign(none=none.reindex(masked.index)).set_index("drop_rate", append=True).swaplevel().sort_index()


class Effects(NamedTuple):
    """Differences of test risk of one cell, one number per seed.

    Attributes:
        dropout: No dropout minus dropout: what dropout gains.
        variant: No dropout minus the variant in question.
        none: Test risk without dropout.
    """

    dropout: np.ndarray
    variant: np.ndarray
    none: np.ndarray

    @property
    def known(self) -> bool:
        """Whether all runs are there and finite."""
        return len(self.none) > 0 and bool(np.isfinite([self.dropout, self.variant]).all())

    @property
    def gain_p_value(self) -> float:
        """One-sided p-value of "dropout does not lower the test risk"."""
        return mean_p_value(self.dropout, 0.0, "greater") if self.known else 1.0

    @property
    def tells(self) -> bool:
        """Whether dropout clearly lowers the test risk, so that a share of its effect means something."""
        return self.gain_p_value <= CLEAR


def effects(risks: pd.DataFrame, width: int, drop_rate: float, variant: str = "ram") -> Effects:
    """Differences of one cell.

    Args:
        risks: From `risks_of_runs`.
        width: Neurons n.
        drop_rate: Removal probability p.
        variant: Whose share of dropout's effect is asked for; "none" is the control that has no share.
    """
    index = risks.index
    here = (index.get_level_values("width") == width) & np.isclose(index.get_level_values("drop_rate"), drop_rate)
    cell = risks[here].reindex(columns=["none", "dropout", variant] if variant != "none" else ["none", "dropout"])
    none, dropout, other = (cell[name].to_numpy(dtype=float) for name in ("none", "dropout", variant))
    return Effects(none - dropout, none - other, none)


def shares_of_seeds(cell: Effects) -> np.ndarray:
    """The share of dropout's effect that a variant has, linearised: its mean is the ratio of the mean effects.

    A seed's own ratio has a noisy denominator; s + (variant_i - s·dropout_i)/mean(dropout) has the same mean to first
    order, and the spread of the ratio of means, so that shares of two widths can be compared by a paired t test.
    """
    share = cell.variant.mean() / cell.dropout.mean()
    return share + (cell.variant - share * cell.dropout) / cell.dropout.mean()
