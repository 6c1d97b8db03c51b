"""The scorecard: verdicts on all claims of the ledger, from whatever evidence is there."""

import pandas as pd
from scipy import stats

from dropatlas.claims import Docket
from dropatlas.tasks import judge_claims
from dropatlas.tasks.runner import run_table_task

MEANINGS = judge_claims.MEANINGS | {
    "q_value": "smallest false discovery rate over the ledger at which the verdict counts (Benjamini-Hochberg); "
    "missing where nothing is decided"
}


def tabulate(docket: Docket, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per claim, in ledger order; a claim whose evidence is not among `tables` was not run."""
    rows = judge_claims.tabulate(docket, tables)
    decided = rows.p_value.notna()
    rows["q_value"] = rows.p_value
    if decided.any():
        rows.loc[decided, "q_value"] = stats.false_discovery_control(rows.p_value[decided])
    return rows


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.scorecard", Docket, MEANINGS, tabulate)
