"""Judges D5-D7, D9-D11 and D13 on fabricated evidence: every verdict they can give."""

import re
from itertools import product

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.claims.ddc import ablations as judges
from dropatlas.claims.judging import judge
from dropatlas.claims.verdicts import State, Verdict
from dropatlas.ddc.effects import GRID, PUBLISHED, averaging_changes, sensitivity_effects

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY


LEDGER = load_ledger()


def found(claim, evidence):
    return judge(LEDGER[claim], evidence, "standard")


def states(judgement):
    """States of the parts in their order: H holds, F fails, O open."""
    return "".join({State.HOLDS: "H", State.FAILS: "F", State.OPEN: "O"}[part.state] for part in judgement.parts)


def assert_judged(claim, evidence, verdict, parts=None):
    """The verdict and the states of its parts, and where it decides, finite numbers."""
    judgement = found(claim, evidence)
    assert judgement.verdict == verdict.for_group(LEDGER[claim].group), judgement
    assert parts in (None, states(judgement)), judgement
    assert "cannot be judged" not in judgement.reason
    assert not re.search(r"\b(nan|inf)\b", judgement.reason)
    assert set(re.findall(r"\w+_\w+", judgement.reason)) <= {"p_g"}
    if verdict != OPEN:
        assert judgement.low <= judgement.effect <= judgement.high
        assert judgement.n >= 5
    return judgement


def noise(seed, count):
    """Values with mean 0 and standard deviation 1."""
    values = np.random.default_rng(seed).standard_normal(count)
    return (values - values.mean()) / values.std() if count > 1 else np.zeros(count)


@pytest.mark.parametrize("claim", ["D5", "D6", "D7", "D9", "D10", "D11", "D13"])
def test_without_tables_nothing_is_judged(claim):
    assert found(claim, {}).verdict == Verdict.NOT_RUN


def regression(ours=(30, 30), theirs=(60, 60), big=(90, 90), small=0.6, large=0.35, starts=40, never=0, even=False):
    rows = []
    for cell, scale in enumerate((1.0, 3.0)):
        steps = {"ddc": ours[cell], "dropconnect": theirs[cell], "drop_big_gradient": big[cell], "none": 25}
        for method, typical in steps.items():
            for number in range(starts):
                missed = method == "ddc" and number < never
                # first in turn, in the first problem
                turn = (-1) ** number * 10 if even and method == "dropconnect" and not cell else 0
                # at another target DDC is slow: the judge must not look there
                for target, value in ((0.1, np.nan if missed else typical + turn + number % 7), (0.5, 500.0)):
                    rows.append((scale, 0.05, method, number, small, large, 0.1, target, value))
    names = ["first_scale", "learning_rate", "method", "seed", "small_drop_rate", "large_drop_rate"]
    return {judges.REGRESSION: pd.DataFrame(rows, columns=[*names, "final_risk", "target", "steps_to_target"])}


@pytest.mark.parametrize(
    ("evidence", "verdict", "parts"),
    [
        (regression(), REPRODUCED, "HHH"),
        (regression(small=0.4, large=0.5, theirs=(20, 20), big=(20, 20)), REFUTED, "FFF"),
        (regression(small=0.4, large=0.4, theirs=(60, 20), big=(90, 20)), REFUTED, "FFF"),
        (regression(small=0.4, large=0.5), PARTLY, "FHH"),
        (regression(theirs=(20, 20)), PARTLY, "HFH"),
        (regression(theirs=(30, 30)), PARTLY, "HFH"),  # as fast from every start
        (regression(never=40), PARTLY, "HFF"),
        (regression(theirs=(60, 20)), PARTLY, "HFH"),
        (regression(big=(90, 20)), PARTLY, "HHF"),
        (regression(theirs=(30, 60), even=True), OPEN, "HOH"),
        (regression(starts=5), OPEN, "OOO"),
    ],
)
def test_regression(evidence, verdict, parts):
    assert_judged("D5", evidence, verdict, parts)


def formula(no_zscore=-0.02, bare=-0.02, no_threshold=0.01, spread=0.002, seeds=6, diverged=()):
    base = 0.97 + 0.01 * noise(0, seeds)
    shifts = {"ddc": 0, "no_zscore": no_zscore, "no_zscore_no_threshold": bare, "no_threshold": no_threshold}
    parts = []
    for number, (arm, shift) in enumerate({**shifts, "uniform": 0.0}.items()):
        wiggle = spread * noise(number, seeds) if arm != "ddc" else 0
        frame = pd.DataFrame({"arm": arm, "seed": range(seeds), "test_accuracy": base + shift + wiggle})
        frame = frame.assign(drop_rate=0.5, diverged=arm in diverged, last=True)
        frame["test_accuracy"] = frame.test_accuracy.where(~frame.diverged)
        parts += [frame, frame.assign(last=False, test_accuracy=0.1)]
    return {judges.FORMULA: pd.concat(parts)}


@pytest.mark.parametrize(
    ("evidence", "verdict", "parts"),
    [
        (formula(), REPRODUCED, "HHH"),
        (formula(no_threshold=-0.01), REPRODUCED, "HHH"),
        (formula(diverged=("no_zscore",)), REPRODUCED, "HHH"),  # stability falls
        (formula(0.02, 0.0, 0.0, spread=0.001), REFUTED, "FFF"),
        (formula(no_zscore=0.01), PARTLY, "FHH"),
        (formula(bare=0.01), PARTLY, "HFH"),
        (formula(no_threshold=0.0, spread=0.001), PARTLY, "HHF"),
        (formula(spread=0.1), OPEN, "OOO"),
        (formula(no_threshold=0.0, spread=0.01), OPEN, "HHO"),
        (formula(seeds=4), OPEN, "OOO"),
    ],
)
def test_formula(evidence, verdict, parts):
    assert_judged("D6", evidence, verdict, parts)


def activations(realised=1.0, none=0.5, spread=0.01, seeds=8, start=None):
    rows = []
    for stage, (arm, ratio) in product(("start", "end"), {"realised": realised, "none": none, "uniform": 1.0}.items()):
        level = start if start is not None and stage == "start" and arm == "realised" else ratio
        values = level + spread * noise(len(arm) + len(stage), seeds)
        rows += [(stage, arm, number, value, 3.0, 1.5) for number, value in enumerate(values)]
    columns = ["stage", "arm", "seed", "mean_ratio", "variance_ratio", "activation_ratio"]
    return {judges.ACTIVATIONS: pd.DataFrame(rows, columns=columns)}


@pytest.mark.parametrize(
    ("evidence", "verdict", "parts"),
    [
        (activations(), REPRODUCED, "HH"),
        (activations(realised=1.15), REFUTED, "FF"),  # nearer to 1 than without calibration, but not 1
        (activations(realised=0.85), REFUTED, "FF"),
        (activations(start=1.2), PARTLY, "FH"),
        (activations(realised=1.2, start=1.0), PARTLY, "HF"),
        (activations(realised=0.4), REFUTED, "FF"),
        (activations(realised=1.8), REFUTED, "FF"),
        (activations(realised=1.05, spread=0.03), OPEN, "OO"),
        (activations(spread=2.0), OPEN, "OO"),
        (activations(seeds=4), OPEN, "OO"),
    ],
)
def test_calibration(evidence, verdict, parts):
    assert_judged("D7", evidence, verdict, parts)


def sensitivity(images=0.0, table=0.0, spread=0.002, seeds=6, diverged=False):
    found = {}
    for cell, name in judges.SENSITIVITY.items():
        base, parts = 0.9 + 0.02 * noise(1, seeds), []
        for number, setting in enumerate(product((0.1, 0.3), (0.25, 0.5), (0.0, 0.5))):
            shift = (images if cell == "images" else table) * (setting == (0.1, 0.25, 0.0))
            wiggle = 0 if setting == PUBLISHED else spread * noise(number, seeds)
            broken = diverged and setting == (0.1, 0.25, 0.0)
            quality = np.full(seeds, np.nan) if broken else base + shift + wiggle
            frame = pd.DataFrame(dict(zip(GRID, setting, strict=True)) | {"seed": range(seeds)})
            if cell == "images":
                frame = frame.assign(test_accuracy=quality, validation_accuracy=quality, test_loss=1, validation_loss=1)
            else:
                frame = frame.assign(test_accuracy=np.nan, validation_accuracy=np.nan, test_loss=1.9 - quality)
                frame["validation_loss"] = frame.test_loss
            parts.append(frame.assign(diverged=broken))
        found[name] = pd.concat(parts)
    return found


