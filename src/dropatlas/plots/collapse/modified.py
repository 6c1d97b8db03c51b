"""Figures on dropout, modified dropout and no dropout."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import t

from dropatlas.collapse.labels import COMPARED, VARIANT_LABELS
from dropatlas.plots.collapse.shared import VARIANT_COLOURS, cell_rows, constant_line, error_bar, with_diverged
from dropatlas.stats import mean_interval


def loss_curves(rows: pd.DataFrame, problem: str, *, biases: bool) -> Figure:
    """Loss over steps, one panel per cell, mean and 95 % interval over seeds; dashed: the best constant.

    Args:
        rows: Table `collapse/variants`.
        problem: Problem shown.
        biases: Whether networks with biases are shown.
    """
    shown = rows[(rows.problem == problem) & (rows.biases == biases)]
    cells = list(dict.fromkeys(zip(shown.depth, shown.width, shown.cell_drop_rate, strict=True)))
    figure, panels = plt.subplots(1, len(cells), figsize=(3.1 * len(cells) + 1.2, 3.6), sharey=True, squeeze=False)
    for axes, (depth, width, p) in zip(panels[0], cells, strict=True):
        cell = cell_rows(shown, (depth, width, p))
        for variant in COMPARED:
            grouped = cell[(cell.variant == variant) & ~cell.diverged].groupby("step").loss_ratio
            mean = grouped.mean()
            half = t.ppf(0.975, grouped.count() - 1) * grouped.std(ddof=1) / np.sqrt(grouped.count())
            style = "--" if variant == "modified" else "-"
            axes.plot(mean.index, mean, style, color=VARIANT_COLOURS[variant], label=VARIANT_LABELS[variant], lw=1.7)
            axes.fill_between(mean.index, mean - half, mean + half, color=VARIANT_COLOURS[variant], alpha=0.15, lw=0)
        theta = cell[cell.variant == "dropout"].theta.iloc[0]
        undecided = "" if cell.control_learns.all() else "\nundecidable: control does not learn"
        title = f"$L$={depth}, $W$={width}, $p$={p:g}: $\\theta$={theta:.2g}{undecided}"
        axes.set(title=with_diverged(title, cell[cell.variant.isin(COMPARED)]), xlabel="step", xscale="log")
        axes.title.set_fontsize("small")
        constant_line(axes)
    panels[0][0].set_ylabel("test loss / loss of a constant")
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def weights_and_biases(rows: pd.DataFrame, problem: str) -> Figure:
    """Final movement of weights, biases and the output bias of networks with biases, by cell and variant.

    Args:
        rows: Table `collapse/variants`.
        problem: Problem shown.
    """
    final = rows[(rows.problem == problem) & rows.biases & (rows.step == rows.step.max())]
    variants = ["none", "dropout", "modified"]
    measures = {
        "relative_movement": "weights: $\\|w_T - w_0\\| / \\|w_0\\|$",
        "bias_movement": "all biases: $\\|b_T\\|$",
        "output_bias_movement": "output bias: $|b^{out}_T|$",
    }
    cells = list(dict.fromkeys(zip(final.depth, final.width, final.cell_drop_rate, strict=True)))
    figure, panels = plt.subplots(1, 3, figsize=(12.5, 3.8))
    for axes, (column, label) in zip(panels, measures.items(), strict=True):
        for offset, variant in enumerate(variants):
            for place, cell in enumerate(cells):
                runs = cell_rows(final, cell, variant)
                error_bar(
                    axes,
                    place + 0.2 * (offset - 1),
                    mean_interval(runs[~runs.diverged][column]),
                    fmt="o",
                    ms=5,
                    capsize=3,
                    color=VARIANT_COLOURS[variant],
                    label=VARIANT_LABELS[variant] if place == 0 else None,
                )
        shown = [final[final.variant.isin(variants)].pipe(cell_rows, cell) for cell in cells]
        thetas = [cell[cell.variant == "dropout"].theta.iloc[0] for cell in shown]
        labels = [f"$L$={d}, $W$={w}\n$\\theta$={theta:.2g}" for (d, w, _), theta in zip(cells, thetas, strict=True)]
        labels = list(map(with_diverged, labels, shown))
        axes.set_xticks(range(len(cells)), labels, fontsize="x-small")
        axes.set(ylabel=label, ylim=(0, None))
    panels[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure
