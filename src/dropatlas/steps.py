"""Steps spread over a run so that early changes are seen as well as late ones."""

import numpy as np


def log_spaced_steps(last: int, count: int, first: int = 1) -> list[int]:
    """About `count` different steps from `first` to `last`, evenly spaced in the logarithm, both ends included.

    Raises:
        ValueError: not 1 <= first <= last, or count < 1.
    """
    if not 1 <= first <= last or count < 1:
        raise ValueError(f"steps must satisfy 1 <= first <= last and count >= 1, got {first=}, {last=}, {count=}")
    return sorted({round(step) for step in np.geomspace(first, last, count)} | {first, last})
