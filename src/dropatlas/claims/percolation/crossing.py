"""Judges of the claims on crossing probabilities: P1 and P2 (arXiv 2512.13853)."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import exact_check, no_number, share_check
from dropatlas.claims.parts import Part, decide
from dropatlas.claims.verdicts import Judgement, State
from dropatlas.percolation.effects import standard_error
from dropatlas.stats import Interval

CROSSING, CUTS = "percolation/crossing_probability", "percolation/minimum_cuts"


def _cell_name(cell: pd.Series) -> str:
    return f"p = {cell.p:g}, W = {cell.width:g}, L = {cell.depth:g}"


def agreement_with_sampling(cells: pd.DataFrame, margin: float, *, in_errors: bool = False) -> Part:
    """That masks leave a path as often as θ says: nowhere may θ be rejected, everywhere it must be met within `margin`.

    Args:
        cells: Columns p, width, depth, theta, samples and crossings, one row per cell.
        margin: Largest difference of both probabilities that is still agreement.
        in_errors: The margin is in standard errors sqrt(θ(1 - θ)/n) of the share, and so are the numbers shown; a cell
            in which it reaches 0 or 1 cannot tell and stays open.
    """
    checks, band = [], (-margin, margin)
    units = standard_error(cells) if in_errors else pd.Series(1.0, cells.index)
    for index, cell in cells.iterrows():
        where, unit = _cell_name(cell), float(units[index])
        known = np.isfinite(cell[["theta", "samples", "crossings"]].to_numpy(dtype=float)).all()
        theta = float(np.clip(cell.theta, 0, 1))  # rounding may push it out
        ends = (theta - margin * unit, theta + margin * unit)
        if not known or (in_errors and not 0 < ends[0] < ends[1] < 1):
            checks.append(no_number(where, band))
            continue
        found = share_check(where, int(cell.crossings), int(cell.samples), ends, fails_outside=(theta, theta))
        value = ((end - theta) / unit for end in (found.value.estimate, found.value.low, found.value.high))
        checks.append(replace(found, value=Interval(*value), band=band))
    return Part(
        "sampled masks agree with θ",
        f"share of masks with a path in excess of θ{', in standard errors,' if in_errors else ''}",
        checks,
        why_open="no sampled masks that can tell" if in_errors else "no sampled masks",
        notes={State.FAILS: "sampling rejects θ"},
    )


def judge_p1(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P1: theta_site = (1 - p^W)^L matches sampled masks where they can tell. Criterion: `margin`."""
    return decide(
        [agreement_with_sampling(tables[CROSSING].query("model == 'site'"), criterion["margin"], in_errors=True)]
    )


def judge_p2(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P2: the bond bounds enclose the exact chain, which matches sampling. Criterion: `margin`, `rounding`.

    Three parts: agreement with sampled masks, as in P1; no value beyond its bounds by more than rounding; and the
    chain's extinction probability equal, up to rounding, to the sum over all edge sets of small networks.
    """
    cells = tables[CROSSING].query("model == 'bond'")
    excess = np.maximum(cells.lower_bound / cells.theta - 1, 1 - cells.upper_bound / cells.theta)
    excess = excess.where(cells.theta != 0, cells.lower_bound)
    beyond = [
        exact_check(_cell_name(cell), excess[index], (-np.inf, criterion["rounding"]))
        for index, cell in cells.iterrows()
    ]
    small = tables[CUTS].dropna(subset="enumerated_extinction")
    off = (small.extinction / small.enumerated_extinction - 1).abs()
    enumerated = [
        exact_check(
            f"p = {row.p:g}, W = {row.width:g}, L = {10**row.log10_depth:.0f}",
            off[index],
            (-np.inf, criterion["rounding"]),
        )
        for index, row in small.iterrows()
    ]
    return decide(
        [
            agreement_with_sampling(cells, criterion["margin"], in_errors=True),
            Part("θ lies between its bounds", "relative excess of θ over its bounds", beyond, why_open="no bounds"),
            Part(
                "the chain is the sum over all masks",
                "relative difference of 1 − θ",
                enumerated,
                why_open="no enumerated networks",
            ),
        ]
    )
