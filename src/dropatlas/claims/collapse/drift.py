"""Judges of training collapse (arXiv 2512.13853, Section V), P6, P7, P17: how far weights leave where they began."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dropatlas.claims.checks import NORM, all_known, mean_check
from dropatlas.claims.collapse.ratios import ratio_check
from dropatlas.claims.parts import Check, Part, decide
from dropatlas.claims.verdicts import Judgement
from dropatlas.collapse.drift_effects import (
    DriftCell,
    MovementCell,
    bound_ratio,
    drift_cells,
    movement_cells,
    threshold_cells,
)
from dropatlas.collapse.members import MASKED

DRIFT_BOUND = "collapse/drift_bound"
MOVEMENT = "collapse/movement"

GAIN_NAMES = {"plain": "1", "compensated": "1/√q"}


def _drift_name(cell: DriftCell) -> str:
    return f"{cell.network} under {MASKED[cell.model]}, L = {cell.depth}, W = {cell.width}, θ = {cell.theta:.2g}"


def judge_p6(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P6: E‖w_T - w_0‖ <= M θ Σα for bias-free networks with σ(0) = 0. Criterion: `least_crossings`.

    One part: in every cell the mean movement of half of the seeds is below the bound from the gradients of the others.
    It holds against the sharper bound with the mean gradient, and fails against M, the largest mean of an interval
    (`dropatlas.collapse.drift`). A cell in which a network should meet fewer than `least_crossings` steps with a path
    is not planned and left out; one that lacks networks with gradients, or whose numbers are not finite, stays open.
    """
    cells = list(drift_cells(tables[DRIFT_BOUND]))
    planned = [cell for cell in cells if cell.assumption and cell.expected >= criterion["least_crossings"]]
    checks = [
        ratio_check(_drift_name(cell), bound_ratio(cell.rows), (0.0, 1.0), fails_outside=(0.0, cell.slack))
        for cell in planned
    ]
    bound = Part(
        "weights move less than the bound",
        "mean movement over its bound",
        checks,
        why_open="too few networks with a gradient, or numbers that are none",
    )
    told = []
    if alive := [f"{len(cell.rows)} of {cell.networks}" for cell in planned if len(cell.rows) < cell.networks]:
        told.append(
            f"cells with dead networks, which are left out: {len(alive)} (alive: {', '.join(sorted(set(alive)))})"
        )
    unprotected = [(bound_ratio(cell.rows).interval(), cell) for cell in cells if not cell.assumption]
    broken = [(value.estimate, cell) for value, cell in unprotected if value.low > cell.slack]
    if broken:
        largest, where = max(broken, key=lambda pair: pair[0])
        told.append(
            f"where the assumption fails (biases, sigmoid) the bound breaks in {len(broken)} of {len(unprotected)} "
            f"cells, by a factor of up to {largest:.3g} ({_drift_name(where)})"
        )
    return decide([bound], "; ".join(told))


def _movement_name(cell: MovementCell) -> str:
    return (
        f"L = {cell.depth}, W = {cell.width}, gain {GAIN_NAMES[cell.gain]}, α = {cell.learning_rate:g}, "
        f"{cell.step} steps, θ = {cell.theta:.2g}"
    )


def _moved(cell: MovementCell, value: str, band: tuple[float, float]) -> Check:
    return mean_check(f"{_movement_name(cell)}, {value}", all_known(cell.moved), band, support=NORM)


def judge_p7(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P7: weights stay where x = M θ Σα / ‖w_0‖ is small, and keep to their bound near the critical width.

    Two parts. Weights stay: mean ‖w_T - w_0‖/‖w_0‖ is below `stays` in every cell that missing paths alone bring to
    small x, which is x at most `small_drift` but x/θ above it; with at least `least_crossings` expected steps with a
    path, and a control without dropout that leaves in the same steps. Near the threshold: the mean movement is below
    its bound in every cell with θ of at least `least_theta` and as many steps with a path.
    """
    small, fewest = criterion["small_drift"], criterion["least_crossings"]
    cells = [c for c in movement_cells(tables[MOVEMENT]) if c.drift <= small and c.expected >= fewest]
    rare = [cell for cell in cells if cell.every_step > small]
    told = [cell for cell in rare if cell.control_leaves]
    stay = [_moved(cell, f"x = {cell.drift:.2g}", (-np.inf, criterion["stays"])) for cell in told]
    near = [
        ratio_check(f"W = {cell.width}, θ = {cell.theta:.2g}", bound_ratio(cell.rows), (0.0, 1.0))
        for cell in threshold_cells(tables[MOVEMENT])
        if cell.theta >= criterion["least_theta"] and cell.expected >= fewest
    ]
    left_out = (
        _left_out(len(cells) - len(rare), f"x/θ is at most {small:g}, too, so that α or M makes x small"),
        _left_out(len(rare) - len(told), "they do not leave without dropout either"),
    )
    return decide(
        [
            Part(
                f"weights stay where missing paths make x <= {small:g}",
                "movement over ‖w_0‖",
                stay,
                why_open=f"no such cell with x/θ > {small:g}, enough steps that have a path, and a control that leaves",
            ),
            Part(
                "near the critical width they keep to the bound",
                "mean movement over its bound",
                near,
                why_open="no such cell with enough steps that have a path",
            ),
        ],
        "; ".join(filter(None, left_out)),
    )


def judge_p17(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P17: weights leave where `chances` times as many steps have a path as the network without dropout needs to leave.

    One part per gain: mean ‖w_T - w_0‖/‖w_0‖ is at least `leaves` in every such cell whose control learns.
    """
    enough = [c for c in movement_cells(tables[MOVEMENT]) if c.chances >= criterion["chances"]]
    told = [cell for cell in enough if cell.control_learns]
    parts = [
        Part(
            f"weights leave at gain {name}",
            "movement over ‖w_0‖",
            _leaving([cell for cell in told if cell.gain == gain], criterion["leaves"]),
            why_open="no such cell that learns without dropout",
        )
        for gain, name in GAIN_NAMES.items()
    ]
    return decide(parts, _left_out(len(enough) - len(told), "they do not learn without dropout"))


def _leaving(cells: Sequence[MovementCell], least: float) -> list[Check]:
    return [_moved(cell, f"θT = {cell.chances:.2g} times the control's steps", (least, np.inf)) for cell in cells]


def _left_out(count: int, why: str) -> str:
    return f"{count} cells cannot tell: {why}" if count else ""
