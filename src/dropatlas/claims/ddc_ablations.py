"""Judges of the mechanisms of Dynamic DropConnect, D5-D7, D9-D11, D13 (arXiv 2502.19948): pure functions of tables."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from dropatlas.claims.parts import Comparison, above, decide, judged, points, within
from dropatlas.claims.verdicts import LEAST_SEEDS, Judgement, Verdict, undecided
from dropatlas.regularisation.effects import GRID, PUBLISHED, paired_differences, sensitivity_effects
from dropatlas.stats import Interval, binomial_interval, mean_interval, mean_p_value, mean_signs

REGRESSION = "ablations/regression"
FORMULA = "ablations/formula"
SENSITIVITY = {"images": "ablations/sensitivity_images", "table": "ablations/sensitivity_table"}
SEARCH = "ablations/learned_search"
LEARNED = "ablations/learned_rates"
MONTE_CARLO = "ablations/monte_carlo"
ACTIVATIONS = "ablations/activations"
FEEDBACK = "ablations/feedback"

LEAST_STARTS = 20
TWO_GROUPS = 5 / 9
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


def first_to_target(rows: pd.DataFrame, other: str) -> pd.DataFrame:
    """Who reaches the target first from each start: +1 `ddc`, -1 `other`, 0 both or none.

    Args:
        rows: Table `ablations/regression` at one target.
        other: Method.

    Returns:
        One row per replica, one column per problem and learning rate in which one of the two ever gets there; NaN for
        starts that only one of them was run from.
    """
    steps = rows.assign(steps_to_target=rows.steps_to_target.fillna(np.inf)).pivot(
        index="replica", columns=["first_scale", "learning_rate", "method"], values="steps_to_target"
    )
    ours, theirs = (steps.xs(name, axis=1, level="method") for name in ("ddc", other))
    ours, theirs = ours.align(theirs)
    first = ((ours < theirs).astype(float) - (ours > theirs)).where(ours.notna() & theirs.notna())
    return first.loc[:, (np.isfinite(ours) | np.isfinite(theirs)).any()]


def _more(part: str, label: str, measure: str, values: np.ndarray) -> Comparison:
    """Is the mean over starts above 0? Refuted if it is not, also if all starts are equal."""
    values = values[np.isfinite(values)]
    p_value = mean_p_value(values, 0.0, "greater")
    p_values = (min(1.0, 2 * p_value), 1 - p_value) if len(values) >= LEAST_STARTS else (1.0, 1.0)
    return Comparison(part, label, measure, mean_interval(values), len(values), *p_values)


def judge_regression(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D5: DDC drops the edge with the smaller gradient more often, and converges faster than both other methods.

    Faster: first to reach `target` of the initial risk, start by start. Being faster than a method holds if DDC is so
    in every problem and learning rate in which one of the two gets there (t tests), and is refuted if it is not in one
    (one-sided t tests, Holm over both methods, all problems and rates, and the selection of edges). Parts: the smaller
    gradient is dropped more often; faster than DropConnect at the same mean rate; faster than dropping big gradients.
    """
    measure = "share of starts where DDC is first to the target minus share where"
    rows = tables[REGRESSION]
    rows = rows[np.isclose(rows.target, criterion["target"])]
    n = int(rows.replica.nunique())
    missing = [label for name, label in {"ddc": "DDC", **OTHERS}.items() if name not in set(rows.method)]
    if n < LEAST_STARTS or missing:
        reason = f"no runs of {', '.join(missing)}" if missing else f"{n} starts decide nothing"
        return undecided(f"{measure} the other is", n, reason)
    ours = rows[rows.method == "ddc"]
    more = (ours.small_drop_rate - ours.large_drop_rate).groupby(ours.replica).mean().to_numpy(dtype=float)
    selective = _more("selective", "", "share of steps dropping the smaller gradient minus the larger", more)
    compared = [selective]
    for other, label in OTHERS.items():
        wins = first_to_target(rows, other)
        if wins.empty:
            return undecided(f"{measure} the other is", n, f"neither DDC nor {label} ever reaches the target")
        for cell in wins:
            where = f"input scale {cell[0]:g}, learning rate {cell[1]:g} · 2/λ"
            compared.append(_more(other, where, f"{measure} {label} is ({where})", wins[cell].to_numpy(dtype=float)))
    decision = decide(compared, criterion["alpha"])
    deciding = decision.deciding
    dropped = "the edge with the smaller gradient is dropped {} more often"
    speed = ", ".join(_faster(name, compared, decision.cells) for name in OTHERS)
    if deciding is selective:
        told = dropped.format(points(selective.effect))
        return judged(decision, f"{told} (asked for: above 0); DDC is faster than {speed}")
    lead = (
        f"DDC's lead over {OTHERS[deciding.part]} in being first at {100 * criterion['target']:g} % of the initial "
        f"risk is {points(deciding.effect)} of the starts (asked for: above 0) with {deciding.label}"
    )
    told = dropped.format(points(selective.effect.estimate))
    return judged(decision, f"{lead}; it is faster than {speed}; {told}")


