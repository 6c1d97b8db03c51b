"""Judges of P19 and P21: fabricated evidence, and small real runs in worlds in which a part is wrong."""

import numpy as np
import pandas as pd
import pytest
from tests.claims.collapse.evidence import OPEN, PARTLY, REFUTED, REPRODUCED, judged, noise, states

from dropatlas.claims.collapse.tradeoffs import PARAMETER_BUDGET, REGULARISATION
from dropatlas.collapse import ensemble
from dropatlas.collapse.members import Member
from dropatlas.collapse.tradeoffs import FORMS, Regularisation, TrainedBudget, gap_slopes
from dropatlas.data import digits5k, save
from dropatlas.stats import mean_interval
from dropatlas.tasks.collapse import parameter_budget, regularisation

RATES = (0.1, 0.3, 0.5, 0.7)


def runs(wrong=0.2, width=64, fall=1.5, gain=0.5, price=0.4, gap=1.0, best=1.3, widens=0.0):
    """A cell in which the gap falls by `fall` gaps per p and p = 0.3 lowers the test loss by `gain`."""
    rows = []
    for variant, p in [("none", 0.0), *((form, p) for form in FORMS for p in RATES)]:
        for seed, wiggle in enumerate(noise(16, int(100 * p) + 7 * FORMS.index(variant) if p else 3)):
            opened = gap * (1 - fall * p + widens * (p == 0.1) + 0.03 * wiggle)
            loss = 2.0 - (gain if p == 0.3 else 0.0) + 0.005 * wiggle
            theta = 1.0 if width > 6 or p < 0.7 else 0.29
            stopped = best + (price if theta < 0.5 else 0.1 * p) + 0.01 * wiggle
            rows.append((variant, p, seed, theta, opened, loss, stopped))
    columns = ["variant", "drop_rate", "seed", "theta", "gap", "test_loss", "best_test_loss"]
    frame = pd.DataFrame(rows, columns=columns).assign(depth=3, width=width, wrong_labels=wrong, horizon=2000)
    return frame.assign(trivial_loss=2.3, diverged=False)


def evidence(wrong=None, right=None, narrow=None):
    cells = [
        runs(**(wrong or {})),
        runs(**{"wrong": 0.0, **(right or {})}),
        runs(**{"width": 6, "wrong": 0.0, **(narrow or {})}),
    ]
    return {REGULARISATION: pd.concat(cells, ignore_index=True)}


@pytest.mark.parametrize(
    ("tables", "expected", "verdict"),
    [
        (evidence(), "hhhhh", REPRODUCED),
        (evidence(wrong={"fall": 0.0}), "fhhhh", PARTLY),
        (evidence(wrong={"widens": 0.5}), "fhhhh", PARTLY),
        (evidence(wrong={"gain": 0.0}), "hfhhh", PARTLY),
        (evidence(right={"fall": -0.5}), "hhfhh", PARTLY),
        (evidence(right={"gain": -0.2}), "hhhfh", PARTLY),
        (evidence(narrow={"price": 0.0}), "hhhhf", PARTLY),
        (evidence(narrow={"price": -0.5}), "hhhhf", PARTLY),
        (
            evidence({"fall": 0.0, "gain": 0.0}, {"fall": 0.0, "gain": 0.0}, {"price": 0.0}),
            "fffff",
            REFUTED,
        ),
        (evidence(wrong={"gap": 0.1}), "oohhh", OPEN),  # nothing to close
        (evidence(wrong={"best": 2.3}), "oohhh", OPEN),  # nothing to learn, as with labels all at random
        (evidence(narrow={"best": 2.3}), "hhhho", OPEN),
        (evidence(narrow={"price": 0.07}), "hhhhf", PARTLY),  # a wide network pays as much at this p
    ],
)
def test_drop_rate_and_regularisation(tables, expected, verdict):
    found = judged("P19", tables)
    assert (states(found), found.verdict) == (expected, verdict)


def test_rare_paths_need_a_wide_control_with_the_same_labels_and_depth():
    rows = evidence()[REGULARISATION]
    narrow = rows.width == 6
    for alone in (
        rows.assign(depth=rows.depth + narrow),
        rows.assign(wrong_labels=rows.wrong_labels.mask(narrow, 0.1)),
    ):
        assert states(judged("P19", {REGULARISATION: alone}))[4] == "o"


def test_a_benefit_may_lie_at_any_drop_rate_and_the_number_names_it():
    found = judged("P19", evidence(wrong={"gain": 0.1}))
    assert states(found) == "hhhhh"
    lowered = found.parts[1]
    assert lowered.where.endswith("2000 steps, p = 0.3")
    assert lowered.estimate == pytest.approx(-0.1, abs=0.02)
    assert "largest gain in test loss is 0 nats" in found.reason


