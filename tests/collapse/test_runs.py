"""Histories: a killed run resumes and gives the same table; censoring; log-spaced steps."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from dropatlas.collapse.runs import first_step_where, log_spaced_steps

RUN = """
import sys
from pathlib import Path
import torch
from dropatlas.collapse import runs
from dropatlas.collapse.ensemble import Ensemble, Replica
from dropatlas.collapse.networks import Shape
from dropatlas.collapse.problems import regression_problem

runs.CHECKPOINT_SECONDS = 0.0
torch.set_num_threads(1)
table, checkpoints, pause = Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2] else None, float(sys.argv[3])
replicas = [Replica(4, 0.2, variant, 0.1, "plain", i) for variant in ("none", "dropout") for i in range(3)]
ensemble = Ensemble(Shape(16, 8, 1, biases=True), replicas, regression_problem(1), 8, 1, track_gradients=True)
if pause:
    import time
    train = ensemble.advance
    ensemble.advance = lambda until: (train(until), time.sleep(pause))
runs.history(ensemble, list(range(10, 301, 10)), checkpoints).to_parquet(table)
"""


def start(table: Path, checkpoints: Path | str, pause: float = 0.0) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(table), str(checkpoints), str(pause)], stderr=subprocess.PIPE
    )


def test_a_killed_run_resumes_and_gives_the_identical_table(tmp_path):
    kept = tmp_path / "checkpoints"
    straight = start(tmp_path / "straight.parquet", "")
    killed = start(tmp_path / "killed.parquet", kept, pause=0.2)
    deadline = time.monotonic() + 60
    while not (kept.exists() and list(kept.glob("*.pt"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)  # a few measurements more
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    killed.stderr.close()
    assert not (tmp_path / "killed.parquet").exists()
    assert list(kept.glob("*.pt"))
    resumed = start(tmp_path / "resumed.parquet", kept)
    for process in (straight, resumed):
        assert process.wait(timeout=60) == 0, process.stderr.read().decode()
        process.stderr.close()
    left, right = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("straight", "resumed"))
    pd.testing.assert_frame_equal(left, right, check_exact=True)
    # A finished run is not computed again, and a damaged checkpoint only costs time.
    (checkpoint,) = kept.glob("*.pt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    again = start(tmp_path / "again.parquet", kept)
    assert again.wait(timeout=60) == 0
    again.stderr.close()
    pd.testing.assert_frame_equal(left, pd.read_parquet(tmp_path / "again.parquet"), check_exact=True)


def test_first_step_where_marks_runs_that_never_get_there():
    frame = pd.DataFrame({"run": [0, 0, 0, 1, 1, 1], "step": [1, 5, 9] * 2, "loss": [1.0, 0.4, 0.6, 1.0, 0.9, 0.8]})
    found = first_step_where(frame, lambda rows: rows.loss <= 0.5, ["run"])
    assert found[0] == 5
    assert pd.isna(found[1])


def test_log_spaced_steps():
    assert log_spaced_steps(1000, 4) == [1, 10, 100, 1000]
    assert log_spaced_steps(3, 50) == [1, 2, 3]
    with pytest.raises(ValueError, match="1 <= first <= last"):
        log_spaced_steps(3, 5, first=4)
