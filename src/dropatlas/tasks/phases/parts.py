"""Long phase jobs in independent parts: each on one thread, several at a time, finished parts kept."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from dropatlas.checkpoints import Checkpoint
from dropatlas.progress import LoggedProgress


def run_parts(
    parts: Sequence[tuple[object, ...]],
    work: Callable[..., pd.DataFrame],
    description: str,
    checkpoints: Path | None,
    module: str,
    *decides: object,
) -> pd.DataFrame:
    """Rows of all parts, in the order of `parts`.

    As many parts run at a time as torch has threads (Snakemake sets that from the rule's threads), each on a thread of
    its own with single-threaded products: two products at once beat one product on two cores, and a part's result does
    not depend on how many there are.

    Args:
        parts: What to compute; the longest first.
        work: Called as `work(*part)`, makes one part's rows; no state shared between parts.
        description: For progress lines.
        checkpoints: Folder that keeps finished parts and is resumed from; None: none are kept.
        module: The task.
        decides: What decides a part's rows besides the code and the part: settings, seed, data.
    """

    def kept(part: tuple[object, ...]) -> Checkpoint:
        return Checkpoint(checkpoints and checkpoints / "-".join(map(str, part)), [module], part, *decides)

    def finished(part: tuple[object, ...], checkpoint: Checkpoint) -> pd.DataFrame:
        torch.set_num_threads(1)  # counts for the calling thread
        return checkpoint.rows(partial(work, *part))

    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads)
    try:
        results = [pool.submit(finished, part, kept(part)) for part in parts]
        rows = [result.result() for result in LoggedProgress(results, description, unit="part", total=len(parts))]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)  # after an error, do not start what is left
        torch.set_num_threads(threads)
    return pd.concat(rows, ignore_index=True)
