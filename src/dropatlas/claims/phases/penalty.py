"""Judge of the claim on the penalty, M4 (arXiv 2510.07554); intervals over seeds."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import NORM, mean_check
from dropatlas.claims.parts import Check, Part, decide, one_part_open
from dropatlas.claims.verdicts import Judgement
from dropatlas.phases.exponents import penalty_at_largest, penalty_slopes, predicted_slope

PENALTY = "phases/penalty"

MEASURE = "exponent in n of the penalty effect over the movement"


def judge_m4(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M4: with τ ∝ n^(-κ), and the smallest q that has a limit, the penalty goes like n^(κ-1), and stays for κ >= 1.

    One part per κ: the exponent of the penalty effect (a share of the movement) lies within `margin` of min(0, κ - 1).
    Where it stays (κ >= 1) the effect at the largest width is, besides, at least `least` of the movement. A number from
    fewer than `least_seeds` seeds is none. Without κ on both sides of 1 there is no contrast, and nothing is decided.
    """
    rows = tables[PENALTY]
    slopes = penalty_slopes(rows)
    sides = {kappa < 1 for kappa in slopes}
    if len(sides) < 2:
        there = ", ".join(f"{kappa:g}" for kappa in slopes) or "no κ"
        return one_part_open("the penalty falls", MEASURE, f"measured at κ = {there}: both sides of 1 are needed")
    parts = []
    for kappa, found in sorted(slopes.items()):
        wanted, margin = predicted_slope(kappa), criterion["margin"]
        band = (wanted - margin, wanted + margin)
        known = found if found.notna().sum() >= criterion["least_seeds"] else []
        checks = [mean_check("", known, band)]
        if kappa >= 1:
            checks.append(_left(rows, kappa, criterion))
        name = f"κ = {kappa:g}: {'stays' if kappa >= 1 else f'falls like n^{wanted:g}'}"
        parts.append(Part(name, MEASURE, checks))
    found = ", ".join(f"{slopes[kappa].mean():z.2f} at κ = {kappa:g}" for kappa in sorted(slopes))
    return decide(parts, f"mean exponents: {found}")


def _left(rows: pd.DataFrame, kappa: float, criterion: Mapping[str, float]) -> Check:
    """That the penalty effect at the largest width matters."""
    largest = penalty_at_largest(rows, kappa)
    where = f"n = {largest.width.max()}" if len(largest) else ""
    known = largest.share if largest.share.notna().sum() >= criterion["least_seeds"] else []
    check = mean_check(where, known, (criterion["least"], np.inf), support=NORM)
    return replace(check, measure="penalty effect over the movement")
