"""Judges of the percolation claims P1-P4 (arXiv 2512.13853)."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import ANYWHERE, exact_check, no_number, share_check
from dropatlas.claims.parts import Check, Part, decide
from dropatlas.claims.verdicts import Judgement, State
from dropatlas.stats import Interval

CROSSING = "percolation/crossing_probability"
THRESHOLDS = "percolation/finite_thresholds"


def _cell_name(cell: pd.Series) -> str:
    return f"p = {cell.p:g}, W = {cell.width:g}, L = {cell.depth:g}"


def agreement_with_sampling(cells: pd.DataFrame, margin: float) -> Part:
    """That masks leave a path as often as θ says: nowhere may θ be rejected, everywhere it must be met within `margin`.

    Args:
        cells: Columns p, width, depth, theta, samples and crossings, one row per cell.
        margin: Largest difference of both probabilities that is still agreement.
    """
    checks = []
    for _, cell in cells.iterrows():
        where, band = _cell_name(cell), (-margin, margin)
        if not np.isfinite(cell[["theta", "samples", "crossings"]].to_numpy(dtype=float)).all():
            checks.append(no_number(where, band))
            continue
        theta = float(np.clip(cell.theta, 0, 1))  # rounding may push it out
        found = share_check(
            where,
            int(cell.crossings),
            int(cell.samples),
            (theta - margin, theta + margin),
            fails_outside=(theta, theta),
        )
        ends = (found.value.estimate - theta, found.value.low - theta, found.value.high - theta)
        checks.append(replace(found, value=Interval(*ends), band=band))
    return Part(
        "sampled masks agree with θ",
        "share of masks with a path in excess of θ",
        checks,
        why_open="no sampled masks",
        notes={State.FAILS: "sampling rejects θ"},
    )


def judge_p1(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P1: theta_site = (1 - p^W)^L matches sampled masks over the grid. Criterion: `margin`."""
    return decide([agreement_with_sampling(tables[CROSSING].query("model == 'site'"), criterion["margin"])])


