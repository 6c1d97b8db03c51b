"""Experiment 5: the drift bound E‖w_T - w_0‖ <= M θ Σα (Theorem V.3), both sides.

M bounds E[‖f ⊙ g‖ | path]. Half of the seeds estimates it, by the mean of ‖f ⊙ g‖ over steps with a path
(`dropatlas.collapse.drift` says why); the movement of the others is what the bound must hold for. Every step is
computed, also those without a path, of which the theorem says that they move nothing. ReLU networks that have no
gradient at w_0 even without a mask are marked dead: the theorem holds given w_0, so w_0 may say which networks are
looked at.

Prediction: bias-free networks with σ(0) = 0 stay below the bound at every θ, by a factor that grows with the number of
crossed steps, since gradients of different steps partly cancel. Where Assumption V.2 fails (biases, or sigmoid)
gradients flow behind the cut, and at small θ the bound should be *broken*. Refuted by a bias-free cell whose mean
movement is clearly above its bound: through a wrong θ, or weights that move in steps without a path.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.collapse.drift import NETWORKS, DriftBound, estimates_gradients, pooled_gradients
from dropatlas.collapse.drop_rates import drop_rate_for
from dropatlas.collapse.ensemble import Ensemble
from dropatlas.collapse.members import MASKED, Descent, Member, Shape
from dropatlas.collapse.problems import Problem, regression_problem
from dropatlas.collapse.runs import describe, history
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

SEEN = 256
"""Training inputs that tell whether a network has a gradient."""

DESCENT = Descent(every_step=True)

MEANINGS = {
    "network": "activation, and whether there are biases",
    "assumption": "whether Assumption V.2 holds: no biases, activation zero at zero",
    "model": "site (dropout) or bond (dropconnect)",
    **{name: meaning for name, meaning in RUN_MEANINGS.items() if name != "variant"},
    "gain": "initial gain: plain (1) or compensated (1/sqrt(1 - p) behind every masked layer)",
    "step": "training steps T",
    "rate_sum": "sum of learning rates",
    "crossed_steps": "steps whose mask had a path",
    "path_gradient": "mean norm of the filtered gradient over the steps with a path; NaN if there was none",
    "distance": "norm of (w_T - w_0), weights and biases",
    "alive": "whether the network has a gradient on training inputs at w_0, without a mask",
    "estimates": "whether its gradients estimate M (first half of the seeds); the movement of the others is judged",
    "gradient_bound": "M: largest interval mean of the filtered gradient's norm given a path, pooled over the living "
    "seeds that estimate it",
    "diverged": "whether loss or weights stopped being finite",
}


def has_gradient(ensemble: Ensemble, problem: Problem) -> np.ndarray:
    """Whether the output of each network, in the order given, is anything but 0 without a mask.

    Where all activations of the last hidden layer are 0, so are the output and every gradient (no biases, σ(0) = 0).
    """
    output = ensemble.predict(problem.train_x[:SEEN], scaled=False)
    alive = output.abs().amax((1, 2)).numpy() > 0
    placed = {id(member): row for row, member in enumerate(ensemble.members)}
    return alive[[placed[id(member)] for member in ensemble.given]]


@small_products()
def tabulate(settings: DriftBound, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network."""
    training = settings.training
    problem = regression_problem(seed, test_samples=training.test_samples, offset=0.5)
    parts = []
    progress = LoggedProgress(settings.ensembles(), "drift bound")
    for kind, model in progress:
        progress.set_postfix_str(f"{kind.network} {model} L={kind.depth} W={kind.width}", refresh=False)
        activation, biases = NETWORKS[kind.network]
        shape = Shape(problem.train_x.shape[1], kind.depth, problem.outputs, activation, biases)
        rates = [drop_rate_for(theta, MASKED[model], kind.width, shape) for theta in kind.thetas]
        members = [
            Member(kind.width, p, MASKED[model], training.learning_rate, kind.gain, i)
            for p in rates
            for i in range(training.seeds)
        ]
        ensemble = Ensemble(shape, members, problem, training.batch_size, seed, track_gradients=True, descent=DESCENT)
        alive = has_gradient(ensemble, problem)
        measured = history(ensemble, settings.measured_steps(), checkpoints)
        frame = describe(measured, shape, members, problem.trivial_loss, DESCENT)
        frame["alive"] = alive[measured.row]
        frame["estimates"] = estimates_gradients(frame.seed, training.seeds)
        for _, cell in frame.groupby("drop_rate", sort=False):
            final = cell[cell.step == settings.steps]
            largest = pooled_gradients(cell[cell.estimates & cell.alive & ~cell.diverged]).largest
            told = {"network": kind.network, "assumption": shape.decouples, "model": model, "gradient_bound": largest}
            parts.append(final.assign(**told, distance=np.hypot(final.weight_distance, final.bias_distance)))
    runs = pd.concat(parts, ignore_index=True)
    return integers(runs[list(MEANINGS)], "crossed_steps")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.drift_bound", DriftBound, MEANINGS, tabulate)
