"""Judges of P6, P7 and P17: fabricated evidence for every verdict, and the real computation in wrong worlds."""

import numpy as np
import pandas as pd
import pytest
from tests.claims.collapse.evidence import OPEN, PARTLY, REFUTED, REPRODUCED, judged, noise, states

from dropatlas.claims.collapse.drift import DRIFT_BOUND, MOVEMENT, judge_p6, judge_p7, judge_p17
from dropatlas.collapse import ensemble
from dropatlas.collapse.drift import DriftBound, Movement
from dropatlas.collapse.members import Descent
from dropatlas.tasks.collapse import drift_bound, movement

SEED = 990010

# P6, fabricated


def drift(ratio, spread=0.05, expected=50, assumption=True, largest=2.2):
    """Two cells; M of the estimating half is 2, the judged half moves by the ratio times its bound."""
    cells = []
    for number, centre in enumerate([0.2, ratio]):
        seeds = np.arange(40)
        frame = pd.DataFrame({"seed": seeds, "estimates": seeds < 20, "crossed_steps": expected})
        frame["path_gradient"] = np.where(frame.estimates, 2.0, 50.0)
        frame["distance"] = np.where(frame.estimates, 99.0, centre * np.exp(spread * np.tile(noise(20, number), 2)))
        cells.append(frame.assign(width=number, theta=0.5, rate_sum=1.0, step=2 * expected, alive=True))
    rows = pd.concat(cells, ignore_index=True)
    told = {"network": "tanh", "model": "site", "depth": 20, "assumption": assumption}
    return {DRIFT_BOUND: rows.assign(gradient_bound=largest, diverged=False, **told)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (drift(0.8), REPRODUCED),
        (drift(1.5), REFUTED),
        (drift(0.98, spread=0.3), OPEN),
        (drift(1.5, largest=4.0), OPEN),  # above the sharper bound, within that with M
        (drift(1.5, expected=5), OPEN),
        (drift(1.5, assumption=False), OPEN),
    ],
)
def test_drift_bound(evidence, verdict):
    assert judged("P6", evidence).verdict == verdict


def test_the_shown_drift_is_that_of_the_judged_seeds_over_the_gradients_of_the_others():
    found = judged("P6", drift(1.5))
    assert found.effect == pytest.approx(1.5, rel=0.01)
    assert found.n == 20
    assert found.low > 1
    assert found.reason.startswith("fails: weights move less than the bound: mean movement over its bound is 1.5")


def test_dead_networks_are_left_out_and_told():
    rows = drift(0.8)[DRIFT_BOUND]
    dead = (rows.width == 1) & (rows.seed % 4 == 0)
    rows.loc[dead, ["alive", "distance", "crossed_steps"]] = [False, np.inf, 0]
    found = judged("P6", {DRIFT_BOUND: rows})
    assert found.verdict == REPRODUCED
    assert found.n == 15
    assert "cells with dead networks, which are left out: 1 (alive: 30 of 40)" in found.reason


