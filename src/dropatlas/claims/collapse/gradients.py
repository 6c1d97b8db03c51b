"""Judge of P16 (arXiv 2512.13853, failure signatures and limitations): gradient norms, momentum and Adam."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import pandas as pd

from dropatlas.claims.collapse.ratios import ratio_check
from dropatlas.claims.parts import Check, Part, decide
from dropatlas.claims.verdicts import Judgement
from dropatlas.collapse.gradient_effects import NormCell, OptimiserCell, norm_cells, optimiser_cells

GRADIENTS = "collapse/gradients"
OPTIMISERS = "collapse/optimisers"

RATIO = "norm of the gradient over that without dropout"


def judge_p16(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P16: masks make gradients small, the more so with depth and drop rate; momentum and Adam change little of it.

    Nine parts. Norms, means over training relative to the same networks without dropout: at most `smaller` in every
    cell of `least_depth` or more layers, at initialisation and over training, at gain 1 and at gain 1/√q; the same
    given a path at gain 1; and at gain 1 from each depth to the next, and from each drop rate to the next, at most
    `smaller` times as large. Optimisers, at every width and θ at most `rare_theta` with at least `least_crossings`
    expected crossed steps: momentum stays below M θ Σα / (1 - β), Adam exceeds M θ Σα by at least `exceeds`; both need
    at least `of_inverse` times 1/θ as many steps to learn as without dropout. Seeds that are slow
    without dropout tell nothing about time (`OptimiserCell.time`).
    """
    norms = list(norm_cells(tables[GRADIENTS]))
    last = max((cell.step for cell in norms), default=0)
    deep = [cell for cell in norms if cell.depth >= criterion["least_depth"]]
    trained = [cell for cell in norms if cell.gain == "plain" and cell.step == last]
    small = (0.0, criterion["smaller"])
    parts = [
        Part("gradients are smaller at gain 1", RATIO, _smaller(deep, "plain", small)),
        Part("gradients are smaller at gain 1/√q", RATIO, _smaller(deep, "compensated", small)),
        Part(
            "they are smaller given a path, too",
            f"given a path, {RATIO}",
            [
                ratio_check(_norm_name(cell), cell.given_path, small)
                for cell in deep
                if cell.gain == "plain" and cell.step == last
            ],
        ),
        Part("they fall with depth", f"{RATIO}, by that of the shallower network", _steps(trained, "depth", small)),
        Part(
            "they fall with the drop rate", f"{RATIO}, by that at the lower rate", _steps(trained, "drop_rate", small)
        ),
    ]
    cells = [
        cell
        for cell in optimiser_cells(tables[OPTIMISERS])
        if cell.theta <= criterion["rare_theta"] * (1 + 1e-6) and cell.expected >= criterion["least_crossings"]
    ]
    momentum, adam = ([cell for cell in cells if cell.optimiser == name] for name in ("momentum", "adam"))
    parts += [
        Part(
            "momentum moves less than its bound",
            "mean movement over M θ Σα / (1 − β)",
            [ratio_check(_cell_name(cell), cell.drift, (0.0, 1.0)) for cell in momentum],
        ),
        Part(
            "Adam moves further than the bound of plain descent",
            "mean movement over M θ Σα",
            [ratio_check(_cell_name(cell), cell.drift, (criterion["exceeds"], float("inf"))) for cell in adam],
        ),
        Part(
            "momentum needs steps of order 1/θ",
            "θ times steps to learn over those without dropout",
            _times(momentum, criterion),
        ),
        Part(
            "Adam needs steps of order 1/θ",
            "θ times steps to learn over those without dropout",
            _times(adam, criterion),
        ),
    ]
    return decide(parts)


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


def _times(cells: Sequence[OptimiserCell], criterion: Mapping[str, float]) -> list[Check]:
    """Times with a run that did not get there are too short: they can hold, but not fail."""
    band, anything = (criterion["of_inverse"], float("inf")), (0.0, float("inf"))
    return [
        ratio_check(_cell_name(cell), cell.time, band, fails_outside=anything if cell.censored else None)
        for cell in cells
    ]
