"""Judges of M1, M2 (teacher-student, Figure 2) and M5 (digits, Figure 3) of arXiv 2510.07554."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dropatlas.claims.bands import STATES, Check, both_hold, deciding, mean_check, seed_slopes, sides_of
from dropatlas.claims.verdicts import LEAST_SEEDS, Judgement, of_parts, undecided
from dropatlas.meanfield.variant_effects import effects_on_test_risk

TEACHER_STUDENT = "phases/teacher_student"
DIGIT_PAIR = "phases/digit_pair"

EXPONENT = -0.5  # of the distance between coupled neurons over the width
LABELS = {"none": "no dropout", "dropout": "dropout", "ram": "RaM", "pn_ram": "PN+RaM", "forward": "forward mask only"}


def judge_coupling_exponent(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M1: distances dropout-RaM and dropout-(PN+RaM) fall like n^(-1/2), dropout-none stays O(1).

    Read after `early_step` steps and at the end, so that there are four parts. RaM: the exponents of RaM and of PN+RaM
    lie within `margin` of -1/2. No dropout: its exponent lies within `margin` of 0, and at the largest width it is at
    least `apart` times as far as RaM. A part holds if the 95 % intervals over repeats say so, and is refuted by one
    number beyond its band (one-sided t tests over repeats, Holm over all numbers, `alpha`). Effect: the first number
    in this order that decides. Repeats that diverged at some width have no exponent.
    """
    rows = tables[TEACHER_STUDENT]
    if rows.empty:
        return undecided("exponent of the RMS distance dropout-RaM in n", 0, "the table is empty")
    rows = rows.assign(rms_distance=rows.rms_distance.where(~rows.diverged))
    last = int(rows.step.max())
    times = list(dict.fromkeys((min(int(criterion["early_step"]), last), last)))
    margin = criterion["margin"]

    def exponent(variant: str, step: int, centre: float) -> Check:
        slopes = seed_slopes(rows[(rows.variant == variant) & (rows.step == step)], "rms_distance", "repeat", 3)
        name = f"exponent in n of the RMS distance of {LABELS[variant]} to dropout after {step} steps"
        return mean_check(name, slopes, centre - margin, centre + margin)

    near = [[exponent(variant, step, EXPONENT) for variant in ("ram", "pn_ram")] for step in times]
    far = [[exponent("none", step, 0.0), _ratio_at_largest_width(rows, step, criterion["apart"])] for step in times]
    checks = [check for part in near + far for check in part]
    sides = sides_of(checks, criterion["alpha"])
    shown = checks[sides.index(min(sides))]
    parts = both_hold(sides)
    told = "; ".join(
        f"after {step} steps RaM {ram:.2f} and PN+RaM {pn_ram:.2f} ({STATES[parts[i]]}), no dropout {none:z.2f} and "
        f"{ratio:.1f} times as far as RaM ({STATES[parts[len(times) + i]]})"
        for i, (step, (ram, pn_ram), (none, ratio)) in enumerate(zip(times, near, far, strict=True))
    )
    rule = f"no dropout must stay within ±{margin:g} and be at least {criterion['apart']:g} times as far"
    return shown.judgement(of_parts(parts), f"{shown}; exponents: {told}; {rule}")


def _ratio_at_largest_width(rows: pd.DataFrame, step: int, apart: float) -> Check:
    """Distance of none over distance of RaM at the largest width: geometric mean over repeats."""
    at = rows[(rows.step == step) & (rows.width == rows.width.max()) & rows.variant.isin(["none", "ram"])]
    table = at.pivot(index="repeat", columns="variant", values="rms_distance").reindex(columns=["none", "ram"])
    name = f"RMS distance of no dropout over that of RaM at the largest width after {step} steps"
    return mean_check(name, table.none / table.ram, apart, np.inf, log=True)


