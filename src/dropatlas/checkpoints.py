"""What a killed run goes on from: files that are whole, and taken only if they are undamaged and this very run's."""

import hashlib
import io
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from pydantic import BaseModel
from torch import Tensor

from dropatlas.closure import module_closure
from dropatlas.files import sha256_of_file, sha256_of_files, whole_file

logger = logging.getLogger("dropatlas")

CHECKPOINT_SECONDS = 30.0  # a killed run loses at most this much, and one stretch between two looks at the clock
DIGEST_BYTES = hashlib.sha256().digest_size


@cache  # what runs is the code as it was when it was imported
def _code(modules: frozenset[str]) -> str:
    return sha256_of_files(module_closure(*modules))


def _digest(value: object) -> bytes:
    """SHA-256 of a value's content, the same in every process."""
    match value:
        case None | bool() | int() | float() | str():
            content = repr(value).encode()
        case Path():
            content = sha256_of_file(value).encode()
        case Tensor():
            numbers = value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
            content = _digest([str(value.dtype), *value.shape]) + hashlib.sha256(numbers.data).digest()
        case list() | tuple():
            content = b"".join(map(_digest, value))
        case Mapping():
            content = _digest(list(value.items()))
        case BaseModel():
            content = _digest(value.model_dump())
        case _ if is_dataclass(value):
            content = _digest([getattr(value, field.name) for field in fields(value)])
        case _:  # what `repr` shows of other types may be cut short, or an address
            raise TypeError(f"cannot tell runs apart by a {type(value).__name__}; give its numbers, texts or tensors")
    return hashlib.sha256(type(value).__name__.encode() + b" " + content).digest()


def identity(modules: Collection[str], *decides: object) -> bytes:
    """What tells a run from every other: a hash of its code, the library, and all else that decides its course.

    Args:
        modules: Modules of the package that compute; everything they import counts.
        decides: Settings, seed, data and so on: numbers, texts, tensors, paths (their files' content), and lists,
            mappings, dataclasses and models of these.

    Raises:
        TypeError: A value of another type.
        ValueError: There is no such module.
    """
    return _digest([_code(frozenset(modules)), torch.__version__, *decides])


class Checkpoint:
    """One file with the state or the rows of one run.

    Args:
        path: The file; None keeps nothing.
        modules: As in `identity`.
        decides: As in `identity`.
    """

    def __init__(self, path: Path | None, modules: Collection[str], *decides: object) -> None:
        self._path, self._saved = path, time.monotonic()
        self._identity = identity(modules, *decides) if path else b""

    @property
    def due(self) -> bool:
        """Whether the last file, or the start, is long ago."""
        return self._path is not None and time.monotonic() - self._saved >= CHECKPOINT_SECONDS

    def keep(self, state: dict[str, Any]) -> None:
        """Keep tensors, numbers, texts and containers of them.

        Raises:
            OSError: The file cannot be written.
        """
        self._write(lambda content: torch.save(state, content))

    def kept(self) -> dict[str, Any] | None:
        """The state this run kept last, on the CPU; None if there is none, or the file is damaged or another run's."""
        content = self._read()
        return None if content is None else torch.load(content, map_location="cpu", weights_only=True)

    def rows(self, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """The rows this run kept; where `kept` would give None, those that `make` gives, kept now.

        Raises:
            OSError: The file cannot be written.
        """
        if (content := self._read()) is not None:
            return pd.read_parquet(content)
        rows = make()
        self._write(rows.to_parquet)
        return rows

    def _write(self, put_into: Callable[[io.BytesIO], object]) -> None:
        if self._path is None:
            return
        content = io.BytesIO()
        put_into(content)
        kept = self._identity + content.getvalue()
        with whole_file(self._path) as part:
            part.write_bytes(hashlib.sha256(kept).digest() + kept)
        self._saved = time.monotonic()

    def _read(self) -> io.BytesIO | None:
        if self._path is None or not self._path.exists():
            return None
        found = self._path.read_bytes()
        digest, kept = found[:DIGEST_BYTES], found[DIGEST_BYTES:]
        if hashlib.sha256(kept).digest() != digest:
            # torch and Parquet read files with a changed bit; starting over is right, only slower
            problem = "cut short or damaged"
        elif not kept.startswith(self._identity):
            problem = "of a run with other settings, seed, data or code"
        else:
            return io.BytesIO(kept[DIGEST_BYTES:])
        logger.warning("cannot resume from %s (%s): starting over", self._path, problem)
        return None
