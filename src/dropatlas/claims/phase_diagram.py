"""Judges of the claims on the phase diagram, M3, M4 and M8 (arXiv 2510.07554)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from dropatlas.claims.bands import STATES, Check, deciding, marked, mean_check, sides_of
from dropatlas.claims.verdicts import Judgement, of_parts, undecided
from dropatlas.meanfield.agreement import HIT, MISS, NOTHING, TIE, cell_outcomes
from dropatlas.meanfield.phases import PHASE_NAMES, PHASES
from dropatlas.stats import Interval, binomial_interval, power_law_exponent

DIAGRAM = "phases/diagram"
DIAGRAM_RELU = "phases/diagram_relu"
WIDTH_TREND = "phases/width_trend"
PENALTY = "phases/penalty"

MEASURE = "share of decided cells away from the boundaries in the predicted phase"
CELL = ["learning_rate", "keep_rate"]
MOST_MISSES = 3  # named one by one


def _interior(rows: pd.DataFrame, criterion: Mapping[str, float]) -> pd.DataFrame:
    """Outcomes of the cells away from the boundaries that were compared, with enough replicas."""
    if rows.empty:
        return pd.DataFrame(columns=[*CELL, "phase", "nearest", "outcome"])
    cells = cell_outcomes(rows, criterion["margin"], criterion["confidence"])
    inside = ~cells.boundary & cells.phase.isin(PHASES) & (cells.outcome != NOTHING)
    return cells[inside & (cells.replicas >= criterion["least_replicas"])]


def _share_check(name: str, successes: int, trials: int, share: float) -> Check:
    """Check of a share of cells that is to be at least `share`: exact binomial interval and one-sided test."""
    if not trials:
        return Check(name, Interval(np.nan, 0.0, 1.0), (share, np.inf), 0, holds=False, p_value=1.0)
    interval = binomial_interval(successes, trials)
    p_value = float(stats.binom.cdf(successes, trials, share))
    return Check(name, interval, (share, np.inf), trials, interval.low >= share, p_value)


def _hits(cells: pd.DataFrame, share: float, name: str = MEASURE) -> Check:
    """Share of hits among hits and misses."""
    hits, misses = (int((cells.outcome == outcome).sum()) for outcome in (HIT, MISS))
    return _share_check(name, hits, hits + misses, share)


def _phase_side(cells: pd.DataFrame, phase: str) -> int:
    """+1 where a phase has hits and no misses, -1 where it has misses and no hits, 0 otherwise."""
    outcomes = set(cells[cells.phase == phase].outcome)
    return (HIT in outcomes) - (MISS in outcomes)


def _phases_in_words(cells: pd.DataFrame, phases: Mapping[str, int]) -> str:
    """Outcomes of the cells, the phases that do not hold, and where the misses are."""
    hits, misses, ties = (int((cells.outcome == outcome).sum()) for outcome in (HIT, MISS, TIE))
    told = f"{hits} hits, {misses} misses and {ties} ties in {len(cells)} cells"
    for side, word in ((-1, "only misses"), (0, "no hits, or misses besides")):
        if side in phases.values():
            told += f"; {word} in {_listed([name for name in phases if phases[name] == side])}"
    wrong = cells[cells.outcome == MISS]
    if len(wrong):
        named = [
            f"{miss.nearest} instead of {miss.phase} at τ = {miss.learning_rate:g}, q = {miss.keep_rate:g}"
            for miss in wrong[:MOST_MISSES].itertuples()
        ]
        more = [f"{len(wrong) - MOST_MISSES} more"] if len(wrong) > MOST_MISSES else []
        told += f"; misses: {' and '.join([*named, *more])}"
    return told


def _listed(phases: Sequence[str]) -> str:
    return ", ".join(f"{PHASE_NAMES[name]} ({name})" for name in phases)


def _agreement(cells: pd.DataFrame, share: float) -> tuple[Check, Check, dict[str, int]]:
    """The share of hits, that of the phase that decides about all phases, and the side of every phase."""
    phases = {name: _phase_side(cells, name) for name in PHASES}
    worst = min(phases, key=phases.get)
    if phases[worst] < 0:
        name = f"{MEASURE}, {_listed([worst])}"
        return _hits(cells, share), _hits(cells[cells.phase == worst], share, name), phases
    return _hits(cells, share), _hits(cells, share), phases


def _trend(rows: pd.DataFrame, criterion: Mapping[str, float]) -> list[Check]:
    """Distance at the largest width beyond the noise floor, as a share of it, in every phase."""
    checks = []
    for sequence in PHASES:
        runs = rows[(rows.sequence == sequence) & (rows.width == rows.width.max())]
        floor = runs[["floor", "dropout_floor"]].max(axis=1)
        excess = ((runs.distance - floor) / floor.mean()).to_numpy()
        enough = np.isfinite(excess).sum() >= criterion["least_replicas"]
        name = f"W₁ to the predicted limit beyond the noise floor, as a share of it, {_listed([sequence])}"
        checks.append(mean_check(name, excess if enough else [], -np.inf, criterion["excess"]))
    return checks


def judge_nearest_limit(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M3: away from the boundaries the dropout particles are nearest to the predicted limit, and reach it with n.

    Outcomes per cell: `meanfield.agreement`. Three parts. (a) The share of hits among hits and misses: holds if its
    exact 95 % interval lies above `share`. (b) The phases: hold if each has hits and no misses; refuted by one that
    has misses only. (c) The trend: holds if at the largest width W₁ exceeds the noise floor by at most `excess` of it
    in every phase (95 % intervals over replicas). (a) and (c) are refuted by one-sided tests of the share and of the
    excess of every phase (Holm over all, `alpha`). Ties (limits that cannot be told apart) count for neither. Effect:
    the first number in this order that decides.
    """
    cells = _interior(tables[DIAGRAM], criterion)
    share, worst, phases = _agreement(cells, criterion["share"])
    trend = _trend(tables[WIDTH_TREND], criterion)
    if not share.n and not any(check.n for check in trend):
        return undecided(MEASURE, 0, f"no cell decides ({len(cells)} compared), and no width trend was run")
    first, *ends = sides_of([share, *trend], criterion["alpha"])
    last = deciding(trend, ends)
    parts = [first, min(phases.values()), min(ends)]
    shown = (share, worst, last)[parts.index(min(parts))]
    nearest = int((cells.nearest == cells.phase).sum())
    reason = (
        f"{shown}; {_phases_in_words(cells, phases)}; the predicted limit alone is the very nearest in {nearest}; "
        f"W₁ within {criterion['excess']:.0%} of the noise floor at the largest width: {_trend_in_words(ends)}"
    )
    return shown.judgement(of_parts(parts), reason)


