"""Numbers that judges, figures and captions read off the table of the variants on digits (Figure 3)."""

import numpy as np
import pandas as pd

from dropatlas.stats import holm, mean_interval, mean_p_value


def _final_test_risks(rows: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Test risk at the end, missing where a run diverged, and its mean over the seeds without dropout."""
    final = rows[(rows.part == "test") & (rows.step == rows.step.max())]
    final = final.assign(risk=final.risk.where(~final.diverged))
    return final, float(final[final.variant == "none"].risk.mean(skipna=False))


def ram_minus_dropout(rows: pd.DataFrame) -> pd.DataFrame:
    """Paired difference of final test risk, random metric minus dropout, over the mean risk without dropout.

    Args:
        rows: Table `phases/digit_pair`.

    Returns:
        One row per seed, one column per drop rate; all NaN at a drop rate at which a run of either diverged.
    """
    final, none = _final_test_risks(rows)
    coupled = final[final.variant.isin(["dropout", "ram"])]
    risk = coupled.pivot(index="seed", columns=["variant", "drop_rate"], values="risk")
    rates = sorted(coupled.drop_rate.unique())
    ram, dropout = (
        risk.reindex(columns=pd.MultiIndex.from_product([[name], rates])).droplevel(0, axis=1)
        for name in ("ram", "dropout")
    )
    difference = (ram - dropout) / none
    difference[difference.columns[difference.isna().any()]] = np.nan
    return difference


def effects_on_test_risk(rows: pd.DataFrame) -> pd.DataFrame:
    """Paired difference of final test risk to no dropout, over the mean risk without dropout.

    Args:
        rows: Table `phases/digit_pair`.

    Returns:
        `drop_rate`, `variant`, `effect`, `low`, `high` (95 % t interval over seeds), `p_value` (paired t test, Holm
        over all rows), `seeds`; seeds of a variant that diverged are left out and counted in `diverged`.
    """
    final, scale = _final_test_risks(rows)
    none = final[final.variant == "none"].set_index("seed").risk
    found = []
    for (drop_rate, variant), cell in final[final.variant != "none"].groupby(["drop_rate", "variant"]):
        difference = ((cell.set_index("seed").risk - none) / scale).to_numpy()
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
