"""Judges of training collapse (arXiv 2512.13853, Section V), P10 and P11: modified dropout, biases."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import (
    NORM,
    all_known,
    mean_check,
    never_check,
)
from dropatlas.claims.parts import LEVEL, Check, Part, decide
from dropatlas.claims.verdicts import Judgement

VARIANTS = "collapse/variants"


CELL = ["problem", "depth", "width", "cell_drop_rate"]


def _final(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows.step == rows.step.max()) & ~rows.diverged & rows.control_learns]


def _cell_name(key: tuple[str, int, int, float]) -> str:
    problem, depth, width, p = key
    return f"{problem}, L = {depth}, W = {width}, p = {p:g}"


def _modified_minus_dropout(final: pd.DataFrame) -> dict[str, np.ndarray]:
    """Final loss ratio of modified minus plain dropout, one value per seed (NaN if one diverged), by cell with both."""
    found = {}
    for key, cell in final.groupby(CELL):
        wide = cell.pivot(index="seed", columns="variant", values="loss_ratio")
        if {"modified", "dropout"} <= set(wide):
            both = wide[["modified", "dropout"]].dropna(how="all")
            found[_cell_name(key)] = (both.modified - both.dropout).to_numpy()
    return {name: differences for name, differences in found.items() if np.isfinite(differences).any()}


def _somewhere(checks: Sequence[Check]) -> Check:
    """That one of the checks holds (Bonferroni); it fails if none does and all of them fail. The clearest is shown."""
    clearest = min(checks, key=lambda check: check.p_holds)
    p_holds = min(1.0, len(checks) * clearest.p_holds)
    p_fails = 1.0 if p_holds <= LEVEL else max(check.p_fails for check in checks)
    return replace(clearest, where=f"the clearest benefit, {clearest.where}", p_holds=p_holds, p_fails=p_fails)


def _better(cells: Mapping[str, np.ndarray], margin: float) -> list[Check]:
    """That modified dropout is better somewhere, by anything, and nowhere worse, by as much as the margin.

    It fails where it is clearly worse, or where everywhere the benefit is clearly less than the margin.
    """
    harm = [mean_check(*cell, (-np.inf, margin), fails_outside=(-np.inf, 0.0)) for cell in cells.items()]
    benefit = [mean_check(*cell, (-np.inf, 0.0), fails_outside=(-np.inf, -margin)) for cell in cells.items()]
    return [*harm, _somewhere(benefit)] if benefit else []


def judge_p10(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P10: modified dropout is better than dropout with biases, and equal without. Criterion: `margin`.

    Two parts. With biases paired differences of final loss ratios decide: modified dropout must be better in some cell
    and nowhere worse by as much as `margin`; a cell in which it is worse at all fails, and so does no benefit as large
    as `margin` anywhere. Without biases one network that differs at all fails: the implementation, or Theorem V.7,
    would be wrong. Cells whose control does not learn decide nothing.
    """
    final = _final(tables[VARIANTS])
    free, biased = (_modified_minus_dropout(final[final.biases == has]) for has in (False, True))
    differences = np.concatenate([*free.values(), []])
    known = differences[np.isfinite(differences)]
    return decide(
        [
            Part(
                "modified dropout is better with biases",
                "loss ratio of modified minus plain dropout (paired over seeds)",
                _better(biased, criterion["margin"]),
            ),
            Part(
                "modified dropout is the same without biases",
                "share of networks whose final loss differs",
                [never_check("", int(np.count_nonzero(known)), len(known), len(differences))],
            ),
        ]
    )


def _share_of_control(runs: pd.DataFrame, control: pd.DataFrame, column: str) -> pd.Series:
    """Movement of every run over that of the network without dropout of the same cell and seed, aligned with `runs`."""
    same = control.set_index([*CELL, "seed"])[column].reindex(pd.MultiIndex.from_frame(runs[[*CELL, "seed"]]))
    return runs[column] / same.to_numpy()


def judge_p11(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P11: the breakdown extends to networks with biases: weights stall and only biases learn where paths are rare.

    Cells: biased, θ <= `theta`, control learns. Two parts. Only biases learn: the loss ratio to the best constant stays
    above 1 - `margin`, and biases move by more than `stall` of what they move without dropout. Weights stall: they move
    by less than `stall` of what they move without dropout.
    """
    final = _final(tables[VARIANTS]).query("biases")
    runs, control = final[final.variant == "dropout"], final[final.variant == "none"]
    runs = runs[runs.theta <= criterion["theta"]]
    runs = runs.assign(
        weights=_share_of_control(runs, control, "relative_movement"),
        moved=_share_of_control(runs, control, "bias_movement"),
    )
    learn, still = [], []
    for key, cell in runs.groupby(CELL):
        name, more, less = _cell_name(key), (criterion["stall"], np.inf), (-np.inf, criterion["stall"])
        learn.append(mean_check(name, all_known(cell.loss_ratio), (1 - criterion["margin"], np.inf), support=NORM))
        moved = mean_check(name, all_known(cell.moved), more, support=NORM)
        learn.append(replace(moved, measure="movement of the biases over that without dropout"))
        still.append(mean_check(name, all_known(cell.weights), less, support=NORM))
    none = f"no biased cell with θ <= {criterion['theta']:g} whose network learns without dropout"
    return decide(
        [
            Part("only biases learn", "loss over that of the best constant", learn, why_open=none),
            Part("weights stall", "movement of the weights over that without dropout", still, why_open=none),
        ]
    )
