"""What the training tasks share: one thread, no denormal numbers, and the columns every run has."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch

RUN_MEANINGS = {
    "depth": "hidden layers L",
    "width": "vertices per hidden layer W",
    "drop_rate": "removal probability p",
    "variant": "none, dropout, modified (dropout; a step without a path changes nothing), dropconnect, "
    "modified_dropconnect, or inverted (a mask per sample, kept activations divided by 1 - p)",
    "seed": "number of the seed: equal numbers share initial weights, data order and masks",
    "theta": "probability that a mask has a path (inverted: that a sample's mask has)",
}


@contextmanager
def small_products(threads: int = 1) -> Iterator[None]:
    """Set torch up for many small products, also as a decorator: few threads, and no denormal numbers.

    Signals of deep masked networks shrink below 1e-38, where arithmetic on denormal numbers is about a hundred times
    slower; they are taken as zero, which is what float32 resolves of them. Both settings belong to the whole process;
    they are put back at the end.
    """
    smallest = torch.tensor(torch.finfo(torch.float64).smallest_normal, dtype=torch.float64)
    keeps_denormal = bool(smallest / 2 > 0)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(not keeps_denormal)
        torch.set_num_threads(before)


def integers(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The frame with whole-number columns as int64."""
    return frame.astype(dict.fromkeys(columns, np.int64))
