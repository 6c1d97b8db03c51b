"""Shapes of a budget, wrong labels, best steps and slopes, against cases worked by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropatlas.collapse.tradeoffs import (
    BUDGET_TOLERANCE,
    Trajectory,
    changes_from_none,
    cost_slopes,
    depth_for,
    gap_slopes,
    weights_of,
    with_learning,
    with_wrong_labels,
)
from dropatlas.config import stored_config


def test_the_shapes_of_a_thousand_weights():
    assert weights_of(4, 16) == 16 * 16 + 3 * 16**2 + 16 == 1040
    assert weights_of(3, 2, inputs=2, outputs=1) == 4 + 8 + 2
    assert [depth_for(1000, width) for width in (4, 8, 16)] == [59, 15, 4]
    assert depth_for(1000, 34) is None  # one layer alone costs more than half, two too much
    assert stored_config("quick").collapse.parameter_budget.shapes() == [(800, 3, 16), (800, 11, 8), (800, 47, 4)]


@given(st.integers(100, 20_000), st.integers(1, 64))
def test_a_shape_keeps_its_budget_and_has_layers_to_trade(budget, width):
    depth = depth_for(budget, width)
    if depth is not None:
        assert depth >= 2
        assert abs(weights_of(depth, width) - budget) <= BUDGET_TOLERANCE * budget


def test_a_share_of_labels_is_drawn_anew():
    labels = np.repeat(np.arange(10), 2000)
    assert (with_wrong_labels(labels, 0.0, 10, np.random.default_rng(1)) == labels).all()
    drawn = with_wrong_labels(labels, 0.2, 10, np.random.default_rng(1))
    assert (drawn != labels).mean() == pytest.approx(0.2 * 0.9, abs=0.01)  # a tenth is drawn as it was
    assert np.bincount(drawn) == pytest.approx(2000, abs=200)


def test_a_trajectory_tells_its_end_and_its_best_step():
    run = Trajectory(
        np.array([10, 20, 40]), np.array([1.0, 0.5, 0.1]), np.array([1.5, 1.2, 2.0]), np.array([0.3, 0.6, 0.5])
    )
    assert run.until(40) == pytest.approx(
        {
            "train_loss": 0.1,
            "test_loss": 2.0,
            "gap": 1.9,
            "test_accuracy": 0.5,
            "best_step": 20,
            "best_test_loss": 1.2,
            "best_gap": 0.7,
            "best_test_accuracy": 0.6,
        }
    )
    assert run.until(10)["best_step"] == 10
    broken = Trajectory(run.steps, run.train_loss, np.array([1.5, np.nan, np.nan]), run.test_accuracy).until(40)
    assert np.isnan(broken["gap"])
    assert (broken["best_step"], broken["best_test_loss"]) == (10, 1.5)


def regularised() -> pd.DataFrame:
    """Two seeds of one cell: gaps 2 and 4 without dropout, less by 3 p with it; test losses 1 + gap."""
    rows = [
        (variant, p, seed, gap - 3 * p)
        for variant, rates in (("none", (0.0,)), ("dropout", (0.2, 0.5)))
        for p in rates
        for seed, gap in enumerate((2.0, 4.0))
    ]
    frame = pd.DataFrame(rows, columns=["variant", "drop_rate", "seed", "gap"])
    frame = frame.assign(depth=3, width=8, wrong_labels=0.2, horizon=10, trivial_loss=4.0, best_test_loss=1 + frame.gap)
    return frame


def test_slopes_of_the_gap_are_in_gaps_without_dropout():
    rows = regularised()
    control, runs = rows[rows.variant == "none"], rows[rows.variant == "dropout"]
    assert gap_slopes(runs, control) == pytest.approx([-1.0, -1.0])  # 3 of 3 gaps
    assert len(gap_slopes(runs[runs.drop_rate == 0.2], control)) == 0
    runs = runs.assign(gap=runs.gap.where(runs.seed == 0))
    assert np.isnan(gap_slopes(runs, control)).tolist() == [False, True]


def test_changes_are_paired_by_network():
    changed = changes_from_none(regularised(), "gap")
    assert changed.change.to_numpy() == pytest.approx([-0.6, -0.6, -1.5, -1.5])


def test_networks_learn_by_the_mean_of_their_kind():
    rows = with_learning(regularised(), 0.9)  # ratios 1, 0.85 and 0.625 at p = 0, 0.2 and 0.5
    assert rows.groupby("drop_rate").learns.all().to_dict() == {0.0: False, 0.2: True, 0.5: True}
    assert not rows.control_learns.any()
    assert with_learning(regularised(), 1.0).control_learns.all()
    lost = regularised()
    lost.loc[lost.drop_rate == 0.5, "best_test_loss"] = np.nan
    assert not with_learning(lost, 1.0).query("drop_rate == 0.5").learns.any()


def test_the_cost_falls_by_doublings_of_the_width():
    rows = pd.DataFrame(
        [(width, seed, 1.0 - 0.25 * step + seed) for step, width in enumerate((4, 8, 16)) for seed in (0, 1)],
        columns=["width", "seed", "excess"],
    )
    assert cost_slopes(rows) == pytest.approx([-0.25, -0.25])
    assert len(cost_slopes(rows[rows.width == 4])) == 0
