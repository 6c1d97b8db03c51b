"""Floating-point precision: is the critical phase, with its learning rates of order 1/n, numerically fragile?

The paper's summary fears so. In the critical phase tau is of order 1/n, but a neuron that moves moves by
alpha = tau/q, which does not depend on n. Whether n enters the arithmetic is up to the code: ordinary code multiplies
by 1/q, divides by n and multiplies by n tau (order "plain"); one that cancels them first (order "folded") never forms
such numbers. Prediction (ours): float32 has no problem in either order; float16, whose numbers end at 65,504 and lose
digits below 6e-5, has one in the plain order, by an error that grows with n; bfloat16 errs more, but not more with n.
Gradient flow at such a tau moves every neuron by O(1/n) a step and loses its updates as soon as these fall below the
spacing of floating-point numbers; it is the control, at widths of its own, since it touches all neurons. A problem is
an error of 5 % of the movement at the largest width, or one that doubles when n grows by 256; a network whose neurons
are no numbers any more has lost the whole movement. The fear is refuted where no precision has one in either order.

Data: a small tanh teacher in the plane; start, data and masks are the same in every precision
(`dropatlas.phases.precision`).
"""

from pathlib import Path

import pandas as pd

from dropatlas.phases.precision import rounding_errors
from dropatlas.phases.settings import FloatingPoint
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.precision"

MEANINGS = {
    "regime": "critical (alpha, beta > 0), penalised (smaller alpha), gradient_flow (all neurons, tau of critical)",
    "precision": "type of weights and arithmetic; 'bfloat16, float32 weights': only the arithmetic is bfloat16",
    "order": "of operations: folded (n cancelled by hand), plain (mask 1/q, mean over n, rate n tau); float64: folded",
    "width": "neurons n",
    "seed": "number of the seed; shared by all precisions",
    "time": "k tau",
    "step": "steps k",
    "learning_rate": "tau",
    "keep_rate": "q",
    "error": "RMS distance of the neurons to the float64 run; infinite if a neuron is no number any more",
    "relative_error": "error over the RMS distance of the float64 run from the start",
    "lost_share": "share of the updates of active neurons' parameters so far that changed nothing",
    "risk": "training risk without masks, evaluated in float64",
    "risk_error": "risk over that of the float64 run, minus 1",
}


def tabulate(settings: FloatingPoint, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network, precision and measured time; finished cells are kept in `checkpoints`."""

    def work(width: int, regime: str) -> pd.DataFrame:
        rate, keep_rate = settings.rates(width, regime)
        numbers = range(settings.seeds)
        networks = {number: pd.DataFrame(rounding_errors(settings, seed, width, regime, number)) for number in numbers}
        rows = pd.concat(networks, names=["seed", None]).reset_index("seed")
        return rows.assign(width=width, regime=regime, learning_rate=rate, keep_rate=keep_rate, time=rows.step * rate)

    rows = run_parts(settings.cells(), work, "precision", checkpoints, MODULE, settings, seed)
    return rows[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task(MODULE, FloatingPoint, MEANINGS, tabulate)
