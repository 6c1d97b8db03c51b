"""Judges of training collapse (arXiv 2512.13853, Section V), P5 and P11: what networks without a path can do."""

from collections.abc import Mapping

import pandas as pd

from dropatlas.claims.checks import never_check, share_check
from dropatlas.claims.parts import Part, decide
from dropatlas.claims.verdicts import Judgement, State
from dropatlas.collapse.partings import differing, partings

DECOUPLING = "collapse/decoupling"
BLINDNESS = "collapse/blindness"


def _exactly_zero(rows: pd.DataFrame, column: str, name: str, measure: str, criterion: Mapping[str, float]) -> Part:
    """That all networks without a path have exactly zero `column`; those with a path are the control."""
    cut, crossed = rows[~rows.has_path], rows[rows.has_path]
    n, reacting = int(cut.networks.sum()), int(crossed.networks.sum())
    fewest = int(cut.networks.min()) if n else 0
    sighted = 1 - crossed[column].sum() / reacting if reacting else 0.0
    blind = fewest < criterion["least_networks"] or not sighted >= criterion["least_sighted"]
    control = f"of those with a path {sighted:.0%} do"
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
    Networks with a path must show the opposite often enough (`least_sighted`), and there must be `least_networks`
    networks without a path per case; else the check is blind and decides nothing.
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
    """P11: a step without a path teaches nothing about the inputs.

    Criterion: `least_pairs`, `least_separated`, `margin`. Three parts, each read in every network. Equal until the
    first step with a path: one pair that differs earlier fails, and `least_pairs` pairs with a step before it are
    needed. Separated by it (the control): at least `least_separated` of the pairs. As many differ by T as
    1 - (1 - θ)^T says: within `margin` at both horizons, failing where that probability itself is clearly rejected;
    T θ is larger, and so needs no check of its own.
    """
    rows = tables[BLINDNESS]
    networks, least = partings(rows), int(criterion["least_pairs"])
    equal = [never_check(row.Index, row.leaked, row.watched, least) for row in networks.itertuples()]
    sighted = (criterion["least_separated"], 1.0)
    separated = [share_check(row.Index, row.separated, row.crossed, sighted) for row in networks.itertuples()]
    shares = []
    for row in differing(rows).itertuples():
        band = (max(0.0, row.bound - criterion["margin"]), min(1.0, row.bound + criterion["margin"]))
        where = f"{row.network}, T = {row.steps}"
        shares.append(share_check(where, row.differing, row.pairs, band, fails_outside=(row.bound, row.bound)))
    watched, moved = networks.watched, networks[networks.biases].movement.mean()
    needed = f"{watched.min()} pairs in the smallest network ({least} needed)" if len(watched) else ""
    return decide(
        [
            Part(
                "equal until a step with a path",
                "share of pairs that differ before their first step with a path",
                equal,
                notes={State.HOLDS: f"none of {watched.sum():,} pairs in all", State.OPEN: needed},
            ),
            Part(
                "the first step with a path separates them",
                "share of pairs that first differ right after it",
                separated,
                why_open="no pair has a step with a path",
            ),
            Part("they part as often as masks have a path", "share of pairs that differ by step T", shares),
        ],
        f"without any step with a path, parameters of networks with biases moved by {moved:.2g} of their initial norm"
        if pd.notna(moved)
        else "",
    )
