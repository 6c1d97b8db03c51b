"""Figures of the ablations and mechanisms of Dynamic DropConnect."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from scipy import stats

from dropatlas.ddc.effects import (
    at_smallest_rate,
    averaging_changes,
    calibration_ratios,
    candidate_losses,
    mean_drop_rate,
    over_all_training,
    paired_differences,
    runs_once,
    sensitivity_effects,
)
from dropatlas.ddc.labels import ABLATION_LABELS, FEEDBACK_LABELS, REGRESSION_LABELS
from dropatlas.ddc.linear_regression import OPTIMUM, excess_risk, hessian, risk_gradient
from dropatlas.plots.arms import ARM_COLOURS, over_epochs
from dropatlas.plots.style import COLOURS
from dropatlas.stats import mean_interval

METHOD_COLOURS = {
    **{method: ARM_COLOURS[method] for method in ("none", "ddc", "dropconnect", "drop_big_gradient")},
    "ddc_masked": COLOURS[9],
    "dropconnect_masked": COLOURS[8],
}
DROPPED = {
    (False, False): ("none dropped", "0.45"),
    (True, False): ("first dropped", COLOURS[0]),
    (False, True): ("second dropped", COLOURS[1]),
    (True, True): ("both dropped", COLOURS[3]),
}
CURVES = (
    "none",
    "ddc",
    "no_zscore",
    "no_threshold",
    "calibration_none",
    "masked_gradient",
    "drop_big_gradient",
    "uniform",
)
"""Arms whose learning curves are shown: as many as can be told apart."""
VARIANT_COLOURS = dict(zip(FEEDBACK_LABELS, COLOURS, strict=False))


def _problem(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    return f"input scales {first.first_scale:g} and {first.second_scale:g}"


def _field(axes: Axes, rows: pd.DataFrame, reach: float) -> None:
    """Contours of the risk and the direction of its negative gradient."""
    first = rows.iloc[0]
    curvature = hessian((first.first_scale, first.second_scale), first.correlation)
    sides = [np.linspace(centre - reach, centre + reach, 81) for centre in OPTIMUM]
    plane = torch.from_numpy(np.stack(np.meshgrid(*sides), axis=-1))
    risk = excess_risk(plane, curvature).numpy()
    axes.contourf(*sides, np.log10(risk + 1e-4), levels=14, cmap="Greys", alpha=0.35)
    coarse = plane[4::8, 4::8]
    slope = -risk_gradient(coarse, curvature).numpy()
    slope /= np.linalg.norm(slope, axis=-1, keepdims=True) + 1e-12
    axes.quiver(
        *np.moveaxis(coarse.numpy(), -1, 0), *np.moveaxis(slope, -1, 0), color="0.6", scale=28, width=0.003, zorder=1
    )
    axes.plot(*OPTIMUM, "k*", ms=9, zorder=5)


def regression_paths(rows: pd.DataFrame, methods: Sequence[str], scales: Sequence[float]) -> Figure:
    """Gradient field of the risk and paths over it, coloured by which edge the step dropped.

    Args:
        rows: Table `ddc/regression_paths`.
        methods: One column each.
        scales: Scales of the first input, one row each.
    """
    figure, panels = plt.subplots(
        len(scales),
        len(methods),
        figsize=(3.4 * len(methods), 3.5 * len(scales)),
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    reach = 1.5
    for line, scale in zip(panels, scales, strict=True):
        for axes, method in zip(line, methods, strict=True):
            axes.set_title(REGRESSION_LABELS[method] if scale == scales[0] else "")
            axes.set_xlabel("first weight $w_1$" if scale == scales[-1] else "")
            runs = rows[(rows.first_scale == scale) & (rows.method == method)]
            _field(axes, runs, reach)
            for _, path in runs.groupby("seed"):
                points = path[["first_weight", "second_weight"]].to_numpy()
                pairs = zip(path.first_dropped[:-1], path.second_dropped[:-1], strict=True)
                colours = [DROPPED[bool(first), bool(second)][1] for first, second in pairs]
                segments = np.stack([points[:-1], points[1:]], axis=1)
                axes.add_collection(LineCollection(list(segments), colors=colours, lw=1.6, zorder=3))
                axes.plot(*points[0], "o", color="black", ms=3.5, zorder=4)
            axes.set(xlim=(1 - reach, 1 + reach), ylim=(1 - reach, 1 + reach), aspect="equal")
            axes.grid(visible=False)
        line[0].set_ylabel(f"{_problem(rows[rows.first_scale == scale])}\n\nsecond weight $w_2$")
    handles = [plt.Line2D([], [], color=colour, lw=2, label=label) for label, colour in DROPPED.values()]
    handles += [
        plt.Line2D([], [], marker="*", ls="", color="black", label="optimum"),
        plt.Line2D([], [], marker="o", ls="", color="black", ms=4, label="start"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=6, fontsize="small")
    return figure


def regression_drops(rows: pd.DataFrame) -> Figure:
    """How often the edge with the smaller and with the larger present gradient is dropped, by method and problem.

    Args:
        rows: Table `ddc/regression`.
    """
    shown = [method for method in REGRESSION_LABELS if method != "none"]
    problems = sorted(rows.first_scale.unique())
    once = at_smallest_rate(runs_once(rows))
    figure, panels = plt.subplots(1, len(problems), figsize=(13, 3.4), sharey=True)
    for axes, scale in zip(panels, problems, strict=True):
        runs = once[once.first_scale == scale]
        for place, method in enumerate(shown):
            part = runs[runs.method == method]
            for column, marker, shift in (("small_drop_rate", "o", 0.12), ("large_drop_rate", "D", -0.12)):
                _dot(axes, part[column], place + shift, METHOD_COLOURS[method], marker, hollow=marker == "D")
        axes.axvline(0.635, color="0.5", lw=1, ls=":")
        axes.axvline(0.3, color="0.5", lw=1, ls=":")
        axes.set(title=_problem(runs), xlabel="share of steps it is dropped")
    panels[0].set_yticks(range(len(shown)), [REGRESSION_LABELS[method] for method in shown])
    panels[0].invert_yaxis()
    handles = [
        plt.Line2D([], [], marker="o", ls="", color="0.3", label="edge with the smaller gradient"),
        plt.Line2D([], [], marker="D", ls="", color="0.3", mfc="white", label="edge with the larger gradient"),
        plt.Line2D([], [], color="0.5", ls=":", label="0.3 and 0.635: the only two rates of DDC here"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, fontsize="small")
    return figure


def _dot(
    axes: Axes, values: pd.Series | np.ndarray, place: float, colour: object, marker: str = "o", hollow: bool = False
) -> None:
    """Mean and 95 % interval as a horizontal bar."""
    found = mean_interval(np.asarray(values, dtype=float))
    if np.isfinite(found.low):
        axes.plot([found.low, found.high], [place, place], color=colour, lw=2, zorder=3)
    axes.plot(found.estimate, place, marker, color=colour, mfc="white" if hollow else colour, ms=6, zorder=4)


def regression_convergence(rows: pd.DataFrame, target: float) -> Figure:
    """Share of starts that have come to a target risk, over steps, for every problem and learning rate.

    Args:
        rows: Table `ddc/regression`.
        target: Share of the initial risk.
    """
    runs = rows[np.isclose(rows.target, target)]
    problems, rates = sorted(runs.first_scale.unique()), sorted(runs.learning_rate.unique())
    figure, panels = plt.subplots(
        len(problems), len(rates), figsize=(12, 2.7 * len(problems)), sharex="col", sharey=True, squeeze=False
    )
    for line, scale in zip(panels, problems, strict=True):
        for axes, rate in zip(line, rates, strict=True):
            cell = runs[(runs.first_scale == scale) & (runs.learning_rate == rate)]
            last = int(cell.steps.max())
            for method, label in REGRESSION_LABELS.items():
                steps = cell[cell.method == method].steps_to_target
                times = np.sort(steps.dropna().to_numpy())
                share = np.arange(len(times) + 1) / len(steps)
                path = np.concatenate([[1], times, [last]]), np.append(share, share[-1])
                axes.step(*path, where="post", color=METHOD_COLOURS[method], lw=1.7, label=label)
            axes.set(xscale="log", xlim=(1, last), ylim=(0, 1.03))
            axes.set_title(f"learning rate {rate:g} · 2/λ" if scale == problems[0] else "")
            axes.set_xlabel("steps of gradient descent" if scale == problems[-1] else "")
        line[0].set_ylabel(f"{_problem(runs[runs.first_scale == scale])}\nshare of starts", fontsize="small")
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize="small")
    return figure


def regression_floors(rows: pd.DataFrame) -> Figure:
    """Excess risk that is left late in training, median and 10 % to 90 % of starts.

    Args:
        rows: Table `ddc/regression`.
    """
    once = runs_once(rows)
    shown = [method for method in REGRESSION_LABELS if method != "none"]
    problems, rates = sorted(once.first_scale.unique()), sorted(once.learning_rate.unique())
    figure, panels = plt.subplots(1, len(problems), figsize=(13, 3.6), sharey=True)
    for axes, scale in zip(panels, problems, strict=True):
        for number, method in enumerate(shown):
            part = once[(once.first_scale == scale) & (once.method == method)].groupby("learning_rate").final_risk
            middle = part.median()
            spread = [middle - part.quantile(0.1), part.quantile(0.9) - middle]
            style = {"color": METHOD_COLOURS[method], "label": REGRESSION_LABELS[method]}
            places = np.arange(len(rates)) + 0.12 * (number - 2)
            axes.errorbar(places, middle, spread, fmt="o", capsize=2, ms=5, **style)
        axes.axhline(1, color="0.5", lw=1, ls=":")
        axes.set(title=_problem(once[once.first_scale == scale]), yscale="log", xlabel="learning rate in units of 2/λ")
        axes.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
    panels[0].set_ylabel("excess risk at the end\nover the initial one")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize="small")
    return figure


def arm_differences(rows: pd.DataFrame, base: str) -> Figure:
    """Test accuracy and loss of every arm minus a base arm, paired over seeds, and the drop rate.

    Args:
        rows: Table of runs and epochs, such as `ddc/formula`.
        base: Arm that the others are compared with.
    """
    last = rows[rows["last"]]
    shown = [arm for arm in ABLATION_LABELS if arm != base and (last.arm == arm).any()]
    figure, panels = plt.subplots(1, 3, figsize=(13, 0.42 * len(shown) + 1.7), sharey=True, width_ratios=(3, 3, 1.4))
    for axes, column, scale in zip(panels, ("test_accuracy", "test_loss"), (100, 1), strict=False):
        for place, arm in enumerate(shown):
            differences = scale * paired_differences(last, arm, base, column)
            axes.plot(differences, np.full(len(differences), place + 0.22), "o", color="0.6", ms=3)
            if len(differences):
                _dot(axes, differences, place, COLOURS[0])
        axes.axvline(0, color="0.4", lw=1)
    for place, arm in enumerate(shown):
        part = last[last.arm == arm]
        panels[2].plot(part.drop_rate, np.full(len(part), place), "o", color=COLOURS[2], ms=4, alpha=0.7)
        if part.diverged.any():
            panels[0].text(0, place, f" {part.diverged.sum()} of {len(part)} diverged", fontsize="x-small", va="bottom")
    panels[2].axvline(mean_drop_rate(last, base), color="0.4", lw=1, ls=":")
    name = ABLATION_LABELS[base].removesuffix(" (published)").removesuffix(" as published")
    panels[0].set(xlabel=f"test accuracy minus {name}, percentage points")
    panels[1].set(xlabel=f"test loss minus {name}, nats")
    panels[2].set(xlabel="share dropped", xlim=(0, 1))
    panels[0].set_yticks(range(len(shown)), [ABLATION_LABELS[arm] for arm in shown])
    panels[0].invert_yaxis()
    return figure


def learning_curves(rows: pd.DataFrame) -> Figure:
    """Training loss (with masks) and validation loss (without) over epochs, mean and 95 % interval over seeds.

    Args:
        rows: Table `ddc/formula`.
    """
    known = {arm: ARM_COLOURS[arm] for arm in CURVES if arm in ARM_COLOURS}
    others = [arm for arm in CURVES if arm not in known]
    colours = known | dict(zip(others, [each for each in COLOURS if each not in known.values()], strict=False))
    figure, panels = plt.subplots(1, 2, figsize=(12, 4))
    for axes, column in zip(panels, ("train_loss", "validation_loss"), strict=True):
        for arm in CURVES:
            over_epochs(axes, rows[rows.arm == arm], column, ABLATION_LABELS[arm], colours[arm])
        axes.set(xlabel="epoch", ylabel=f"{column.replace('_', ' ')} in nats")
    top = rows[rows.arm.isin(CURVES)][["train_loss", "validation_loss"]].max().max()
    for axes in panels:
        axes.set_ylim(0, 1.05 * top)
    panels[0].set_title("with masks")
    panels[1].set_title("without masks")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize="small")
    return figure


def output_ratios(rows: pd.DataFrame) -> Figure:
    """Layer output in training over that in evaluation: mean, variance, mean behind the ReLU.

    Args:
        rows: Table `ddc/activations`.
    """
    measures = {
        "mean_ratio": "mean of pre-activations",
        "activation_ratio": "mean behind the ReLU",
        "variance_ratio": "variance of pre-activations",
    }
    arms = ["realised", "expected", "none", "uniform"]
    figure, panels = plt.subplots(1, 3, figsize=(13, 3.4), sharey=True)
    for axes, (column, label) in zip(panels, measures.items(), strict=True):
        for place, arm in enumerate(arms):
            for stage, colour, shift in (("start", COLOURS[1], -0.13), ("end", COLOURS[0], 0.13)):
                values = calibration_ratios(rows, arm, stage, column)
                axes.plot(values, np.full(len(values), place + shift + 0.12), "o", color="0.7", ms=2.5)
                _dot(axes, values, place + shift, colour)
        axes.axvline(1, color="0.4", lw=1)
        axes.set(xlabel=f"{label}:\ntraining / evaluation")
    panels[2].set_xscale("log")
    names = {"none": "no calibration", "uniform": "$1/(1-r)$, equal rates of 0.5"}
    panels[0].set_yticks(range(len(arms)), [names.get(arm) or ABLATION_LABELS[arm] for arm in arms])
    panels[0].invert_yaxis()
    handles = [
        plt.Line2D([], [], color=colour, marker="o", label=label)
        for label, colour in (("initial weights", COLOURS[1]), ("after training", COLOURS[0]))
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize="small")
    return figure


def sensitivity_surface(rows: pd.DataFrame) -> Figure:
    """Every setting of the grid against the published one: a map over p and p_g for each threshold.

    Args:
        rows: Table `ddc/sensitivity_images` or `ddc/sensitivity_table`.
    """
    effects = sensitivity_effects(rows)
    thresholds = sorted(effects.threshold.unique())
    bases, gradients = sorted(effects.base_rate.unique()), sorted(effects.gradient_rate.unique())
    size = (2.0 + len(thresholds) * (1.15 * len(gradients) + 0.4), 0.95 * len(bases) + 1.6)
    figure, panels = plt.subplots(1, len(thresholds), figsize=size, sharey=True, squeeze=False)
    reach = 100 * max(effects.effect.abs().max(), 1e-6)
    norm = TwoSlopeNorm(0, -reach, reach)
    for axes, threshold in zip(panels[0], thresholds, strict=True):
        # without a gradient rate the threshold does nothing: the same setting in every panel
        part = effects[(effects.threshold == threshold) | (effects.gradient_rate == 0)]
        for cell in part.itertuples():
            x, y = gradients.index(cell.gradient_rate), bases.index(cell.base_rate)
            face = plt.get_cmap("RdBu")(norm(100 * cell.effect)) if not cell.diverged else "0.8"
            axes.add_patch(plt.Rectangle((x - 0.5, y - 0.5), 1, 1, fc=face, ec="white", lw=1.5))
            clear = cell.low > 0 or cell.high < 0
            text = f"{100 * cell.effect:+.1f}\n±{50 * (cell.high - cell.low):.1f}"
            if cell.diverged or cell.published:
                text = "diverged" if cell.diverged else "published"
            dark = abs(cell.effect) * 100 > 0.6 * reach
            style = {"weight": "bold" if clear else "normal", "color": "white" if dark else "black"}
            axes.text(x, y, text, ha="center", va="center", fontsize=8, **style)
            if cell.best:
                axes.text(x + 0.4, y + 0.36, "★", ha="right", va="top", fontsize=10, color=style["color"])
            if cell.published:
                axes.add_patch(plt.Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fc="none", ec="black", lw=1.6))
        axes.set(xlim=(-0.5, len(gradients) - 0.5), ylim=(-0.5, len(bases) - 0.5))
        axes.set(title=f"$\\tau$ = {threshold:g}", xlabel="gradient rate $p_g$")
        axes.set_xticks(range(len(gradients)), [f"{value:g}" for value in gradients])
        axes.grid(visible=False)
    panels[0][0].set_yticks(range(len(bases)), [f"{value:g}" for value in bases])
    panels[0][0].set_ylabel("base rate $p$")
    bar = figure.colorbar(plt.cm.ScalarMappable(norm, "RdBu"), ax=panels[0][-1], fraction=0.08)
    unit = "test loss saved, %" if rows.test_accuracy.isna().all() else "accuracy gained, points"
    bar.set_label(unit)
    return figure


def learned_map(candidates: pd.DataFrame) -> Figure:
    """Maps that were tried, the best one and the published formula; validation loss of every candidate.

    Args:
        candidates: Table `ddc/learned_search`.
    """
    scores = candidate_losses(candidates)
    best = scores.idxmin()
    figure, (maps, losses) = plt.subplots(1, 2, figsize=(12, 4))
    once = candidates[candidates.seed == 0]
    for key, points in once.groupby(["generation", "candidate"]):
        chosen = key == best
        style = {"color": COLOURS[1], "lw": 2.4, "zorder": 4} if chosen else {"color": "0.75", "lw": 1}
        wide = pd.concat([points.iloc[:1].assign(knot=-1.5), points, points.iloc[-1:].assign(knot=4.0)])
        maps.plot(wide.knot, wide.rate, label="best on validation" if chosen else None, **style)
    z = np.linspace(-1.5, 4, 1001)
    q = 1 / (1 + np.exp(z))
    formula = 0.3 + 0.5 * np.where(q > 0.5, q, 0)
    maps.plot(z, formula, color=COLOURS[0], lw=2.2, zorder=3, label="published formula")
    maps.set(xlabel="z-score of $|g|$", ylabel="drop rate of the edge", ylim=(0, 1), xlim=(-1.5, 4))
    maps.legend(fontsize="x-small", loc="upper right")
    runs = candidates.groupby(["generation", "candidate", "seed"]).validation_loss.first()
    for place, key in enumerate(scores.index):
        colour = COLOURS[1] if key == best else COLOURS[0] if key == (0, 0) else "0.5"
        losses.plot(np.full(len(runs[key]), place), runs[key], "o", color=colour, ms=3, alpha=0.6)
        losses.plot(place, scores[key], "_", color=colour, ms=14, mew=2.5)
        if key[1] == 0 and key[0] > 0:
            losses.axvline(place - 0.5, color="0.7", lw=1, ls=":")
    losses.set(xlabel="map, in the order tried (dotted: next generation)", ylabel="validation loss in nats")
    losses.xaxis.get_major_locator().set_params(integer=True)
    return figure


def monte_carlo_changes(rows: pd.DataFrame) -> Figure:
    """What averaging over masks changes, paired over seeds, for every method.

    Args:
        rows: Table `ddc/monte_carlo`.
    """
    measures = {
        "log_loss": ("log-loss, nats", 1),
        "calibration_error": ("calibration error, points", 100),
        "brier": ("Brier score", 1),
        "accuracy": ("accuracy, points", 100),
    }
    arms = [arm for arm in ABLATION_LABELS if ((rows.arm == arm) & (rows.prediction == "monte carlo")).any()]
    figure, panels = plt.subplots(1, len(measures), figsize=(13, 0.5 * len(arms) + 1.5), sharey=True)
    for axes, (column, (label, scale)) in zip(panels, measures.items(), strict=True):
        for place, arm in enumerate(arms):
            change = scale * averaging_changes(rows, arm, column)
            axes.plot(change, np.full(len(change), place + 0.22), "o", color="0.6", ms=3)
            _dot(axes, change, place, COLOURS[0])
        axes.axvline(0, color="0.4", lw=1)
        axes.set(xlabel=f"change of {label}", ylim=(len(arms) - 0.4, -0.5))
        axes.locator_params(axis="x", nbins=5)
    panels[0].set_yticks(range(len(arms)), [ABLATION_LABELS[arm] for arm in arms])
    return figure


def reliability(rows: pd.DataFrame) -> Figure:
    """Accuracy over confidence, deterministic and averaged over masks; all seeds together.

    Args:
        rows: Table `ddc/monte_carlo`.
    """
    arms = [arm for arm in ABLATION_LABELS if (rows.arm == arm).any()]
    figure, panels = plt.subplots(1, len(arms), figsize=(3.3 * len(arms), 3.6), sharey=True, sharex=True)
    kinds = {"deterministic": ("s--", "0.45"), "monte carlo": ("o-", COLOURS[0])}
    for axes, arm in zip(panels, arms, strict=True):
        axes.plot([0, 1], [0, 1], color="0.6", lw=1, ls=":")
        for kind, (form, colour) in kinds.items():
            part = rows[(rows.arm == arm) & (rows.prediction == kind) & (rows.bin_samples > 0)]
            if part.empty:
                continue
            sums = part.assign(
                confidence=part.bin_confidence * part.bin_samples, right=part.bin_accuracy * part.bin_samples
            )
            total = sums.groupby("bin")[["confidence", "right", "bin_samples"]].sum()
            x, y = total.confidence / total.bin_samples, total.right / total.bin_samples
            half = 1.96 * np.sqrt(y * (1 - y) / total.bin_samples)
            error = part.drop_duplicates("seed").calibration_error.mean()
            label = f"{kind}: ECE {100 * error:.1f} %"
            axes.errorbar(x, y, half, fmt=form, color=colour, ms=4, lw=1.3, capsize=1.5, label=label)
        axes.set(title=ABLATION_LABELS[arm], xlabel="confidence", xlim=(0, 1.02), ylim=(0, 1.02))
        axes.legend(fontsize="x-small", loc="lower right")
    panels[0].set_ylabel("share of right classes")
    return figure


def drop_frequencies(rows: pd.DataFrame) -> Figure:
    """Distribution of drop frequencies over edges, and what equal rates would give by chance.

    Args:
        rows: Table `ddc/feedback`.
    """
    whole = rows[(rows.window == 0) & ~rows.diverged]
    figure, panels = plt.subplots(1, len(FEEDBACK_LABELS), figsize=(13, 3.5), sharey=True, sharex=True)
    for axes, (variant, label) in zip(panels, FEEDBACK_LABELS.items(), strict=True):
        part = whole[whole.variant == variant]
        found = part.groupby("frequency").share.apply(lambda values: mean_interval(values.to_numpy()))
        width = 1 / len(found)
        means = np.array([one.estimate for one in found])
        reach = np.array([one.high - one.estimate for one in found])
        axes.bar(found.index, means, 0.92 * width, color=VARIANT_COLOURS[variant], alpha=0.75)
        axes.errorbar(found.index, means, reach, fmt="none", ecolor="0.2", elinewidth=1)
        steps, rate = int(part.steps.iloc[0]), part.mean_rate.mean()
        edges = np.arange(len(found) + 1) / len(found)
        chance = np.diff(stats.binom.cdf(np.ceil(edges * steps) - 1, steps, rate))
        axes.step(found.index, chance, where="mid", color="black", lw=1.2, ls="--", label="equal rates, by chance")
        measured = over_all_training(part)
        axes.set(
            title=f"{label}\nbimodality {measured.bimodality.mean():.2f}, Gini {measured.gini.mean():.3f}",
            xlabel=f"drop frequency of an edge, {steps} steps",
            xlim=(0, 1),
        )
        axes.legend(fontsize="x-small", loc="upper left")
    panels[0].set_ylabel("share of edges")
    return figure


def feedback_over_training(rows: pd.DataFrame) -> Figure:
    """Persistence, memory and concentration of drops in successive windows of training.

    Args:
        rows: Table `ddc/feedback`.
    """
    measures = {
        "persistence": "correlation with the step before",
        "memory": "correlation of frequencies\nwith the window before",
        "gini": "Gini coefficient of frequencies",
    }
    parts = rows[(rows.window > 0) & (rows.bin == 0) & ~rows.diverged]
    figure, panels = plt.subplots(1, len(measures), figsize=(13, 3.6))
    for axes, (column, label) in zip(panels, measures.items(), strict=True):
        for variant, name in FEEDBACK_LABELS.items():
            runs = parts[(parts.variant == variant) & parts[column].notna()]
            found = runs.groupby("window")[column].apply(lambda values: mean_interval(values.to_numpy()))
            middle = np.array([one.estimate for one in found])
            reach = np.array([one.high - one.estimate for one in found])
            style = {"color": VARIANT_COLOURS[variant], "label": name}
            axes.errorbar(found.index, middle, reach, fmt="o-", ms=5, capsize=2.5, **style)
        axes.axhline(0, color="0.4", lw=1)
        axes.set(xlabel="window of training", ylabel=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize="small")
    return figure
