"""Figures of teacher and student (Figure 2 of arXiv 2510.07554): losses, distances, exponents, the authors' runs."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dropatlas.phases.exponents import distance_slopes, mean_exponent
from dropatlas.phases.labels import VARIANT_LABELS
from dropatlas.phases.reference_runs import FIGURE, FIGURE_STEP, READ, READ_OFF, READ_STEP
from dropatlas.phases.student_effects import LOSSES, distance_ratios, gap_slopes, lasting_shares, loss_gaps
from dropatlas.phases.widest import WIDEST
from dropatlas.plots.style import COLOURS
from dropatlas.stats import Interval, mean_interval

VARIANT_COLOURS = {"none": "0.35", "dropout": COLOURS[0], "ram": COLOURS[1], "pn_ram": COLOURS[2]}
OTHERS = ("ram", "pn_ram", "none")
"""Variants that have a distance to dropout."""

Colour = str | tuple[float, ...]


def _mean_over_seeds(axes: Axes, rows: pd.DataFrame, column: str, colour: Colour, label: str, style: str = "-") -> None:
    """Geometric mean over steps with its 95 % t interval; seeds that diverged are left out."""
    table = rows[~rows.diverged & (rows[column] > 0)].pivot(index="step", columns="seed", values=column)
    if table.empty:
        return
    found = [mean_interval(values) for values in np.log(table.to_numpy())]
    mean, low, high = (np.exp([getattr(each, name) for each in found]) for name in ("estimate", "low", "high"))
    axes.plot(table.index, mean, style, color=colour, lw=1.6, label=label)
    known = np.isfinite(low) & (low > 0) & np.isfinite(high)
    axes.fill_between(table.index[known], low[known], high[known], color=colour, alpha=0.15, lw=0)


def _bar(axes: Axes, place: float, found: Interval | None, colour: Colour, label: str = "", marker: str = "o") -> None:
    """An estimate with its interval at one place of the x axis; nothing where there is none."""
    if found is None or not np.isfinite([found.low, found.high]).all():
        return
    reach = [[found.estimate - found.low], [found.high - found.estimate]]
    axes.errorbar(place, found.estimate, reach, fmt=marker, ms=6, capsize=4, color=colour, label=label)


def _geometric(logs: pd.Series) -> Interval | None:
    """Geometric mean with its interval, from logarithms; None with too few numbers."""
    found = mean_exponent(logs)
    return found and Interval(*np.exp([found.estimate, found.low, found.high]).tolist())


def _beside(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")


def losses(rows: pd.DataFrame) -> Figure:
    """Figure 2: training risk as the variant sees it (top) and validation risk without masks (bottom), by width.

    Args:
        rows: Table `phases/teacher_student`.
    """
    widths, last = sorted(rows.width.unique()), rows.step.max()
    size = (2.5 * len(widths) + 2.2, 5.8)
    figure, panels = plt.subplots(2, len(widths), figsize=size, sharex=True, sharey="row", squeeze=False)
    for column, width in enumerate(widths):
        for axes, risk in zip(panels[:, column], ("training_risk", "validation_risk"), strict=True):
            axes.axvspan(0.9 * last, last, color="0.9", lw=0, zorder=0)
            for variant in ("none", "dropout", "ram", "pn_ram"):
                curve = rows[(rows.step > 0) & (rows.width == width) & (rows.variant == variant)]
                style = "--" if variant == "ram" else "-"
                _mean_over_seeds(axes, curve, risk, VARIANT_COLOURS[variant], VARIANT_LABELS[variant], style)
            axes.set(xscale="log", yscale="log")
        panels[0, column].set_title(f"$n$ = {width}")
        panels[1, column].set_xlabel("step")
    panels[0, 0].set_ylabel("training risk, with masks")
    panels[1, 0].set_ylabel("validation risk, without")
    handles, labels = panels[0, -1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize="small")
    return figure


def loss_gaps_over_width(rows: pd.DataFrame, closes: float) -> Figure:
    """How far the losses of RaM and no dropout are from dropout's at the end, over the width; right: exponents.

    Args:
        rows: Table `phases/teacher_student`.
        closes: Largest exponent in n with which the gap of RaM closes; that of no dropout must be above it.
    """
    figure, panels = plt.subplots(1, 3, figsize=(13.0, 4.2), layout="constrained")
    widths = sorted(rows.width.unique())
    for place, (loss, name) in enumerate(LOSSES.items()):
        axes = panels[place]
        for shift, variant in ((-0.08, "none"), (0.08, "ram")):
            gaps, colour = loss_gaps(rows, loss, variant), VARIANT_COLOURS[variant]
            gaps = gaps[gaps.gap > 0]
            axes.plot(gaps.width, gaps.gap, ".", ms=3.5, color=colour, alpha=0.4)
            found = {width: mean_interval(np.log(cell)) for width, cell in gaps.gap.groupby(gaps.width)}
            mean = {width: np.exp(each.estimate) for width, each in found.items()}
            style = "o-" if variant == "ram" else "s--"
            axes.plot(list(mean), list(mean.values()), style, ms=5, color=colour, label=VARIANT_LABELS[variant])
            if variant == "ram" and mean:
                grid = np.array([min(mean), max(mean)], dtype=float)
                slowest = mean[min(mean)] * (grid / grid[0]) ** closes
                axes.plot(grid, slowest, color=colour, lw=1.2, ls=":", label=f"$n^{{{closes:g}}}$, slowest that closes")
            _bar(panels[2], place + shift, mean_exponent(gap_slopes(rows, loss, variant)), colour)
        axes.set(xlabel="width $n$", xscale="log", yscale="log", title=f"{name}, at the end")
        axes.set_xticks(widths, widths)
        axes.minorticks_off()
    panels[0].set_ylabel("|loss of dropout – that of the variant|")
    panels[0].legend(loc="lower left", fontsize="x-small")
    panels[2].axhline(closes, color="0.4", lw=1.2, ls=":")
    low, high = panels[2].get_ylim()
    panels[2].set(ylabel="exponent in $n$", ylim=(min(low, -1.2), max(high, 0.1)))
    panels[2].set_title("RaM below the line, no dropout above")
    panels[2].set_xticks(range(len(LOSSES)), [name.replace(", ", ",\n") for name in LOSSES.values()])
    panels[2].set_xlim(-0.5, len(LOSSES) - 0.5)
    return figure


def distances_over_steps(rows: pd.DataFrame) -> Figure:
    """Figure 2: RMS distance of RaM, PN+RaM and no dropout to dropout over steps, one curve per width.

    Args:
        rows: Table `phases/teacher_student`.
    """
    widths = sorted(rows.width.unique())
    colours = dict(zip(widths, sns.color_palette("flare", len(widths)), strict=True))
    figure, panels = plt.subplots(1, 3, figsize=(12.5, 4), sharey=True, sharex=True)
    for axes, variant in zip(panels, OTHERS, strict=True):
        for width in widths:
            curve = rows[(rows.step > 0) & (rows.width == width) & (rows.variant == variant)]
            _mean_over_seeds(axes, curve, "rms_distance", colours[width], f"$n$ = {width}")
        axes.axvline(FIGURE_STEP, color="0.4", lw=1.2, ls=":")
        axes.set(title=f"dropout – {VARIANT_LABELS[variant]}", xlabel="step", xscale="log", yscale="log")
    panels[0].set_ylabel("RMS distance of coupled neurons")
    _beside(panels[-1])
    return figure


def _over_width(axes: Axes, rows: pd.DataFrame, step: int) -> None:
    """Distances over the width after so many steps: seeds, geometric means, fitted power laws."""
    for variant in OTHERS:
        at = rows[(rows.step == step) & (rows.variant == variant) & ~rows.diverged & (rows.rms_distance > 0)]
        if at.empty:
            continue
        colour, slope = VARIANT_COLOURS[variant], mean_exponent(distance_slopes(rows, variant, step))
        alone = at.seed.nunique() == 1
        axes.plot(at.width, at.rms_distance, ".", ms=12 if alone else 3.5, color=colour, alpha=1 if alone else 0.4)
        found = {width: mean_interval(values) for width, values in np.log(at.rms_distance).groupby(at.width)}
        mean = np.exp([each.estimate for each in found.values()])
        for width, cell in at.groupby("width"):
            _bar(axes, width, _geometric(np.log(cell.rms_distance)), colour)
        fitted = "no exponent" if slope is None else f"$n^{{{slope.estimate:.2f}}}$ [{slope.low:.2f}, {slope.high:.2f}]"
        if slope is not None:
            grid = np.array([min(found), max(found)], dtype=float)
            level = np.exp(np.log(mean).mean() + slope.estimate * np.log(grid / np.exp(np.log(list(found)).mean())))
            axes.plot(grid, level, color=colour, lw=1.3)
        axes.plot([], [], "o-", ms=5, color=colour, label=f"{VARIANT_LABELS[variant]}: {fitted}")
    axes.set(xlabel="width $n$", ylabel="RMS distance to the dropout network", xscale="log", yscale="log")
    axes.set_xticks(sorted(rows.width.unique()), sorted(rows.width.unique()))
    axes.minorticks_off()


def distances_over_width(rows: pd.DataFrame, margin: float, plateau: float) -> Figure:
    """Figure 2 at the published step: distances over the width (left), and the numbers that decide with their bands.

    Args:
        rows: Table `phases/teacher_student`.
        margin: An exponent must lie within this of -1/2.
        plateau: Share of the squared distance that must at least be left of no dropout, and at most of the others.
    """
    size = {"width_ratios": [2.2, 1, 1]}
    figure, panels = plt.subplots(1, 3, figsize=(13.0, 4.6), gridspec_kw=size, layout="constrained")
    _over_width(panels[0], rows, FIGURE_STEP)
    low, high = panels[0].get_ylim()
    panels[0].set(title=f"after {FIGURE_STEP} steps", ylim=(low / 5, high))
    if panels[0].get_legend_handles_labels()[0]:
        panels[0].legend(loc="lower left", fontsize="x-small")
    panels[1].axhspan(-0.5 - margin, -0.5 + margin, color="0.9", lw=0, zorder=0)
    panels[1].axhline(-0.5, color="0.4", lw=1.2, ls="--")
    panels[2].axhline(plateau, color="0.4", lw=1.2, ls=":")
    for place, variant in enumerate(OTHERS):
        colour = VARIANT_COLOURS[variant]
        _bar(panels[1], place, mean_exponent(distance_slopes(rows, variant, FIGURE_STEP)), colour)
        widest = None if variant == "none" else WIDEST
        _bar(panels[2], place, mean_exponent(lasting_shares(rows, variant, FIGURE_STEP, widest)), colour)
    panels[1].set(ylabel="exponent in $n$", ylim=(-0.72, 0.1), title="band: RaM, PN+RaM")
    panels[2].set(ylabel="$D^2/d^2$ at the largest $n$", ylim=(-0.55, 1.1), title="no dropout above, others below")
    for axes in panels[1:]:
        axes.set_xticks(range(len(OTHERS)), ["RaM", "PN+RaM", "no\ndropout"])
        axes.set_xlim(-0.5, len(OTHERS) - 0.5)
    return figure


def _over_time(axes: Axes, found: dict[int, Interval | None], colour: Colour, label: str) -> None:
    """Estimates with their intervals over steps; steps without a number are left out."""
    known = {step: each for step, each in found.items() if each is not None}
    if not known:
        return
    steps, each = np.array(list(known)), list(known.values())
    axes.plot(steps, [one.estimate for one in each], "o-", ms=4, lw=1.4, color=colour, label=label)
    axes.fill_between(steps, [one.low for one in each], [one.high for one in each], color=colour, alpha=0.18, lw=0)


def later_steps(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Figure:
    """Over training: exponents in n, what is left as n → ∞, and narrow networks.

    Args:
        rows: Table `phases/teacher_student`.
        criterion: Thresholds of M16.
    """
    figure, panels = plt.subplots(1, 3, figsize=(14.0, 4.2), layout="constrained")
    steps = [step for step in sorted(rows.step.unique()) if step >= 10]
    steps = [step for step in steps if step <= 0.9 * steps[-1] or step == steps[-1]]
    for variant in OTHERS:
        colour, label = VARIANT_COLOURS[variant], VARIANT_LABELS[variant]
        slopes = {step: mean_exponent(distance_slopes(rows, variant, step)) for step in steps}
        _over_time(panels[0], slopes, colour, label)
        shares = {step: mean_exponent(lasting_shares(rows, variant, step, WIDEST)) for step in steps}
        _over_time(panels[1], shares, colour, label)
    published = mean_exponent(distance_slopes(rows, "ram", FIGURE_STEP))
    if published is not None:
        panels[0].axhline(published.estimate + criterion["grown"], color=VARIANT_COLOURS["ram"], lw=1.2, ls=":")
    panels[0].axhline(-0.5, color="0.4", lw=1.2, ls="--")
    panels[0].set(ylabel="exponent in $n$ of the distance", ylim=(-0.75, 0.15))
    panels[1].axhline(criterion["plateau"], color="0.4", lw=1.2, ls=":")
    panels[1].set(ylabel="$D^2/d^2$ at the largest of three widths", ylim=(-1.05, 1.1))
    panels[1].legend(loc="lower right", fontsize="x-small")
    narrow = int(rows.width.min())
    ratios = {step: _geometric(np.log(distance_ratios(rows, narrow, step))) for step in steps}
    panels[2].axhspan(1 / criterion["alike"], criterion["alike"], color="0.9", lw=0, zorder=0)
    _over_time(panels[2], ratios, VARIANT_COLOURS["none"], "")
    panels[2].set(ylabel=f"distance to dropout:\nno dropout over RaM, $n$ = {narrow}")
    for axes in panels:
        axes.axvline(FIGURE_STEP, color="0.4", lw=1, ls=":")
        axes.set(xlabel="step", xscale="log")
    return figure


def reference_runs(rows: pd.DataFrame) -> Figure:
    """Runs of the reference code, made again: distances over steps with the known numbers, and over the width.

    Args:
        rows: Table `phases/reference_students`.
    """
    read, figure_runs = (rows[(rows.runs == runs) & (rows.step > 0)] for runs in (READ_OFF, FIGURE))
    widths = sorted(read.width.unique())
    figure, panels = plt.subplots(1, len(widths) + 1, figsize=(4.6 * (len(widths) + 1), 4.4), squeeze=False)
    for axes, width in zip(panels[0], widths, strict=False):
        for variant in OTHERS:
            curve, colour = read[(read.width == width) & (read.variant == variant)], VARIANT_COLOURS[variant]
            axes.plot(curve.step, curve.rms_distance, "-", color=colour, lw=1.6, label=VARIANT_LABELS[variant])
            if width in READ[variant]:
                known = float(READ[variant][width])
                axes.plot(READ_STEP, known, "*", ms=13, color=colour, mec="black", mew=0.7, zorder=5)
        axes.plot([], [], "*", ms=11, color="white", mec="black", mew=0.7, label="read off a run of their code")
        axes.set(title=f"one run, $n$ = {width}", xlabel="step", xscale="log", yscale="log")
    panels[0, 0].set_ylabel("RMS distance to the dropout network")
    panels[0, 0].legend(loc="lower right", fontsize="x-small")
    _over_width(panels[0, -1], figure_runs, FIGURE_STEP)
    low, high = panels[0, -1].get_ylim()
    repeats = figure_runs.seed.nunique()
    panels[0, -1].set(title=f"the figure's runs after {FIGURE_STEP} steps, {repeats} a width", ylim=(low / 4, high))
    panels[0, -1].legend(loc="lower left", fontsize="x-small")
    return figure


def trajectories(rows: pd.DataFrame) -> Figure:
    """Figure 2: ways of single neurons in the plane of their first two input weights; circle: start, square: end.

    Args:
        rows: Table `phases/trajectories`.
    """
    neurons: Sequence[int] = sorted(rows.neuron.unique())
    figure, panels = plt.subplots(1, len(neurons), figsize=(3.7 * len(neurons) + 2.2, 3.7), squeeze=False)
    for axes, neuron in zip(panels[0], neurons, strict=True):
        for variant in ("none", "pn_ram", "dropout", "ram"):
            way = rows[(rows.neuron == neuron) & (rows.variant == variant)].sort_values("step")
            style = "--" if variant == "ram" else "-"
            axes.plot(way["first"], way.second, style, color=VARIANT_COLOURS[variant], lw=1.4, alpha=0.9)
            axes.plot(way["first"].iloc[-1:], way.second.iloc[-1:], "s", ms=6, color=VARIANT_COLOURS[variant])
        start = rows[(rows.neuron == neuron) & (rows.step == 0)]
        axes.plot(start["first"].iloc[:1], start.second.iloc[:1], "o", ms=7, color="white", mec="black")
        axes.set(title=f"neuron {neuron + 1}", xlabel="first input weight")
        axes.margins(0.12)
    panels[0, 0].set_ylabel("second input weight")
    order = ("none", "dropout", "ram", "pn_ram")
    handles = [
        plt.Line2D([], [], color=VARIANT_COLOURS[v], ls="--" if v == "ram" else "-", label=VARIANT_LABELS[v])
        for v in order
    ]
    panels[0, -1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure
