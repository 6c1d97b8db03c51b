"""Judges of P16 and P23: fabricated evidence for every part, and the real computation in worlds that are wrong."""

import numpy as np
import pandas as pd
import pytest
from tests.claims.collapse.evidence import LEDGER, OPEN, PARTLY, REFUTED, REPRODUCED, judged, noise, states

from dropatlas.claims.collapse.gradients import GRADIENTS, OPTIMISERS, judge_p16, judge_p23
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
                # later on the network without dropout has learned and has the smaller gradients
                mean = ratio if step == 10 else 3.0 - 2.0 * (variant == "none")
                frame = pd.DataFrame({"seed": range(20), "mean_gradient": mean * (1 + 0.02 * noise(20, depth))})
                known = {"depth": depth, "variant": variant, "gain": gain, "drop_rate": p, "step": step}
                parts.append(frame.assign(theta=1.0 if variant == "none" else theta, diverged=False, **known))
    return pd.concat(parts, ignore_index=True)


def trained(momentum=0.4, momentum_time=1.0, adam_time=1.0, unlearned=0, slow=0):
    """Momentum over its bound; times relative to 1/θ for momentum, 1/√θ for Adam: M = 1, θ = 0.1, Σα = 10."""
    parts = []
    for optimiser, time in (("momentum", momentum_time / 0.1), ("adam", adam_time / 0.1**0.5)):
        for variant, theta, steps in (("none", 1.0, 30.0), ("dropout", 0.1, 30.0 * time)):
            seeds = np.arange(20)
            frame = pd.DataFrame({"seed": seeds, "estimates": seeds < 10, "path_gradient": 1.0})
            frame["weight_distance"] = momentum * 10 * (1 + 0.1 * np.tile(noise(10), 2))
            frame["steps_to_target"] = steps * (1 + 0.1 * noise(20))
            absent = unlearned if variant == "dropout" else slow
            frame.loc[: absent - 1, "steps_to_target"] = np.nan if variant == "dropout" else 110.0
            known = {"optimiser": optimiser, "variant": variant, "theta": theta, "width": 1, "step": 1000}
            parts.append(frame.assign(crossed_steps=100, rate_sum=10.0, diverged=False, **known))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    ("gradient_norms", "verdict", "parts"),
    [
        (norms(), REPRODUCED, "hhhhh"),
        (norms(compensated=lambda depth, p: 1.0), PARTLY, "hfhhh"),
        (norms(theta=0.2), PARTLY, "hhfhh"),  # all that is small is the share of steps with a path
        (norms(plain=lambda depth, p: 0.5 ** (10 * p)), PARTLY, "hhhfh"),
        (norms(plain=lambda depth, p: 0.5 ** (depth / 5)), PARTLY, "hhhhf"),
        (norms(lambda depth, p: 1.0, lambda depth, p: 1.0), REFUTED, "fffff"),
        (norms().assign(diverged=True), OPEN, "ooooo"),
    ],
)
def test_gradient_norms(gradient_norms, verdict, parts):
    found = judged("P16", {GRADIENTS: gradient_norms})
    assert states(found) == parts
    assert found.verdict == verdict


@pytest.mark.parametrize(
    ("runs", "verdict", "parts"),
    [
        (trained(), REPRODUCED, "hhh"),
        (trained(momentum=1.5), PARTLY, "fhh"),
        (trained(momentum_time=0.3), PARTLY, "hfh"),
        (trained(adam_time=0.3), PARTLY, "hhf"),
        (trained(adam_time=0.1**-0.5), PARTLY, "hhf"),  # 1/θ
        (trained(1.5, 0.3, 0.1**0.5), REFUTED, "fff"),
        (trained(momentum_time=3.0, adam_time=1.0, unlearned=4), OPEN, "hho"),  # too many are too short to hold
        (trained(momentum_time=0.05, adam_time=0.05, unlearned=1), OPEN, "hoo"),  # nor may they fail so
        (trained(adam_time=9.0, unlearned=4), PARTLY, "hhf"),
        (trained(slow=1), REPRODUCED, "hhh"),
        (trained(slow=3), OPEN, "hoo"),
        (trained().query("variant == 'dropout'"), OPEN, "hoo"),
    ],
)
def test_momentum_and_adam(runs, verdict, parts):
    found = judged("P23", {OPTIMISERS: runs})
    assert states(found) == parts
    assert found.verdict == verdict


def test_all_seeds_count_for_the_time_whatever_their_controls():
    found = judged("P23", {OPTIMISERS: trained(slow=1)})
    assert {part.n for part in found.parts[1:]} == {20}


# Real computation


def norm_states():
    settings = {"depths": [5, 20], "width": 4, "drop_rates": [0.3, 0.5], "learning_rate": 0.03}
    settings |= {"initial_steps": 8, "steps": 9, "seeds": 16, "batch_size": 8}
    found = gradients.tabulate(GradientNorms.model_validate(settings), seed=SEED)
    return states(judge_p16({GRADIENTS: found}, LEDGER["P16"].criterion))


def optimised():
    ways = [{"name": "momentum", "learning_rate": 0.01}, {"name": "adam", "learning_rate": 0.01}]
    settings = {"optimisers": ways, "depth": 5, "widths": [1], "thetas": [0.05], "steps": 4000, "measurements": 60}
    settings |= {"target": 0.8, "seeds": 20, "batch_size": 16, "test_samples": 64}
    return optimisers.tabulate(Optimisers.model_validate(settings), seed=SEED)


@pytest.fixture(scope="module")
def real_optimisers():
    return optimised()


def optimiser_states(runs):
    return states(judge_p23({OPTIMISERS: runs}, LEDGER["P23"].criterion))


def test_in_the_real_world_norms_fall_momentum_keeps_its_bound_and_adam_needs_the_root(real_optimisers):
    assert norm_states() == "hhhhh"
    assert optimiser_states(real_optimisers) == "hhh"


def test_masks_that_remove_nothing_fail_every_part_that_rests_on_masks(monkeypatch):
    monkeypatch.setattr(
        ensemble, "draw_vertex_masks", lambda p, depth, width, *_: np.ones((ensemble.BLOCK, depth, width), bool)
    )
    assert norm_states() == "fffff"
    assert optimiser_states(optimised())[1:] == "ff"


def test_momentum_in_the_place_of_adam_needs_more_than_the_root(monkeypatch):
    monkeypatch.setattr(optimisers, "Descent", lambda name: Descent("momentum"))
    assert optimiser_states(optimised())[2] == "f"


def test_momentum_without_the_factor_of_its_decay_breaks_the_bound(monkeypatch, real_optimisers):
    monkeypatch.setattr("dropatlas.collapse.gradient_effects.MOMENTUM_DECAY", 0.0)
    assert optimiser_states(real_optimisers)[0] == "f"
