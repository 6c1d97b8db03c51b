"""Judges of the claims on the phase diagram, M3, M4 and M8 (arXiv 2510.07554)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dropatlas.claims.verdicts import Judgement, Verdict
from dropatlas.meanfield.agreement import HIT, MISS, NOTHING, TIE, cell_outcomes
from dropatlas.meanfield.phases import PHASES
from dropatlas.stats import Interval, binomial_interval, mean_interval, power_law_exponent

DIAGRAM = "phases/diagram"
DIAGRAM_RELU = "phases/diagram_relu"
WIDTH_TREND = "phases/width_trend"
PENALTY = "phases/penalty"

MEASURE = "share of decided cells away from the boundaries in the predicted phase"


def _interior(rows: pd.DataFrame, criterion: Mapping[str, float]) -> pd.DataFrame:
    """Outcomes of the cells away from the boundaries that were compared, with enough replicas."""
    cells = cell_outcomes(rows, criterion["margin"], criterion["confidence"])
    inside = ~cells.boundary & cells.phase.isin(PHASES) & (cells.outcome != NOTHING)
    return cells[inside & (cells.replicas >= criterion["least_replicas"])]


def _agreement(cells: pd.DataFrame, share: float) -> tuple[Verdict, Interval, int, str]:
    """Verdict on the diagram alone: exact binomial interval of hits among hits and misses, every phase hit."""
    counts = cells.outcome.value_counts()
    hits, misses, ties = (int(counts.get(name, 0)) for name in (HIT, MISS, TIE))
    decided = hits + misses
    if not decided:
        return Verdict.INCONCLUSIVE, Interval(np.nan, np.nan, np.nan), 0, f"no cell decides ({ties} ties)"
    interval = binomial_interval(hits, decided)
    by_phase = cells.groupby("phase").outcome.agg(list)
    clean = [name for name in PHASES if HIT in by_phase.get(name, []) and MISS not in by_phase.get(name, [])]
    open_phases = [name for name in PHASES if name not in clean]
    nearest = int((cells.nearest == cells.phase).sum())
    reason = (
        f"{hits} hits, {misses} misses and {ties} ties in {len(cells)} cells away from the boundaries; the predicted "
        f"limit alone is the very nearest in {nearest}"
    )
    if misses:
        wrong = cells[cells.outcome == MISS]
        places = zip(wrong.learning_rate, wrong.keep_rate, wrong.phase, wrong.nearest, strict=True)
        named = [f"τ={tau:g} q={q:g}: {near} instead of {phase}" for tau, q, phase, near in places]
        reason += "; misses: " + ", ".join(named)
    if open_phases:
        reason += f"; phases without a clean hit: {', '.join(open_phases)}"
    if interval.high < share:
        return Verdict.NOT_REPRODUCED, interval, decided, reason
    if interval.low >= share and not open_phases:
        return Verdict.REPRODUCED, interval, decided, reason
    if clean and interval.estimate >= share and misses + len(open_phases) < len(PHASES) and interval.low >= 0.5:
        return Verdict.PARTLY, interval, decided, reason
    return Verdict.INCONCLUSIVE, interval, decided, reason


def _trend(rows: pd.DataFrame, criterion: Mapping[str, float]) -> tuple[list[str], list[str]]:
    """Sequences whose distance at the largest width is above the floor, and those that are undecided."""
    above, undecided = [], []
    for sequence in PHASES:
        runs = rows[(rows.sequence == sequence) & (rows.width == rows.width.max())]
        floor = runs[["floor", "dropout_floor"]].max(axis=1)
        excess = mean_interval((runs.distance - floor).to_numpy())
        limit = criterion["excess"] * floor.mean()
        if runs.distance.notna().sum() < criterion["least_replicas"] or not np.isfinite(excess.high):
            undecided.append(sequence)
        elif excess.low > limit:
            above.append(sequence)
        elif excess.high > limit:
            undecided.append(sequence)
    return above, undecided


def judge_nearest_limit(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M3: away from the boundaries the dropout particles are nearest to the predicted limit, and reach it with n.

    Outcomes per cell: `meanfield.agreement`. Reproduced: the 95 % interval of hits among hits and misses lies above
    `share`, every phase has a hit and no miss, and at the largest width W₁ exceeds the noise floor by at most `excess`
    of it in every phase. Not reproduced: the interval lies below `share`. Partly: hits prevail, but some phase or the
    trend fails. Ties (limits that cannot be told apart) count for neither.
    """
    cells = _interior(tables[DIAGRAM], criterion)
    verdict, interval, decided, reason = _agreement(cells, criterion["share"])
    above, undecided = _trend(tables[WIDTH_TREND], criterion)
    largest = int(tables[WIDTH_TREND].width.max())
    if above:
        reason += f"; at n = {largest} the distance stays above the noise floor in {', '.join(above)}"
        verdict = Verdict.PARTLY if verdict == Verdict.REPRODUCED else verdict
    elif undecided:
        reason += f"; at n = {largest} undecided whether the noise floor is reached in {', '.join(undecided)}"
        verdict = Verdict.INCONCLUSIVE if verdict == Verdict.REPRODUCED else verdict
    else:
        reason += f"; at n = {largest} the distance is down to the noise floor in every phase"
    return Judgement(verdict, MEASURE, interval.estimate, interval.low, interval.high, decided, reason)


