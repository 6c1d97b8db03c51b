"""The unit in which weights move: the norm of the initial weights of the network without dropout."""

import numpy as np
import pandas as pd

from dropatlas.collapse.ensemble import Ensemble
from dropatlas.collapse.learning_time import steps_to_goals
from dropatlas.collapse.members import PLAIN_DESCENT, Member, Shape
from dropatlas.collapse.problems import regression_problem


def test_a_larger_gain_does_not_put_the_goal_of_movement_farther_away():
    frame = pd.DataFrame(
        [
            ("plain", 1, 0.1, 2.0),
            ("compensated", 1, 0.1, 8.0),
            ("plain", 9, 0.3, 2.0),
            ("compensated", 9, 0.3, 8.0),
        ],
        columns=["gain", "step", "weight_distance", "initial_norm"],
    ).assign(width=2, seed=0, loss_ratio=1.0)
    found = steps_to_goals(frame, target=0.8, movement=0.1).set_index(["gain", "goal"])
    assert found.steps["plain", "movement"] == found.steps["compensated", "movement"] == 9
    assert found.censored.groupby("goal").all().to_dict() == {"loss": True, "movement": False}


def test_at_gain_1_the_norm_is_that_of_the_control():
    problem = regression_problem(990001, test_samples=8)
    shape = Shape(problem.train_x.shape[1], 3, problem.outputs)

    def norms(*kinds):
        members = [Member(w, p, variant, 0.1, gain, n) for variant, p, gain in kinds for w in (2, 4) for n in (0, 1)]
        measured = Ensemble(shape, members, problem, 4, 990001, False, PLAIN_DESCENT).measure()
        return measured.initial_norm.reshape(len(kinds), -1)

    control, masked = norms(("none", 0.0, "plain")), norms(("dropout", 0.5, "plain"), ("dropout", 0.5, "compensated"))
    np.testing.assert_allclose(masked[0], control[0], rtol=1e-12)
    assert (masked[1] > 1.1 * control[0]).all()
