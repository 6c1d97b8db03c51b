"""Goals that runs reach or not, and cells whose controls learn or not."""

import pandas as pd

from dropatlas.collapse.outcomes import control_learns, first_step_where, steps_until


def test_first_step_where_marks_runs_that_never_get_there():
    frame = pd.DataFrame({"run": [0, 0, 0, 1, 1, 1], "step": [1, 5, 9] * 2, "loss": [1.0, 0.4, 0.6, 1.0, 0.9, 0.8]})
    found = first_step_where(frame, lambda rows: rows.loss <= 0.5, ["run"])
    assert found[0] == 5
    assert pd.isna(found[1])


def test_steps_until_a_condition_holds_are_those_of_the_whole_run_where_it_never_does():
    frame = pd.DataFrame({"run": [0, 1] * 3, "step": [1, 1, 5, 5, 9, 9], "loss": [1.0, 1.0, 0.4, 0.9, 0.6, 0.8]})
    found = steps_until(frame, lambda rows: rows.loss <= 0.5, ["run"]).set_index("run")
    assert found.steps.tolist() == [5, 9]
    assert found.censored.tolist() == [False, True]
    assert found.loss.tolist() == [0.6, 0.8]  # of the last row


def test_a_cell_is_decidable_if_half_of_its_controls_learn():
    final = pd.DataFrame(
        {
            "depth": [1, 1, 1, 2, 2, 2, 3],
            "width": [4] * 7,
            "variant": ["none", "none", "dropout", "none", "none", "dropout", "dropout"],
            "loss_ratio": [0.5, 0.9, 2.0, 0.6, 0.9, 0.1, 0.1],
        }
    )
    assert control_learns(final, ["depth", "width"], 0.5).tolist() == [True] * 3 + [False] * 4
    assert control_learns(final, ["width"], 0.6).all()
    earlier = pd.DataFrame({"depth": [2, 1], "width": [4, 4]}, index=[7, 3])
    assert control_learns(final, ["depth", "width"], 0.5, earlier).to_dict() == {7: False, 3: True}
