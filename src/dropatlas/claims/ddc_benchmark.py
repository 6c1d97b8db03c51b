"""Judges of the benchmarks, D1-D4, D8, D12 (arXiv 2502.19948): pure functions of tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from dropatlas.claims.parts import Comparison, above, decide, judged, points, within
from dropatlas.claims.verdicts import LEAST_SEEDS, Judgement, undecided
from dropatlas.regularisation.comparisons import final_scores, is_regression
from dropatlas.regularisation.labels import ARM_LABELS, MODEL_LABELS
from dropatlas.stats import Interval, bootstrap_interval, mean_interval

BASELINES = ("none", "dropout", "dropconnect", "standout")
"""What the paper compares with. The other arms are controls: dropping by other rules, and DropConnect with the dense
gradient of the authors' code, which is not the method that bears the name (its dropped edges get no gradient)."""
HARDER_SETS = ("ddc/cifar100_vgg13", "ddc/norb_simple_cnn2", "ddc/norb_alexnet", "ddc/norb_vgg13")
OTHER_ARCHITECTURES = (
    "ddc/cifar10_resnet",
    "ddc/cifar10_vision_transformer",
    "ddc/friedman_mlp",
    "ddc/breast_cancer_mlp",
)
STEP_TIME = "ddc/step_time"
NO_GAIN = "test accuracy with DDC minus that with no regularisation, last epoch"


def _benchmark(rows: pd.DataFrame) -> str:
    """A benchmark's network and data, such as "AlexNet on CIFAR-10"."""
    model = rows.model.iloc[0]
    return f"{MODEL_LABELS.get(model, model)} on {rows['data'].iloc[0]}"


def _gain_over(rows: pd.DataFrame, baseline: str, margin: float, part: str, where: str = "") -> Comparison:
    """Is DDC better than a baseline at the last epoch, paired over seeds? Refuted: it gains less than `margin`.

    In regression the gain is the fall of the squared error. Without runs of both arms the comparison is open.
    """
    scores = final_scores(rows).reindex(columns=["ddc", baseline]).to_numpy(dtype=float)
    gain = scores[:, 0] - scores[:, 1]
    gain = gain[np.isfinite(gain)]
    other = ARM_LABELS[baseline]
    measure = f"test accuracy with DDC minus that with {other}"
    if is_regression(rows):
        measure = f"test squared error with {other} minus that with DDC"
    measure += f"{where}, last epoch"
    return Comparison(part, other + where, measure, mean_interval(gain), len(gain), *above(gain, 0.0, margin))


def _against_others(rows: pd.DataFrame, margin: float, part: str = "", where: str = "") -> list[Comparison]:
    """DDC against each of the paper's baselines, all of one part, or without one a part each."""
    return [_gain_over(rows, baseline, margin, part or baseline, where) for baseline in BASELINES]


def _gain_text(gain: float | Interval, squared: bool = False) -> str:
    """A gain in percentage points of accuracy, or in squared error."""
    return f"{gain:+.3f} in squared error" if squared else points(gain)


def _lead(compared: Comparison, side: int, margin: float, squared: bool = False) -> str:
    """The deciding gain against its threshold."""
    bound = f"{margin:g} in squared error" if squared else f"{100 * margin:g} pp"
    found = {
        1: "clearly more than nothing",
        -1: f"clearly less than {bound}",
        0: f"neither clearly more than nothing nor clearly less than {bound}",
    }
    return f"DDC gains {_gain_text(compared.effect, squared)} over {compared.label}, {found[side]}"


def _listed(entries: Sequence[tuple[str, int]], words: Mapping[int, str]) -> str:
    """Entries by side, in the order of `words`; each group after its word."""
    groups = {word: [entry for entry, own in entries if own == side] for side, word in words.items()}
    return "; ".join(f"{word} {', '.join(group)}" for word, group in groups.items() if group)