def _faster(name: str, compared: list[Comparison], cells: list[int]) -> str:
    """In how many problems and learning rates DDC is faster than another method."""
    sides = [side for each, side in zip(compared, cells, strict=True) if each.part == name]
    return f"{OTHERS[name]} in {sides.count(1)} of {len(sides)} cases (clearly not in {sides.count(-1)})"


def judge_formula(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D6: without z-scores accuracy or stability falls; thresholding matters.

    Three parts, paired over seeds at the last epoch. Without z-scores, at the published threshold and without one: it
    holds if accuracy falls (t test) or clearly more runs diverge (Fisher's exact test), and is refuted if accuracy
    clearly falls by less than `margin` (one-sided t test) and no more runs diverge. Without the threshold alone: it
    holds if accuracy or the share of diverged runs changes, and is refuted if accuracy changes by less than `margin`
    (two one-sided t tests) and as many runs diverge. Both ways are corrected over the parts (Holm).
    """
    rows = tables[FORMULA]
    rows = rows[rows["last"]]
    measure = "test accuracy without z-scores minus that of DDC"
    missing = [label for name, label in {"ddc": "DDC", **LEFT_OUT}.items() if name not in set(rows.arm)]
    if missing:
        return undecided(measure, 0, f"no runs of {', '.join(missing)}")
    compared = [_left_out(rows, arm, criterion["margin"]) for arm in LEFT_OUT]
    if max(each.n for each in compared) < LEAST_SEEDS:
        return undecided(measure, compared[0].n, "fewer than three finished seeds carry no interval")
    decision = decide(compared, criterion["alpha"])
    sides = [(each, decision.parts[each.part]) for each in compared]
    told = [
        f"{each.label}: {_formula_found(each.part, side, criterion['margin'])}"
        for each, side in sorted(sides, key=lambda pair: pair[0] is not decision.deciding)
    ]
    rates = 100 * rows.groupby("arm").drop_rate.mean()
    dropped = f"share of edges dropped: {rates['no_zscore']:.0f} % without z-scores, {rates['ddc']:.0f} % with DDC"
    return judged(decision, f"{'; '.join(told)}; {dropped}")


def _formula_found(arm: str, side: int, margin: float) -> str:
    """What leaving out a part of the formula does, in words."""
    what = "change" if arm == "no_threshold" else "fall"
    return {1: f"a clear {what}", -1: f"clearly no {what} by {100 * margin:g} pp", 0: "open"}[side]


def _left_out(rows: pd.DataFrame, arm: str, margin: float) -> Comparison:
    """Does accuracy or stability fall (without the threshold alone: change) if a part of the formula is left out?

    The effect is the difference of accuracies, or where divergence is the clearer sign, the share of seeds at which
    only this arm diverges (without the threshold alone: only one of the two).
    """
    change = paired_differences(rows, arm, "ddc", "test_accuracy")
    broken = rows.pivot(index="replica", columns="arm", values="diverged")[[arm, "ddc"]].dropna().astype(bool)
    counts, runs = broken.sum(), len(broken)
    if arm == "no_threshold":
        changed = mean_p_value(change) if len(change) >= LEAST_SEEDS else 1.0
        refuted, stable = within(change, margin)[0], counts[arm] == counts.ddc
        apart, kind, what = broken[arm] != broken.ddc, "two-sided", "only one diverges, with threshold or without"
    else:
        changed, refuted = above(-change, 0.0, margin)
        stable = counts[arm] <= counts.ddc
        apart, kind, what = broken[arm] & ~broken.ddc, "greater", f"training diverges {LEFT_OUT[arm]} and not with DDC"
    table = [[counts[arm], counts.ddc], [runs - counts[arm], runs - counts.ddc]]
    unstable = float(stats.fisher_exact(table, alternative=kind).pvalue)
    p_values = min(1.0, 2 * min(changed, unstable)), refuted if stable else 1.0
    label = LEFT_OUT[arm]
    if unstable < changed:
        told = f"{label} {counts[arm]} of {runs} runs diverge ({counts.ddc} with DDC)"
        share = binomial_interval(apart.sum(), runs)
        return Comparison(arm, told, f"share of seeds at which {what}", share, runs, *p_values)
    effect = mean_interval(change)
    told = f"{label} accuracy changes by {points(effect)}"
    return Comparison(arm, told, f"test accuracy {label} minus that of DDC", effect, len(change), *p_values)


def judge_calibration(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D7: with 1/(1 - r) the mean pre-activation is the same in training and inference, before and after training.

    Each stage is a part: the ratio of both means must be 1 within `margin` (two one-sided t tests), and refutes if it
    is clearly beyond (t tests, Holm over the stages). Whether no calibration is farther from 1 is told beside.
    """
    rows, margin = tables[ACTIVATIONS], criterion["margin"]
    compared = []
    for stage, label in STAGES.items():
        part = rows[(rows.stage == stage) & (rows.arm == "realised")]
        ratios = part.mean_ratio.to_numpy(dtype=float)
        ratios = ratios[np.isfinite(ratios)]
        measure = f"mean pre-activation in training over that in inference, published calibration, {label}"
        compared.append(
            Comparison(stage, label, measure, mean_interval(ratios), len(ratios), *within(ratios - 1, margin))
        )
    least = min(compared, key=lambda each: each.n)
    if least.n < LEAST_SEEDS:
        return undecided(least.measure, least.n, f"{least.n} seeds {least.label} carry no interval")
    decision = decide(compared, criterion["alpha"])
    words = {1: "within", -1: "clearly outside", 0: "neither clearly within nor clearly outside"}
    sides = [(each, decision.parts[each.part]) for each in compared]
    told = "; ".join(
        f"{each.effect:.3g} times {each.label}, {words[side]} 1 ± {margin:g}"
        for each, side in sorted(sides, key=lambda pair: pair[0] is not decision.deciding)
    )
    reason = f"the mean in training is that in inference {told}{_against_none(rows, criterion['alpha'])}"
    return judged(decision, reason)


def _against_none(rows: pd.DataFrame, alpha: float) -> str:
    """Whether the published calibration brings the ratio nearer to 1 than none does, at both stages (t tests, Holm)."""
    rows = rows.assign(error=(rows.mean_ratio - 1).abs())
    gains = [paired_differences(rows[rows.stage == stage], "realised", "none", "error") for stage in STAGES]
    if min(map(len, gains)) < LEAST_SEEDS:
        return ""
    plain = rows[(rows.stage == "end") & (rows.arm == "none")].mean_ratio.mean()
    found = "clearly nearer to 1" if max(mean_signs(gains, alpha)) < 0 else "not clearly nearer to 1 at both stages"
    return f"; {found} than without calibration ({plain:.2g} after training)"


def judge_sensitivity(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D9: DDC does not depend on a careful choice of p, p_g and τ, on images and on a table.

    Images and table are a part each; every other setting of the grid is compared with the published one, paired over
    seeds. A part holds if all settings are within the margin (two one-sided t tests each; `margin_accuracy`,
    `margin_loss`), and is refuted if one is clearly beyond (t tests, Holm over the settings of both), or diverges with
    every seed. A setting at which some runs diverge holds no longer.
    """
    measure, compared = "gain of a setting over the published one", []
    for cell, name in SENSITIVITY.items():
        rows = tables[name]
        base = rows[(rows[GRID] == list(PUBLISHED)).all(axis=1)]
        finished = int((~base.diverged.astype(bool)).sum())
        if finished < LEAST_SEEDS:
            return undecided(measure, finished, f"{finished} seeds carry no interval")
        effects = sensitivity_effects(rows)
        others = effects[~effects.published]
        if others.empty:
            return undecided(measure, finished, f"no setting but the published one, {cell}")
        compared += [_setting(cell, row, finished, criterion) for row in others.itertuples()]
    decision = decide(compared, criterion["alpha"])
    deciding = decision.deciding
    margins = {"images": f"{100 * criterion['margin_accuracy']:g} pp", "table": f"{100 * criterion['margin_loss']:g} %"}
    side = decision.cells[compared.index(deciding)]
    found = {1: "within", -1: "clearly beyond", 0: "neither clearly within nor clearly beyond"}[side]
    counts = "; ".join(
        f"{cell}: {sides.count(-1)} of {len(sides)} settings clearly beyond {margin}, {sides.count(1)} clearly within"
        for cell, margin in margins.items()
        for sides in [[own for each, own in zip(compared, decision.cells, strict=True) if each.part == cell]]
    )
    return judged(decision, f"{deciding.label} ({found} {margins[deciding.part]}); {counts}")


def _setting(cell: str, row: tuple, seeds: int, criterion: Mapping[str, float]) -> Comparison:
    """Is the result of a setting that of the published one? The effect is the gain, or the share of diverged runs."""
    where = f"p = {row.base_rate:g}, p_g = {row.gradient_rate:g}, τ = {row.threshold:g}"
    if row.diverged and not len(row.differences):
        told = f"{cell}: with {where} every run diverges"
        measure = f"share of runs that diverge with {where}, {cell}"
        return Comparison(cell, told, measure, binomial_interval(seeds, seeds), seeds, 1.0, 0.0)
    effect = mean_interval(row.differences)
    if cell == "images":
        margin, score = criterion["margin_accuracy"], "test accuracy"
        told = f"{cell}: with {where} test accuracy changes by {points(effect)}"
    else:
        margin, score = criterion["margin_loss"], "share of the test loss"
        percent = Interval(-100 * effect.estimate, -100 * effect.high, -100 * effect.low)
        told = f"{cell}: with {where} the test loss changes by {percent:+.1f} %"
    p_holds, p_refuted = within(row.differences, margin)
    measure = f"{score} gained with {where} over the published setting, {cell}"
    return Comparison(cell, told, measure, effect, len(row.differences), 1.0 if row.diverged else p_holds, p_refuted)


def judge_learned_rates(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D10: a map from gradient to drop rate that is learned on validation beats the fixed formula on test.

    Paired over fresh seeds at the last epoch. Better accuracy (t test): reproduced. Better test loss only: partly.
    Accuracy clearly worse, or gaining clearly less than `margin`: not reproduced. No dropping is told beside.
    """
    rows = tables[LEARNED]
    rows = rows[rows["last"]]
    margin, alpha = criterion["margin"], criterion["alpha"]
    measure = "test accuracy of the learned map minus that of the fixed formula"
    gain, loss = (paired_differences(rows, "learned", "ddc", name) for name in ("test_accuracy", "test_loss"))
    n = min(len(gain), len(loss))
    if n < LEAST_SEEDS:
        return undecided(measure, n, f"{n} seeds carry no interval")
    found = mean_interval(gain)
    better, lower = mean_signs([gain, -loss], alpha)
    if better > 0:
        verdict, told = Verdict.REPRODUCED, "clearly above 0"
    elif better < 0:
        verdict, told = Verdict.NOT_REPRODUCED, "clearly below 0"
    elif lower > 0:
        verdict, told = Verdict.PARTLY, "not clearly above 0, but with a clearly lower loss"
    elif mean_p_value(gain, margin, "less") < alpha:
        verdict, told = Verdict.NOT_REPRODUCED, f"clearly below the {100 * margin:g} pp that would matter"
    else:
        verdict, told = Verdict.INCONCLUSIVE, f"neither clearly above 0 nor clearly below {100 * margin:g} pp"
    tried = len(tables[SEARCH].groupby(["generation", "candidate"]))
    plain = paired_differences(rows, "learned", "none", "test_accuracy")
    reason = (
        f"the learned map (best of {tried} on validation) gains {points(found)} over the fixed formula, {told}; test "
        f"loss changes by {mean_interval(loss):+.3f} nats"
    )
    if len(plain) >= LEAST_SEEDS:
        reason += f"; against no dropping {points(mean_interval(plain))}"
    return Judgement(verdict, measure, found.estimate, found.low, found.high, len(gain), reason)


def judge_monte_carlo(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D11: predictions of DDC averaged over masks are better probabilities than its deterministic ones.

    Log-loss and calibration error are a part each, paired over seeds: it holds if averaging lowers it (t test, Holm),
    and is refuted if it clearly falls by less than `margin` of its deterministic value, or rises (one-sided t test,
    Holm). Both hold, but log-loss is clearly behind Monte-Carlo dropout's (t test): partly.
    """
    rows = tables[MONTE_CARLO]
    scores = rows[rows.bin == 0]
    alpha, margin = criterion["alpha"], criterion["margin"]

    def values(arm: str, kind: str, column: str) -> pd.Series:
        part = scores[(scores.arm == arm) & (scores.prediction == kind) & ~scores.diverged]
        return part.set_index("replica")[column].sort_index()

    def differences(column: str, one: tuple[str, str], other: tuple[str, str]) -> np.ndarray:
        found = (values(*one, column) - values(*other, column)).to_numpy(dtype=float)
        return found[np.isfinite(found)]

    averaged, single, dropout = ("ddc", "monte carlo"), ("ddc", "deterministic"), ("dropout", "monte carlo")
    compared = []
    for column, label in {"log_loss": "log-loss", "calibration_error": "calibration error"}.items():
        change = differences(column, averaged, single)
        p_values = above(-change, 0.0, margin * values(*single, column).mean())
        measure = f"test {label} of DDC averaged over masks minus that of its deterministic predictions"
        compared.append(Comparison(column, label, measure, mean_interval(change), len(change), *p_values))
    behind = differences("log_loss", averaged, dropout)
    n = min(len(behind), *(each.n for each in compared))
    if n < LEAST_SEEDS:
        return undecided(compared[0].measure, n, f"{n} seeds of DDC and Monte-Carlo dropout carry no interval")
    decision = decide(compared, alpha)
    if decision.verdict == Verdict.REPRODUCED and mean_signs([behind], alpha) == [1]:
        decision = replace(decision, verdict=Verdict.PARTLY)
    words = {1: "a clear fall", -1: f"clearly no fall by {100 * margin:g} % of it", 0: "open"}
    sides = [(each, decision.parts[each.part]) for each in compared]
    told = "; ".join(
        f"averaging changes {each.label} by {each.effect:+.3f}: {words[side]}"
        for each, side in sorted(sides, key=lambda pair: pair[0] is not decision.deciding)
    )
    against = f"log-loss minus that of Monte-Carlo dropout {mean_interval(behind):+.3f}"
    return judged(decision, f"{told}; {against}")


def judge_feedback(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D13 (ours): with masked gradients dropping reinforces itself, and edges split into two groups; with dense not.

    Two parts. (a) Being dropped is correlated from step to step by at least `margin` more with masked than with dense
    gradients. (b) Drop frequencies over all of training have two groups with masked gradients (bimodality coefficient
    above 5/9), and not with dense ones. t tests over seeds; refutations are corrected together (Holm).
    """
    rows, margin = tables[FEEDBACK], criterion["margin"]
    whole = rows[(rows.window == 0) & (rows.bin == 0) & ~rows.diverged].rename(columns={"variant": "arm"})
    stronger = paired_differences(whole, "masked", "dense", "persistence")
    measure = "correlation of being dropped with the step before, masked minus dense gradients"
    more = above(stronger - margin, 0.0, 0.0)
    compared = [Comparison("feedback", "masked", measure, mean_interval(stronger), len(stronger), *more)]
    for arm, sign in {"masked": 1, "dense": -1}.items():
        modes = whole[whole.arm == arm].bimodality.to_numpy(dtype=float)
        modes = modes[np.isfinite(modes)]
        p_values = above(sign * (modes - TWO_GROUPS), 0.0, 0.0)
        measure = f"bimodality coefficient of the edges' drop frequencies, {arm} gradients"
        compared.append(Comparison("groups", arm, measure, mean_interval(modes), len(modes), *p_values))
    n = min(each.n for each in compared)
    if n < LEAST_SEEDS:
        return undecided(compared[0].measure, n, f"{n} seeds carry no interval")
    decision = decide(compared, criterion["alpha"])
    feedback, *modes = compared
    words = {1: "dropping reinforces itself", -1: "dropping does not reinforce itself", 0: "open"}
    correlated = (
        f"with masked gradients being dropped is correlated with the step before by {feedback.effect:+.3f} more than "
        f"with dense ones (asked for: {margin:g}): {words[decision.parts['feedback']]}"
    )
    words = {1: "edges split as stated", -1: "edges do not split as stated", 0: "open"}
    split = (
        "the bimodality coefficient of drop frequencies is "
        + ", ".join(f"{each.effect:.2f} with {each.label} gradients" for each in modes)
        + f" (two groups: above {TWO_GROUPS:.2f}): {words[decision.parts['groups']]}"
    )
    told = (correlated, split) if decision.deciding is feedback else (split, correlated)
    return judged(decision, "; ".join(told))
