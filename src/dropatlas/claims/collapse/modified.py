"""Judges of training collapse (arXiv 2512.13853, Section V), P10: modified dropout."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import mean_check, never_check
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
