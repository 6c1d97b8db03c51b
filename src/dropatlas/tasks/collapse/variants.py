"""Experiment 2: dropout against modified dropout, with and without biases (open question 2).

Theory: without biases modified dropout *is* dropout (Theorem V.7). Every step of dropout is computed here, with or
without a path, so that this is a test: loss and movement of the two must agree bit for bit. With biases a step without
a path still moves what lies behind the cut: it teaches the biases the targets' mean. Early that is worth something, and
dropout should lead where paths are rare. Once the offset is learned such steps only add noise, of the order of the
learning rate, so that at its plateau modified dropout should be better; by how much of what dropout costs is open.
Refuted: bias-free runs of the two that differ; no lower loss of modified dropout at the plateau.

Pairs share initial weights, data order and masks, so that at equal steps they have met equally many steps with a path.
Targets of biased networks carry an offset, so that there is something to learn without seeing the input. `loss_ratio`
compares with the best *constant*, which a network that only learns the offset reaches (1) and never passes.
"""

from pathlib import Path

import pandas as pd

from dropatlas.collapse.members import Descent, Shape
from dropatlas.collapse.outcomes import aligned, control_learns, first_step_where
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.runs import run_ensemble
from dropatlas.collapse.variants import Variants
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "problem": "regression (half the squared error; with an offset if biases)",
    "biases": "whether the layers have biases",
    "cell_drop_rate": "removal probability of the cell (the variant none ignores it, and stands in all cells)",
    **RUN_MEANINGS,
    "learning_rate": "learning rate alpha",
    "step": "training steps done",
    "loss_ratio": "test loss (scaled or full weights, whichever is lower) over the loss of the best constant",
    "relative_movement": "norm of (w_t - w_0) over norm of w_0, weights only",
    "bias_movement": "norm of all biases (they start at zero)",
    "output_bias_movement": "norm of the output layer's bias",
    "crossed_steps": "steps so far whose mask had a path",
    "steps_to_target": "first measured step with loss_ratio at most the target; NaN if never (censored)",
    "diverged": "whether loss or weights stopped being finite",
    "control_learns": "whether networks of this cell learn without dropout (loss ratio at most the target)",
}

CELL = ["biases", "depth", "width", "cell_drop_rate", "learning_rate"]
RUN = [*CELL, "variant", "seed"]


@small_products()
def tabulate(settings: Variants, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network and measured step."""
    problems = {
        biases: regression_problem(seed, test_samples=settings.test_samples, offset=settings.offset if biases else 0.0)
        for biases in (False, True)
    }
    parts = []
    progress = LoggedProgress(settings.ensembles(), "variants", unit="ensemble")
    for biases, depth, members in progress:
        progress.set_postfix_str(f"L={depth} biases={biases} {members[-1].variant}", refresh=False)
        problem = problems[biases]
        shape = Shape(problem.train_x.shape[1], depth, problem.outputs, biases=biases)
        protocol = (problem, settings.batch_size, seed, settings.measured_steps(biases=biases), checkpoints)
        frame = run_ensemble(shape, members, *protocol, descent=Descent(every_step=True))
        parts.append(frame.assign(biases=biases, problem="regression"))
    runs = _in_all_cells(pd.concat(parts, ignore_index=True), settings)
    runs = runs.rename(columns={"bias_distance": "bias_movement", "output_bias_distance": "output_bias_movement"})
    reached = first_step_where(runs, lambda rows: rows.loss_ratio <= settings.target, RUN)
    runs["steps_to_target"] = aligned(reached, runs, RUN)
    final = runs[runs.step == runs.groupby("biases").step.transform("max")]
    runs["control_learns"] = control_learns(final, CELL, settings.target, runs)
    return integers(runs[list(MEANINGS)], "step", "seed", "crossed_steps")


def _in_all_cells(runs: pd.DataFrame, settings: Variants) -> pd.DataFrame:
    """Runs with the removal probability of their cell; a run without dropout stands in every cell of its size."""
    control = runs.variant == "none"
    sizes = pd.DataFrame([cell.model_dump() for cell in settings.cells])
    cells = sizes.rename(columns={"drop_rate": "cell_drop_rate"})
    masked = runs[~control].assign(cell_drop_rate=runs.drop_rate)
    return pd.concat([runs[control].merge(cells, on=["depth", "width"]), masked], ignore_index=True)


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.variants", Variants, MEANINGS, tabulate)
