"""Experiment 5: the drift bound E‖w_T - w_0‖ <= M θ Σα (Theorem V.3), both sides.

M bounds E[‖f ⊙ g‖ | path]; it is estimated by the largest mean of ‖f ⊙ g‖ over steps with a path, pooled over seeds,
among consecutive intervals of training. Prediction: bias-free networks with σ(0) = 0 stay below the bound at every θ,
by a factor that grows as gradients of different steps point in different directions. Where Assumption V.2 fails
(biases, or sigmoid) nothing protects the bound: behind the cut gradients flow, and at small θ it should be
*violated*. The check could also fail for bias-free networks: through a wrong θ, or weights that move in steps without
a path.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.collapse.drift import pooled_gradients
from dropatlas.collapse.members import Shape
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.runs import run_ensemble
from dropatlas.collapse.settings import NETWORKS, DriftBound
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "network": "activation, and whether there are biases",
    "assumption": "whether Assumption V.2 holds: no biases, activation zero at zero",
    "model": "site (dropout) or bond (dropconnect)",
    **{name: meaning for name, meaning in RUN_MEANINGS.items() if name != "variant"},
    "rate_sum": "sum of learning rates",
    "crossed_steps": "steps whose mask had a path",
    "distance": "norm of (w_T - w_0), weights and biases",
    "gradient_bound": "M: largest interval mean of the filtered gradient's norm, steps with a path, pooled over seeds",
    "mean_gradient": "mean of the filtered gradient's norm over all steps with a path, pooled over seeds",
    "bound": "M theta rate_sum",
    "diverged": "whether loss or weights stopped being finite",
}


@small_products()
def tabulate(settings: DriftBound, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network."""
    training = settings.training
    problem = regression_problem(seed, test_samples=training.test_samples, offset=0.5)
    parts = []
    progress = LoggedProgress(settings.ensembles(), "drift bound")
    for network, model, cell, members in progress:
        progress.set_postfix_str(f"{network} {model} L={cell.depth} W={cell.width} p={cell.drop_rate:g}", refresh=False)
        activation, biases = NETWORKS[network]
        shape = Shape(problem.train_x.shape[1], cell.depth, problem.outputs, activation, biases)
        protocol = (problem, training.batch_size, seed, settings.measured_steps(), checkpoints)
        frame = run_ensemble(shape, members, *protocol, track_gradients=True)
        largest, mean = pooled_gradients(frame[~frame.diverged])
        final = frame[frame.step == settings.steps].assign(network=network, assumption=shape.decouples, model=model)
        final["distance"] = np.hypot(final.weight_distance, final.bias_distance)
        parts.append(
            final.assign(gradient_bound=largest, mean_gradient=mean, bound=largest * final.theta * final.rate_sum)
        )
    runs = pd.concat(parts, ignore_index=True)
    return integers(runs[list(MEANINGS)], "crossed_steps")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.drift_bound", DriftBound, MEANINGS, tabulate)
