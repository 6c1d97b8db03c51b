"""Judges of the benchmarks, D1-D4, D8, D12 (arXiv 2502.19948): pure functions of tables."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dropatlas.claims.verdicts import Judgement, Verdict
from dropatlas.regularisation.comparisons import arm_against_others, is_regression, mean_scores, step_time_ratios
from dropatlas.stats import holm

LEAST_SEEDS = 3
HARDER_SETS = ("ddc/cifar100_vgg13", "ddc/norb_simple_cnn2", "ddc/norb_alexnet", "ddc/norb_vgg13")
OTHER_ARCHITECTURES = (
    "ddc/cifar10_resnet",
    "ddc/cifar10_vision_transformer",
    "ddc/friedman_mlp",
    "ddc/breast_cancer_mlp",
)
STEP_TIME = "ddc/step_time"


def _against_others(rows: pd.DataFrame, criterion: Mapping[str, float]) -> pd.DataFrame:
    """DDC against every other arm with an `outcome`: better, not better (by `margin`) or open.

    Controls of the authors' code (drop-big-gradient and the like) are no baselines of the paper's tables.
    """
    table = arm_against_others(rows)
    table = table[~table.baseline.str.startswith("drop_") & (table.seeds >= LEAST_SEEDS)]
    better = (table.p_value < criterion["alpha"]) & (table.difference > 0)
    outcome = np.where(better, "better", np.where(table.high < criterion["margin"], "not better", "open"))
    return table.assign(outcome=outcome).set_index("baseline")


def _told(table: pd.DataFrame) -> str:
    return ", ".join(f"{row.Index} {row.outcome} ({100 * row.difference:+.2f} pp)" for row in table.itertuples())


def _best_arm(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Judgement:
    """DDC beats every baseline, at the published level.

    A baseline is beaten if the paired t test says so (`alpha`, Holm over the baselines), not beaten if the interval of
    the difference lies below `margin`. All beaten: reproduced if DDC's mean accuracy is within `level` of the
    published one, otherwise partly. Some: partly. None, and no dropping at all is not beaten: not reproduced.
    """
    measure = "test accuracy of DDC minus no regularisation, last epoch"
    table = _against_others(rows, criterion)
    if "none" not in table.index:
        reason = "DDC or no regularisation has fewer than three finished seeds"
        return Judgement(Verdict.INCONCLUSIVE, measure, np.nan, np.nan, np.nan, rows.replica.nunique(), reason)
    none, levels = table.loc["none"], mean_scores(rows)
    at_level = abs(levels["ddc"].estimate - criterion["ddc"]) <= criterion["level"]
    outcomes = set(table.outcome)
    if outcomes == {"better"}:
        verdict = Verdict.REPRODUCED if at_level else Verdict.PARTLY
    elif "better" in outcomes:
        verdict = Verdict.PARTLY
    else:
        verdict = Verdict.NOT_REPRODUCED if none.outcome == "not better" else Verdict.INCONCLUSIVE
    reason = (
        f"{rows.data.iloc[0]}, {rows.train_samples.iloc[0]:,} images, {rows.epochs.iloc[0]} epochs (published: "
        f"{criterion['epochs']:g}): DDC {levels['ddc'].estimate:.2%} (published {criterion['ddc']:.2%}), no "
        f"regularisation {levels['none'].estimate:.2%}; DDC against: {_told(table)}"
    )
    return Judgement(verdict, measure, none.difference, none.low, none.high, int(none.seeds), reason)


def judge_mnist(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D1: MNIST with SimpleCNN1 (rule: `_best_arm`)."""
    return _best_arm(tables["ddc/mnist_simple_cnn1"], criterion)


