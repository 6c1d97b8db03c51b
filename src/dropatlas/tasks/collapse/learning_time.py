"""Experiment 4: do the steps needed to learn grow like 1/θ?

Paper: Σα >> 1/θ is necessary (Theorem V.3). Prediction: log steps against log 1/θ has slope 1 if steps with a path
are as good as steps without dropout, more than 1 if masks also harm what crosses. Width 1 is the pure case: a mask
with a path removes nothing, so a step either counts fully or not at all, and the time is that of the network without
dropout divided by θ. Wider networks reach the same θ at a larger p, which also shrinks and scrambles what crosses.
Refuted: a slope below 1 (networks that learn from steps without a path).

Runs that never reach a target within the horizon are censored: kept in the table with steps = horizon and censored =
True.
"""

from functools import partial
from pathlib import Path

import pandas as pd

from dropatlas.collapse.learning_time import drop_rate_for
from dropatlas.collapse.members import MASKED, Member, Shape
from dropatlas.collapse.outcomes import aligned, steps_until
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.runs import run_ensemble
from dropatlas.collapse.settings import GOALS, LearningTime
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


def _reached(goal: str, settings: LearningTime, rows: pd.DataFrame) -> pd.Series:
    return rows.loss_ratio <= settings.target if goal == "loss" else rows.relative_movement >= settings.movement


@small_products()
def tabulate(settings: LearningTime, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per model, width, θ, seed and goal."""
    training = settings.training
    problem = regression_problem(seed, test_samples=training.test_samples)
    shape = Shape(problem.train_x.shape[1], settings.depth, problem.outputs)

    def times(variant: str, theta: float) -> pd.DataFrame:
        rates = {width: drop_rate_for(theta, variant, width, shape) for width in settings.widths}
        members = [
            Member(width, rates[width], variant, training.learning_rate, "plain", index)
            for width, index in settings.networks()
        ]
        steps = settings.measured_steps(theta)
        frame = run_ensemble(shape, members, problem, training.batch_size, seed, steps, checkpoints)
        parts = [
            steps_until(frame, partial(_reached, goal, settings), ["width", "seed"]).assign(goal=goal) for goal in GOALS
        ]
        return pd.concat(parts).assign(horizon=steps[-1], target_theta=theta)

    control = times("none", 1.0).set_index(["width", "seed", "goal"])
    control_steps = control.steps.where(~control.censored)
    parts = []
    progress = LoggedProgress(settings.conditions(), "learning time")
    for model, theta in progress:
        progress.set_postfix_str(f"{model} theta={theta:g}", refresh=False)
        parts.append(times(MASKED[model], theta).assign(model=model))
    runs = pd.concat(parts, ignore_index=True)
    runs["control_steps"] = aligned(control_steps, runs, ["width", "seed", "goal"])
    return integers(runs[list(MEANINGS)], "steps", "horizon")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.learning_time", LearningTime, MEANINGS, tabulate)
