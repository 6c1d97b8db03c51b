"""Executed notebooks as self-contained HTML pages that read offline: styles inline, formulas as MathML, no script."""

import json
import re
from collections.abc import Callable, Iterator
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
from dropatlas.reports.pages import page_label
from dropatlas.seals import Origin, sealed_notebook, sealed_page


class MathMLRenderer(IPythonRenderer):
    """Markdown renderer that turns TeX into MathML at export, so that a page needs no script to show formulas."""

    def inline_math(self, body: str) -> str:
        """Formula within a line."""
        return mathml(body)

    def heading(self, text: str, level: int, **attributes: object) -> str:
        """Heading with an anchor, such as `section-data` for "Data"."""
        words = re.findall(r"\w+", re.sub(r"<[^>]*>", "", text).lower())
        return f'<h{level} id="section-{"-".join(words)}">{text}</h{level}>\n'

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

    def default_filters(self) -> Iterator[tuple[str, Callable[..., str]]]:  # noqa: D102 - nbconvert's hook
        yield from super().default_filters()
        yield "markdown2html", markdown_to_html


@dataclass(frozen=True)
class Site:
    """What the pages of one run share.

    Attributes:
        scale: Scale of the run.
        pages: Names of all pages besides the start page, in reading order.
    """

    scale: str
    pages: list[str]

    def render(self, template: str, current: str, origin: Origin, **values: object) -> str:
        """The sealed page `current`, with navigation and what it was made from."""
        environment = Environment(loader=FileSystemLoader(PAGE_TEMPLATES), autoescape=True, undefined=StrictUndefined)
        style = Markup((PAGE_TEMPLATES / "style.css").read_text(encoding="utf-8"))
        shared = {"style": style, "scale": self.scale, "current": current, "origin": origin}
        pages = [(name, page_label(name)) for name in self.pages]
        page = environment.get_template(template).render(pages=pages, **shared, **values)
        return sealed_page(page, origin)


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
        title = f"{page_label(name)}: not run"
        return cls(name, title, f"A step before it failed; the logs in `{logs}` say which and why.", ready=False)


def executed_notebook(path: Path) -> NotebookNode:
    """An executed notebook, refused if it is not as it was made (errors as `sealed_notebook`)."""
    return nbformat.reads(json.dumps(sealed_notebook(path)), as_version=4)


def describe(name: str, notebook: NotebookNode) -> ReportPage:
    """Title (first level-1 heading) and summary (first paragraph after it) of a report notebook.

    Raises:
        ValueError: the first cell is not Markdown with a level-1 heading and a paragraph.
    """
    match = re.match(r"# (?P<title>.+)\n\n(?P<summary>(?:.+\n?)+)", notebook.cells[0].source)
    if notebook.cells[0].cell_type != "markdown" or match is None:
        raise ValueError(f"notebook {name}: the first cell must be Markdown with a '# title' and a summary paragraph")
    return ReportPage(name, match["title"].strip(), " ".join(match["summary"].split()))


def report_html(name: str, notebook: Path, site: Site, origin: Origin) -> str:
    """Sealed HTML page of an executed report notebook.

    Args:
        name: Report name.
        notebook: Executed notebook.
        site: The pages it is one of.
        origin: What it is made from.

    Raises:
        BrokenSealError: the notebook is not as it was executed.
    """
    node = executed_notebook(notebook)
    body, _ = PageExporter().from_notebook_node(node)
    headings = re.findall(r'<h2 id="([^"]+)">(.*?)</h2>', body, flags=re.S)
    sections = [(anchor, Markup(heading)) for anchor, heading in headings]
    values = {"title": describe(name, node).title, "sections": sections, "body": Markup(body)}
    return site.render("page.html.j2", name, origin, **values)


def index_html(reports: list[ReportPage], verdicts: str, site: Site, origin: Origin) -> str:
    """Sealed HTML of the start page.

    Args:
        reports: Reports in reading order.
        verdicts: HTML of the verdicts.
        site: The pages it leads to.
        origin: What it is made from.
    """
    rendered = [(page, Markup(markdown_to_html(page.summary))) for page in reports]
    return site.render("index.html.j2", "index", origin, reports=rendered, verdicts=Markup(verdicts))