@pytest.mark.parametrize(
    ("evidence", "verdict", "parts"),
    [
        (sensitivity(), REPRODUCED, "HH"),
        (sensitivity(images=0.05, table=0.3), REFUTED, "FF"),
        (sensitivity(images=-0.05, table=-0.3), REFUTED, "FF"),
        (sensitivity(diverged=True), REFUTED, "FF"),
        (sensitivity(images=0.05), PARTLY, "FH"),
        (sensitivity(table=-0.3), PARTLY, "HF"),
        (sensitivity(images=0.01), OPEN, "OH"),
        (sensitivity(spread=0.2), OPEN, "OO"),
        (sensitivity(seeds=4), OPEN, "OO"),
        (sensitivity(seeds=4, diverged=True), OPEN, "OO"),  # nothing to compare with
    ],
)
def test_sensitivity(evidence, verdict, parts):
    assert_judged("D9", evidence, verdict, parts)


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
        frame = pd.DataFrame({"arm": arm, "seed": range(seeds), "test_accuracy": base + gain + wiggle})
        frame = frame.assign(test_loss=0.3 - 3 * (base - 0.9) + change - wiggle, last=True)
        parts += [frame, frame.assign(last=False, test_accuracy=0.5)]
    search = pd.DataFrame({"generation": [0, 0, 1], "candidate": [0, 1, 0], "validation_loss": 0.3})
    return {judges.LEARNED: pd.concat(parts), judges.SEARCH: search}


@pytest.mark.parametrize(
    ("evidence", "verdict", "parts"),
    [
        (learned(), REPRODUCED, "H"),
        (learned(accuracy=-0.02), REFUTED, "F"),
        (learned(accuracy=0.0, loss=0.0), REFUTED, "F"),
        (learned(accuracy=0.001), REFUTED, "F"),  # a lower loss alone is no better accuracy
        (learned(spread=0.2), OPEN, "O"),
        (learned(accuracy=0.004, loss=0.0, spread=0.006), OPEN, "O"),
        (learned(seeds=4), OPEN, "O"),
    ],
)
def test_learned_rates(evidence, verdict, parts):
    assert_judged("D10", evidence, verdict, parts)


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
        frame = pd.DataFrame({"seed": range(seeds), **values}).assign(arm=arm, prediction=kind, diverged=False)
        parts += [frame.assign(bin=0), frame.assign(bin=1)]
    return {judges.MONTE_CARLO: pd.concat(parts)}


@pytest.mark.parametrize(
    ("evidence", "verdict", "parts"),
    [
        (monte_carlo(), REPRODUCED, "HH"),
        (monte_carlo(dropout=0.2), PARTLY, "FH"),  # better than before, but far behind Monte-Carlo dropout
        (monte_carlo(error=0.0), PARTLY, "HF"),
        (monte_carlo(loss=0.05), PARTLY, "FH"),
        (monte_carlo(loss=0.05, error=0.0), REFUTED, "FF"),
        (monte_carlo(loss=0.0, error=0.0, spread=0.001), REFUTED, "FF"),
        (monte_carlo(spread=0.5), OPEN, "OO"),
        (monte_carlo(seeds=4), OPEN, "OO"),
    ],
)
def test_monte_carlo(evidence, verdict, parts):
    assert_judged("D11", evidence, verdict, parts)


def test_averaging_is_paired_with_the_deterministic_predictions():
    rows = monte_carlo()[judges.MONTE_CARLO]
    assert averaging_changes(rows, "ddc", "log_loss").mean() == pytest.approx(-0.05)
    assert len(averaging_changes(rows, "none", "log_loss")) == 0  # nothing to average over


def feedback(masked=0.25, dense=0.02, groups=0.8, dense_groups=0.4, spread=0.01, seeds=5):
    parts = []
    levels = {"masked": (masked, groups), "dense": (dense, dense_groups), "dense_judge": (dense, dense_groups)}
    for number, (variant, (persistence, bimodality)) in enumerate(levels.items()):
        values = {
            "persistence": persistence + spread * noise(number, seeds),
            "bimodality": bimodality + spread * noise(number + 9, seeds),
        }
        frame = pd.DataFrame({"seed": range(seeds), **values}).assign(
            variant=variant, diverged=False, gini=0.1, often=0.0, test_loss=0.3, memory=0.5
        )
        parts += [frame.assign(window=0, bin=0), frame.assign(window=2, bin=0, persistence=0.0)]
    return {judges.FEEDBACK: pd.concat(parts)}


