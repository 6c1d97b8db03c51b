"""Judges of deeper networks, M10 (several hidden layers) and M14 (residual), arXiv 2510.07554; intervals over seeds."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import mean_check, no_number
from dropatlas.claims.parts import Check, Part, decide, one_part_open
from dropatlas.claims.verdicts import Judgement
from dropatlas.phases.exponents import depth_slopes, mean_exponent, plateau_shares, seed_slopes
from dropatlas.phases.widest import of_widest

DEPTH = "phases/depth"
RESIDUAL = "phases/residual"

EXPONENT = -0.5  # of the distance of RaM to dropout, in n and, with 1/L on every branch, in L

NEARER = "exponent in n of the RMS distance of RaM to dropout"
LASTS = "share of the squared distance of no dropout at the largest width that lasts as n → ∞"
RAM_LASTS = "share of the squared distance of RaM at the largest width that lasts as n → ∞, three largest widths,"
UNLEARNED = "networks without dropout do not learn"


def judge_m10(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M10: at every depth L > 1 the distance dropout-RaM falls like n^(-1/2), and no dropout stays away.

    After the last step, one part per depth, by the rule of the two-layer case: the exponent fitted per seed lies within
    `margin` of -1/2; as n → ∞ (d² = D² + c/n) at most the share `plateau` is left of the squared distance of RaM, over
    the three largest widths, and at least as much of that of no dropout. A depth where networks without dropout do not
    learn (risk above `learned` of that at the start at some width) stays open. The two-layer network, which they
    extend, is told beside.
    """
    rows = tables[DEPTH]
    final = rows[rows.step == rows.step.max()]
    parts = []
    for depth, part in final[final.depth > 1].groupby("depth"):
        checks = [*_nearer("", part, criterion), _lasts("", part, criterion)] if _learned(part, criterion) else []
        parts.append(Part(f"L = {depth}", NEARER, checks, why_open=UNLEARNED if not checks else "too few seeds"))
    if not parts:
        return one_part_open("L > 1", NEARER, "no network with several hidden layers was run")
    flat = final[(final.depth == 1) & (final.variant == "ram")]
    told = mean_exponent(seed_slopes(flat, "distance")) if len(flat) else None
    return decide(parts, f"two-layer network: exponent {told:z.2f}" if told else "")


def judge_m14(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M14: in residual networks dropout comes nearer to RaM with the width and with the depth; no dropout does not.

    Four parts. With a factor 1/L on every branch: at every depth the exponent in n of the distance of RaM lies within
    `margin` of -1/2, and at most the share `plateau` of its square is left as n → ∞ (three largest widths); from depth
    `deep` on so does its exponent in L, of the distance over that of no dropout (mean over widths); of the squared
    distance of no dropout at least `plateau` is left as n → ∞. Without the factor the exponent in L is above 0.
    A depth where networks without dropout do not learn at some width has no number, nor has an exponent in L over it.
    """
    rows = tables[RESIDUAL]
    scaled, bare = rows[rows.branch_exponent == 1], rows[rows.branch_exponent == 0]
    near, last = [], []
    for depth, part in scaled.groupby("depth"):
        where, learned = f"L = {depth}", _learned(part, criterion)
        near.extend(_nearer(where, part, criterion) if learned else [no_number(where, _around(criterion))])
        last.append(_lasts(where, part, criterion) if learned else no_number(where, (criterion["plateau"], np.inf)))
    why = "networks without dropout do not learn at some depth, or there are too few seeds or depths"
    over = "exponent in L of the RMS distance of RaM to dropout over that of no dropout"
    deep = scaled[scaled.depth >= criterion["deep"]]
    deeper, farther = _deeper(deep, _around(criterion), criterion), _deeper(bare, (0.0, np.inf), criterion)
    return decide(
        [
            Part("RaM comes nearer with the width", NEARER, near, why_open=why),
            Part("RaM comes nearer with the depth", over, deeper, why_open=why),
            Part("no dropout stays away", LASTS, last, why_open=why),
            Part("without 1/L RaM moves away with the depth", over, farther, why_open=why),
        ]
    )


def _around(criterion: Mapping[str, float]) -> tuple[float, float]:
    return EXPONENT - criterion["margin"], EXPONENT + criterion["margin"]


def _learned(part: pd.DataFrame, criterion: Mapping[str, float]) -> bool:
    """Whether networks without dropout (median over seeds) learn at every depth and width."""
    risks = part[part.variant == "none"].groupby(["depth", "width"]).risk_ratio.median()
    return bool(len(risks)) and bool((risks <= criterion["learned"]).all())


def _nearer(where: str, part: pd.DataFrame, criterion: Mapping[str, float]) -> list[Check]:
    """Exponent in n of the distance of RaM at one depth, and what is left of it, which an exponent cannot tell."""
    ram = part[part.variant == "ram"]
    left = mean_check(where, plateau_shares(of_widest(ram), "distance"), (-np.inf, criterion["plateau"]))
    return [mean_check(where, seed_slopes(ram, "distance"), _around(criterion)), replace(left, measure=RAM_LASTS)]


def _lasts(where: str, part: pd.DataFrame, criterion: Mapping[str, float]) -> Check:
    """What is left of the distance of no dropout at one depth."""
    shares = plateau_shares(part[part.variant == "none"], "distance")
    check = mean_check(where, shares, (criterion["plateau"], np.inf))
    return check if where else replace(check, measure=LASTS)


def _deeper(rows: pd.DataFrame, band: tuple[float, float], criterion: Mapping[str, float]) -> list[Check]:
    """Exponent in L of the distance of RaM relative to that of no dropout."""
    return [mean_check("", depth_slopes(rows), band)] if _learned(rows, criterion) else []
