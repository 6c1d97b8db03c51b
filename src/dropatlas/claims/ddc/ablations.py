"""Judges of the mechanisms of Dynamic DropConnect, D5-D7, D9-D11, D13 (arXiv 2502.19948): pure functions of tables."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from dropatlas.claims.checks import mean_check, never_check, no_number
from dropatlas.claims.parts import Check, Part, decide
from dropatlas.claims.verdicts import Judgement, State
from dropatlas.ddc.effects import (
    GRID,
    PUBLISHED,
    averaging_changes,
    calibration_ratios,
    candidate_losses,
    first_to_target,
    mean_drop_rate,
    over_all_training,
    paired_differences,
    sensitivity_effects,
)
from dropatlas.stats import Interval, binomial_interval, known_seeds, mean_interval, mean_p_value

REGRESSION = "ddc/regression"
FORMULA = "ddc/formula"
SENSITIVITY = {"images": "ddc/sensitivity_images", "table": "ddc/sensitivity_table"}
SEARCH = "ddc/learned_search"
LEARNED = "ddc/learned_rates"
MONTE_CARLO = "ddc/monte_carlo"
ACTIVATIONS = "ddc/activations"
FEEDBACK = "ddc/feedback"

LEAST_STARTS = 20
TWO_GROUPS = 5 / 9
ANYTHING = (0.0, np.inf)
"""Band of a number that must be more than nothing."""
OTHERS = {
    "dropconnect": "DropConnect at the same mean rate",
    "drop_big_gradient": "dropping big gradients",
}
"""What D5 compares with."""
LEFT_OUT = {
    "no_zscore": "without z-scores",
    "no_zscore_no_threshold": "without z-scores and threshold",
    "no_threshold": "without threshold",
}
"""What D6 leaves out of the formula."""
STAGES = {"start": "before training", "end": "after training"}


def _more(where: str, values: np.ndarray) -> Check:
    """Is the mean over starts above 0? It fails if it is not, also if all starts are equal."""
    check = mean_check(where, values, ANYTHING)
    return replace(check, p_fails=1 - check.p_holds) if check.n >= LEAST_STARTS else no_number(where, ANYTHING)


def judge_d5(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D5: DDC drops the edge with the smaller gradient more often, and converges faster than both other methods.

    Faster: first to reach `target` of the initial risk, start by start, in every problem and learning rate in which
    one of the two gets there. Parts: the selection of edges, and each of the other methods.
    """
    rows = tables[REGRESSION]
    rows = rows[np.isclose(rows.target, criterion["target"])]
    ours = rows[rows.method == "ddc"]
    more = (ours.small_drop_rate - ours.large_drop_rate).groupby(ours.seed).mean().to_numpy(dtype=float)
    measure = "share of steps dropping the smaller gradient minus the larger"
    parts = [Part("smaller gradients are dropped more often", measure, [_more("", more)], "+.1%")]
    for method, label in OTHERS.items():
        wins = first_to_target(rows, method)
        checks = [
            _more(f"input scale {scale:g}, learning rate {rate:g} · 2/λ", wins[scale, rate].to_numpy(dtype=float))
            for scale, rate in wins
        ]
        measure = f"lead over {label} in being first at {criterion['target']:.0%} of the initial risk, share of starts"
        parts.append(Part(f"faster than {label}", measure, checks, "+.1%", why_open="too few starts get there"))
    return decide(parts)


