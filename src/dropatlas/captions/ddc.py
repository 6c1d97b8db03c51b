"""Captions of the Dynamic DropConnect report; arguments are the result tables that the figures show."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dropatlas.captions.words import number
from dropatlas.ddc.comparisons import (
    arm_against_others,
    described,
    gains,
    generalisation_gaps,
    is_regression,
    mean_scores,
    median_ratio,
    step_ratios,
)
from dropatlas.ddc.effects import (
    averaging_changes,
    calibration_ratios,
    candidate_losses,
    mean_drop_rate,
    over_all_training,
    paired_differences,
    runs_once,
    selectivity,
    sensitivity_effects,
    shares_at_target,
)
from dropatlas.ddc.labels import ABLATION_LABELS, ARM_LABELS, FEEDBACK_LABELS, MODEL_LABELS, REGRESSION_LABELS
from dropatlas.stats import Interval, mean_interval

CLEAR = 0.05
"""Level of the two-sided tests that are counted."""


def _told(found: Interval, form: str) -> str:
    """An estimate with its interval; alone where the interval is unbounded, a dash where there is no number."""
    return f"{found:{form}}" if np.isfinite([found.low, found.high]).all() else number(found.estimate, form)


def _mean(values: np.ndarray, form: str, scale: float = 1.0) -> str:
    return _told(mean_interval(scale * values), form)


def _points(last: pd.DataFrame, arm: str, base: str) -> str:
    """Test accuracy of one arm minus that of another, mean over seeds in percentage points."""
    return f"{_mean(paired_differences(last, arm, base, 'test_accuracy'), '+.2f', 100)} points"


def _accuracy(last: pd.DataFrame, arm: str) -> str:
    return number(last[last.arm == arm].test_accuracy.mean(), ".2%")


def mnist_simple_cnn1_scores(rows: pd.DataFrame) -> str:
    """Of table `ddc/mnist_simple_cnn1`: accuracy without regularisation and with DDC, and how they differ."""
    means = {arm: number(found.estimate, ".2%") for arm, found in mean_scores(rows).items()}
    return (
        f"Test accuracy on {described(rows)} (ticks), mean and 95 % interval. No regularisation "
        f"{means.get('none', '–')}, DDC {means.get('ddc', '–')}; paired difference "
        f"{_mean(gains(rows, 'none'), '+.2f', 100)} percentage points."
    )


def mnist_simple_cnn1_curves(rows: pd.DataFrame) -> str:
    """Of table `ddc/mnist_simple_cnn1`: the training loss every arm ends with."""
    end = rows[rows["last"]].groupby("arm").train_loss.mean()
    told = ", ".join(f"{ARM_LABELS[arm]} {number(loss, '.3f')}" for arm, loss in end.items())
    return (
        f"Learning curves on {rows['data'].iloc[0]}, mean and 95 % interval over seeds. Training loss with masks in "
        f"the last epoch: {told}."
    )


def differences(benchmarks: Mapping[str, pd.DataFrame]) -> str:
    """Of all benchmarks: in how many comparisons DDC is clearly better or worse."""
    found = pd.concat([arm_against_others(rows) for rows in benchmarks.values()])
    clear = found[found.p_value < CLEAR]
    return (
        "Test accuracy of DDC minus that of each other method, last epoch, mean paired difference and 95 % interval. "
        "Star: published gain. Over all benchmarks (regression included) DDC is significantly better in "
        f"{(clear.difference > 0).sum()} of {len(found)} comparisons and worse in {(clear.difference < 0).sum()} (t "
        "test, Holm within a benchmark)."
    )


def generalisation_gap(benchmarks: Mapping[str, pd.DataFrame]) -> str:
    """Of all benchmarks but regressions: the gap without regularisation and with DDC."""
    gaps = {name: generalisation_gaps(rows).mean() for name, rows in benchmarks.items() if not is_regression(rows)}
    told = ", ".join(
        f"{name} {' and '.join(number(100 * gap.get(arm, np.nan), '.2f') for arm in ('none', 'ddc'))}"
        for name, gap in gaps.items()
    )
    return (
        "Accuracy on the training samples minus test accuracy, last epoch, mean and 95 % interval over seeds. "
        f"No regularisation and DDC: {told or '–'} percentage points."
    )


def regression_scores(rows: pd.DataFrame) -> str:
    """Of table `ddc/friedman_mlp`: the squared error of every arm."""
    told = ", ".join(f"{ARM_LABELS[arm]} {number(-found.estimate, '.3f')}" for arm, found in mean_scores(rows).items())
    return (
        f"Test squared error over the targets' variance, {rows.seed.nunique()} seeds, mean and 95 % interval: {told}."
    )


def drop_rates(benchmarks: Mapping[str, pd.DataFrame]) -> str:
    """Of all benchmarks: the smallest and the largest share of edges that DDC drops in the last epoch."""
    rates = pd.Series({name: mean_drop_rate(rows, "ddc") for name, rows in benchmarks.items()}, dtype=float).dropna()
    told = "" if rates.empty else (
        f" In the last epoch between {rates.min():.3f} ({rates.idxmin()}) and {rates.max():.3f} ({rates.idxmax()})."
    )  # fmt: skip
    return (
        "Share of the edges that DDC dropped over training, mean over the epoch's steps and the layers, 95 % interval "
        f"over seeds.{told}"
    )


def step_time(rows: pd.DataFrame) -> str:
    """Of table `ddc/step_time`: the cost of DDC by network."""
    told = ", ".join(
        f"{MODEL_LABELS.get(model, model)} {_told(median_ratio(ratios), '.3f')}"
        for model, ratios in step_ratios(rows, "ddc").items()
        if len(ratios)
    )
    return (
        f"Time of a training step, batch {rows.batch_size.iloc[0]}, over that of the plain step; median over "
        f"{rows['round'].nunique()} rounds, 95 % bootstrap interval. DDC: {told or '–'}."
    )


def regression_paths(rows: pd.DataFrame) -> str:
    """Of table `ddc/regression_paths`: steps, starts and learning rate."""
    return (
        f"Risk (contours), its negative gradient (arrows) and paths of {rows.step.max()} steps from "
        f"{rows.seed.nunique()} starts at learning rate {rows.learning_rate.iloc[0]:g} · 2/λ; colour: what the step "
        f"dropped. Inputs are correlated with {rows.correlation.iloc[0]:g}."
    )


def regression_drops(rows: pd.DataFrame) -> str:
    """Of table `ddc/regression`: how much more often DDC drops the edge with the smaller gradient, by problem."""
    told = ", ".join(f"{100 * gap:.0f} points (scales {scale:g} and 1)" for scale, gap in selectivity(rows).items())
    more = (
        f" DDC drops the edge with the smaller one more often by {told}; without noise in the gradient it would be 33 "
        "points."
    )
    return (
        "How often each edge was dropped in the first steps, edges ranked by the present gradient without masks; mean "
        f"and 95 % interval over {rows.seed.nunique()} starts.{more if told else ''}"
    )


def regression_convergence(rows: pd.DataFrame, target: float) -> str:
    """Of table `ddc/regression`: the share of starts that come to a share `target` of the initial risk, by method."""
    shares = shares_at_target(rows, target).reindex(REGRESSION_LABELS).dropna()
    told = ", ".join(f"{REGRESSION_LABELS[method]} {share:.0%}" for method, share in shares.items())
    return (
        f"Share of starts whose risk (without masks) has come to {target:.0%} of the initial one. After "
        f"{rows.steps.max()} steps, over all problems and learning rates: {told or '–'}."
    )


def regression_floors(rows: pd.DataFrame) -> str:
    """Of table `ddc/regression`: the risk that is left, median over all cells and starts."""
    floors = runs_once(rows).groupby("method").final_risk.median()
    shown = {"ddc": "DDC", "dropconnect": "DropConnect", "drop_big_gradient": "dropping big gradients"}
    told = ", ".join(f"{label} {number(floors.get(method), '.2g')}" for method, label in shown.items())
    return (
        "Excess risk left over the last quarter of the steps, over the initial one: median and 10 % to 90 % of starts; "
        f"above the dotted line a run has moved away from the optimum. Median over all cells: {told}."
    )


def formula(rows: pd.DataFrame) -> str:
    """Of table `ddc/formula`: DDC, no regularisation and equal rates."""
    last = rows[rows["last"]]
    return (
        "Test accuracy and loss after the last epoch minus those of DDC as published, paired over seeds: seeds (dots), "
        f"mean, 95 % interval ({described(rows)}). DDC: {_accuracy(last, 'ddc')}; no regularisation "
        f"{_points(last, 'none', 'ddc')}, equal rates {_points(last, 'uniform', 'ddc')} against it. Right: share of "
        "edges dropped in the last epoch (dotted: DDC)."
    )


def learning_curves(rows: pd.DataFrame) -> str:
    """Of table `ddc/formula`: how many runs diverged."""
    last = rows[rows["last"]]
    return (
        "Loss over epochs in training (with masks) and on validation (without), mean and 95 % interval over seeds; "
        f"{int(last.diverged.sum())} of {len(last)} runs diverged."
    )


def placement(rows: pd.DataFrame) -> str:
    """Of table `ddc/placement`: a mask per sample, and all layers."""
    last = rows[rows["last"]]
    return (
        f"DDC in other layers minus DDC in fc1, paired over seeds ({described(rows)}). fc1: {_accuracy(last, 'fc1')}; "
        f"a mask per sample {_points(last, 'fc1_per_sample', 'fc1')}, all layers {_points(last, 'all_layers', 'fc1')}."
    )


def output_ratios(rows: pd.DataFrame) -> str:
    """Of table `ddc/activations`: the ratios after training."""

    def ratio(arm: str, form: str, column: str = "mean_ratio") -> str:
        return _mean(calibration_ratios(rows, arm, "end", column), form)

    return (
        f"Layer output in training over that in evaluation, {rows.masks.iloc[0]} masks, {rows.seed.nunique()} seeds "
        f"(dots), mean and 95 % interval ({rows['data'].iloc[0]}). After training, published calibration: mean "
        f"{ratio('realised', '.3f')}, behind the ReLU {ratio('realised', '.2f', 'activation_ratio')}, variance "
        f"{ratio('realised', '.2f', 'variance_ratio')}; mean with equal rates {ratio('uniform', '.3f')}, without "
        f"calibration {ratio('none', '.3f')}."
    )


def feedback_over_training(rows: pd.DataFrame) -> str:
    """Of table `ddc/feedback`: the correlation from step to step, by variant."""
    whole = over_all_training(rows)
    told = ", ".join(
        f"{FEEDBACK_LABELS[variant]} {_mean(part.persistence.to_numpy(), '.3f')}"
        for variant, part in whole.groupby("variant")
    )
    return (
        "Correlation between being dropped and having been dropped in the step before (within edges), correlation of "
        "drop frequencies from window to window (between edges), and their concentration; mean and 95 % interval over "
        f"{whole.seed.nunique()} seeds ({rows['data'].iloc[0]}, {rows.edges.max():,.0f} edges). Step to step, all of "
        f"training: {told or '–'}."
    )


def drop_frequencies(rows: pd.DataFrame) -> str:
    """Of table `ddc/feedback`: how many edges are nearly always dropped, by variant."""
    told = ", ".join(
        f"{FEEDBACK_LABELS[variant]} {number(part.often.mean(), '.1%')}"
        for variant, part in over_all_training(rows).groupby("variant")
    )
    return (
        "Drop frequencies of the edges over all of training, mean and 95 % interval over seeds; dashed: what chance "
        "gives if all edges have the same rate. Bimodality above 0.56 would speak for two groups. Edges dropped in "
        f"more than 90 % of the steps: {told or '–'}."
    )


def sensitivity_images(rows: pd.DataFrame) -> str:
    """Of table `ddc/sensitivity_images`: the setting that is best on validation."""
    best = _best_setting(rows)
    effect = _told(Interval(100 * best.effect, 100 * best.low, 100 * best.high), "+.2f")
    return (
        "Test accuracy minus that of the published setting (framed), points, mean and half of the 95 % interval over "
        f"{rows.seed.nunique()} seeds; bold: the interval excludes zero (not corrected here; the verdict is). "
        f"{rows['data'].iloc[0]}. Star: best mean validation accuracy, {_setting(best)}: {effect} points on test."
    )


def sensitivity_table(rows: pd.DataFrame) -> str:
    """Of table `ddc/sensitivity_table`: the setting that is best on validation."""
    best = _best_setting(rows)
    return (
        "Test loss saved relative to the published setting (framed), %, mean and half of the 95 % interval over "
        f"{rows.seed.nunique()} seeds; bold: the interval excludes zero. {rows['data'].iloc[0]}. Star: lowest mean "
        f"validation loss, {_setting(best)}: {_told(Interval(best.effect, best.low, best.high), '+.1%')}."
    )


def _best_setting(rows: pd.DataFrame) -> pd.Series:
    effects = sensitivity_effects(rows)
    return effects[effects.best].iloc[0]


def _setting(row: pd.Series) -> str:
    return f"p = {row.base_rate:g}, p_g = {row.gradient_rate:g}, τ = {row.threshold:g}"


def learned_map(candidates: pd.DataFrame) -> str:
    """Of table `ddc/learned_search`: how many maps were tried, the loss of the best one and of the formula."""
    scores = candidate_losses(candidates)
    return (
        f"Left: all {len(scores)} maps tried, the best one and the formula. Right: validation loss of each "
        f"({candidates.seed.nunique()} seeds, bar: mean): best {number(scores.min(), '.3f')}, published formula at the "
        f"knots (blue) {number(scores.get((0, 0)), '.3f')}."
    )


def learned_rates(rows: pd.DataFrame) -> str:
    """Of table `ddc/learned_rates`: the learned map against the formula."""
    last = rows[rows["last"]]
    loss = _mean(paired_differences(last, "learned", "ddc", "test_loss"), "+.3f")
    return (
        "Learned map, equal rates and no regularisation minus the fixed formula, paired over fresh seeds "
        f"({described(rows)}). Learned map: {_points(last, 'learned', 'ddc')}, test loss {loss} nats."
    )


def monte_carlo(rows: pd.DataFrame) -> str:
    """Of table `ddc/monte_carlo`: what averaging changes for DDC."""
    error = _mean(averaging_changes(rows, "ddc", "calibration_error"), "+.2f", 100)
    return (
        f"Change by averaging over {rows.masks.max()} masks, paired over {rows.seed.nunique()} seeds "
        f"({rows['data'].iloc[0]}); negative is better except for accuracy. DDC: log-loss "
        f"{_mean(averaging_changes(rows, 'ddc', 'log_loss'), '+.3f')}, calibration error {error} points."
    )


def reliability(rows: pd.DataFrame) -> str:
    """Of table `ddc/monte_carlo`: mean log-loss by method and kind of prediction."""
    means = rows[rows.bin == 0].groupby(["arm", "prediction"]).log_loss.mean()
    told = ", ".join(f"{ABLATION_LABELS[arm]} {kind} {number(value, '.3f')}" for (arm, kind), value in means.items())
    return (
        "Share of right classes over confidence, all seeds together, bars: 95 %; above the diagonal a network is less "
        f"sure than it should be. Mean log-loss: {told}."
    )