@pytest.mark.parametrize(
    ("evidence", "verdict", "parts"),
    [
        (feedback(), REPRODUCED, "HH"),
        (feedback(groups=0.4), PARTLY, "HF"),
        (feedback(dense_groups=0.8), PARTLY, "HF"),
        (feedback(masked=0.02), PARTLY, "FH"),
        (feedback(masked=0.02, groups=0.4), REFUTED, "FF"),
        (feedback(masked=0.07, spread=0.05), OPEN, "OH"),
        (feedback(groups=5 / 9, spread=0.05), OPEN, "HO"),
        (feedback(seeds=4), OPEN, "OO"),
    ],
)
def test_feedback(evidence, verdict, parts):
    assert_judged("D13", evidence, verdict, parts)


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("D5", regression()),
        ("D6", formula()),
        ("D7", activations()),
        ("D9", sensitivity()),
        ("D10", learned()),
        ("D11", monte_carlo()),
        ("D13", feedback()),
    ],
)
def test_empty_and_partial_tables_decide_nothing(claim, evidence):
    assert_judged(claim, {name: rows.iloc[:0] for name, rows in evidence.items()}, OPEN)
    column = {"D5": "method", "D7": "stage", "D13": "variant"}.get(claim, "arm")
    for name, rows in evidence.items():
        for side in rows[column].unique() if column in rows else ():
            if side not in ("none", "uniform", "dense_judge"):  # told beside
                assert_judged(claim, evidence | {name: rows[rows[column] != side]}, OPEN)


@pytest.mark.parametrize("kept", [True, False])
def test_a_grid_without_the_published_setting_or_of_it_alone_decides_nothing(kept):
    for evidence, verdict, parts in ((sensitivity(), OPEN, "HO"), (sensitivity(images=0.05), REFUTED, "FO")):
        rows = evidence[judges.SENSITIVITY["table"]]
        published = (rows[GRID] == list(PUBLISHED)).all(axis=1)
        assert_judged("D9", evidence | {judges.SENSITIVITY["table"]: rows[published == kept]}, verdict, parts)


def test_runs_that_all_diverge_without_z_scores_decide_with_their_share():
    evidence = formula(diverged=("no_zscore", "no_zscore_no_threshold"))
    part = assert_judged("D6", evidence, REPRODUCED, "HHH").parts[0]
    assert (part.estimate, part.high, part.n) == (1.0, 1.0, 6)
    assert part.low == pytest.approx(0.025 ** (1 / 6))
    assert part.measure == "share of seeds at which training diverges without z-scores and not with DDC"
    assert "6 of 6 runs diverge, 0 with DDC" in part.sentence


def test_divergence_with_ddc_alone_is_a_change_but_no_fall():
    evidence = formula(no_zscore=0.0, bare=0.0, no_threshold=0.0, spread=0.0001, diverged=("ddc",))
    assert_judged("D6", evidence, OPEN, "OOH")


def test_one_run_that_diverges_is_no_loss_of_stability():
    evidence = formula(no_zscore=0.0)
    rows = evidence[judges.FORMULA]
    hit = (rows.arm == "no_zscore") & (rows.seed == 0)
    rows["diverged"] |= hit
    rows.loc[hit, "test_accuracy"] = np.nan
    assert_judged("D6", evidence, OPEN, "OHH")  # nor is it none


def test_one_refuted_part_refutes_the_formula_claim_if_no_other_holds():
    evidence = formula(no_zscore=0.0015, bare=-0.0023, no_threshold=-0.002, spread=0.003, seeds=8)
    judgement = assert_judged("D6", evidence, REFUTED, "FOO")
    assert judgement.effect == pytest.approx(0.0015)
    assert judgement.reason.startswith("fails: accuracy or stability falls without z-scores: test accuracy without z-")
    assert "minus that of DDC is +0.15% [" in judgement.reason
    assert (
        "required, clearly less than 0.30%; open: accuracy or stability falls without z-scores and th"
        in judgement.reason
    )
    assert judgement.reason.endswith("; 50% of the edges are dropped without z-scores, 50% with DDC")


def test_a_calibration_off_by_more_than_the_margin_is_refuted_though_better_than_none():
    judgement = assert_judged("D7", activations(realised=1.07, start=1.04, spread=0.015), REFUTED, "OF")
    assert judgement.effect == pytest.approx(1.07)
    assert "fails: the mean is kept after training: mean pre-activation in training" in judgement.reason
    assert "0.950 to 1.050 required" in judgement.reason
    assert re.search(r"; without calibration the ratio is 0\.50 \[.*\] after training$", judgement.reason)


def test_the_table_alone_refutes_robustness_with_its_own_number():
    evidence = sensitivity(table=0.4)
    evidence[judges.SENSITIVITY["images"]] = sensitivity(spread=0.2)[judges.SENSITIVITY["images"]]
    judgement = assert_judged("D9", evidence, REFUTED, "OF")
    assert judgement.effect == pytest.approx(0.4, abs=0.02)
    gained = "share of the test loss gained over the published setting"
    assert judgement.measure == f"{gained} (p = 0.1, p_g = 0.25, τ = 0)"
    assert "-10.0% to +10.0% required (p = 0.1, p_g = 0.25, τ = 0, decides among 7)" in judgement.reason