def judge_same_losses(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M2: at the largest width the losses of dropout and RaM coincide, and those of no dropout differ.

    Loss: mean validation risk (no masks) over the last tenth of training, paired over repeats, relative to dropout's.
    Two parts. RaM coincides: equivalent to dropout within `margin` (two one-sided t tests at `alpha`); refuted if
    beyond `margin`. No dropout differs: beyond `margin` (one-sided t test at `alpha`); refuted if equivalent. The two
    refutations are corrected together (Holm).
    """
    rows = tables[TEACHER_STUDENT]
    measure = "validation risk of RaM minus dropout over that of dropout, largest width"
    compared = ["dropout", "ram", "none"]
    end = rows[(rows.width == rows.width.max()) & (rows.step >= 0.9 * rows.step.max()) & rows.variant.isin(compared)]
    risk = end.assign(validation_risk=end.validation_risk.where(~end.diverged))
    risk = risk.groupby(["repeat", "variant"]).validation_risk.mean(skipna=False).unstack().reindex(columns=compared)
    lost = [LABELS[name] for name in compared if risk.empty or not np.isfinite(risk[name]).all()]
    if lost:
        return undecided(measure, len(risk), f"at the largest width diverged or not run: {', '.join(lost)}")
    if len(risk) < LEAST_SEEDS:
        return undecided(measure, len(risk), f"{len(risk)} repeats carry no interval")
    margin, alpha = criterion["margin"], criterion["alpha"]
    ram, none = (((risk[name] - risk.dropout) / risk.dropout.mean()).to_numpy() for name in ("ram", "none"))
    same = mean_check(measure, ram, -margin, margin, confidence=1 - 2 * alpha)
    name = "|validation risk of no dropout minus dropout| over that of dropout, largest width"
    apart = mean_check(name, none * np.sign(none.mean()), margin, np.inf, confidence=1 - 2 * alpha)
    sides = sides_of([same, apart], alpha)
    shown, other = (same, apart) if sides[0] <= sides[1] else (apart, same)
    first = {1: "coincides with", 0: "is not decidedly near or far from", -1: "differs from"}[sides[0]]
    second = {1: "differs", 0: "is not decidedly near or far", -1: "coincides with it, too"}[sides[1]]
    reason = f"{shown}; at n = {end.width.max()} RaM {first} dropout and no dropout {second}; {other}"
    return shown.judgement(of_parts(sides), reason)


def judge_digit_pair(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M5: on digits the test risk of dropout and RaM agree at every drop rate; effects of the variants are told.

    One part per drop rate. Agree: equivalent (two one-sided t tests at `alpha`) within `margin` times the test risk
    without dropout. Refuted: further apart (one-sided t tests, Holm over the drop rates, `alpha`). Where a dropout or
    RaM run diverged, the drop rate stays open. Effect: the drop rate that decides, and of several the one whose
    interval reaches furthest.
    """
    rows = tables[DIGIT_PAIR]
    measure = "test risk of RaM minus dropout over that of no dropout"
    final = rows[(rows.part == "test") & (rows.step == rows.step.max())]
    coupled = final[final.variant.isin(["dropout", "ram"])]
    none = final[final.variant == "none"].risk.mean()
    if coupled.empty or not np.isfinite(none):
        return undecided(measure, coupled.repeat.nunique(), "dropout, RaM or no dropout diverged or is missing")
    margin, alpha = criterion["margin"], criterion["alpha"]
    checks = {}
    for drop_rate, cell in coupled.groupby("drop_rate"):
        risk = cell.assign(risk=cell.risk.where(~cell.diverged)).pivot(index="repeat", columns="variant", values="risk")
        risk = risk.reindex(columns=["ram", "dropout"])
        difference = ((risk.ram - risk.dropout) / none).to_numpy()
        difference = difference if np.isfinite(difference).all() else []
        name = f"{measure}, p = {drop_rate:g}"
        checks[drop_rate] = mean_check(name, difference, -margin, margin, confidence=1 - 2 * alpha)
    sides = sides_of(list(checks.values()), alpha)
    shown = deciding(list(checks.values()), sides)
    listed = {
        side: [f"{rate:g}" for rate, found in zip(checks, sides, strict=True) if found == side] for side in STATES
    }
    words = {1: "they agree", 0: "open", -1: "they differ"}
    told = "; ".join(f"{words[side]} at p = {', '.join(rates)}" for side, rates in listed.items() if rates)
    changes = _effects_in_words(rows, none, alpha)
    reason = f"{shown}; {told}; significant changes of test risk against no dropout (Holm): {changes}"
    return shown.judgement(of_parts(sides), reason)


def _effects_in_words(rows: pd.DataFrame, none: float, alpha: float) -> str:
    """Significant effects of the variants on the test risk, as shares of `none`, by variant."""
    effects = effects_on_test_risk(rows)
    clear = effects[effects.p_value < alpha]
    told = clear.effect.map(lambda effect: f"{effect / none:+.1%}") + clear.drop_rate.map(" at p = {:g}".format)
    return "; ".join(f"{LABELS[name]} {', '.join(cell)}" for name, cell in told.groupby(clear.variant)) or "none"
