"""After which steps runs are measured."""

import numpy as np


def log_spaced_steps(last: int, count: int) -> list[int]:
    """About `count` different steps from 1 to `last`, evenly spaced in the logarithm, both ends included."""
    return sorted({round(step) for step in np.geomspace(1, last, count)} | {1, last})


def evenly_spaced_steps(last: int, count: int) -> list[int]:
    """Step 0 and the ends of `count` equal parts of `last` steps, fewer where a part would be less than a step."""
    return sorted({round(step) for step in np.linspace(0, last, count + 1)})
