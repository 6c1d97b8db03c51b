"""Numbers that figures, captions and verdicts share, on tables small enough to check by hand."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.ddc.effects import at_smallest_rate, runs_once, selectivity, shares_at_target


def regression_rows() -> pd.DataFrame:
    """Two starts, two learning rates and two targets of DDC on two problems; dropping big gradients on one."""
    rows = [
        (scale, method, rate, target, seed)
        for scale, method in ((1.0, "ddc"), (3.0, "ddc"), (1.0, "drop_big_gradient"))
        for rate in (0.05, 0.2)
        for target in (0.01, 0.1)
        for seed in (0, 1)
    ]
    frame = pd.DataFrame(rows, columns=["first_scale", "method", "learning_rate", "target", "seed"])
    selective = (frame.method == "ddc") & (frame.learning_rate == 0.05)
    frame["small_drop_rate"] = np.where(selective, 0.4 + 0.1 * frame.first_scale + 0.02 * frame.seed, 0.9)
    frame["large_drop_rate"] = 0.3
    frame["steps_to_target"] = np.where((frame.seed == 0) | (frame.target == 0.1), 20.0, np.nan)
    frame.loc[frame.method == "drop_big_gradient", "steps_to_target"] = np.nan
    return frame


ROWS = regression_rows()


def test_a_run_counts_once_however_many_targets_it_has():
    once = runs_once(ROWS)
    assert len(once) == len(ROWS) / 2
    assert not once.duplicated(["first_scale", "method", "learning_rate", "seed"]).any()


def test_selectivity_is_that_of_ddc_at_the_smallest_learning_rate():
    assert set(at_smallest_rate(ROWS).learning_rate) == {0.05}
    assert selectivity(ROWS).to_dict() == pytest.approx({1.0: 0.21, 3.0: 0.41})
    assert selectivity(ROWS[ROWS.method != "ddc"]).empty


def test_the_share_of_runs_that_come_to_a_target_counts_all_runs():
    assert shares_at_target(ROWS, 0.1).to_dict() == {"ddc": 1.0, "drop_big_gradient": 0.0}
    assert shares_at_target(ROWS, 0.01).to_dict() == {"ddc": 0.5, "drop_big_gradient": 0.0}
    assert shares_at_target(ROWS, 0.5).empty
