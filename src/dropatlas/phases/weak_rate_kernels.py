"""Compiled loop over many small independent dropout runs."""

import numpy as np

from dropatlas.phases.particle_kernels import SHARED, compiled, masked_steps, prepare


@compiled
def many_runs(
    code: int,
    bound: float,
    particles: np.ndarray,
    inputs: np.ndarray,
    targets: np.ndarray,
    rate: float,
    keep_rate: float,
    steps: int,
    starts: np.ndarray,
    kept: np.ndarray,
    outputs: np.ndarray,
) -> None:
    """Train all runs, `particles` (runs, n, 3) in place, and leave f of every run in `outputs` (runs, N).

    Run r keeps the neurons of the steps r·steps to (r + 1)·steps - 1 of `starts` and `kept` (see `masked_steps`).
    """
    runs, n = particles.shape[0], particles.shape[1]
    hidden, total = np.empty((n, len(targets))), np.empty(len(targets))
    for r in range(runs):
        prepare(code, particles[r], hidden, inputs, total)
        own = starts[r * steps : (r + 1) * steps + 1]
        masked_steps(
            code, bound, particles[r], hidden, total, inputs, targets, rate, keep_rate, SHARED, own, kept, own, kept
        )
        outputs[r] = total / n
