"""Two-parameter linear regression: convergence and drops of every method, problem, learning rate and start."""

from itertools import product

import pandas as pd
import torch

from dropatlas.progress import LoggedProgress
from dropatlas.randomness import seed_sequence
from dropatlas.regularisation.ablation_settings import Regression
from dropatlas.regularisation.linear_regression import (
    RULES,
    descend,
    drops_by_importance,
    hessian,
    starts,
    steps_to_target,
)
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "first_scale": "standard deviation of the first input",
    "second_scale": "standard deviation of the second input",
    "correlation": "correlation of the inputs",
    "learning_rate": "learning rate in units of 2/λ, λ the largest eigenvalue of the Hessian",
    "method": "how edges are dropped; all that drop do so at the same mean rate",
    "replica": "number of the start; equal numbers share it",
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
    start = starts(settings.replicas, settings.radius)
    cells = list(product(settings.scales, settings.learning_rates, RULES.items()))
    for scales, rate, (method, rule) in LoggedProgress(cells, "linear regression"):
        curvature = hessian(tuple(scales), settings.correlation)
        step = rate * 2 / torch.linalg.eigvalsh(curvature).max().item()
        stream = seed_sequence(seed, "linear regression", *scales, rate, method).generate_state(1)[0]
        draws = torch.Generator().manual_seed(int(stream))
        run = descend(rule, curvature, step, start, settings.steps, draws)
        small, large = drops_by_importance(run, curvature, settings.approach_steps)
        late = run.risks[-(settings.steps // 4) :].mean(0) / run.risks[0]
        cell = pd.DataFrame({"replica": range(settings.replicas)}).assign(
            first_scale=scales[0],
            second_scale=scales[1],
            correlation=settings.correlation,
            learning_rate=rate,
            method=method,
            small_drop_rate=small,
            large_drop_rate=large,
            final_risk=late.numpy(),
            steps=settings.steps,
        )
        parts += [
            cell.assign(target=target, steps_to_target=steps_to_target(run.risks, target))
            for target in settings.targets
        ]
    return pd.concat(parts, ignore_index=True)[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.ablations.regression", Regression, MEANINGS, tabulate)
