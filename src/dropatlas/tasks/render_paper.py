"""The page of a paper: its statements with their verdicts and the figures that decide them."""

from pathlib import Path

import pandas as pd

from dropatlas.claims import PAPERS
from dropatlas.closure import page_code
from dropatlas.files import sha256_of_file, sha256_of_files, whole_file
from dropatlas.reports.html import Site
from dropatlas.reports.pages import paper_page
from dropatlas.reports.papers import paper_html
from dropatlas.seals import Origin
from dropatlas.tables import read_table
from dropatlas.tasks.runner import guarded, task_parser


def render(paper: str, reports: list[str], results: Path, site: Site, output: Path) -> None:
    """Write the page of `paper` from the verdicts and the executed notebooks of its `reports` below `results`."""
    tables = [results / "tables" / report / "claims.parquet" for report in reports]
    notebooks = [results / "notebooks" / f"{report}.ipynb" for report in reports]
    origin = Origin(
        name=paper_page(paper),
        code_hash=sha256_of_files(page_code("dropatlas.tasks.render_paper")),
        inputs={path.relative_to(results).as_posix(): sha256_of_file(path) for path in [*tables, *notebooks]},
    )
    rows = pd.concat([read_table(path) for path in tables], ignore_index=True)
    rows = rows[rows.paper == paper].sort_values("id", key=lambda ids: ids.str[1:].astype(int))
    with whole_file(output) as part:
        part.write_text(paper_html(paper, rows, notebooks, site, origin), encoding="utf-8")


if __name__ == "__main__":
    parser = task_parser("dropatlas.tasks.render_paper", results=Path, scale=str)
    parser.add_argument("--paper", choices=PAPERS, required=True, help="its arXiv identifier")
    parser.add_argument("--reports", nargs="+", required=True, help="reports that show its evidence")
    parser.add_argument("--pages", nargs="+", required=True, help="names of all pages, for the navigation")
    arguments = parser.parse_args()
    site = Site(arguments.scale, arguments.pages)
    guarded(
        arguments.log,
        lambda: render(arguments.paper, arguments.reports, arguments.results, site, arguments.output),
    )