@pytest.mark.parametrize("column", ["distance", "path_gradient"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_drift_that_is_no_number_neither_refutes_nor_confirms(column, value):
    evidence = drift(0.5)
    evidence[DRIFT_BOUND].loc[[45, 65], column] = value
    assert judged("P6", evidence).verdict == OPEN


def test_cells_without_gradients_stay_open():
    rows = drift(0.5)[DRIFT_BOUND].assign(path_gradient=0.0)
    assert judged("P6", {DRIFT_BOUND: rows}).verdict == OPEN


# P6, real computation


def small_drift(network="tanh", theta=0.2):
    kind = {"network": network, "models": ["site"], "depth": 4, "width": 2, "gain": "compensated", "thetas": [theta]}
    training = {"seeds": 24, "batch_size": 8, "learning_rate": 0.02, "test_samples": 10}
    settings = DriftBound.model_validate({"networks": [kind], "steps": 80, "intervals": 2, "training": training})
    return drift_bound.tabulate(settings, seed=SEED)


def drift_states(rows):
    return states(judge_p6({DRIFT_BOUND: rows.assign(assumption=True)}, {"least_crossings": 4.0}))


def test_the_bound_holds_in_the_real_world():
    assert drift_states(small_drift()) == "h"


@pytest.mark.parametrize("network", ["sigmoid", "tanh with biases"])
def test_networks_outside_the_assumption_break_the_bound(network):
    assert drift_states(small_drift(network, theta=0.05)) == "f"


def test_a_crossing_probability_that_is_too_small_breaks_the_bound(monkeypatch):
    right = drift_bound.describe
    monkeypatch.setattr(drift_bound, "describe", lambda *args: right(*args).assign(theta=lambda rows: rows.theta / 10))
    settings_expect_fewer_steps = {"least_crossings": 1.0}
    found = judge_p6({DRIFT_BOUND: small_drift()}, settings_expect_fewer_steps)
    assert states(found) == "f"


def test_momentum_breaks_the_bound_of_plain_descent(monkeypatch):
    monkeypatch.setattr(drift_bound, "DESCENT", Descent("momentum"))
    assert drift_states(small_drift()) == "f"


def test_relu_networks_that_are_dead_without_a_mask_are_marked():
    rows = small_drift("relu")
    assert 0 < rows.alive.sum() < len(rows)
    assert (rows[~rows.alive].distance == 0).all()


# P7 and P17, fabricated


def movement_of(cells, near=0.5, control=0.5, learns=True):
    """Cells of gain, depth, x, chances and movement; the control leaves at step 10; 10 judged seeds."""
    parts = []
    for number, (gain, depth, x, chances, moved) in enumerate(cells):
        last = 400
        for variant, value in (("none", control), ("dropout", moved)):
            for step in (10, 100, last):
                frame = pd.DataFrame({"seed": range(20), "variant": variant, "gain": gain, "step": step})
                frame["relative_movement"] = value * (1 + 0.05 * np.tile(noise(10, number), 2))
                frame["depth"], frame["width"], frame["learning_rate"] = depth, number, 0.1
                frame["theta"] = 1.0 if variant == "none" else chances * 10 / last
                frame["rate_sum"], frame["initial_norm"] = step / last, 1.0
                frame["path_gradient"] = x / frame.theta  # x = M θ Σα at the end
                parts.append(frame.assign(series="grid", crossed_steps=frame.theta * step))
    for width in (4, 5):
        frame = pd.DataFrame({"seed": range(20), "width": width, "theta": 0.1 * width, "path_gradient": 1.0})
        frame["relative_movement"] = frame.theta * near * (1 + 0.1 * np.tile(noise(10, width), 2))
        known = {"variant": "dropout", "gain": "compensated", "step": 100, "depth": 100, "learning_rate": 0.1}
        parts.append(frame.assign(series="threshold", rate_sum=1.0, initial_norm=1.0, crossed_steps=10, **known))
    rows = pd.concat(parts, ignore_index=True)
    return {MOVEMENT: rows.assign(estimates=rows.seed < 10, diverged=False, control_learns=learns)}


STILL, AWAY = ("plain", 10, 0.01, 2.0, 0.004), ("plain", 50, 0.01, 3.0, 0.3)


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (movement_of([STILL]), REPRODUCED),
        (movement_of([STILL, AWAY], near=1.5), REFUTED),
        (movement_of([STILL, AWAY]), PARTLY),
        (movement_of([STILL], near=1.5), PARTLY),
        (movement_of([STILL], near=1.0), OPEN),
        (movement_of([AWAY], control=0.01), OPEN),  # cannot tell: without dropout they do not leave either
        (movement_of([("plain", 50, 0.5, 3.0, 0.3)]), OPEN),  # x is not small
        (movement_of([("plain", 50, 0.01, 30.0, 0.3)]), OPEN),  # nor would x be with a path in every step
        (movement_of([("plain", 50, 0.01, 0.2, 0.3)]), OPEN),  # hardly a step has a path
    ],
)
def test_movement_and_its_bound(evidence, verdict):
    assert judged("P7", evidence).verdict == verdict