def judge_d6(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D6: without z-scores accuracy or stability falls; thresholding matters.

    A part for each thing left out, at the last epoch; see `_left_out`.
    """
    rows = tables[FORMULA]
    rows = rows[rows["last"]]
    parts = [_left_out(rows, arm, criterion["margin"]) for arm in LEFT_OUT]
    rates = {name: mean_drop_rate(rows, name) for name in ("no_zscore", "ddc")}
    if not np.isfinite(list(rates.values())).all():
        return decide(parts)
    dropped = f"{rates['no_zscore']:.0%} of the edges are dropped without z-scores, {rates['ddc']:.0%} with DDC"
    return decide(parts, dropped)


def _left_out(rows: pd.DataFrame, arm: str, margin: float) -> Part:
    """Does accuracy or stability fall (without the threshold alone: change) if a part of the formula is left out?

    It does if accuracy clearly falls, or clearly more runs diverge (Fisher's exact test); two chances, so that the
    smaller p-value counts twice. It does not if no more runs diverge, and accuracy clearly falls by less than `margin`.
    """
    either = arm == "no_threshold"  # whichever way
    label = LEFT_OUT[arm]
    name = f"accuracy or stability {'changes' if either else 'falls'} {label}"
    change = paired_differences(rows, arm, "ddc", "test_accuracy")
    if either:
        measure = f"size of the change of test accuracy {label}"
        check = mean_check("", change, (-margin, margin))
        changed = mean_p_value(known_seeds(change))
        check = replace(check, value=_size(check.value), band=ANYTHING, p_holds=changed, p_fails=check.p_holds)
    else:
        measure = f"test accuracy {label} minus that of DDC"
        check = mean_check("", change, (-np.inf, 0.0), fails_outside=(-np.inf, -margin))
    runs = rows.pivot(index="seed", columns="arm", values="diverged").reindex(columns=[arm, "ddc"]).dropna()
    broken, sound = runs[arm].astype(bool), ~runs.ddc.astype(bool)
    counts = int(broken.sum()), int((~sound).sum())
    if counts[0] > counts[1] or (either and counts[0] < counts[1]):
        check = replace(check, p_fails=1.0)
        table = [counts, [len(runs) - count for count in counts]]
        unstable = float(stats.fisher_exact(table, alternative="two-sided" if either else "greater").pvalue)
        if unstable < check.p_holds:
            told = f"share of seeds at which training diverges {label} and not with DDC"
            told = f"share of seeds at which only one diverges, DDC or DDC {label}" if either else told
            alone = broken != ~sound if either else broken & sound
            where = f"{counts[0]} of {len(runs)} runs diverge, {counts[1]} with DDC"
            check = Check(
                where, binomial_interval(int(alone.sum()), len(runs)), ANYTHING, len(runs), unstable, 1.0, told
            )
    check = replace(check, p_holds=min(1.0, 2 * check.p_holds))
    return Part(name, measure, [check], "+.2%", {State.FAILS: f"clearly less than {margin:.2%}"})


def _size(value: Interval) -> Interval:
    """A number without its sign."""
    low, high = sorted((abs(value.low), abs(value.high)))
    return Interval(abs(value.estimate), 0.0 if value.low < 0 < value.high else low, high)


def judge_d7(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D7: with 1/(1 - r) the mean pre-activation is the same in training and inference, before and after training.

    Each stage is a part: the ratio of both means must be 1 within `margin`.
    """
    rows, margin = tables[ACTIVATIONS], criterion["margin"]
    measure = "mean pre-activation in training over that in inference, published calibration"
    parts = [
        Part(
            f"the mean is kept {label}",
            measure,
            [mean_check("", calibration_ratios(rows, "realised", stage), (1 - margin, 1 + margin))],
            ".3f",
        )
        for stage, label in STAGES.items()
    ]
    plain = mean_interval(calibration_ratios(rows, "none", "end"))
    told = f"without calibration the ratio is {plain:.2f} after training" if np.isfinite(plain.low) else ""
    return decide(parts, told)


def judge_d9(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D9: DDC does not depend on a careful choice of p, p_g and τ, on images and on a table.

    Images and table are a part each; every other setting of the grid must be within the margin of the published one,
    paired over seeds (`margin_accuracy`, `margin_loss`). One at which every run diverges fails, one at which some do
    does not hold.
    """
    measures = {"images": "test accuracy", "table": "share of the test loss"}
    margins = {"images": criterion["margin_accuracy"], "table": criterion["margin_loss"]}
    return decide([_settings(tables[name], cell, measures[cell], margins[cell]) for cell, name in SENSITIVITY.items()])


def _settings(rows: pd.DataFrame, cell: str, measure: str, margin: float) -> Part:
    """Whether the results of all settings are those of the published one."""
    name, measure = f"every setting does as well, {cell}", f"{measure} gained over the published setting"
    if not (rows[GRID] == list(PUBLISHED)).all(axis=1).any():
        return Part(name, measure, [], why_open="the published setting was not run")
    effects = sensitivity_effects(rows)
    (base,) = effects[effects.published].itertuples()
    checks = []
    for row in effects[~effects.published].itertuples():
        where = f"p = {row.base_rate:g}, p_g = {row.gradient_rate:g}, τ = {row.threshold:g}"
        where += f", {row.diverged} runs diverge" if row.diverged else ""
        check = mean_check(where, row.differences, (-margin, margin))
        if row.diverged and not np.isfinite(row.differences).any() and len(known_seeds(base.differences)):
            check = replace(never_check(where, row.diverged, row.diverged, 1), measure="share of runs that diverge")
        checks.append(replace(check, p_holds=1.0) if row.diverged else check)
    return Part(name, measure, checks, "+.1%", why_open="too few settings, or runs, finished")


def judge_d10(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D10: a map from gradient to drop rate that is learned on validation beats the fixed formula on test.

    Test accuracy at the last epoch, paired over fresh seeds; it fails if the gain is clearly less than `margin`. The
    loss and no dropping are told beside.
    """
    rows, margin = tables[LEARNED], criterion["margin"]
    rows = rows[rows["last"]]
    gain = mean_check(
        "", paired_differences(rows, "learned", "ddc", "test_accuracy"), ANYTHING, fails_outside=(margin, np.inf)
    )
    part = Part(
        "the learned map is better",
        "test accuracy of the learned map minus that of the fixed formula",
        [gain],
        "+.2%",
        {State.FAILS: f"clearly less than {margin:.2%}"},
    )
    told = [f"the map is the best of {len(candidate_losses(tables[SEARCH]))} on validation"]
    loss = mean_interval(paired_differences(rows, "learned", "ddc", "test_loss"))
    plain = mean_interval(paired_differences(rows, "learned", "none", "test_accuracy"))
    told += [f"test loss changes by {loss:+.3f} nats"] if np.isfinite(loss.low) else []
    told += [f"against no dropping accuracy changes by {plain:+.2%}"] if np.isfinite(plain.low) else []
    return decide([part], "; ".join(told))


def judge_d11(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D11: predictions of DDC averaged over masks are better probabilities than its deterministic ones.

    Log-loss and calibration error are a part each, paired over seeds: averaging must lower it, and fails if it clearly
    falls by less than `margin` of its deterministic value. Log-loss must also be that of Monte-Carlo dropout, or lower:
    behind it by no more than the same margin.
    """
    rows = tables[MONTE_CARLO]
    rows = rows[rows.bin == 0]
    single = rows[(rows.arm == "ddc") & (rows.prediction == "deterministic")]
    averaged = rows[rows.prediction == "monte carlo"]
    parts = []
    for column, label in {"log_loss": "log-loss", "calibration_error": "calibration error"}.items():
        margin = criterion["margin"] * float(single[column].mean())
        change = averaging_changes(rows, "ddc", column)
        measure = f"test {label} of DDC averaged over masks minus that of"
        checks = [mean_check("", change, (-np.inf, 0.0), fails_outside=(-np.inf, -margin))]
        if column == "log_loss":
            behind = mean_check("", paired_differences(averaged, "ddc", "dropout", column), (-np.inf, margin))
            checks.append(replace(behind, measure=f"{measure} Monte-Carlo dropout"))
        notes = {State.FAILS: f"{criterion['margin']:.0%} of the deterministic {label} would matter"}
        parts.append(
            Part(f"averaging lowers {label}", f"{measure} its deterministic predictions", checks, "+.3f", notes)
        )
    return decide(parts)


def judge_d13(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D13 (ours): with masked gradients dropping reinforces itself, and edges split into two groups; with dense not.

    Two parts. (a) Being dropped is correlated from step to step by at least `margin` more with masked than with dense
    gradients. (b) Drop frequencies over all of training have two groups with masked gradients (bimodality coefficient
    above 5/9), and not with dense ones.
    """
    whole = over_all_training(tables[FEEDBACK])
    stronger = paired_differences(whole, "masked", "dense", "persistence", by="variant")
    measure = "correlation of being dropped with the step before, masked minus dense gradients"
    bands = {"masked": (TWO_GROUPS, np.inf), "dense": (-np.inf, TWO_GROUPS)}
    modes = [
        mean_check(f"{variant} gradients", whole[whole.variant == variant].bimodality.to_numpy(dtype=float), band)
        for variant, band in bands.items()
    ]
    return decide(
        [
            Part(
                "dropping reinforces itself", measure, [mean_check("", stronger, (criterion["margin"], np.inf))], "+.3f"
            ),
            Part("edges split", "bimodality coefficient of the edges' drop frequencies", modes, ".2f"),
        ]
    )
