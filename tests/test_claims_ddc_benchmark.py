"""Judges of the benchmarks on fabricated evidence: every verdict they can give."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import ddc_benchmark as judges
from dropatlas.claims import judge, load_ledger
from dropatlas.claims.verdicts import Verdict
from dropatlas.regularisation.comparisons import accuracy_table, arm_against_others, final_scores, mean_scores

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
LEDGER = load_ledger()
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
        (runs(none=0.9908, ddc=0.9925, dropout=0.9924, dropconnect=0.990), PARTLY),
        (runs(none=0.9925, ddc=0.9925, dropout=0.9924), REFUTED),
        (runs(none=0.9935, ddc=0.9925, dropout=0.9929), REFUTED),
        (runs(none=0.9908, ddc=0.9912, dropout=0.9912, spread=0.002), OPEN),
        (runs(seeds=2, none=0.9908, ddc=0.9925, **WORSE), OPEN),
        (runs(none=0.9908, **WORSE), OPEN),
    ],
)
def test_best_arm(rows, verdict):
    found = judge(LEDGER["D1"], {"ddc/mnist_simple_cnn1": rows}, "standard")
    assert found.verdict == verdict


def test_controls_of_the_authors_code_are_no_baselines():
    rows = runs(none=0.9908, ddc=0.9925, drop_big_weight=0.995, **WORSE)
    assert judge(LEDGER["D1"], {"ddc/mnist_simple_cnn1": rows}, "standard").verdict == REPRODUCED


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
    return {name: runs(none=0.70, dropout=0.69, ddc=mean) for name, mean in zip(judges.HARDER_SETS, ddc, strict=True)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (harder(0.72, 0.72, 0.72, 0.72), REPRODUCED),
        (harder(0.72, 0.70, 0.70, 0.70), PARTLY),
        (harder(0.70, 0.69, 0.70, 0.70), REFUTED),
        ({name: runs(none=0.70, ddc=0.705, spread=0.02) for name in judges.HARDER_SETS}, OPEN),
        ({name: runs(seeds=2, none=0.70, ddc=0.8) for name in judges.HARDER_SETS}, OPEN),
    ],
)
def test_harder_sets(evidence, verdict):
    assert judge(LEDGER["D4"], evidence, "paper").verdict == verdict


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
        (timings(spread=0.5, small=1.1), OPEN),
    ],
)
def test_step_time(evidence, verdict):
    assert judge(LEDGER["D8"], evidence, "standard").verdict == verdict


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
        (architectures(all=0.01, spread=0.05), OPEN),
        (architectures(all=0.02, seeds=2), OPEN),
    ],
)
def test_other_architectures(evidence, verdict):
    assert judge(LEDGER["D12"], evidence, "standard").verdict == verdict


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
