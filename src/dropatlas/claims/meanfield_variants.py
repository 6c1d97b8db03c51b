"""Judges of M1, M2 (teacher-student, Figure 2) and M5 (digits, Figure 3) of arXiv 2510.07554."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dropatlas.claims.verdicts import Judgement, Verdict
from dropatlas.meanfield.variant_effects import effects_on_test_risk, width_exponent
from dropatlas.stats import Interval, equivalence_p_value, mean_interval

TEACHER_STUDENT = "phases/teacher_student"
DIGIT_PAIR = "phases/digit_pair"

EXPONENT = -0.5  # of the distance between coupled neurons over the width


def _text(interval: Interval) -> str:
    return f"{interval.estimate:.3g} [{interval.low:.3g}, {interval.high:.3g}]"


def judge_coupling_exponent(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M1: distances dropout-RaM and dropout-(PN+RaM) fall like n^(-1/2), dropout-none stays O(1).

    Read after `early_step` steps and at the end. At a step the law holds if both exponents' intervals lie within
    `margin` of -1/2, that of none within `margin` of 0, and at the largest width none is at least `apart` times as far
    as RaM (lower end of the interval over repeats). It fails if one of these is excluded. Holds at both: reproduced;
    fails at the early step: not reproduced; holds early and fails at the end: partly; else inconclusive.
    """
    rows = tables[TEACHER_STUDENT]
    measure = "exponent of the RMS distance dropout-RaM in n, early"
    last = int(rows.step.max())
    early = min(int(criterion["early_step"]), last)
    outcomes, texts, first = [], [], None
    for step in (early, last):
        slopes = {variant: width_exponent(rows, variant, step) for variant in ("ram", "pn_ram", "none")}
        missing = [variant for variant, slope in slopes.items() if slope is None]
        if missing:
            reason = f"no exponent of {', '.join(missing)} at step {step}: too few widths or finite repeats"
            return Judgement(Verdict.INCONCLUSIVE, measure, np.nan, np.nan, np.nan, len(rows), reason)
        first = first or slopes["ram"]
        ratio = _ratio_at_largest_width(rows, step)
        margin = criterion["margin"]
        centres = {"ram": EXPONENT, "pn_ram": EXPONENT, "none": 0.0}
        inside = all(abs(e - centres[v]) <= margin for v, s in slopes.items() for e in (s.low, s.high))
        outside = [v for v, s in slopes.items() if s.low > centres[v] + margin or s.high < centres[v] - margin]
        near = ratio.high < criterion["apart"]
        holds = inside and ratio.low >= criterion["apart"]
        outcomes.append("holds" if holds else "fails" if outside or near else "open")
        texts.append(
            f"step {step}: RaM {_text(slopes['ram'])}, PN+RaM {_text(slopes['pn_ram'])}, none {_text(slopes['none'])}, "
            f"none {_text(ratio)} times as far as RaM at the largest width"
        )
    match outcomes:
        case ["holds", "holds"]:
            verdict, head = Verdict.REPRODUCED, "exponents as claimed"
        case ["fails", _]:
            verdict, head = Verdict.NOT_REPRODUCED, "exponents exclude the claim already early"
        case ["holds", "fails"]:
            verdict, head = Verdict.PARTLY, "the law holds early, and no longer after long training at these widths"
        case _:
            verdict, head = Verdict.INCONCLUSIVE, f"intervals straddle the margin of {margin:g}"
    repeats = rows.repeat.nunique()
    return Judgement(verdict, measure, first.estimate, first.low, first.high, repeats, f"{head} ({'; '.join(texts)})")


def _ratio_at_largest_width(rows: pd.DataFrame, step: int) -> Interval:
    """Distance of none over distance of RaM at the largest width: geometric mean over repeats with its interval."""
    at = rows[(rows.step == step) & (rows.width == rows.width.max()) & ~rows.diverged]
    table = np.log(at[at.variant.isin(["none", "ram"])].pivot(index="repeat", columns="variant", values="rms_distance"))
    found = mean_interval(table.none - table.ram)
    return Interval(*np.exp([found.estimate, found.low, found.high]))


