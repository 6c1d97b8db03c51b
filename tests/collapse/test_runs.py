"""Histories: a killed run resumes and gives the same table; censoring; log-spaced steps."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from dropatlas import checkpoints as module
from dropatlas.collapse.ensemble import Ensemble
from dropatlas.collapse.members import Member, Shape
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.runs import history

PROBLEM = regression_problem(1)

RUN = """
import sys
from pathlib import Path
import torch
from dropatlas import checkpoints as module
from dropatlas.collapse.runs import history
from dropatlas.collapse.ensemble import Ensemble
from dropatlas.collapse.members import Member, Shape
from dropatlas.collapse.problems import regression_problem

module.CHECKPOINT_SECONDS = 0.0
torch.set_num_threads(1)
table, checkpoints, pause = Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2] else None, float(sys.argv[3])
members = [Member(4, 0.2, variant, 0.1, "plain", i) for variant in ("none", "dropout") for i in range(3)]
ensemble = Ensemble(Shape(16, 8, 1, biases=True), members, regression_problem(1), 8, 1, track_gradients=True)
if pause:
    import time
    train = ensemble.advance
    ensemble.advance = lambda until: (train(until), time.sleep(pause))
history(ensemble, list(range(10, 301, 10)), checkpoints).to_parquet(table)
"""


def start(table: Path, checkpoints: Path | str, pause: float = 0.0) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(table), str(checkpoints), str(pause)], stderr=subprocess.PIPE
    )


def run_here(monkeypatch, table: Path, checkpoints: Path | str) -> None:
    """The same in this process, without the seconds that imports take."""
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(sys, "argv", ["run", str(table), str(checkpoints), "0"])
    exec(RUN, {})


def test_a_killed_run_resumes_and_gives_the_identical_table(tmp_path, monkeypatch):
    kept = tmp_path / "checkpoints"
    killed = start(tmp_path / "killed.parquet", kept, pause=0.2)
    deadline = time.monotonic() + 60
    while not (kept.exists() and list(kept.glob("[!.]*"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)  # a few measurements more
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    killed.stderr.close()
    assert not (tmp_path / "killed.parquet").exists()
    assert list(kept.glob("[!.]*"))
    resumed = start(tmp_path / "resumed.parquet", kept)
    run_here(monkeypatch, tmp_path / "straight.parquet", "")
    assert resumed.wait(timeout=60) == 0, resumed.stderr.read().decode()
    resumed.stderr.close()
    left, right = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("straight", "resumed"))
    pd.testing.assert_frame_equal(left, right, check_exact=True)
    # A finished run is not computed again, and a damaged checkpoint only costs time.
    (checkpoint,) = kept.glob("[!.]*")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    run_here(monkeypatch, tmp_path / "again.parquet", kept)
    pd.testing.assert_frame_equal(left, pd.read_parquet(tmp_path / "again.parquet"), check_exact=True)


def ensemble(seed=1, batch_size=8, problem=PROBLEM, track_gradients=False):
    members = [Member(4, 0.2, "dropout", 0.1, "plain", index) for index in range(2)]
    return Ensemble(Shape(16, 3, 1), members, problem, batch_size, seed, track_gradients)


OTHER_TARGETS = torch.cat([PROBLEM.test_y[:-1], PROBLEM.test_y[-1:] + 1e-6])


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2},
        {"batch_size": 9},
        {"problem": replace(PROBLEM, test_y=OTHER_TARGETS)},
        {"track_gradients": True},
        {"steps": [10, 30]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_checkpoint_of_another_run_is_not_picked_up(change, tmp_path, caplog):
    history(ensemble(), [10, 20], tmp_path)
    options = {"steps": [10, 20]} | change
    steps = options.pop("steps")
    found = history(ensemble(**options), steps, tmp_path)
    assert "(of a run with other settings, seed, data or code): starting over" in caplog.text
    pd.testing.assert_frame_equal(found, history(ensemble(**options), steps), check_exact=True)
    assert len(list(tmp_path.iterdir())) == 1
