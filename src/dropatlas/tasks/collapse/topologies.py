"""Experiment 6: residual and convolutional networks on digits, beside plain ones: where does the threshold persist?

Predictions and what would refute them: `dropatlas.collapse.topologies`.
"""

from itertools import product
from pathlib import Path

import pandas as pd

from dropatlas.checkpoints import keep_rows, kept_rows
from dropatlas.closure import module_closure
from dropatlas.collapse.problems import Problem, digits_problem
from dropatlas.collapse.settings import OtherTopologies
from dropatlas.collapse.topologies import TOPOLOGIES, StackedTopology
from dropatlas.data import load
from dropatlas.files import sha256_of_files, sha256_of_text
from dropatlas.percolation import residual_crossing_probability, site_crossing_probability
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import control_learns, integers, small_products
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "data": "digits the networks learn",
    "topology": "plain, residual (dropout inside the branches) or convolution (whole channels dropped)",
    "depth": "hidden layers or blocks L",
    "width": "vertices or channels W",
    "drop_rate": "removal probability p, 0 for the control",
    "variant": "dropout or none",
    "gain": "initial gain: plain (1) or compensated (1/sqrt(1 - p) behind every masked layer; not for residual)",
    "replica": "number of the seed",
    "plain_theta": "(1 - p^W)^L: crossing probability of the plain network",
    "theta": "crossing probability of this network (residual: 1)",
    "branch_theta": "residual: probability that some branch is open; otherwise theta",
    "theta_rate_sum": "plain_theta times the sum of learning rates",
    "steps": "training steps T",
    "crossed_steps": "steps whose mask had a path (residual: all)",
    "branch_steps": "steps whose mask had an open hidden layer or branch",
    "loss_ratio": "final test loss (scaled or full weights, whichever is lower) over log 10",
    "path_loss_ratio": "mean minibatch loss of the last steps with a path over log 10",
    "test_accuracy": "share of correct test digits",
    "relative_movement": "norm of (w_T - w_0) over norm of w_0",
    "learned": "whether loss_ratio is at most the target",
    "diverged": "whether loss or weights stopped being finite",
    "control_learns": "whether this topology learns at this width without dropout",
}


def _train(topology: str, width: int, settings: OtherTopologies, seed: int, problem: Problem) -> pd.DataFrame:
    """Train all networks of one topology and width; one row each."""
    training = settings.training
    gains = ("plain",) if topology == "residual" else ("plain", "compensated")
    kinds = [(0.0, "plain"), *product(settings.drop_rates, gains)]
    rows = [(p, gain, index) for p, gain in kinds for index in range(training.seeds)]
    rates, gain_names, indices = map(list, zip(*rows, strict=True))
    shared = (problem, training.batch_size, training.learning_rate, seed)
    networks = StackedTopology(topology, settings.depth, width, rates, gain_names, indices, *shared)
    networks.advance(max(1, settings.steps * 9 // 10))
    networks.measure()  # the mean loss is that of the last tenth
    networks.advance(settings.steps)
    found = networks.measure()
    frame = pd.DataFrame({"drop_rate": rates, "gain": gain_names, "replica": indices})
    frame["variant"] = frame.drop_rate.map(lambda p: "none" if p == 0 else "dropout")
    frame["data"] = problem.data
    frame["topology"], frame["depth"], frame["width"] = topology, settings.depth, width
    plain = {p: site_crossing_probability(p, width, settings.depth) for p in set(rates)}
    frame["plain_theta"] = frame.drop_rate.map(plain)
    residual = topology == "residual"
    frame["theta"] = 1.0 if residual else frame.plain_theta
    branch = {p: residual_crossing_probability("site", p, width, 1, settings.depth) for p in set(rates)}
    frame["branch_theta"] = frame.drop_rate.map({p: b.non_identity_path for p, b in branch.items()})
    frame["branch_theta"] = frame.branch_theta if residual else frame.theta
    frame["theta_rate_sum"] = frame.plain_theta * settings.steps * training.learning_rate
    frame["steps"], frame["crossed_steps"] = settings.steps, networks.crossed
    frame["branch_steps"] = networks.branch_open
    ratios = pd.DataFrame({name: found[name] for name in ("scaled_loss", "full_loss")})
    frame["loss_ratio"] = ratios.min(axis=1, skipna=False) / problem.trivial_loss
    frame["path_loss_ratio"] = found["path_loss"] / problem.trivial_loss
    frame["test_accuracy"], frame["relative_movement"] = found["test_accuracy"], found["relative_movement"]
    frame["learned"], frame["diverged"] = frame.loss_ratio <= settings.target, networks.diverged
    return frame


@small_products()
def tabulate(settings: OtherTopologies, seed: int, data: Path, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network; finished parts (topology and width) are kept in `checkpoints` and not trained again."""
    problem = digits_problem(load(data), seed, settings.training.test_samples)
    code = sha256_of_files(module_closure("dropatlas.tasks.collapse.topologies"))
    run = sha256_of_text(f"{code} {settings.model_dump_json()} {seed} {problem.fingerprint}")[:16]
    parts = []
    jobs = list(product(TOPOLOGIES, settings.widths))
    for topology, width in LoggedProgress(jobs, "topologies", unit="topology"):
        kept = checkpoints / f"{topology}-{width}-{run}" if checkpoints else None
        frame = kept_rows(kept) if kept else None
        if frame is None:
            frame = _train(topology, width, settings, seed, problem)
            if kept:
                keep_rows(kept, frame)
        parts.append(frame)
    runs = pd.concat(parts, ignore_index=True)
    runs["control_learns"] = control_learns(runs, ["topology", "width"], settings.target)
    return integers(runs[list(MEANINGS)], "crossed_steps", "branch_steps")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.topologies", OtherTopologies, MEANINGS, tabulate)
