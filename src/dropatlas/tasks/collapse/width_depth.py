"""Experiment 3: crossings that training meets, against θ, and against what training achieves, over width and drop rate.

Paper: θ decides. Prediction if it does: success falls where θ does, and networks with θ ≈ 1 train. A rival (ours):
the filter shrinks a typical signal by sqrt(q) a layer and makes two masks' outputs nearly
unrelated, so that success follows q^(L/2) whatever θ is. They differ at L = 100, p = 0.2, W >= 8, where θ = 1 and
q^(L/2) = 1e-5. It is known from mean-field theory that dropout limits the trainable depth of wide networks, where θ =
1 (arXiv 1611.01232).
"""

from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.collapse.members import Shape
from dropatlas.collapse.outcomes import control_learns
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.runs import run_ensemble
from dropatlas.collapse.settings import WidthDepth
from dropatlas.collapse.steps import evenly_spaced_steps
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    **RUN_MEANINGS,
    "gain": "initial gain: plain (1) or compensated (1/sqrt(1 - p) behind every masked layer)",
    "signal_factor": "(1 - p)^(L/2): factor by which masks shrink a signal at gain 1",
    "steps": "training steps T, each with its own mask",
    "crossed_steps": "steps whose mask had a path",
    "loss_ratio": "final test loss (scaled or full weights, whichever is lower) over the loss of a constant",
    "learned": "whether loss_ratio is at most the target",
    "relative_movement": "norm of (w_T - w_0) over norm of w_0",
    "diverged": "whether loss or weights stopped being finite",
    "control_learns": "whether networks of this depth and width learn without dropout",
}


@small_products()
def tabulate(settings: WidthDepth, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network."""
    training = settings.training
    problem = regression_problem(seed, test_samples=training.test_samples)
    marks = evenly_spaced_steps(settings.steps, 10)  # where a killed job can resume
    parts = []
    progress = LoggedProgress(settings.cells(), "width and depth")
    for depth, width in progress:
        progress.set_postfix_str(f"L={depth} W={width}", refresh=False)
        shape = Shape(problem.train_x.shape[1], depth, problem.outputs)
        protocol = (problem, training.batch_size, seed, marks, checkpoints)
        frame = run_ensemble(shape, settings.members(width), *protocol)
        parts.append(frame[frame.step == settings.steps])
    runs = pd.concat(parts, ignore_index=True).rename(columns={"step": "steps"})
    runs["signal_factor"] = np.where(runs.variant == "none", 1.0, (1 - runs.drop_rate) ** (runs.depth / 2))
    runs["learned"] = runs.loss_ratio <= settings.target
    runs["control_learns"] = control_learns(runs, ["depth", "width"], settings.target)
    return integers(runs[list(MEANINGS)], "crossed_steps", "steps")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.width_depth", WidthDepth, MEANINGS, tabulate)
