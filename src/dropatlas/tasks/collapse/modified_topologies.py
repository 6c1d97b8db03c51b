"""Experiment 7: modified against plain dropout on plain, convolutional and residual networks (open question 2).

Predictions and what would refute them: `dropatlas.collapse.topologies`. Dropout of residual networks acts on the
stream; inside the branches some path always exists, and modified dropout is dropout.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.checkpoints import Checkpoint
from dropatlas.collapse.architectures import ModifiedTopologies, Stacked, crossing_of
from dropatlas.collapse.outcomes import control_learns
from dropatlas.collapse.problems import Problem, digits_problem
from dropatlas.collapse.topologies import StackedTopology
from dropatlas.data import load
from dropatlas.progress import LoggedProgress
from dropatlas.randomness import generator
from dropatlas.tasks.collapse.common import integers, small_products
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.collapse.modified_topologies"

MEANINGS = {
    "data": "digits the networks learn",
    "architecture": "plain, convolution (whole channels dropped) or residual stream (stream dropped after additions)",
    "biases": "whether the layers have biases",
    "depth": "hidden layers or blocks L",
    "width": "vertices or channels W",
    "cell_drop_rate": "removal probability p of the cell (the variant none ignores it)",
    "variant": "dropout, modified (dropout; a step without a path changes nothing) or none",
    "learning_rate": "alpha, constant",
    "seed": "number of the seed: equal numbers share initial weights, data order and masks",
    "theta": "probability that a mask has a path",
    "step": "training steps done: half of all, and all of them",
    "crossed_steps": "steps so far whose mask had a path",
    "train_loss_ratio": "loss on training digits, no masks, over log 10; mean over the last half of the steps so far",
    "test_loss_ratio": "the same on test digits; of scaled and full weights those with the lower training loss",
    "train_accuracy": "share of correct training digits, as above",
    "test_accuracy": "share of correct test digits, as above",
    "relative_movement": "norm of (w_t - w_0) over norm of w_0, weights only",
    "diverged": "whether loss or weights stopped being finite",
    "control_learns": "whether networks of this cell learn without dropout at this learning rate (test loss ratio)",
}

CELL = ["architecture", "biases", "width", "cell_drop_rate", "learning_rate"]
LOOKS = 10  # measurements averaged over the half before each horizon: a constant rate leaves the last step noisy


def _look(networks: StackedTopology, training: np.ndarray) -> np.ndarray:
    """Training and test loss and accuracy (4, R), by the prediction whose loss on these training digits is lower."""
    problem = networks.problem
    train, train_hits = networks.evaluate(problem.train_x[training], problem.train_y[training])
    test, test_hits = networks.evaluate(problem.test_x, problem.test_y)
    return np.where(train[0] <= train[1], *np.stack([train, test, train_hits, test_hits], axis=1))


def _train(cell: Stacked, biases: bool, settings: ModifiedTopologies, seed: int, problem: Problem) -> pd.DataFrame:
    """Train all networks of one cell; one row each and horizon."""
    variants, members = zip(*settings.networks(cell, biases), strict=True)
    shared = (problem, settings.batch_size, seed, biases)
    networks = StackedTopology(cell.architecture, settings.depth, cell.width, list(members), *shared)
    fixed = pd.DataFrame(list(members))[["learning_rate", "seed"]].assign(variant=variants, biases=biases)
    fixed["data"] = problem.data
    fixed["architecture"], fixed["depth"], fixed["width"] = cell.architecture, settings.depth, cell.width
    fixed["cell_drop_rate"] = cell.drop_rate
    fixed["theta"] = [crossing_of(cell.architecture, m.drop_rate, cell.width, settings.depth).own for m in members]
    parts, order = [], generator(seed, "collapse", "training evaluation").permutation(len(problem.train_x))
    training = order[: settings.samples]  # stored digits come class by class
    for horizon in settings.measured_steps():
        looks = []
        for step in np.linspace(0.5 * horizon, horizon, LOOKS + 1)[1:].round().astype(int):
            networks.advance(int(step))
            looks.append(_look(networks, training))
        train, test, train_hits, test_hits = np.mean(looks, axis=0)
        moved = networks.measure()["relative_movement"]
        ratios = {"train_loss_ratio": train / problem.trivial_loss, "test_loss_ratio": test / problem.trivial_loss}
        found = fixed.assign(step=horizon, crossed_steps=networks.crossed, relative_movement=moved, **ratios)
        found["train_accuracy"], found["test_accuracy"] = train_hits, test_hits
        found["diverged"] = networks.diverged | ~np.isfinite(train + test)
        parts.append(found)
    return pd.concat(parts, ignore_index=True)


@small_products()
def tabulate(settings: ModifiedTopologies, seed: int, data: Path, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network and horizon; finished cells are kept in `checkpoints` and not trained again."""
    problem = digits_problem(load(data), seed, settings.samples)
    parts, jobs = [], list(enumerate(settings.jobs()))
    for number, (cell, biases) in LoggedProgress(jobs, "modified topologies", unit="cell"):
        work = partial(_train, cell, biases, settings, seed, problem)
        path = checkpoints and checkpoints / str(number)
        parts.append(Checkpoint(path, [MODULE], cell, biases, settings, seed, problem).rows(work))
    runs = pd.concat(parts, ignore_index=True)
    final = runs[runs.step == settings.steps].rename(columns={"test_loss_ratio": "loss_ratio"})
    runs["control_learns"] = control_learns(final, CELL, settings.target, runs)
    return integers(runs[list(MEANINGS)], "crossed_steps")


if __name__ == "__main__":
    run_table_task(MODULE, ModifiedTopologies, MEANINGS, tabulate)
