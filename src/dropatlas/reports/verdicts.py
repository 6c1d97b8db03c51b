"""Judged claims as an HTML table."""

import html
import math

import pandas as pd


def verdict_table(rows: pd.DataFrame) -> str:
    """HTML table of judged claims, one row per claim.

    Args:
        rows: A table as `dropatlas.tasks.judge_claims` writes it.
    """
    body = "".join(
        f"<tr><td>{row.id}</td>"
        f'<td>{html.escape(row.statement)} <span class="where">arXiv {row.paper}, {html.escape(row.where)}</span></td>'
        f'<td><span class="verdict {row.verdict.replace(" ", "-")}">{row.verdict}</span></td>'
        f"<td>{_measured(row)}</td><td>{html.escape(row.reason)}</td></tr>"
        for row in rows.itertuples()
    )
    return (
        '<div class="wide"><table class="claims"><thead><tr><th>id</th><th>claim</th><th>verdict</th>'
        f"<th>measured [95 % interval]</th><th>why</th></tr></thead><tbody>{body}</tbody></table></div>"
    )


def _measured(row: tuple) -> str:
    if math.isnan(row.effect):
        return "–"
    interval = "" if row.interval_low == row.interval_high else f" [{row.interval_low:.3g}, {row.interval_high:.3g}]"
    what = f'<span class="where">{html.escape(row.measure)}; n = {row.n:,}</span>'
    return f"<strong>{row.effect:.3g}</strong>{interval} {what}"