def _best_arm(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Judgement:
    """DDC beats each of the paper's baselines, and reaches the published accuracy.

    Each baseline is a part: it holds if DDC is better (paired t test, Holm over the parts), and is refuted if DDC gains
    clearly less than `margin` (one-sided t test, Holm). The published accuracy is a part, too: it holds within `level`
    (two one-sided tests), and is refuted clearly beyond. Baselines that were not run leave the claim open.
    """
    compared = _against_others(rows, criterion["margin"])
    if compared[0].n < LEAST_SEEDS:
        return undecided(NO_GAIN, compared[0].n, "DDC or no regularisation has fewer than three finished seeds")
    scores = final_scores(rows)["ddc"].dropna().to_numpy(dtype=float)
    off = scores - criterion["ddc"]
    measure = "test accuracy with DDC minus the published one, last epoch"
    level = Comparison("level", "", measure, mean_interval(off), len(off), *within(off, criterion["level"]))
    decision = decide([*compared, level], criterion["alpha"])
    *sides, reached = decision.parts.values()
    found = {1: "reached", -1: "missed", 0: "open"}[reached]
    told = (
        f"accuracy {100 * scores.mean():.2f} %, published {100 * criterion['ddc']:.2f} % (± "
        f"{100 * criterion['level']:g} pp): {found}"
    )
    deciding = decision.deciding
    if deciding is not level:
        told = f"{_lead(deciding, decision.parts[deciding.part], criterion['margin'])}; {told}"
    others = [
        (f"{each.label} ({_gain_text(each.effect.estimate)})" if each.n else f"{each.label} (not run)", side)
        for each, side in zip(compared, sides, strict=True)
        if each is not deciding
    ]
    listed = _listed(others, {1: "better than", -1: "not better than", 0: "open against"})
    sizes = f"{_benchmark(rows)}, {rows.train_samples.iloc[0]:,} images, {rows.epochs.iloc[0]} epochs"
    return judged(decision, f"{told}; {listed} ({sizes}; published: {criterion['epochs']:g})")


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
    """D4: on CIFAR-100 and NORB DDC beats each of the paper's baselines.

    Each benchmark is a part: it holds if DDC is better than all four baselines (paired t tests, Holm over the
    benchmarks), and is refuted if it gains clearly less than `margin` over one (one-sided t tests, Holm over the
    baselines of all benchmarks). Baselines that were not run leave a benchmark open.
    """
    labels = {name: _benchmark(tables[name]) for name in HARDER_SETS if not tables[name].empty}
    against = [
        _against_others(tables[name], criterion["margin"], name, f" ({label})") for name, label in labels.items()
    ]
    finished = sum(plain.n >= LEAST_SEEDS for plain, *_ in against)
    if finished < len(HARDER_SETS):
        reason = f"{finished} of {len(HARDER_SETS)} benchmarks have three finished seeds of DDC and no regularisation"
        return undecided(NO_GAIN, 0, reason)
    compared = [each for gains in against for each in gains]
    decision = decide(compared, criterion["alpha"])
    lead = _lead(decision.deciding, decision.cells[compared.index(decision.deciding)], criterion["margin"])
    words = {1: "best of all methods:", -1: "not best:", 0: "open:"}
    listed = _listed([(labels[name], side) for name, side in decision.parts.items()], words)
    return judged(decision, f"{lead}; {listed}")


def judge_step_time(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D8: a training step with DDC costs at most `limit` times the plain step, for every model timed.

    Each model is a part: the median over rounds of the ratio is tested against the limit by exact sign tests. It holds
    clearly below (two-sided, Holm over the models), and is refuted clearly above (one-sided, Holm).
    """
    rows, limit = tables[STEP_TIME], criterion["limit"]
    times = rows.pivot(index=["model", "round"], columns="method", values="wall_ms").reindex(columns=["ddc", "none"])
    ratios = (times.ddc / times.none).groupby("model", sort=False)
    compared = [_step_ratio(str(model), values.to_numpy(dtype=float), limit) for model, values in ratios]
    compared.sort(key=lambda each: -each.effect.estimate if each.n else np.inf)  # of equally clear ones the slowest
    if not any(each.n for each in compared):
        return undecided("median step time with DDC over plain", 0, "no model was timed both with DDC and without")
    decision = decide(compared, criterion["alpha"])
    deciding = decision.deciding
    found = {1: "clearly below", -1: "clearly above", 0: "neither clearly below nor clearly above"}
    others = [
        (f"{each.label} ({each.effect.estimate:.3f})" if each.n else f"{each.label} (not timed)", side)
        for each, side in zip(compared, decision.parts.values(), strict=True)
        if each is not deciding
    ]
    told = (
        f"a step with DDC takes {deciding.effect:.3f} times as long as a plain one with {deciding.label}, "
        f"{found[decision.parts[deciding.part]]} the limit of {limit:g}"
    )
    listed = _listed(others, {1: "below it:", -1: "above it:", 0: "open:"})
    return judged(decision, f"{told}; {listed}" if listed else told)


def _step_ratio(model: str, ratios: np.ndarray, limit: float) -> Comparison:
    """Is the median of a model's ratios of step times at most `limit`? Exact sign tests over the rounds."""
    ratios = ratios[np.isfinite(ratios)]
    label = MODEL_LABELS.get(model, model)
    measure = f"median step time with DDC over plain, {label}"
    if not len(ratios):
        return Comparison(model, label, measure, Interval(np.nan, -np.inf, np.inf), 0, 1.0, 1.0)
    found = bootstrap_interval(ratios, np.median, np.random.default_rng(0))  # of the resampling alone
    below, over = (
        float(stats.binomtest(int(count), len(ratios), alternative="greater").pvalue)
        for count in ((ratios < limit).sum(), (ratios > limit).sum())
    )
    return Comparison(model, label, measure, found, len(ratios), min(1.0, 2 * below), over)


def judge_other_architectures(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """D12: DDC against no regularisation on a ResNet, a small Transformer and tables of numbers.

    Each benchmark is a part: it holds if DDC is better (paired t test, Holm over the benchmarks), and is refuted if it
    gains clearly less than `margin` (one-sided t test, Holm) in accuracy, or in squared error in units of the targets'
    variance.
    """
    labels = {name: _benchmark(tables[name]) for name in OTHER_ARCHITECTURES if not tables[name].empty}
    compared = [
        _gain_over(tables[name], "none", criterion["margin"], name, f" ({label})") for name, label in labels.items()
    ]
    finished = [labels[each.part] for each in compared if each.n >= LEAST_SEEDS]
    if len(finished) < len(OTHER_ARCHITECTURES):
        reason = f"only {', '.join(finished) or 'nothing'} has three finished seeds of DDC and no regularisation"
        return undecided(NO_GAIN, 0, reason)
    decision = decide(compared, criterion["alpha"])
    deciding, sides = decision.deciding, decision.parts
    squared = {name: is_regression(tables[name]) for name in labels}
    lead = _lead(deciding, sides[deciding.part], criterion["margin"], squared[deciding.part])
    others = [
        (f"{labels[each.part]} ({_gain_text(each.effect.estimate, squared[each.part])})", sides[each.part])
        for each in compared
        if each is not deciding
    ]
    return judged(decision, f"{lead}; {_listed(others, {1: 'better:', -1: 'not better:', 0: 'open:'})}")
