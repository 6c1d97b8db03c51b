"""Figures of the three effects of dropout, and of the penalty among them, over the width."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from dropatlas.phases.classification import PHASE_NAMES
from dropatlas.phases.exponents import mean_exponent, penalty_shares, penalty_slopes, predicted_slope
from dropatlas.phases.names import PHASES
from dropatlas.phases.rates import FIXED, HELD, MOST_PENALTY
from dropatlas.plots.style import COLOURS
from dropatlas.stats import mean_interval

EFFECTS = {
    "penalty_effect": ("penalty", COLOURS[2]),
    "noise_effect": ("propagation noise", COLOURS[1]),
    "metric_effect": ("random metric", COLOURS[0]),
}
SURVIVES = {
    "GF": (),
    "II": ("penalty_effect",),
    "III": ("metric_effect",),
    "IV": tuple(EFFECTS),
    "I": ("metric_effect",),
}
"""Effects that the theory keeps in the limit of each phase."""
FAMILIES = {
    MOST_PENALTY: ("o", "$q$ as small as a limit allows"),
    HELD: ("D", "penalty held: no limit"),
    FIXED: ("s", "$q$ = 1/2"),
}


def _over_width(axes: Axes, rows: pd.DataFrame, values: pd.Series, **style: Any) -> None:
    """Mean and 95 % interval over the seeds at every width."""
    found = {width: mean_interval(values[part.index].to_numpy()) for width, part in rows.groupby("width")}
    known = {width: interval for width, interval in found.items() if np.isfinite(interval.high)}
    mean = np.array([interval.estimate for interval in known.values()])
    reach = np.array([interval.high - interval.estimate for interval in known.values()])
    if len(mean):
        axes.errorbar(list(known), mean, [np.minimum(reach, 0.95 * mean), reach], capsize=2.5, ms=4.5, **style)


def _width_axis(axes: Axes, rows: pd.DataFrame) -> None:
    widths = sorted(rows.width.unique())
    axes.set(xlabel="width $n$", xscale="log")
    axes.set_xticks(widths, [f"{width:,}" for width in widths], fontsize="x-small")
    axes.xaxis.set_minor_locator(NullLocator())


def penalty_survival(rows: pd.DataFrame, margin: float, least: float) -> Figure:
    """Penalty effect over n for τ ∝ n^(-κ), its exponents, its size where it stays, what holding it costs.

    Args:
        rows: Table `phases/penalty`.
        margin: Of the exponent, as in the claim; the bands.
        least: Least effect at the largest width from κ = 1 on, as in the claim; a line.
    """
    runs = penalty_shares(rows)
    exponents = sorted(runs.exponent.dropna().unique())
    shades = dict(zip(exponents, plt.get_cmap("viridis")(np.linspace(0.05, 0.85, len(exponents))), strict=True))
    figure, panels = plt.subplots(1, 4, figsize=(16, 4.6))
    for kappa, part in runs[runs.family == MOST_PENALTY].groupby("exponent"):
        style: dict[str, Any] = {"color": shades[kappa], "fmt": "o-", "lw": 1.5}
        _over_width(panels[0], part, part.share, **style)
        widths = np.array(sorted(part.width.unique()))
        start = part.share[part.width == widths[0]].mean()
        low, middle, high = (
            start * (widths / widths[0]) ** (predicted_slope(kappa) + by) for by in (-margin, 0, margin)
        )
        panels[0].plot(widths, middle, ":", color=shades[kappa], lw=1.2)
        panels[0].fill_between(widths, low, high, color=shades[kappa], alpha=0.13, lw=0)
        if kappa >= 1:
            label = f"$\\kappa$ = {kappa:g}"
            _over_width(panels[2], part, part.share, label=label, **style)
            redrawn: dict[str, Any] = {**style, "fmt": "o--", "mfc": "white", "lw": 1.0}
            _over_width(panels[2], part, part.redrawn_effect / part.movement, **redrawn)
    _exponents(panels[1], rows, shades, margin)
    for kappa, part in rows[rows.family == HELD].groupby("exponent"):
        label = f"$\\kappa$ = {kappa:g}"
        _over_width(panels[3], part, part.moved, color=shades[kappa], fmt="o-", label=label)
        every = part.groupby("width")[["steps", "learning_rate", "alpha"]].first()
        reached = 1 - np.exp(-every.steps * every.learning_rate / every.alpha)
        panels[3].plot(every.index, reached, ":", color=shades[kappa])
    panels[0].set(ylabel="penalty effect / movement", yscale="log", title="$\\tau\\propto n^{-\\kappa}$")
    panels[2].axhline(least, color="0.3", lw=1, ls="--")
    panels[2].set(
        ylabel="effect / movement",
        yscale="log",
        title="stays: above the dashes at the largest $n$\n(hollow: redrawn masks)",
    )
    panels[3].set(
        ylabel="share of neurons ever updated",
        title="penalty held ($\\beta$ = 0.5)",
        ylim=(0, 1.05),
    )
    for axes in panels:
        axes.title.set_fontsize("small")
    for axes in (panels[0], panels[2], panels[3]):
        _width_axis(axes, rows)
    for axes in (panels[2], panels[3]):
        axes.legend(fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.2), ncol=3)
    return figure


def _exponents(axes: Axes, rows: pd.DataFrame, shades: dict[float, Any], margin: float) -> None:
    """Exponents over κ with their prediction and its band; colours as of the curves."""
    ends = np.array([min(shades, default=0.5) - 0.1, 1.0, max(shades, default=1.0) + 0.1])
    wanted = np.minimum(0.0, ends - 1)
    axes.plot(ends, wanted, ":", color="0.2", lw=1.2, label="predicted: $\\min(0, \\kappa - 1)$")
    axes.fill_between(ends, wanted - margin, wanted + margin, color="0.5", alpha=0.18, lw=0)
    for family, (marker, label) in FAMILIES.items():
        filled = family == MOST_PENALTY
        axes.plot([], [], marker, color="0.3", ms=6, mfc="0.3" if filled else "white", label=label)
        for kappa, slopes in penalty_slopes(rows, family).items():
            found = mean_exponent(slopes)
            if found:
                reach = [[found.estimate - found.low], [found.high - found.estimate]]
                colour, inside = shades[kappa], shades[kappa] if filled else "white"
                axes.errorbar(
                    kappa, found.estimate, reach, fmt=marker, color=colour, mfc=inside, ms=6, capsize=3, zorder=3
                )
    axes.set_xticks(list(shades))
    axes.set(xlabel="$\\kappa$", ylabel="exponent in $n$", title="exponents (colours of all panels)")
    axes.legend(fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.2), ncol=2)


def effects(rows: pd.DataFrame) -> Figure:
    """The three effects over n along a sequence of every phase; solid where the theory says that an effect survives.

    Args:
        rows: Table `phases/penalty`.
    """
    runs = rows[(rows.family == "phase") & (rows.status == "ok")]
    figure, panels = plt.subplots(1, len(PHASES), figsize=(14, 3.6), sharey=True, sharex=True)
    for axes, sequence in zip(panels, PHASES, strict=True):
        part = runs[runs.sequence == sequence]
        for column, (label, colour) in EFFECTS.items():
            survives = column in SURVIVES[sequence]
            style: dict[str, Any] = {"fmt": "o-" if survives else "o--", "mfc": colour if survives else "white"}
            _over_width(axes, part, part[column] / part.movement, color=colour, lw=1.6, label=label, **style)
        axes.set(title=f"{sequence}: {PHASE_NAMES[sequence]}", yscale="log")
        _width_axis(axes, rows)
        axes.title.set_fontsize("small")
    panels[0].set_ylabel("effect / movement (RMS distance)")
    handles = [plt.Line2D([], [], color=colour, label=label) for label, colour in EFFECTS.values()]
    handles += [
        plt.Line2D([], [], color="0.4", marker="o", label="survives in theory"),
        plt.Line2D([], [], color="0.4", ls="--", marker="o", mfc="white", label="vanishes in theory"),
    ]
    panels[-1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure
