"""Judges of the benchmarks on fabricated evidence: every verdict they can give."""

import re

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.claims.ddc import benchmarks as judges
from dropatlas.claims.judging import judge
from dropatlas.claims.verdicts import State, Verdict
from dropatlas.ddc.comparisons import (
    accuracy_table,
    arm_against_others,
    final_scores,
    gains,
    generalisation_gaps,
    mean_scores,
    median_ratio,
    step_ratios,
)

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
LEDGER = load_ledger()


def states(judgement):
    """States of the parts in their order: H holds, F fails, O open."""
    return "".join({State.HOLDS: "H", State.FAILS: "F", State.OPEN: "O"}[part.state] for part in judgement.parts)


def assert_judged(claim, evidence, verdict, parts=None, scale="paper"):
    """The verdict and the states of its parts, and where it decides, finite numbers."""
    found = judge(LEDGER[claim], evidence, scale)
    assert found.verdict == verdict.for_group(LEDGER[claim].group), found
    assert parts in (None, states(found)), found
    assert "cannot be judged" not in found.reason
    assert not re.search(r"\b(nan|inf)\b|\w_\w", found.reason)
    if verdict != OPEN:
        assert found.low <= found.effect <= found.high
        assert found.n >= 5
    return found


WORSE = {"dropout": 0.989, "dropconnect": 0.990, "standout": 0.988}


def runs(seeds=5, spread=0.0002, regression=False, model="simple_cnn1", **means):
    """Final rows of arms whose test score has the given mean; noise with mean zero, the same for no two arms."""
    rows = []
    for number, (arm, mean) in enumerate(means.items()):
        noise = np.random.default_rng(number).standard_normal(seeds)
        noise = spread * (noise - noise.mean()) / noise.std() if seeds > 1 else np.zeros(seeds)
        rows += [(arm, number, mean + noise[number]) for number in range(seeds)]
    frame = pd.DataFrame(rows, columns=["arm", "seed", "score"]).assign(
        data="MNIST", model=model, epochs=4, train_samples=54000, last=True, selected=True, diverged=False
    )
    frame["test_accuracy"] = np.nan if regression else frame.score
    frame["test_loss"] = frame.score if regression else 0.1
    frame["validation_accuracy"] = frame.test_accuracy
    return frame.assign(fitted_accuracy=frame.test_accuracy + 0.01)


@pytest.mark.parametrize(
    ("rows", "verdict", "parts"),
    [
        (runs(none=0.9908, ddc=0.9925, **WORSE), REPRODUCED, "HHHHH"),
        (runs(none=0.9808, ddc=0.9825, **{name: mean - 0.01 for name, mean in WORSE.items()}), PARTLY, "HHHHF"),
        (runs(none=0.9908, ddc=0.9925, dropout=0.9930, dropconnect=0.990), PARTLY, "HFHOH"),
        (runs(none=0.9925, ddc=0.9925, dropout=0.9924), PARTLY, "OFOOH"),  # at the published level
        (runs(none=0.9935, ddc=0.9925, dropout=0.9929), PARTLY, "FFOOH"),
        (runs(none=0.9908, ddc=0.9925, dropout=0.989, dropconnect=0.9935, standout=0.988), PARTLY, "HHFHH"),
        (runs(none=0.9908, ddc=0.9925, dropout=0.989, dropconnect=0.990, standout=0.9935), PARTLY, "HHHFH"),
        (runs(none=0.9825, ddc=0.9825, dropout=0.9824), REFUTED, "OFOOF"),
        (runs(none=0.9835, ddc=0.9825, dropout=0.9829, dropconnect=0.9824, standout=0.9824), REFUTED, "FFOOF"),
        (runs(none=0.98, ddc=0.9925, dropout=0.9922, dropconnect=0.98, standout=0.98, spread=0.0008), OPEN, "HOHHH"),
        (runs(none=0.9908, ddc=0.9925, dropout=0.989, dropconnect=0.990), OPEN, "HHHOH"),  # no standout
        (runs(none=0.9908, ddc=0.9912, dropout=0.9912, spread=0.002), OPEN, "OOOOO"),
        (runs(seeds=4, none=0.9908, ddc=0.9925, **WORSE), OPEN, "OOOOO"),
        (runs(none=0.9908, **WORSE), OPEN, "OOOOO"),
    ],
)
def test_best_arm(rows, verdict, parts):
    assert_judged("D1", {"ddc/mnist_simple_cnn1": rows}, verdict, parts, "standard")


def test_controls_of_the_authors_code_are_no_baselines():
    rows = runs(none=0.9908, ddc=0.9925, drop_big_weight=0.995, dropconnect_dense=0.995, **WORSE)
    assert judge(LEDGER["D1"], {"ddc/mnist_simple_cnn1": rows}, "standard").verdict == REPRODUCED


def test_the_reason_says_which_baseline_decides_and_how_much_it_gains():
    rows = runs(none=0.9851, ddc=0.9850, dropout=0.9847, dropconnect=0.9849, standout=0.983, spread=0.0003)
    found = assert_judged("D1", {"ddc/mnist_simple_cnn1": rows}, PARTLY, "OOOHF", "standard")
    assert found.effect == pytest.approx(-0.0075)
    assert found.measure == "test accuracy with DDC minus the published one, last epoch"
    assert found.reason.startswith(
        "fails: accuracy of 99.25%: test accuracy with DDC minus the published one, last epoch is"
    )
    assert "-0.20% to +0.20% required; open: better than no regularisation:" in found.reason
    assert (
        "holds: better than standout: test accuracy with DDC minus that with standout, last epoch is +0.20% ["
        in found.reason
    )
    assert found.reason.endswith("SimpleCNN1 on MNIST, 54,000 training samples, 4 epochs (published: 75)")
    rows = runs(none=0.9922, ddc=0.9919, dropout=0.9912, dropconnect=0.9912, standout=0.990)
    found = assert_judged("D1", {"ddc/mnist_simple_cnn1": rows}, PARTLY, "FHHHH", "standard")
    assert found.measure == "test accuracy with DDC minus that with no regularisation, last epoch"
    assert re.match(
        r"fails: better than no regularisation: .* is -0.03% \[.*\], more than 0 required, "
        r"clearly less than the 0.05% that would matter; holds: ",
        found.reason,
    )


@pytest.mark.parametrize("claim", ["D2", "D3"])
@pytest.mark.parametrize(
    ("gain", "level", "verdict", "parts"),
    [
        (0.02, 0.0, REPRODUCED, "HHHHH"),
        (0.02, -0.1, PARTLY, "HHHHF"),
        (0.0, 0.0, PARTLY, "FFFFH"),
        (0.0, -0.1, REFUTED, "FFFFF"),
    ],
)
def test_best_arm_on_cifar10(claim, gain, level, verdict, parts):
    ddc = LEDGER[claim].criterion["ddc"] + level
    rows = runs(ddc=ddc, **dict.fromkeys(judges.BASELINES, ddc - gain))
    assert_judged(claim, {LEDGER[claim].evidence[0]: rows}, verdict, parts)
    assert_judged(claim, {LEDGER[claim].evidence[0]: runs(ddc=ddc, none=ddc - 0.01, spread=0.1)}, OPEN, "OOOOO")


def test_diverged_runs_lower_the_number_of_seeds():
    rows = runs(none=0.9908, ddc=0.9925, **WORSE)
    lost = (rows.arm == "ddc") & (rows.seed > 1)
    rows.loc[lost, ["test_accuracy", "validation_accuracy"]] = np.nan
    rows.loc[lost, "diverged"] = True
    assert arm_against_others(rows).seeds.tolist() == [2, 2, 2, 2]
    assert np.isfinite(gains(rows, "none")).tolist() == [True, True, False, False, False]
    assert_judged("D1", {"ddc/mnist_simple_cnn1": rows}, OPEN, "OOOOO", "standard")


@pytest.mark.parametrize("claim", ["D1", "D2", "D3", "D4", "D8", "D12"])
def test_missing_evidence_and_small_scales_decide_nothing(claim):
    assert judge(LEDGER[claim], {}, "paper").verdict == Verdict.NOT_RUN
    if claim in ("D1", "D2", "D3"):
        evidence = {LEDGER[claim].evidence[0]: runs(none=0.9908, ddc=0.9925, **WORSE)}
        assert judge(LEDGER[claim], evidence, "quick").verdict == OPEN


def harder(*ddc):
    """Accuracy of DDC by benchmark; no regularisation 70 %, the other baselines 69 %."""
    baselines = dict.fromkeys(judges.BASELINES, 0.69) | {"none": 0.70}
    return {name: runs(ddc=mean, **baselines) for name, mean in zip(judges.HARDER_SETS, ddc, strict=True)}


@pytest.mark.parametrize(
    ("evidence", "verdict", "parts"),
    [
        (harder(0.72, 0.72, 0.72, 0.72), REPRODUCED, "HHHH"),
        (harder(0.72, 0.70, 0.70, 0.70), PARTLY, "HFFF"),
        (harder(0.70, 0.72, 0.72, 0.72), PARTLY, "FHHH"),
        (harder(0.72, 0.70, 0.72, 0.72), PARTLY, "HFHH"),
        (harder(0.70, 0.69, 0.70, 0.70), REFUTED, "FFFF"),
        (harder(0.6985, 0.6985, 0.6985, 0.6985), REFUTED, "FFFF"),
        (
            {name: runs(none=0.70, dropout=0.69, ddc=0.72) for name in judges.HARDER_SETS},
            OPEN,
            "OOOO",
        ),  # not all methods
        ({name: runs(none=0.70, ddc=0.705, spread=0.02) for name in judges.HARDER_SETS}, OPEN, "OOOO"),
        ({name: runs(none=0.70, ddc=0.8).iloc[:0] for name in judges.HARDER_SETS}, OPEN, "OOOO"),
        ({name: runs(seeds=4, none=0.70, ddc=0.8) for name in judges.HARDER_SETS}, OPEN, "OOOO"),
    ],
)
def test_harder_sets(evidence, verdict, parts):
    assert_judged("D4", evidence, verdict, parts)


@pytest.mark.parametrize("better", judges.BASELINES)
def test_one_better_baseline_refutes_a_benchmark(better):
    evidence = harder(0.72, 0.72, 0.72, 0.72)
    evidence["ddc/norb_alexnet"] = runs(ddc=0.72, **dict.fromkeys(judges.BASELINES, 0.69) | {better: 0.73})
    found = assert_judged("D4", evidence, PARTLY, "HHFH")
    assert found.effect == pytest.approx(-0.01)
    assert f"({judges.ARM_LABELS[better]}, decides among 4)" in found.reason


def test_the_benchmark_that_decides_is_named():
    evidence = harder(0.72, 0.72, 0.72, 0.695)
    evidence["ddc/norb_vgg13"] = evidence["ddc/norb_vgg13"].assign(data="NORB", model="vgg13")
    found = assert_judged("D4", evidence, PARTLY, "HHHF")
    assert found.effect == pytest.approx(-0.005)
    assert found.reason.startswith(
        "fails: best on NORB with VGG13: test accuracy with DDC minus that with another method"
    )
    assert "(no regularisation, decides among 4), clearly less than the 0.20% that would matter; holds" in found.reason
    assert found.reason.endswith("; VGG13 on NORB, 54,000 training samples, 4 epochs")


def timings(spread=0.02, **ratios):
    rng = np.random.default_rng(0)
    rows = []
    for model, ratio in ratios.items():
        for number in range(40):
            plain = 20 * (1 + spread * rng.standard_normal())
            rows += [
                (model, "none", number, plain),
                (model, "ddc", number, plain * ratio * (1 + spread * rng.standard_normal())),
            ]
    return {judges.STEP_TIME: pd.DataFrame(rows, columns=["model", "method", "round", "wall_ms"])}


ONLY_PLAIN_TIMED = timings(small=1.0)[judges.STEP_TIME].query("method == 'none'")
LARGE_ONLY_PLAIN_TIMED = timings(small=1.0, large=1.0)[judges.STEP_TIME].query("model == 'small' or method == 'none'")


@pytest.mark.parametrize(
    ("evidence", "verdict", "parts"),
    [
        (timings(small=1.02, large=1.0), REPRODUCED, "HH"),
        (timings(small=1.3, large=1.2), REFUTED, "FF"),
        (timings(small=1.3, large=1.0), PARTLY, "FH"),
        (timings(small=1.0, large=1.3), PARTLY, "HF"),
        (timings(small=1.3, large=1.1), REFUTED, "FO"),
        (timings(spread=0.5, small=1.1), OPEN, "O"),
        ({judges.STEP_TIME: timings(small=1.0)[judges.STEP_TIME].iloc[:0]}, OPEN, "O"),
        ({judges.STEP_TIME: ONLY_PLAIN_TIMED}, OPEN, "O"),
        ({judges.STEP_TIME: timings(small=1.0)[judges.STEP_TIME].query("method == 'ddc'")}, OPEN, "O"),
        ({judges.STEP_TIME: LARGE_ONLY_PLAIN_TIMED}, OPEN, "HO"),
    ],
)
def test_step_time(evidence, verdict, parts):
    assert_judged("D8", evidence, verdict, parts, "standard")


def test_the_slow_models_time_is_shown_with_its_name():
    evidence = timings(resnet8=1.3, vgg13=1.02)
    found = assert_judged("D8", evidence, PARTLY, "FH", "standard")
    ratio = median_ratio(step_ratios(evidence[judges.STEP_TIME], "ddc")["resnet8"])
    assert (found.effect, found.low, found.high, found.n) == (ratio.estimate, ratio.low, ratio.high, 40)
    assert found.effect == pytest.approx(1.3, abs=0.02)
    assert found.reason.startswith("fails: no slower with ResNet-8: median step time with DDC over plain is 1.3")
    assert "at most 1.100 required; holds: no slower with VGG13: " in found.reason


def test_step_times_are_compared_round_by_round_where_both_were_timed():
    rows = pd.DataFrame(
        [("b", 0, "none", 10.0), ("b", 0, "ddc", 20.0), ("b", 1, "none", 20.0), ("b", 1, "ddc", 20.0)]
        + [("b", 2, "ddc", 5.0), ("a", 0, "none", 1.0)],
        columns=["model", "round", "method", "wall_ms"],
    )
    found = step_ratios(rows, "ddc")
    assert {model: values.tolist() for model, values in found.items()} == {"b": [2.0, 1.0], "a": []}
    assert median_ratio(found["b"]).estimate == 1.5


def architectures(seeds=5, spread=0.0002, **gains):
    evidence = {}
    for name in judges.OTHER_ARCHITECTURES:
        gain, table = gains.get(name.removeprefix("ddc/"), gains["all"]), name == "ddc/friedman_mlp"
        means = {"none": 0.1, "ddc": 0.1 - gain} if table else {"none": 0.8, "ddc": 0.8 + gain}
        evidence[name] = runs(seeds, spread, regression=table, **means)
    return evidence


