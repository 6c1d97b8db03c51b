"""Judges of the mechanisms of Dynamic DropConnect, D5-D7, D9-D11, D13 (arXiv 2502.19948): pure functions of tables."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from dropatlas.claims.verdicts import Judgement, Verdict
from dropatlas.regularisation.effects import paired_differences, sensitivity_effects
from dropatlas.stats import Interval, equivalence_p_value, holm, mean_interval

REGRESSION = "ablations/regression"
FORMULA = "ablations/formula"
SENSITIVITY = {"images": "ablations/sensitivity_images", "table": "ablations/sensitivity_table"}
SEARCH = "ablations/learned_search"
LEARNED = "ablations/learned_rates"
MONTE_CARLO = "ablations/monte_carlo"
ACTIVATIONS = "ablations/activations"
FEEDBACK = "ablations/feedback"

LEAST_SEEDS = 3
LEAST_STARTS = 20
TWO_GROUPS = 5 / 9


def _undecided(measure: str, n: int, reason: str) -> Judgement:
    return Judgement(Verdict.INCONCLUSIVE, measure, np.nan, np.nan, np.nan, n, reason)


def _text(found: Interval, form: str = ".3g") -> str:
    return f"{found.estimate:{form}} [{found.low:{form}}, {found.high:{form}}]"


def _p_value(values: np.ndarray, centre: float = 0.0, alternative: str = "two-sided") -> float:
    """One-sample t test; without spread the answer is certain, without two values there is none."""
    if len(values) < 2:
        return 1.0
    if np.ptp(values) == 0:
        side = np.sign(values[0] - centre)
        return float(not {"two-sided": side != 0, "less": side < 0, "greater": side > 0}[alternative])
    return float(stats.ttest_1samp(values, centre, alternative=alternative).pvalue)


def _signs(groups: list[np.ndarray], alpha: float, centre: float = 0.0) -> list[int]:
    """+1 where a mean is above `centre`, -1 where below, 0 where open: t tests, corrected together (Holm)."""
    decided = holm(np.array([_p_value(values, centre) for values in groups])) <= alpha
    return [int(np.sign(values.mean() - centre)) if found else 0 for values, found in zip(groups, decided, strict=True)]


def first_to_target(rows: pd.DataFrame, other: str) -> pd.DataFrame:
    """Who reaches the target first from each start: +1 `ddc`, -1 `other`, 0 both or none.

    Args:
        rows: Table `ablations/regression` at one target.
        other: Method.

    Returns:
        One row per replica, one column per problem and learning rate.
    """
    steps = rows.assign(steps_to_target=rows.steps_to_target.fillna(np.inf)).pivot(
        index="replica", columns=["first_scale", "learning_rate", "method"], values="steps_to_target"
    )
    ours, theirs = (steps.xs(name, axis=1, level="method") for name in ("ddc", other))
    return (ours < theirs).astype(int) - (ours > theirs).astype(int)


def judge_regression(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D5: DDC drops the edge with the smaller gradient more often, and converges faster.

    Faster: first to reach `target` of the initial risk, against DropConnect at the same mean rate and dropping big
    gradients, start by start; signs tested in every problem and learning rate (Holm over all). Reproduced: selective
    and faster than both everywhere. Not reproduced: not selective, or nowhere faster than DropConnect. Otherwise
    partly. No dropping at all is told beside.
    """
    rows = tables[REGRESSION]
    rows = rows[np.isclose(rows.target, criterion["target"])]
    measure = "share of starts where DDC is first to reach the target minus share where DropConnect is, mean of cells"
    n = int(rows.replica.nunique())
    if n < LEAST_STARTS:
        return _undecided(measure, n, f"{n} starts decide nothing")
    ours = rows[rows.method == "ddc"]
    selective = mean_interval((ours.small_drop_rate - ours.large_drop_rate).groupby(ours.replica).mean().to_numpy())
    wins = {other: first_to_target(rows, other) for other in ("dropconnect", "drop_big_gradient", "none")}
    cells = wins["dropconnect"].shape[1]
    groups = [wins[other][cell].to_numpy(dtype=float) for other in wins for cell in wins[other]]
    found = np.reshape(_signs(groups, criterion["alpha"]), (len(wins), cells))
    faster = dict(zip(wins, (found > 0).sum(1), strict=True))
    slower = dict(zip(wins, (found < 0).sum(1), strict=True))
    effect = mean_interval(wins["dropconnect"].mean(axis=1).to_numpy())
    floors = rows.groupby("method").final_risk.median()
    text = (
        f"the edge with the smaller gradient is dropped {_text(selective, '+.1%')} more often; DDC is faster than "
        + ", ".join(f"{other} in {faster[other]} and slower in {slower[other]}" for other in wins)
        + f" of {cells} problems and learning rates; median risk left: DDC {floors['ddc']:.2g}, DropConnect "
        f"{floors['dropconnect']:.2g}, big gradients {floors['drop_big_gradient']:.2g} of the initial one"
    )
    if selective.high <= 0 or faster["dropconnect"] == 0:
        verdict = Verdict.NOT_REPRODUCED
    elif selective.low > 0 and faster["dropconnect"] == faster["drop_big_gradient"] == cells:
        verdict = Verdict.REPRODUCED
    else:
        verdict = Verdict.PARTLY
    return Judgement(verdict, measure, effect.estimate, effect.low, effect.high, n, text)


