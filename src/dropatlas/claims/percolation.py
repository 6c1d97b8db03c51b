"""Judges of the percolation claims P1-P4 (arXiv 2512.13853)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dropatlas.claims.verdicts import VERDICTS, Judgement, Verdict, conjunction, side_of, undecided
from dropatlas.stats import binomial_interval, holm

CROSSING = "percolation/crossing_probability"
THRESHOLDS = "percolation/finite_thresholds"


def agreement_with_sampling(cells: pd.DataFrame, criterion: Mapping[str, float]) -> Judgement:
    """Compare θ with sampled masks over all cells.

    Refuted if an exact binomial test, Holm-corrected over the cells, rejects θ anywhere at level `alpha`; confirmed if
    simultaneous 95 % intervals keep every cell within `margin` of θ; else, or where a cell holds no numbers, undecided.

    Args:
        cells: Columns p, width, depth, theta, samples, crossings and p_value (of the hypothesis θ), one row per cell.
        criterion: `alpha`, `margin`.
    """
    measure = "largest |sampled − θ| over the grid"
    known = cells[np.isfinite(cells[["theta", "samples", "crossings", "p_value"]]).all(axis=1)]
    if known.empty:
        return undecided(measure, 0, "no cell with sampled masks")
    intervals = [
        binomial_interval(row.crossings, row.samples, confidence=1 - 0.05 / len(known)) for row in known.itertuples()
    ]
    low, high = (np.array([getattr(interval, end) for interval in intervals]) for end in ("low", "high"))
    theta = known.theta.to_numpy()
    deviation = np.abs(known.crossings / known.samples - theta).to_numpy()
    bound = float(np.maximum(theta - low, high - theta).max())
    nearest = float(np.maximum(low - theta, theta - high).clip(0).max())
    p_values = holm(known.p_value.to_numpy())
    if p_values.min() < criterion["alpha"]:
        verdict = Verdict.NOT_REPRODUCED
        worst, off = known.iloc[int(np.argmin(p_values))], deviation[np.argmin(p_values)]
        reason = (
            f"sampling rejects θ (Holm-adjusted p-value {p_values.min():.2g} < {criterion['alpha']:g}): at p = "
            f"{worst.p:g}, W = {worst.width:g}, L = {worst.depth:g} {int(worst.crossings)} of {int(worst.samples)} "
            f"masks cross, θ = {worst.theta:.4g}, which is {off:.2g} off"
        )
    elif len(known) < len(cells):
        verdict = Verdict.INCONCLUSIVE
        reason = f"{len(cells) - len(known)} of {len(cells)} cells hold no numbers, the others do not contradict θ"
    elif bound <= criterion["margin"]:
        verdict = Verdict.REPRODUCED
        reason = (
            f"sampled masks and θ differ by at most {bound:.4f} ({criterion['margin']:g} allowed; simultaneous 95 % "
            f"confidence) in all {len(cells)} cells, largest deviation seen {deviation.max():.4f}"
        )
    else:
        verdict = Verdict.INCONCLUSIVE
        reason = (
            f"no cell contradicts θ, but {int(cells.samples.min())} masks a cell bound the deviation only by "
            f"{bound:.4f} ({criterion['margin']:g} allowed)"
        )
    return Judgement(verdict, measure, float(deviation.max()), nearest, bound, int(known.samples.sum()), reason)


def judge_site_formula(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P1: theta_site = (1 - p^W)^L matches sampled masks over the grid. Criterion: `alpha`, `margin`."""
    return agreement_with_sampling(tables[CROSSING].query("model == 'site'"), criterion)


def _between_bounds(cells: pd.DataFrame, rounding: float) -> Judgement:
    """Whether θ lies between the published bounds, but for a relative excess of `rounding`; a computation."""
    excess = np.maximum(cells.lower_bound / cells.theta - 1, 1 - cells.upper_bound / cells.theta)
    excess = excess.where(cells.theta > 0, cells.lower_bound)
    known = excess[np.isfinite(excess)]
    measure = "largest relative excess of θ over its bounds"
    if known.empty:
        return undecided(measure, 0, "no cell with bounds")
    largest = float(known.max())
    worst = cells.loc[known.idxmax()]
    if largest > rounding:
        verdict = Verdict.NOT_REPRODUCED
        reason = (
            f"{int((known > rounding).sum())} of {len(cells)} exact values leave the bounds: at p = {worst.p:g}, W = "
            f"{worst.width}, L = {worst.depth} θ = {worst.theta:.6g} lies outside [{worst.lower_bound:.6g}, "
            f"{worst.upper_bound:.6g}]"
        )
    elif len(known) < len(cells):
        verdict, reason = Verdict.INCONCLUSIVE, f"{len(cells) - len(known)} of {len(cells)} cells have no bounds"
    else:
        verdict, reason = Verdict.REPRODUCED, f"the exact value lies between the bounds in all {len(cells)} cells"
    return Judgement(verdict, measure, largest, largest, largest, len(known), reason)


