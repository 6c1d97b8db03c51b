"""Judges of the benchmarks on fabricated evidence: every verdict they can give."""

import re

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import ddc_benchmark as judges
from dropatlas.claims import load_ledger
from dropatlas.claims.judging import judge
from dropatlas.claims.verdicts import Verdict
from dropatlas.regularisation.comparisons import accuracy_table, arm_against_others, final_scores, mean_scores

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
LEDGER = load_ledger()


def assert_judged(claim, evidence, verdict, scale="paper"):
    """The verdict, and where it decides, finite numbers in the unit that the measure names."""
    found = judge(LEDGER[claim], evidence, scale)
    assert found.verdict == verdict, found
    assert "cannot be judged" not in found.reason
    assert not re.search(r"\b(nan|inf)\b|\w_\w", found.reason)
    if verdict != OPEN:
        assert found.low <= found.effect <= found.high
        assert found.n >= 3
    return found


WORSE = {"dropout": 0.989, "dropconnect": 0.990, "standout": 0.988}


def runs(seeds=5, spread=0.0002, regression=False, model="simple_cnn1", **means):
    """Final rows of arms whose test score has the given mean; noise with mean zero, the same for no two arms."""
    rows = []
    for number, (arm, mean) in enumerate(means.items()):
        noise = np.random.default_rng(number).standard_normal(seeds)
        noise = spread * (noise - noise.mean()) / noise.std() if seeds > 1 else np.zeros(seeds)
        rows += [(arm, replica, mean + noise[replica]) for replica in range(seeds)]
    frame = pd.DataFrame(rows, columns=["arm", "replica", "score"]).assign(
        data="MNIST", model=model, epochs=4, train_samples=54000, last=True, selected=True, diverged=False
    )
    frame["test_accuracy"] = np.nan if regression else frame.score
    frame["test_loss"] = frame.score if regression else 0.1
    frame["validation_accuracy"] = frame.test_accuracy
    return frame.assign(fitted_accuracy=frame.test_accuracy + 0.01)


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (runs(none=0.9908, ddc=0.9925, **WORSE), REPRODUCED),
        (runs(none=0.9808, ddc=0.9825, **{name: mean - 0.01 for name, mean in WORSE.items()}), PARTLY),  # another level
        (runs(none=0.9908, ddc=0.9925, dropout=0.9930, dropconnect=0.990), PARTLY),
        (runs(none=0.9925, ddc=0.9925, dropout=0.9924), PARTLY),  # at the published level
        (runs(none=0.9935, ddc=0.9925, dropout=0.9929), PARTLY),
        (runs(none=0.9825, ddc=0.9825, dropout=0.9824), REFUTED),
        (runs(none=0.9835, ddc=0.9825, dropout=0.9829, dropconnect=0.9824, standout=0.9824), REFUTED),
        (runs(none=0.9908, ddc=0.9925, dropout=0.99225, dropconnect=0.990), OPEN),
        (runs(none=0.9908, ddc=0.9925, dropout=0.989, dropconnect=0.990), OPEN),  # no standout
        (runs(none=0.9908, ddc=0.9912, dropout=0.9912, spread=0.002), OPEN),
        (runs(seeds=2, none=0.9908, ddc=0.9925, **WORSE), OPEN),
        (runs(none=0.9908, **WORSE), OPEN),
    ],
)
def test_best_arm(rows, verdict):
    assert_judged("D1", {"ddc/mnist_simple_cnn1": rows}, verdict, "standard")


def test_controls_of_the_authors_code_are_no_baselines():
    rows = runs(none=0.9908, ddc=0.9925, drop_big_weight=0.995, dropconnect_dense=0.995, **WORSE)
    assert judge(LEDGER["D1"], {"ddc/mnist_simple_cnn1": rows}, "standard").verdict == REPRODUCED


def test_the_reason_says_which_baseline_decides_and_in_percentage_points():
    rows = runs(none=0.9851, ddc=0.9850, dropout=0.9847, dropconnect=0.9849, standout=0.983, spread=0.0003)
    found = assert_judged("D1", {"ddc/mnist_simple_cnn1": rows}, PARTLY, "standard")
    assert found.effect == pytest.approx(-0.0075)
    assert found.measure == "test accuracy with DDC minus the published one, last epoch"
    assert found.reason.startswith(
        "accuracy 98.50 %, published 99.25 % (± 0.2 pp): missed; better than standout (+0.20 pp)"
    )
    assert "open against no regularisation (-0.01 pp), dropout (+0.03 pp), DropConnect (+0.01 pp)" in found.reason
    assert "SimpleCNN1 on MNIST, 54,000 images, 4 epochs; published: 75" in found.reason
    rows = runs(none=0.9922, ddc=0.9919, dropout=0.9912, dropconnect=0.9912, standout=0.990)
    found = assert_judged("D1", {"ddc/mnist_simple_cnn1": rows}, PARTLY, "standard")
    assert found.measure == "test accuracy with DDC minus that with no regularisation, last epoch"
    assert re.match(
        r"DDC gains -0.03 \[.*\] pp over no regularisation, clearly less than 0.05 pp; accuracy", found.reason
    )


@pytest.mark.parametrize("claim", ["D2", "D3"])
@pytest.mark.parametrize(
    ("gain", "level", "verdict"),
    [(0.02, 0.0, REPRODUCED), (0.02, -0.1, PARTLY), (0.0, 0.0, PARTLY), (0.0, -0.1, REFUTED)],
)
def test_best_arm_on_cifar10(claim, gain, level, verdict):
    ddc = LEDGER[claim].criterion["ddc"] + level
    rows = runs(ddc=ddc, **dict.fromkeys(judges.BASELINES, ddc - gain))
    assert_judged(claim, {LEDGER[claim].evidence[0]: rows}, verdict)
    assert_judged(claim, {LEDGER[claim].evidence[0]: runs(ddc=ddc, none=ddc - 0.01, spread=0.1)}, OPEN)


def test_diverged_runs_lower_the_number_of_seeds():
    rows = runs(none=0.9908, ddc=0.9925, **WORSE)
    lost = (rows.arm == "ddc") & (rows.replica > 1)
    rows.loc[lost, ["test_accuracy", "validation_accuracy"]] = np.nan
    rows.loc[lost, "diverged"] = True
    assert arm_against_others(rows).seeds.tolist() == [2, 2, 2, 2]
    assert judge(LEDGER["D1"], {"ddc/mnist_simple_cnn1": rows}, "standard").verdict == OPEN


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
    ("evidence", "verdict"),
    [
        (harder(0.72, 0.72, 0.72, 0.72), REPRODUCED),
        (harder(0.72, 0.70, 0.70, 0.70), PARTLY),
        (harder(0.70, 0.69, 0.70, 0.70), REFUTED),
        (harder(0.6985, 0.6985, 0.6985, 0.6985), REFUTED),
        ({name: runs(none=0.70, dropout=0.69, ddc=0.72) for name in judges.HARDER_SETS}, OPEN),  # not all methods
        ({name: runs(none=0.70, ddc=0.705, spread=0.02) for name in judges.HARDER_SETS}, OPEN),
        ({name: runs(none=0.70, ddc=0.8).iloc[:0] for name in judges.HARDER_SETS}, OPEN),
        ({name: runs(seeds=2, none=0.70, ddc=0.8) for name in judges.HARDER_SETS}, OPEN),
    ],
)
def test_harder_sets(evidence, verdict):
    assert_judged("D4", evidence, verdict)


def test_the_benchmark_that_decides_is_named():
    evidence = harder(0.72, 0.72, 0.72, 0.695)
    evidence[judges.HARDER_SETS[-1]] = evidence[judges.HARDER_SETS[-1]].assign(data="NORB", model="vgg13")
    found = assert_judged("D4", evidence, PARTLY)
    assert found.effect == pytest.approx(-0.005)
    assert "over no regularisation (VGG13 on NORB), clearly less than 0.2 pp; best of all" in found.reason
    assert found.reason.endswith("; not best: VGG13 on NORB")
    assert found.measure.startswith("test accuracy with DDC minus that with no regularisation (VGG13 on NORB)")


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


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (timings(small=1.02, large=1.0), REPRODUCED),
        (timings(small=1.3, large=1.2), REFUTED),
        (timings(small=1.3, large=1.0), PARTLY),
        (timings(small=1.3, large=1.1), REFUTED),
        (timings(spread=0.5, small=1.1), OPEN),
        ({judges.STEP_TIME: timings(small=1.0)[judges.STEP_TIME].iloc[:0]}, OPEN),
        ({judges.STEP_TIME: timings(small=1.0)[judges.STEP_TIME].query("method == 'none'")}, OPEN),
        ({judges.STEP_TIME: timings(small=1.0)[judges.STEP_TIME].query("method == 'ddc'")}, OPEN),
        (
            {judges.STEP_TIME: timings(small=1.0, large=1.0)[judges.STEP_TIME].query("model < 's' or method < 'e'")},
            OPEN,
        ),
    ],
)
def test_step_time(evidence, verdict):
    assert_judged("D8", evidence, verdict, "standard")


