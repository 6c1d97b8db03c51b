"""Judges of training collapse (arXiv 2512.13853, Section V), P5-P7: what networks without a path can do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.bands import Check, deciding, limit_check, sides_of
from dropatlas.claims.verdicts import VERDICTS, Judgement, by_share, conjunction, undecided

DECOUPLING = "collapse/decoupling"
DRIFT_BOUND = "collapse/drift_bound"
MOVEMENT = "collapse/movement"

MODELS = {"site": "dropout", "bond": "dropconnect"}


def _exactly_zero(rows: pd.DataFrame, column: str, what: str, verb: str, criterion: Mapping[str, float]) -> Judgement:
    """Whether the networks without a path have exactly zero `column`; those with a path are the control."""
    cut, crossed = rows[~rows.has_path], rows[rows.has_path]
    measure = f"share of {what} without a path that {verb}"
    n, reacting = int(cut.networks.sum(skipna=False)), int(crossed.networks.sum())
    if not n:
        return undecided(measure, 0, f"no {what} without a path to tell whether they {verb}")
    failures = n - int(cut[column].sum(skipna=False))
    sighted = 1 - crossed[column].sum() / reacting if reacting else 0.0
    fewest = int(cut.networks.min())
    text = f"{failures} of {n} {what} without a path {verb}"
    if failures:
        return by_share(-1, measure, failures, n, f"{text} (a single one refutes)")
    if fewest < criterion["least_networks"] or not sighted >= criterion["least_sighted"]:
        blind = (
            f"{text}, but in some case there are only {fewest} ({criterion['least_networks']:g} needed), and of those "
            f"with a path {sighted:.0%} do ({criterion['least_sighted']:.0%} needed)"
        )
        return by_share(0, measure, 0, n, blind)
    return by_share(1, measure, 0, n, f"{text}; of those with a path {sighted:.0%} do")


def judge_decoupling(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P5: no path => F(x) = F(0) exactly, and bias-free gradients are exactly zero. Criterion: `least_networks`.

    Two parts, outputs and (without biases, with zero activation at zero) gradients; one counterexample refutes its
    part. Networks with a path must show the opposite often enough (`least_sighted`), and there must be
    `least_networks` networks without a path per case; else the check is blind and decides nothing.
    """
    rows = tables[DECOUPLING]
    outputs = _exactly_zero(rows, "input_effect_zero", "networks", "depend on their input", criterion)
    bias_free = rows[rows.assumption]
    gradients = _exactly_zero(bias_free, "weight_gradients_zero", "bias-free networks", "have gradients", criterion)
    found = conjunction([outputs, gradients])
    others = rows[~rows.has_path & ~rows.assumption]
    if not others.networks.sum():
        return found
    share = 1 - others.weight_gradients_zero.sum() / others.networks.sum()
    text = f"with biases or sigmoid {share:.0%} of those without a path have gradients"
    return replace(found, reason=f"{found.reason}; {text}")


def bound_ratio(rows: pd.DataFrame) -> np.ndarray:
    """Movement over bound; 0 where neither is positive (all gradients underflowed), infinite where only movement is.

    NaN where one of them is no number.
    """
    distance, bound = rows.distance.to_numpy(), rows.bound.to_numpy()
    known = np.isfinite(distance) & np.isfinite(bound)
    beyond = np.where(known, np.where(distance > 0, np.inf, 0.0), np.nan)
    return np.divide(distance, bound, where=known & (bound > 0), out=beyond)


