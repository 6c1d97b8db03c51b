"""A copy of this checkout in which the real pipeline runs."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from dropatlas.provenance import ROOT

RUN_FOLDERS = ("results", ".snakemake")
"""What a run leaves in a checkout."""

TARGETS = ("all", "reports", "scorecard", "data", "percolation", "collapse", "phases", "ddc")


def copy_sources(target: Path) -> None:
    """Copy the tracked and new files of this checkout, with the present time as their time stamps."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listing, cwd=ROOT, text=True).rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)


@dataclass(frozen=True)
class Project:
    """A checkout of its own, with an empty home directory."""

    path: Path

    @property
    def environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SNAKEMAKE", "PYTEST", "DROPATLAS"))
        }
        home = self.path.parent / "home"
        return inherited | {
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "PYTHONPATH": str(self.path / "src"),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            ["snakemake", *arguments],
            cwd=self.path,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def snakemake(self, *arguments: str, expect: int = 0) -> str:
        """Output of a run; fails if it does not end with the exit code `expect`."""
        process = self.start(*arguments)
        output, _ = process.communicate()
        assert process.returncode == expect, output
        return output

    def dropatlas(self, *arguments: str) -> subprocess.CompletedProcess:
        """The `dropatlas` command in this checkout."""
        return subprocess.run(
            ["python", "-m", "dropatlas.cli", *arguments],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def plan(self, *arguments: str) -> Counter:
        """Jobs per rule that a run would do, bare targets left out."""
        output = self.snakemake("--dry-run", *arguments)
        table = re.search(r"^job +count\n-+ +-+\n(.*?)^total", output, flags=re.M | re.S)
        counts = dict(line.split() for line in table[1].splitlines()) if table else {}
        return Counter({rule: int(count) for rule, count in counts.items() if rule not in TARGETS})

    def run(self, *arguments: str) -> Counter:
        """Jobs per rule that a run really did."""
        return finished(self.snakemake(*arguments))

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text in a source file."""
        path = self.path / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


def finished(output: str) -> Counter:
    """Jobs per rule that a run's output reports as finished."""
    rules = re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", output, flags=re.M)
    return Counter(rule for rule in rules if rule not in TARGETS)


def new_checkout(path: Path) -> Project:
    """A fresh copy of the tracked and new files, as a repository with one commit; a home directory beside it."""
    copy_sources(path)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "Start"]):
        subprocess.check_call([*git, *command], cwd=path)
    (path.parent / "home").mkdir()
    return Project(path)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Project:
    """The checkout of all tests that need no other."""
    return new_checkout(tmp_path_factory.mktemp("checkout") / "dropatlas")


@pytest.fixture(scope="session")
def quick_output(checkout, tmp_path_factory, worker_id) -> str:
    """Output of a real quick run from an empty results folder; of test processes side by side, one makes it for all."""
    if worker_id == "master":
        return checkout.snakemake()
    shared = tmp_path_factory.getbasetemp().parent / "quick-run"
    output = shared / "output"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            shared.mkdir()
            text = checkout.snakemake()
            for folder in RUN_FOLDERS:
                shutil.copytree(checkout.path / folder, shared / folder)
            output.write_text(text, encoding="utf-8")
        elif not output.exists():
            pytest.fail("the quick run failed in another test process")
        else:
            for folder in RUN_FOLDERS:
                shutil.copytree(shared / folder, checkout.path / folder, dirs_exist_ok=True)
    return output.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project(checkout, quick_output) -> Project:
    """The checkout after the quick run; the tests of a file must leave it as they found it."""
    yield checkout
    assert checkout.plan() == Counter()
