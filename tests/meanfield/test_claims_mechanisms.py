"""Judges M6, M7, M9, M10 on fabricated evidence: each can say reproduced, not reproduced, partly and inconclusive."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import mean_field_mechanisms as judges
from dropatlas.claims.verdicts import Verdict

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
SEEDS = 10


def noise(seed, scale=1.0):
    return scale * np.random.default_rng(seed).standard_normal()


# M6


def curvature(small_share, small=0.5, seeds=SEEDS, **changes):
    """20 measurements per seed, a share of which has a ratio of `small` instead of 40."""
    rows = []
    for seed, k in product(range(seeds), range(20)):
        ratio = small if k < 20 * small_share else 40.0
        rows.append({"seed": seed, "step": k, "ratio": ratio, "risk_ratio": 1 - k / 20, "loss": "squared"})
    return {judges.CURVATURE: pd.DataFrame(rows).assign(curved=-1.0, diverged=False).assign(**changes)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (curvature(0), REPRODUCED),
        (curvature(0.5), REFUTED),
        (curvature(0.5, small=5), PARTLY),
        (curvature(0, seeds=2), OPEN),
        (curvature(0, ratio=np.nan), REFUTED),
        (curvature(0, diverged=True), REFUTED),
    ],
)
def test_curvature(evidence, verdict):
    assert judges.judge_curvature(evidence, {"factor": 10, "weak": 2, "share": 0.9}).verdict == verdict


def test_curvature_across_the_threshold_is_open():
    evidence = curvature(0.05)
    rows = evidence[judges.CURVATURE]
    rows.loc[(rows.seed < 4) & (rows.step < 5), "ratio"] = 1.0
    assert judges.judge_curvature(evidence, {"factor": 10, "weak": 2, "share": 0.9}).verdict == OPEN


def test_curvature_tells_where_it_fails():
    found = judges.judge_curvature(curvature(0.5), {"factor": 10, "weak": 2, "share": 0.9})
    assert "squared early 0%" in found.reason
    assert "squared middle 100%" in found.reason


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
        (stability((0.5, 0.6), (0.9, 0.8)), REFUTED),
        (stability((8, 9), (0.1, 0.1)), REFUTED),
        (stability((8, 9), (0.9, 0.1)), PARTLY),
        (stability((8, 1), (0.9, 0.9)), OPEN),
        (stability((8, 9), (0.9, 0.8), seeds=2), OPEN),
        (stability((np.nan, np.nan), (0.9, 0.8)), OPEN),
    ],
)
def test_stable_rates(evidence, verdict):
    assert judges.judge_stable_rates(evidence, {"alpha": 0.05, "mean_rate": 0.5}).verdict == verdict


# M9


def precision(float32=1e-7, bfloat16=5e-3, growth=0.0, reference=0.5, seeds=SEEDS):
    rows = []
    sizes = {("critical", "float64"): 0, ("critical", "float32"): float32, ("critical", "bfloat16"): bfloat16}
    sizes[("gradient_flow", "bfloat16")] = reference
    for ((regime, name), size), width, seed, step in product(sizes.items(), (64, 256), range(seeds), (1, 2)):
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
        (precision(bfloat16=0.05), OPEN),
        (precision(seeds=2), OPEN),
    ],
)
def test_precision(evidence, verdict):
    assert judges.judge_precision(evidence, {"tolerance": 0.05, "growth": 0.1}).verdict == verdict


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
    assert judges.judge_depth(evidence, {"margin": 0.15, "learned": 0.8}).verdict == verdict


def test_the_degenerate_initialisation_does_not_count():
    evidence = depth({1: -0.5, 2: -0.5})
    rows = evidence[judges.DEPTH]
    other = rows.assign(initialisation="independent", distance=1.0)
    both = {judges.DEPTH: pd.concat([rows, other], ignore_index=True)}
    assert judges.judge_depth(both, {"margin": 0.15, "learned": 0.8}).verdict == REPRODUCED
