"""Judge of P16: fabricated evidence for every part, and the real computation in worlds that are wrong."""

import numpy as np
import pandas as pd
import pytest
from tests.claims.collapse.evidence import LEDGER, OPEN, PARTLY, REFUTED, REPRODUCED, judged, noise, states

from dropatlas.claims.collapse.gradients import GRADIENTS, OPTIMISERS, judge_p16
from dropatlas.collapse import ensemble
from dropatlas.collapse.gradients import GradientNorms, Optimisers
from dropatlas.collapse.members import Descent
from dropatlas.tasks.collapse import gradients, optimisers

SEED = 990010


def norms(plain=lambda depth, p: 0.7 ** (depth / 10) * 0.5 ** (10 * p), compensated=lambda depth, p: 0.5, theta=0.8):
    """Norms relative to no dropout, by depth and drop rate."""
    parts = []
    for depth in (5, 10, 20):
        for variant, gain, p, ratio in [
            ("none", "plain", 0.0, 1.0),
            *(("dropout", "plain", p, plain(depth, p)) for p in (0.1, 0.3)),
            *(("dropout", "compensated", p, compensated(depth, p)) for p in (0.1, 0.3)),
        ]:
            for step in (10, 50):
                frame = pd.DataFrame({"seed": range(20), "mean_gradient": ratio * (1 + 0.02 * noise(20, depth))})
                known = {"depth": depth, "variant": variant, "gain": gain, "drop_rate": p, "step": step}
                parts.append(frame.assign(theta=1.0 if variant == "none" else theta, diverged=False, **known))
    return pd.concat(parts, ignore_index=True)


def trained(momentum=0.4, adam=5.0, momentum_time=1.0, adam_time=1.0, learned=True):
    """Movement over the bound of each optimiser, and times to learn relative to 1/θ: M = 1, θ = 0.1, Σα = 10."""
    parts = []
    for optimiser, drift, time in (("momentum", momentum * 10, momentum_time), ("adam", adam, adam_time)):
        for variant, theta, steps in (("none", 1.0, 30.0), ("dropout", 0.1, 300.0 * time)):
            seeds = np.arange(20)
            frame = pd.DataFrame({"seed": seeds, "estimates": seeds < 10, "path_gradient": 1.0})
            frame["weight_distance"] = drift * (1 + 0.1 * np.tile(noise(10), 2))
            frame["steps_to_target"] = steps * (1 + 0.1 * noise(20))
            if not learned and variant == "dropout":
                frame.loc[:3, "steps_to_target"] = np.nan
            known = {"optimiser": optimiser, "variant": variant, "theta": theta, "width": 1, "step": 1000}
            parts.append(frame.assign(crossed_steps=100, rate_sum=10.0, diverged=False, **known))
    return pd.concat(parts, ignore_index=True)


def evidence(gradient_norms=None, runs=None):
    return {
        GRADIENTS: norms() if gradient_norms is None else gradient_norms,
        OPTIMISERS: trained() if runs is None else runs,
    }


@pytest.mark.parametrize(
    ("tables", "verdict", "parts"),
    [
        (evidence(), REPRODUCED, "hhhhhhhhh"),
        (evidence(norms(compensated=lambda depth, p: 1.0)), PARTLY, "hfhhhhhhh"),
        (evidence(norms(theta=0.2)), PARTLY, "hhfhhhhhh"),  # all that is small is the share of steps with a path
        (evidence(norms(plain=lambda depth, p: 0.5 ** (10 * p))), PARTLY, "hhhfhhhhh"),
        (evidence(norms(plain=lambda depth, p: 0.5 ** (depth / 5))), PARTLY, "hhhhfhhhh"),
        (evidence(norms(lambda depth, p: 1.0, lambda depth, p: 1.0)), PARTLY, "fffffhhhh"),
        (evidence(runs=trained(momentum=1.5)), PARTLY, "hhhhhfhhh"),
        (evidence(runs=trained(adam=0.5)), PARTLY, "hhhhhhfhh"),
        (evidence(runs=trained(momentum_time=0.3)), PARTLY, "hhhhhhhfh"),
        (evidence(runs=trained(adam_time=0.3)), PARTLY, "hhhhhhhhf"),
        (evidence(runs=trained(adam_time=0.3, learned=False)), OPEN, "hhhhhhhho"),
        (evidence(norms(lambda d, p: 1.0, lambda d, p: 1.0), trained(1.5, 0.5, 0.3, 0.3)), REFUTED, "fffffffff"),
        (evidence(norms().assign(diverged=True)), OPEN, "ooooohhhh"),
        (evidence(runs=trained().query("variant == 'dropout'")), OPEN, "hhhhhhhoo"),
    ],
)
def test_gradients_and_optimisers(tables, verdict, parts):
    found = judged("P16", tables)
    assert states(found) == parts
    assert found.verdict == verdict


def test_a_cell_with_runs_that_did_not_learn_can_still_hold():
    assert states(judged("P16", evidence(runs=trained(adam_time=3.0, momentum_time=3.0, learned=False)))) == 9 * "h"


# Real computation


def tables():
    norms_settings = {"depths": [5, 20], "width": 4, "drop_rates": [0.3, 0.5], "learning_rate": 0.03}
    norms_settings |= {"initial_steps": 8, "steps": 24, "seeds": 16, "batch_size": 8}
    ways = [{"name": "momentum", "learning_rate": 0.02}, {"name": "adam", "learning_rate": 0.02}]
    runs = {"optimisers": ways, "depth": 4, "widths": [1], "thetas": [0.1], "steps": 800, "measurements": 30}
    runs |= {"target": 0.8, "seeds": 16, "batch_size": 8, "test_samples": 32}
    return {
        GRADIENTS: gradients.tabulate(GradientNorms.model_validate(norms_settings), seed=SEED),
        OPTIMISERS: optimisers.tabulate(Optimisers.model_validate(runs), seed=SEED),
    }


def judge_states(found):
    return states(judge_p16(found, LEDGER["P16"].criterion))


def test_in_the_real_world_norms_fall_and_momentum_keeps_its_bound():
    assert judge_states(tables())[:7] == "hhhhhhh"


def test_masks_that_remove_nothing_fail_every_part_that_rests_on_masks(monkeypatch):
    monkeypatch.setattr(
        ensemble, "draw_vertex_masks", lambda p, depth, width, *_: np.ones((ensemble.BLOCK, depth, width), bool)
    )
    found = judge_states(tables())
    assert found[:5] == "fffff"
    assert found[7:] == "ff"


def test_plain_descent_in_the_place_of_adam_does_not_exceed_the_bound(monkeypatch):
    monkeypatch.setattr(optimisers, "Descent", lambda name: Descent())
    found = judge_states(tables())
    assert found[6] == "f"


def test_momentum_without_the_factor_of_its_decay_breaks_the_bound(monkeypatch):
    monkeypatch.setattr("dropatlas.collapse.gradient_effects.MOMENTUM_DECAY", 0.0)
    assert judge_states(tables())[5] == "f"
