"""Figure 2: ways of single neurons, coupled by initialisation and masks.

Paper: at width 5000 the neurons of dropout, RaM and PN+RaM take the same jumps, while without dropout they move
smoothly elsewhere. It would be refuted by neurons of dropout and RaM that part early.
"""

import numpy as np
import pandas as pd
import torch

from dropatlas.phases.names import COUPLED
from dropatlas.phases.settings import Trajectories
from dropatlas.phases.teacher_student import draw_masks, draw_problem, draw_student, train
from dropatlas.randomness import generator
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "width": "neurons n of the student",
    "variant": "none, ram (mask on the gradient), dropout, or pn_ram (a second mask in the forward pass)",
    "step": "training steps done",
    "neuron": "number of the neuron",
    "first": "its first input weight",
    "second": "its second input weight",
}


def tabulate(settings: Trajectories, seed: int) -> pd.DataFrame:
    """One row per variant, step and followed neuron; seed 0, a teacher apart from those that decide."""
    if settings.neurons > settings.width:
        raise ValueError(f"neurons must be at most the width {settings.width}, got {settings.neurons}")
    protocol, width = settings.protocol, settings.width
    # no loss is asked for: the least held-out set; the training data are drawn before it
    problem = draw_problem(seed, 0, protocol.dimension, protocol.samples, 1, protocol.teachers)
    student, steps = draw_student(seed, 0, width, protocol.dimension), range(settings.steps + 1)
    masks = draw_masks(generator(seed, "teacher student", "masks", 0, width), width, 1 - protocol.drop_rate)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the other table
    try:
        history = train(problem, student, protocol.learning_rate, masks, steps, settings.neurons)
    finally:
        torch.set_num_threads(threads)
    levels = [steps, COUPLED, range(settings.neurons)]
    index = pd.MultiIndex.from_product(levels, names=["step", "variant", "neuron"])
    ways = np.reshape(history.neurons, (len(index), 2))
    return pd.DataFrame(ways, index, ["first", "second"]).reset_index().assign(width=width)[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.phases.trajectories", Trajectories, MEANINGS, tabulate)
