"""The estimate of M from the gradients of one cell, and the cells of the tables on movement."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.collapse.drift import pooled_gradients
from dropatlas.collapse.drift_effects import gradient_sums, mean_gradient, movement_cells

NAN = np.nan


def history(steps, crossed, gradients):
    """Of several networks; one list of each per network."""
    frames = [
        pd.DataFrame({"step": steps, "crossed_steps": counts, "path_gradient": means})
        for counts, means in zip(crossed, gradients, strict=True)
    ]
    return pd.concat(frames)


def test_gradients_are_pooled_over_networks_and_the_largest_interval_counts():
    # sums over both networks: 10 steps of mean 1.5, then 20 of mean 3.5 (so far 85 over 30), then 10 of mean 0.5
    found = pooled_gradients(
        history([10, 20, 30], [[5, 15, 20], [5, 15, 20]], [[1.0, 50 / 15, 2.5], [2.0, 35 / 15, 2.0]]), least=10
    )
    assert found.largest == pytest.approx(3.5)
    assert found.mean == pytest.approx(90 / 40)


def test_short_intervals_are_joined_with_the_next():
    found = pooled_gradients(history([10, 20], [[4, 10]], [[9.0, 4.5]]), least=10)
    assert found.largest == pytest.approx(4.5)  # not 9, from four steps alone


def test_too_few_steps_leave_their_mean_and_none_at_all_leaves_nothing():
    few = pooled_gradients(history([10], [[3]], [[2.0]]))
    assert (few.largest, few.mean) == (pytest.approx(2.0), pytest.approx(2.0))
    assert np.isnan(pooled_gradients(history([10], [[0]], [[NAN]]))).all()


def movement_table():
    """One cell of two seeds on each side, with its control: M = 2, θ = 0.5, Σα = step/10, ‖w_0‖ = 4."""
    rows = [
        (variant, gain, seed, step, moved * step)
        for variant, gain, moved in (("none", "plain", 0.008), ("dropout", "plain", 0.01))
        for seed in range(4)
        for step in (1, 5, 20)
    ]
    frame = pd.DataFrame(rows, columns=["variant", "gain", "seed", "step", "relative_movement"])
    frame["theta"] = np.where(frame.variant == "none", 1.0, 0.5)
    frame["crossed_steps"] = frame.step * frame.theta
    frame["path_gradient"] = np.where(frame.seed < 2, 2.0, 100.0)
    known = {"series": "grid", "depth": 10, "width": 1, "learning_rate": 0.1, "initial_norm": 4.0}
    return frame.assign(rate_sum=0.1 * frame.step, estimates=frame.seed < 2, control_learns=True, **known)


def test_the_variable_of_movement_has_the_gradients_of_the_other_seeds():
    quarter, end = movement_cells(movement_table())
    assert (quarter.step, end.step) == (5, 20)
    assert end.drift == pytest.approx(2.0 * 0.5 * 2.0 / 4.0)
    np.testing.assert_allclose(end.moved, [0.2, 0.2])
    np.testing.assert_allclose(end.control, [0.16, 0.16])
    assert end.expected == 10


def test_chances_are_counted_in_the_steps_after_which_the_control_has_left():
    quarter, end = movement_cells(movement_table())
    assert end.control_step == 5  # moves by 0.008 a step, measured at 1, 5 and 20
    assert (quarter.chances, end.chances) == (0.5, 2.0)
    still = movement_table()
    still.loc[still.variant == "none", "relative_movement"] = 0.01
    assert movement_cells(still)[0].chances == 0


def test_a_network_without_a_step_with_a_path_adds_no_gradient():
    rows = pd.DataFrame({"path_gradient": [NAN, 3.0], "crossed_steps": [0, 2]})
    np.testing.assert_array_equal(gradient_sums(rows), [0.0, 6.0])
    assert mean_gradient(rows) == 3.0
    assert np.isnan(mean_gradient(rows[:1]))
