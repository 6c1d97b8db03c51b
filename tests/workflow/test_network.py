"""Without any network: embedded data, tables, notebooks and pages come all the same; an official set says why not."""

import subprocess

import pytest

pytestmark = [pytest.mark.workflow, pytest.mark.faults]

# Jupyter's kernels are spoken to over the loopback device, which a new namespace has, but down.
LOOPBACK_UP = (
    "import fcntl, socket, struct; "
    "fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8914, struct.pack('16sh', b'lo', 1))"
)


def offline(project, *arguments):
    """A run in a network namespace of its own, without any device but the loopback."""
    command = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c"]
    command += [f'python -c "{LOOPBACK_UP}" && exec snakemake "$@"', "snakemake", *arguments]
    return subprocess.run(
        command, cwd=project.path, env=project.environment, capture_output=True, text=True, check=False
    )


def test_data_tables_notebooks_and_pages_need_no_network(project):
    page = project.path / "results/quick/reports/percolation.html"
    for path in (page, project.path / "results/quick/notebooks/percolation.ipynb"):
        path.unlink()
    standard = [
        f"results/standard/{name}" for name in ("data/shapes10.arrays", "tables/percolation/scaling_laws.parquet")
    ]
    done = offline(project)
    assert done.returncode == 0, done.stderr
    assert page.exists()
    done = offline(project, *standard, "--config", "scale=standard")
    assert done.returncode == 0, done.stderr
    for name in standard:
        (project.path / name).unlink()


def test_an_official_set_names_the_hosts_it_could_not_reach(project):
    once = 'data={"sources": {"attempts": 1, "connect_timeout_s": 2.0}}'
    done = offline(project, "results/standard/data/mnist.arrays", "--config", "scale=standard", once)
    assert done.returncode == 1
    assert "MNIST is not available" in done.stderr
    assert "ossci-datasets.s3.amazonaws.com" in done.stderr