@pytest.mark.parametrize(
    ("evidence", "verdict", "parts"),
    [
        (architectures(all=0.02), REPRODUCED, "HHHH"),
        (architectures(all=0.0, friedman_mlp=0.02), PARTLY, "FFHF"),
        (architectures(all=0.02, cifar10_resnet=0.0), PARTLY, "FHHH"),
        (architectures(all=0.02, cifar10_vision_transformer=0.0), PARTLY, "HFHH"),
        (architectures(all=0.02, breast_cancer_mlp=0.0), PARTLY, "HHHF"),
        (architectures(all=-0.02), REFUTED, "FFFF"),
        (architectures(all=0.0), REFUTED, "FFFF"),
        (architectures(all=-0.02, breast_cancer_mlp=0.005), PARTLY, "FFFH"),
        (architectures(all=0.01, spread=0.05), OPEN, "OOOO"),
        ({name: rows.iloc[:0] for name, rows in architectures(all=0.02).items()}, OPEN, "OOOO"),
        ({name: rows[rows.arm == "ddc"] for name, rows in architectures(all=0.02).items()}, OPEN, "OOOO"),
        (architectures(all=0.02, seeds=4), OPEN, "OOOO"),
    ],
)
def test_other_architectures(evidence, verdict, parts):
    assert_judged("D12", evidence, verdict, parts, "standard")


def test_an_open_benchmark_does_not_save_refuted_ones():
    evidence = architectures(all=-0.03, cifar10_resnet=-0.08)
    evidence["ddc/cifar10_resnet"] = evidence["ddc/cifar10_resnet"].assign(data="CIFAR-10", model="resnet8")
    evidence["ddc/breast_cancer_mlp"] = runs(none=0.95, ddc=0.951, spread=0.01)
    found = assert_judged("D12", evidence, REFUTED, "FFFO", "standard")
    assert found.effect == pytest.approx(-0.08)
    gain = "test accuracy with DDC minus that with no regularisation, last epoch"
    assert found.measure == f"{gain} (ResNet-8 on CIFAR-10, 54,000 training samples, 4 epochs)"
    assert "(ResNet-8 on CIFAR-10, 54,000 training samples, 4 epochs), clearly less than the 0.50%" in found.reason
    assert "test squared error with no regularisation minus that with DDC, last epoch is -0.030 [" in found.reason
    assert "open: better in classification on a table: test accuracy" in found.reason


def test_a_regression_that_decides_is_told_in_squared_error():
    found = assert_judged("D12", architectures(all=0.02, friedman_mlp=-0.02), PARTLY, "HHFH", "standard")
    gain = "test squared error with no regularisation minus that with DDC, last epoch"
    assert found.measure == f"{gain} (SimpleCNN1 on MNIST, 54,000 training samples, 4 epochs)"
    assert re.match(r".* is -0\.020 \[.*\), clearly less than the 0\.005 that would matter; holds: ", found.reason)


def test_gains_at_the_margin_are_rarely_refuted():
    """Of the correction alone see the tests of `dropatlas.claims.parts`, with more trials."""
    evidence, failed = architectures(all=0.005), 0
    for trial in range(20):
        rng = np.random.default_rng(trial)
        for rows in evidence.values():
            off = 0.005 * (rows.arm == "ddc") + 0.004 * rng.standard_normal(len(rows))
            rows["test_accuracy"], rows["test_loss"] = 0.8 + off, 0.1 - off
        failed += "F" in states(judge(LEDGER["D12"], evidence, "standard"))
    assert failed <= 2


def test_the_table_of_a_benchmark_pairs_seeds_and_states_the_published_value():
    rows = runs(none=0.9908, ddc=0.9925)
    paired = final_scores(rows)
    gain = (paired.ddc - paired.none).mean()
    assert gains(rows, "none") == pytest.approx((paired.ddc - paired.none).to_numpy())
    assert generalisation_gaps(rows).mean().tolist() == pytest.approx([0.01, 0.01])
    assert arm_against_others(rows).difference[0] == pytest.approx(gain)
    table = accuracy_table(rows, {"none": 0.9908, "ddc": 0.9925}).set_index("arm")
    assert table.published["ddc"] == "99.25"
    assert table["DDC − arm"]["none"].startswith("0.17 [")
    assert table["gap"]["ddc"].startswith("1.00 [")
    assert mean_scores(runs(regression=True, none=0.2, ddc=0.1))["ddc"].estimate == pytest.approx(-0.1)
