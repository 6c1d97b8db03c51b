"""Figures of the variants of dropout on digits (Figure 3) of arXiv 2510.07554."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from dropatlas.phases.labels import VARIANT_LABELS
from dropatlas.phases.variant_effects import effects_on_test_risk, ram_minus_dropout
from dropatlas.plots.style import COLOURS
from dropatlas.stats import mean_interval

VARIANT_COLOURS = {
    "none": "0.35",
    "dropout": COLOURS[0],
    "ram": COLOURS[1],
    "pn_ram": COLOURS[2],
    "forward": COLOURS[4],
}


def _over_steps(
    axes: Axes, rows: pd.DataFrame, column: str, colour: str | tuple[float, ...], label: str, style: str = "-"
) -> None:
    """Geometric mean over seeds with its 95 % t interval; seeds that diverged are left out."""
    table = rows[~rows.diverged & (rows[column] > 0)].pivot(index="step", columns="seed", values=column)
    if table.empty:
        return
    found = [mean_interval(values) for values in np.log(table.to_numpy())]
    mean, low, high = (np.exp([getattr(each, name) for each in found]) for name in ("estimate", "low", "high"))
    axes.plot(table.index, mean, style, color=colour, lw=1.6, label=label)
    known = np.isfinite(low) & (low > 0) & np.isfinite(high)
    axes.fill_between(table.index[known], low[known], high[known], color=colour, alpha=0.15, lw=0)


def digit_risks(rows: pd.DataFrame, part: str = "test") -> Figure:
    """Figure 3: risk without masks over steps, one panel per drop rate, geometric mean and 95 % interval over seeds.

    Args:
        rows: Table `phases/digit_pair`.
        part: "training", "validation" or "test".
    """
    drop_rates = sorted(rows.drop_rate[rows.drop_rate > 0].unique())
    shown = rows[(rows.part == part) & (rows.step > 0)]
    size = (3.1 * len(drop_rates) + 2.2, 3.8)
    figure, panels = plt.subplots(1, len(drop_rates), figsize=size, sharey=True, squeeze=False)
    for axes, drop_rate in zip(panels[0], drop_rates, strict=True):
        for variant in ("none", "forward", "pn_ram", "dropout", "ram"):
            curve = shown[(shown.variant == variant) & shown.drop_rate.isin([0.0, drop_rate])]
            style = "--" if variant == "ram" else "-"
            _over_steps(axes, curve, "risk", VARIANT_COLOURS[variant], VARIANT_LABELS[variant], style)
        axes.set(title=f"$p$ = {drop_rate:g}", xlabel="step", yscale="log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    panels[0, 0].set_ylabel(f"{part} risk, without masks")
    common = shown[shown.variant.isin(["none", "dropout", "ram"])].risk
    panels[0, 0].set_ylim(0.6 * common.min(), 2 * common.max())  # PN+RaM may leave the frame
    panels[0, -1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def digit_effects(rows: pd.DataFrame) -> Figure:
    """Paired difference of final test risk to no dropout, relative to it, by drop rate; beside it RaM minus dropout.

    Args:
        rows: Table `phases/digit_pair`.
    """
    effects = effects_on_test_risk(rows)
    variants = ("dropout", "ram", "forward", "pn_ram")
    figure, panels = plt.subplots(1, 2, figsize=(11.5, 4.2))
    spacing = np.diff(sorted(effects.drop_rate.unique())).min() if effects.drop_rate.nunique() > 1 else 0.1
    for place, variant in enumerate(variants):
        cell = effects[effects.variant == variant]
        x = cell.drop_rate + spacing * 0.12 * (place - 1.5)
        reach = [cell.effect - cell.low, cell.high - cell.effect]
        colour = VARIANT_COLOURS[variant]
        panels[0].errorbar(x, cell.effect, reach, fmt="o", ms=5, capsize=3, color=colour, label=VARIANT_LABELS[variant])
    steady = effects[effects.variant != "pn_ram"]
    reach = 1.3 * max(abs(steady.low).max(), abs(steady.high).max())
    panels[0].set(ylabel="change of test risk / risk without dropout")
    if np.isfinite(reach):  # no number at all where a run without dropout diverged
        panels[0].set_ylim(-reach, reach)
    hidden = effects[(effects.low.abs() > reach) | (effects.high.abs() > reach)]
    for effect in hidden.itertuples():
        x = effect.drop_rate + spacing * 0.12 * (variants.index(effect.variant) - 1.5)
        note = f"{VARIANT_LABELS[effect.variant]}\n{effect.effect:+.1f}, beyond the frame"
        panels[0].annotate(note, (x, 0.93 * reach), ha="right", va="top", fontsize="x-small", color="0.3")
    panels[0].legend(loc="upper left", fontsize="x-small")
    for drop_rate, difference in ram_minus_dropout(rows).items():
        found = mean_interval(difference)
        arms = [[found.estimate - found.low], [found.high - found.estimate]]
        panels[1].errorbar(drop_rate, found.estimate, arms, fmt="o", ms=5, capsize=3, color=COLOURS[3])
    panels[1].set_ylabel("(RaM – dropout) / risk without dropout")
    for axes in panels:
        axes.axhline(0, color="0.4", lw=1)
        axes.set(xlabel="drop rate $p$", xticks=sorted(effects.drop_rate.unique()))
    return figure