def test_weights_that_hardly_move_stay_however_their_movement_varies():
    evidence = movement_of([STILL])
    rows = evidence[MOVEMENT]
    moved = (rows.variant == "dropout") & (rows.series == "grid")
    rows.loc[moved, "relative_movement"] = np.where(rows[moved].seed == 13, 1e-4, 0.0)
    assert judged("P7", evidence).verdict == REPRODUCED


def test_cells_whose_control_stays_are_counted():
    found = judged("P7", movement_of([STILL], control=0.01))
    assert "cells cannot tell: they do not leave without dropout either" in found.reason


def test_cells_in_which_x_is_small_for_other_reasons_are_counted():
    found = judged("P7", movement_of([STILL, ("plain", 50, 0.01, 30.0, 0.004)]))
    assert found.verdict == REPRODUCED
    assert "cells cannot tell: x/θ is at most 0.02, too" in found.reason


def test_movement_that_is_no_number_neither_refutes_nor_confirms():
    broken = movement_of([AWAY])
    rows = broken[MOVEMENT]
    rows.loc[(rows.variant == "dropout") & (rows.series == "grid") & (rows.seed == 13), "relative_movement"] = np.nan
    assert judged("P7", broken).verdict == OPEN


LEFT, RIGHT = ("plain", 10, 1.0, 8.0, 0.3), ("compensated", 10, 1.0, 8.0, 0.3)
HELD, HELD_TOO = ("plain", 50, 1e-3, 8.0, 0.002), ("compensated", 50, 1e-3, 8.0, 0.002)


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (movement_of([LEFT, RIGHT]), REPRODUCED),
        (movement_of([LEFT, RIGHT, HELD]), PARTLY),
        (movement_of([LEFT, RIGHT, HELD, HELD_TOO]), REFUTED),
        (movement_of([LEFT, RIGHT, HELD], learns=False), OPEN),
        (movement_of([LEFT, RIGHT], control=0.01), OPEN),  # the control never leaves
        (movement_of([LEFT]), OPEN),
        (movement_of([("plain", 50, 1e-3, 4.0, 0.002), RIGHT]), OPEN),
    ],
)
def test_leaving(evidence, verdict):
    assert judged("P17", evidence).verdict == verdict


# P7 and P17, real computation


def small_movement(depth=10, constant=0.25, rates=(0.005,), steps=300, near_steps=60):
    near = {"depth": 10, "widths": [3], "learning_rate": 0.05, "steps": near_steps, "seeds": 20}
    settings = {"runs": [{"depth": depth, "steps": steps, "learning_rates": list(rates)}], "constants": [constant]}
    settings |= {"drop_rate": 0.3, "measurements": 12, "seeds": 20, "batch_size": 8, "test_samples": 32}
    return movement.tabulate(Movement.model_validate(settings | {"threshold": near}), seed=SEED)


P7 = {"small_drift": 0.02, "stays": 0.02, "least_crossings": 5.0, "least_theta": 0.2}
P17 = {"chances": 5.0, "leaves": 0.02}


def test_weights_stay_in_the_real_world():
    assert states(judge_p7({MOVEMENT: small_movement()}, P7)) == "hh"


def test_masks_that_remove_nothing_let_weights_leave(monkeypatch):
    monkeypatch.setattr(
        ensemble, "draw_vertex_masks", lambda p, depth, width, *_: np.ones((ensemble.BLOCK, depth, width), bool)
    )
    assert states(judge_p7({MOVEMENT: small_movement()}, P7))[0] == "f"


def test_momentum_breaks_the_bound_near_the_threshold(monkeypatch):
    monkeypatch.setattr(movement, "DESCENT", Descent("momentum"))
    assert states(judge_p7({MOVEMENT: small_movement(steps=60)}, P7))[1] == "f"


def leaving_world():
    return states(judge_p17({MOVEMENT: small_movement(4, 2.0, (0.2,), 200, 8)}, P17))


def test_weights_leave_in_the_real_world_of_shallow_networks():
    assert leaving_world() == "hh"


def test_weights_do_not_leave_under_masks_that_remove_all(monkeypatch):
    monkeypatch.setattr(
        ensemble, "draw_vertex_masks", lambda p, depth, width, *_: np.zeros((ensemble.BLOCK, depth, width), bool)
    )
    assert leaving_world() == "ff"
