"""Two-parameter linear regression: convergence and drops of every method, problem, learning rate and start."""

import pandas as pd

from dropatlas.ddc.linear_regression import (
    descend_problem,
    drops_by_importance,
    hessian,
    late_risk,
    starts,
    steps_to_target,
)
from dropatlas.ddc.settings import Regression
from dropatlas.progress import LoggedProgress
from dropatlas.randomness import seed_sequence
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "first_scale": "standard deviation of the first input",
    "second_scale": "standard deviation of the second input",
    "correlation": "correlation of the inputs",
    "learning_rate": "learning rate in units of 2/λ, λ the largest eigenvalue of the Hessian",
    "method": "how edges are dropped; all that drop do so at the same mean rate",
    "seed": "number of the start; equal numbers share it",
    "small_drop_rate": "share of the first steps in which the edge with the smaller present gradient was dropped",
    "large_drop_rate": "the same for the edge with the larger gradient",
    "final_risk": "mean excess risk without masks over the last quarter of the steps, over the initial one",
    "target": "share of the initial excess risk that is to be reached",
    "steps_to_target": "first step at which it is; NaN if never",
    "steps": "steps of gradient descent in all",
}


def tabulate(settings: Regression, seed: int) -> pd.DataFrame:
    """One row per problem, learning rate, method, start and target."""
    parts = []
    start = starts(settings.seeds, settings.radius)
    for scales, rate, method in LoggedProgress(settings.cells(), "linear regression"):
        masks = seed_sequence(seed, "linear regression", *scales, rate, method)
        run = descend_problem(settings, scales, rate, method, start, settings.steps, masks)
        small, large = drops_by_importance(run, hessian(scales, settings.correlation), settings.approach_steps)
        cell = pd.DataFrame({"seed": range(settings.seeds)}).assign(
            first_scale=scales[0],
            second_scale=scales[1],
            correlation=settings.correlation,
            learning_rate=rate,
            method=method,
            small_drop_rate=small,
            large_drop_rate=large,
            final_risk=late_risk(run.risks),
            steps=settings.steps,
        )
        parts += [
            cell.assign(target=target, steps_to_target=steps_to_target(run.risks, target))
            for target in settings.targets
        ]
    return pd.concat(parts, ignore_index=True)[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.ddc.regression", Regression, MEANINGS, tabulate)
