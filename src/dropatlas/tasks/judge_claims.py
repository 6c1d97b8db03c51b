"""Verdicts on claims, from result tables alone: those of one report, or the scorecard of all."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from dropatlas.claims import Docket, Finding
from dropatlas.claims.judging import judge, judge_of
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "id": "claim of the ledger",
    "paper": "arXiv identifier",
    "where": "theorem, figure, table or section",
    "statement": "the statement in one sentence",
    "published": "what the paper reports",
    "group": "whose statement it is: published, suggested, open or ours",
    "verdict": "reproduced or supported, partly, not reproduced or not supported, inconclusive, or not run",
    "measure": "what the effect is",
    "effect": "the deciding number",
    "interval_low": "lower end of its 95 % interval (the effect itself for a computation without sampling)",
    "interval_high": "upper end",
    "n": "independent units behind it",
    "p_value": "of what the verdict says; missing where nothing is decided",
    "reason": "which parts of the statement hold, fail and are open, one sentence each",
    "parts": "the same as JSON: name, state, measure, estimate, interval, threshold, n and sentence of every part",
    "context": "what a reader should know besides the parts",
    "scale": "scale of the run",
    "min_scale": "smallest scale that can decide the claim",
    "report": "report that shows the evidence",
    "figure": "figure of that report that shows the deciding evidence",
    "evidence": "result tables the judge has read, separated by blanks",
    "judge": "function that has judged",
    "criterion": "thresholds the judge was given, as JSON",
}


def _as_json(parts: Sequence[Finding]) -> str:
    """The parts of a statement; what is no number, or no limit, is null."""
    described = [
        {name: _finite(value) for name, value in asdict(part).items() if name != "threshold"}
        | {"threshold": [_finite(end) for end in part.threshold]}
        for part in parts
    ]
    return json.dumps(described, ensure_ascii=False, allow_nan=False)


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def tabulate(docket: Docket, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per claim, in ledger order; a claim whose evidence is not among `tables` was not run."""
    rows = []
    for claim in docket.claims:
        found = judge(claim, tables, docket.scale)
        function = judge_of(claim)
        rows.append(
            (claim.id, claim.paper, claim.where, claim.statement, claim.published, claim.group)
            + (str(found.verdict), found.measure, found.effect, found.low, found.high, found.n, found.p_value)
            + (found.reason, _as_json(found.parts), found.context)
            + (docket.scale, claim.min_scale, claim.report, claim.figure, " ".join(claim.evidence))
            + (f"{function.__module__}.{function.__qualname__}", json.dumps(claim.criterion))
        )
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.judge_claims", Docket, MEANINGS, tabulate)
