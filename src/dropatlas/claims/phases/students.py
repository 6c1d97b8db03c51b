"""Judges of M1, M2 and M16 (teacher and student, Figure 2) of arXiv 2510.07554; intervals over seeds."""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import pandas as pd

from dropatlas.claims.checks import all_known, exact_check, mean_check, no_number, ratio_check
from dropatlas.claims.parts import LEVEL, Check, Part, decide, one_part_open
from dropatlas.claims.verdicts import Judgement
from dropatlas.phases.exponents import distance_slopes
from dropatlas.phases.reference_runs import READ, READ_OFF, READ_STEP
from dropatlas.phases.student_effects import (
    LOSSES,
    WIDEST,
    distance_ratios,
    effects_on_loss,
    final_risks,
    gap_slopes,
    lasting_shares,
    slope_changes,
)
from dropatlas.stats import mean_p_value, ratio_interval

TEACHER_STUDENT = "phases/teacher_student"
REFERENCE_STUDENTS = "phases/reference_students"

EXPONENT = -0.5  # of the distance between coupled neurons over the width
SHARE = (-np.inf, 1.0)  # of a squared distance that is left as n → ∞
LABELS = {"none": "no dropout", "ram": "RaM", "pn_ram": "PN+RaM"}
PLATEAU = "share of the squared RMS distance to dropout at the largest width that is left as n → ∞"


