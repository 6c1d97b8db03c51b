"""Judges of the percolation claims P1-P4 (arXiv 2512.13853)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dropatlas.claims.verdicts import Judgement, Verdict
from dropatlas.stats import binomial_interval, holm

CROSSING = "percolation/crossing_probability"
THRESHOLDS = "percolation/finite_thresholds"


def _agreement_with_sampling(cells: pd.DataFrame, criterion: Mapping[str, float]) -> Judgement:
    """Compare theta with sampled masks over all cells.

    Refuted if an exact binomial test, Holm-corrected over the cells, rejects theta anywhere at level `alpha`;
    confirmed if simultaneous 95 % intervals keep every cell within `margin` of theta; else undecided.
    """
    p_values = holm(cells.p_value.to_numpy())
    simultaneous = [
        binomial_interval(row.crossings, row.samples, confidence=1 - 0.05 / len(cells)) for row in cells.itertuples()
    ]
    theta = cells.theta.to_numpy()
    deviation = np.abs(cells.estimate.to_numpy() - theta)
    bound = max(
        max(abs(interval.low - value), abs(interval.high - value))
        for interval, value in zip(simultaneous, theta, strict=True)
    )
    worst = cells.iloc[int(np.argmin(p_values))]
    if not p_values.min() >= criterion["alpha"]:  # NaN is no agreement
        verdict = Verdict.NOT_REPRODUCED
        reason = (
            f"sampling rejects θ at p={worst.p:g}, W={worst.width}, L={worst.depth}: {worst.crossings} of "
            f"{worst.samples} masks cross, θ = {worst.theta:.4g} (Holm-adjusted p-value {p_values.min():.2g})"
        )
    elif bound <= criterion["margin"]:
        verdict = Verdict.REPRODUCED
        reason = (
            f"all {len(cells)} cells agree with sampled masks: largest deviation {deviation.max():.4f}, with "
            f"simultaneous 95 % confidence at most {bound:.4f} anywhere"
        )
    else:
        verdict = Verdict.INCONCLUSIVE
        reason = (
            f"no cell contradicts θ, but {int(cells.samples.min())} masks a cell bound the deviation only by "
            f"{bound:.4f} > {criterion['margin']:g}"
        )
    measure = "largest |sampled − θ| over the grid"
    return Judgement(verdict, measure, float(deviation.max()), 0.0, float(bound), int(cells.samples.sum()), reason)


def judge_site_formula(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P1: theta_site = (1 - p^W)^L matches sampled masks over the grid. Criterion: `alpha`, `margin`."""
    cells = tables[CROSSING].query("model == 'site'")
    return _agreement_with_sampling(cells, criterion)