def _drift_cells(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for (network, model, depth, width, p), cell in rows.groupby(["network", "model", "depth", "width", "drop_rate"]):
        yield f"{network} under {MODELS[model]}, L = {depth}, W = {width}, p = {p:g}", cell


def _moved_against_a_bound_of_zero(cells: Mapping[str, pd.DataFrame]) -> Judgement | None:
    """Refutation by networks that move although their bound is zero, from the cell with the largest share of them."""
    moved = {name: int(np.isposinf(bound_ratio(cell)).sum()) for name, cell in cells.items()}
    name = max(moved, key=lambda cell: moved[cell] / len(cells[cell]))
    if not moved[name]:
        return None
    measure, n = "share of networks that move although their bound is 0, cell with the largest share", len(cells[name])
    reason = f"{moved[name]} of {n} networks move although their bound is 0 (a single one refutes): {name}"
    return by_share(-1, measure, moved[name], n, reason)


def judge_drift_bound(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P6: E‖w_T - w_0‖ <= M θ Σα for bias-free networks with σ(0) = 0. Criterion: `alpha`, `least_crossings`.

    Per cell a one-sided t test of mean distance > bound, Holm-corrected; one rejection refutes, and so does a network
    that moves although its bound is zero. Confirmed if in every cell the upper end of the 95 % interval of mean
    distance is below the bound. Cells with fewer than `least_crossings` crossed steps over all seeds say too little
    about M and are left out, as are those in which no network ever has a gradient (dead ReLU networks).
    """
    rows = tables[DRIFT_BOUND].query("not diverged")
    every = dict(_drift_cells(rows[rows.assumption]))
    cells = {name: cell for name, cell in every.items() if cell.crossed_steps.sum() >= criterion["least_crossings"]}
    measure = "mean movement over its bound, cell that comes nearest to the bound or farthest beyond it"
    if not cells:
        reason = f"no cell with at least {criterion['least_crossings']:g} steps that have a path"
        return undecided(measure, 0, reason)
    refuted = _moved_against_a_bound_of_zero(cells)
    if refuted:
        return refuted
    cells = {name: cell for name, cell in cells.items() if (cell.bound != 0).any()}
    if not cells:
        return undecided(measure, 0, "in no cell does any network have a gradient")
    bounds = [limit_check(measure, name, bound_ratio(cell), 1.0, above=False) for name, cell in cells.items()]
    sides = sides_of(bounds, criterion["alpha"])
    worst, side = deciding(bounds, sides), min(sides)
    skipped = f" ({len(every) - len(cells)} more with too few steps that have a path, or no gradient, left out)"
    of_all = f"of {len(cells)} bias-free cells{skipped if len(cells) < len(every) else ''}"
    text = {
        1: f"in every one {of_all} the interval stays below the bound",
        0: f"none {of_all} clearly exceeds the bound, but {sides.count(0)} do not clearly stay below it",
        -1: f"{sides.count(-1)} {of_all} exceed the bound (Holm-corrected t tests)",
    }[side]
    reason = f"movement is {worst.shown} of its bound (at most 1 allowed) for {worst.where}; {text}"
    unprotected = [np.mean(bound_ratio(cell)) for _, cell in _drift_cells(rows[~rows.assumption])]
    largest = max(filter(np.isfinite, unprotected), default=0.0)
    outside = f"; where the assumption fails (biases, sigmoid) it goes up to {largest:.3g}" if largest else ""
    return worst.judgement(VERDICTS[side], reason + outside)


def _movement_shares(rows: pd.DataFrame) -> Iterator[tuple[str, float, np.ndarray]]:
    """(name, θΣα, movement of every seed relative to its control) of all cells whose control learns, at the end."""
    final = rows[(rows.step == rows.step.max()) & rows.control_learns & ~rows.diverged]
    final = final.drop_duplicates(["depth", "width", "variant", "gain", "replica"])
    keys = ["depth", "width", "replica"]
    control = final[final.variant == "none"].set_index(keys).relative_movement
    runs = final[final.variant == "dropout"]
    share = runs.relative_movement / control.reindex(pd.MultiIndex.from_frame(runs[keys])).to_numpy()
    for (gain, depth, width), cell in runs.assign(share=share).groupby(["gain", "depth", "width"]):
        yield f"L = {depth}, W = {width}, {gain} gain", cell.theta_rate_sum.iloc[0], cell.share.to_numpy()


def _movement_part(cells: Sequence[Check], sides: Sequence[int], where: str) -> Judgement:
    """Whether the cells on one side of the boundary move as claimed; if not, the share of them that do not is shown."""
    worst, side = deciding(cells, sides), min(sides)
    without = "of what they move without dropout"
    if side == -1:
        refuting = [cell for cell, one in zip(cells, sides, strict=True) if one == -1]
        text = f"weights move {'less' if worst.above else 'more'} than {worst.limit:.0%} {without}"
        depths = ", ".join(dict.fromkeys(cell.where.partition(",")[0] for cell in refuting))
        why = ": something else than missing paths holds them" if worst.above else ""
        reason = f"in {len(refuting)} of {len(cells)} cells with {where} {text} ({depths}){why}"
        measure = f"share of cells with {where} whose {text}"
        return by_share(-1, measure, len(refuting), len(cells), reason)
    text = f"weights move {worst.shown} {without} ({worst.wanted} required) at {worst.where}"
    rank = f"one of {list(sides).count(0)} undecided ones" if side == 0 else "the tightest"
    return worst.judgement(VERDICTS[side], f"{text}, {rank} of {len(cells)} cells with {where}")


def judge_movement_boundary(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P7: weights stay at initialisation where θΣα << 1 and leave it where θΣα >> 1.

    Movement is that at the last step relative to networks without dropout (same depth, width, seeds). Two parts: where
    θΣα is at most `stays_below` it must be under `stays` in every cell (weights stay), where θΣα is at least
    `leaves_above` it must exceed `leaves` in every cell (weights leave). A part holds if all its intervals do; a cell
    clearly on the wrong side (one-sided t tests at `alpha`, Holm-corrected over the cells of both parts) refutes it.
    Cells whose control does not learn decide nothing.
    """
    measure = "movement relative to no dropout, cell nearest to the limit or farthest beyond it"
    stay, leave = [], []
    for name, x, share in _movement_shares(tables[MOVEMENT]):
        if x <= criterion["stays_below"]:
            stay.append(limit_check(measure, name, share, criterion["stays"], above=False))
        elif x >= criterion["leaves_above"]:
            leave.append(limit_check(measure, name, share, criterion["leaves"], above=True))
    if not stay or not leave:
        reason = f"{len(stay)} cells far below and {len(leave)} far above the boundary: both sides are needed"
        return undecided(measure, 0, reason)
    sides = sides_of(stay + leave, criterion["alpha"])
    parts = [
        _movement_part(leave, sides[len(stay) :], f"θ·Σα >= {criterion['leaves_above']:g}"),
        _movement_part(stay, sides[: len(stay)], f"θ·Σα <= {criterion['stays_below']:g}"),
    ]
    return conjunction(parts)