def test_a_setting_with_no_result_at_all_refutes_robustness_by_its_share_of_diverged_runs():
    judgement = assert_judged("D9", sensitivity(diverged=True), REFUTED, "FF")
    assert (judgement.effect, judgement.high) == (1.0, 1.0)
    assert judgement.measure == "share of runs that diverge (p = 0.1, p_g = 0.25, τ = 0, 6 runs diverge)"
    evidence = sensitivity()
    rows = evidence[judges.SENSITIVITY["images"]]
    hit = (rows[GRID] == [0.1, 0.25, 0.0]).all(axis=1) & (rows.seed == 0)
    rows["diverged"] |= hit
    rows.loc[hit, ["test_accuracy", "validation_accuracy"]] = np.nan
    judgement = assert_judged("D9", evidence, OPEN, "OH")  # one diverged run neither refutes nor lets the part hold
    assert "(p = 0.1, p_g = 0.25, τ = 0, 1 runs diverge, decides among 7)" in judgement.reason


def test_the_feedback_reason_says_which_part_fails():
    judgement = assert_judged("D13", feedback(groups=0.35), PARTLY, "HF")
    assert judgement.effect == pytest.approx(0.35)
    assert "at least 0.56 required (masked gradients, decides among 2); holds: dropping reinforces" in judgement.reason
    assert judgement.reason.endswith("at least +0.050 required")


def test_averaging_that_is_open_in_one_score_is_not_confirmed_by_the_other():
    evidence = monte_carlo(loss=-0.05, error=-0.004)
    rows = evidence[judges.MONTE_CARLO]
    averaged = (rows.arm == "ddc") & (rows.prediction == "monte carlo")
    rows.loc[averaged, "calibration_error"] += 0.02 * np.tile(noise(5, 8), 2)
    assert_judged("D11", evidence, OPEN, "HO")


def test_what_is_told_beside_the_learned_map_decides_nothing():
    judgement = assert_judged("D10", learned(), REPRODUCED, "H")
    assert re.search(
        r"; the map is the best of 3 on validation; test loss changes by -0\.050 \[.*\] nats; against no dropping "
        r"accuracy changes by \+2\.00% \[",
        judgement.reason,
    )


def even_race(rng):
    """No method is faster than another, and no edge is dropped more often."""
    evidence = regression(starts=24)
    rows = evidence[judges.REGRESSION]
    keys = ["first_scale", "method", "seed"]
    drawn = rows[keys].drop_duplicates()
    drawn = drawn.assign(steps_to_target=rng.integers(1, 100, len(drawn)), small_drop_rate=rng.random(len(drawn)))
    drawn["large_drop_rate"] = rng.random(len(drawn))
    return {judges.REGRESSION: rows[keys + ["learning_rate", "target", "final_risk"]].merge(drawn, on=keys)}


def formula_at_the_margin(rng):
    """What is left out costs as much as would matter, no more and no less."""
    evidence = formula()
    rows = evidence[judges.FORMULA]
    shift = rows.arm.map({"no_zscore": -0.003, "no_zscore_no_threshold": -0.003, "no_threshold": 0.003}).fillna(0.0)
    rows["test_accuracy"] = 0.97 + shift + 0.004 * rng.standard_normal(len(rows))
    return evidence


def settings_at_the_margin(rng):
    """Every setting of the grid is off by the margin."""
    evidence = sensitivity(seeds=5)
    for cell, name in judges.SENSITIVITY.items():
        rows = evidence[name]
        off = (rows[GRID] != list(PUBLISHED)).any(axis=1) * rng.choice([-1, 1], len(rows) // 5).repeat(5)
        if cell == "images":
            rows["test_accuracy"] = 0.9 + 0.01 * off + 0.01 * rng.standard_normal(len(rows))
        else:
            rows["test_loss"] = 1 + 0.1 * off + 0.02 * rng.standard_normal(len(rows))
    return evidence


@pytest.mark.parametrize(
    ("claim", "draw", "trials"),
    [("D5", even_race, 20), ("D6", formula_at_the_margin, 20), ("D9", settings_at_the_margin, 8)],
)
def test_a_truth_at_the_threshold_is_rarely_refuted(claim, draw, trials):
    """Of the correction alone see the tests of `dropatlas.claims.parts`, with more trials."""
    failed = ["F" in states(found(claim, draw(np.random.default_rng(trial)))) for trial in range(100, 100 + trials)]
    assert sum(failed) <= 2
