"""What a killed job goes on from: files that are whole, and taken only if they are bit for bit what was kept."""

import hashlib
import io
import logging
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from dropatlas.files import whole_file

logger = logging.getLogger("dropatlas")

DIGEST_BYTES = hashlib.sha256().digest_size


def _keep(path: Path, content: bytes) -> None:
    with whole_file(path) as part:
        part.write_bytes(hashlib.sha256(content).digest() + content)


def _kept(path: Path) -> io.BytesIO | None:
    if not path.exists():
        return None
    found = path.read_bytes()
    digest, content = found[:DIGEST_BYTES], found[DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        # torch and Parquet read files with a changed bit; starting over is right, only slower
        logger.warning("cannot resume from %s (cut short or damaged): starting over", path)
        return None
    return io.BytesIO(content)


def keep_state(path: Path, state: dict[str, Any]) -> None:
    """Keep tensors, numbers, texts and containers of them.

    Raises:
        OSError: The file cannot be written.
    """
    content = io.BytesIO()
    torch.save(state, content)
    _keep(path, content.getvalue())


def kept_state(path: Path) -> dict[str, Any] | None:
    """What `keep_state` kept, on the CPU; None if nothing was or the file is damaged."""
    content = _kept(path)
    return None if content is None else torch.load(content, map_location="cpu", weights_only=True)


def keep_rows(path: Path, rows: pd.DataFrame) -> None:
    """Keep the finished rows of a part of a table.

    Raises:
        OSError: The file cannot be written.
    """
    content = io.BytesIO()
    rows.to_parquet(content)
    _keep(path, content.getvalue())


def kept_rows(path: Path) -> pd.DataFrame | None:
    """What `keep_rows` kept; None if nothing was or the file is damaged."""
    content = _kept(path)
    return None if content is None else pd.read_parquet(content)
