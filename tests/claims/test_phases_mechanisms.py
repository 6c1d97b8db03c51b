"""Judges M6, M7, M9 on fabricated evidence: every verdict they can give, and that each part can fail."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.claims.judging import judge, judge_of
from dropatlas.claims.phases import mechanisms as judges
from dropatlas.claims.verdicts import Verdict
from dropatlas.phases.mechanisms import edge_steps, shares_reaching, stable_shares, typical_errors

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
SEEDS = 10
LEDGER = load_ledger()


def judged(identifier, tables):
    return judge_of(LEDGER[identifier])(tables, LEDGER[identifier].criterion)


def states(found):
    """State of every part, by its name."""
    return {part.name: str(part.state) for part in found.parts}


def noise(seed, scale=1.0):
    return scale * np.random.default_rng(seed).standard_normal()


# M6


def curvature(small_share, small=0.5, seeds=SEEDS, **changes):
    """20 measurements per seed and network, a share of which has a ratio of `small` instead of 40."""
    rows = []
    networks = (("relu", "squared", 100, 1), ("tanh", "squared", 64, 2), ("tanh", "logistic", 100, 1))
    for (kind, loss, width, depth), seed, k in product(networks, range(seeds), range(20)):
        ratio = small if k < 20 * small_share else 40.0
        network = {"activation": kind, "loss": loss, "width": width, "depth": depth, "seed": seed}
        rows.append(network | {"step": k, "ratio": ratio, "risk_ratio": 1 - k / 20})
    return {judges.CURVATURE: pd.DataFrame(rows).assign(curved=-1.0, diverged=False).assign(**changes)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (curvature(0), REPRODUCED),
        (curvature(0.5), REFUTED),
        (curvature(0.5, small=5), PARTLY),
        (curvature(0, seeds=2), OPEN),
        (curvature(0, ratio=np.nan), OPEN),
        (curvature(0, ratio=np.inf), OPEN),
        (curvature(0, diverged=True), OPEN),
        (curvature(0, loss="squared"), OPEN),  # the statement speaks of all losses,
        (curvature(0, depth=1), OPEN),  # and depths
        ({judges.CURVATURE: curvature(0)[judges.CURVATURE][:0]}, OPEN),
    ],
)
def test_curvature(evidence, verdict):
    assert judged("M6", evidence).verdict == verdict


def test_what_nobody_published_is_supported_or_not():
    assert judge(LEDGER["M6"], curvature(0), "standard").verdict == Verdict.SUPPORTED
    assert judge(LEDGER["M6"], curvature(0.5), "standard").verdict == Verdict.NOT_SUPPORTED


def test_each_part_of_the_curvature_fails():
    assert states(judged("M6", curvature(0.5, small=5))) == {"B ≫ |C|": "fails", "B > |C|": "holds"}
    assert states(judged("M6", curvature(0.5))) == {"B ≫ |C|": "fails", "B > |C|": "fails"}


@pytest.mark.parametrize(("lost", "verdict"), [(0.05, REFUTED), (0.5, OPEN)])
def test_unknown_ratios_refute_nothing(lost, verdict):
    """40 % of the ratios are small; the unknown ones may be large."""
    evidence = curvature(0.4)
    rows = evidence[judges.CURVATURE]
    rows.loc[rows.step >= 20 * (1 - lost), "ratio"] = np.nan
    assert judged("M6", evidence).verdict == REFUTED
    rows.loc[rows.step < 20 * lost, "ratio"] = np.nan
    assert judged("M6", evidence).verdict == verdict


@pytest.mark.parametrize(("lost", "verdict"), [(0.05, REPRODUCED), (0.5, OPEN)])
def test_unknown_ratios_confirm_nothing(lost, verdict):
    evidence = curvature(0)
    rows = evidence[judges.CURVATURE]
    rows.loc[rows.step >= 20 * (1 - lost), "diverged"] = True
    assert judged("M6", evidence).verdict == verdict


def test_curvature_across_the_threshold_is_open():
    evidence = curvature(0.05)
    rows = evidence[judges.CURVATURE]
    rows.loc[(rows.seed < 4) & (rows.step < 5), "ratio"] = 1.0
    assert judged("M6", evidence).verdict == OPEN


def test_curvature_tells_where_it_fails():
    evidence = curvature(0.5)
    found = judged("M6", evidence)
    start = "fails: B ≫ |C|: share of measurements along training with B/|C| >= 10 is 50%, at least 90% required"
    assert found.reason.startswith(f"{start} | B > |C|: ")
    assert (found.effect, found.n) == (0.5, SEEDS)
    assert "squared early 0%" in found.reason
    assert "squared middle 100%" in found.reason
    assert shares_reaching(evidence[judges.CURVATURE], 10).known.mean() == found.effect  # the caption's number


def test_the_share_reaches_over_what_unknown_ratios_may_be_and_stays_a_share():
    evidence = curvature(0.1)
    rows = evidence[judges.CURVATURE]
    rows.loc[rows.step.between(8, 9), "ratio"] = np.inf
    rows.loc[(rows.step < 2 + 2 * (rows.seed % 2)) & (rows.seed < 5), "ratio"] = 1.0
    part = judged("M6", evidence).parts[0]
    shares = shares_reaching(rows, 10)
    assert part.low < shares.least.mean() < part.estimate == shares.known.mean() < shares.most.mean() < part.high <= 1
    assert part.state == "open"


# M7


def stability(steps, means, seeds=SEEDS, spread=0.05):
    """Cells by activation: neuron step and mean rate at the edge, in units of 2/lambda."""
    rates, edge = [], []
    for (kind, step, mean), seed in product(zip("ab", steps, means, strict=True), range(seeds)):
        key = {"activation": kind, "width": 100, "seed": seed}
        rates.append(key | {"metric": "none", "keep_rate": 1.0, "rate": 2.0})
        rates.append(key | {"metric": "ram", "keep_rate": 0.1, "rate": 1.5})
        for number in (0, 5, 10):
            at_edge = {"neuron_step": step, "mean_step": mean}
            late = {name: size * np.exp(noise(seed + 50, spread)) for name, size in at_edge.items()}
            early = dict.fromkeys(at_edge, 1e6)
            edge.append(key | {"metric": "ram", "keep_rate": 0.1, "step": number} | (late if number == 10 else early))
    return {judges.STABLE_RATES: pd.DataFrame(rates), judges.EDGE: pd.DataFrame(edge)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (stability((8, 9), (0.9, 0.8)), REPRODUCED),
        (stability((0.5, 0.6), (0.05, 0.06)), REFUTED),
        (stability((0.5, 1), (0.05, 0.5)), REFUTED),  # the other cell is open
        (stability((0.5, 0.6), (0.9, 0.8)), PARTLY),
        (stability((8, 9), (0.1, 0.1)), PARTLY),  # single neurons do step beyond 2/lambda
        (stability((8, 9), (0.9, 0.1)), PARTLY),
        (stability((8, 1), (0.9, 0.9)), OPEN),
        (stability((8, 9), (0.9, 0.8), seeds=2), OPEN),
        (stability((np.nan, np.nan), (0.9, 0.8)), OPEN),
    ],
)
def test_stable_rates(evidence, verdict):
    assert judged("M7", evidence).verdict == verdict


def test_each_part_of_stability_fails_alone():
    step, mean = "neurons step beyond 2/λ", "the mean rate decides"
    assert states(judged("M7", stability((8, 0.5), (0.9, 0.8)))) == {step: "fails", mean: "holds"}
    assert states(judged("M7", stability((8, 9), (0.9, 0.1)))) == {step: "holds", mean: "fails"}


def test_the_cell_that_decides_is_shown_with_its_bound():
    evidence = {name: rows.replace({"a": "relu", "b": "tanh"}) for name, rows in stability((8, 9), (0.3, 0.9)).items()}
    found = judged("M7", evidence)
    assert found.measure == "mean rate in units of 2/λ at the edge of stability (ReLU, n = 100, q = 0.1)"
    assert found.reason.startswith(
        "fails: the mean rate decides: mean rate in units of 2/λ at the edge of stability is 0.295"
    )
    assert "at least 0.5 required (ReLU, n = 100, q = 0.1, decides among 2); holds: neurons step" in found.reason
    assert "largest stable mean rate over that without masks (90 % of networks): RaM 0.75 to 0.75" in found.reason
    assert found.effect == pytest.approx(0.3, rel=0.1)
    assert found.n == SEEDS
    steps = edge_steps(evidence[judges.EDGE]).query("activation == 'relu'").mean_step
    assert np.exp(np.log(steps).mean()) == pytest.approx(found.effect)


def test_stable_shares_are_of_the_same_network_without_masks():
    rows = stability((8, 9), (0.9, 0.8))[judges.STABLE_RATES]
    rows.loc[rows.seed == 3, "rate"] *= 10
    assert (stable_shares(rows).share == 0.75).all()
    assert set(stable_shares(rows).metric) == {"ram"}
    assert stable_shares(rows[(rows.metric == "ram") | (rows.seed > 0)]).share.isna().sum() == 2


def test_no_random_metric_decides_nothing():
    evidence = stability((8, 9), (0.9, 0.8))
    for rows in (evidence[judges.EDGE][:0], evidence[judges.EDGE].assign(metric="none")):
        found = judged("M7", evidence | {judges.EDGE: rows})
        assert found.verdict == OPEN
        assert "the random metric (RaM)" in found.reason


# M9


def precision(float32=1e-7, bfloat16=5e-3, growth=0.0, reference=0.5, seeds=SEEDS):
    rows = []
    sizes = {("critical", "float64"): 0, ("critical", "float32"): float32, ("critical", "bfloat16"): bfloat16}
    sizes[("gradient_flow", "bfloat16")] = reference
    for ((regime, name), size), width, seed, step in product(sizes.items(), (64, 128, 256), range(seeds), (1, 2)):
        grown = (width / 256) ** (growth if regime == "critical" else 0.0)
        error = size * grown * np.exp(noise(seed * 7 + width, 0.02)) * (1 if step == 2 else 1e9)
        rows.append({"regime": regime, "precision": name, "width": width, "seed": seed, "step": step})
        rows[-1]["relative_error"] = error
    return {judges.PRECISION: pd.DataFrame(rows)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (precision(), REFUTED),
        (precision(float32=0.2), REPRODUCED),
        (precision(float32=np.nan), OPEN),
        (precision(bfloat16=np.nan), OPEN),
        (precision(bfloat16=0.2), PARTLY),
        (precision(growth=0.5), REPRODUCED),
        (precision(reference=1e-3), OPEN),
        (precision(bfloat16=0.05), REFUTED),  # float32 is fine, whatever bfloat16 is
        (precision(seeds=2), OPEN),
    ],
)
def test_precision(evidence, verdict):
    assert judged("M9", evidence).verdict == verdict


def test_each_part_of_the_precision_fails_and_holds():
    float32, any_of_them = "float32 has a problem", "a precision has a problem"
    assert states(judged("M9", precision())) == {float32: "fails", any_of_them: "fails"}
    assert states(judged("M9", precision(bfloat16=0.2))) == {float32: "fails", any_of_them: "holds"}
    assert states(judged("M9", precision(float32=0.2))) == {float32: "holds", any_of_them: "holds"}
    assert states(judged("M9", precision(reference=1e-3))) == {float32: "open", any_of_them: "open"}


def test_the_number_that_comes_nearest_to_a_problem_is_shown():
    evidence = precision(bfloat16=0.047)
    found = judged("M9", evidence)
    shown = found.parts[1]
    assert shown.measure == "error over movement"
    assert shown.n == SEEDS
    assert shown.estimate == pytest.approx(0.047, rel=0.02)
    assert shown.estimate == pytest.approx(typical_errors(evidence[judges.PRECISION])["critical", "bfloat16"])
    assert "at least 0.05 required (bfloat16, n = 256); error, exponent in n: float32 1.0e-07, " in found.reason
    assert "(a problem, so the test can see one)" in found.reason
    growing = judged("M9", precision(growth=0.5))
    assert growing.measure == "exponent in n of the error over movement (float32)"
    assert "so the test may be blind" in judged("M9", precision(reference=1e-3)).reason


@pytest.mark.parametrize("lost", ["float32", "bfloat16"])
def test_a_precision_that_was_not_run_is_not_fine(lost):
    rows = precision()[judges.PRECISION]
    found = judged("M9", {judges.PRECISION: rows[rows.precision != lost]})
    assert found.verdict == OPEN
    assert found.reason.endswith(f"not run in the critical phase: {lost}")
    assert judged("M9", {judges.PRECISION: rows[:0]}).reason.endswith("critical phase: float32, bfloat16")
    assert judged("M9", {judges.PRECISION: rows[rows.regime == "critical"]}).verdict == OPEN  # no reference


def test_a_problem_in_lower_precisions_needs_float32_to_be_fine_to_be_partial():
    assert judged("M9", precision(float32=0.05, bfloat16=0.2)).verdict == OPEN
