"""Figure 2: ways of single neurons, coupled by initialisation and masks.

Paper: at width 5000 the neurons of dropout, RaM and PN+RaM take the same jumps, while without dropout they move
smoothly elsewhere. It would be refuted by neurons of dropout and RaM that part early.
"""

import numpy as np
import pandas as pd
import torch

from dropatlas.phases.names import COUPLED
from dropatlas.phases.settings import Trajectories
from dropatlas.phases.teacher_student import draw_problem, draw_student, train
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
    """One row per variant, step and followed neuron; seed 0 of the table `teacher_student`."""
    if settings.neurons > settings.width:
        raise ValueError(f"neurons must be at most the width {settings.width}, got {settings.neurons}")
    protocol, width = settings.protocol, settings.width
    problem = draw_problem(seed, 0, protocol.dimension, protocol.samples, protocol.held_out, protocol.teachers)
    student = draw_student(seed, 0, width, protocol.dimension)
    masks = generator(seed, "teacher student", "masks", 0, width)
    keep_rate, threads = 1 - protocol.drop_rate, torch.get_num_threads()
    torch.set_num_threads(1)  # as in the other table: equal runs, bit for bit
    try:
        history = train(problem, student, settings.steps, protocol.learning_rate, keep_rate, masks, settings.neurons)
    finally:
        torch.set_num_threads(threads)
    levels = [range(settings.steps + 1), COUPLED, range(settings.neurons)]
    index = pd.MultiIndex.from_product(levels, names=["step", "variant", "neuron"])
    ways = np.reshape(history.neurons, (len(index), 2))
    return pd.DataFrame(ways, index, ["first", "second"]).reset_index().assign(width=width)[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.phases.trajectories", Trajectories, MEANINGS, tabulate)
