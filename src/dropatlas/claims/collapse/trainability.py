"""Judges of training collapse (arXiv 2512.13853, Section V), P8: which networks learn under dropout."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from dropatlas.claims.checks import (
    bootstrap_check,
    share_check,
)
from dropatlas.claims.parts import Check, Part, decide
from dropatlas.claims.percolation.crossing import agreement_with_sampling
from dropatlas.claims.verdicts import Judgement, State
from dropatlas.randomness import generator

WIDTH_DEPTH = "collapse/width_depth"


def _crossings(runs: pd.DataFrame) -> pd.DataFrame:
    """Masks met in training by cell, as `agreement_with_sampling` takes them."""
    cells = runs.groupby(["depth", "width", "drop_rate"]).agg(
        theta=("theta", "first"), crossings=("crossed_steps", "sum"), samples=("steps", "sum")
    )
    return cells.reset_index().rename(columns={"drop_rate": "p"})


def _rises_with_theta(runs: pd.DataFrame) -> Check:
    """That Kendall's tau-b over cells between θ and the share of networks that learn is positive, resampling seeds.

    Open where that share is the same in all cells: then there is no correlation.
    """
    table = runs.pivot(index="seed", columns=["width", "drop_rate"], values="learned").astype(float)
    theta = runs.groupby(["width", "drop_rate"]).theta.first().reindex(table.columns).to_numpy()

    def tau(seeds: np.ndarray) -> float:
        return float(stats.kendalltau(theta, np.nanmean(seeds, axis=0)).statistic)

    found = bootstrap_check("", table.to_numpy(), tau, (0.0, np.inf), generator(0, "bootstrap", "tau"))
    return found if found.n else replace(found, where="success does not vary")


def _learners(runs: pd.DataFrame, criterion: Mapping[str, float]) -> Check:
    """That in at least the share `learns` of seeds most networks with θ near 1 learn; those of a seed share masks."""
    where = f"L = {criterion['depth']:g} and θ >= {criterion['high']:g}"
    by_seed = runs[runs.theta >= criterion["high"]].groupby("seed").learned.mean()
    found = share_check(where, int((by_seed > 0.5).sum()), len(by_seed), (criterion["learns"], np.inf))
    return replace(found, measure="share of seeds in which most networks with θ near 1 learn")


def judge_p8(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P8: crossings met in training occur with probability θ, and go with training success (published L = 100).

    Two parts, over the cells of depth `depth` and plain gain. Crossings must agree with θ, judged as in P1 (`margin`).
    Kendall's tau-b between θ and the share of networks that learn must be positive, *and* in at least the share
    `learns` of seeds most networks with θ >= `high` must learn, or else θ does not say what trains. Networks that do
    not learn without dropout say nothing about success.
    """
    rows = tables[WIDTH_DEPTH].query("variant == 'dropout' and gain == 'plain'")
    runs = rows[rows.depth == criterion["depth"]]
    able = runs[runs.control_learns & ~runs.diverged]
    success = Part(
        "success goes with θ",
        "rank correlation of θ and the share of networks that learn",
        [_rises_with_theta(able), _learners(able, criterion)],
        notes={State.FAILS: "although these networks learn without dropout"},
    )
    return decide([agreement_with_sampling(_crossings(runs), criterion["margin"]), success])
