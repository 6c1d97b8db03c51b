"""Judges D5-D7, D9-D11 and D13 on fabricated evidence: every verdict they can give."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import ddc_ablations as judges
from dropatlas.claims import judge, load_ledger
from dropatlas.claims.verdicts import Verdict
from dropatlas.regularisation.effects import GRID, PUBLISHED, sensitivity_effects

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY


def criterion(claim):
    return load_ledger()[claim].criterion


def noise(seed, count):
    """Values with mean 0 and standard deviation 1."""
    values = np.random.default_rng(seed).standard_normal(count)
    return (values - values.mean()) / values.std() if count > 1 else np.zeros(count)


@pytest.mark.parametrize("claim", ["D5", "D6", "D7", "D9", "D10", "D11", "D13"])
def test_without_tables_nothing_is_judged(claim):
    assert judge(load_ledger()[claim], {}, "standard").verdict == Verdict.NOT_RUN


def regression(ours=(30, 30), theirs=(60, 60), big=(90, 90), small=0.6, large=0.35, starts=40, never=0):
    rows = []
    for cell, scale in enumerate((1.0, 3.0)):
        steps = {"ddc": ours[cell], "dropconnect": theirs[cell], "drop_big_gradient": big[cell], "none": 25}
        for method, typical in steps.items():
            for replica in range(starts):
                missed = method == "ddc" and replica < never
                # at another target DDC is slow: the judge must not look there
                for target, value in ((0.1, np.nan if missed else typical + replica % 7), (0.5, 500.0)):
                    rows.append((scale, 0.05, method, replica, small, large, 0.1, target, value))
    names = ["first_scale", "learning_rate", "method", "replica", "small_drop_rate", "large_drop_rate"]
    return {judges.REGRESSION: pd.DataFrame(rows, columns=[*names, "final_risk", "target", "steps_to_target"])}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (regression(), REPRODUCED),
        (regression(small=0.4, large=0.5), REFUTED),
        (regression(theirs=(20, 20)), REFUTED),
        (regression(theirs=(30, 30)), REFUTED),
        (regression(never=40), REFUTED),
        (regression(theirs=(60, 20)), PARTLY),
        (regression(big=(90, 20)), PARTLY),
        (regression(starts=5), OPEN),
    ],
)
def test_regression(evidence, verdict):
    assert judges.judge_regression(evidence, criterion("D5")).verdict == verdict


def formula(no_zscore=-0.02, bare=-0.02, no_threshold=0.01, spread=0.002, seeds=6, diverged=()):
    base = 0.97 + 0.01 * noise(0, seeds)
    shifts = {"ddc": 0, "no_zscore": no_zscore, "no_zscore_no_threshold": bare, "no_threshold": no_threshold}
    parts = []
    for number, (arm, shift) in enumerate({**shifts, "uniform": 0.0}.items()):
        wiggle = spread * noise(number, seeds) if arm != "ddc" else 0
        frame = pd.DataFrame({"arm": arm, "replica": range(seeds), "test_accuracy": base + shift + wiggle})
        frame = frame.assign(drop_rate=0.5, diverged=arm in diverged, last=True)
        frame["test_accuracy"] = frame.test_accuracy.where(~frame.diverged)
        parts += [frame, frame.assign(last=False, test_accuracy=0.1)]
    return {judges.FORMULA: pd.concat(parts)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (formula(), REPRODUCED),
        (formula(no_threshold=-0.01), REPRODUCED),
        (formula(diverged=("no_zscore",)), REPRODUCED),  # stability falls
        (formula(0.02, 0.0, 0.0, spread=0.001), REFUTED),
        (formula(no_zscore=0.01), PARTLY),
        (formula(no_threshold=0.0, spread=0.001), PARTLY),
        (formula(spread=0.1), OPEN),
        (formula(no_threshold=0.0, spread=0.01), OPEN),
        (formula(seeds=2), OPEN),
    ],
)
def test_formula(evidence, verdict):
    assert judges.judge_formula(evidence, criterion("D6")).verdict == verdict


def activations(realised=1.0, none=0.5, spread=0.01, seeds=8, start=None):
    rows = []
    for stage, (arm, ratio) in product(("start", "end"), {"realised": realised, "none": none, "uniform": 1.0}.items()):
        level = start if start is not None and stage == "start" and arm == "realised" else ratio
        values = level + spread * noise(len(arm) + len(stage), seeds)
        rows += [(stage, arm, replica, value, 3.0, 1.5) for replica, value in enumerate(values)]
    columns = ["stage", "arm", "replica", "mean_ratio", "variance_ratio", "activation_ratio"]
    return {judges.ACTIVATIONS: pd.DataFrame(rows, columns=columns)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (activations(), REPRODUCED),
        (activations(realised=1.15), PARTLY),
        (activations(realised=0.85), PARTLY),
        (activations(start=1.2), PARTLY),
        (activations(realised=0.4), REFUTED),
        (activations(realised=1.8), REFUTED),
        (activations(realised=1.05, spread=0.03), OPEN),
        (activations(spread=2.0), OPEN),
        (activations(seeds=2), OPEN),
    ],
)
def test_calibration(evidence, verdict):
    assert judges.judge_calibration(evidence, criterion("D7")).verdict == verdict


def sensitivity(images=0.0, table=0.0, spread=0.002, seeds=6, diverged=False):
    found = {}
    for cell, name in judges.SENSITIVITY.items():
        base, parts = 0.9 + 0.02 * noise(1, seeds), []
        for number, setting in enumerate(product((0.1, 0.3), (0.25, 0.5), (0.0, 0.5))):
            shift = (images if cell == "images" else table) * (setting == (0.1, 0.25, 0.0))
            wiggle = 0 if setting == PUBLISHED else spread * noise(number, seeds)
            broken = diverged and setting == (0.1, 0.25, 0.0)
            quality = np.full(seeds, np.nan) if broken else base + shift + wiggle
            frame = pd.DataFrame(dict(zip(GRID, setting, strict=True)) | {"replica": range(seeds)})
            if cell == "images":
                frame = frame.assign(test_accuracy=quality, validation_accuracy=quality, test_loss=1, validation_loss=1)
            else:
                frame = frame.assign(test_accuracy=np.nan, validation_accuracy=np.nan, test_loss=1.9 - quality)
                frame["validation_loss"] = frame.test_loss
            parts.append(frame.assign(diverged=broken))
        found[name] = pd.concat(parts)
    return found


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (sensitivity(), REPRODUCED),
        (sensitivity(images=0.05, table=0.3), REFUTED),
        (sensitivity(images=-0.05, table=-0.3), REFUTED),
        (sensitivity(diverged=True), REFUTED),
        (sensitivity(images=0.05), PARTLY),
        (sensitivity(table=-0.3), PARTLY),
        (sensitivity(images=0.01), OPEN),
        (sensitivity(spread=0.2), OPEN),
        (sensitivity(seeds=2), OPEN),
    ],
)
def test_sensitivity(evidence, verdict):
    assert judges.judge_sensitivity(evidence, criterion("D9")).verdict == verdict


def test_sensitivity_effects_are_paired_and_relative_for_losses():
    evidence = sensitivity(images=0.05, table=0.3, spread=0.0)
    for name, expected in zip(judges.SENSITIVITY.values(), (0.05, 0.3), strict=True):
        effects = sensitivity_effects(evidence[name]).set_index(GRID)
        assert effects.effect[(0.1, 0.25, 0.0)] == pytest.approx(expected)
        assert effects.effect[PUBLISHED] == 0
        assert effects.best[(0.1, 0.25, 0.0)]
        assert effects.best.sum() == 1


def test_a_grid_without_the_published_setting_is_refused():
    rows = sensitivity()[judges.SENSITIVITY["images"]]
    with pytest.raises(ValueError, match="lacks the published setting"):
        sensitivity_effects(rows[rows.base_rate < 0.3])


def learned(accuracy=0.02, loss=-0.05, spread=0.003, seeds=8):
    base, parts = 0.9 + 0.02 * noise(3, seeds), []
    for arm, (gain, change) in {"ddc": (0, 0), "learned": (accuracy, loss), "uniform": (0, 0), "none": (0, 0)}.items():
        wiggle = 0 if arm == "ddc" else spread * noise(len(arm), seeds)
        frame = pd.DataFrame({"arm": arm, "replica": range(seeds), "test_accuracy": base + gain + wiggle})
        frame = frame.assign(test_loss=0.3 - 3 * (base - 0.9) + change - wiggle, last=True)
        parts += [frame, frame.assign(last=False, test_accuracy=0.5)]
    search = pd.DataFrame({"generation": [0, 0, 1], "candidate": [0, 1, 0]})
    return {judges.LEARNED: pd.concat(parts), judges.SEARCH: search}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (learned(), REPRODUCED),
        (learned(accuracy=-0.02), REFUTED),
        (learned(accuracy=0.0, loss=0.0), REFUTED),
        (learned(accuracy=0.001), PARTLY),
        (learned(spread=0.2), OPEN),
        (learned(accuracy=0.004, loss=0.0, spread=0.006), OPEN),
        (learned(seeds=2), OPEN),
    ],
)
def test_learned_rates(evidence, verdict):
    assert judges.judge_learned_rates(evidence, criterion("D10")).verdict == verdict


def monte_carlo(loss=-0.05, error=-0.02, dropout=0.4, spread=0.005, seeds=8):
    parts = []
    levels = {
        ("ddc", "deterministic"): (0.4, 0.1),
        ("ddc", "monte carlo"): (0.4 + loss, 0.1 + error),
        ("dropout", "monte carlo"): (dropout, 0.1),
        ("none", "deterministic"): (0.5, 0.2),
    }
    for number, ((arm, kind), (log_loss, calibration)) in enumerate(levels.items()):
        wiggle = spread * noise(number, seeds)
        values = {"log_loss": log_loss + wiggle, "calibration_error": calibration + 0.2 * wiggle}
        frame = pd.DataFrame({"replica": range(seeds), **values}).assign(arm=arm, prediction=kind, diverged=False)
        parts += [frame.assign(bin=0), frame.assign(bin=1)]
    return {judges.MONTE_CARLO: pd.concat(parts)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (monte_carlo(), REPRODUCED),
        (monte_carlo(dropout=0.2), PARTLY),
        (monte_carlo(error=0.0), PARTLY),
        (monte_carlo(loss=0.05), PARTLY),
        (monte_carlo(loss=0.05, error=0.0), REFUTED),
        (monte_carlo(loss=0.0, error=0.0, spread=0.001), REFUTED),
        (monte_carlo(spread=0.5), OPEN),
        (monte_carlo(seeds=2), OPEN),
    ],
)
def test_monte_carlo(evidence, verdict):
    assert judges.judge_monte_carlo(evidence, criterion("D11")).verdict == verdict


def feedback(masked=0.25, dense=0.02, groups=0.8, dense_groups=0.4, spread=0.01, seeds=5):
    parts = []
    levels = {"masked": (masked, groups), "dense": (dense, dense_groups), "dense_judge": (dense, dense_groups)}
    for number, (variant, (persistence, bimodality)) in enumerate(levels.items()):
        values = {
            "persistence": persistence + spread * noise(number, seeds),
            "bimodality": bimodality + spread * noise(number + 9, seeds),
        }
        frame = pd.DataFrame({"replica": range(seeds), **values}).assign(
            variant=variant, diverged=False, gini=0.1, often=0.0, test_loss=0.3, memory=0.5
        )
        parts += [frame.assign(window=0, bin=0), frame.assign(window=2, bin=0, persistence=0.0)]
    return {judges.FEEDBACK: pd.concat(parts)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (feedback(), REPRODUCED),
        (feedback(groups=0.4), PARTLY),
        (feedback(dense_groups=0.8), PARTLY),
        (feedback(masked=0.02), REFUTED),
        (feedback(masked=0.02, groups=0.4), REFUTED),
        (feedback(masked=0.07, spread=0.05), OPEN),
        (feedback(groups=5 / 9, spread=0.05), OPEN),
        (feedback(seeds=2), OPEN),
    ],
)
def test_feedback(evidence, verdict):
    assert judges.judge_feedback(evidence, criterion("D13")).verdict == verdict
