"""After which steps runs are measured."""

import numpy as np


def evenly_spaced_steps(last: int, count: int) -> list[int]:
    """Step 0 and the ends of `count` equal parts of `last` steps, fewer where a part would be less than a step."""
    return sorted({round(step) for step in np.linspace(0, last, count + 1)})


def final_steps(last: int) -> list[int]:
    """Both ends of the last tenth of `last` steps and, evenly spaced, about nine in between."""
    return sorted({round(step) for step in np.linspace(0.9 * last, last, 11)})
