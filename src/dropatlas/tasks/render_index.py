"""The start page: the scorecard at a glance and the reports; what is missing is marked "not run"."""

import json
from pathlib import Path

from dropatlas.closure import page_code
from dropatlas.files import sha256_of_file, sha256_of_files, whole_file
from dropatlas.reports.html import ReportPage, Site, describe, executed_notebook, index_html
from dropatlas.reports.pages import SCORECARD, paper_page, reading_order
from dropatlas.reports.verdicts import glance, legend
from dropatlas.seals import BrokenSealError, Origin, notebook_origin
from dropatlas.tables import UnreadableTableError, content_hash, read_table
from dropatlas.tasks.runner import guarded, task_parser


def _up_to_date(notebook: Path, tables: Path) -> bool:
    """Whether an executed notebook is as it was made, and shows the `tables` that are there."""
    try:
        shown = notebook_origin(notebook).inputs
        return all(content_hash(read_table(tables / f"{name}.parquet")) == hash_ for name, hash_ in shown.items())
    except (FileNotFoundError, BrokenSealError, UnreadableTableError):
        return False


def render(papers: dict[str, list[str]], results: Path, scale: str, output: Path) -> None:
    """Write the start page from what is there, below `results`, of the reports on each paper."""
    pages = []
    for name in [SCORECARD, *(report for reports in papers.values() for report in reports)]:
        notebook = results / "notebooks" / f"{name}.ipynb"
        if _up_to_date(notebook, results / "tables"):
            pages.append(describe(name, executed_notebook(notebook)))
        else:
            pages.append(ReportPage.not_run(name, results / "logs"))
    ready = {page.name for page in pages if page.ready}
    ready |= {paper_page(paper) for paper, reports in papers.items() if ready.issuperset(reports)}
    table = results / "tables" / f"{SCORECARD}.parquet"
    files = [table, *(results / "notebooks" / f"{page.name}.ipynb" for page in pages if page.ready)]
    origin = Origin(
        name="index",
        code_hash=sha256_of_files(page_code("dropatlas.tasks.render_index")),
        inputs={path.relative_to(results).as_posix(): sha256_of_file(path) for path in files},
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
