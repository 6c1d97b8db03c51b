"""Judges of training collapse (arXiv 2512.13853, Section V), P5 and P11: what networks without a path can do."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import NORM, mean_check, never_check, share_check
from dropatlas.claims.parts import Part, decide
from dropatlas.claims.verdicts import Judgement, State
from dropatlas.collapse.partings import NETWORK, differing, network_name, partings

DECOUPLING = "collapse/decoupling"
BLINDNESS = "collapse/blindness"


def _exactly_zero(rows: pd.DataFrame, column: str, name: str, measure: str, criterion: Mapping[str, float]) -> Part:
    """That all networks without a path have exactly zero `column`; those with a path are the control."""
    cut, crossed = rows[~rows.has_path], rows[rows.has_path]
    n = int(cut.networks.sum())
    fewest = int(cut.networks.min()) if n else 0
    sighted = float((1 - crossed[column] / crossed.networks).min(skipna=False))  # NaN: a kind without any
    blind = fewest < criterion["least_networks"] or not sighted >= criterion["least_sighted"]
    control = f"of those with a path {sighted:.0%} do in the kind that reacts least" if len(crossed) else "no control"
    needed = f"{fewest} in the smallest case ({criterion['least_networks']:g} needed)"
    return Part(
        name,
        measure,
        [never_check("", n - int(cut[column].sum(skipna=False)), n, n + blind)],
        notes={State.HOLDS: control, State.OPEN: f"{needed}, {control} ({criterion['least_sighted']:.0%} needed)"},
    )


def judge_p5(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P5: no path => F(x) = F(0) exactly, and bias-free gradients are exactly zero. Criterion: `least_networks`.

    Two parts, outputs and (without biases, with zero activation at zero) gradients; one counterexample fails its part.
    In every case networks with a path must show the opposite often enough (`least_sighted`), and there must be
    `least_networks` networks without a path; else the check is blind and does not hold.
    """
    rows = tables[DECOUPLING]
    outputs = "share of networks without a path that depend on their input"
    gradients = "share of bias-free networks without a path that have gradients"
    parts = [
        _exactly_zero(rows, "input_effect_zero", "outputs ignore the input", outputs, criterion),
        _exactly_zero(rows[rows.assumption], "weight_gradients_zero", "gradients are zero", gradients, criterion),
    ]
    others = rows[~rows.has_path & ~rows.assumption]
    if not others.networks.sum():
        return decide(parts)
    share = 1 - others.weight_gradients_zero.sum() / others.networks.sum()
    return decide(parts, f"with biases or sigmoid {share:.0%} of those without a path have gradients")


def judge_p11(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P11: a step without a path teaches nothing about the inputs, yet moves the parameters of networks with biases.

    Criterion: `least_pairs`, `least_separated`, `margin`, `least_moved`. Three parts, each read in every network. Equal
    until the first step with a path: one pair that differs earlier fails; to hold it needs `least_pairs` pairs with a
    step before it, and as control that at least `least_separated` of the pairs part right at it. No more differ by T
    than 1 - (1 - θ)^T says: a share clearly above it at one of two horizons fails; to hold all must lie within `margin`
    of it, as runs that hardly part say nothing. T θ is larger, and needs no check of its own. Parameters of networks
    with biases move by `least_moved` of their norm or more in pairs without any step with a path.
    """
    rows = tables[BLINDNESS]
    networks, least = partings(rows), int(criterion["least_pairs"])
    equal = [never_check(row.Index, row.leaked, row.watched, least) for row in networks.itertuples()]
    sighted = (criterion["least_separated"], 1.0)
    control = "share of pairs that part right at their first step with a path"
    for row in networks.itertuples():
        separated = share_check(row.Index, row.separated, row.crossed, sighted, fails_outside=(0.0, 1.0))
        equal.append(replace(separated, measure=control))
    shares = []
    for row in differing(rows).itertuples():
        band = (max(0.0, row.bound - criterion["margin"]), min(1.0, row.bound + criterion["margin"]))
        where = f"{row.network}, T = {row.steps}"
        shares.append(share_check(where, row.differing, row.pairs, band, fails_outside=(0.0, row.bound)))
    moved = []
    for _, pairs in rows[rows.biases].groupby(NETWORK, sort=False):
        values, band = pairs.movement[pairs.first_crossed == 0], (criterion["least_moved"], np.inf)
        moved.append(mean_check(network_name(pairs), values, band, support=NORM))
    watched = networks.watched
    needed = f"{watched.min()} pairs with a step before it in the smallest network ({least} needed)"
    return decide(
        [
            Part(
                "equal until a step with a path",
                "share of pairs that differ before their first step with a path",
                equal,
                notes={
                    State.HOLDS: f"none of {watched.sum():,} pairs in all differs earlier",
                    State.OPEN: needed if len(watched) else "",
                },
                why_open="no pair has a step with a path",
            ),
            Part("they part no more often than masks have a path", "share of pairs that differ by step T", shares),
            Part(
                "parameters move without a path",
                "movement over the initial norm, in pairs without any step with a path",
                moved,
                why_open="there are too few pairs with biases and without a path",
            ),
        ]
    )
