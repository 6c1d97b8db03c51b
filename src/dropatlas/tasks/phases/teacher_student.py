"""Figure 2: is dropout the same as the random metric at large width?

Paper: at learning rates above O(1/n) dropout's forward noise averages out as the width grows, and what is left is the
random metric: neurons coupled by the same masks stay within n^(-1/2) of each other, while no dropout stays away by
O(1). Prediction: after 100 steps, where the paper draws distance over width, the RMS distances dropout-RaM and
dropout-PN+RaM fall with an exponent near -1/2 in n, that to no dropout tends to D > 0, and the losses of dropout and
RaM coincide at large width. It would be refuted by an exponent clearly away from -1/2, by a distance to no dropout that
goes to 0 as well, or by an effect of dropout on a loss that RaM does not have.

Beyond the paper: a network of finite width adds up noise, so at a fixed width distances go on growing; up to step 1000
a law D² + c/n with D = 0 for RaM should be left among the widest, and narrow networks should have parted altogether.

Protocol and where it leaves room: `dropatlas.phases.teacher_student`.
"""

from pathlib import Path

import pandas as pd

from dropatlas.phases.settings import TeacherStudent
from dropatlas.phases.teacher_student import draw_masks, draw_problem, draw_student, history_rows, train
from dropatlas.randomness import generator
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.teacher_student"

MEANINGS = {
    "width": "neurons n of the student",
    "seed": "number of the seed: equal numbers share teacher and data; variants also start and masks",
    "variant": "none, ram (mask on the gradient), dropout, or pn_ram (a second mask in the forward pass)",
    "step": "training steps done",
    "training_risk": "mean of half the squared error on the training data, with the masks of the step to come",
    "validation_risk": "the same on held-out data without masks",
    "rms_distance": "sqrt(mean_i |x_i - x'_i|^2) to the neurons of the dropout network of equal width and seed",
    "diverged": "whether a risk or the distance is not finite",
}


def tabulate(settings: TeacherStudent, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per width, seed, variant and measured step."""
    protocol, measured = settings.protocol, settings.measured_steps()
    data = (protocol.dimension, protocol.samples, protocol.held_out, protocol.teachers)

    def work(width: int, number: int) -> pd.DataFrame:
        student = draw_student(seed, number, width, protocol.dimension)
        masks = draw_masks(generator(seed, "teacher student", "masks", number, width), width, 1 - protocol.drop_rate)
        history = train(draw_problem(seed, number, *data), student, protocol.learning_rate, masks, measured)
        return history_rows(history, measured).assign(width=width, seed=number)[list(MEANINGS)]

    rows = run_parts(settings.networks(), work, "teacher-student", checkpoints, MODULE, protocol, measured, seed)
    return rows.sort_values(["width", "seed", "step"], kind="stable", ignore_index=True)


if __name__ == "__main__":
    run_table_task(MODULE, TeacherStudent, MEANINGS, tabulate)
