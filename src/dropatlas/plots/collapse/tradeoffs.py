"""Figures on what connectivity costs: regularisation, and shapes of one parameter budget."""

from collections.abc import Mapping
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dropatlas.collapse.labels import VARIANT_LABELS
from dropatlas.collapse.tradeoffs import CELL, FORMS
from dropatlas.plots.collapse.shared import GAIN_LABELS, VARIANT_COLOURS, error_bar, sequential
from dropatlas.stats import binomial_interval, mean_interval

MEASURES = {
    "gap": "train-test gap (nats)",
    "test_loss": "test loss (nats)",
    "best_test_loss": "test loss at the best step (nats)",
}


def _over_drop_rate(axes: Axes, cell: pd.DataFrame, column: str) -> None:
    """Mean and interval of a number over p, by form and horizon, those without dropout at p = 0."""
    horizons, control = sorted(cell.horizon.unique()), cell[cell.variant == "none"]
    for form, horizon in product(FORMS, horizons):
        runs = cell[(cell.variant == form) | (cell.variant == "none")].query("horizon == @horizon")
        last = horizon == horizons[-1]
        style = {"color": VARIANT_COLOURS[form], "ls": "-" if last else ":", "mfc": None if last else "white"}
        means = runs.groupby("drop_rate")[column].mean()
        axes.plot(means.index, means, color=style["color"], ls=style["ls"], lw=1.4)
        shift = 0.008 * (2 * FORMS.index(form) - 1)
        for p, chosen in runs[runs.drop_rate > 0].groupby("drop_rate"):
            error_bar(axes, p + shift, mean_interval(chosen[column]), fmt="o", ms=4, capsize=2, **style)
    for horizon in horizons:
        found = mean_interval(control[control.horizon == horizon][column])
        mark = None if horizon == horizons[-1] else "white"
        error_bar(axes, 0.0, found, fmt="s", ms=5, capsize=2, color=VARIANT_COLOURS["none"], mfc=mark)
        if column != "gap":
            axes.axhline(found.estimate, color=VARIANT_COLOURS["none"], lw=0.8, ls="--", alpha=0.6)


