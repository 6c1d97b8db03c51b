"""Movement and time to learn under momentum and Adam, which the paper's summary names as a limitation.

Predictions (`dropatlas.collapse.gradients` derives them): momentum stays below M θ Σα / (1 - β) and needs, like plain
descent, order 1/θ steps to learn; Adam, which scales rare gradients up by about 1/√θ, needs only order 1/√θ steps.
Width 1 is the pure case: a mask with a path removes nothing. Refuted by momentum above its bound or with clearly less
than half of 1/θ times the steps without dropout, and by Adam beyond a factor of two of 1/√θ times them. A run that does
not reach the target counts with its horizon, which can only make its time look shorter.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.collapse.drift import estimates_gradients
from dropatlas.collapse.drop_rates import drop_rate_for
from dropatlas.collapse.gradients import Optimisers
from dropatlas.collapse.members import Descent, Member, Shape
from dropatlas.collapse.outcomes import steps_until
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.runs import run_ensemble
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "optimiser": "sgd (plain descent), momentum (heavy ball, 0.9) or adam (0.9, 0.999)",
    **RUN_MEANINGS,
    "learning_rate": "learning rate alpha",
    "step": "training steps T: the horizon",
    "rate_sum": "sum of learning rates",
    "crossed_steps": "steps whose mask had a path",
    "path_gradient": "mean norm of the filtered gradient over these; NaN if there was none",
    "weight_distance": "norm of (w_T - w_0)",
    "relative_movement": "the same over the norm of w_0",
    "loss_ratio": "test loss (scaled or full weights, whichever is lower) over the loss of a constant",
    "steps_to_target": "first measured step with a loss ratio at most the target; NaN if there was none",
    "estimates": "whether its gradients estimate M (first half of the seeds); the movement of the others is judged",
    "diverged": "whether loss or weights stopped being finite",
}


def _reached(target: float, rows: pd.DataFrame) -> pd.Series:
    return rows.loss_ratio <= target


@small_products()
def tabulate(settings: Optimisers, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network."""
    problem = regression_problem(seed, test_samples=settings.test_samples)
    shape = Shape(problem.train_x.shape[1], settings.depth, problem.outputs)
    parts = []
    progress = LoggedProgress(settings.optimisers, "optimisers")
    for optimiser in progress:
        progress.set_postfix_str(optimiser.name, refresh=False)
        members = [
            Member(
                width,
                drop_rate_for(theta, "dropout", width, shape),
                "none" if theta == 1 else "dropout",
                optimiser.learning_rate,
                "plain",
                i,
            )
            for width, theta, i in settings.networks()
        ]
        protocol = (problem, settings.batch_size, seed, settings.measured_steps(), checkpoints)
        frame = run_ensemble(shape, members, *protocol, track_gradients=True, descent=Descent(optimiser.name))
        final = steps_until(frame, partial(_reached, settings.target), ["width", "theta", "seed"])
        final["steps_to_target"] = np.where(final.censored, np.nan, final.steps)
        parts.append(final.assign(optimiser=optimiser.name, estimates=estimates_gradients(final.seed, settings.seeds)))
    return integers(pd.concat(parts, ignore_index=True)[list(MEANINGS)], "crossed_steps")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.optimisers", Optimisers, MEANINGS, tabulate)