def judge_m1(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M1: distances dropout-RaM and dropout-(PN+RaM) fall like n^(-1/2), dropout-none stays O(1).

    Three parts after `step` steps. RaM, and PN+RaM: the exponent in n lies within `margin` of -1/2. No dropout: fitted
    by D² + c/n its squared distance at the largest width is D² by at least the share `plateau`; an exponent would not
    do, since that of D² + c/n is always negative. Seeds that diverged at some width have no number.
    """
    rows, step = tables[TEACHER_STUDENT], int(criterion["step"])
    near = (EXPONENT - criterion["margin"], EXPONENT + criterion["margin"])
    measure = f"exponent in n of the RMS distance to dropout after {step} steps"
    why = f"there are too few networks after {step} steps"
    parts = [
        Part(
            f"{LABELS[variant]} comes nearer with n",
            measure,
            [mean_check("", distance_slopes(rows, variant, step), near)],
            why_open=why,
        )
        for variant in ("ram", "pn_ram")
    ]
    left = mean_check("", lasting_shares(rows, "none", step), (criterion["plateau"], np.inf), support=SHARE)
    return decide([*parts, Part("no dropout stays away", PLATEAU, [left], ".2f", why_open=why)])


def judge_m2(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M2: at the largest width the losses of dropout and RaM coincide.

    Two parts, the validation risk without masks and the training risk as the variant sees it, each the mean over the
    last tenth of training, paired over seeds. Coincide: of dropout's effect on the loss (against no dropout) RaM has
    the share 1 ± `margin`; that of no dropout is 0. Where dropout has no clear effect, no dropout coincides with it as
    well, and the loss cannot tell.
    """
    rows, margin = tables[TEACHER_STUDENT], criterion["margin"]
    parts, told = [], []
    for loss, name in LOSSES.items():
        effects = effects_on_loss(rows, loss)
        check, why = _share_of_effect(effects, "ram", (1 - margin, 1 + margin))
        kind = name.partition(",")[0]
        measure = f"{name}: effect of RaM over that of dropout, largest width,"
        parts.append(Part(f"the {kind}s coincide", measure, [check], ".2f", why_open=why))
        told.append(_gaps(rows, loss, kind, check.known))
    return decide(parts, "; ".join(filter(None, told)))


def _share_of_effect(effects: pd.DataFrame, variant: str, band: tuple[float, float]) -> tuple[Check, str]:
    """A variant's share of dropout's effect, and why there is none where the loss cannot tell."""
    known = effects[["dropout", variant]].dropna()
    if len(known) < len(effects) or not len(effects):
        return no_number("", band), f"dropout, {LABELS[variant]} or no dropout diverged or was not run"
    dropout = all_known(known.dropout)
    if mean_p_value(dropout) > 2 * LEVEL:
        return no_number("", band), "dropout has no clear effect: no dropout coincides as well, this loss cannot tell"
    sign = np.sign(dropout.mean())
    return ratio_check("", sign * known[variant], sign * dropout, band), "there are too few seeds"


def _gaps(rows: pd.DataFrame, loss: str, kind: str, clear: bool) -> str:
    """How far RaM and no dropout lie from dropout's loss, in percent of it, and PN+RaM's share of a clear effect."""
    risks = final_risks(rows[rows.width == rows.width.max()], loss)
    if not {"none", "ram", "dropout", "pn_ram"} <= set(risks) or len(risks) < 2 or risks.isna().any(axis=None):
        return ""
    ram, none = (ratio_interval(risks[variant] - risks.dropout, risks.dropout) for variant in ("ram", "none"))
    told = f"{kind} against dropout's: RaM {ram:+.1%}, no dropout {none:+.1%}"
    if not clear:
        return told
    shared = ratio_interval(risks.pn_ram - risks.none, risks.dropout - risks.none)
    return f"{told}, PN+RaM has {shared:.2f} of dropout's effect"


def judge_m16(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M16: after step `step`, up to the end, finite networks part, and the law c/n is left among the widest.

    Six parts. The six distances read off the reference code come out to their last digit. At the end: RaM's exponent in
    n has grown by at least `grown`; at the smallest width no dropout is as far from dropout as RaM within a factor of
    `alike`; over the three largest widths a fit D² + c/n leaves at most the share `plateau` of RaM's squared distance,
    and at least as much of that of no dropout; and what dropout's losses have above RaM's falls with an exponent of at
    most `falls`.
    """
    rows, first = tables[TEACHER_STUDENT], int(criterion["step"])
    last = int(rows.step.max()) if len(rows) else 0
    if last <= first:
        return one_part_open("networks part after the published step", "RMS distance", f"no step after {first} was run")
    narrow, plateau = int(rows.width.min()), criterion["plateau"]
    alike = (1 / criterion["alike"], criterion["alike"])
    exponents = mean_check("", slope_changes(rows, "ram", first, last), (criterion["grown"], np.inf))
    ratios = mean_check("", distance_ratios(rows, narrow, last), alike, log=True)
    ram, none = (lasting_shares(rows, variant, last, WIDEST) for variant in ("ram", "none"))
    gaps = [
        mean_check(name, all_known(gap_slopes(rows, loss)), (-np.inf, criterion["falls"]))
        for loss, name in LOSSES.items()
    ]
    why = "a run diverged, or dropout's loss is not above RaM's everywhere"
    plateaus = f"{PLATEAU}, three largest widths, after {last} steps,"
    return decide(
        [
            _read_off(tables[REFERENCE_STUDENTS]),
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
            Part("the gap in the losses closes", "exponent in n of dropout's loss minus RaM's", gaps, why_open=why),
        ]
    )


def _read_off(rows: pd.DataFrame) -> Part:
    """The six distances that were read off the reference code, each to half a unit of its last digit."""
    runs = rows[(rows.runs == READ_OFF) & (rows.step == READ_STEP) & ~rows.diverged]
    found = runs.set_index(["variant", "width"]).rms_distance
    checks = []
    for variant, printed in READ.items():
        for width, digits in printed.items():
            unit = 10.0 ** int(Decimal(digits).as_tuple().exponent)
            band = (float(digits) - unit / 2, float(digits) + unit / 2)
            value = float(found.get((variant, width), np.nan))
            checks.append(exact_check(f"{LABELS[variant]}, n = {width}, printed {digits}", value, band))
    measure = f"RMS distance to dropout after {READ_STEP} steps with the authors' random numbers"
    return Part("the authors' runs are repeated", measure, checks, ".4f", why_open="these runs were not made")
