"""A small results folder: one table, one notebook, one figure and one page, made as the tasks make them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dropatlas.catalogue import Catalogue
from dropatlas.claims import load_ledger
from dropatlas.closure import module_closure, notebook_code, page_code
from dropatlas.config import stored_config
from dropatlas.files import sha256_of_file, sha256_of_files
from dropatlas.provenance import ROOT, record
from dropatlas.seals import Origin, seal_notebook, sealed_page, write_checksums
from dropatlas.tables import content_hash, read_table, write_table

TASK = "dropatlas.tasks.percolation.required_width"
FRAME = pd.DataFrame({"depth": [1, 2], "p": [0.5, np.nan], "model": ["site", "bond"]})


@pytest.fixture(scope="session")
def make_table():
    """Writes the table as its task would, except for what the arguments change."""
    config = stored_config("quick")

    def make(path: Path, frame=FRAME, **changes):
        described = {
            "task": TASK,
            "scale": "quick",
            "settings": config.section("percolation.required_width"),
            "seed": None,
            "inputs": {},
        } | changes
        provenance = record(**described, started=datetime.now(UTC))
        write_table(frame, path, {name: f"what {name} is" for name in frame.columns}, provenance)

    return make


@pytest.fixture(scope="session")
def catalogue():
    """The tables of scale quick."""
    return Catalogue(stored_config("quick"), load_ledger())


@pytest.fixture(scope="session")
def make_tables(make_table, catalogue):
    """Writes tables of the catalogue and those they are made from, each with some rows, as their tasks would."""

    def make(results: Path, names: list[str]) -> None:
        for table in (catalogue[name] for name in names):
            path = results / "tables" / f"{table.name}.parquet"
            if path.exists():
                continue
            make(results, list(table.tables))
            inputs = {name: content_hash(read_table(results / "tables" / f"{name}.parquet")) for name in table.tables}
            inputs |= {f"data/{name}": "ab" for name in (table.data, *table.sets) if name}
            seed = catalogue.config.seed if table.seeded else None
            make_table(path, task=table.module, settings=table.settings, seed=seed, inputs=inputs)

    return make


@pytest.fixture(scope="session")
def make_report():
    """Writes notebook and page of a report that reads these tables, empty but as their tasks would."""

    def make(results: Path, report: str, tables: list[str]) -> None:
        notebook = {"cells": [], "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}
        inputs = {name: content_hash(read_table(results / "tables" / f"{name}.parquet")) for name in tables}
        code = sha256_of_files(notebook_code(ROOT / "notebooks" / f"{report}.ipynb"))
        seal_notebook(notebook, Origin(name=report, code_hash=code, inputs=inputs))
        executed = results / "notebooks" / f"{report}.ipynb"
        executed.parent.mkdir(exist_ok=True)
        executed.write_text(json.dumps(notebook, indent=1))
        code = sha256_of_files(page_code("dropatlas.tasks.render_page"))
        origin = Origin(name=report, code_hash=code, inputs={f"notebooks/{report}.ipynb": sha256_of_file(executed)})
        (results / "reports").mkdir(exist_ok=True)
        (results / "reports" / f"{report}.html").write_text(sealed_page("<html></html>", origin))

    return make


@pytest.fixture
def results(tmp_path, make_table, make_report) -> Path:
    assert module_closure(TASK)
    folder = tmp_path / "project" / "results" / "quick"
    make_table(folder / "tables" / "percolation" / "required_width.parquet")
    figures = folder / "figures" / "percolation"
    figures.mkdir(parents=True)
    (figures / "width.svg").write_text("<svg/>")
    write_checksums(figures)
    make_report(folder, "percolation", ["percolation/required_width"])
    return folder
