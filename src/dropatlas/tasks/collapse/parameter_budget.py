"""Width against depth at one number of weights: which shapes learn under dropout?

Paper ("Design tradeoffs"): for a fixed parameter budget wider and shallower networks have higher θ. That is arithmetic
(another table has the exact numbers); here they are trained. Prediction: of shapes that cost equally many weights and
learn without dropout, the widest learn with it, the narrowest do not, and what dropout costs in loss falls along the
budget as the width grows.
Refuted: a widest shape that does not learn, a narrowest that does, or a cost that does not fall by what matters.
A shape most of whose networks do not learn without dropout either says nothing.

Two reasons to lose are told apart by the columns: paths (θ T, the steps with a path that are expected) and signal
((1 - p)^(L/2), which a compensated initial gain gives back in size). Library dropout is not among the forms: its masks
are drawn per sample and rescaled.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.collapse.members import Shape
from dropatlas.collapse.outcomes import aligned
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.runs import run_ensemble
from dropatlas.collapse.steps import evenly_spaced_steps
from dropatlas.collapse.tradeoffs import INPUTS, OUTPUTS, TrainedBudget, weights_of
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "budget": "weights that a network may have",
    "weights": "weights that it has, within 5 % of the budget",
    **RUN_MEANINGS,
    "gain": "initial gain: plain (1) or compensated (1/sqrt(1 - p) behind every masked layer)",
    "signal_factor": "(1 - p)^(L/2): factor by which masks shrink a signal at gain 1",
    "steps": "training steps T, each with its own mask",
    "theta_steps": "theta T: steps with a path that are expected",
    "loss_ratio": "final test loss (scaled or full weights, whichever is lower) over the loss of a constant",
    "learned": "whether loss_ratio is at most the target",
    "diverged": "whether loss or weights stopped being finite",
    "control_share": "share of the networks of this shape that learn without dropout",
    "excess": "loss_ratio minus that of the same network without dropout",
}

SHAPE = ["budget", "depth", "width"]


@small_products()
def tabulate(settings: TrainedBudget, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network."""
    training = settings.training
    problem = regression_problem(seed, inputs=INPUTS, outputs=OUTPUTS, test_samples=training.test_samples)
    marks = evenly_spaced_steps(settings.steps, 4)  # where a killed job can resume
    parts = []
    progress = LoggedProgress(settings.shapes(), "parameter budget")
    for budget, depth, width in progress:
        progress.set_postfix_str(f"{budget} weights L={depth} W={width}", refresh=False)
        protocol = (problem, training.batch_size, seed, marks, checkpoints)
        frame = run_ensemble(Shape(INPUTS, depth, OUTPUTS), settings.members(width), *protocol)
        parts.append(frame[frame.step == settings.steps].assign(budget=budget, weights=weights_of(depth, width)))
    runs = pd.concat(parts, ignore_index=True).rename(columns={"step": "steps"})
    runs["signal_factor"] = np.where(runs.variant == "none", 1.0, (1 - runs.drop_rate) ** (runs.depth / 2))
    runs["theta_steps"] = runs.theta * runs.steps
    runs["learned"] = runs.loss_ratio <= settings.target
    control = runs[runs.variant == "none"]
    runs["control_share"] = aligned(control.groupby(SHAPE).learned.mean(), runs, SHAPE)
    runs["excess"] = runs.loss_ratio - aligned(control.set_index([*SHAPE, "seed"]).loss_ratio, runs, [*SHAPE, "seed"])
    return integers(runs[list(MEANINGS)], "steps", "budget", "weights")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.parameter_budget", TrainedBudget, MEANINGS, tabulate)
