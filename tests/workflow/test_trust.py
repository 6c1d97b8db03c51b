"""Can finished results be trusted: verified where they are, packed, restored elsewhere, after a clock has jumped."""

import json
import os
import shutil
import time
from collections import Counter

import pandas as pd
import pytest

from .conftest import Project, copy_sources

pytestmark = pytest.mark.workflow

EDIT = ("src/dropatlas/tasks/percolation/crossing_boundary.py", "removal probability", "removal rate")
PAGES = ["execute_notebook", "render_page", "render_paper", "render_index"]
RERUN = Counter(["tabulate_percolation_crossing_boundary", *PAGES])


def test_a_finished_run_verifies(project):
    project.snakemake("verify")
    checked = project.dropatlas("verify", "results/quick")
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.endswith(" current\n")


def test_a_hand_edited_table_is_named_refused_and_made_again(project):
    table = project.path / "results/quick/tables/percolation/required_width.parquet"
    pd.read_parquet(table).iloc[:-1].to_parquet(table)
    checked = project.dropatlas("verify", "results/quick")
    assert checked.returncode == 1
    assert f"unknown  results/quick/{table.relative_to(project.path / 'results/quick')}" in checked.stderr
    assert "carries no provenance" in project.snakemake(expect=1)
    table.unlink()
    assert project.run() >= Counter(["tabulate_percolation_required_width"])


def test_a_table_copied_over_another_and_one_of_no_rule_are_named_and_shown_nowhere(project):
    folder = project.path / "results/quick/tables/percolation"
    kept = (folder / "required_width.parquet").read_bytes()
    shutil.copy(folder / "crossing_boundary.parquet", folder / "my_own.parquet")
    shutil.copy(folder / "crossing_boundary.parquet", folder / "required_width.parquet")
    try:
        checked = project.dropatlas("verify", "results/quick")
        assert checked.returncode == 1
        assert "holds the table percolation/crossing_boundary under another name" in checked.stderr
        assert "under another name; remove it and run" in project.snakemake(expect=1)
        assert "my_own.parquet: no rule makes a table of this name" in checked.stderr
        assert not any(
            "my_own" in path.read_text("utf-8") for path in project.path.glob("results/quick/reports/*.html")
        )
    finally:
        (folder / "my_own.parquet").unlink()
        (folder / "required_width.parquet").write_bytes(kept)
        project.run()


def test_an_executed_notebook_edited_by_hand_is_refused_by_every_page(project):
    notebook = project.path / "results/quick/notebooks/percolation.ipynb"
    kept = notebook.read_bytes()
    notebook.write_bytes(kept.replace(b"Percolation", b"Proved", 1).replace(b"cut a network", b"cut it", 1))
    try:
        output = project.snakemake("--until", "render_page", "render_paper", expect=1)
        assert (
            "notebooks/percolation.ipynb was changed after it was made; remove it and run `snakemake` again" in output
        )
        assert (
            "edited   results/quick/notebooks/percolation.ipynb" in project.dropatlas("verify", "results/quick").stderr
        )
    finally:
        notebook.write_bytes(kept)
        project.run()


def test_restored_results_have_nothing_to_do_and_rerun_exactly_what_is_stale(project, tmp_path):
    packed = project.dropatlas("pack", "results/quick", "--output", str(tmp_path / "quick.tar.gz"))
    assert packed.returncode == 0, packed.stderr
    fresh = Project(tmp_path / "elsewhere" / "dropatlas")
    copy_sources(fresh.path)
    restored = fresh.dropatlas("restore", str(tmp_path / "quick.tar.gz"))
    assert restored.returncode == 0, restored.stderr
    assert "Now run: snakemake --config scale=quick" in restored.stdout
    assert fresh.plan() == Counter()
    fresh.edit(*EDIT)
    assert fresh.plan() == RERUN
    stale = fresh.dropatlas("verify", "results/quick")
    assert stale.returncode == 1
    assert "code of dropatlas.tasks.percolation.crossing_boundary changed" in stale.stderr


def test_a_clock_that_was_a_year_ahead_hides_no_change(project):
    files = [path for path in (project.path / "results").rglob("*") if path.is_file()]
    before = {path: path.stat() for path in files}
    ahead = time.time() + 365 * 86400
    for path in files:
        os.utime(path, (ahead, ahead))
    try:
        assert project.plan() == Counter()
        name, old, new = EDIT
        project.edit(name, old, new)
        assert project.plan() == RERUN
        project.edit(name, new, old)
        notebook = ("notebooks/percolation.ipynb", "How wide must a network be?", "How wide must it be?")
        project.edit(*notebook)
        assert project.plan() == Counter(PAGES)
        project.edit(notebook[0], notebook[2], notebook[1])
    finally:
        for path, found in before.items():
            os.utime(path, (found.st_atime, found.st_mtime))


@pytest.mark.parametrize("text", ["; touch {}", "$(touch {})", "`touch {}`", "' ; touch {} ; '"])
def test_configuration_values_reach_no_shell(project, text):
    witness = project.path / "witness"
    value = text.format(witness)
    assert "input should be a valid integer" in project.snakemake("--config", f"seed={value}", expect=1)
    folder = json.dumps({"sources": {"offline_directory": value}})  # free text that a job is given
    project.snakemake("results/quick/data/mnist.arrays", "--config", f"data={folder}", expect=1)
    assert not witness.exists()
