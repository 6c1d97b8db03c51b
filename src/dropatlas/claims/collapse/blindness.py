"""Judges of training collapse (arXiv 2512.13853, Section V), P5: what networks without a path can do."""

from collections.abc import Mapping

import pandas as pd

from dropatlas.claims.checks import (
    never_check,
)
from dropatlas.claims.parts import Part, decide
from dropatlas.claims.verdicts import Judgement, State

DECOUPLING = "collapse/decoupling"


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
