"""Judges of the benchmarks, D1-D4, D8, D12 (arXiv 2502.19948): pure functions of tables."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from dropatlas.claims.checks import mean_check, no_number
from dropatlas.claims.parts import Band, Check, Part, decide
from dropatlas.claims.verdicts import Judgement, State
from dropatlas.ddc.comparisons import final_scores, gains, is_regression, median_ratio, step_ratios
from dropatlas.ddc.labels import ARM_LABELS, MODEL_LABELS

BASELINES = ("none", "dropout", "dropconnect", "standout")
"""What the paper compares with. The other arms are controls: dropping by other rules, and DropConnect with the dense
gradient of the authors' code, which is not the method that bears the name (its dropped edges get no gradient)."""
HARDER_SETS = {
    "ddc/cifar100_vgg13": "CIFAR-100 with VGG13",
    "ddc/norb_simple_cnn2": "NORB with SimpleCNN2",
    "ddc/norb_alexnet": "NORB with AlexNet",
    "ddc/norb_vgg13": "NORB with VGG13",
}
OTHER_ARCHITECTURES = {
    "ddc/cifar10_resnet": "with a ResNet",
    "ddc/cifar10_vision_transformer": "with a vision Transformer",
    "ddc/friedman_mlp": "in regression on a table",
    "ddc/breast_cancer_mlp": "in classification on a table",
}
STEP_TIME = "ddc/step_time"


def _benchmark(rows: pd.DataFrame) -> str:
    """A benchmark's network, data and sizes for a reader; empty without runs."""
    if rows.empty:
        return ""
    first = rows.iloc[0]
    network = MODEL_LABELS.get(first.model, first.model)
    return f"{network} on {first['data']}, {first.train_samples:,} training samples, {first.epochs} epochs"


def _better(name: str, rows: pd.DataFrame, baselines: Mapping[str, str], measure: str, margin: float) -> Part:
    """Is DDC better than each of some baselines at the last epoch, paired over seeds? Fails if it gains clearly less.

    Args:
        name: Of the part.
        rows: A benchmark's table.
        baselines: Where a check is, by arm.
        measure: The gain.
        margin: Smallest gain that would matter: a share of samples, or in regression a squared error.
    """
    checks = [
        mean_check(where, gains(rows, arm), (0.0, np.inf), fails_outside=(margin, np.inf))
        for arm, where in baselines.items()
    ]
    form = "+.3f" if is_regression(rows) else "+.2%"
    notes = {State.FAILS: f"clearly less than the {margin:{form[1:]}} that would matter"}
    return Part(name, measure, checks, form, notes, "too few runs finished")


def _best_arm(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Judgement:
    """DDC beats each of the paper's baselines, and reaches the published accuracy.

    Each baseline is a part, which fails if DDC gains clearly less than `margin`; so is the published accuracy, which
    holds within `level`.
    """
    parts = []
    for arm in BASELINES:
        measure = f"test accuracy with DDC minus that with {ARM_LABELS[arm]}, last epoch"
        parts.append(_better(f"better than {ARM_LABELS[arm]}", rows, {arm: ""}, measure, criterion["margin"]))
    scores = final_scores(rows).get("ddc", pd.Series(dtype=float)).to_numpy(dtype=float)
    off = mean_check("", scores - criterion["ddc"], (-criterion["level"], criterion["level"]))
    measure = "test accuracy with DDC minus the published one, last epoch"
    parts.append(Part(f"accuracy of {criterion['ddc']:.2%}", measure, [off], "+.2%", why_open="too few runs finished"))
    return decide(parts, f"{_benchmark(rows)} (published: {criterion['epochs']:g})" if len(rows) else "")


def judge_d1(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D1: MNIST with SimpleCNN1 (rule: `_best_arm`)."""
    return _best_arm(tables["ddc/mnist_simple_cnn1"], criterion)


def judge_d2(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D2: CIFAR-10 with AlexNet (rule: `_best_arm`)."""
    return _best_arm(tables["ddc/cifar10_alexnet"], criterion)


def judge_d3(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D3: CIFAR-10 with VGG13 (rule: `_best_arm`)."""
    return _best_arm(tables["ddc/cifar10_vgg13"], criterion)


def judge_d4(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D4: on CIFAR-100 and NORB DDC beats each of the paper's baselines.

    Each benchmark is a part, which needs a gain over all four and fails if one is clearly less than `margin`.
    """
    measure = "test accuracy with DDC minus that with another method, last epoch"
    others = {arm: ARM_LABELS[arm] for arm in BASELINES}
    parts = [
        _better(f"best on {label}", tables[name], others, measure, criterion["margin"])
        for name, label in HARDER_SETS.items()
    ]
    return decide(parts, "; ".join(filter(None, (_benchmark(tables[name]) for name in HARDER_SETS))))


def judge_d8(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D8: a training step with DDC costs at most `limit` times the plain step, for every model timed.

    Each model is a part: the median over rounds of the ratio, by exact sign tests.
    """
    measure, band = "median step time with DDC over plain", (-np.inf, criterion["limit"])
    parts = [
        Part(
            f"no slower with {MODEL_LABELS.get(model, model)}",
            measure,
            [_median_check(ratios, band)],
            ".3f",
            why_open="not timed both with DDC and without",
        )
        for model, ratios in step_ratios(tables[STEP_TIME], "ddc").items()
    ]
    return decide(parts or [Part("no slower", measure, [], why_open="no model was timed")])


def _median_check(ratios: np.ndarray, band: Band) -> Check:
    """Is the median over rounds below the upper end of a band? Exact sign tests."""
    if not len(ratios):
        return no_number("", band)
    below, over = (
        float(stats.binomtest(int(count), len(ratios), alternative="greater").pvalue)
        for count in ((ratios < band[1]).sum(), (ratios > band[1]).sum())
    )
    return Check("", median_ratio(ratios), band, len(ratios), below, over)


def judge_d12(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D12: DDC against no regularisation on a ResNet, a small Transformer and tables of numbers.

    Each benchmark is a part, which fails if DDC gains clearly less than `margin` in accuracy, or in squared error in
    units of the targets' variance.
    """
    parts = []
    for name, label in OTHER_ARCHITECTURES.items():
        rows = tables[name]
        measure = "test accuracy with DDC minus that with no regularisation, last epoch"
        if is_regression(rows):
            measure = "test squared error with no regularisation minus that with DDC, last epoch"
        parts.append(_better(f"better {label}", rows, {"none": _benchmark(rows)}, measure, criterion["margin"]))
    return decide(parts)