def regularisation(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Figure:
    """Train-test gap, test loss and test loss at the best step over p, a column per cell, mean and 95 % interval.

    Args:
        rows: Table `collapse/regularisation`.
        criterion: Of P19: `gap`, that without dropout (nats) from which a cell can tell; `slope`, by which it must
            fall; `rare`, the θ up to which paths are rare (shaded).
    """
    cells = list(rows[CELL].drop_duplicates().itertuples(index=False, name=None))
    size = (2.7 * len(cells) + 1.9, 8.6)
    figure, panels = plt.subplots(len(MEASURES), len(cells), figsize=size, sharex=True, sharey="row", squeeze=False)
    for column, (depth, width, wrong) in enumerate(cells):
        cell = rows[(rows.depth == depth) & (rows.width == width) & (rows.wrong_labels == wrong) & ~rows.diverged]
        thetas = cell.groupby("drop_rate").theta.min()
        for axes, (name, label) in zip(panels[:, column], MEASURES.items(), strict=True):
            _over_drop_rate(axes, cell, name)
            for p in thetas.index[thetas <= criterion["rare"]]:
                axes.axvspan(p - 0.05, p + 0.05, color="0.88", zorder=0)
            if column == 0:
                axes.set_ylabel(label)
            if name == "gap":
                axes.axhline(criterion["gap"], color="black", lw=1, ls="-.")
                _slowest_fall(axes, cell, criterion["slope"])
            else:
                axes.axhline(cell.trivial_loss.iloc[0], color="0.4", lw=1, ls=(0, (1, 1)))
        panels[0, column].set_title(
            f"$L$={depth}, $W$={width}\n{wrong:.0%} random labels\n"
            f"$\\theta$={thetas.iloc[-1]:.2g} at $p$={thetas.index[-1]:g}",
            fontsize="small",
        )
        panels[-1, column].set_xlabel("drop rate $p$")
    _legend(figure, rows, criterion["gap"], criterion["rare"])
    return figure


def _slowest_fall(axes: Axes, cell: pd.DataFrame, slope: float) -> None:
    """The slowest fall of the gap that counts, from that without dropout at each horizon."""
    rates = np.array([0.0, cell.drop_rate.max()])
    for _, runs in cell[cell.variant == "none"].groupby("horizon"):
        axes.plot(rates, runs.gap.mean() * (1 - slope * rates), color="black", lw=0.9, ls=(0, (4, 2)))


def _legend(figure: Figure, rows: pd.DataFrame, gap: float, rare: float) -> None:
    *earlier, last = sorted(rows.horizon.unique())
    line, patch = plt.Line2D, plt.Rectangle
    handles: list[Artist] = [
        line([], [], color=VARIANT_COLOURS[form], marker="o", ms=4, label=VARIANT_LABELS[form]) for form in FORMS
    ]
    handles += [
        line([], [], color=VARIANT_COLOURS["none"], marker="s", ls="--", ms=5, label=VARIANT_LABELS["none"]),
        line([], [], color="0.3", marker="o", ls="-", ms=4, label=f"after {last} steps"),
        line(
            [],
            [],
            color="0.3",
            marker="o",
            ls=":",
            ms=4,
            mfc="white",
            label=f"after {', '.join(map(str, earlier))} steps",
        ),
        line(
            [],
            [],
            color="black",
            lw=1,
            ls="-.",
            label=f"gap of {gap:g}: without\ndropout a cell must\nhave more to tell",
        ),
        line([], [], color="black", lw=0.9, ls=(0, (4, 2)), label="slowest fall\nthat counts"),
        line([], [], color="0.4", lw=1, ls=(0, (1, 1)), label="best constant"),
        patch((0, 0), 1, 1, color="0.88", label=f"paths are rare:\n$\\theta \\leq$ {rare:g}"),
    ]
    figure.legend(handles=handles, loc="outside right center", fontsize="small")


def trained_shapes(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Figure:
    """Share of networks that learn over the shapes of a budget, a row per budget, a column per gain; 95 % intervals.

    Args:
        rows: Table `collapse/parameter_budget`.
        criterion: Of P21: `learns`, the share that the widest shape must reach and the narrowest may not, and `able`,
            the share that must learn without dropout.
    """
    budgets, gains = sorted(rows.budget.unique()), list(GAIN_LABELS)
    rates = sorted(rows[rows.variant == "dropout"].drop_rate.unique())
    colours = sequential(rates)
    size = (9.5, 3.1 * len(budgets) + 0.7)
    figure, panels = plt.subplots(len(budgets), len(gains), figsize=size, sharey=True, squeeze=False)
    for (row, budget), (column, gain) in product(enumerate(budgets), enumerate(gains)):
        axes, shown = panels[row, column], rows[rows.budget == budget]
        widths = sorted(shown.width.unique())
        for number, p in enumerate([0.0, *rates]):
            chosen = shown[shown.drop_rate == p] if p else shown[shown.variant == "none"]
            chosen = chosen if not p else chosen[chosen.gain == gain]
            colour = colours[p] if p else VARIANT_COLOURS["none"]
            shares = chosen.groupby("width").learned.mean().reindex(widths)
            places = np.arange(len(widths)) + 0.07 * (number - len(rates) / 2)
            axes.plot(places, shares, color=colour, lw=1.2, ls="-" if p else "--")
            for place, width in zip(places, widths, strict=True):
                networks = chosen[chosen.width == width]
                found = binomial_interval(int(networks.learned.sum()), len(networks))
                mark = None if (networks.control_share >= criterion["able"]).all() else "white"
                error_bar(axes, place, found, fmt="o" if p else "s", ms=5, capsize=2, color=colour, mfc=mark)
        axes.axhline(criterion["learns"], color="black", lw=1, ls="-.")
        axes.set_xticks(range(len(widths)), [_shape_label(shown, width, rates) for width in widths], fontsize="x-small")
        axes.set(title=f"{budget:,} weights, {GAIN_LABELS[gain]}", ylim=(-0.04, 1.04), xlim=(-0.4, len(widths) - 0.6))
        if column == 0:
            axes.set_ylabel("share of networks that learn")
    handles = [plt.Line2D([], [], color=VARIANT_COLOURS["none"], marker="s", ls="--", ms=5, label="no dropout")]
    handles += [plt.Line2D([], [], color=colours[p], marker="o", ms=5, label=f"dropout, $p$ = {p:g}") for p in rates]
    handles += [plt.Line2D([], [], color="black", lw=1, ls="-.", label=_told(criterion["learns"]))]
    figure.legend(handles=handles, loc="outside right center", fontsize="small")
    return figure


def _told(learns: float) -> str:
    return f"share {learns:g}: widest\nabove, narrowest\nbelow"


def _shape_label(rows: pd.DataFrame, width: int, rates: list[float]) -> str:
    """Width, depth, and what path and signal are at the smallest and the largest drop rate."""
    shape = rows[(rows.width == width) & (rows.variant == "dropout")]
    thetas, signals = (shape.groupby("drop_rate")[name].first() for name in ("theta", "signal_factor"))
    ends = (rates[0], rates[-1])
    return (
        f"$W$={width}, $L$={shape.depth.iloc[0]}\n$\\theta$: {thetas[ends[0]]:.2g} to {thetas[ends[1]]:.2g}\n"
        f"$q^{{L/2}}$: {signals[ends[0]]:.1g} to {signals[ends[1]]:.1g}"
    )
