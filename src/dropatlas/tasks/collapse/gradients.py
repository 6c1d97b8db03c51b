"""Gradient norms ‖f ⊙ g‖ at initialisation and along training over (L, p), against networks without dropout.

The paper's summary names as a sign of collapse: gradient norms systematically smaller than expected, the more so the
deeper the network or the higher the dropout rate. E‖f ⊙ g‖ = θ E[‖f ⊙ g‖ | path] says what makes them smaller: missing
paths, or the signal that masks with a path let through. Prediction: at gain 1 they are smaller in every network of ten
or more layers, fall with L and with p, and are smaller given a path too, by about q^{L/2}; the compensated gain leaves
the mean square of a signal as it is, so there the norms should fall much less, mostly with θ. Refuted by a cell whose
norms are within a tenth of those without dropout. All this at the start of training: once the network without dropout
has learned, its gradients are the smaller ones, which the means over all steps show.
"""

from pathlib import Path

import pandas as pd

from dropatlas.collapse.gradients import GradientNorms
from dropatlas.collapse.members import Shape
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.runs import run_ensemble
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    **RUN_MEANINGS,
    "gain": "initial gain: plain (1) or compensated (1/sqrt(1 - p) behind every masked layer)",
    "step": "training steps done: those that count as initialisation, or all",
    "crossed_steps": "steps whose mask had a path",
    "path_gradient": "mean norm of the filtered gradient over these; NaN if there was none",
    "mean_gradient": "the same over all steps; a step without a path has no gradient",
    "diverged": "whether loss or weights stopped being finite",
}


@small_products()
def tabulate(settings: GradientNorms, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network, at initialisation and at the end."""
    problem = regression_problem(seed, test_samples=10)
    parts = []
    for depth in LoggedProgress(settings.depths, "gradients", unit="depth"):
        shape = Shape(problem.train_x.shape[1], depth, problem.outputs)
        protocol = (problem, settings.batch_size, seed, [settings.initial_steps, settings.steps], checkpoints)
        parts.append(run_ensemble(shape, settings.members(), *protocol, track_gradients=True))
    runs = pd.concat(parts, ignore_index=True)
    runs["mean_gradient"] = runs.path_gradient.where(runs.crossed_steps > 0, 0.0) * runs.crossed_steps / runs.step
    return integers(runs[list(MEANINGS)], "crossed_steps")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.gradients", GradientNorms, MEANINGS, tabulate)
