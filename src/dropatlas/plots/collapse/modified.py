"""Figures on dropout, modified dropout and no dropout."""

from collections.abc import Mapping
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import t

from dropatlas.collapse.effects import PAIR, modified_leads, settled_pairs, why_undecidable
from dropatlas.collapse.labels import COMPARED, VARIANT_LABELS
from dropatlas.collapse.variants import MODIFIED
from dropatlas.plots.collapse.shared import VARIANT_COLOURS, cell_rows, constant_line, with_diverged
from dropatlas.stats import ratio_interval


def loss_curves(rows: pd.DataFrame, *, biases: bool) -> Figure:
    """Loss over steps, a row per learning rate and a panel per cell, mean and 95 % interval; dashed: the best constant.

    Args:
        rows: Table `collapse/variants`.
        biases: Whether networks with biases are shown.
    """
    shown = rows[rows.biases == biases]
    cells = list(dict.fromkeys(zip(shown.depth, shown.width, shown.cell_drop_rate, strict=True)))
    rates = sorted(shown.learning_rate.unique())
    size = (2.7 * len(cells) + 1.9, 2.5 * len(rates) + 0.6)
    figure, panels = plt.subplots(len(rates), len(cells), figsize=size, sharey=True, sharex=True, squeeze=False)
    for (rate, cell), axes in zip(product(rates, cells), panels.flat, strict=True):
        some = cell_rows(shown[shown.learning_rate == rate], cell)
        for variant in COMPARED:
            grouped = some[(some.variant == variant) & ~some.diverged].groupby("step").loss_ratio
            mean = grouped.mean()
            half = t.ppf(0.975, grouped.count() - 1) * grouped.std(ddof=1) / np.sqrt(grouped.count())
            style = "--" if variant.startswith("modified") else "-"
            axes.plot(mean.index, mean, style, color=VARIANT_COLOURS[variant], label=VARIANT_LABELS[variant], lw=1.5)
            axes.fill_between(mean.index, mean - half, mean + half, color=VARIANT_COLOURS[variant], alpha=0.15, lw=0)
        theta = some[some.variant == "dropout"].theta.iloc[0]
        undecided = "" if some.control_learns.all() else "\nundecidable: control does not learn"
        depth, width, p = cell
        title = f"$L$={depth}, $W$={width}, $p$={p:g}\n$\\theta$={theta:.2g}, $\\alpha$={rate:g}{undecided}"
        axes.set(title=with_diverged(title, some[some.variant.isin(COMPARED)]), xscale="log")
        axes.title.set_fontsize("small")
        constant_line(axes)
    for axes in panels[-1]:
        axes.set_xlabel("step")
    for axes in panels[:, 0]:
        axes.set_ylabel("test loss / loss\nof a constant")
    panels[0][-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")
    return figure


def modified_dropout(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Figure:
    """What skipping changes with biases: along training, and of dropout's cost at the plateau.

    Args:
        rows: Table `collapse/variants`.
        criterion: Of P10; the limits `matters` and 0 are drawn, and cells that cannot tell are hollow.
    """
    leads = modified_leads(rows)
    figure, panels = plt.subplots(1, 2, figsize=(13.5, 1.6 + 0.24 * len(leads[["plain", *PAIR]].drop_duplicates())))
    place, labels = 0, []
    for plain in MODIFIED:
        for key, cell in settled_pairs(rows, plain).groupby(PAIR):
            depth, width, p, rate = key
            style = {"color": VARIANT_COLOURS[plain], "alpha": 1.0}
            along = leads[(leads.plain == plain) & (leads[PAIR] == key).all(axis=1)].groupby("step").difference.mean()
            panels[0].plot(along.index, along, lw=1.2, ls="-" if rate == leads.learning_rate.min() else ":", **style)
            saved, cost = (
                (cell.late_plain - cell.late_modified).to_numpy(),
                (cell.late_plain - cell.late_none).to_numpy(),
            )
            labels.append(f"{VARIANT_LABELS[plain]}, $L$={depth}, $W$={width}, $p$={p:g}, $\\alpha$={rate:g}")
            if np.isfinite([*saved, *cost]).all() and cost.mean() > 0:
                found, told = ratio_interval(saved, cost), not why_undecidable(cell, criterion)
                error = [[found.estimate - found.low], [found.high - found.estimate]]
                if np.isfinite(error).all():
                    fill = style["color"] if told else "white"
                    panels[1].errorbar(found.estimate, place, xerr=error, fmt="o", ms=5, capsize=2.5, mfc=fill, **style)
            place += 1
    panels[0].axhline(0, color="0.4", lw=1, ls="--")
    panels[0].set(xscale="log", xlabel="step", ylabel="loss ratio: modified $-$ plain", title="along training")
    panels[1].axvline(0, color="0.2", lw=1.2)
    panels[1].axvline(criterion["matters"], color="0.2", lw=1.2, ls="--")
    panels[1].set_yticks(range(place), labels, fontsize="x-small")
    panels[1].invert_yaxis()
    panels[1].set(xlabel="share of dropout's cost saved", title="at the plateau (hollow: cannot tell)")
    rates = sorted(leads.learning_rate.unique())
    handles = [plt.Line2D([], [], color=VARIANT_COLOURS[plain], label=VARIANT_LABELS[plain]) for plain in MODIFIED]
    handles += [
        plt.Line2D([], [], color="0.4", ls="-" if rate == rates[0] else ":", label=f"$\\alpha$ = {rate:g}")
        for rate in rates
    ]
    panels[0].legend(handles=handles, loc="upper right", fontsize="small")
    return figure