def _trend_in_words(sides: Sequence[int]) -> str:
    """In which phases the trend holds."""
    if set(sides) == {1}:
        return "holds in every phase"
    named = {side: [name for name, found in zip(PHASES, sides, strict=True) if found == side] for side in STATES}
    return ", ".join(f"{STATES[side]} in {_listed(names)}" for side, names in named.items() if names)


def judge_constrained_relu(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M8: the diagram of ReLU with constrained weights agrees with the prediction as the bounded one does.

    Three parts: (a) the share of hits and (b) the phases, as for M3; (c) cells that decide in both diagrams have the
    same outcome: one that differs refutes, and without any such cell the part stays open.
    """
    cells = _interior(tables[DIAGRAM_RELU], criterion)
    share, worst, phases = _agreement(cells, criterion["share"])
    both = cells.merge(_interior(tables[DIAGRAM], criterion), on=CELL, suffixes=("", "_tanh"))
    both = both[both.outcome.isin([HIT, MISS]) & both.outcome_tanh.isin([HIT, MISS])]
    same = int((both.outcome == both.outcome_tanh).sum())
    common = _share_check("share of cells that decide in both diagrams with the same outcome", same, len(both), 1.0)
    if not share.n:
        return undecided(MEASURE, 0, f"no cell decides ({len(cells)} compared)")
    [first] = sides_of([share], criterion["alpha"])
    parts = [first, min(phases.values()), 0 if both.empty else 1 if same == len(both) else -1]
    shown = (share, worst, common)[parts.index(min(parts))]
    reason = (
        f"{shown}; {_phases_in_words(cells, phases)}; same outcome as with tanh in {same} of {len(both)} cells that "
        "decide in both"
    )
    return shown.judgement(of_parts(parts), reason)


def _penalty_runs(rows: pd.DataFrame) -> pd.DataFrame:
    """Networks of "most penalty" with the penalty effect as a share of the movement; missing where there is none."""
    runs = rows[rows.family == "most penalty"]
    share = runs.penalty_effect / runs.movement
    return runs.assign(share=share.where((runs.status == "ok") & np.isfinite(share) & (share > 0)))


def penalty_exponents(rows: pd.DataFrame) -> dict[float, Interval]:
    """Exponent of the penalty effect (as a share of the movement) over the width, for every κ of "most penalty"."""
    runs = _penalty_runs(rows).dropna(subset="share")
    found = {exponent: _exponent(part) for exponent, part in runs.groupby("exponent")}
    return {exponent: slope for exponent, slope in found.items() if slope is not None}


def _exponent(runs: pd.DataFrame) -> Interval | None:
    """Exponent of the share over the width; none with fewer than three widths."""
    return power_law_exponent(runs.width.to_numpy(), runs.share.to_numpy()) if runs.width.nunique() >= 3 else None


def _slope_check(exponent: float, runs: pd.DataFrame, band: tuple[float, float]) -> Check:
    """Check of the exponent of the penalty effect at one κ: a band that is open on one side."""
    name = f"exponent in n of the penalty effect at κ = {exponent:g}"
    known = runs.dropna(subset="share")
    found = _exponent(known)
    if found is None:
        return Check(name, Interval(np.nan, -np.inf, np.inf), band, 0, holds=False, p_value=1.0)
    edge, alternative = (band[1], "greater") if np.isinf(band[0]) else (band[0], "less")
    logs = np.log(known.width.to_numpy(dtype=float))
    test = stats.linregress(logs, np.log(known.share.to_numpy()) - edge * logs, alternative=alternative)
    return Check(name, found, band, len(known), band[0] < found.low and found.high < band[1], float(test.pvalue))


def judge_penalty_survives(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M4: with τ ∝ n^(-κ) and the smallest keep rate that has a limit, the penalty falls for κ < 1, stays for κ >= 1.

    Falls: the 95 % interval of its exponent, over networks, lies below -`flat`. Stays: it lies above -`flat`, and at
    the largest width the effect is at least `least` of the movement (t interval). "Only for τ = O(1/n)" is a contrast,
    so that each κ < 1 is one part: the penalty falls there while it stays for every κ >= 1. One-sided tests of all
    numbers refute (Holm, `alpha`). Widths with fewer than `least_replicas` networks do not count; a κ with fewer than
    three widths stays open. Effect: the first number that decides, of the κ < 1 from the largest down, then of the
    κ >= 1.
    """
    runs = _penalty_runs(tables[PENALTY])
    below = sorted(runs.exponent[runs.exponent < 1].unique(), reverse=True)
    above = sorted(runs.exponent[runs.exponent >= 1].unique())
    largest = runs.width.max()
    flat, least, replicas = (criterion[name] for name in ("flat", "least", "least_replicas"))
    if not below or not above:
        measure = "exponent in n of the penalty effect at the largest κ below 1"
        there = ", ".join(f"{exponent:g}" for exponent in (*below, *above)) or "no κ"
        return undecided(measure, 0, f"measured at κ = {there}: both sides of 1 are needed")
    runs = runs[runs.groupby(["exponent", "width"]).share.transform("count") >= replicas]
    at = {exponent: runs[runs.exponent == exponent] for exponent in (*below, *above)}
    falls = [_slope_check(exponent, at[exponent], (-np.inf, -flat)) for exponent in below]
    stays = [_slope_check(exponent, at[exponent], (-flat, np.inf)) for exponent in above]
    for exponent in above:
        name = f"penalty effect over movement at κ = {exponent:g}, n = {largest}"
        stays.append(mean_check(name, at[exponent][at[exponent].width == largest].share, least, np.inf))
    checks = falls + stays
    sides = sides_of(checks, criterion["alpha"])
    contrast = min(sides[len(falls) :])
    parts = [min(side, contrast) for side in sides[: len(falls)]]
    shown = checks[sides.index(min(sides))]
    told = {
        exponent: marked(f"{check:z.2f} at κ = {exponent:g}", side)
        for exponent, check, side in zip((*below, *above), checks, sides, strict=False)
    }
    last = zip(checks[-len(above) :], sides[-len(above) :], strict=True)
    reason = (
        f"{shown}; exponents (below {-flat:g} wanted for κ < 1, above it from 1 on): "
        f"{', '.join(told[exponent] for exponent in sorted(told))}; effect over movement at n = {largest} from κ = "
        f"1 on (at least {least:g} wanted): {', '.join(marked(f'{check:.2g}', side) for check, side in last)}"
    )
    return shown.judgement(of_parts(parts), reason)
