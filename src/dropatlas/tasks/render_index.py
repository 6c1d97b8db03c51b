"""The start page: the reports and the verdicts of their claims; what is missing is marked "not run"."""

import json
from contextlib import suppress
from pathlib import Path

import nbformat
import pandas as pd

from dropatlas.claims import Docket, load_ledger
from dropatlas.closure import page_code
from dropatlas.files import sha256_of_file, sha256_of_files, whole_file
from dropatlas.reports.html import ReportPage, describe, index_html
from dropatlas.reports.verdicts import verdict_table
from dropatlas.seals import Origin, sealed_page
from dropatlas.tables import UnreadableTableError, read_table
from dropatlas.tasks.judge_claims import tabulate
from dropatlas.tasks.runner import guarded, task_parser


def _up_to_date(notebook: Path, tables: list[Path]) -> bool:
    """Whether the executed notebook shows the tables that are there: none is missing, none is newer."""
    if not notebook.exists() or not all(table.exists() for table in tables):
        return False
    return all(table.stat().st_mtime <= notebook.stat().st_mtime for table in tables)


def _verdicts(docket: Docket, results: Path) -> pd.DataFrame:
    """Verdicts from the evidence that is there."""
    evidence = {}
    for name in {name for claim in docket.claims for name in claim.evidence}:
        with suppress(UnreadableTableError):
            evidence[name] = read_table(results / "tables" / f"{name}.parquet")
    return tabulate(docket, evidence)


def render(reports: dict[str, list[str]], results: Path, ledger: Path, scale: str, output: Path) -> None:
    """Write the start page from what is there of the `reports` (name to tables) below `results`."""
    claims = load_ledger(ledger)
    pages, verdicts = [], []
    for name, tables in reports.items():
        notebook = results / "notebooks" / f"{name}.ipynb"
        if _up_to_date(notebook, [results / "tables" / f"{table}.parquet" for table in tables]):
            pages.append(describe(name, nbformat.read(notebook, as_version=4)))
        else:
            pages.append(ReportPage.not_run(name, results / "logs"))
        verdicts.append(_verdicts(claims.docket(name, scale), results))
    shown = [results / "notebooks" / f"{page.name}.ipynb" for page in pages if page.ready]
    origin = Origin(
        code_hash=sha256_of_files(page_code("dropatlas.tasks.render_index")),
        inputs={f"notebooks/{path.name}": sha256_of_file(path) for path in shown}
        | {"claims.yaml": sha256_of_file(ledger)},
    )
    page = sealed_page(index_html(pages, verdict_table(pd.concat(verdicts)), scale), origin)
    with whole_file(output) as part:
        part.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    arguments = task_parser(
        "dropatlas.tasks.render_index", results=Path, ledger=Path, scale=str, reports=json.loads
    ).parse_args()
    guarded(
        arguments.log,
        lambda: render(arguments.reports, arguments.results, arguments.ledger, arguments.scale, arguments.output),
    )
