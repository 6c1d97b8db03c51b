"""Experiment 1: do weights leave their initialisation? L hidden layers of W = ceil(C log L), bias-free.

Paper: E‖w_T - w_0‖ <= M θ Σα (Theorem V.3), so weights stay where they are unless Σα >> 1/θ. Prediction: networks of
very different θ fall on one curve of relative movement against θ·Σα, and leave (10 % movement) where that is of order
one. It would be refuted by weights that move while θ·Σα << 1, or by an edge that lies elsewhere by orders of magnitude.

Two initial gains (`dropatlas.collapse.networks`): the filter of the paper does not rescale, so that at gain 1 signals
vanish with depth although a path exists. That is a second collapse, not the paper's; the compensated gain removes it.
"""

from pathlib import Path

import pandas as pd

from dropatlas.collapse.members import Shape
from dropatlas.collapse.outcomes import control_learns
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.runs import run_ensemble
from dropatlas.collapse.settings import Movement
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

LEARNED = 0.5  # loss ratio that the control without dropout must reach

MEANINGS = {
    "constant": "C of W = ceil(C log L)",
    **RUN_MEANINGS,
    "gain": "initial gain: plain (1) or compensated (1/sqrt(1 - p) behind every masked layer)",
    "step": "training steps done",
    "rate_sum": "sum of learning rates so far",
    "theta_rate_sum": "theta times rate_sum: what the drift bound is proportional to",
    "relative_movement": "norm of (w_t - w_0) over norm of w_0, all weights",
    "loss_ratio": "test loss (scaled or full weights, whichever is lower) over the loss of a constant",
    "crossed_steps": "steps so far whose mask had a path",
    "diverged": "whether loss or weights stopped being finite",
    "control_learns": "whether networks of this depth and width learn without dropout (loss ratio <= 0.5)",
}


@small_products()
def tabulate(settings: Movement, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network and measured step."""
    training = settings.training
    problem = regression_problem(seed, test_samples=training.test_samples)
    parts = []
    for depth in LoggedProgress(settings.depths, "movement", unit="depth"):
        shape = Shape(problem.train_x.shape[1], depth, problem.outputs)
        protocol = (problem, training.batch_size, seed, settings.measured_steps(), checkpoints)
        frame = run_ensemble(shape, settings.members(depth), *protocol)
        for constant, width in settings.widths(depth).items():
            parts.append(frame[frame.width == width].assign(constant=constant))
    runs = pd.concat(parts, ignore_index=True)
    runs["theta_rate_sum"] = runs.theta * runs.rate_sum
    final = runs[runs.step == settings.steps]
    runs["control_learns"] = control_learns(final, ["depth", "width"], LEARNED, runs)
    return integers(runs[list(MEANINGS)], "crossed_steps")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.movement", Movement, MEANINGS, tabulate)
