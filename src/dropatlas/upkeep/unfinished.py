"""After a run that failed: scorecard and start page from the tables that can be read; all else is marked "not run"."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from dropatlas.catalogue import Catalogue, Table
from dropatlas.claims import Docket, load_ledger
from dropatlas.config import SCALES, stored_config
from dropatlas.provenance import ROOT, record
from dropatlas.reports.html import Site
from dropatlas.reports.pages import SCORECARD, reading_order
from dropatlas.tables import UnreadableTableError, content_hash, read_table, write_table
from dropatlas.tasks import execute_notebook, export_csv, render_index, render_page, scorecard
from dropatlas.tasks.runner import guarded


def show(results: Path, scale: str) -> None:
    """Make scorecard and start page below `results` from what is there; without any readable table, nothing.

    Raises:
        ValueError: the notebook of the scorecard fails.
        OSError: a file cannot be written.
    """
    ledger = load_ledger()
    catalogue = Catalogue(stored_config(scale), ledger)
    evidence = catalogue.evidence(ledger)
    found = {name: _readable(results / "tables" / f"{name}.parquet") for name in evidence}
    there = {name: table for name, table in found.items() if table is not None}
    if not there:
        return
    table = results / "tables" / f"{SCORECARD}.parquet"
    if set(there) != set(evidence) or not table.exists():
        _judge(catalogue[SCORECARD], there, scale, table)
        export_csv.export(table, table.with_suffix(".csv"))
        notebook = results / "notebooks" / f"{SCORECARD}.ipynb"
        source = ROOT / "notebooks" / f"{SCORECARD}.ipynb"
        log = results / "logs" / SCORECARD / "notebook.log"
        execute_notebook.execute(source, notebook, results, [table], log)
        site = Site(scale, reading_order(ledger.reports()))
        render_page.render(SCORECARD, notebook, site, results / "reports" / f"{SCORECARD}.html")
    render_index.render(ledger.reports(), results, scale, results / "reports" / "index.html")


def _readable(path: Path) -> pd.DataFrame | None:
    """A result table that is there and whole."""
    try:
        return read_table(path)
    except UnreadableTableError:
        return None


def _judge(table: Table, there: dict[str, pd.DataFrame], scale: str, target: Path) -> None:
    """Write the scorecard from the tables that are there."""
    started = datetime.now(UTC)
    rows = scorecard.tabulate(Docket.model_validate_json(table.settings), there)
    inputs = {name: content_hash(frame) for name, frame in there.items()}
    provenance = record(
        task=table.module, scale=scale, settings=table.settings, seed=None, inputs=inputs, started=started
    )
    write_table(rows, target, scorecard.MEANINGS, provenance)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m dropatlas.upkeep.unfinished", description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder such as results/quick")
    parser.add_argument("--scale", choices=SCALES, required=True)
    arguments = parser.parse_args()
    log = arguments.results / "logs" / "unfinished.log"
    guarded(log, lambda: show(arguments.results, arguments.scale))
