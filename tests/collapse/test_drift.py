"""The estimate of M from the gradients of one cell."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.collapse.drift import pooled_gradients

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