def judge_alexnet(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D2: CIFAR-10 with AlexNet (rule: `_best_arm`)."""
    return _best_arm(tables["ddc/cifar10_alexnet"], criterion)


def judge_vgg(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D3: CIFAR-10 with VGG13 (rule: `_best_arm`)."""
    return _best_arm(tables["ddc/cifar10_vgg13"], criterion)


def judge_harder_sets(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D4: on CIFAR-100 and NORB DDC beats every baseline.

    A benchmark counts as won if every baseline is beaten, as lost if no regularisation is not beaten. All won:
    reproduced; all lost: not reproduced; some won: partly; else inconclusive.
    """
    measure = "smallest gain in test accuracy of DDC over no regularisation"
    found = {name: _against_others(tables[name], criterion) for name in HARDER_SETS}
    found = {name: table for name, table in found.items() if "none" in table.index}
    if len(found) < len(HARDER_SETS):
        reason = f"{len(found)} of {len(HARDER_SETS)} benchmarks have three finished seeds of DDC and none"
        return Judgement(Verdict.INCONCLUSIVE, measure, np.nan, np.nan, np.nan, 0, reason)
    won = [set(table.outcome) == {"better"} for table in found.values()]
    lost = [table.outcome["none"] == "not better" for table in found.values()]
    worst = min((table.loc["none"] for table in found.values()), key=lambda row: row.difference)
    verdict = (
        Verdict.REPRODUCED
        if all(won)
        else Verdict.NOT_REPRODUCED
        if all(lost)
        else Verdict.PARTLY
        if any(won)
        else Verdict.INCONCLUSIVE
    )
    reason = "; ".join(f"{name.removeprefix('ddc/')}: {_told(table)}" for name, table in found.items())
    return Judgement(verdict, measure, worst.difference, worst.low, worst.high, int(worst.seeds), reason)


def judge_step_time(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D8: a training step with DDC costs at most `limit` times the plain step, for every model timed.

    Intervals of the median ratio below the limit everywhere: reproduced; above it everywhere: not reproduced; below in
    some and above in others: partly; else inconclusive.
    """
    found = step_time_ratios(tables[STEP_TIME], "ddc")
    limit = criterion["limit"]
    below = [ratio.high <= limit for ratio in found.values()]
    above = [ratio.low > limit for ratio in found.values()]
    if all(below):
        verdict = Verdict.REPRODUCED
    elif all(above):
        verdict = Verdict.NOT_REPRODUCED
    elif any(above) and any(below):
        verdict = Verdict.PARTLY
    else:
        verdict = Verdict.INCONCLUSIVE
    worst = max(found.values(), key=lambda ratio: ratio.estimate)
    told = ", ".join(
        f"{model} {ratio.estimate:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]" for model, ratio in found.items()
    )
    measure = "step time with DDC over plain, median, slowest model"
    n = tables[STEP_TIME]["round"].nunique()
    return Judgement(verdict, measure, worst.estimate, worst.low, worst.high, n, f"{told} (limit {limit:g})")


def judge_other_architectures(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D12: DDC against no regularisation on a ResNet, a small Transformer and tables of numbers.

    Per benchmark: better (paired t test, Holm over the benchmarks), not better (interval below `margin`: accuracy, or
    squared error in units of the targets' variance) or open. All better: reproduced; none better and all decided: not
    reproduced; some better: partly; else inconclusive.
    """
    measure = "smallest gain in test score of DDC over no regularisation"
    pairs = {}
    for name in OTHER_ARCHITECTURES:
        rows = tables[name]
        pair = arm_against_others(rows[rows.arm.isin(["none", "ddc"])])
        if len(pair) == 1 and pair.seeds[0] >= LEAST_SEEDS:
            unit = "squared error" if is_regression(rows) else "accuracy"
            pairs[name.removeprefix("ddc/")] = (pair.loc[0], unit)
    if len(pairs) < len(OTHER_ARCHITECTURES):
        reason = f"only {', '.join(pairs) or 'nothing'} has three finished seeds of DDC and none"
        return Judgement(Verdict.INCONCLUSIVE, measure, np.nan, np.nan, np.nan, 0, reason)
    adjusted = holm(np.array([pair.p_value for pair, _ in pairs.values()]))
    outcomes, told = [], []
    for p_value, (name, (pair, unit)) in zip(adjusted, pairs.items(), strict=True):
        better = p_value < criterion["alpha"] and pair.difference > 0
        outcome = "better" if better else "not better" if pair.high < criterion["margin"] else "open"
        outcomes.append(outcome)
        told.append(f"{name} {outcome} ({pair.difference:+.4f} in {unit})")
    if set(outcomes) == {"better"}:
        verdict = Verdict.REPRODUCED
    elif "better" in outcomes:
        verdict = Verdict.PARTLY
    else:
        verdict = Verdict.NOT_REPRODUCED if set(outcomes) == {"not better"} else Verdict.INCONCLUSIVE
    worst = min((pair for pair, _ in pairs.values()), key=lambda pair: pair.difference)
    reason = f"{', '.join(told)} (a squared error counts as gain where it is smaller)"
    return Judgement(verdict, measure, worst.difference, worst.low, worst.high, int(worst.seeds), reason)
