"""Judges of training collapse (arXiv 2512.13853, Section V), P6 and P7: how far weights leave their initialisation."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import (
    NORM,
    all_known,
    mean_check,
    never_check,
)
from dropatlas.claims.parts import Check, Part, decide
from dropatlas.claims.verdicts import Judgement, State
from dropatlas.collapse.effects import movement_shares
from dropatlas.collapse.members import MASKED

DRIFT_BOUND = "collapse/drift_bound"


MOVEMENT = "collapse/movement"


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
        yield f"{network} under {MASKED[model]}, L = {depth}, W = {width}, p = {p:g}", cell


def _below_bound(name: str, cell: pd.DataFrame) -> Check:
    """That the mean movement stays below its bound; where that is zero, that no network moves."""
    ratio = bound_ratio(cell)
    if (moved := int(np.isposinf(ratio).sum())) > 0:
        share = never_check(name, moved, len(cell), len(cell))
        return replace(share, measure="share of networks that move although their bound is 0")
    return mean_check(name, all_known(ratio), (-np.inf, 1.0), support=NORM)


def judge_p6(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P6: E‖w_T - w_0‖ <= M θ Σα for bias-free networks with σ(0) = 0. Criterion: `least_crossings`.

    One part: in every cell the mean of distance over bound is below 1; a network that moves although its bound is zero
    fails it, too. Cells with fewer than `least_crossings` crossed steps over all seeds say too little about M and are
    left out, as are those in which no network ever has a gradient (dead ReLU networks).
    """
    rows = tables[DRIFT_BOUND].query("not diverged")
    every = dict(_drift_cells(rows[rows.assumption]))
    cells = {
        name: cell
        for name, cell in every.items()
        if cell.crossed_steps.sum() >= criterion["least_crossings"]
        and (cell[["bound", "distance"]] != 0).any(axis=None)
    }
    bound = Part(
        "weights move less than the bound",
        "mean movement over its bound",
        [_below_bound(name, cell) for name, cell in cells.items()],
        why_open=f"no bias-free cell with {criterion['least_crossings']:g} steps that have a path, and gradients",
    )
    told = [f"{len(every) - len(cells)} cells without enough paths or gradients left out"] * (len(cells) < len(every))
    unprotected = [np.mean(bound_ratio(cell)) for _, cell in _drift_cells(rows[~rows.assumption])]
    if (largest := max(filter(np.isfinite, unprotected), default=0.0)) > 0:
        told.append(f"where the assumption fails (biases, sigmoid) the ratio goes up to {largest:.3g}")
    return decide([bound], "; ".join(told))


def _movement_shares(rows: pd.DataFrame) -> Iterator[tuple[str, float, np.ndarray]]:
    """(name, θΣα, movement of every seed relative to its control) of all cells whose control learns, at the end."""
    shares = movement_shares(rows)
    final = shares[(shares.step == rows.step.max()) & shares.control_learns]
    for (gain, depth, width), cell in final.groupby(["gain", "depth", "width"]):
        crossed = float(cell.theta_rate_sum.iloc[0])
        yield f"L = {depth}, W = {width}, {gain} gain, θ·Σα = {crossed:.2g}", crossed, cell.share.to_numpy()


def judge_p7(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P7: weights stay at initialisation where θΣα << 1 and leave it where θΣα >> 1.

    Movement is that at the last step relative to networks without dropout (same depth, width, seeds). Two parts: where
    θΣα is at most `stays_below` its mean must be under `stays` in every cell (weights stay), where θΣα is at least
    `leaves_above` it must exceed `leaves` in every cell (weights leave). Cells whose control does not learn decide
    nothing.
    """
    few, many = criterion["stays_below"], criterion["leaves_above"]
    stay, leave = [], []
    for name, crossed, share in _movement_shares(tables[MOVEMENT]):
        if crossed <= few:
            stay.append(mean_check(name, all_known(share), (-np.inf, criterion["stays"]), support=NORM))
        elif crossed >= many:
            leave.append(mean_check(name, all_known(share), (criterion["leaves"], np.inf), support=NORM))
    measure, none = "movement over that without dropout", "no such cell with enough seeds that learn without dropout"
    held = {State.FAILS: "so something else than missing paths holds them"}
    return decide(
        [
            Part(f"weights stay where θ·Σα <= {few:g}", measure, stay, why_open=none),
            Part(f"weights leave where θ·Σα >= {many:g}", measure, leave, notes=held, why_open=none),
        ]
    )