def judge_constrained_relu(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M8: the diagram of ReLU with constrained weights agrees with the prediction as the bounded one does.

    Verdict as for M3 without the trend; cells that decide in both diagrams must not contradict each other, else partly.
    """
    cells = _interior(tables[DIAGRAM_RELU], criterion)
    verdict, interval, decided, reason = _agreement(cells, criterion["share"])
    both = cells.merge(_interior(tables[DIAGRAM], criterion), on=["learning_rate", "keep_rate"], suffixes=("", "_tanh"))
    both = both[both.outcome.isin([HIT, MISS]) & both.outcome_tanh.isin([HIT, MISS])]
    same = int((both.outcome == both.outcome_tanh).sum())
    reason += f"; same outcome as with tanh in {same} of {len(both)} cells that decide in both"
    if same < len(both) and verdict == Verdict.REPRODUCED:
        verdict = Verdict.PARTLY
    return Judgement(verdict, MEASURE, interval.estimate, interval.low, interval.high, decided, reason)


def penalty_exponents(rows: pd.DataFrame) -> dict[float, Interval]:
    """Exponent of the penalty effect (as a share of the movement) over the width, for every κ of "most penalty"."""
    runs = rows[(rows.family == "most penalty") & (rows.status == "ok")]
    runs = runs.assign(share=runs.penalty_effect / runs.movement)
    runs = runs[np.isfinite(runs.share) & (runs.share > 0)]
    return {
        exponent: power_law_exponent(part.width.to_numpy(), part.share.to_numpy())
        for exponent, part in runs.groupby("exponent")
        if part.width.nunique() >= 3
    }


def judge_penalty_survives(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M4: with τ ∝ n^(-κ) and the smallest keep rate that has a limit, the penalty falls for κ < 1, stays for κ >= 1.

    Falls: the interval of its exponent lies below -`flat`. Stays: above -`flat`, and at the largest width the effect is
    at least `least` of the movement. All as claimed: reproduced. One exponent decidedly against: not reproduced, or
    partly if most are as claimed. An interval that straddles: inconclusive. Effect: exponent at the largest κ < 1.
    """
    rows = tables[PENALTY]
    found = penalty_exponents(rows)
    measure = "exponent of the penalty effect over n at the largest κ below 1"
    below, above = [k for k in found if k < 1], [k for k in found if k >= 1]
    few = rows[rows.family == "most penalty"].replica.nunique() < criterion["least_replicas"]
    if not below or not above or few:
        reason = (
            f"exponents at κ = {', '.join(map(str, found)) or 'none'}: both sides of 1 and enough replicas are needed"
        )
        return Judgement(Verdict.INCONCLUSIVE, measure, np.nan, np.nan, np.nan, len(rows), reason)
    flat, largest = criterion["flat"], rows[rows.family == "most penalty"].width.max()
    as_claimed, against = [], []
    for exponent, slope in found.items():
        last = rows[(rows.family == "most penalty") & (rows.exponent == exponent) & (rows.width == largest)]
        share = mean_interval((last.penalty_effect / last.movement).to_numpy())
        if exponent < 1:
            as_claimed += [exponent] if slope.high < -flat else []
            against += [exponent] if slope.low > -flat else []
        else:
            as_claimed += [exponent] if slope.low > -flat and share.low >= criterion["least"] else []
            against += [exponent] if slope.high < -flat or share.high < criterion["least"] else []
    slopes = ", ".join(f"{s.estimate:.2f} [{s.low:.2f}, {s.high:.2f}] at κ = {k:g}" for k, s in sorted(found.items()))
    reason = f"exponents of the penalty effect over n: {slopes}"
    if against:
        verdict = Verdict.PARTLY if len(as_claimed) > len(against) else Verdict.NOT_REPRODUCED
        reason += f"; against the claim at κ = {', '.join(f'{k:g}' for k in against)}"
    elif len(as_claimed) == len(found):
        verdict = Verdict.REPRODUCED
        reason += "; it falls for every κ < 1 and stays for κ >= 1"
    else:
        verdict = Verdict.INCONCLUSIVE
        reason += f"; undecided at κ = {', '.join(f'{k:g}' for k in found if k not in as_claimed)}"
    slope = found[max(below)]
    n = int((rows.family == "most penalty").sum())
    return Judgement(verdict, measure, slope.estimate, slope.low, slope.high, n, reason)
