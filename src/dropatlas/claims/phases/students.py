"""Judges of M1, M2 and M16 (teacher and student, Figure 2) of arXiv 2510.07554; intervals over seeds."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import all_known, mean_check
from dropatlas.claims.parts import LEVEL, Check, Part, decide, one_part_open, shown
from dropatlas.claims.verdicts import Judgement, State
from dropatlas.phases.exponents import distance_slopes
from dropatlas.phases.reference_runs import FIGURE_WIDTHS
from dropatlas.phases.student_effects import (
    LOSSES,
    distance_ratios,
    final_risks,
    gap_slopes,
    lasting_shares,
    slope_changes,
)
from dropatlas.phases.widest import WIDEST
from dropatlas.stats import ratio_interval

TEACHER_STUDENT = "phases/teacher_student"

EXPONENT = -0.5  # of the distance between coupled neurons over the width
SHARE = (-np.inf, 1.0)  # of a squared distance that is left as n → ∞
LABELS = {"none": "no dropout", "ram": "RaM", "pn_ram": "PN+RaM"}
PLATEAU = "share of the squared RMS distance to dropout at the largest width that is left as n → ∞"


def _other_widths(rows: pd.DataFrame) -> str:
    """Why nothing is judged where the widths are not the published ones; empty where they are."""
    run = sorted(int(width) for width in rows.width.unique())
    if run == list(FIGURE_WIDTHS):
        return ""
    return f"not the published widths: n = {', '.join(map(str, run)) or 'none'}"


def judge_m1(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M1: distances dropout-RaM and dropout-(PN+RaM) fall like n^(-1/2), dropout-none stays O(1).

    Three parts after `step` steps. RaM, and PN+RaM: the exponent in n lies within `margin` of -1/2, and a fit D² + c/n
    of the three largest widths leaves at most the share `plateau` of the squared distance, since an exponent alone
    would pass for a small D as well. No dropout: at least that share of it is left, over all widths. Seeds that
    diverged at some width have no number.
    """
    rows, step = tables[TEACHER_STUDENT], int(criterion["step"])
    measure = f"exponent in n of the RMS distance to dropout after {step} steps"
    if why := _other_widths(rows):
        return one_part_open("RaM comes nearer with n", measure, why)
    near, plateau = (EXPONENT - criterion["margin"], EXPONENT + criterion["margin"]), criterion["plateau"]
    why = f"there are too few networks after {step} steps"
    parts = []
    for variant in ("ram", "pn_ram"):
        left = mean_check("", lasting_shares(rows, variant, step, WIDEST), (-np.inf, plateau), support=SHARE)
        checks = [
            mean_check("", distance_slopes(rows, variant, step), near),
            replace(left, measure=f"{PLATEAU}, three largest widths,"),
        ]
        parts.append(Part(f"{LABELS[variant]} comes nearer with n", measure, checks, why_open=why))
    left = mean_check("", lasting_shares(rows, "none", step), (plateau, np.inf), support=SHARE)
    return decide([*parts, Part("no dropout stays away", PLATEAU, [left], ".2f", why_open=why)])


def judge_m2(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M2: with the width the losses of dropout and RaM come to coincide.

    Two parts, the validation risk without masks and the training risk as the variant sees it, each the mean over the
    last tenth of training: the exponent in n of |dropout - RaM| is at most `closes`. Where that of |dropout - none| is
    not clearly above it, no dropout comes as near, and the part is open at best.
    """
    rows, closes = tables[TEACHER_STUDENT], criterion["closes"]
    if why := _other_widths(rows):
        return one_part_open("the gap closes", "exponent in n of |dropout - RaM|", why)
    parts, told = [], []
    for loss, name in LOSSES.items():
        kind = name.partition(",")[0]
        ram, none = (all_known(gap_slopes(rows, loss, variant)) for variant in ("ram", "none"))
        check, control = mean_check("", ram, (-np.inf, closes)), mean_check("", none, (closes, np.inf))
        blind = control.p_holds > LEVEL
        parts.append(
            Part(
                f"the gap in the {kind} closes",
                f"{name}: exponent in n of |dropout - RaM| at the end",
                [replace(check, p_holds=1.0) if blind else check],
                ".2f",
                {State.OPEN: _as_near(control)} if blind else {},
                "a run of dropout or RaM diverged or is missing, or both have the same loss",
            )
        )
        told.append(_gaps_at_largest(rows, loss, kind))
    return decide(parts, "; ".join(filter(None, told)))


def _as_near(control: Check) -> str:
    """Why a loss cannot tell RaM from no dropout."""
    if not control.known:
        return "and there is no gap of no dropout to compare with"
    found = f"(exponent {shown(control.value, '.2f')})"
    if control.p_fails <= LEVEL:
        return f"no dropout comes as near {found}: this loss cannot tell"
    return f"it is not clear that no dropout does not come as near {found}"


def _gaps_at_largest(rows: pd.DataFrame, loss: str, kind: str) -> str:
    """How far RaM and no dropout lie from dropout's loss at the largest width, in percent of it."""
    risks = final_risks(rows[rows.width == rows.width.max()], loss).reindex(columns=["dropout", "ram", "none"])
    if len(risks) < 2 or risks.isna().any(axis=None):
        return ""
    ram, none = (ratio_interval(risks[variant] - risks.dropout, risks.dropout) for variant in ("ram", "none"))
    return f"{kind} at n = {rows.width.max()} against dropout's: RaM {ram:+.1%}, no dropout {none:+.1%}"


def judge_m16(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M16: after step `step`, up to the end, finite networks part, and RaM still comes nearer among the widest.

    Four parts, at the end: RaM's exponent in n has grown by at least `grown`; at the smallest width no dropout is as
    far from dropout as RaM within a factor of `alike`; over the three largest widths a fit D² + c/n leaves at most the
    share `plateau` of RaM's squared distance, and at least as much of that of no dropout.
    """
    rows, first = tables[TEACHER_STUDENT], int(criterion["step"])
    last = int(rows.step.max()) if len(rows) else 0
    why = _other_widths(rows) or (f"no step after {first} was run" if last <= first else "")
    if why:
        return one_part_open("networks part after the published step", "RMS distance", why)
    narrow, plateau = int(rows.width.min()), criterion["plateau"]
    alike = (1 / criterion["alike"], criterion["alike"])
    exponents = mean_check("", slope_changes(rows, "ram", first, last), (criterion["grown"], np.inf))
    ratios = mean_check("", distance_ratios(rows, narrow, last), alike, log=True)
    ram, none = (lasting_shares(rows, variant, last, WIDEST) for variant in ("ram", "none"))
    plateaus = f"{PLATEAU}, three largest widths, after {last} steps,"
    return decide(
        [
            Part("the exponent grows", f"RaM's exponent after {last} steps minus that after {first}", [exponents]),
            Part(
                "narrow networks part altogether",
                f"RMS distance to dropout of no dropout over that of RaM, n = {narrow}, after {last} steps,",
                [ratios],
            ),
            Part(
                "RaM still comes nearer", plateaus, [mean_check("", ram, (-np.inf, plateau), support=SHARE)], form=".2f"
            ),
            Part(
                "no dropout stays away", plateaus, [mean_check("", none, (plateau, np.inf), support=SHARE)], form=".2f"
            ),
        ]
    )
