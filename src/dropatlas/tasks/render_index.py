"""The start page: the scorecard at a glance and the reports; what is missing is marked "not run"."""

import json
from pathlib import Path

import nbformat

from dropatlas.closure import page_code
from dropatlas.files import sha256_of_file, sha256_of_files, whole_file
from dropatlas.reports.html import ReportPage, Site, describe, index_html
from dropatlas.reports.pages import SCORECARD, paper_page, reading_order
from dropatlas.reports.verdicts import glance, legend
from dropatlas.seals import Origin
from dropatlas.tables import read_table
from dropatlas.tasks.runner import guarded, task_parser


def _up_to_date(notebook: Path, tables: list[Path]) -> bool:
    """Whether the executed notebook shows the tables that are there: none is missing, none is newer."""
    if not notebook.exists() or not all(table.exists() for table in tables):
        return False
    return all(table.stat().st_mtime <= notebook.stat().st_mtime for table in tables)


def render(papers: dict[str, dict[str, list[str]]], results: Path, scale: str, output: Path) -> None:
    """Write the start page from what is there, below `results`, of the reports on each paper (report to its tables)."""
    reports = {SCORECARD: [SCORECARD]} | {name: tables for paper in papers.values() for name, tables in paper.items()}
    pages = []
    for name, tables in reports.items():
        notebook = results / "notebooks" / f"{name}.ipynb"
        if _up_to_date(notebook, [results / "tables" / f"{table}.parquet" for table in tables]):
            pages.append(describe(name, nbformat.read(notebook, as_version=4)))
        else:
            pages.append(ReportPage.not_run(name, results / "logs"))
    ready = {page.name for page in pages if page.ready}
    ready |= {paper_page(paper) for paper, its_reports in papers.items() if ready.issuperset(its_reports)}
    table = results / "tables" / f"{SCORECARD}.parquet"
    files = [table, *(results / "notebooks" / f"{page.name}.ipynb" for page in pages if page.ready)]
    origin = Origin(
        code_hash=sha256_of_files(page_code("dropatlas.tasks.render_index")),
        inputs={str(path.relative_to(results)): sha256_of_file(path) for path in files},
    )
    site = Site(scale, [name for name in reading_order(papers) if name in ready])
    verdicts = legend() + glance(read_table(table), ready)
    with whole_file(output) as part:
        part.write_text(index_html(pages, verdicts, site, origin), encoding="utf-8")


if __name__ == "__main__":
    arguments = task_parser("dropatlas.tasks.render_index", results=Path, scale=str, papers=json.loads).parse_args()
    guarded(
        arguments.log,
        lambda: render(arguments.papers, arguments.results, arguments.scale, arguments.output),
    )
