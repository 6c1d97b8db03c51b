"""Experiment 6: residual and convolutional networks on digits, beside plain ones: where does the threshold persist?

Predictions and what would refute them: `dropatlas.collapse.topologies`.
"""

from functools import partial
from pathlib import Path

import pandas as pd

from dropatlas.checkpoints import Checkpoint
from dropatlas.collapse.architectures import OtherTopologies, crossing_of
from dropatlas.collapse.outcomes import control_learns
from dropatlas.collapse.problems import Problem, digits_problem
from dropatlas.collapse.topologies import StackedTopology
from dropatlas.data import load
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import integers, small_products
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.collapse.topologies"

MEANINGS = {
    "data": "digits the networks learn",
    "topology": "plain, residual (dropout inside the branches) or convolution (whole channels dropped)",
    "depth": "hidden layers or blocks L",
    "width": "vertices or channels W",
    "drop_rate": "removal probability p, 0 for the control, 1 for the identity alone",
    "variant": "dropout, none, or identity (residual: all branches always cut)",
    "gain": "initial gain: plain (1) or compensated (1/sqrt(1 - p) behind every masked layer; not for residual)",
    "seed": "number of the seed",
    "plain_theta": "(1 - p^W)^L: crossing probability of the plain network (residual: that all branches are open)",
    "theta": "probability that some path is open (residual: 1)",
    "branch_theta": "residual: probability that some path besides the identity is open; otherwise theta",
    "theta_rate_sum": "plain_theta times the sum of learning rates",
    "learning_rate": "alpha, constant",
    "steps": "training steps T",
    "crossed_steps": "steps whose mask had a path (residual: all)",
    "plain_crossed_steps": "steps whose mask leaves, or would leave, the plain network a path",
    "branch_steps": "steps whose mask had a path besides the identity",
    "loss_ratio": "final test loss (scaled or full weights, whichever is lower) over log 10",
    "scaled_loss_ratio": "final test loss, branches or layers scaled by their mean q (identity: without branches), "
    "over log 10",
    "path_loss_ratio": "mean minibatch loss of the last steps with a path over log 10",
    "test_accuracy": "share of correct test digits",
    "relative_movement": "norm of (w_T - w_0) over norm of w_0",
    "learned": "whether loss_ratio is at most the target",
    "diverged": "whether loss or weights stopped being finite",
    "control_learns": "whether this topology learns at this width without dropout",
}


def _train(topology: str, width: int, settings: OtherTopologies, seed: int, problem: Problem) -> pd.DataFrame:
    """Train all networks of one topology and width; one row each."""
    variants, members = zip(*settings.networks(topology, width), strict=True)
    shared = (problem, settings.training.batch_size, seed)
    networks = StackedTopology(topology, settings.depth, width, list(members), *shared)
    found = networks.train(settings.steps)
    frame = pd.DataFrame(list(members))[["drop_rate", "gain", "seed", "learning_rate"]].assign(variant=variants)
    frame["data"] = problem.data
    frame["topology"], frame["depth"], frame["width"] = topology, settings.depth, width
    crossings = [crossing_of(topology, member.drop_rate, width, settings.depth) for member in members]
    frame[["plain_theta", "theta", "branch_theta"]] = crossings
    frame["theta_rate_sum"] = frame.plain_theta * settings.steps * frame.learning_rate
    frame["steps"], frame["crossed_steps"] = settings.steps, networks.crossed
    frame["plain_crossed_steps"], frame["branch_steps"] = networks.plain_crossed, networks.branch_open
    ratios = pd.DataFrame({name: found[name] for name in ("scaled_loss", "full_loss")}) / problem.trivial_loss
    frame["loss_ratio"], frame["scaled_loss_ratio"] = ratios.min(axis=1, skipna=False), ratios.scaled_loss
    frame["path_loss_ratio"] = found["path_loss"] / problem.trivial_loss
    frame["test_accuracy"], frame["relative_movement"] = found["test_accuracy"], found["relative_movement"]
    frame["learned"], frame["diverged"] = frame.loss_ratio <= settings.target, networks.diverged
    return frame


@small_products()
def tabulate(settings: OtherTopologies, seed: int, data: Path, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network; finished parts (topology and width) are kept in `checkpoints` and not trained again."""
    problem = digits_problem(load(data), seed, settings.training.test_samples)
    parts, shared = [], (settings, seed, problem)
    for job in LoggedProgress(settings.jobs(), "topologies", unit="topology"):
        path, (topology, width) = checkpoints and checkpoints / "-".join(map(str, job)), job
        work = partial(_train, topology, width, settings, seed, problem)
        parts.append(Checkpoint(path, [MODULE], job, *shared).rows(work))
    runs = pd.concat(parts, ignore_index=True)
    runs["control_learns"] = control_learns(runs, ["topology", "width"], settings.target)
    return integers(runs[list(MEANINGS)], "crossed_steps", "plain_crossed_steps", "branch_steps")


if __name__ == "__main__":
    run_table_task(MODULE, OtherTopologies, MEANINGS, tabulate)