def judge_bond_bounds_and_chain(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P2: the bond bounds enclose the exact chain, which matches sampling. Criterion: `alpha`, `margin`, `rounding`."""
    cells = tables[CROSSING].query("model == 'bond'")
    agreement = _agreement_with_sampling(cells, criterion)
    excess = np.maximum(cells.lower_bound / cells.theta - 1, 1 - cells.upper_bound / cells.theta)
    excess = excess.where(cells.theta > 0, cells.lower_bound)
    if not excess.max() <= criterion["rounding"]:
        worst = cells.loc[excess.idxmax()]
        return Judgement(
            Verdict.NOT_REPRODUCED,
            "largest relative violation of the bounds",
            float(excess.max()),
            float(excess.max()),
            float(excess.max()),
            len(cells),
            f"at p={worst.p:g}, W={worst.width}, L={worst.depth} θ = {worst.theta:.6g} lies outside "
            f"[{worst.lower_bound:.6g}, {worst.upper_bound:.6g}]",
        )
    return Judgement(
        agreement.verdict,
        agreement.measure,
        agreement.effect,
        agreement.low,
        agreement.high,
        agreement.n,
        f"the exact value lies between the bounds in all {len(cells)} cells; {agreement.reason}",
    )


def _trend(curve: pd.DataFrame) -> np.ndarray:
    return curve.sort_values("log10_n").half_probability.to_numpy()


def _approach(rows: pd.DataFrame, outer_tolerance: float) -> tuple[list[str], list[str]]:
    """Curves of thresholds that do not go to their limit, and those that do but are still far.

    A curve fails if it moves away anywhere, or stands still short of its limit: the second half of it closes less than
    a tenth of the distance left.
    """
    failed, far = [], []
    for (constant, exponent), curve in rows.groupby(["constant", "exponent"]):
        values, limit = _trend(curve), float(curve.limit.iloc[0])
        distances = np.abs(values - limit)
        moves_away = not (np.diff(distances) <= 1e-9).all()
        stands_still = distances[-1] > 1e-3 and distances[-1] > 0.9 * distances[len(distances) // 2]
        shown = f"C={constant:g}, τ={exponent:g}: {values[-1]:.4f} against {limit:.4f}"
        if moves_away or stands_still:
            failed.append(shown)
        elif distances[-1] > outer_tolerance:
            far.append(shown)
    return failed, far


def judge_site_trichotomy(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P3: thresholds of W = (C log n)^tau for dropout tend to 0, exp(-1/C), 1 for tau below, at, above 1.

    Criterion: `critical_tolerance` (distance to exp(-1/C) at the largest n), `outer_tolerance` (distance to 0 or 1,
    which is approached so slowly that more only makes the verdict "partly").
    """
    rows = tables[THRESHOLDS].query("model == 'site' and curve == 'exact'")
    critical = rows.query("exponent == 1").sort_values("log10_n").groupby("constant").last()
    largest = float((critical.half_probability - critical.limit).abs().max())
    failed, far = _approach(rows, criterion["outer_tolerance"])
    if failed:
        verdict, reason = Verdict.NOT_REPRODUCED, f"thresholds do not go to their limits: {'; '.join(failed)}"
    elif not largest <= criterion["critical_tolerance"]:
        verdict, reason = Verdict.NOT_REPRODUCED, f"at τ = 1 the last threshold misses e^(−1/C) by {largest:.2g}"
    elif far:
        verdict, reason = Verdict.PARTLY, f"thresholds go to their limits but are still far: {'; '.join(far)}"
    else:
        verdict = Verdict.REPRODUCED
        reason = (
            "the p where θ = 1/2 moves to the predicted limit for every C and τ; at τ = 1 it ends within "
            f"{largest:.2g} of e^(−1/C)"
        )
    return Judgement(verdict, "distance to e^(−1/C) at τ = 1", largest, largest, largest, len(rows), reason)


def _extrapolations(curve: pd.DataFrame) -> tuple[float, float, float]:
    """Threshold as W -> infinity: intercept of log p against 1/W, with its spread over reasonable fits.

    Returns:
        The quadratic fit over the wider half of the widths; the lowest and the highest of the fits of degree 1 to 3
        over the wider quarter, half and three quarters. NaN with fewer than 8 widths.
    """
    curve = curve.sort_values("width")
    if len(curve) < 8:
        return np.nan, np.nan, np.nan

    def intercept(degree: int, share: float) -> float:
        wide = curve.tail(max(degree + 2, int(len(curve) * share)))
        return float(
            np.exp(np.polyfit(1 / wide.width.to_numpy(), np.log(wide.half_probability.to_numpy()), degree)[-1])
        )

    fits = [intercept(degree, share) for degree in (1, 2, 3) for share in (0.25, 0.5, 0.75)]
    return intercept(2, 0.5), min(fits), max(fits)


def judge_bond_gap_closes(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P4 (ours): for dropconnect the thresholds tend to 0, exp(-1/C), 1 for tau below, at, above 1/2.

    At tau = 1/2 the finite-width correction falls only like 1/W, so the threshold is extrapolated to infinite width;
    its interval is the spread over reasonable fits. In the gap 1/2 < tau < 1 of the published bounds the exact
    thresholds must go to 1 while those of the lower bound fall. Criterion: `critical_tolerance` (extrapolated threshold
    to e^(−1/C)), `outer_tolerance` (distance to 0 or 1 beyond which the verdict is only "partly").
    """
    rows = tables[THRESHOLDS].query("model == 'bond'")
    exact = rows.query("curve == 'exact'")
    failed, far = _approach(exact, criterion["outer_tolerance"])
    gap = rows.query("curve == 'lower bound' and 0.5 < exponent < 1")
    second_halves = [_trend(curve)[len(curve) // 2 :] for _, curve in gap.groupby(["constant", "exponent"])]
    bound_falls = bool(second_halves) and all((np.diff(half) < 0).all() for half in second_halves)
    misses, shown = [], []
    for constant, curve in exact.query("exponent == 0.5").groupby("constant"):
        found, low, high = _extrapolations(curve)
        limit = float(curve.limit.iloc[0])
        nearest = 0.0 if low <= limit <= high else min(abs(low - limit), abs(high - limit))
        misses.append((abs(found - limit), nearest, max(abs(low - limit), abs(high - limit))))
        shown.append(f"C={constant:g}: {found:.4f} [{low:.4f}, {high:.4f}] against {limit:.4f}")
    largest, low, high = max(misses, default=(np.nan, np.nan, np.nan))
    limits = "; ".join(shown)
    if failed:
        verdict, reason = Verdict.NOT_REPRODUCED, f"thresholds do not go to their limits: {'; '.join(failed)}"
    elif not largest <= criterion["critical_tolerance"]:
        verdict, reason = Verdict.NOT_REPRODUCED, f"at τ = 1/2 the extrapolated thresholds miss e^(−1/C): {limits}"
    elif far or not bound_falls:
        what = f"still far: {'; '.join(far)}" if far else "no gap of the published bounds was seen"
        verdict, reason = Verdict.PARTLY, f"the limits hold at τ = 1/2 ({limits}), but {what}"
    else:
        verdict = Verdict.REPRODUCED
        reason = (
            "in the gap of the published bounds the exact thresholds go to 1, those of the lower bound fall to 0; "
            f"at τ = 1/2 they extrapolate to e^(−1/C): {limits}"
        )
    measure = "distance of the extrapolated threshold to e^(−1/C) at τ = 1/2"
    return Judgement(verdict, measure, largest, low, high, len(exact), reason)
