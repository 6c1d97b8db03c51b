"""Faults of a long run, really caused: kills, a full disk, a failing notebook, two runs at once, memory."""

import ast
import os
import signal
import subprocess
import time
from collections import Counter

import pandas as pd
import psutil
import pytest

from dropatlas.tables import content_hash, read_table

pytestmark = [pytest.mark.workflow, pytest.mark.faults]

TABLE = "results/standard/tables/percolation/crossing_probability.parquet"


def sampling(samples):
    """Arguments of a run at another scale whose one job takes longer the more masks it samples."""
    grid = f'percolation={{"crossing": {{"samples": {samples}, "widths": [8, 64], "depths": [100]}}}}'
    return [TABLE, "--config", "scale=standard", grid]


def wait_for_worker(project, process):
    """The Python process of the sampling job, once it has started to sample."""
    log = project.path / "results/standard/logs/percolation/crossing_probability.log"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if log.exists() and "cells" in log.read_text(encoding="utf-8"):
            for child in psutil.Process(process.pid).children(recursive=True):
                if "dropatlas.tasks.percolation.crossing_probability" in child.cmdline()[:3]:
                    return child
        time.sleep(0.2)
    raise AssertionError("the job did not start")


def test_a_killed_worker_leaves_nothing_and_the_next_run_gives_the_same_table(project):
    undisturbed = project.snakemake(*sampling(3000))
    assert "100%" in undisturbed
    expected = content_hash(read_table(project.path / TABLE))
    (project.path / TABLE).unlink()
    process = project.start(*sampling(3000))
    wait_for_worker(project, process).kill()
    output, _ = process.communicate()
    assert process.returncode == 1
    assert "results/standard/logs/percolation/crossing_probability.log" in output
    assert list((project.path / TABLE).parent.glob("*crossing_probability*")) == []
    project.snakemake(*sampling(3000))
    assert content_hash(read_table(project.path / TABLE)) == expected
    (project.path / TABLE).unlink()


def test_a_second_run_beside_the_first_is_refused_and_a_killed_one_is_unlocked(project):
    process = project.start(*sampling(100_000))
    wait_for_worker(project, process)
    second = project.snakemake(*sampling(100), expect=1)
    assert "locked" in second
    assert "--unlock" in second
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert "locked" in project.snakemake(*sampling(100), expect=1)
    project.snakemake("--unlock")
    assert project.run(*sampling(100)) == Counter(["tabulate_percolation_crossing_probability"])
    (project.path / TABLE).unlink()


def test_a_failing_notebook_is_kept_and_other_reports_still_come(project):
    name, old, new = (
        "notebooks/percolation.ipynb",
        '\\"percolation\\", results, tables',
        '\\"percolation\\", 1 / 0, tables',
    )
    other = ("notebooks/collapse.ipynb", "# Training collapse: deep", "# Training collapse again: deep")
    project.edit(name, old, new)
    project.edit(*other)
    output = project.snakemake(expect=1)
    assert "cell 3: ZeroDivisionError: division by zero" in output
    results = project.path / "results/quick"
    assert "ZeroDivisionError" in (results / "logs/percolation/notebook.failed.ipynb").read_text(encoding="utf-8")
    assert "ZeroDivisionError" in (results / "logs/percolation/notebook.log").read_text(encoding="utf-8")
    assert "Training collapse again" in (results / "reports/collapse.html").read_text(encoding="utf-8")
    start = (results / "reports/index.html").read_text(encoding="utf-8")
    assert "Percolation: not run" in start
    assert 'href="arxiv-2512.13853.html"' not in start  # the page of its paper waits for it
    assert 'href="arxiv-2510.07554.html"' in start
    project.edit(name, new, old)
    project.edit(other[0], other[2], other[1])
    project.run()
    assert not (results / "logs/percolation/notebook.failed.ipynb").exists()


def test_a_full_disk_is_named_and_leaves_nothing_half_written(project):
    folder = project.path / "results" / "paper"
    folder.mkdir()
    target = "results/paper/tables/percolation/crossing_boundary.parquet"
    # a namespace of its own, so that the small file system needs no rights and vanishes with the run
    mount = f"mount -t tmpfs -o size=8k tmpfs {folder}"
    run = f"{mount} && snakemake --config scale=paper -- {target}; find {folder} -type f"
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", run],
        cwd=project.path,
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    assert "the disk is full; free some space and run again" in output, output
    assert ".parquet\n" not in done.stdout
    folder.rmdir()


def test_no_job_of_the_quick_run_used_more_memory_than_its_rule_declares(project):
    timings = sorted((project.path / "results/quick/benchmarks").rglob("*.tsv"))
    assert len(timings) > 20
    for path in timings:
        row = pd.read_csv(path, sep="\t", na_values="-").iloc[-1]
        declared = ast.literal_eval(row.resources)["mem_mb"]
        assert not row.max_rss > declared, f"{row.rule_name}: {row.max_rss} MB used, {declared} MB declared"
