"""Experiment 2: no dropout, dropout, modified dropout, with and without biases (open questions 2 and 3).

Theory: without biases modified dropout *is* dropout (Theorem V.7), bit for bit. With biases a step without a path
still moves what lies behind the cut: it teaches the output bias the targets' mean, and the layers behind the cut to
be constant. The paper argues that modified dropout is "better" and that the breakdown extends to networks with
biases; neither is proved. Refuted: bias-free runs of the two that differ; modified dropout with a higher loss than
dropout; biased networks that learn where paths are rare.

Regression targets of biased networks carry an offset, so that there is something to learn without seeing the input.
`loss_ratio` compares with the best *constant*, which a network that only learns the offset reaches (1) and never
passes.
"""

from itertools import product
from pathlib import Path

import pandas as pd

from dropatlas.collapse.members import Shape
from dropatlas.collapse.outcomes import aligned, control_learns, first_step_where
from dropatlas.collapse.problems import Problem, digits_problem, regression_problem
from dropatlas.collapse.runs import run_ensemble
from dropatlas.collapse.settings import Variants
from dropatlas.data import DataSet, load
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "data": "data the problem is made of",
    "problem": "digits (cross-entropy) or regression (half the squared error; with an offset if biases)",
    "biases": "whether the layers have biases",
    "cell_drop_rate": "removal probability of the cell (the variant none ignores it)",
    **RUN_MEANINGS,
    "step": "training steps done",
    "loss_ratio": "test loss (scaled or full weights, whichever is lower) over the loss of the best constant",
    "path_loss_ratio": "mean minibatch loss under masks, steps with a path since the last row, over the same loss",
    "test_accuracy": "share of correct test digits; NaN in regression",
    "relative_movement": "norm of (w_t - w_0) over norm of w_0, weights only",
    "bias_movement": "norm of all biases (they start at zero)",
    "output_bias_movement": "norm of the output layer's bias",
    "crossed_steps": "steps so far whose mask had a path (inverted: samples, in steps)",
    "steps_to_target": "first measured step with loss_ratio at most the target; NaN if never (censored)",
    "diverged": "whether loss or weights stopped being finite",
    "control_learns": "whether networks of this cell learn without dropout (loss ratio at most the target)",
}

CELL = ["problem", "biases", "depth", "width", "cell_drop_rate"]
RUN = [*CELL, "variant", "seed"]


def _problem(name: str, biases: bool, settings: Variants, seed: int, digits: DataSet) -> Problem:
    samples = settings.training.test_samples
    if name == "digits":
        return digits_problem(digits, seed, samples)
    return regression_problem(seed, test_samples=samples, offset=settings.offset if biases else 0.0)


@small_products()
def tabulate(settings: Variants, seed: int, data: Path, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network and measured step."""
    digits = load(data)
    kinds = product(settings.problems, (False, True))
    problems = {kind: _problem(*kind, settings, seed, digits) for kind in kinds}
    parts = []
    progress = LoggedProgress(settings.ensembles(), "variants", unit="ensemble")
    for name, biases, cell, members in progress:
        progress.set_postfix_str(f"{name} L={cell.depth} W={cell.width} p={cell.drop_rate:g}", refresh=False)
        problem = problems[name, biases]
        shape = Shape(problem.train_x.shape[1], cell.depth, problem.outputs, biases=biases)
        protocol = (problem, settings.training.batch_size, seed, settings.measured_steps(), checkpoints)
        frame = run_ensemble(shape, members, *protocol)
        parts.append(frame.assign(data=problem.data, problem=name, biases=biases, cell_drop_rate=cell.drop_rate))
    runs = pd.concat(parts, ignore_index=True)
    runs = runs.rename(columns={"bias_distance": "bias_movement", "output_bias_distance": "output_bias_movement"})
    reached = first_step_where(runs, lambda rows: rows.loss_ratio <= settings.target, RUN)
    runs["steps_to_target"] = aligned(reached, runs, RUN)
    runs["control_learns"] = control_learns(runs[runs.step == settings.steps], CELL, settings.target, runs)
    return integers(runs[list(MEANINGS)], "step", "seed")


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.variants", Variants, MEANINGS, tabulate)
