"""Where a result comes from: code, settings, seed, inputs, machine. Travels inside every table, figure and report."""

import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib import metadata

from pydantic import BaseModel

from dropatlas.closure import SOURCE, module_closure
from dropatlas.files import sha256_of_files, sha256_of_text

ROOT = SOURCE.parents[1]
LIBRARIES = ("numpy", "scipy", "pandas", "torch", "snakemake")


class Provenance(BaseModel):
    """Origin of one result. Hashes are SHA-256; `inputs` maps names of input tables to the hash of their content."""

    task: str
    scale: str
    seed: int | None
    settings: str
    settings_hash: str
    code_hash: str
    inputs: dict[str, str]
    lock_hash: str
    commit: str
    dirty: bool
    libraries: dict[str, str]
    python: str
    machine: str
    device: str
    started: datetime
    wall_seconds: float

    @property
    def stamp(self) -> str:
        """One short line for figures: project, scale, commit, code, seed."""
        commit = f"{self.commit[:9]}{'+changes' if self.dirty else ''}"
        seed = "" if self.seed is None else f" · seed {self.seed}"
        return f"Dropout Atlas · scale {self.scale} · commit {commit} · code {self.code_hash[:8]}{seed}"


@cache
def _git(*arguments: str) -> str | None:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _lock_hash() -> str:
    lock = ROOT / "requirements.lock"
    return sha256_of_files([lock]) if lock.exists() else "unknown"


def task_code(task: str) -> str:
    """Hash of the source files of all modules that a task imports."""
    return sha256_of_files(module_closure(task))


def device_used() -> str:
    """Name of the GPU if this process has computed on one, cpu otherwise; never imports torch."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or torch.cuda.max_memory_allocated() == 0:
        return "cpu"
    return torch.cuda.get_device_name()


def record(
    task: str,
    scale: str,
    settings: str,
    seed: int | None,
    inputs: dict[str, str],
    started: datetime,
    code_hash: str | None = None,
) -> Provenance:
    """Provenance of a result that `task` (a module name) has just made.

    Args:
        task: Module whose code closure made the result.
        scale: Scale of the run.
        settings: The configuration the task saw, as canonical JSON.
        seed: Root seed, None for a task without randomness.
        inputs: Content hashes of the input tables by name.
        started: Time the task started, with time zone.
        code_hash: Hash of the task's code when it started (`task_code`); None: as it is now.
    """
    return Provenance(
        task=task,
        scale=scale,
        seed=seed,
        settings=settings,
        settings_hash=sha256_of_text(settings),
        code_hash=code_hash or task_code(task),
        inputs=inputs,
        lock_hash=_lock_hash(),
        commit=_git("rev-parse", "HEAD") or "unknown",
        dirty=bool(_git("status", "--porcelain", "--untracked-files=no")),
        libraries={name: metadata.version(name) for name in LIBRARIES},
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        device=device_used(),
        started=started,
        wall_seconds=(datetime.now(UTC) - started).total_seconds(),
    )
