"""Executed notebooks as self-contained HTML pages that read offline: styles inline, formulas as MathML, no script."""

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from latex2mathml.converter import convert as mathml
from markupsafe import Markup
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from dropatlas.closure import PAGE_TEMPLATES


class MathMLRenderer(IPythonRenderer):
    """Markdown renderer that turns TeX into MathML at export, so that a page needs no script to show formulas."""

    def inline_math(self, body: str) -> str:
        """Formula within a line."""
        return mathml(body)

    def block_math(self, body: str) -> str:
        """Formula on a line of its own."""
        return f'<div class="formula">{mathml(body, display="block")}</div>'


def markdown_to_html(source: str) -> str:
    """HTML of Markdown with TeX formulas."""
    return MarkdownWithMath(renderer=MathMLRenderer(escape=False, exclude_anchor_links=True)).render(source)


class PageExporter(HTMLExporter):
    """Body of a report page: Markdown with MathML, code folded away, outputs."""

    def __init__(self) -> None:
        super().__init__(template_name="report", extra_template_basedirs=[str(PAGE_TEMPLATES)])

    def default_filters(self):  # noqa: D102 - nbconvert's hook
        yield from super().default_filters()
        yield "markdown2html", markdown_to_html


@dataclass(frozen=True)
class ReportPage:
    """Heading and first paragraph of a report, for the start page."""

    name: str
    title: str
    summary: str
    ready: bool = True

    @classmethod
    def not_run(cls, name: str, logs: Path) -> "ReportPage":
        """Stands for a report that this run could not make."""
        title = f"{name.replace('_', ' ').capitalize()}: not run"
        return cls(name, title, f"A step before it failed; the logs in `{logs}` say which and why.", ready=False)


def describe(name: str, notebook: NotebookNode) -> ReportPage:
    """Title (first level-1 heading) and summary (first paragraph after it) of a report notebook.

    Raises:
        ValueError: the first cell is not Markdown with a level-1 heading and a paragraph.
    """
    match = re.match(r"# (?P<title>.+)\n\n(?P<summary>(?:.+\n?)+)", notebook.cells[0].source)
    if notebook.cells[0].cell_type != "markdown" or match is None:
        raise ValueError(f"notebook {name}: the first cell must be Markdown with a '# title' and a summary paragraph")
    return ReportPage(name, match["title"].strip(), " ".join(match["summary"].split()))


def _page(template: str, **values: object) -> str:
    environment = Environment(loader=FileSystemLoader(PAGE_TEMPLATES), autoescape=True, undefined=StrictUndefined)
    style = Markup((PAGE_TEMPLATES / "style.css").read_text(encoding="utf-8"))
    return environment.get_template(template).render(style=style, **values)


def report_html(name: str, notebook: Path, scale: str) -> str:
    """HTML page of an executed report notebook.

    Args:
        name: Report name.
        notebook: Executed notebook.
        scale: Scale, shown in the header.
    """
    node = nbformat.read(notebook, as_version=4)
    body, _ = PageExporter().from_notebook_node(node)
    return _page("page.html.j2", title=describe(name, node).title, scale=scale, body=Markup(body))


def index_html(reports: list[ReportPage], verdicts: str, scale: str) -> str:
    """HTML of the start page.

    Args:
        reports: Reports in reading order.
        verdicts: HTML of the scorecard's table.
        scale: Scale, shown in the header.
    """
    rendered = [(page, Markup(markdown_to_html(page.summary))) for page in reports]
    return _page("index.html.j2", reports=rendered, verdicts=Markup(verdicts), scale=scale)
