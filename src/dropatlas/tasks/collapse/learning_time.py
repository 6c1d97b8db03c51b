"""Experiment 4: do the steps needed to learn grow like 1/θ?

Paper: Σα >> 1/θ is necessary (Theorem V.3). Prediction: log steps against log 1/θ has slope 1 if steps with a path
are as good as steps without dropout, more than 1 if masks also harm what crosses. Width 1 is the pure case: a mask
with a path removes nothing, so a step either counts fully or not at all, and the time is that of the network without
dropout divided by θ. Wider networks reach the same θ at a larger p, which also shrinks and scrambles what crosses.
Refuted: a slope below 1 (networks that learn from steps without a path).

Runs that never reach a target within the horizon are censored: kept in the table with steps = horizon and censored =
True.
"""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from dropatlas.collapse.ensemble import Ensemble, Replica
from dropatlas.collapse.networks import Shape
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.runs import describe, first_step_where, history, log_spaced_steps
from dropatlas.collapse.settings import LearningTime
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "model": "site (dropout) or bond (dropconnect)",
    "target_theta": "crossing probability p was solved for",
    **{name: meaning for name, meaning in RUN_MEANINGS.items() if name != "variant"},
    "goal": "loss (loss ratio at most the target) or movement (relative movement at least its target)",
    "steps": "first measured step that reaches the goal; the horizon if censored",
    "censored": "whether the goal was not reached within the horizon",
    "horizon": "steps trained",
    "control_steps": "the same for the network without dropout with the same seed, NaN if it never did",
    "diverged": "whether loss or weights stopped being finite",
}

VARIANTS = {"site": "dropout", "bond": "dropconnect"}


def drop_rate_for(theta: float, variant: str, width: int, shape: Shape) -> float:
    """Removal probability at which a network has the given crossing probability."""

    def excess(p: float) -> float:
        return Replica(width, p, variant, 1.0, "plain", 0).theta(shape) - theta

    return float(brentq(excess, 0.0, 1 - 1e-9, xtol=1e-12))


@small_products()
def tabulate(settings: LearningTime, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per model, width, θ, seed and goal."""
    training = settings.training
    problem = regression_problem(seed, test_samples=training.test_samples)
    shape = Shape(problem.train_x.shape[1], settings.depth, problem.outputs)
    goals = {
        "loss": lambda rows: rows.loss_ratio <= settings.target,
        "movement": lambda rows: rows.relative_movement >= settings.movement,
    }

    def times(variant: str, theta: float) -> pd.DataFrame:
        rates = {width: 0.0 if theta == 1 else drop_rate_for(theta, variant, width, shape) for width in settings.widths}
        replicas = [
            Replica(width, rates[width], variant, training.learning_rate, "plain", index)
            for width in settings.widths
            for index in range(training.seeds)
        ]
        horizon = round(settings.path_steps / theta)
        # The grid scales with 1/θ, so that its resolution is the same everywhere.
        steps = log_spaced_steps(horizon, settings.measurements, first=max(1, round(horizon / settings.path_steps)))
        ensemble = Ensemble(shape, replicas, problem, training.batch_size, seed)
        frame = describe(history(ensemble, steps, checkpoints), shape, replicas, problem.trivial_loss)
        final = frame[frame.step == horizon].assign(horizon=horizon, target_theta=theta)
        parts = []
        for goal, reached in goals.items():
            first = first_step_where(frame, reached, ["width", "replica"])
            found = first.reindex(pd.MultiIndex.from_frame(final[["width", "replica"]])).to_numpy(dtype=float)
            parts.append(
                final.assign(goal=goal, steps=np.where(np.isnan(found), horizon, found), censored=np.isnan(found))
            )
        return pd.concat(parts)

    control = times("none", 1.0).set_index(["width", "replica", "goal"])
    control_steps = control.steps.where(~control.censored)
    parts = []
    cells = list(product(VARIANTS, sorted(settings.thetas, reverse=True)))
    progress = LoggedProgress(cells, "learning time")
    for model, theta in progress:
        progress.set_postfix_str(f"{model} theta={theta:g}", refresh=False)
        parts.append(times(VARIANTS[model], theta).assign(model=model))
    runs = pd.concat(parts, ignore_index=True)
    runs["control_steps"] = control_steps.reindex(
        pd.MultiIndex.from_frame(runs[["width", "replica", "goal"]])
    ).to_numpy()
    return integers(runs[list(MEANINGS)], "steps", "horizon")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.learning_time", LearningTime, MEANINGS, tabulate)