def judge_same_losses(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M2: at the largest width the losses of dropout and RaM coincide, and those of no dropout differ.

    Loss: mean validation risk (no masks) over the last tenth of training, paired over repeats. Coincide: the interval
    of |RaM - dropout| is equivalent to 0 (two one-sided t tests at `alpha`) within `margin` times the loss of dropout.
    Differ: the t interval of none - dropout excludes 0 and its mean is beyond that margin. Both: reproduced. Not
    equivalent with an interval beyond the margin: not reproduced. Equivalent, but none is equivalent as well: partly.
    """
    rows = tables[TEACHER_STUDENT]
    measure = "validation risk of RaM minus dropout over that of dropout, largest width"
    end = rows[(rows.width == rows.width.max()) & (rows.step >= 0.9 * rows.step.max())]
    if end.diverged.any():
        reason = f"{end[end.diverged].variant.unique()} diverged at the largest width"
        return Judgement(Verdict.INCONCLUSIVE, measure, np.nan, np.nan, np.nan, end.repeat.nunique(), reason)
    risk = end.pivot_table(index="repeat", columns="variant", values="validation_risk")
    margin, alpha = criterion["margin"], criterion["alpha"]
    if len(risk) < 2:
        reason = f"{len(risk)} repeats carry no interval"
        return Judgement(Verdict.INCONCLUSIVE, measure, np.nan, np.nan, np.nan, len(risk), reason)
    ram, none = ((risk[name] - risk.dropout) / risk.dropout.mean() for name in ("ram", "none"))
    found, apart = mean_interval(ram), mean_interval(none)
    same = equivalence_p_value(ram.to_numpy(), margin) < alpha
    none_same = equivalence_p_value(none.to_numpy(), margin) < alpha
    none_differs = not apart.contains(0.0) and abs(apart.estimate) > margin
    text = (
        f"relative to dropout's validation risk {risk.dropout.mean():.3g} at n = {rows.width.max()}, RaM is off by "
        f"{_text(found)} and no dropout by {_text(apart)} (margin {margin:g})"
    )
    if found.low > margin or found.high < -margin:
        verdict = Verdict.NOT_REPRODUCED
    elif same and none_differs:
        verdict = Verdict.REPRODUCED
    elif same and none_same:
        verdict, text = Verdict.PARTLY, f"{text}: RaM coincides with dropout, but so does no dropout"
    else:
        verdict = Verdict.INCONCLUSIVE
    return Judgement(verdict, measure, found.estimate, found.low, found.high, len(risk), text)


def judge_digit_pair(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M5: on digits the test risk of dropout and RaM agree at every drop rate; effects of the variants are told.

    Agree: equivalent (two one-sided t tests at `alpha`, every drop rate) within `margin` times the test risk without
    dropout. Clearly further apart at some drop rate: not reproduced; equivalent at some but not at others, which are
    clearly apart: partly. A diverged dropout or RaM run decides nothing.
    """
    rows = tables[DIGIT_PAIR]
    measure = "test risk of RaM minus dropout over that of no dropout, drop rate where it is largest"
    final = rows[(rows.part == "test") & (rows.step == rows.step.max())]
    coupled = final[final.variant.isin(["dropout", "ram"])]
    none = final[final.variant == "none"].risk.mean()
    broken = coupled.diverged.any() or not np.isfinite(none)
    if broken or coupled.repeat.nunique() < 2:
        reason = "dropout, RaM or no dropout diverged" if broken else "fewer than two repeats carry no interval"
        return Judgement(Verdict.INCONCLUSIVE, measure, np.nan, np.nan, np.nan, coupled.repeat.nunique(), reason)
    margin, alpha = criterion["margin"], criterion["alpha"]
    same, apart, intervals = [], [], {}
    for drop_rate, cell in coupled.groupby("drop_rate"):
        risk = cell.pivot(index="repeat", columns="variant", values="risk")
        difference = ((risk.ram - risk.dropout) / none).to_numpy()
        intervals[drop_rate] = mean_interval(difference)
        same.append(equivalence_p_value(difference, margin) < alpha)
        apart.append(intervals[drop_rate].low > margin or intervals[drop_rate].high < -margin)
    worst_rate = max(intervals, key=lambda p: abs(intervals[p].estimate))
    worst = intervals[worst_rate]
    effects = effects_on_test_risk(rows)
    clear = effects[effects.p_value < alpha]
    told = ", ".join(f"{e.variant} p={e.drop_rate:g} {e.effect / none:+.1%}" for e in clear.itertuples())
    text = (
        f"largest difference of RaM and dropout, at p = {worst_rate:g}, {_text(worst)} of the risk {none:.3g} without "
        f"dropout (margin {margin:g}, agree at {sum(same)} of {len(same)} drop rates); significant effects on test "
        f"risk (Holm): {told or 'none'}"
    )
    if all(same):
        verdict = Verdict.REPRODUCED
    elif any(apart):
        verdict = Verdict.PARTLY if any(same) else Verdict.NOT_REPRODUCED
    else:
        verdict = Verdict.INCONCLUSIVE
    return Judgement(verdict, measure, worst.estimate, worst.low, worst.high, coupled.repeat.nunique(), text)
