"""Finished results as one archive with a manifest: pack on one machine, restore on another, run only what is stale.

The archive holds tables, figures, notebooks, pages, logs and timings of one scale, not data sets and checkpoints, and
Snakemake's records of how they were made. With the records, Snakemake compares the restored results with the present
code and configuration as if it had made them here.
"""

import base64
import io
import shutil
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ValidationError

from dropatlas.config import SCALES
from dropatlas.files import sha256_of_file, whole_file
from dropatlas.upkeep.verification import State, Verifier, summary

FOLDERS = ("tables", "figures", "notebooks", "reports", "logs", "benchmarks")
RECORDS = Path(".snakemake") / "metadata"
MANIFEST = "manifest.json"


class ArchiveError(ValueError):
    """Results that cannot be packed, or an archive that is refused."""


class Manifest(BaseModel):
    """What an archive holds: SHA-256 by path inside the project."""

    scale: str
    created: datetime
    files: dict[str, str]


def _record_target(record: Path) -> str:
    """Output that a record of Snakemake belongs to; its name is the base64 of the output's path."""
    try:
        return base64.urlsafe_b64decode(record.name.removeprefix("@")).decode()
    except ValueError:
        return ""


def pack(results: Path, archive: Path) -> Manifest:
    """Pack finished results into one file.

    Args:
        results: Folder `results/<scale>` below the project.
        archive: Target, a `.tar.gz`.

    Returns:
        The manifest, also the first member of the archive.

    Raises:
        ArchiveError: A result is stale, edited, damaged or unknown, a figure is missing, or Snakemake's records are.
    """
    findings = Verifier(results).findings()
    if not findings or any(finding.state != State.CURRENT for finding in findings):
        raise ArchiveError(f"not packed: run `snakemake` until everything is current\n{summary(findings)}")
    scale = results.resolve().name
    root = results.resolve().parents[1]
    prefix = f"results/{scale}/"
    paths = [path for folder in FOLDERS for path in sorted((root / prefix / folder).rglob("*")) if path.is_file()]
    records = [path for path in sorted((root / RECORDS).glob("*")) if _record_target(path).startswith(prefix)]
    if not records:
        raise ArchiveError(f"not packed: no records of Snakemake in {root / RECORDS}; pack where it ran")
    files = {path.relative_to(root).as_posix(): sha256_of_file(path) for path in [*paths, *records]}
    manifest = Manifest(scale=scale, created=datetime.now(UTC), files=files)
    content = manifest.model_dump_json(indent=1).encode()
    with whole_file(archive) as part, tarfile.open(part, "w:gz") as tar:
        member = tarfile.TarInfo(MANIFEST)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
        for name in files:
            tar.add(root / name, name, recursive=False)
    return manifest


def _allowed(name: str, scale: str) -> bool:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        return False
    inside = path.parts[:2] == ("results", scale) and len(path.parts) > 3 and path.parts[2] in FOLDERS
    return inside or (path.parts[:2] == RECORDS.parts and _record_target(Path(name)).startswith(f"results/{scale}/"))


def _unpack(archive: Path, folder: Path) -> Manifest:
    """Extract what the manifest lists into an empty folder and compare every hash."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            first = tar.next()
            content = None if first is None or first.name != MANIFEST else tar.extractfile(first)
            if content is None:
                raise ArchiveError(f"{archive} is no archive of `dropatlas pack`: its first member is no manifest")
            manifest = Manifest.model_validate_json(content.read())
            bad = [name for name in manifest.files if not _allowed(name, manifest.scale)]
            if manifest.scale not in SCALES or bad:
                raise ArchiveError(f"{archive} is refused: unexpected {bad[:3] or manifest.scale} in its manifest")
            while (member := tar.next()) is not None:
                if member.name not in manifest.files or not member.isreg():
                    raise ArchiveError(f"{archive} is refused: {member.name!r} is not a file of its manifest")
                tar.extract(member, folder, filter="data")
    except (tarfile.TarError, EOFError, OSError, ValidationError) as error:
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError) and error.filename is not None:
            raise
        if isinstance(error, FileNotFoundError):
            raise ArchiveError(f"no archive {archive}") from error
        raise ArchiveError(f"{archive} is cut short or damaged: fetch it again ({error})") from error
    for name, digest in manifest.files.items():
        if not (folder / name).is_file():
            raise ArchiveError(f"{archive} is refused: {name} of its manifest is missing")
        if sha256_of_file(folder / name) != digest:
            raise ArchiveError(f"{archive} is refused: {name} is not what was packed")
    return manifest


def restore(archive: Path, root: Path) -> Path:
    """Put packed results back, whole or not at all.

    Afterwards `snakemake --config scale=...` runs what the present code and configuration make stale, and nothing else.

    Args:
        archive: File of `pack`.
        root: The project, where `results/` is.

    Returns:
        The results folder.

    Raises:
        ArchiveError: The archive is cut short or not what was packed, or there are results already.
    """
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=root) as temporary:
        unpacked = Path(temporary)
        manifest = _unpack(archive, unpacked)
        target = root / "results" / manifest.scale
        if any((target / folder).exists() for folder in FOLDERS):
            raise ArchiveError(f"{target} holds results already; move them away first: mv {target} {target}.old")
        for name in manifest.files:
            place = root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(unpacked / name, place)
    return target
