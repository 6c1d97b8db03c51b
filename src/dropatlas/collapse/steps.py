"""At which steps runs are measured: evenly spaced, or evenly in the logarithm."""

import numpy as np


def log_spaced_steps(last: int, count: int, first: int = 1) -> list[int]:
    """About `count` different steps from `first` to `last`, evenly spaced in the logarithm, both ends included.

    Raises:
        ValueError: not 1 <= first <= last, or count < 1.
    """
    if not 1 <= first <= last or count < 1:
        raise ValueError(f"steps must satisfy 1 <= first <= last and count >= 1, got {first=}, {last=}, {count=}")
    return sorted({round(step) for step in np.geomspace(first, last, count)} | {first, last})


def evenly_spaced_steps(last: int, count: int) -> list[int]:
    """The ends of `count` equal parts of `last` steps, fewer where a part would be less than a step."""
    return sorted({max(1, last * part // count) for part in range(1, count + 1)})
