"""Judges of P16 and P23 (arXiv 2512.13853, failure signatures and limitations): gradient norms, momentum and Adam."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd

from dropatlas.claims.collapse.ratios import ratio_check
from dropatlas.claims.parts import Band, Check, Part, decide
from dropatlas.claims.verdicts import Judgement
from dropatlas.collapse.gradient_effects import NormCell, OptimiserCell, norm_cells, optimiser_cells
from dropatlas.collapse.ratios import LogRatio

GRADIENTS = "collapse/gradients"
OPTIMISERS = "collapse/optimisers"

RATIO = "norm of the gradient over that without dropout"


def judge_p16(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P16: masks make gradients small at the start of training, the more so with depth and drop rate.

    Five parts, means over the first steps relative to the same networks without dropout: at most `smaller` in every
    cell of `least_depth` or more layers, at gain 1 and at gain 1/√q; the same given a path at gain 1; and at gain 1
    from each depth to the next, and from each drop rate to the next, at most `smaller` times as large. Later steps are
    not judged: the network without dropout learns, and its gradients fall.
    """
    norms = list(norm_cells(tables[GRADIENTS]))
    start = min((cell.step for cell in norms), default=0)
    norms = [cell for cell in norms if cell.step == start]
    deep = [cell for cell in norms if cell.depth >= criterion["least_depth"]]
    plain = [cell for cell in norms if cell.gain == "plain"]
    small = (0.0, criterion["smaller"])
    given_path = [ratio_check(_norm_name(cell), cell.given_path, small) for cell in deep if cell.gain == "plain"]
    return decide(
        [
            Part("gradients are smaller at gain 1", RATIO, _smaller(deep, "plain", small)),
            Part("gradients are smaller at gain 1/√q", RATIO, _smaller(deep, "compensated", small)),
            Part("they are smaller given a path, too", f"given a path, {RATIO}", given_path),
            Part("they fall with depth", f"{RATIO}, by that of the shallower network", _steps(plain, "depth", small)),
            Part(
                "they fall with the drop rate", f"{RATIO}, by that at the lower rate", _steps(plain, "drop_rate", small)
            ),
        ]
    )


def judge_p23(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P23: momentum keeps its drift bound and needs steps of order 1/θ to learn; Adam needs 1/√θ.

    Three parts, at θ of at most `rare_theta` with at least `least_crossings` expected crossed steps. Momentum stays
    below M θ Σα / (1 - β), and needs at least `of_inverse` times 1/θ as many steps to learn as without dropout, at
    every width. Adam needs 1/√θ times as many within a factor of `factor`, at width 1, where a mask with a path removes
    nothing. A cell in which more than the share `most_censored` of the networks without dropout need more steps than
    have a path here cannot tell about time. A run that does not learn counts as the horizon, which is less than its
    time: a cell with such a run cannot fail by a short time, and one with more than `most_censored` of them cannot hold
    by one.
    """
    most = criterion["most_censored"]
    cells = [
        cell
        for cell in optimiser_cells(tables[OPTIMISERS])
        if cell.theta <= criterion["rare_theta"] * (1 + 1e-6) and cell.expected >= criterion["least_crossings"]
    ]
    momentum = [cell for cell in cells if cell.optimiser == "momentum"]
    adam = [cell for cell in cells if cell.optimiser == "adam" and cell.width == 1]
    timed, timed_adam = ([cell for cell in some if cell.slow_controls <= most] for some in (momentum, adam))
    order, root = (criterion["of_inverse"], np.inf), (1 / criterion["factor"], criterion["factor"])
    lost = len(momentum) + len(adam) - len(timed) - len(timed_adam)
    slow = "no cell that learns without dropout in as many steps as have a path"
    return decide(
        [
            Part(
                "momentum moves less than its bound",
                "mean movement over M θ Σα / (1 − β)",
                [ratio_check(_cell_name(cell), cell.drift, (0.0, 1.0)) for cell in momentum],
            ),
            Part(
                "momentum needs steps of order 1/θ",
                "θ times steps to learn over those without dropout",
                [_time_check(cell, cell.time, order, most) for cell in timed],
                why_open=slow,
            ),
            Part(
                "Adam needs steps of order 1/√θ",
                "√θ times steps to learn over those without dropout",
                [_time_check(cell, cell.root_time, root, most) for cell in timed_adam],
                why_open=slow,
            ),
        ],
        f"{lost} cells cannot tell about time: too slow without dropout" if lost else "",
    )


def _time_check(cell: OptimiserCell, time: LogRatio, band: Band, most_censored: float) -> Check:
    """A time with runs that count as the horizon is too short: it can exceed its band, but not fall below it."""
    found = ratio_check(_cell_name(cell), time, band, fails_outside=(0.0, band[1]) if cell.censored else None)
    unsure = np.isfinite(band[1]) and cell.censored > most_censored
    return replace(found, p_holds=1.0) if unsure else found


def _norm_name(cell: NormCell) -> str:
    return f"L = {cell.depth}, p = {cell.drop_rate:g}, θ = {cell.theta:.2g}, first {cell.step} steps"


def _smaller(cells: Sequence[NormCell], gain: str, band: tuple[float, float]) -> list[Check]:
    return [ratio_check(_norm_name(cell), cell.ratio, band) for cell in cells if cell.gain == gain]


def _steps(cells: Sequence[NormCell], along: str, band: tuple[float, float]) -> list[Check]:
    """Ratio of a cell to the one before it along depth or drop rate, the other fixed."""

    def groups() -> Iterator[list[NormCell]]:
        fixed = "drop_rate" if along == "depth" else "depth"
        for value in sorted({getattr(cell, fixed) for cell in cells}):
            yield sorted(
                (cell for cell in cells if getattr(cell, fixed) == value), key=lambda cell: float(getattr(cell, along))
            )

    return [
        ratio_check(
            f"{_norm_name(after)}, after {before.drop_rate:g}"
            if along == "drop_rate"
            else f"{_norm_name(after)}, after L = {before.depth}",
            after.ratio.over(before.ratio),
            band,
        )
        for group in groups()
        for before, after in pairwise(group)
    ]


def _cell_name(cell: OptimiserCell) -> str:
    return f"W = {cell.width}, θ = {cell.theta:.2g}"
