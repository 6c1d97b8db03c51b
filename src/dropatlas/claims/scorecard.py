"""The scorecard read at a glance: how many claims of which paper have which verdict."""

import math

import pandas as pd

from dropatlas.claims.ledger import PAPERS
from dropatlas.claims.verdicts import Verdict


def verdict_counts(rows: pd.DataFrame) -> pd.DataFrame:
    """Claims by paper and verdict.

    Args:
        rows: Judged claims, a table of `dropatlas.tasks.judge_claims`.

    Returns:
        One row per paper with claims, one column per verdict that occurs, both in reading order.
    """
    counts = pd.crosstab(rows.paper, rows.verdict)
    papers = [paper for paper in PAPERS if paper in counts.index]
    return counts.loc[papers, [verdict for verdict in Verdict if verdict in counts.columns]]


def measured(effect: float, low: float, high: float) -> str:
    """An effect with its interval, such as "0.47 [0.26, 0.68]"; alone if nothing was sampled; "–" for no effect."""
    if math.isnan(effect):
        return "–"
    return f"{effect:.3g}" if low == high else f"{effect:.3g} [{low:.3g}, {high:.3g}]"


def summary(rows: pd.DataFrame) -> str:
    """The counts as text for a terminal, with a line of totals; `rows` as for `verdict_counts`."""
    counts = verdict_counts(rows)
    table = counts.rename(index=lambda paper: f"arXiv {paper}").rename_axis(index=None, columns=None)
    table.loc["all"] = counts.sum()
    lines = table.to_string().splitlines()
    return "\n".join([f"Which published statements hold? {len(rows)} claims at scale {rows.scale.iloc[0]}:", *lines])
