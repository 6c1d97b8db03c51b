"""Figures of the benchmarks of Dynamic DropConnect (arXiv 2502.19948)."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dropatlas.ddc.comparisons import (
    arm_against_others,
    described,
    final_scores,
    generalisation_gaps,
    is_regression,
    mean_scores,
    median_ratio,
    step_ratios,
)
from dropatlas.ddc.labels import ARM_LABELS, MODEL_LABELS
from dropatlas.plots.arms import ARM_COLOURS, over_epochs, reach
from dropatlas.plots.style import COLOURS
from dropatlas.stats import Interval, mean_interval


def scores(rows: pd.DataFrame, published: Mapping[str, float] | None = None) -> Figure:
    """Test accuracy of every arm, last epoch and epoch chosen on validation: seeds, mean, 95 % interval.

    Args:
        rows: Table of a classification benchmark.
        published: Published accuracies by arm, drawn as stars.
    """
    arms, published = list(final_scores(rows)), published or {}
    figure, axes = plt.subplots(figsize=(8.5, 0.55 * len(arms) + 1.6))
    for place, arm in enumerate(reversed(arms)):
        for offset, chosen, marker in ((0.14, "last", "o"), (-0.14, "selected", "D")):
            values = 100 * final_scores(rows, chosen)[arm]
            found = mean_interval(values.to_numpy())
            axes.plot(values, np.full(len(values), place + offset), "|", ms=9, color=ARM_COLOURS[arm], alpha=0.5)
            filled = ARM_COLOURS[arm] if chosen == "last" else "white"
            axes.errorbar(
                *(found.estimate, place + offset), xerr=reach(found), fmt=marker, ms=6, capsize=3, mfc=filled,
                color=ARM_COLOURS[arm],
            )  # fmt: skip
        if arm in published:
            axes.plot(100 * published[arm], place, "*", ms=13, color="white", mec="black", mew=0.8)
    axes.plot([], [], "o", color="0.35", label="last epoch")
    axes.plot([], [], "D", color="0.35", mfc="white", label="epoch chosen on validation")
    if set(arms) & set(published):
        axes.plot([], [], "*", ms=11, color="white", mec="black", label="published")
    axes.set_yticks(range(len(arms)), [ARM_LABELS[arm] for arm in reversed(arms)])
    axes.set(xlabel="test accuracy in %", title=described(rows))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")
    return figure


def differences(
    benchmarks: Mapping[str, pd.DataFrame], published: Mapping[str, Mapping[str, float]] | None = None
) -> Figure:
    """Test score of DDC minus that of every other arm, by benchmark: mean paired difference and 95 % interval.

    Args:
        benchmarks: Tables by the name to show; regressions are left out (their scores are no accuracies).
        published: Published accuracies by benchmark and arm; where they have both, the gain of DDC over no
            regularisation is drawn as a star.
    """
    shown, published = {name: rows for name, rows in benchmarks.items() if not is_regression(rows)}, published or {}
    found = {name: arm_against_others(rows) for name, rows in shown.items()}
    heights = [len(table) for table in found.values()]
    figure, panels = plt.subplots(
        len(shown), 1, figsize=(8.5, 0.36 * sum(heights) + 0.75 * len(shown)), squeeze=False,
        gridspec_kw={"height_ratios": heights},
    )  # fmt: skip
    for axes, (name, table) in zip(panels[:, 0], found.items(), strict=True):
        for place, row in enumerate(table.iloc[::-1].itertuples()):
            pair = Interval(100 * row.difference, 100 * row.low, 100 * row.high)
            colour = ARM_COLOURS[row.baseline]
            axes.errorbar(pair.estimate, place, xerr=reach(pair), fmt="o", ms=6, capsize=3, color=colour)
            stars = published.get(name, {})
            if row.baseline == "none" and {"none", "ddc"} <= set(stars):
                axes.plot(100 * (stars["ddc"] - stars["none"]), place, "*", ms=12, color="white", mec="black", mew=0.8)
        axes.axvline(0, color="0.4", lw=1)
        axes.set_yticks(range(len(table)), [ARM_LABELS[arm] for arm in reversed(table.baseline.tolist())])
        axes.set_ylim(-0.6, len(table) - 0.4)
        axes.set_title(f"{name}: {described(shown[name])}", loc="left", fontsize="small")
    panels[-1, 0].set_xlabel("test accuracy of DDC minus that of the other method, in percentage points")
    return figure


def learning_curves(rows: pd.DataFrame) -> Figure:
    """Training loss with masks, validation loss and validation accuracy over epochs, one curve per arm.

    Args:
        rows: Table of a benchmark.
    """
    labels = {
        "train_loss": "training loss, with masks",
        "validation_loss": "validation loss",
        "validation_accuracy": "validation accuracy",
    }
    figure, panels = plt.subplots(1, 3, figsize=(13, 3.9))
    for axes, (column, label) in zip(panels, labels.items(), strict=True):
        for arm in rows.arm.unique():
            over_epochs(axes, rows[rows.arm == arm], column, ARM_LABELS[arm], ARM_COLOURS[arm])
        axes.set(xlabel="epoch", ylabel=label)
        if column.endswith("loss"):
            axes.set_yscale("log")
        else:
            axes.set_ylim(*np.clip(axes.get_ylim(), 0, 1))  # an interval may reach beyond what an accuracy can be
    panels[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def generalisation_gap(benchmarks: Mapping[str, pd.DataFrame]) -> Figure:
    """Training minus test accuracy of every arm by benchmark, mean and 95 % interval (`generalisation_gaps`).

    Args:
        benchmarks: Tables by the name to show; regressions are left out.
    """
    shown = {name: generalisation_gaps(rows) for name, rows in benchmarks.items() if not is_regression(rows)}
    arms = list(dict.fromkeys(arm for gaps in shown.values() for arm in gaps))
    figure, axes = plt.subplots(figsize=(0.9 * len(shown) + 4, 4.4))
    for index, arm in enumerate(arms):
        offset = 0.7 * ((index + 0.5) / len(arms) - 0.5)
        label: str | None = ARM_LABELS[arm]
        for place, gaps in enumerate(shown.values()):
            if arm not in gaps:
                continue
            found = mean_interval(100 * gaps[arm].to_numpy())
            axes.errorbar(
                place + offset, found.estimate, yerr=reach(found), fmt="o", ms=5, capsize=2,
                color=ARM_COLOURS[arm], label=label,
            )  # fmt: skip
            label = None
    axes.axhline(0, color="0.4", lw=1)
    axes.set_xticks(range(len(shown)), list(shown), rotation=25, ha="right", fontsize="small")
    axes.set(xlim=(-0.5, len(shown) - 0.5), ylabel="training minus test accuracy,\npercentage points")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def drop_rates(benchmarks: Mapping[str, pd.DataFrame]) -> Figure:
    """Share of edges that DDC really dropped over the epochs, one curve per benchmark, with 95 % intervals.

    Args:
        benchmarks: Tables by the name to show.
    """
    figure, axes = plt.subplots(figsize=(7.5, 4.2))
    for colour, (name, rows) in zip([*COLOURS, "0.4", "0.6"], benchmarks.items(), strict=False):
        table = rows[(rows.arm == "ddc") & ~rows.diverged].pivot(index="epoch", columns="seed", values="drop_rate")
        found = [mean_interval(values) for values in table.to_numpy()]
        done = table.index / max(table.index.max(), 1)
        mean = [each.estimate for each in found]
        axes.errorbar(done, mean, np.hstack([reach(each) for each in found]), fmt="o-", ms=3, color=colour, label=name)
    axes.set(xlabel="share of the training done", ylabel="share of edges dropped by DDC")
    axes.set(xlim=(0, 1.05), ylim=(0, 0.8))
    axes.axhline(0.3, color="0.5", lw=1, ls="--")
    axes.text(0.02, 0.31, "base rate $p$", color="0.4", fontsize="small", va="bottom")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def step_time(rows: pd.DataFrame, limit: float) -> Figure:
    """Time of a training step with each method over that of the plain step: median over rounds, 95 % interval.

    Args:
        rows: Table `ddc/step_time`.
        limit: Ratio that counts as no added cost.
    """
    models, methods = list(rows.model.unique()), [name for name in rows.method.unique() if name != "none"]
    figure, axes = plt.subplots(figsize=(8.5, 0.42 * len(methods) + 1.7))
    for place, method in enumerate(reversed(methods)):
        ratios = step_ratios(rows, method)
        for index, model in enumerate(models):
            found = median_ratio(ratios[model])
            offset = 0.5 * ((index + 0.5) / len(models) - 0.5)
            axes.errorbar(
                found.estimate, place - offset, xerr=reach(found), fmt="o", ms=5, capsize=3, color=COLOURS[index],
                label=MODEL_LABELS.get(model, model) if place == 0 else None,
            )  # fmt: skip
    axes.axvline(1, color="0.4", lw=1)
    axes.axvline(limit, color="0.4", lw=1, ls="--")
    axes.set_yticks(range(len(methods)), [ARM_LABELS[method] for method in reversed(methods)])
    axes.set_xlabel("time of a training step over that of the plain step (dashed: the limit asked for)")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def regression_scores(benchmarks: Mapping[str, pd.DataFrame]) -> Figure:
    """Squared error on the test part of the regression benchmarks: seeds, mean, 95 % interval.

    Args:
        benchmarks: Tables by the name to show; classifications are left out.
    """
    shown = {name: rows for name, rows in benchmarks.items() if is_regression(rows)}
    figure, panels = plt.subplots(1, len(shown), figsize=(7.5 * len(shown), 2.8), squeeze=False)
    for axes, (name, rows) in zip(panels[0], shown.items(), strict=True):
        table = mean_scores(rows)
        for place, (arm, found) in enumerate(reversed(table.items())):
            loss = Interval(-found.estimate, -found.high, -found.low)
            axes.errorbar(loss.estimate, place, xerr=reach(loss), fmt="o", ms=6, capsize=3, color=ARM_COLOURS[arm])
        axes.set_yticks(range(len(table)), [ARM_LABELS[arm] for arm in reversed(table)])
        axes.set(xlabel="test squared error over the targets' variance", title=f"{name}: {rows.data.iloc[0]}")
    return figure
