"""Judged claims in HTML: tiles to see at a glance, a line per claim, and the code that judged."""

import html
import importlib
import inspect
import json
from collections.abc import Callable
from types import CodeType

import pandas as pd

from dropatlas.claims import PAPERS, Verdict
from dropatlas.claims.scorecard import measured, verdict_counts

SIGNS = {
    Verdict.REPRODUCED: "✓",
    Verdict.PARTLY: "◐",
    Verdict.NOT_REPRODUCED: "✗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_RUN: "–",
}
"""Sign by verdict, so that tiles can be told apart without colour."""


def _css_class(verdict: str) -> str:
    return verdict.replace(" ", "-")


def glance(rows: pd.DataFrame, page: str | None = "") -> str:
    """Tiles of all claims under the titles of their papers, with counts.

    Args:
        rows: Judged claims, a table of `dropatlas.tasks.judge_claims`.
        page: Page that holds the line of each claim; "" for the same page, None for no links.
    """
    parts = []
    for paper, counts in verdict_counts(rows).iterrows():
        told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        tiles = "".join(_tile(row, page) for row in rows[rows.paper == paper].itertuples())
        parts.append(
            f'<h3>{html.escape(PAPERS[paper])} <span class="where">arXiv {paper}: {told}</span></h3>'
            f'<ul class="tiles">{tiles}</ul>'
        )
    return "".join(parts)


def _tile(row: tuple, page: str | None) -> str:
    label = html.escape(f"{row.id}, {row.verdict}: {row.statement}")
    inside = f'{row.id} <span aria-hidden="true">{SIGNS[Verdict(row.verdict)]}</span>'
    link = "" if page is None else f' href="{page}#{row.id}"'
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


def verdict_table(rows: pd.DataFrame, scorecard: bool = False) -> str:
    """HTML table of judged claims, one row per claim, with links to what decided it.

    Args:
        rows: Judged claims, a table of `dropatlas.tasks.judge_claims`.
        scorecard: Whether the table stands on the scorecard's page, not on the page of the report itself.
    """
    names = ("claim", "published", "ours [95 % interval]", "verdict", "why")
    body = "".join(
        f'<tr id="{row.id}"><th scope="row">{row.id}</th>'
        + "".join(
            f'<td data-label="{name}">{cell}</td>' for name, cell in zip(names, _cells(row, scorecard), strict=True)
        )
        + "</tr>"
        for row in rows.itertuples()
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("id", *names))
    return (
        '<div class="wide"><table class="claims" aria-label="Verdicts">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(row: tuple, scorecard: bool) -> tuple[str, ...]:
    verdict = f'<span class="verdict {_css_class(row.verdict)}">{row.verdict}</span>'
    ours = measured(row.effect, row.interval_low, row.interval_high)
    return (
        f'{html.escape(row.statement)} <span class="where">{html.escape(row.where)}</span>',
        html.escape(row.published),
        ours if pd.isna(row.effect) else f'{ours} <span class="where">{html.escape(row.measure)}; n = {row.n:,}</span>',
        f'{verdict} <span class="where">scale {row.scale}</span>',
        f'{html.escape(row.reason)} <span class="where">{_links(row, scorecard)}</span>',
    )


def _links(row: tuple, scorecard: bool) -> str:
    links = [(f"judge-{row.id}", "judge")]
    if row.verdict != Verdict.NOT_RUN:
        links = [(row.figure, "figure"), *links]
    pages = {"figure": f"{row.report}.html" if scorecard else "", "judge": "" if scorecard else "scorecard.html"}
    linked = [f'<a href="{pages[what]}#{html.escape(target)}">{what}</a>' for target, what in links]
    if row.verdict != Verdict.NOT_RUN:
        linked += [f'<a href="../tables/{name}.parquet" download>table {name}</a>' for name in row.evidence.split()]
    return " · ".join(linked)


def judges(rows: pd.DataFrame) -> str:
    """Thresholds and source code of the functions that judged each claim, folded away."""
    parts = []
    for row in rows.itertuples():
        module, _, name = row.judge.rpartition(".")
        source = "\n\n".join(map(inspect.getsource, _with_helpers(getattr(importlib.import_module(module), name))))
        criterion = ", ".join(f"{key} = {value:g}" for key, value in json.loads(row.criterion).items())
        parts.append(
            f'<details class="judge" id="judge-{row.id}"><summary>{row.id}: <code>{row.judge}</code></summary>'
            f"<p>Thresholds: {criterion or 'none'}. Decided from scale {row.min_scale} on.</p>"
            f"<pre>{html.escape(source)}</pre></details>"
        )
    return "".join(parts)


def _with_helpers(judge: Callable) -> list[Callable]:
    """A judge and the functions of `dropatlas.claims` that it calls, directly or not."""
    found, pending = [], [judge]
    while pending:
        function = pending.pop(0)
        if function not in found:
            found.append(function)
            known = vars(inspect.getmodule(function))
            called = [known.get(name) for name in _names(function.__code__)]
            pending += [
                other
                for other in called
                if inspect.isfunction(other) and other.__module__.startswith("dropatlas.claims.")
            ]
    return found


def _names(code: CodeType) -> list[str]:
    """Global names that a function uses, those of its inner functions included."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return [*code.co_names, *(name for part in inner for name in _names(part))]
