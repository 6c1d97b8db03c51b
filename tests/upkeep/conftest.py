"""A small results folder: one table, one notebook, one figure and one page, made as the tasks make them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from dropatlas.closure import module_closure, notebook_code, page_code
from dropatlas.config import CONFIG, load_config
from dropatlas.files import sha256_of_file, sha256_of_files
from dropatlas.provenance import ROOT, record
from dropatlas.seals import Origin, seal_notebook, sealed_page, write_checksums
from dropatlas.tables import content_hash, write_table

TASK = "dropatlas.tasks.percolation.required_width"
FRAME = pd.DataFrame({"depth": [1, 2], "p": [0.5, np.nan], "model": ["site", "bond"]})


@pytest.fixture
def make_table():
    """Writes the table as its task would, except for what the arguments change."""
    config = load_config(yaml.safe_load((CONFIG / "config.yaml").read_text()) | {"scale": "quick"})

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


@pytest.fixture
def results(tmp_path, make_table) -> Path:
    assert module_closure(TASK)
    folder = tmp_path / "project" / "results" / "quick"
    make_table(folder / "tables" / "percolation" / "required_width.parquet")
    figures = folder / "figures" / "percolation"
    figures.mkdir(parents=True)
    (figures / "width.svg").write_text("<svg/>")
    write_checksums(figures)
    source = ROOT / "notebooks" / "percolation.ipynb"
    notebook = {"cells": [], "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}
    tables = {"percolation/required_width": content_hash(FRAME)}
    seal_notebook(notebook, Origin(code_hash=sha256_of_files(notebook_code(source)), inputs=tables))
    executed = folder / "notebooks" / "percolation.ipynb"
    executed.parent.mkdir()
    executed.write_text(json.dumps(notebook, indent=1))
    code = sha256_of_files(page_code("dropatlas.tasks.render_report"))
    origin = Origin(code_hash=code, inputs={"notebooks/percolation.ipynb": sha256_of_file(executed)})
    (folder / "reports").mkdir()
    (folder / "reports" / "percolation.html").write_text(sealed_page("<html></html>", origin))
    return folder
