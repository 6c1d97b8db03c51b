"""Figure 2 once more, with the authors' own teacher, data, initial weights and masks.

The public reference code draws everything from JAX's `PRNGKey(0)`; its streams are made again in numpy, so that our
steps can be laid on its curves, run by run. Six distances that were read off it (three digits at most) are known: that
they come out to their last digit tests generator, order of keys, data, masks, step and distance at once. One digit off
would refute it. What it is not: a statistical claim; all runs share one teacher.

Which runs, and which keys: `dropatlas.phases.reference_runs`.
"""

from pathlib import Path

import pandas as pd

from dropatlas.phases.reference_code import JAX, reference_masks, reference_problem, reference_student, run_key
from dropatlas.phases.reference_runs import Runs
from dropatlas.phases.settings import ReferenceStudents
from dropatlas.phases.teacher_student import history_rows, train
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.reference_students"

MEANINGS = {
    "runs": "figure: those of the published figure; read off: single runs whose distances after 30 steps are known",
    "width": "neurons n of the student",
    "seed": "number of the repeat; all repeats share teacher and data",
    "variant": "none, ram (mask on the gradient), dropout, or pn_ram (a second mask in the forward pass)",
    "step": "training steps done",
    "training_risk": "mean of half the squared error on the training data, with the masks of the step to come",
    "validation_risk": "the same on held-out data without masks",
    "rms_distance": "sqrt(mean_i |x_i - x'_i|^2) to the neurons of the dropout network of the same run",
    "diverged": "whether a risk or the distance is not finite",
}


def tabulate(settings: ReferenceStudents, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per run, variant and measured step."""
    protocol, measured = settings.protocol, settings.measured_steps()

    def work(runs: Runs, width: int, repeat: int) -> pd.DataFrame:
        jax = JAX[runs]
        data = (protocol.dimension, protocol.samples, protocol.held_out, protocol.teachers)
        problem, rest = reference_problem(jax, *data)
        student, chain = reference_student(jax, run_key(runs, rest, width, repeat), width, protocol.dimension)
        masks = reference_masks(jax, chain, width, 1 - protocol.drop_rate)
        history = train(problem, student, protocol.learning_rate, masks, measured)
        return history_rows(history, measured).assign(runs=runs, width=width, seed=repeat)[list(MEANINGS)]

    rows = run_parts(settings.networks(), work, "reference students", checkpoints, MODULE, protocol, measured)
    return rows.sort_values(["runs", "width", "seed", "step"], kind="stable", ignore_index=True)


if __name__ == "__main__":
    run_table_task(MODULE, ReferenceStudents, MEANINGS, tabulate)
