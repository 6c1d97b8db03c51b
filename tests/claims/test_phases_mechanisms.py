"""Judges M6, M7, M10 on fabricated evidence: every verdict they can give, and that each part can fail."""

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.claims.judging import judge, judge_of
from dropatlas.claims.parts import LEVEL
from dropatlas.claims.phases import mechanisms as judges
from dropatlas.claims.verdicts import Verdict
from dropatlas.phases.exponents import mean_exponent, seed_slopes
from dropatlas.phases.mechanisms import edge_steps, shares_reaching, stable_shares
from dropatlas.plots.phases import mechanisms as plots
from dropatlas.stats import mean_p_value

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


# M10


def depth(exponents, none=-0.05, learned=0.1, seeds=SEEDS, spread=0.02, **changes):
    rows = []
    for (layers, exponent), width, seed in product(exponents.items(), (100, 200, 400), range(seeds)):
        for variant, slope in (("none", none), ("ram", exponent), ("dropout", np.nan)):
            distance = 0.0 if variant == "dropout" else width**slope * np.exp(noise(seed + width, spread))
            row = {"depth": layers, "width": width, "seed": seed, "variant": variant, "distance": distance}
            rows.append(row | {"risk_ratio": learned, "step": 9, "initialisation": "correlated", "diverged": False})
    return {judges.DEPTH: pd.DataFrame(rows).assign(**changes)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (depth({1: -0.5, 2: -0.5, 3: -0.55}), REPRODUCED),
        (depth({1: -0.5, 2: -0.1, 3: 0.0}), REFUTED),
        (depth({1: -0.5, 2: -0.5, 3: -0.1}), PARTLY),
        (depth({1: -0.5, 2: -0.5, 3: -0.9}), PARTLY),
        (depth({1: -0.5, 2: -0.9, 3: -0.8}), REFUTED),
        (depth({1: -0.1, 2: -0.5, 3: -0.5}), PARTLY),  # the paper's own case does not hold
        (depth({1: -0.65, 2: -0.5, 3: -0.5}), OPEN),
        (depth({1: -0.5, 2: -0.5, 3: -0.5}, none=-0.6), REFUTED),
        (depth({1: -0.5, 2: -0.65, 3: -0.2}), REFUTED),
        (depth({2: -0.5, 3: -0.5}), REPRODUCED),
        (depth({1: -0.5, 2: -0.5}, none=-0.5), OPEN),
        (depth({1: -0.5, 2: -0.5}, learned=0.95), OPEN),
        (depth({1: -0.5, 2: -0.5}, spread=1.0), OPEN),
        (depth({1: -0.5, 2: -0.5}, seeds=2), OPEN),
        (depth({1: -0.5}), OPEN),
        (depth({1: -0.5, 2: -0.5}, diverged=True), OPEN),
        (depth({1: -0.5, 2: -0.5}, distance=np.nan), OPEN),
    ],
)
def test_depth(evidence, verdict):
    assert judged("M10", evidence).verdict == verdict


def test_each_depth_fails_alone():
    assert states(judged("M10", depth({1: -0.5, 2: -0.1, 3: -0.5}, none=0.0))) == {"L = 2": "fails", "L = 3": "holds"}
    assert states(judged("M10", depth({1: -0.5, 2: -0.5, 3: -0.9}))) == {"L = 2": "holds", "L = 3": "fails"}
    assert states(judged("M10", depth({1: -0.1, 2: -0.5}))) == {"L = 1": "fails", "L = 2": "holds"}


