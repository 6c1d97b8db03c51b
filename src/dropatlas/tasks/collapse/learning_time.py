"""Experiment 4: is the time that learning takes at least, and at most about, that without dropout over θ?

Paper: Σα >> 1/θ is necessary (Theorem V.3; it says nothing of the time without dropout). Prediction (ours): at the
initial gain 1 the mean time is at least that of the network without dropout times 1/θ in every wider network, under
dropout and dropconnect. Refuted: a mean time clearly below (networks that learn from steps without a path). Not claimed
of other starts: at gain 1/sqrt(q) a network starts elsewhere than its control, and can be faster. Whether 1/θ is also
enough is open, at both gains: masks with a path still remove part of the network.
Width 1 is the control: a mask of dropout with a path removes nothing there, so the ratio is 1 by definition.

Every step is computed, with or without a path, so that whatever is learned without a path would be seen.

Movement is in units of ‖w_0‖ without dropout, at both gains. Seeds whose control meets the loss target at its first
measured step are there before training, whatever 1/θ, and are left out by those who judge.

Runs that do not reach a goal within the horizon are censored and count as the horizon, with dropout and without: the
time compared is the mean of min(time, horizon), a lower bound of the mean time.
"""

from pathlib import Path

import pandas as pd

from dropatlas.collapse.drop_rates import drop_rate_for
from dropatlas.collapse.learning_time import LearningTime, steps_to_goals
from dropatlas.collapse.members import MASKED, Descent, Member, Shape
from dropatlas.collapse.outcomes import aligned
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.runs import run_ensemble
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "model": "site (dropout) or bond (dropconnect)",
    "target_theta": "crossing probability p was solved for",
    **{name: meaning for name, meaning in RUN_MEANINGS.items() if name != "variant"},
    "gain": "plain (initial hidden matrices as without dropout) or compensated (larger by 1/sqrt(1 - p))",
    "goal": "loss (loss ratio at most the target) or movement (norm of w_t - w_0 at least "
    "its target times the norm of w_0 without dropout)",
    "steps": "first measured step that reaches the goal; the horizon if censored",
    "censored": "whether the goal was not reached within the horizon",
    "horizon": "steps trained",
    "control_steps": "the same for the network without dropout with the same seed; its horizon is that times theta",
    "control_censored": "whether that network did not reach the goal within its horizon",
    "crossed_steps": "steps whose mask had a path",
    "diverged": "whether loss or weights stopped being finite",
}


@small_products()
def tabulate(settings: LearningTime, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per model, θ, width, gain, seed and goal."""
    training = settings.training
    problem = regression_problem(seed, test_samples=training.test_samples)
    shape = Shape(problem.train_x.shape[1], settings.depth, problem.outputs)

    def times(variant: str, theta: float) -> pd.DataFrame:
        members = [
            Member(width, drop_rate_for(theta, variant, width, shape), variant, training.learning_rate, gain, number)
            for width, gain, number in settings.networks(variant)
        ]
        steps, descent = settings.measured_steps(theta), Descent(every_step=True)
        frame = run_ensemble(shape, members, problem, training.batch_size, seed, steps, checkpoints, descent=descent)
        found = steps_to_goals(frame, settings.target, settings.movement)
        return found.assign(horizon=steps[-1], target_theta=theta)

    control = times("none", 1.0).set_index(["width", "seed", "goal"])
    parts = []
    progress = LoggedProgress(settings.conditions(), "learning time")
    for model, theta in progress:
        progress.set_postfix_str(f"{model} theta={theta:g}", refresh=False)
        parts.append(times(MASKED[model], theta).assign(model=model))
    runs = pd.concat(parts, ignore_index=True)
    for name in ("steps", "censored"):
        runs[f"control_{name}"] = aligned(control[name], runs, ["width", "seed", "goal"])
    return integers(runs[list(MEANINGS)], "steps", "horizon", "control_steps", "crossed_steps")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.learning_time", LearningTime, MEANINGS, tabulate)
