"""Drop rate against regularisation: train-test gap and test loss of networks that overfit few digits.

A summary of the paper ("Design tradeoffs"; suggested, not measured): a lower drop rate keeps more paths, but
regularises less. That θ falls with p is arithmetic. Prediction for the rest: at a fixed number of steps the gap between
test and training loss, both without masks, falls as p rises while networks still learn; dropout lowers the test loss at
some p at which θ is near 1; where paths are rare dropout costs more than in a wide network of the same depth and p.
Refuted: a gap that does not fall by what matters, at any horizon; no drop rate with θ near 1 that lowers the test
loss; networks whose masks rarely have a path and that lose no more than wide ones.

A regulariser can only show what it is worth where there is something to regularise. Cells differ in shape and in the
share of digits whose labels are drawn at random (unseen digits follow the same law, so that the gap is that between
two samples of one distribution); each cell draws its own digits. Where the network without dropout has no gap worth
closing, the cell cannot tell. Losses are read at each horizon, and at the best step up to it: the latter asks whether
dropout does more than to stop early.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dropatlas.collapse.ensemble import Ensemble
from dropatlas.collapse.members import Member, Shape
from dropatlas.collapse.problems import Problem, digits_problem
from dropatlas.collapse.tradeoffs import Regularisation, RegularisationCell, Trajectory, with_wrong_labels
from dropatlas.data import load
from dropatlas.progress import LoggedProgress
from dropatlas.randomness import generator
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "data": "data the problem is made of",
    "wrong_labels": "share of digits, seen and unseen, whose label is drawn at random",
    **RUN_MEANINGS,
    "horizon": "training steps done",
    "train_loss": "cross-entropy (nats) on all training digits, without masks, weights scaled by their keep rate",
    "test_loss": "the same on unseen digits",
    "gap": "test_loss minus train_loss",
    "test_accuracy": "share of correct unseen digits",
    "best_step": "measured step up to the horizon with the lowest test loss",
    "best_test_loss": "test loss at best_step",
    "best_gap": "gap at best_step",
    "best_test_accuracy": "test accuracy at best_step",
    "trivial_loss": "test loss of the best constant output",
    "diverged": "whether a loss at the horizon is not finite",
}


def few_digits(full: Problem, cell: RegularisationCell, samples: int, seed: int) -> Problem:
    """The problem of a cell: its own few training digits, and labels of which a share is drawn at random."""
    rng = generator(seed, "collapse", "few digits", cell.depth, cell.width, str(cell.wrong_labels))
    rows = rng.permutation(len(full.train_x))[:samples]

    def labels(right: torch.Tensor) -> torch.Tensor:
        drawn = with_wrong_labels(right.cpu().numpy(), cell.wrong_labels, full.outputs, rng)
        return torch.from_numpy(drawn).to(right)

    train_y, test_y = labels(full.train_y[rows]), labels(full.test_y)
    frequencies = np.bincount(test_y.cpu().numpy(), minlength=full.outputs) / len(test_y)
    trivial = float(-(frequencies * np.log(np.maximum(frequencies, 1e-300))).sum())
    return replace(full, train_x=full.train_x[rows], train_y=train_y, test_y=test_y, trivial_loss=trivial)


def _losses(ensemble: Ensemble, x: torch.Tensor, y: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean loss and share of correct digits of every member, without masks; in tensor order, shape (R,) each."""
    output = ensemble.predict(x, scaled=True)
    target = y.expand(len(output), *y.shape)
    loss = ensemble.problem.losses(output, target).mean(1).double().cpu().numpy()
    return loss, (output.argmax(-1) == target).double().mean(1).cpu().numpy()


def _trajectories(ensemble: Ensemble, steps: list[int]) -> list[tuple[Member, Trajectory]]:
    """Every member of an ensemble with its losses at the given steps."""
    measured = np.empty((len(steps), 3, len(ensemble.members)))
    problem = ensemble.problem
    for number, step in enumerate(steps):
        ensemble.advance(step)
        train, _ = _losses(ensemble, problem.train_x, problem.train_y)
        measured[number] = train, *_losses(ensemble, problem.test_x, problem.test_y)
    at = np.array(steps)
    return [(member, Trajectory(at, *measured[:, :, row].T)) for row, member in enumerate(ensemble.members)]


@small_products()
def tabulate(settings: Regularisation, seed: int, data: Path) -> pd.DataFrame:
    """One row per network and horizon."""
    training = settings.training
    full = digits_problem(load(data), seed, training.test_samples)
    jobs = [(cell, members) for cell in settings.cells for members in settings.ensembles(cell)]
    rows = []
    progress = LoggedProgress(jobs, "regularisation", unit="ensemble")
    for cell, members in progress:
        progress.set_postfix_str(f"L={cell.depth} W={cell.width} wrong={cell.wrong_labels:g}", refresh=False)
        problem = few_digits(full, cell, settings.samples, seed)
        shape = Shape(problem.train_x.shape[1], cell.depth, problem.outputs)
        ensemble = Ensemble(shape, members, problem, training.batch_size, seed)
        for member, trajectory in _trajectories(ensemble, settings.measured_steps()):
            run = {
                **cell.model_dump(),
                "drop_rate": 0.0 if member.variant == "none" else member.drop_rate,
                "variant": member.variant,
                "seed": member.seed,
                "theta": member.theta(shape),
                "trivial_loss": problem.trivial_loss,
            }
            rows += [{**run, "horizon": horizon, **trajectory.until(horizon)} for horizon in settings.horizons]
    runs = pd.DataFrame(rows).assign(data=full.data)
    runs["diverged"] = ~np.isfinite(runs.gap)
    return integers(runs[list(MEANINGS)], "horizon", "best_step")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.regularisation", Regularisation, MEANINGS, tabulate)
