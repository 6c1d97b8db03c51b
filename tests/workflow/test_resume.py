"""Training that is killed on the way, really: the rerun goes on from the checkpoint and gives the same table."""

import os
import re
import shutil
import signal
import time

import psutil
import pytest

from dropatlas.tables import content_hash, read_table
from tests.workflow.conftest import Project, new_checkout

pytestmark = [pytest.mark.workflow, pytest.mark.faults]

# Two jobs with checkpoints of both kinds: states of networks in training, and finished parts.
TRAINED, IN_PARTS = "collapse/movement", "phases/diagram"


@pytest.fixture(scope="module")
def victim(tmp_path_factory) -> Project:
    project = new_checkout(tmp_path_factory.mktemp("victim") / "dropatlas")
    # every measurement is kept, so that a job of seconds can be killed between two of them
    project.edit("src/dropatlas/checkpoints.py", "CHECKPOINT_SECONDS = 30.0", "CHECKPOINT_SECONDS = 0.0")
    return project


@pytest.fixture(scope="module")
def expected(project):
    """Content hashes of an undisturbed run."""
    tables = project.path / "results/quick/tables"
    return {name: content_hash(read_table(tables / f"{name}.parquet")) for name in (TRAINED, IN_PARTS)}


def interrupted(project, name, kill):
    """Run one table from nothing until its second checkpoint is there, then `kill`; the kept files."""
    results = project.path / "results/quick"
    table, kept = results / "tables" / f"{name}.parquet", results / "checkpoints" / name
    table.unlink(missing_ok=True)
    shutil.rmtree(kept, ignore_errors=True)
    process = project.start(str(table.relative_to(project.path)))
    while len(list(kept.glob("[!.]*"))) < 2:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    kill(process)
    process.communicate()
    assert process.returncode != 0
    assert not table.exists()
    return sorted(kept.glob("[!.]*"))


def kill_worker(process):
    for child in psutil.Process(process.pid).children(recursive=True):
        if child.cmdline()[1:2] == ["-m"] and child.cmdline()[2].startswith("dropatlas.tasks"):
            child.kill()
            return
    raise AssertionError("no worker to kill")


def kill_all(process):
    os.killpg(process.pid, signal.SIGKILL)


def resumed_in_training(log):
    """Whether some network went on from a step that was not its last."""
    return any(int(step) < int(last) for step, last in re.findall(r"resumed at step (\d+) of (\d+)", log))


def finish(project, name):
    """Run the table to its end; its content and its log."""
    target = f"results/quick/tables/{name}.parquet"
    project.snakemake(target)
    assert not (project.path / "results/quick/checkpoints" / name).exists()
    log = (project.path / "results/quick/logs" / f"{name}.log").read_text(encoding="utf-8")
    return content_hash(read_table(project.path / target)), log


@pytest.mark.parametrize("name", [TRAINED, IN_PARTS])
def test_a_killed_worker_goes_on_from_its_checkpoint(victim, expected, name):
    assert len(interrupted(victim, name, kill_worker)) >= 2
    content, log = finish(victim, name)
    assert content == expected[name]
    if name == TRAINED:
        assert resumed_in_training(log)


def test_training_goes_on_after_a_killed_snakemake(victim, expected):
    interrupted(victim, TRAINED, kill_all)
    victim.snakemake("--unlock")
    content, log = finish(victim, TRAINED)
    assert resumed_in_training(log)
    assert content == expected[TRAINED]


def cut_short(content):
    return content[:1000]


def one_bit_changed(content):
    place = 2 * len(content) // 3
    return content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :]


DAMAGES = [(TRAINED, cut_short), (TRAINED, one_bit_changed), (IN_PARTS, one_bit_changed)]


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_a_damaged_checkpoint_only_costs_time(victim, expected, name, damage):
    for path in interrupted(victim, name, kill_worker):
        path.write_bytes(damage(path.read_bytes()))
    content, log = finish(victim, name)
    assert "cannot resume from" in log
    assert "starting over" in log
    assert "resumed" not in log
    assert content == expected[name]