def test_the_depth_that_decides_is_shown_and_the_figure_has_its_exponent():
    """L = 3 is furthest from -1/2, and within the band; the interval of L = 4 is not."""
    evidence = depth({1: -0.5, 2: -0.5, 3: -0.58, 4: -0.55})
    rows = evidence[judges.DEPTH]
    wide = (rows.depth == 4) & (rows.variant == "ram")
    rows.loc[wide, "distance"] *= (rows.width / 200) ** (0.3 * np.sin(2.4 * rows.seed))
    found = judged("M10", evidence)
    assert found.verdict == OPEN
    assert found.measure == "exponent in n of the RMS distance of RaM to dropout"
    assert found.reason.startswith(f"open: L = 4: {found.measure} is -0.5")
    assert "-0.65 to -0.35 required" in found.reason
    assert states(found) == {"L = 2": "holds", "L = 3": "holds", "L = 4": "open"}
    assert found.n == SEEDS
    shown = mean_exponent(seed_slopes(rows[wide], "distance"))
    assert (found.effect, found.low, found.high) == (shown.estimate, shown.low, shown.high)
    titles = [axes.get_title() for axes in plots.depth_distances(rows.assign(movement=1.0)).axes]
    plt.close("all")
    assert f"RaM $n^{{{found.effect:.2f}}}$" in titles[3]


def test_a_depth_says_why_it_fails_or_stays_open():
    found = judged("M10", depth({1: -0.5, 2: -0.1, 3: -0.9}))
    assert "L = 2: exponent in n of the RMS distance of RaM to dropout is -0.1" in found.reason
    found = judged("M10", depth({1: -0.5, 2: -0.5}, none=-0.6))
    assert found.effect == pytest.approx(0.1, abs=0.02)
    assert "less than 0 required (minus that of no dropout, decides among 2)" in found.reason
    assert "L = 2: no learning without dropout" in judged("M10", depth({1: -0.5, 2: -0.5}, learned=0.95)).reason


def test_a_seed_that_diverged_has_no_exponent_for_judge_and_figure():
    rows = depth({1: -0.5, 2: -0.5})[judges.DEPTH]
    lost = (rows.depth == 2) & (rows.seed < 3) & (rows.width == 400) & (rows.variant == "ram")
    rows = rows.assign(diverged=lost, distance=rows.distance * np.where((rows.seed < 3) & (rows.width == 100), 50, 1))
    rows.loc[rows.depth == 1, "distance"] /= np.where((rows.seed < 3) & (rows.width == 100), 50, 1)[rows.depth == 1]
    found = judged("M10", {judges.DEPTH: rows})
    assert {part.name: part.n for part in found.parts} == {"L = 1": SEEDS, "L = 2": SEEDS - 3}
    assert found.verdict == REPRODUCED


@pytest.mark.parametrize("lost", ["ram", "none", "ram none dropout"])
def test_missing_variants_or_rows_decide_nothing_about_depth(lost):
    rows = depth({1: -0.5, 2: -0.5})[judges.DEPTH]
    assert judged("M10", {judges.DEPTH: rows[~rows.variant.isin(lost.split())]}).verdict == OPEN


def test_depths_at_the_margin_rarely_fail():
    """Four depths whose true exponent is the upper end of the band: single tests err more often."""
    rng, trials = np.random.default_rng(5), 50
    rows = depth({layers: -0.35 for layers in (2, 3, 4, 5)}, none=0.0, spread=0.0)[judges.DEPTH]
    ram = (rows.variant == "ram").to_numpy()
    failed = single = 0
    for _ in range(trials):
        noisy = rows.assign(distance=rows.distance * np.where(ram, np.exp(0.1 * rng.standard_normal(len(rows))), 1.0))
        failed += "fails" in states(judged("M10", {judges.DEPTH: noisy})).values()
        slopes = [seed_slopes(part, "distance") for _, part in noisy[ram].groupby("depth")]
        single += any(mean_p_value(of_depth, -0.35, "greater") <= LEVEL for of_depth in slopes)
    assert failed / trials <= 0.06
    assert failed < single


def test_the_degenerate_initialisation_does_not_count():
    evidence = depth({1: -0.5, 2: -0.5})
    rows = evidence[judges.DEPTH]
    other = rows.assign(initialisation="independent", distance=1.0)
    both = {judges.DEPTH: pd.concat([rows, other], ignore_index=True)}
    assert judged("M10", both).verdict == REPRODUCED
