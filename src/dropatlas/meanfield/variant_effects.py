"""Numbers that figures and claims read off the tables of the coupled variants (arXiv 2510.07554, Figures 2 and 3)."""

import numpy as np
import pandas as pd

from dropatlas.stats import Interval, holm, mean_interval, mean_p_value


def width_exponent(rows: pd.DataFrame, variant: str, step: int) -> Interval | None:
    """Exponent of a variant's RMS distance to dropout over the width: one slope per repeat, t interval over repeats.

    The widths of one repeat share teacher and data, so that their points are not independent; the slopes of different
    repeats are.

    Args:
        rows: Table `phases/teacher_student`.
        variant: Any but dropout.
        step: Steps done.

    Returns:
        None with fewer than three widths or two complete repeats.
    """
    chosen = rows[(rows.variant == variant) & (rows.step == step) & ~rows.diverged]
    table = chosen.pivot_table(index="repeat", columns="width", values="rms_distance").dropna()
    if table.shape[0] < 2 or table.shape[1] < 3 or not (table > 0).all(axis=None):
        return None
    x = np.log(table.columns.to_numpy(dtype=float))
    x -= x.mean()
    return mean_interval(np.log(table.to_numpy()) @ x / (x @ x))


def effects_on_test_risk(rows: pd.DataFrame) -> pd.DataFrame:
    """Paired difference of final test risk to no dropout, by drop rate and variant.

    Args:
        rows: Table `phases/digit_pair`.

    Returns:
        `drop_rate`, `variant`, `effect`, `low`, `high` (95 % t interval over repeats), `p_value` (paired t test, Holm
        over all rows), `seeds`; repeats of a variant that diverged are left out and counted in `diverged`.
    """
    final = rows[(rows.part == "test") & (rows.step == rows.step.max())]
    none = final[final.variant == "none"].set_index("repeat").risk
    found = []
    for (drop_rate, variant), cell in final[final.variant != "none"].groupby(["drop_rate", "variant"]):
        difference = (cell.set_index("repeat").risk - none).to_numpy()
        finite = difference[np.isfinite(difference)]
        interval = mean_interval(finite)
        found.append(
            (drop_rate, variant, interval.estimate, interval.low, interval.high, mean_p_value(finite), len(finite))
            + (len(difference) - len(finite),)
        )
    columns = ["drop_rate", "variant", "effect", "low", "high", "p_value", "seeds", "diverged"]
    table = pd.DataFrame(found, columns=columns)
    table["p_value"] = holm(table.p_value.to_numpy())
    return table
