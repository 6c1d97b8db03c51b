"""Judges of the claims on scaling laws: P3 and P4 (arXiv 2512.13853).

Each law is judged twice: without the floor (those n at which the law's width is whole) and with it, just below the n at
which the law reaches one vertex more, where the floor takes most away. At one width the threshold falls with n, so that
those at all other n lie between the two. Each threshold is judged at θ = 0.01, 1/2 and 0.99: θ over p becomes a step
only if all three go to one limit.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import ANYWHERE, exact_check, no_number
from dropatlas.claims.parts import Check, Part, decide
from dropatlas.claims.verdicts import Judgement, State
from dropatlas.percolation.effects import extrapolated_threshold
from dropatlas.percolation.settings import FLOOR, NO_FLOOR, THRESHOLD_TARGETS
from dropatlas.stats import Interval

THRESHOLDS = "percolation/finite_thresholds"
ROUNDINGS = {NO_FLOOR: "without the floor", FLOOR: "with the floor, at the worst n"}


def _trend(curve: pd.DataFrame) -> np.ndarray:
    return curve.sort_values("log10_n").threshold.to_numpy()


def _strays(distances: np.ndarray) -> bool:
    """Whether thresholds move away from their limit in the larger half of n, or stand still short of it.

    They stand still if that half closes less than a tenth of the distance left. At small n the true ones need not be
    monotone: the floor takes nearly half from a width just below 2, and at θ = 0.01 few layers are cut only at large p.
    """
    half = len(distances) // 2
    away = (np.diff(distances[half:]) > 1e-9).any()
    return bool(away or distances[-1] > max(1e-3, 0.9 * distances[half]))


def _curves(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The curves of all laws at all targets; one that was not solved is empty."""
    return [
        (f"C = {constant:g}, τ = {exponent:g}, θ = {target:g}", law[law.target == target])
        for (constant, exponent), law in rows.groupby(["constant", "exponent"])
        for target in THRESHOLD_TARGETS
    ]


def _near_limit(name: str, curve: pd.DataFrame, tolerance: float, *, far_fails: bool) -> Check:
    """That a curve of thresholds goes to its limit; its number is the distance left at the largest n.

    It fails if it strays; one that approaches but ends farther away than `tolerance` fails if `far_fails`, or else is
    open. So is one of fewer than four points, or with values that are no numbers.
    """
    values, band = _trend(curve), (-np.inf, tolerance)
    if len(values) < 4 or not np.isfinite(values).all():
        return no_number(name, band)
    limit = float(curve.limit.iloc[0])
    distances = np.abs(values - limit)
    where = f"{name}: {values[-1]:.4f} against {limit:.4f}"
    if _strays(distances):
        return replace(
            exact_check(f"{where}, not approached", distances[-1], band, len(values)), p_holds=1.0, p_fails=0.0
        )
    return exact_check(where, distances[-1], band, len(values), fails_outside=None if far_fails else ANYWHERE)


LEFT = "distance of the last threshold to its limit"


def _outer_limits(rows: pd.DataFrame, critical: float, tolerance: float) -> list[Check]:
    """That thresholds go to 0 below the critical exponent and to 1 above it; both sides are needed."""
    outer = rows[rows.exponent != critical]
    checks = [_near_limit(name, curve, tolerance, far_fails=False) for name, curve in _curves(outer)]
    sides = {"below": outer.exponent < critical, "above": outer.exponent > critical}
    return checks + [no_number(f"τ {side} {critical:g}", ANYWHERE) for side, found in sides.items() if not found.any()]