def judge_formula(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D6: without z-scores accuracy or stability falls; thresholding matters.

    Three parts, paired over seeds at the last epoch: without z-scores at the published threshold, and without
    threshold, accuracy falls (t tests, Holm) or more runs diverge; without the threshold alone it changes. A part is
    refuted if accuracy falls by less than `margin` (threshold: changes by less, two one-sided tests). All hold:
    reproduced; all refuted: not reproduced; some of each: partly; otherwise inconclusive.
    """
    rows = tables[FORMULA]
    rows = rows[rows["last"]]
    margin, alpha = criterion["margin"], criterion["alpha"]
    measure = "test accuracy without z-scores minus DDC, published threshold"
    arms = ("no_zscore", "no_zscore_no_threshold", "no_threshold")
    differences = {arm: paired_differences(rows, arm, "ddc", "test_accuracy") for arm in arms}
    broken = rows.groupby("arm").diverged.sum()
    effect = mean_interval(differences["no_zscore"])
    n = len(differences["no_zscore"])
    if min(map(len, differences.values())) < LEAST_SEEDS and not broken.reindex(arms).gt(broken["ddc"]).any():
        return _undecided(measure, n, f"{n} seeds carry no interval")
    signs = dict(zip(arms, _signs(list(differences.values()), alpha), strict=True))
    sides = []
    for arm in arms[:2]:
        harmless = _p_value(differences[arm], -margin, "greater") < alpha
        fails = signs[arm] < 0 or broken[arm] > broken["ddc"]
        sides.append(1 if fails else -1 if harmless else 0)
    changes = signs["no_threshold"] != 0 or broken["no_threshold"] != broken["ddc"]
    unchanged = equivalence_p_value(differences["no_threshold"], margin) < alpha
    sides.append(1 if changes else -1 if unchanged else 0)
    rates = rows.groupby("arm").drop_rate.mean()
    control = mean_interval(paired_differences(rows, "uniform", "ddc", "test_accuracy"))
    text = (
        "accuracy minus DDC's: "
        + ", ".join(
            f"{arm} {_text(mean_interval(differences[arm]), '+.2%')} (drop rate {rates[arm]:.2f}, "
            f"{broken[arm]:g} diverged)"
            for arm in arms
        )
        + f"; equal rates for all edges {_text(control, '+.2%')} ({rates.get('uniform', np.nan):.2f}; DDC "
        f"{rates['ddc']:.2f}). Without z-scores DDC is DropConnect at p, or near p + p_g/2 without threshold"
    )
    verdict = _of_parts(sides)
    return Judgement(verdict, measure, effect.estimate, effect.low, effect.high, n, text)


def _of_parts(sides: list[int]) -> Verdict:
    """Verdict of a claim with several parts: +1 holds, -1 refuted, 0 open."""
    if all(side > 0 for side in sides):
        return Verdict.REPRODUCED
    if all(side < 0 for side in sides):
        return Verdict.NOT_REPRODUCED
    return Verdict.PARTLY if 1 in sides and -1 in sides else Verdict.INCONCLUSIVE


def judge_calibration(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D7: with 1/(1 - r) the mean pre-activation is the same in training and inference, before and after training.

    The ratio of both means must be 1 within `margin` (two one-sided tests) at both stages. Partly: it is not, but
    clearly nearer to 1 than without calibration. Not reproduced: not even that. Variance and the mean behind the ReLU
    are told beside.
    """
    rows = tables[ACTIVATIONS]
    margin, alpha = criterion["margin"], criterion["alpha"]
    measure = "mean pre-activation in training over that in inference, published calibration, after training"
    stages = {}
    for stage, part in rows.groupby("stage"):
        values = part[part.arm == "realised"].mean_ratio.to_numpy(dtype=float)
        plain = part.assign(error=(part.mean_ratio - 1).abs())
        stages[stage] = values[np.isfinite(values)] - 1, paired_differences(plain, "realised", "none", "error")
    n = min((len(values) for pair in stages.values() for values in pair), default=0)
    if set(stages) != {"start", "end"} or n < LEAST_SEEDS:
        return _undecided(measure, n, f"{n} seeds carry no interval")
    kept = all(equivalence_p_value(off, margin) < alpha for off, _ in stages.values())
    beyond = any(max(_p_value(np.abs(off), margin, "greater"), _p_value(off)) < alpha for off, _ in stages.values())
    nearer = [_signs([gain], alpha)[0] for _, gain in stages.values()]
    found = {stage: mean_interval(1 + off) for stage, (off, _) in stages.items()}
    beside = rows[rows.stage == "end"].groupby("arm")[["mean_ratio", "variance_ratio", "activation_ratio"]].mean()
    text = (
        f"ratio {_text(found['start'])} before and {_text(found['end'])} after training, "
        + ", ".join(f"{arm} {beside.mean_ratio[arm]:.3g}" for arm in beside.index if arm != "realised")
        + f" (margin {margin:g}); variance {beside.variance_ratio['realised']:.2g} times as large, mean behind the "
        f"ReLU {beside.activation_ratio['realised']:.2g} times"
    )
    if kept:
        verdict = Verdict.REPRODUCED
    elif max(nearer) < 0:
        verdict = Verdict.PARTLY if beyond else Verdict.INCONCLUSIVE
    else:
        verdict = Verdict.NOT_REPRODUCED if min(nearer) > 0 else Verdict.INCONCLUSIVE
    end = found["end"]
    return Judgement(verdict, measure, end.estimate, end.low, end.high, n, text)


def judge_sensitivity(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D9: DDC does not depend on a careful choice of p, p_g and τ, on images and on a table.

    In each cell every setting of the grid is compared with the published one. Robust: all are within the margin (two
    one-sided tests each; `margin_accuracy`, `margin_loss`). Sensitive: some setting is clearly beyond it (Holm), or
    diverged. Robust in both: reproduced; sensitive in both: not reproduced; one of each: partly. The effect is what
    choosing on validation gains.
    """
    alpha = criterion["alpha"]
    measure = "test accuracy of the setting chosen on validation minus the published one, images"
    sides, texts, effect, n = [], [], Interval(np.nan, np.nan, np.nan), 0
    for cell, name in SENSITIVITY.items():
        rows = tables[name]
        margin = criterion["margin_accuracy" if cell == "images" else "margin_loss"]
        effects = sensitivity_effects(rows)
        others = effects[~effects.published]
        seeds = int(rows.replica.nunique())
        if seeds < LEAST_SEEDS:
            return _undecided(measure, seeds, f"{seeds} seeds carry no interval")
        best = effects[effects.best].iloc[0]
        chosen = Interval(best.effect, best.low, best.high)
        if cell == "images":
            effect, n = chosen, seeds
        p_values = [
            min(_p_value(values, margin, "greater"), _p_value(values, -margin, "less")) * 2
            for values in others.differences
        ]
        clear = (holm(np.minimum(p_values, 1.0)) <= alpha) | others.diverged
        same = [equivalence_p_value(values, margin) < alpha for values in others.differences]
        sides.append(-1 if clear.any() else 1 if all(same) else 0)
        signs = _signs(list(others.differences), alpha)
        texts.append(
            f"{cell}: {sum(same)} of {len(others)} settings within {margin:.0%} of the published one, {clear.sum()} "
            f"clearly beyond; {signs.count(1)} clearly better, {signs.count(-1)} clearly worse; chosen on validation: "
            f"p = {best.base_rate:g}, p_g = {best.gradient_rate:g}, τ = {best.threshold:g}, {_text(chosen, '+.2%')}"
        )
    return Judgement(_of_parts(sides), measure, effect.estimate, effect.low, effect.high, n, "; ".join(texts))


def judge_learned_rates(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D10: a map from gradient to drop rate that is learned on validation beats the fixed formula on test.

    Paired over fresh seeds at the last epoch. Better accuracy (t test): reproduced. Better test loss only: partly.
    Accuracy clearly worse, or not better by as much as `margin`: not reproduced. Equal rates and no dropping beside.
    """
    rows = tables[LEARNED]
    rows = rows[rows["last"]]
    margin, alpha = criterion["margin"], criterion["alpha"]
    measure = "test accuracy of the learned map minus the fixed formula"
    gain, loss = (paired_differences(rows, "learned", "ddc", name) for name in ("test_accuracy", "test_loss"))
    n = len(gain)
    if n < LEAST_SEEDS:
        return _undecided(measure, n, f"{n} seeds carry no interval")
    found, losses = mean_interval(gain), mean_interval(loss)
    better, lower = _signs([gain, -loss], alpha)
    tried = len(tables[SEARCH].groupby(["generation", "candidate"]))
    plain = mean_interval(paired_differences(rows, "learned", "none", "test_accuracy"))
    equal = mean_interval(paired_differences(rows, "learned", "uniform", "test_accuracy"))
    text = (
        f"{_text(found, '+.2%')} in accuracy and {_text(losses, '+.3f')} in test loss against the formula, best of "
        f"{tried} maps on validation loss; {_text(equal, '+.2%')} against equal rates, {_text(plain, '+.2%')} against "
        f"no dropping"
    )
    if better > 0:
        verdict = Verdict.REPRODUCED
    elif better < 0:
        verdict = Verdict.NOT_REPRODUCED
    elif lower > 0:
        verdict = Verdict.PARTLY
    else:
        no_gain = _p_value(gain, margin, "less") < alpha
        verdict = Verdict.NOT_REPRODUCED if no_gain else Verdict.INCONCLUSIVE
    return Judgement(verdict, measure, found.estimate, found.low, found.high, n, text)


def judge_monte_carlo(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D11: predictions of DDC averaged over masks are better probabilities than its deterministic ones.

    Log-likelihood and calibration error, paired over seeds (t tests, Holm). Both better: reproduced. Only one better,
    or both but log-likelihood clearly behind Monte-Carlo dropout: partly. Neither better and one worse, or both
    unchanged within `margin` of their deterministic value: not reproduced. Otherwise inconclusive.
    """
    rows = tables[MONTE_CARLO]
    scores = rows[rows.bin == 0]
    alpha, margin = criterion["alpha"], criterion["margin"]
    measure = "test log-loss of DDC averaged over masks minus deterministic, in nats"

    def values(arm: str, kind: str, column: str) -> pd.Series:
        part = scores[(scores.arm == arm) & (scores.prediction == kind) & ~scores.diverged]
        return part.set_index("replica")[column].sort_index()

    def differences(column: str, one: tuple[str, str], other: tuple[str, str]) -> np.ndarray:
        return (values(*one, column) - values(*other, column)).dropna().to_numpy(dtype=float)

    averaged, single, dropout = ("ddc", "monte carlo"), ("ddc", "deterministic"), ("dropout", "monte carlo")
    changes = [differences(column, averaged, single) for column in ("log_loss", "calibration_error")]
    behind = differences("log_loss", averaged, dropout)
    n = len(changes[0])
    if n < LEAST_SEEDS:
        return _undecided(measure, n, f"{n} seeds carry no interval")
    *signs, against = _signs([*changes, behind], alpha)
    unchanged = [
        equivalence_p_value(change, margin * values(*single, column).mean()) < alpha
        for change, column in zip(changes, ("log_loss", "calibration_error"), strict=True)
    ]
    found, errors = map(mean_interval, changes)
    means = scores.groupby(["arm", "prediction"])[["log_loss", "calibration_error"]].mean()
    text = (
        f"log-loss {_text(found, '+.3f')}, calibration error {_text(errors, '+.3f')}; log-loss against Monte-Carlo "
        f"dropout {_text(mean_interval(behind), '+.3f')}; means of log-loss and calibration error: "
        + ", ".join(
            f"{arm} {kind} {row.log_loss:.3f}, {row.calibration_error:.3f}" for (arm, kind), row in means.iterrows()
        )
    )
    if signs == [-1, -1]:
        verdict = Verdict.PARTLY if against > 0 else Verdict.REPRODUCED
    elif -1 in signs:
        verdict = Verdict.PARTLY
    elif 1 in signs or all(unchanged):
        verdict = Verdict.NOT_REPRODUCED
    else:
        verdict = Verdict.INCONCLUSIVE
    return Judgement(verdict, measure, found.estimate, found.low, found.high, n, text)


def judge_feedback(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D13 (ours): with masked gradients dropping reinforces itself, and edges split into two groups.

    (a) Being dropped is correlated from step to step by at least `margin` more with masked than with dense gradients.
    (b) Drop frequencies over all of training have two groups with masked gradients (bimodality above 5/9), and not with
    dense ones. Each tested over seeds (Holm); (a) and (b): reproduced; (a) refuted: not reproduced; (a) without (b):
    partly.
    """
    rows = tables[FEEDBACK]
    whole = rows[(rows.window == 0) & (rows.bin == 0) & ~rows.diverged].rename(columns={"variant": "arm"})
    measure = "correlation of being dropped with the step before, masked minus dense gradients"
    stronger = paired_differences(whole, "masked", "dense", "persistence")
    n = len(stronger)
    if n < LEAST_SEEDS:
        return _undecided(measure, n, f"{n} seeds carry no interval")
    groups = [whole[whole.arm == arm].bimodality.to_numpy(dtype=float) - TWO_GROUPS for arm in ("masked", "dense")]
    alpha = criterion["alpha"]
    feedback, masked, dense = _signs([stronger - criterion["margin"], *groups], alpha)
    found = mean_interval(stronger)
    means = whole.groupby("arm")[["persistence", "gini", "bimodality", "often", "test_loss"]].mean()
    # how well frequencies of one window predict those of the next
    later = rows[(rows.window > 1) & (rows.bin == 0)].groupby("variant").memory.mean()
    text = "; ".join(
        f"{arm}: correlation {row.persistence:.2f}, Gini {row.gini:.3f}, bimodality {row.bimodality:.2f}, memory from "
        f"window to window {later[arm]:.2f}, dropped in over 90 % of steps {row.often:.1%}"
        for arm, row in means.iterrows()
    )
    if feedback < 0:
        verdict = Verdict.NOT_REPRODUCED
    elif feedback > 0 and masked > 0 and dense < 0:
        verdict = Verdict.REPRODUCED
    elif feedback > 0 and (masked < 0 or dense > 0):
        verdict = Verdict.PARTLY
    else:
        verdict = Verdict.INCONCLUSIVE
    return Judgement(verdict, measure, found.estimate, found.low, found.high, n, text)
