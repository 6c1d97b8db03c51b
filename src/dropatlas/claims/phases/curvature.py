"""Judges of what the sharpness bypass needs, M6, M15 and M19 (arXiv 2510.07554): second-order terms along training."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dropatlas.claims.checks import all_known, mean_check, no_number
from dropatlas.claims.parts import Band, Check, Part, decide
from dropatlas.claims.verdicts import Judgement
from dropatlas.phases.bypass import SETTING, costs_over_training, setting_group, setting_name, third_slopes, third_terms

CURVATURE = "phases/curvature"
EXPANSION = "phases/expansion"

GROUPS = ("two layers, squared loss", "two layers, logistic loss", "deeper")
ACROSS = {"activation": "activations", "loss": "losses", "width": "widths", "depth": "depths"}


def judge_m6(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M6: B >> |C| over training, across activations, losses, widths and depths: B is at least `factor` times |C|.

    In the mean over the risk's decrease (`costs_over_training`), geometric means over seeds, in every setting; parts by
    group of settings. A setting whose risk does not fall to `left` of its start (median) has no training to speak of
    and stays open.
    """
    band = (criterion["factor"], np.inf)
    return decide(_over_training(tables[CURVATURE], "ratio", "B ≫ |C|", "B over |C|", band, criterion["left"]))


def judge_m19(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M19: masks at the keep rate of training cost little: Var(m)·(C⁺ + S/n) is at most `cost` of B; else as M6."""
    rows, band = tables[CURVATURE], (-np.inf, criterion["cost"])
    parts = _over_training(rows, "cost", "masks cost little", "extra cost of masks over B", band, criterion["left"])
    return decide(parts, _reach(costs_over_training(rows), rows, criterion["cost"]))


def _over_training(rows: pd.DataFrame, column: str, name: str, measure: str, band: Band, left: float) -> list[Part]:
    """One part per group of settings, with a check per setting of a column of `costs_over_training`."""
    lacking = [told for key, told in ACROSS.items() if rows[key].nunique() < 2]
    networks, parts = costs_over_training(rows), []
    for group in GROUPS:
        cells = [
            (setting_name(kind, width, depth), cell)
            for (depth, loss, kind, width), cell in networks.groupby(SETTING)
            if setting_group(depth, loss) == group
        ]
        checks = [] if lacking else [_typical(*cell, column, band, left) for cell in cells]
        stuck = [where for where, cell in cells if not cell.left.median() <= left]
        why = f"too few {', '.join(lacking or ['settings'])} were measured"
        why = f"no learning, or no finite numbers: {', '.join(stuck)}" if stuck and not lacking else why
        parts.append(Part(f"{name}, {group}", measure, checks, why_open=why))
    return parts


def _typical(where: str, cell: pd.DataFrame, column: str, band: Band, left: float) -> Check:
    if not cell.left.median() <= left:
        return no_number(where, band)
    return mean_check(where, all_known(cell[column]), band, log=True)


def _reach(networks: pd.DataFrame, rows: pd.DataFrame, cost: float) -> str:
    """Down to which keep rate the extra cost stays small, by group: it is proportional to 1/q - 1."""
    variance = 1 / rows.keep_rate.iloc[0] - 1 if len(rows) else np.nan
    groups = [setting_group(*key) for key in zip(networks.depth, networks.loss, strict=True)]
    told = []
    for group, costs in networks.cost.groupby(groups):
        most = costs.groupby([networks.activation, networks.width, networks.depth]).median().max()
        told.append(f"{group} q = {1 / (1 + cost * variance / most):.2f}")
    return f"in every setting masks cost so little (median) down to: {', '.join(told)}" if told else ""


def judge_m15(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M15: the expansion needs its third term, Var(m) S/n, which relative to B falls like 1/n.

    "an identity, checked": in every cell the measured cost of masks less Var(m) C is Var(m) S/n up to `margin`.
    "without it the expansion is off": in networks of at most `most_neurons`, at the last stage of training, it is at
    least `missed` of Var(m) (|C| + S/n). "it falls like 1/n": the exponent in n of the same difference over Var(m) B, a
    mean over keep rates, is -1 up to `exponent_margin`, where masks are sampled. Means over seeds.
    """
    rows, margin = third_terms(tables[EXPANSION]), criterion["margin"]
    cells = [
        (f"{loss}, n = {width}, step {step}, q = {q:g}", cell)
        for (loss, width, step, q, _), cell in rows.groupby(["loss", "width", "step", "keep_rate", "activation"])
    ]
    found = [mean_check(name, all_known(cell.share), (1 - margin, 1 + margin)) for name, cell in cells]
    needed = [
        mean_check(name, all_known(cell.error), (criterion["missed"], np.inf))
        for name, cell in cells
        if cell.width.iloc[0] <= criterion["most_neurons"] and cell.step.iloc[0] == rows.step.max()
    ]
    band = (-1 - criterion["exponent_margin"], -1 + criterion["exponent_margin"])
    exponents = [
        mean_check(f"{loss}, step {step}", all_known(slopes), band)
        for (loss, step, _), slopes in third_slopes(rows).items()
    ]
    parts = [
        Part("an identity, checked: the third term is there", "measured over expected third term", found),
        Part("without it the expansion is off", "its error over Var(m)(|C| + S/n)", needed),
        Part("it falls like 1/n", "exponent in n of the measured third term over B", exponents),
    ]
    every = rows[rows.all_masks]
    worst = (every.share - 1).abs().max()
    told = (
        "" if every.empty else f"mean over all masks, n = {every.width.max()}: at most {worst:.1e} off in any network"
    )
    return decide(parts, told)
