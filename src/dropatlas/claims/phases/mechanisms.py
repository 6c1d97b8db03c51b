"""Judge of M10, deeper networks (arXiv 2510.07554); intervals over seeds."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dropatlas.claims.checks import mean_check
from dropatlas.claims.parts import Part, decide, one_part_open
from dropatlas.claims.phases.students import EXPONENT
from dropatlas.claims.verdicts import Judgement, Verdict
from dropatlas.phases.exponents import seed_slopes

DEPTH = "phases/depth"


def judge_m10(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M10: at every depth the distance dropout-RaM falls like n^(-1/2), faster than that to no dropout.

    Correlated initialisation, last measured step, exponents fitted per seed; one part per depth: the exponent lies
    within `margin` of -1/2 and below that of no dropout. A depth where networks without dropout do not learn (risk
    above `learned` of the constant's at some width) stays open. The deeper networks (L > 1) are judged; if all of them
    hold, the two-layer network (L = 1), the case they extend, must as well.
    """
    rows = tables[DEPTH]
    rows = rows[rows.initialisation == "correlated"]
    final = rows[rows.step == rows.step.max()]
    parts = {depth: _depth(depth, part, criterion) for depth, part in final.groupby("depth")}
    deeper = [part for depth, part in parts.items() if depth > 1]
    if not deeper:
        return one_part_open("L > 1", "exponent in n", "no network with several hidden layers was run")
    found = decide(deeper)
    return decide(list(parts.values())) if found.verdict == Verdict.REPRODUCED else found


def _depth(depth: int, part: pd.DataFrame, criterion: Mapping[str, float]) -> Part:
    """Exponent of the distance dropout-RaM at one depth, and its difference to that of dropout-none."""
    measure = "exponent in n of the RMS distance of RaM to dropout"
    if not part[part.variant == "none"].groupby("width").risk_ratio.median().max() <= criterion["learned"]:
        return Part(f"L = {depth}", measure, [], why_open="no learning without dropout")
    ram, none = (seed_slopes(part[part.variant == name], "distance") for name in ("ram", "none"))
    law = mean_check("", ram, (EXPONENT - criterion["margin"], EXPONENT + criterion["margin"]))
    return Part(f"L = {depth}", measure, [law, mean_check("minus that of no dropout", ram - none, (-np.inf, 0.0))])
