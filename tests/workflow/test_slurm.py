"""The quick scale through Slurm, really: a cluster of one node on this machine, a job killed on the way."""

import os
import shutil
import subprocess
import time

import psutil
import pytest

from dropatlas.provenance import ROOT
from dropatlas.tables import content_hash, read_provenance, read_table
from tests.workflow.conftest import new_checkout

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.faults,
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("apt-get") is None, reason="a cluster needs root on Debian or Ubuntu"
    ),
]

CLUSTER = ROOT / "workflow" / "slurm" / "one_node_cluster.sh"
# a small cluster answers at once; on a real one the profile's pauses are right
SLURM = ["--profile", "workflow/profiles/slurm", "--slurm-init-seconds-before-status-checks", "5"]
MEASURED_TIME = "ddc/step_time"
# Tables do not depend on the number of threads: what has one in the local run has two here, and the reverse.
ONE_THREAD = ("phases_teacher_student", "phases_digit_pair")
TWO_THREADS = (
    "percolation_crossing_probability",
    "collapse_drift_bound",
    "phases_curvature",
    "phases_depth",
    "phases_precision",
)
THREADS = [f"tabulate_{name}={count}" for count, names in ((1, ONE_THREAD), (2, TWO_THREADS)) for name in names]


@pytest.fixture
def cluster():
    subprocess.run([CLUSTER, "up"], check=True)
    yield
    subprocess.run([CLUSTER, "down"], check=True)
    assert not {"slurmctld", "slurmd"} & {process.info["name"] for process in psutil.process_iter(["name"])}


def running_table(process):
    """Slurm's number of a job that makes a table, once one runs."""
    while process.poll() is None:
        queue = ["squeue", "--noheader", "--states=RUNNING", "--format=%i %k"]
        for line in subprocess.check_output(queue, text=True).splitlines():
            number, _, comment = line.partition(" ")
            if comment.startswith("rule_tabulate"):
                return number
        time.sleep(1)
    raise AssertionError(process.communicate()[0])


def tables(project):
    """Content hash of every table of the quick scale, but for measured times and what is judged by them."""
    folder = project.path / "results/quick/tables"
    paths = {path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.parquet")}
    timed = {name for name, path in paths.items() if MEASURED_TIME in (name, *read_provenance(path).inputs)}
    return {name: content_hash(read_table(path)) for name, path in paths.items() if name not in timed}


def test_a_run_through_slurm_outlives_a_killed_job_and_gives_the_same_tables(cluster, project, tmp_path):
    other = new_checkout(tmp_path / "dropatlas")
    process = other.start(*SLURM, "--set-threads", *THREADS)
    try:
        subprocess.run(["scancel", running_table(process)], check=True)
        output, _ = process.communicate()
    finally:
        process.kill()
    assert process.returncode == 0, output
    assert "CANCELLED" in output
    assert "Trying to restart job" in output
    assert (other.path / "results/quick/reports/index.html").exists()
    # the second run of the quick scale on this machine: the same numbers, bit for bit, tolerance none
    assert tables(other) == tables(project)
    assert other.dropatlas("verify", "results/quick").returncode == 0
