"""Judges of training collapse (arXiv 2512.13853, Section V), P10: modified dropout."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import never_check, ratio_check, share_check
from dropatlas.claims.parts import Check, Part, decide
from dropatlas.claims.verdicts import Judgement
from dropatlas.collapse.effects import PAIR, equal_pairs, modified_leads, settled_pairs, why_undecidable
from dropatlas.collapse.variants import MODIFIED

VARIANTS = "collapse/variants"


def _equality(rows: pd.DataFrame, margin: float) -> Part:
    """That dropout, every step computed, and modified dropout end equal without biases, in networks met by a cut."""
    pairs = [(plain, equal_pairs(rows, plain)) for plain in MODIFIED]
    together = pd.concat([found for _, found in pairs])
    met = together[together.cut]
    checks = [never_check("", int(met.differs.sum()), len(met), max(len(met), 1))] if len(met) else []
    for plain, found in pairs:
        for (depth, width, p), cell in found.groupby(["depth", "width", "cell_drop_rate"]):
            alike = cell.groupby("seed").first()  # learning rates share masks
            theta, where = alike.theta.iloc[0], f"control: {plain}, L = {depth}, W = {width}, p = {p:g}"
            band = (theta * (1 - margin), min(1.0, theta * (1 + margin)))
            share = share_check(where, int(alike.crossed.sum()), int(alike.steps.sum()), band)
            checks.append(replace(share, measure="share of steps with a path"))
    return Part(
        "modified dropout is the same without biases",
        "share of networks whose final loss or weights differ",
        checks if len(met) else [],
        why_open="no pair of networks without biases that met a step without a path",
    )


def judge_p10(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P10: modified dropout equals dropout without biases, and is better than it at the plateau with biases.

    The number with biases is the share of dropout's cost that modified dropout saves: (dropout - modified) over
    (dropout - none), mean losses over the last half of the run, Fieller over seeds. Three parts. Without biases no pair
    may differ in any bit of loss or movement, and (a control) masks must have a path as often as θ says, up to
    `margin`. With biases the share saved must be positive in every cell, and fails where it is clearly below `least`;
    and it must be at least `matters`. Cells decide nothing where the control does not learn, dropout costs no more than
    `least_cost`, or the loss is not at its plateau: the mean of the quarter before within `flat` of that cost.
    """
    rows = tables[VARIANTS]
    better: list[Check] = []
    much: list[Check] = []
    left_out: list[str] = []
    for plain in MODIFIED:
        pairs = settled_pairs(rows, plain)
        for (depth, width, p, rate), cell in pairs.groupby(PAIR):
            if why := why_undecidable(cell, criterion):
                left_out.append(why)
                continue
            name = f"{plain}, L = {depth}, W = {width}, p = {p:g}, α = {rate:g}"
            shares = (cell.late_plain - cell.late_modified, cell.late_plain - cell.late_none)
            better.append(ratio_check(name, *shares, (0.0, np.inf), fails_outside=(criterion["least"], np.inf)))
            much.append(ratio_check(name, *shares, (criterion["matters"], np.inf)))
    reasons = ", ".join(f"{why} ({left_out.count(why)})" for why in dict.fromkeys(left_out))
    measure, none = "share of dropout's cost that modified dropout saves", f"no cell that can tell: {reasons or 'none'}"
    told = [f"{len(left_out)} of {len(left_out) + len(better)} cells cannot tell: {reasons}"] if left_out else []
    leads = modified_leads(rows).groupby(["plain", *PAIR, "step"]).difference.mean()
    if len(leads) and leads.max() > 0:
        told.append(f"on the way dropout leads by up to {leads.max():.2g} (after {leads.idxmax()[-1]} steps)")
    return decide(
        [
            _equality(rows, criterion["margin"]),
            Part("modified dropout is better at the plateau with biases", measure, better, ".1%", why_open=none),
            Part("by an amount that matters", measure, much, ".1%", why_open=none),
        ],
        "; ".join(told),
    )