def judge_p3(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P3: thresholds of W = (C log n)^tau for dropout tend to 0, exp(-1/C), 1 for tau below, at, above 1.

    Two parts without the floor and two with it, each at all targets. At tau = 1 the last threshold must come within
    `critical_tolerance` of exp(-1/C). For other tau the thresholds must go to 0 or 1, which they approach so slowly
    that ending farther away than `outer_tolerance` only leaves it open. Thresholds that move away, or stand still short
    of their limit, fail.
    """
    parts = []
    for rounding, told in ROUNDINGS.items():
        rows = tables[THRESHOLDS].query("model == 'site' and curve == 'exact'")
        rows = rows[rows.rounding == rounding]
        critical = [
            _near_limit(name, curve, criterion["critical_tolerance"], far_fails=True)
            for name, curve in _curves(rows[rows.exponent == 1])
        ]
        outer = _outer_limits(rows, 1.0, criterion["outer_tolerance"])
        parts += [
            Part(f"thresholds go to e^(−1/C) at τ = 1, {told}", LEFT, critical),
            Part(f"thresholds go to 0 for τ < 1 and to 1 for τ > 1, {told}", LEFT, outer),
        ]
    return decide(parts)


def _extrapolated(name: str, curve: pd.DataFrame, tolerance: float) -> Check:
    """That thresholds extrapolate to their limit; all fits beyond `tolerance`, or a curve that strays, fail."""
    fit, low, high = extrapolated_threshold(curve)
    band = (-np.inf, tolerance)
    if np.isnan(fit):
        return no_number(name, band)
    limit = float(curve.limit.iloc[0])
    strays = _strays(np.abs(_trend(curve) - limit))
    nearest, farthest = max(low - limit, limit - high, 0.0), max(high - limit, limit - low)
    where = f"{name}: {fit:.4f} against {limit:.4f}{', not approached' if strays else ''}"
    holds, fails = farthest <= tolerance and not strays, nearest > tolerance or strays
    value = Interval(abs(fit - limit), nearest, farthest)
    return Check(where, value, band, len(curve), float(not holds), float(not fails))


def _gap_is_seen(rows: pd.DataFrame) -> bool:
    """Whether the thresholds of the published lower bound fall in the gap 1/2 < tau < 1, as far as they were solved."""
    gap = rows.query("curve == 'lower bound' and 0.5 < exponent < 1")
    halves = [_trend(curve)[len(curve) // 2 :] for _, curve in _curves(gap)]
    return bool(halves) and all(len(half) > 1 and bool((np.diff(half) < 0).all()) for half in halves)


def judge_p4(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P4 (ours): for dropconnect the thresholds tend to 0, exp(-1/C), 1 for tau below, at, above 1/2.

    Two parts without the floor and two with it, each at all targets. At tau = 1/2 the finite-width correction falls
    only like 1/W, so the threshold is extrapolated to infinite width: all of six fits within `critical_tolerance` of
    e^(−1/C) hold, all beyond it fail, and so do thresholds that move away. For other tau they must go to 0 or 1, as in
    P3 (`outer_tolerance`); the published bounds must leave the gap 1/2 < tau < 1, in which the thresholds of the lower
    bound fall, or else the part without the floor is open.
    """
    rows = tables[THRESHOLDS].query("model == 'bond'")
    extrapolation = "distance of the extrapolated threshold to its limit (range over six fits)"
    parts = []
    for rounding, told in ROUNDINGS.items():
        exact = rows[(rows.curve == "exact") & (rows.rounding == rounding)]
        critical = [
            _extrapolated(name, curve, criterion["critical_tolerance"])
            for name, curve in _curves(exact[exact.exponent == 0.5])
        ]
        outer, notes = _outer_limits(exact, 0.5, criterion["outer_tolerance"]), {}
        if rounding == NO_FLOOR:
            notes = {State.HOLDS: "while those of the lower bound fall for 1/2 < τ < 1"}
            if not _gap_is_seen(rows):
                outer.append(no_number("a gap of the published bounds in 1/2 < τ < 1", ANYWHERE))
        parts += [
            Part(f"thresholds go to e^(−1/C) at τ = 1/2, {told}", extrapolation, critical),
            Part(f"thresholds go to 0 for τ < 1/2 and to 1 for τ > 1/2, {told}", LEFT, outer, notes=notes),
        ]
    return decide(parts)
