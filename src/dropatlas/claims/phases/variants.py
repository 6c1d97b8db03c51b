"""Judges of M1 and M2 (teacher-student, Figure 2) of arXiv 2510.07554; intervals over seeds."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import all_known, mean_check
from dropatlas.claims.parts import Part, decide, one_part_open
from dropatlas.claims.verdicts import Judgement
from dropatlas.phases.exponents import distance_slopes
from dropatlas.phases.variant_effects import final_validation_risks

TEACHER_STUDENT = "phases/teacher_student"

EXPONENT = -0.5  # of the distance between coupled neurons over the width
LABELS = {"none": "no dropout", "dropout": "dropout", "ram": "RaM", "pn_ram": "PN+RaM", "forward": "forward mask only"}


def judge_m1(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M1: distances dropout-RaM and dropout-(PN+RaM) fall like n^(-1/2), dropout-none stays O(1).

    Read after `early_step` steps and at the end, so that there are four parts. RaM: the exponents of RaM and of PN+RaM
    lie within `margin` of -1/2. No dropout: its exponent lies within `margin` of 0, and at the largest width it is at
    least `apart` times as far as RaM (geometric mean). Seeds that diverged at some width have no exponent.
    """
    rows = tables[TEACHER_STUDENT]
    measure = "exponent in n of the RMS distance to dropout"
    if rows.empty:
        return one_part_open("RaM comes nearer", measure, "the table is empty")
    last, margin = int(rows.step.max()), criterion["margin"]
    near, far = [], []
    for step in dict.fromkeys((min(int(criterion["early_step"]), last), last)):
        ram, pn_ram, none = (
            mean_check(LABELS[variant], distance_slopes(rows, variant, step), (centre - margin, centre + margin))
            for variant, centre in (("ram", EXPONENT), ("pn_ram", EXPONENT), ("none", 0.0))
        )
        ratio = mean_check("", _ratio_at_largest_width(rows, step), (criterion["apart"], np.inf), log=True)
        ratio = replace(ratio, measure="RMS distance of no dropout over that of RaM at the largest width")
        near.append(Part(f"RaM comes nearer with n, after {step} steps", measure, [ram, pn_ram]))
        far.append(Part(f"no dropout stays away, after {step} steps", measure, [none, ratio]))
    return decide(near + far)


def _ratio_at_largest_width(rows: pd.DataFrame, step: int) -> pd.Series:
    """Distance of none over distance of RaM at the largest width, by seed."""
    at = rows[(rows.step == step) & (rows.width == rows.width.max()) & ~rows.diverged]
    table = at.pivot(index="seed", columns="variant", values="rms_distance").reindex(columns=["none", "ram"])
    return table.none / table.ram


def judge_m2(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M2: at the largest width the losses of dropout and RaM coincide, and those of no dropout differ.

    Loss: mean validation risk (no masks) over the last tenth of training, paired over seeds, relative to dropout's.
    RaM coincides within `margin`, no dropout differs by more, in whichever direction. A variant one of whose runs
    diverged has no number.
    """
    risk = final_validation_risks(tables[TEACHER_STUDENT]).reindex(columns=["dropout", "ram", "none"])
    lost = ", ".join(LABELS[name] for name in risk if risk.empty or risk[name].isna().any())
    why, margin = f"diverged or not run: {lost}" if lost else "there are too few seeds", criterion["margin"]
    ram, none = (all_known((risk[name] - risk.dropout) / risk.dropout.mean()) for name in ("ram", "none"))
    near = mean_check("", ram, (-margin, margin))
    far = mean_check("", none * np.sign(none.mean()) if len(none) else none, (margin, np.inf))
    over = "validation risk of {} dropout{} over that of dropout, largest width,"
    return decide(
        [
            Part("RaM coincides", over.format("RaM minus", ""), [near], ".1%", why_open=why),
            Part("no dropout differs", over.format("|no dropout minus", "|"), [far], ".1%", why_open=why),
        ]
    )