def test_a_cell_without_a_gap_is_named():
    reason = judged("P19", evidence(wrong={"gap": 0.1})).reason
    assert reason.endswith("so nothing to tell, in L = 3, W = 64, 20% random labels, 2000 steps")
    assert "nothing to tell" not in judged("P19", evidence()).reason


def test_intervals_of_relative_slopes_cover():
    # the gap that a slope is measured in is a mean over the same seeds
    rng, rates, hits = np.random.default_rng(5), np.array([0.0, *RATES]), []
    for _ in range(300):
        gaps = 1 - 0.8 * rates + 0.1 * rng.standard_normal((16, 1)) + 0.1 * rng.standard_normal((16, len(rates)))
        frame = pd.DataFrame(gaps, columns=rates).rename_axis("seed").reset_index().melt("seed", var_name="drop_rate")
        frame = frame.rename(columns={"value": "gap"}).astype({"drop_rate": float})
        none = frame.drop_rate == 0
        hits.append(mean_interval(gap_slopes(frame[~none], frame[none])).contains(-0.8))
    assert np.mean(hits) >= 0.93


def test_drop_rates_at_which_nothing_is_learned_say_nothing_of_the_gap():
    tables = evidence(wrong={"fall": 0.0})
    rows = tables[REGULARISATION]
    dead = (rows.wrong_labels > 0) & (rows.variant != "none")
    rows.loc[dead, "best_test_loss"] = 2.3
    found = judged("P19", tables)
    assert states(found) == "ohhhh"
    assert "open: after as many steps the gap falls with p where some labels are wrong" in found.reason


def test_a_network_without_a_number_leaves_its_parts_open():
    tables = evidence()
    rows = tables[REGULARISATION]
    broken = (rows.wrong_labels > 0) & (rows.seed == 2) & (rows.drop_rate == 0.3)
    rows.loc[broken, ["gap", "test_loss"]] = np.nan
    found = judged("P19", tables)
    assert found.parts[0].state == "open"
    assert found.verdict == OPEN


def shapes(widest=1.0, narrowest=0.0, cost=1.0, control=1.0, light=0.4):
    """One budget of three shapes: shares that learn, and what dropout costs the narrowest (nothing the widest)."""
    rows = []
    for width, depth, share, theta in ((16, 4, widest, 1.0), (8, 15, widest, 0.95), (4, 59, narrowest, 0.6)):
        able = control if width == 4 else 1.0
        for p, gain in [(p, gain) for p in (0.1, 0.3, 0.5) for gain in ("plain", "compensated")]:
            learn = light if p == 0.1 and width == 4 else share
            for seed, wiggle in enumerate(noise(16, width)):
                excess = cost * (4 - np.log2(width)) / 2 + 0.05 * wiggle
                rows.append((1000, depth, width, p, gain, seed, theta, seed < 16 * learn, able, excess))
    columns = ["budget", "depth", "width", "drop_rate", "gain", "seed", "theta", "learned", "control_share", "excess"]
    return {PARAMETER_BUDGET: pd.DataFrame(rows, columns=columns).assign(variant="dropout")}


@pytest.mark.parametrize(
    ("tables", "expected", "verdict"),
    [
        (shapes(), "hhh", REPRODUCED),
        (shapes(widest=0.0), "fhh", PARTLY),
        (shapes(narrowest=1.0), "hfh", PARTLY),
        (shapes(cost=0.0), "hhf", PARTLY),
        (shapes(cost=-1.0), "hhf", PARTLY),
        (shapes(widest=0.0, narrowest=1.0, cost=-1.0), "fff", REFUTED),
        (shapes(narrowest=0.5), "hoh", OPEN),
        (shapes(light=1.0), "hhh", REPRODUCED),  # light dropout lets the narrowest learn
    ],
)
def test_width_against_depth(tables, expected, verdict):
    found = judged("P21", tables)
    assert (states(found), found.verdict) == (expected, verdict)


def test_shapes_that_do_not_learn_without_dropout_decide_nothing():
    found = judged("P21", shapes(control=0.6))
    assert states(found) == "hfh"  # the narrowest that can tell learns
    assert found.parts[1].where.startswith("1000 weights, L = 15, W = 8")
    assert found.reason.endswith("learn without dropout, so nothing to tell, in 1000 weights, L = 59, W = 4")
    rows = shapes()[PARAMETER_BUDGET]
    alone = judged("P21", {PARAMETER_BUDGET: rows[rows.width == 16]})
    assert states(alone) == "ooo"
    assert "no budget has two shapes that learn without dropout" in alone.reason


