"""Judged claims in HTML: tiles to see at a glance, a line or a section per claim."""

import html
import json
from collections.abc import Container
from typing import Protocol

import pandas as pd

from dropatlas.claims import PAPERS, State, Verdict
from dropatlas.claims.scorecard import measured, verdict_counts
from dropatlas.claims.verdicts import SO_FAR
from dropatlas.reports.pages import SCORECARD, paper_page

SIGNS = {
    Verdict.REPRODUCED: "✓",
    Verdict.SUPPORTED: "✓",
    Verdict.PARTLY: "◐",
    Verdict.NOT_REPRODUCED: "✗",
    Verdict.NOT_SUPPORTED: "✗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_RUN: "–",
}
"""Sign by verdict, so that tiles can be told apart without colour."""


STATE_SIGNS = {State.FAILS: "✗", State.OPEN: "?", State.HOLDS: "✓"}
"""Sign by state of a part of a statement, the order in which they are told."""


class JudgedClaim(Protocol):
    """What is read of a row of the judged claims, the tables of `dropatlas.tasks.judge_claims`."""

    id: str
    paper: str
    where: str
    statement: str
    published: str
    verdict: str
    measure: str
    effect: float
    interval_low: float
    interval_high: float
    n: int
    reason: str
    parts: str
    context: str
    scale: str
    report: str
    figure: str
    evidence: str


def _css_class(verdict: str) -> str:
    return verdict.replace(" ", "-")


def counted(rows: pd.DataFrame) -> str:
    """How many of the claims have which verdict, such as "4 reproduced, 1 not run"."""
    counts = verdict_counts(rows).sum()
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def glance(rows: pd.DataFrame, pages: Container[str] | None = None) -> str:
    """Tiles of all claims under the titles of their papers, with counts.

    Args:
        rows: Judged claims, a table of `dropatlas.tasks.judge_claims`.
        pages: Names of the pages that are there, by default all: tiles lead to the scorecard, titles to the page of the
            paper.
    """
    there = (lambda page: True) if pages is None else pages.__contains__
    parts = []
    for paper in verdict_counts(rows).index:
        told = rows[rows.paper == paper]
        title = html.escape(PAPERS[paper])
        if there(paper_page(paper)):
            title = f'<a href="{paper_page(paper)}.html">{title}</a>'
        parts.append(f'<h3>{title} <span class="where">arXiv {paper}: {counted(told)}</span></h3>')
        parts.append(tiles(told, SCORECARD if there(SCORECARD) else None))
    return "".join(parts)


def tiles(rows: pd.DataFrame, page: str | None) -> str:
    """A tile per claim: id and sign of the verdict, with a link to its place on `page`, if there is one."""
    return f'<ul class="tiles">{"".join(_tile(row, page) for row in rows.itertuples())}</ul>'


def _tile(row: JudgedClaim, page: str | None) -> str:
    label = html.escape(f"{row.id}, {row.verdict}: {row.statement}")
    inside = f'{row.id} <span aria-hidden="true">{SIGNS[Verdict(row.verdict)]}</span>'
    link = "" if page is None else f' href="{page}.html#{row.id}"'
    return (
        f'<li><a class="verdict {_css_class(row.verdict)}" title="{label}" aria-label="{label}"{link}>{inside}</a></li>'
    )


def legend() -> str:
    """What the signs on the tiles mean."""
    parts = (
        f'<span><span class="verdict {_css_class(verdict)}">{sign}</span> {verdict}</span>'
        for verdict, sign in SIGNS.items()
    )
    return f'<p class="legend">{"".join(parts)}</p>'


def verdict_table(rows: pd.DataFrame, page: str) -> str:
    """HTML table of judged claims, one row per claim, with links to what decided it.

    Args:
        rows: Judged claims, a table of `dropatlas.tasks.judge_claims`.
        page: Name of the page the table stands on.
    """
    names = ("claim", "published", "ours [95 % interval]", "verdict", "why")
    body = "".join(
        f'<tr id="{row.id}"><th scope="row">{row.id}</th>'
        + "".join(f'<td data-label="{name}">{cell}</td>' for name, cell in zip(names, _cells(row, page), strict=True))
        + "</tr>"
        for row in rows.itertuples()
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("id", *names))
    return (
        '<div class="wide"><table class="claims" aria-label="Verdicts">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def statement(row: JudgedClaim, page: str) -> str:
    """What `verdict_table` says of one claim, under a heading of its own; arguments as there."""
    said, published, ours, _, why = _cells(row, page)
    told = {"published": published, "ours [95 % interval]": ours, "why": why}
    terms = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in told.items())
    return f'<h3 id="{row.id}">{row.id} {_badge(row)}</h3><p>{said}</p><dl class="finding">{terms}</dl>'


def parts_list(parts: str) -> str:
    """The parts of a judged statement as a list: sign of the state and one sentence each.

    Args:
        parts: Column `parts` of a judged claim, JSON.
    """
    found = sorted(json.loads(parts), key=lambda part: list(STATE_SIGNS).index(State(part["state"])))
    items = "".join(
        f'<li class="{part["state"]}"><span title="{part["state"]}">{STATE_SIGNS[State(part["state"])]}</span> '
        f"{html.escape(part['sentence'])}</li>"
        for part in found
    )
    return f'<ul class="parts">{items}</ul>' if items else ""


def finding(row: JudgedClaim) -> str:
    """What a run says of one claim, in short: verdict, and the state of every part of the statement."""
    return f'<div class="conclusion"><p><strong>{row.id}</strong> {_badge(row)}</p>{_why(row)}</div>'


def _why(row: JudgedClaim) -> str:
    """The reason of a verdict: its parts as a list, what stands before and behind them, or all of it without parts."""
    parts = parts_list(row.parts)
    if not parts:
        return f"<p>{html.escape(row.reason)}</p>"
    lead, found, _ = row.reason.partition(SO_FAR)
    before = f"<p>{html.escape(lead + SO_FAR)}</p>" if found else ""
    behind = f"<p>{html.escape(row.context)}</p>" if row.context else ""
    return before + parts + behind


def _badge(row: JudgedClaim) -> str:
    return f'<span class="verdict {_css_class(row.verdict)}">{row.verdict}</span>'


def _cells(row: JudgedClaim, page: str) -> tuple[str, ...]:
    ours = measured(row.effect, row.interval_low, row.interval_high)
    return (
        f'{html.escape(row.statement)} <span class="where">{html.escape(row.where)}</span>',
        html.escape(row.published),
        ours if pd.isna(row.effect) else f'{ours} <span class="where">{html.escape(row.measure)}; n = {row.n:,}</span>',
        f'{_badge(row)} <span class="where">scale {row.scale}</span>',
        f'{_why(row)} <span class="where">{_links(row, page)}</span>',
    )


def _links(row: JudgedClaim, page: str) -> str:
    links = {"judge": f"{'' if page == SCORECARD else f'{SCORECARD}.html'}#judge-{row.id}"}
    if row.verdict != Verdict.NOT_RUN:
        elsewhere = "" if page in (row.report, paper_page(row.paper)) else f"{row.report}.html"
        tables = {f"table {name}": f"../tables/{name}.parquet" for name in row.evidence.split()}
        links = {"figure": f"{elsewhere}#{html.escape(row.figure)}", **links, **tables}
    return " · ".join(
        f'<a href="{target}"{" download" if target.endswith(".parquet") else ""}>{name}</a>'
        for name, target in links.items()
    )
