"""Experiment 1: do weights leave their initialisation? L hidden layers of W = ceil(C log L), bias-free.

Paper: E‖w_T - w_0‖ <= M θ Σα (Theorem V.3). Over ‖w_0‖ that is a pure number, x = M θ Σα / ‖w_0‖, with M the mean norm
of the filtered gradient given a path, from other seeds than those whose movement is judged. Prediction (weights stay):
where missing paths make x small (x/θ, that of as many steps which all have a path, is not), weights do not move,
although many steps have a path and the same networks without dropout leave in the same steps. Every step is computed,
so that movement without a path would show. Refuted by weights that move further than that: then θ is not what protects
them.

Near the critical width (L = 100, p = 0.3) a second series measures movement against x itself: the ratio must stay below
1. In the narrowest of these networks nearly all movement comes from one step in a rare run: there the bound is nearly
reached, and a mean over seeds tells little.

The converse is no theorem: that weights *leave* where enough steps have a path. With M measured it would be empty, as
x is small precisely where a signal vanishes. It is put against the time that the network without dropout needs: a run
with θT crossed steps, five times as many as that one needs to leave, should leave, if missing paths were all that
holds weights back. Prediction: it fails in deep networks at both gains, since masks also shrink the signal by about √q
per layer (gain 1) and make gradients of different masks unrelated (gain 1/√q): missing paths are sufficient, not
necessary.
"""

from pathlib import Path

import pandas as pd

from dropatlas.collapse.drift import Movement, estimates_gradients
from dropatlas.collapse.members import Descent, Shape
from dropatlas.collapse.outcomes import control_learns
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.runs import run_ensemble
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

LEARNED = 0.5  # loss ratio that the control without dropout must reach

DESCENT = Descent(every_step=True)

MEANINGS = {
    "series": "grid (W = ceil(C log L), with controls) or threshold (around the critical width)",
    **RUN_MEANINGS,
    "gain": "initial gain: plain (1) or compensated (1/sqrt(1 - p) behind every masked layer)",
    "learning_rate": "learning rate alpha",
    "step": "training steps done",
    "rate_sum": "sum of learning rates so far",
    "initial_norm": "norm of w_0",
    "relative_movement": "norm of (w_t - w_0) over norm of w_0, all weights",
    "loss_ratio": "test loss (scaled or full weights, whichever is lower) over the loss of a constant",
    "crossed_steps": "steps so far whose mask had a path",
    "path_gradient": "mean norm of the filtered gradient over these; NaN if there was none",
    "estimates": "whether its gradients estimate M (first half of the seeds); the movement of the others is judged",
    "diverged": "whether loss or weights stopped being finite",
    "control_learns": "whether networks of this depth, width and rate learn without dropout (loss ratio <= 0.5)",
}


@small_products()
def tabulate(settings: Movement, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network and measured step."""
    problem = regression_problem(seed, test_samples=settings.test_samples)
    inputs, near = problem.train_x.shape[1], settings.threshold
    runs = [("grid", run.depth, run.steps, settings.members(run), settings.seeds) for run in settings.runs]
    runs.append(("threshold", near.depth, near.steps, near.members(settings.drop_rate), near.seeds))
    parts = []
    for series, depth, steps, members, seeds in LoggedProgress(runs, "movement"):
        shape = Shape(inputs, depth, problem.outputs)
        protocol = (problem, settings.batch_size, seed, settings.measured_steps(steps), checkpoints)
        frame = run_ensemble(shape, members, *protocol, track_gradients=True, descent=DESCENT)
        frame["estimates"] = estimates_gradients(frame.seed, seeds)
        cell = ["depth", "width", "learning_rate"]
        frame["control_learns"] = control_learns(frame[frame.step == steps], cell, LEARNED, frame)
        parts.append(frame.assign(series=series))
    return integers(pd.concat(parts, ignore_index=True)[list(MEANINGS)], "crossed_steps")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.movement", Movement, MEANINGS, tabulate)
