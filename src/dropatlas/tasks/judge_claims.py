"""Verdicts on the claims of one report, from its result tables alone."""

import pandas as pd

from dropatlas.claims import Docket, judge
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "id": "claim of the ledger",
    "paper": "arXiv identifier",
    "where": "theorem, figure, table or section",
    "statement": "the statement in one sentence",
    "kind": "kind of statement",
    "verdict": "reproduced, partly, not reproduced, inconclusive or not run",
    "measure": "what the effect is",
    "effect": "the deciding number",
    "interval_low": "lower end of its 95 % interval (the effect itself for a computation without sampling)",
    "interval_high": "upper end",
    "n": "observations behind it",
    "reason": "why, in one sentence",
}


def tabulate(docket: Docket, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per claim, in ledger order."""
    rows = []
    for claim in docket.claims:
        found = judge(claim, tables, docket.scale)
        rows.append(
            (claim.id, claim.paper, claim.where, claim.statement, claim.kind)
            + (str(found.verdict), found.measure, found.effect, found.low, found.high, found.n, found.reason)
        )
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.judge_claims", Docket, MEANINGS, tabulate)
