"""Figures of the variants of dropout on digits (Figure 3 of arXiv 2510.07554)."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from dropatlas.phases.digit_effects import PUBLISHED_RATE, READINGS, WINDOW, Effects, Reading, effects, risks_of_runs
from dropatlas.phases.labels import VARIANT_LABELS
from dropatlas.plots.style import COLOURS
from dropatlas.stats import LEAST_SEEDS, Interval, mean_interval, ratio_interval

VARIANT_COLOURS = {
    "none": "0.35",
    "forward": COLOURS[4],
    "pn_ram": COLOURS[2],
    "dropout": COLOURS[0],
    "ram": COLOURS[1],
}
MARKERS: dict[Reading, str] = {"mean": "o", "best": "s", "chosen": "D"}


def digit_risks(rows: pd.DataFrame) -> Figure:
    """Figure 3: test risk without masks over steps at the published drop rate, one panel per width, mean over seeds.

    Args:
        rows: Table `phases/digit_pair`.
    """
    shown = rows[(rows.part == "test") & (rows.step > 0) & rows.drop_rate.isin([0.0, PUBLISHED_RATE])]
    widths = sorted(shown.width.unique())
    figure, panels = plt.subplots(
        1, max(len(widths), 1), figsize=(3.0 * len(widths) + 2.4, 3.9), sharey=True, squeeze=False
    )
    for axes, width in zip(panels[0], widths, strict=False):
        axes.axvspan(*WINDOW, color="0.93", lw=0, zorder=0, label="published window")
        for variant, colour in VARIANT_COLOURS.items():
            _risk_over_steps(axes, shown[(shown.width == width) & (shown.variant == variant)], variant, colour)
        axes.set(title=f"$n$ = {width}", xlabel="step", yscale="log", xlim=(0, 1.02 * shown.step.max()))
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.2, 1.5, 2, 3, 5, 7)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    panels[0, 0].set_ylabel(f"test risk without masks, $p$ = {PUBLISHED_RATE:g}")
    common = shown[shown.variant.isin(["none", "dropout", "ram"]) & ~shown.diverged]
    late = (
        common[common.step > min(WINDOW[0], 0.3 * shown.step.max())].groupby(["width", "variant", "step"]).risk.mean()
    )
    if len(late):
        panels[0, 0].set_ylim(0.85 * late.min(), 1.25 * late.max())  # PN+RaM may leave the frame
    panels[0, -1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def _risk_over_steps(axes: Axes, rows: pd.DataFrame, variant: str, colour: str | tuple[float, ...]) -> None:
    """Mean over seeds with its 95 % t interval; seeds that diverged are left out."""
    table = rows[~rows.diverged].pivot(index="step", columns="seed", values="risk")
    if table.empty:
        return
    found = [mean_interval(values) for values in table.to_numpy()]
    mean, low, high = (np.array([getattr(each, name) for each in found]) for name in ("estimate", "low", "high"))
    if table.shape[1] < LEAST_SEEDS:
        low = high = np.full(len(table), np.nan)
    style = "--" if variant == "ram" else "-"
    axes.plot(table.index, mean, style, color=colour, lw=1.6, label=VARIANT_LABELS[variant])
    known = np.isfinite(low) & np.isfinite(high)
    axes.fill_between(table.index[known], low[known], high[known], color=colour, alpha=0.15, lw=0)


def digit_shares(rows: pd.DataFrame, margin: float) -> Figure:
    """What dropout gains over the width (left), and RaM's share of that with what counts as 1 (right).

    Args:
        rows: Table `phases/digit_pair`.
        margin: How far from 1 the share may lie.
    """
    figure, (gains, shares) = plt.subplots(1, 2, figsize=(11.5, 4.2))
    tables = {reading: risks_of_runs(rows, reading) for reading in MARKERS}
    cells = tables["mean"].index.droplevel("seed").unique() if len(tables["mean"]) else []
    widths, rates = ([*sorted({cell[place] for cell in cells})] for place in (0, 1))
    colours = dict(zip(rates, sns.color_palette("colorblind", max(len(rates), 1)), strict=False))
    for place, (reading, marker) in enumerate(MARKERS.items()):
        for row, rate in enumerate(rates):
            shift = 1.06 ** (3 * (row - (len(rates) - 1) / 2) + place - 1)
            for width in widths:
                cell = effects(tables[reading], width, rate)
                if not cell.known or len(cell.none) < 2:
                    continue
                style: dict[str, Any] = {"fmt": marker, "ms": 5, "capsize": 3, "color": colours[rate]}
                _bar(gains, width * shift, _enough(mean_interval(cell.dropout / cell.none.mean()), cell), style)
                if cell.dropout.mean() > 0:
                    share, tells = ratio_interval(cell.variant, cell.dropout), cell.tells
                    _bar(shares, width * shift, _enough(share, cell), style | ({} if tells else {"mfc": "white"}))
    shares.axhspan(1 - margin, 1 + margin, color=COLOURS[2], alpha=0.12, lw=0, label=f"within {margin:g} of 1")
    shares.axhline(1, color=VARIANT_COLOURS["dropout"], lw=1.2, label="dropout")
    shares.axhline(0, color=VARIANT_COLOURS["none"], lw=1.2, label="no dropout")
    gains.axhline(0, color=VARIANT_COLOURS["none"], lw=1.2)
    for axes in (gains, shares):
        axes.set(xlabel="width $n$", xscale="log")
        axes.set_xticks(widths, [str(width) for width in widths])
        if widths:
            axes.set_xlim(widths[0] / 1.5, widths[-1] * 1.5)
        axes.minorticks_off()
    if widths:
        gains.set(ylim=(min(gains.get_ylim()[0], -0.05), None))
    else:
        note = f"no network was measured at\n{WINDOW[0]:,} to {WINDOW[1]:,} steps"
        gains.text(0.5, 0.5, note, ha="center", va="center", transform=gains.transAxes, color="0.3")
    gains.set_ylabel("dropout's gain in test risk / risk without")
    shares.set(ylabel="share of dropout's effect that RaM has", ylim=(-1, 2.5))
    line = plt.Line2D
    handles = [line([], [], marker=MARKERS[name], ls="", color="0.3", label=READINGS[name]) for name in MARKERS]
    handles += [line([], [], marker="o", ls="", color=colours[rate], label=f"$p$ = {rate:g}") for rate in rates]
    handles += shares.get_legend_handles_labels()[0]
    shares.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def _enough(value: Interval, cell: Effects) -> Interval:
    """The number without an interval where it rests on fewer than five seeds."""
    return value if len(cell.none) >= LEAST_SEEDS else Interval(value.estimate, np.nan, np.nan)


def _bar(axes: Axes, x: float, value: Interval, style: dict[str, Any]) -> None:
    """A number with its interval, whose ends beyond any frame are cut off."""
    if np.isnan(value.low):
        axes.errorbar(x, value.estimate, **style)
        return
    low, high = np.clip([value.low, value.high], -99.0, 99.0)
    axes.errorbar(x, value.estimate, [[value.estimate - low], [high - value.estimate]], **style)