def test_the_slowest_models_time_is_shown_with_its_name():
    found = assert_judged("D8", timings(resnet8=1.3, vgg13=1.02), PARTLY, "standard")
    assert found.effect == pytest.approx(1.3, abs=0.02)
    assert found.n == 40
    assert found.measure == "median step time with DDC over plain, ResNet-8"
    assert "with ResNet-8, clearly above the limit of 1.1; below it: VGG13 (1.0" in found.reason


def architectures(seeds=5, spread=0.0002, **gains):
    evidence = {}
    for name in judges.OTHER_ARCHITECTURES:
        gain, table = gains.get(name.removeprefix("ddc/"), gains["all"]), name == "ddc/friedman_mlp"
        means = {"none": 0.1, "ddc": 0.1 - gain} if table else {"none": 0.8, "ddc": 0.8 + gain}
        evidence[name] = runs(seeds, spread, regression=table, **means)
    return evidence


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (architectures(all=0.02), REPRODUCED),
        (architectures(all=0.0, friedman_mlp=0.02), PARTLY),
        (architectures(all=-0.02), REFUTED),
        (architectures(all=0.0), REFUTED),
        (architectures(all=-0.02, breast_cancer_mlp=0.005), PARTLY),
        (architectures(all=0.01, spread=0.05), OPEN),
        ({name: rows.iloc[:0] for name, rows in architectures(all=0.02).items()}, OPEN),
        ({name: rows[rows.arm == "ddc"] for name, rows in architectures(all=0.02).items()}, OPEN),
        (architectures(all=0.02, seeds=2), OPEN),
    ],
)
def test_other_architectures(evidence, verdict):
    assert_judged("D12", evidence, verdict, "standard")


def test_an_open_benchmark_does_not_save_refuted_ones():
    evidence = architectures(all=-0.03, cifar10_resnet=-0.08)
    evidence["ddc/cifar10_resnet"] = evidence["ddc/cifar10_resnet"].assign(data="CIFAR-10", model="resnet8")
    evidence["ddc/breast_cancer_mlp"] = runs(none=0.95, ddc=0.951, spread=0.01)
    found = assert_judged("D12", evidence, REFUTED, "standard")
    assert found.effect == pytest.approx(-0.08)
    assert (
        found.measure == "test accuracy with DDC minus that with no regularisation (ResNet-8 on CIFAR-10), last epoch"
    )
    assert "pp over no regularisation (ResNet-8 on CIFAR-10), clearly less than 0.5 pp; not better: " in found.reason
    assert "(-0.030 in squared error)" in found.reason
    assert found.reason.endswith("; open: SimpleCNN1 on MNIST (+0.10 pp)")


def test_a_regression_that_decides_is_told_in_squared_error():
    found = assert_judged("D12", architectures(all=0.02, friedman_mlp=-0.02), PARTLY, "standard")
    assert found.measure.startswith("test squared error with no regularisation minus that with DDC (")
    assert re.match(
        r"DDC gains -0.020 \[.*\] in squared error over .*, clearly less than 0.005 in squared", found.reason
    )


def test_gains_at_the_margin_are_rarely_refuted():
    """Of the correction alone see the tests of `dropatlas.claims.parts`, with more trials."""
    evidence, verdicts = architectures(all=0.005), []
    for trial in range(20):
        rng = np.random.default_rng(trial)
        for rows in evidence.values():
            off = 0.005 * (rows.arm == "ddc") + 0.004 * rng.standard_normal(len(rows))
            rows["test_accuracy"], rows["test_loss"] = 0.8 + off, 0.1 - off
        verdicts.append(judge(LEDGER["D12"], evidence, "standard").verdict)
    assert sum(verdict in (REFUTED, PARTLY) for verdict in verdicts) <= 2


def test_the_table_of_a_benchmark_pairs_seeds_and_states_the_published_value():
    rows = runs(none=0.9908, ddc=0.9925)
    paired = final_scores(rows)
    gain = (paired.ddc - paired.none).mean()
    assert arm_against_others(rows).difference[0] == pytest.approx(gain)
    table = accuracy_table(rows, {"none": 0.9908, "ddc": 0.9925}).set_index("arm")
    assert table.published["ddc"] == "99.25"
    assert table["DDC − arm"]["none"].startswith("0.17 [")
    assert table["gap"]["ddc"].startswith("1.00 [")
    assert mean_scores(runs(regression=True, none=0.2, ddc=0.1))["ddc"].estimate == pytest.approx(-0.1)
