"""Two-parameter linear regression: some paths step by step, with what was dropped."""

import numpy as np
import pandas as pd
import torch

from dropatlas.ddc.linear_regression import descend_problem, starts
from dropatlas.ddc.settings import Regression
from dropatlas.randomness import seed_sequence
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "first_scale": "standard deviation of the first input",
    "second_scale": "standard deviation of the second input",
    "correlation": "correlation of the inputs",
    "learning_rate": "learning rate in units of 2/λ, λ the largest eigenvalue of the Hessian",
    "method": "how edges are dropped",
    "seed": "number of the start",
    "step": "steps done",
    "first_weight": "first weight before the step",
    "second_weight": "second weight before the step",
    "first_gradient": "gradient the first weight got in the step; NaN in the last row",
    "second_gradient": "gradient the second weight got",
    "first_dropped": "whether the first edge was dropped in the step",
    "second_dropped": "whether the second edge was dropped",
    "risk": "excess risk without masks before the step",
}


def tabulate(settings: Regression, seed: int) -> pd.DataFrame:
    """One row per problem, method, start and step, at the lowest learning rate; the starts lie evenly around."""
    parts = []
    start = starts(settings.shown, settings.radius)
    rate, steps = min(settings.learning_rates), settings.shown_steps
    for scales, method in settings.shown_cells():
        masks = seed_sequence(seed, "linear regression paths", *scales, method)
        run = descend_problem(settings, scales, rate, method, start, steps, masks)
        beyond = torch.full((1, *start.shape), np.nan)
        gradients = torch.cat([run.gradients, beyond]).numpy()
        dropped = torch.cat([run.dropped, beyond.isfinite()]).numpy()
        for number in range(settings.shown):
            columns = {"step": range(steps + 1), "risk": run.risks[:, number].numpy()}
            for edge, name in enumerate(("first", "second")):
                columns |= {
                    f"{name}_weight": run.weights[:, number, edge].numpy(),
                    f"{name}_gradient": gradients[:, number, edge],
                    f"{name}_dropped": dropped[:, number, edge],
                }
            parts.append(
                pd.DataFrame(columns).assign(
                    first_scale=scales[0],
                    second_scale=scales[1],
                    correlation=settings.correlation,
                    learning_rate=rate,
                    method=method,
                    seed=number,
                )
            )
    return pd.concat(parts, ignore_index=True)[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.ddc.regression_paths", Regression, MEANINGS, tabulate)