def judge_p2(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P2: the bond bounds enclose the exact chain, which matches sampling. Criterion: `margin`, `rounding`.

    Two parts: agreement with sampled masks, as in P1, and no value beyond its bounds by more than rounding.
    """
    cells = tables[CROSSING].query("model == 'bond'")
    excess = np.maximum(cells.lower_bound / cells.theta - 1, 1 - cells.upper_bound / cells.theta)
    excess = excess.where(cells.theta != 0, cells.lower_bound)
    beyond = [
        exact_check(_cell_name(cell), excess[index], (-np.inf, criterion["rounding"]))
        for index, cell in cells.iterrows()
    ]
    bounds = Part("θ lies between its bounds", "relative excess of θ over its bounds", beyond, why_open="no bounds")
    return decide([agreement_with_sampling(cells, criterion["margin"]), bounds])


def _trend(curve: pd.DataFrame) -> np.ndarray:
    return curve.sort_values("log10_n").half_probability.to_numpy()


def _strays(distances: np.ndarray) -> bool:
    """Whether thresholds move away from their limit anywhere, or stand still short of it.

    They stand still if the second half of the curve closes less than a tenth of the distance left.
    """
    away, middle = (np.diff(distances) > 1e-9).any(), distances[len(distances) // 2]
    return bool(away or distances[-1] > max(1e-3, 0.9 * middle))


def _curves(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    groups = rows.groupby(["constant", "exponent"])
    return [(f"C = {constant:g}, τ = {exponent:g}", curve) for (constant, exponent), curve in groups]


def _near_limit(name: str, curve: pd.DataFrame, tolerance: float, *, far_fails: bool) -> Check:
    """That a curve of thresholds goes to its limit; its number is the distance left at the largest n.

    It fails if it strays; one that approaches but ends farther away than `tolerance` fails if `far_fails`, or else is
    open. So is one of fewer than four points, or with values that are no numbers.
    """
    values, limit = _trend(curve), float(curve.limit.iloc[0])
    distances, band = np.abs(values - limit), (-np.inf, tolerance)
    if len(distances) < 4 or not np.isfinite(distances).all():
        return no_number(name, band)
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

    Two parts. At tau = 1 the last threshold must come within `critical_tolerance` of exp(-1/C). For other tau the
    thresholds must go to 0 or 1, which they approach so slowly that ending farther away than `outer_tolerance` only
    leaves it open. Thresholds that move away, or stand still short of their limit, fail their part.
    """
    rows = tables[THRESHOLDS].query("model == 'site' and curve == 'exact'")
    critical = [
        _near_limit(name, curve, criterion["critical_tolerance"], far_fails=True)
        for name, curve in _curves(rows[rows.exponent == 1])
    ]
    outer = _outer_limits(rows, 1.0, criterion["outer_tolerance"])
    return decide(
        [
            Part("thresholds go to e^(−1/C) at τ = 1", LEFT, critical),
            Part("thresholds go to 0 for τ < 1 and to 1 for τ > 1", LEFT, outer),
        ]
    )


def _extrapolations(curve: pd.DataFrame) -> tuple[float, float, float]:
    """Threshold as W -> infinity: intercept of log p against 1/W, with its spread over reasonable fits.

    Returns:
        The quadratic fit over the wider half of the widths; the lowest and the highest of the fits of degree 1 to 3
        over the wider quarter, half and three quarters. NaN with fewer than 8 widths, or values without a logarithm.
    """
    curve = curve.sort_values("width")
    if len(curve) < 8 or not (np.isfinite(curve.half_probability) & (curve.half_probability > 0)).all():
        return np.nan, np.nan, np.nan

    def intercept(degree: int, share: float) -> float:
        wide = curve.tail(max(degree + 2, int(len(curve) * share)))
        return float(
            np.exp(np.polyfit(1 / wide.width.to_numpy(), np.log(wide.half_probability.to_numpy()), degree)[-1])
        )

    fits = [intercept(degree, share) for degree in (1, 2, 3) for share in (0.25, 0.5, 0.75)]
    return intercept(2, 0.5), min(fits), max(fits)


def _extrapolated(name: str, curve: pd.DataFrame, tolerance: float) -> Check:
    """That thresholds extrapolate to their limit; all fits beyond `tolerance`, or a curve that strays, fail."""
    fit, low, high = _extrapolations(curve)
    limit, band = float(curve.limit.iloc[0]), (-np.inf, tolerance)
    if np.isnan(fit):
        return no_number(name, band)
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

    Two parts. At tau = 1/2 the finite-width correction falls only like 1/W, so the threshold is extrapolated to
    infinite width: all of nine fits within `critical_tolerance` of e^(−1/C) hold, all beyond it fail, and so do
    thresholds that move away. For other tau they must go to 0 or 1, as in P3 (`outer_tolerance`); the published bounds
    must leave the gap 1/2 < tau < 1, in which the thresholds of the lower bound fall, or else this part is open.
    """
    rows = tables[THRESHOLDS].query("model == 'bond'")
    exact = rows.query("curve == 'exact'")
    critical = [
        _extrapolated(name, curve, criterion["critical_tolerance"])
        for name, curve in _curves(exact[exact.exponent == 0.5])
    ]
    outer = _outer_limits(exact, 0.5, criterion["outer_tolerance"])
    if not _gap_is_seen(rows):
        outer.append(no_number("a gap of the published bounds in 1/2 < τ < 1", ANYWHERE))
    extrapolation = "distance of the extrapolated threshold to its limit (range over nine fits)"
    return decide(
        [
            Part("thresholds go to e^(−1/C) at τ = 1/2", extrapolation, critical),
            Part(
                "thresholds go to 0 for τ < 1/2 and to 1 for τ > 1/2",
                LEFT,
                outer,
                notes={State.HOLDS: "while those of the lower bound fall for 1/2 < τ < 1"},
            ),
        ]
    )
