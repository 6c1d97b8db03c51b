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

from dropatlas.collapse.ensemble import Ensemble, Replica
from dropatlas.collapse.networks import Shape
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.runs import describe, history
from dropatlas.collapse.settings import DriftBound
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

NETWORKS = {  # activation, biases; Assumption V.2 holds for the first two
    "tanh": ("tanh", False),
    "relu": ("relu", False),
    "tanh with biases": ("tanh", True),
    "sigmoid": ("sigmoid", False),
}

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


def _pooled_gradients(frame: pd.DataFrame, least: int = 20) -> tuple[float, float]:
    """(largest interval mean, overall mean) of the gradient norm over crossed steps of all replicas of one cell.

    Intervals with fewer than `least` crossed steps are joined with the following ones.
    """
    totals = (frame.path_gradient * frame.crossed_steps).fillna(0.0).groupby(frame.step).sum()
    counts = frame.crossed_steps.groupby(frame.step).sum()
    largest, sum_before, count_before = 0.0, 0.0, 0.0
    for total, count in zip(totals, counts, strict=True):
        if count - count_before >= least:
            largest = max(largest, (total - sum_before) / (count - count_before))
            sum_before, count_before = total, count
    mean = totals.iloc[-1] / counts.iloc[-1] if counts.iloc[-1] else np.nan
    return (largest or mean), mean


@small_products()
def tabulate(settings: DriftBound, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network."""
    training = settings.training
    problem = regression_problem(seed, test_samples=training.test_samples, offset=0.5)
    marks = sorted({max(1, settings.steps * part // settings.intervals) for part in range(1, settings.intervals + 1)})
    jobs = [
        (network, model, variant, cell)
        for network in NETWORKS
        for model, variant in (("site", "dropout"), ("bond", "dropconnect"))
        for cell in settings.cells
    ]
    parts = []
    progress = LoggedProgress(jobs, "drift bound")
    for network, model, variant, cell in progress:
        progress.set_postfix_str(f"{network} {model} L={cell.depth} W={cell.width} p={cell.drop_rate:g}", refresh=False)
        activation, biases = NETWORKS[network]
        shape = Shape(problem.train_x.shape[1], cell.depth, problem.outputs, activation, biases)
        replicas = [
            Replica(cell.width, cell.drop_rate, variant, training.learning_rate, "compensated", index)
            for index in range(training.seeds)
        ]
        ensemble = Ensemble(shape, replicas, problem, training.batch_size, seed, track_gradients=True)
        frame = describe(history(ensemble, marks, checkpoints), shape, replicas, problem.trivial_loss)
        largest, mean = _pooled_gradients(frame[~frame.diverged])
        final = frame[frame.step == settings.steps].assign(network=network, assumption=shape.decouples, model=model)
        final["distance"] = np.hypot(final.weight_distance, final.bias_distance)
        parts.append(
            final.assign(gradient_bound=largest, mean_gradient=mean, bound=largest * final.theta * final.rate_sum)
        )
    runs = pd.concat(parts, ignore_index=True)
    return integers(runs[list(MEANINGS)], "crossed_steps")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.drift_bound", DriftBound, MEANINGS, tabulate)