def judge_bond_bounds_and_chain(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P2: the bond bounds enclose the exact chain, which matches sampling. Criterion: `alpha`, `margin`, `rounding`.

    Two parts: agreement with sampled masks, as in P1, and no value beyond its bounds by more than rounding.
    """
    cells = tables[CROSSING].query("model == 'bond'")
    return conjunction([agreement_with_sampling(cells, criterion), _between_bounds(cells, criterion["rounding"])])


@dataclass(frozen=True)
class _Curve:
    """One curve of thresholds: +1 it goes to its limit, -1 it does not, 0 that cannot be told."""

    side: int
    distance: float
    text: str


def _trend(curve: pd.DataFrame) -> np.ndarray:
    return curve.sort_values("log10_n").half_probability.to_numpy()


def _curves(rows: pd.DataFrame, tolerance: float, beyond: int) -> list[_Curve]:
    """Whether curves of thresholds go to their limits.

    A curve fails if it moves away anywhere, or stands still short of its limit: the second half of it closes less than
    a tenth of the distance left. One that approaches but ends farther away than `tolerance` gets the side `beyond`;
    one of fewer than four points, or with values that are no numbers, is open.
    """
    found = []
    for (constant, exponent), curve in rows.groupby(["constant", "exponent"]):
        values, limit = _trend(curve), float(curve.limit.iloc[0])
        distances = np.abs(values - limit)
        if len(distances) < 4 or not np.isfinite(distances).all():
            side = 0
        elif (np.diff(distances) > 1e-9).any() or distances[-1] > max(1e-3, 0.9 * distances[len(distances) // 2]):
            side = -1
        else:
            side = 1 if distances[-1] <= tolerance else beyond
        text = f"C = {constant:g}, τ = {exponent:g}: {values[-1]:.4f} against {limit:.4f}"
        found.append(_Curve(side, float(distances[-1]), text))
    return found


def _approach(curves: Sequence[_Curve], where: str, tolerance: float, n: int) -> Judgement:
    """Whether all curves go to their limits; the number is the worst distance left at the largest n."""
    measure = f"distance of the last threshold to its limit {where}"
    if not curves:
        return undecided(measure, 0, f"no thresholds {where}")
    side = min(curve.side for curve in curves)
    shown = [curve for curve in curves if curve.side == side]
    largest = max(curve.distance for curve in shown)
    names = "; ".join(curve.text for curve in shown)
    few = f"{len(shown)} of {len(curves)} curves"
    reason = {
        1: f"thresholds end within {largest:.2g} of their limits {where} ({tolerance:g} allowed)",
        0: f"{few} are too short, or end too far from their limits, to tell {where} ({names})",
        -1: f"thresholds end up to {largest:.2g} away and do not go to their limits {where} ({names})",
    }[side]
    return Judgement(VERDICTS[side], measure, largest, largest, largest, n, reason)


def _outer_limits(rows: pd.DataFrame, critical: float, tolerance: float) -> Judgement:
    """Whether thresholds go to 0 below the critical exponent and to 1 above it."""
    outer = rows[rows.exponent != critical]
    where = f"for τ below and above {critical:g}"
    found = _approach(_curves(outer, tolerance, beyond=0), where, tolerance, len(outer))
    both_sides = (outer.exponent < critical).any() and (outer.exponent > critical).any()
    if side_of(found) == 1 and not both_sides:
        return undecided(found.measure, len(outer), f"thresholds are needed on both sides of τ = {critical:g}")
    return found


def judge_site_trichotomy(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P3: thresholds of W = (C log n)^tau for dropout tend to 0, exp(-1/C), 1 for tau below, at, above 1.

    Two parts. At tau = 1 the last threshold must come within `critical_tolerance` of exp(-1/C). For other tau the
    thresholds must go to 0 or 1, which they approach so slowly that ending farther away than `outer_tolerance` only
    leaves it open. Thresholds that move away, or stand still short of their limit, refute their part.
    """
    rows = tables[THRESHOLDS].query("model == 'site' and curve == 'exact'")
    critical, tolerance = rows[rows.exponent == 1], criterion["critical_tolerance"]
    parts = [
        _approach(_curves(critical, tolerance, beyond=-1), "e^(−1/C) at τ = 1", tolerance, len(critical)),
        _outer_limits(rows, 1.0, criterion["outer_tolerance"]),
    ]
    return conjunction(parts)


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


@dataclass(frozen=True)
class _Extrapolation:
    """Threshold of one constant C at infinite width: distance to its limit, and its range over the fits."""

    side: int
    distance: float
    nearest: float
    farthest: float
    text: str


def _extrapolation(constant: float, curve: pd.DataFrame, tolerance: float) -> _Extrapolation:
    fit, low, high = _extrapolations(curve)
    limit = float(curve.limit.iloc[0])
    nearest, farthest = max(low - limit, limit - high, 0.0), max(high - limit, limit - low)
    side = 0 if np.isnan(fit) else (-1 if nearest > tolerance else int(farthest <= tolerance))
    text = f"C = {constant:g}: {fit:.4f} [{low:.4f}, {high:.4f}] against {limit:.4f}"
    return _Extrapolation(side, abs(fit - limit), nearest, farthest, text)


def _extrapolated(critical: pd.DataFrame, tolerance: float) -> Judgement:
    """Whether thresholds extrapolate to exp(-1/C): all fits within `tolerance` confirm, all beyond it refute."""
    found = [_extrapolation(constant, curve, tolerance) for constant, curve in critical.groupby("constant")]
    measure = "distance of the extrapolated threshold to e^(−1/C) at τ = 1/2 (range over nine fits)"
    if not found:
        return undecided(measure, 0, "no thresholds at τ = 1/2")
    worst = min(found, key=lambda one: (one.side, -one.farthest))
    if np.isnan(worst.distance):
        return undecided(measure, len(critical), "thresholds at τ = 1/2 are too few, or no numbers, to extrapolate")
    verb = {1: "reach", 0: "may miss", -1: "miss"}[worst.side]
    reason = (
        f"{worst.distance:.2g} from e^(−1/C) ends the extrapolation at τ = 1/2, {worst.nearest:.2g} to "
        f"{worst.farthest:.2g} over nine fits ({tolerance:g} allowed), so thresholds {verb} it "
        f"({'; '.join(one.text for one in found)})"
    )
    return Judgement(
        VERDICTS[worst.side], measure, worst.distance, worst.nearest, worst.farthest, len(critical), reason
    )


def _gap_is_seen(rows: pd.DataFrame) -> bool:
    """Whether the thresholds of the published lower bound fall in the gap 1/2 < tau < 1, as far as they were solved."""
    gap = rows.query("curve == 'lower bound' and 0.5 < exponent < 1")
    halves = [_trend(curve)[len(curve) // 2 :] for _, curve in gap.groupby(["constant", "exponent"])]
    return bool(halves) and all(len(half) > 1 and bool((np.diff(half) < 0).all()) for half in halves)


def judge_bond_gap_closes(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P4 (ours): for dropconnect the thresholds tend to 0, exp(-1/C), 1 for tau below, at, above 1/2.

    Two parts. At tau = 1/2 the finite-width correction falls only like 1/W, so the threshold is extrapolated to
    infinite width: all of nine fits within `critical_tolerance` of e^(−1/C) confirm, all beyond it refute, and so do
    thresholds that move away. For other tau they must go to 0 or 1, as in P3 (`outer_tolerance`); the published bounds
    must leave the gap 1/2 < tau < 1, in which the thresholds of the lower bound fall, or else this part is open.
    """
    rows = tables[THRESHOLDS].query("model == 'bond'")
    exact = rows.query("curve == 'exact'")
    critical, tolerance = exact[exact.exponent == 0.5], criterion["critical_tolerance"]
    trend = _approach(_curves(critical, np.inf, beyond=0), "e^(−1/C) at τ = 1/2", tolerance, len(critical))
    limits = _outer_limits(exact, 0.5, criterion["outer_tolerance"])
    if side_of(limits) == 1:
        if _gap_is_seen(rows):
            limits = replace(limits, reason=f"{limits.reason}, while those of the lower bound fall for 1/2 < τ < 1")
        else:
            limits = undecided(limits.measure, len(exact), "no gap of the published bounds was seen in 1/2 < τ < 1")
    return conjunction([min(_extrapolated(critical, tolerance), trend, key=side_of), limits])
