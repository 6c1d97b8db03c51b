"""Long phase jobs in independent parts: each on one thread, several at a time, finished parts kept."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pandas as pd
import torch

from dropatlas.checkpoints import keep_rows, kept_rows
from dropatlas.closure import module_closure
from dropatlas.files import sha256_of_files, sha256_of_text
from dropatlas.progress import LoggedProgress

P = TypeVar("P")


def identity(module: str, *described: object) -> str:
    """Short hash of a module's code and of what a run depends on besides, for names of checkpoints."""
    code = sha256_of_files(module_closure(module))
    return sha256_of_text(" ".join([code, *map(str, described)]))[:16]


def run_parts(
    parts: Sequence[P],
    work: Callable[[P], pd.DataFrame],
    name_of: Callable[[P], str],
    description: str,
    checkpoints: Path | None = None,
) -> pd.DataFrame:
    """Rows of all parts, in the order of `parts`.

    As many parts run at a time as torch has threads (Snakemake sets that from the rule's threads), each on a thread of
    its own with single-threaded products: two products at once beat one product on two cores, and a part's result does
    not depend on how many there are.

    Args:
        parts: What to compute; the longest first.
        work: Makes one part's rows; no state shared between parts.
        name_of: File name of a part's checkpoint, unique.
        description: For progress lines.
        checkpoints: Folder that keeps finished parts and is resumed from; None: none are kept.
    """

    def finished(part: P) -> pd.DataFrame:
        torch.set_num_threads(1)  # counts for the calling thread
        if checkpoints is None:
            return work(part)
        path = checkpoints / name_of(part)
        rows = kept_rows(path)
        if rows is None:
            rows = work(part)
            keep_rows(path, rows)
        return rows

    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads)
    try:
        results = [pool.submit(finished, part) for part in parts]
        rows = [result.result() for result in LoggedProgress(results, description, unit="part", total=len(parts))]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)  # after an error, do not start what is left
        torch.set_num_threads(threads)
    return pd.concat(rows, ignore_index=True)
