"""Judge of M10 on fabricated evidence: every verdict it can give, and that each part can fail."""

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.claims.judging import judge_of
from dropatlas.claims.parts import LEVEL
from dropatlas.claims.phases import mechanisms as judges
from dropatlas.claims.verdicts import Verdict
from dropatlas.phases.exponents import mean_exponent, seed_slopes
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