def test_the_reason_tells_how_many_losers_have_paths():
    assert (
        "of 6 shapes, drop rates and gains that mostly do not learn 6 have θ >= 0.5" in judged("P21", shapes()).reason
    )


PILOT = 990_003
SMALL_TRAINING = {"batch_size": 16, "test_samples": 100}
FEW_DIGITS = Regularisation.model_validate(
    {
        "cells": [
            {"depth": 2, "width": 32, "wrong_labels": 0.2},
            {"depth": 2, "width": 32, "wrong_labels": 0.0},
            {"depth": 6, "width": 4, "wrong_labels": 0.0},
            {"depth": 6, "width": 32, "wrong_labels": 0.0},
        ],
        "drop_rates": [0.3, 0.7],
        "samples": 150,
        "horizons": [400],
        "measurements": 8,
        "training": {"seeds": 10, "learning_rate": 0.2, **SMALL_TRAINING},
    }
)
SMALL_BUDGET = TrainedBudget.model_validate(
    {
        "budgets": [400],
        "widths": [4, 13],
        "drop_rates": [0.4],
        "steps": 150,
        "target": 0.8,
        "training": {"seeds": 16, "learning_rate": 0.1, **SMALL_TRAINING},
    }
)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("digits") / "digits5k.arrays"
    save(digits5k(PILOT), path)
    return path


@pytest.fixture
def nothing_dropped(monkeypatch):
    """Dropout that drops nothing and scales nothing, whatever its name and drop rate."""
    for draw in ("draw_vertex_masks", "draw_sample_masks"):
        right = getattr(ensemble, draw)
        monkeypatch.setattr(ensemble, draw, lambda *arguments, right=right: np.ones_like(right(*arguments)))
    monkeypatch.setattr(Member, "scale", property(lambda member: 1.0))
    monkeypatch.setattr(Member, "weight_gain", property(lambda member: 1.0))
    unscaled = ensemble.Ensemble.predict
    monkeypatch.setattr(ensemble.Ensemble, "predict", lambda self, x, scaled: unscaled(self, x, scaled=False))


def test_dropout_regularises_noisy_labels(digits):
    found = judged("P19", {REGULARISATION: regularisation.tabulate(FEW_DIGITS, seed=PILOT, data=digits)})
    assert [found.parts[number].state for number in (0, 1)] == ["holds"] * 2


@pytest.mark.usefixtures("nothing_dropped")
def test_dropout_that_drops_nothing_fails_every_part_of_p19(digits):
    found = judged("P19", {REGULARISATION: regularisation.tabulate(FEW_DIGITS, seed=PILOT, data=digits)})
    assert (states(found), found.verdict) == ("fffff", REFUTED)


def test_labels_all_at_random_cannot_tell(digits):
    settings = FEW_DIGITS.model_dump()
    settings["cells"] = [{"depth": 2, "width": 32, "wrong_labels": 1.0}]
    rows = regularisation.tabulate(Regularisation.model_validate(settings), seed=PILOT, data=digits)
    assert rows[rows.variant == "none"].gap.min() > 1
    found = judged("P19", {REGULARISATION: rows})
    assert states(found) == "ooooo"


def test_of_small_shapes_the_widest_learns_and_the_narrowest_does_not():
    assert states(judged("P21", {PARAMETER_BUDGET: parameter_budget.tabulate(SMALL_BUDGET, seed=PILOT)})) == "hhh"


@pytest.mark.usefixtures("nothing_dropped")
def test_without_dropout_the_narrowest_learns_and_nothing_is_paid():
    found = judged("P21", {PARAMETER_BUDGET: parameter_budget.tabulate(SMALL_BUDGET, seed=PILOT)})
    assert states(found) == "hff"


@pytest.mark.parametrize("mask", ["all dropped", "called cut"])
def test_where_no_mask_has_a_path_the_widest_does_not_learn(monkeypatch, mask):
    if mask == "all dropped":
        right = ensemble.draw_vertex_masks
        monkeypatch.setattr(ensemble, "draw_vertex_masks", lambda *arguments: np.zeros_like(right(*arguments)))
    else:
        monkeypatch.setattr(ensemble, "vertex_cuts", lambda kept: np.ones(kept.shape[:-2], dtype=np.int64))
    found = judged("P21", {PARAMETER_BUDGET: parameter_budget.tabulate(SMALL_BUDGET, seed=PILOT)})
    assert states(found) == "fhf"
