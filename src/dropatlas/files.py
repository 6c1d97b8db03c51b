"""Files that are either whole or absent: write beside the target, then rename."""

import errno
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` on success, remove it on any failure.

    Raises:
        OSError: the folder cannot be written or the disk is full, with the target and the way out in the message.
    """
    part = path.with_name(f".part-{path.name}")  # a fixed name: what a killed run left is overwritten by the next
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        hint = {
            errno.ENOSPC: "the disk is full; free some space and run again",
            errno.EROFS: "the file system is read-only; make results/ writable or link it to a writable folder",
            errno.ENOTDIR: "a file is in the way of its folder; remove or rename that file",
            errno.EEXIST: "a file is in the way of its folder; remove or rename that file",
            errno.EACCES: "permission denied; make results/ writable or link it to a writable folder",
        }.get(error.errno or 0)
        if hint is None:
            raise
        raise OSError(error.errno, f"cannot write {path}: {hint}") from error
    finally:
        with suppress(OSError):  # the first error is the one to tell
            part.unlink(missing_ok=True)


def sha256_of_files(paths: Iterable[Path]) -> str:
    """SHA-256 over the contents of `paths` in the given order (file boundaries count, names do not)."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def sha256_of_file(path: Path) -> str:
    """SHA-256 of one file, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_text(text: str) -> str:
    """SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()
