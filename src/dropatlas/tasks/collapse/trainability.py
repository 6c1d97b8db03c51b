"""Experiment 3: which networks learn under dropout, over width, depth, drop rate and the way to drop.

Paper: paths decide (θ). A rival (ours): the filter is not rescaled, so that what crosses shrinks with depth whatever θ
is. Both are factors of one number, the share q^L of paths that survive: q^L = θ·s² (`dropatlas.collapse.trainability`).

Predictions. (1) At W = 1, where s = 1, networks learn if enough steps have a path, and not otherwise. (2) Where
practically every mask leaves a path (θ >= 0.99) they stop learning as T·q^L falls below about one: width replaces
missing paths by lost signal and brings nothing back. (3) Over all widths T·q^L (measured: steps with a path, times s²)
orders success better than paths or signal alone. (4) What restores the size of the signal (initial gain, rescaling,
normalised layers) or draws a mask for every sample does not restore its meaning: such networks stop there, too. (5) At
W = 1 a mask for every sample leaves the mean step as it is and changes little, although practically every batch then
has a sample with a path. Each is refuted by networks that clearly do otherwise.

Every step is computed, also those of which theory says that they change nothing, so that the count of steps with a path
is only a measurement.
"""

from pathlib import Path

import pandas as pd

from dropatlas.collapse.members import Descent, Shape
from dropatlas.collapse.outcomes import control_learns
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.runs import run_ensemble
from dropatlas.collapse.trainability import NAMES, Trainability, signal_given_path, surviving_share
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "grid": "map (all arms), or published (the proposed cells, fewer steps)",
    "arm": "way to drop: dropout (one mask a step, nothing rescaled), compensated (the same, initial weights over "
    "sqrt(q)), sample (a mask per sample), rescaled (one mask a step, kept activations over q), inverted (both), "
    "normalised (dropout, every masked layer over its root mean square), normalised sample; none: control",
    "normalised": "whether every masked layer is divided by its root mean square",
    **{name: meaning for name, meaning in RUN_MEANINGS.items() if name != "variant"},
    "theta": "probability that a mask has a path (the mask of one sample where masks are per sample)",
    "surviving_share": "q^L: probability that a given path survives",
    "signal": "s^2 = q^L / theta: share of the mean square, and of paths, given that the mask leaves a path",
    "step": "training steps done: half of them, and all",
    "crossed_steps": "steps so far whose mask had a path (samples with one, in steps, where masks are per sample)",
    "loss_ratio": "test loss (scaled or full weights, whichever is lower) over the loss of a constant",
    "learned": "whether loss_ratio is at most the target",
    "diverged": "whether loss or weights stopped being finite",
    "control_learns": "whether most networks of this grid, depth, width, normalisation learn so soon without dropout",
}


@small_products()
def tabulate(settings: Trainability, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network and horizon."""
    training = settings.training
    problem = regression_problem(seed, test_samples=training.test_samples)
    parts = []
    progress = LoggedProgress(settings.batches(), "trainability")
    for grid, depth, normalised, steps, members in progress:
        progress.set_postfix_str(f"{members[-1].variant} L={depth} W={members[-1].width}", refresh=False)
        shape = Shape(problem.train_x.shape[1], depth, problem.outputs, normalised=normalised)
        protocol = (problem, training.batch_size, seed, steps, checkpoints)
        frame = run_ensemble(shape, members, *protocol, descent=Descent(every_step=True))
        parts.append(frame.assign(grid=grid, normalised=normalised))
    runs = pd.concat(parts, ignore_index=True)
    kinds = zip(runs.variant, runs.gain, runs.normalised, strict=True)
    runs["arm"] = [NAMES.get(kind, "none") for kind in kinds]
    cells = list(zip(runs.drop_rate, runs.width, runs.depth, strict=True))
    runs["surviving_share"] = [surviving_share(p, depth) for p, _, depth in cells]
    runs["signal"] = [signal_given_path(*cell) for cell in cells]
    runs["learned"] = runs.loss_ratio <= settings.target
    control = ["grid", "normalised", "depth", "width", "step"]
    runs["control_learns"] = control_learns(runs, control, settings.target)
    return integers(runs[list(MEANINGS)], "step")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.trainability", Trainability, MEANINGS, tabulate)
