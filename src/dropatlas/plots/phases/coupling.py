"""Figures of the open questions on convergence: coupled paths, and the weak error in the critical phase."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from dropatlas.phases.convergence import TERMS, grid_exponents, jackknifed_exponents, squared_means, trusted
from dropatlas.phases.coupling_settings import FIXED_RATE, FUNCTIONS, GRID, LAW, OWN_CLOCKS, SERIES
from dropatlas.phases.exponents import LEAST_WIDTHS, seed_slopes
from dropatlas.phases.labels import FAMILY_LABELS, QUANTITY_LABELS
from dropatlas.plots.style import COLOURS
from dropatlas.stats import known_seeds, mean_interval

FAMILY_COLOURS = {SERIES: COLOURS[0], OWN_CLOCKS: COLOURS[3], FIXED_RATE: COLOURS[1]}
QUANTITY_COLOURS = dict(zip((*FUNCTIONS, LAW), (COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[4], "0.25"), strict=True))
INFINITE = 1e9
BELOW: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16), "ncols": 2, "fontsize": "x-small"}
"""Place of a legend that would lie on curves."""

Band = tuple[float, float]


def _width_axis(axes: Axes, widths: Sequence[int], **labels: str) -> None:
    axes.set(xscale="log", yscale="log", xlabel="width $n$", **labels)
    axes.set_xticks(widths, [f"{width:,}" for width in widths], fontsize="small")
    axes.minorticks_off()


def _means(axes: Axes, rows: pd.DataFrame, x: str, y: str, **style: Any) -> None:
    """Mean with its 95 % interval over seeds at every x."""
    found = {place: mean_interval(part[y].to_numpy()) for place, part in rows.groupby(x)}
    known = {place: value for place, value in found.items() if np.isfinite(value.low)}
    middle = [value.estimate for value in known.values()]
    reach = [[v.estimate - max(v.low, 0.1 * v.estimate), v.high - v.estimate] for v in known.values()]
    axes.errorbar(list(known), middle, np.array(reach).reshape(-1, 2).T, capsize=3, ms=5, **style)


def _exponents(axes: Axes, groups: Sequence[tuple[str, Band, Sequence[tuple[str, np.ndarray]]]], **labels: str) -> None:
    """Exponents with 95 % intervals over seeds, below the name of their part; shaded: the band that a part asks for."""
    lines: list[str] = []
    for title, band, values in groups:
        lines.append(title)
        top = len(lines) - 0.5
        for label, seeds in values:
            known = known_seeds(seeds)
            if len(known):
                found = mean_interval(known)
                reach = [[found.estimate - found.low], [found.high - found.estimate]]
                axes.errorbar(found.estimate, len(lines), xerr=reach, fmt="o", ms=5, capsize=3, color=COLOURS[0])
            lines.append(f"{label}{'' if len(known) else ' (unknown)'}")
        low, high = np.clip(band, -INFINITE, INFINITE)
        axes.fill_betweenx([top, len(lines) - 0.5], low, high, color=COLOURS[2], alpha=0.2, lw=0)
    ends = [end for _, band, _ in groups for end in band if np.isfinite(end)]
    axes.set(ylim=(len(lines) - 0.5, -0.5), xlim=(min(ends) - 0.25, max(ends) + 0.25), **labels)
    axes.set_yticks(range(len(lines)), lines, fontsize="small")
    titles = {title for title, _, _ in groups}
    for text in axes.get_yticklabels():
        text.set_fontweight("bold" if text.get_text() in titles else "normal")
    axes.grid(visible=False, axis="y")


def coupled_paths(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Figure:
    """Largest distances of coupled paths over n and over (q, β), and the exponents that decide M11.

    Args:
        rows: Table `phases/pathwise`.
        criterion: Thresholds of M11.
    """
    told = trusted(rows, criterion["own_error"])
    grid, margin = grid_exponents(told), criterion["margin"]
    figure, panels = plt.subplots(1, 3, figsize=(15.5, 5.2), width_ratios=(1, 1, 1.05))
    series = told[told.family == SERIES]
    _means(panels[0], series, "width", "mean_distance", fmt="s--", color=COLOURS[0], label="common clocks, mean")
    for family, label in FAMILY_LABELS.items():
        part = told[told.family == family]
        _means(panels[0], part, "width", "rms_distance", fmt="o-", color=FAMILY_COLOURS[family], label=f"{label}, RMS")
    own = rows[rows.family == SERIES].groupby("width").limit_error.mean()
    panels[0].plot(own.index, own, "x:", color="0.5", label="own error of the limit, RMS")
    start = series[series.width == series.width.min()].rms_distance.mean()
    ends = np.array([series.width.min(), series.width.max()], dtype=float)
    falls = criterion["falls"]
    panels[0].plot(ends, start * (ends / ends[0]) ** falls, color="0.2", lw=1, label=f"slowest fall: $n^{{{falls:g}}}$")
    _width_axis(panels[0], sorted(series.width.unique()), ylabel="largest distance $\\max_k |X_k-\\bar X_{k\\tau}|$")
    panels[0].legend(**BELOW)
    cells = told[told.family == GRID]
    rounded = cells.beta.map("{:.2g}".format).astype(float)  # n is a whole number, so that β is not quite the planned
    betas = sorted(rounded.unique())
    values = np.geomspace(cells.keep_rate.min(), cells.keep_rate.max(), 50) if len(cells) else np.array([])
    factor_q, exponent_q, factor_beta, exponent_beta = grid[TERMS].median() if len(grid) else [np.nan] * 4
    for colour, beta in zip(plt.get_cmap("viridis")(np.linspace(0, 0.85, len(betas))), betas, strict=True):
        part = cells[rounded == beta]
        _means(panels[1], part, "keep_rate", "rms_distance", fmt="o", color=colour, label=f"β = {beta:g}")
        fitted = np.hypot(factor_q * values**exponent_q, factor_beta * beta**exponent_beta)
        panels[1].plot(values, fitted, color=colour, lw=1.2)
    panels[1].set(xscale="log", yscale="log", xlabel="keep rate $q$", ylabel="RMS over neurons of the largest distance")
    rates = sorted(cells.keep_rate.unique())
    panels[1].set_xticks(rates, [f"{rate:.2g}" for rate in rates], fontsize="small")
    panels[1].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panels[1].yaxis.set_major_formatter("{x:g}")
    panels[1].minorticks_off()
    panels[1].legend(**BELOW)
    band = (0.5 - margin, 0.5 + margin)

    def over_width(family: str, column: str) -> np.ndarray:
        return seed_slopes(told[told.family == family], column).to_numpy()

    _exponents(
        panels[2],
        [
            (
                "in n: paths come together",
                (-np.inf, falls),
                [("mean", over_width(SERIES, "mean_distance")), ("RMS", over_width(SERIES, "rms_distance"))],
            ),
            ("in q: clocks", band, [("fit", grid.q_exponent), ("clocks alone", grid.clock_by_q)]),
            ("in β: forward noise", band, [("fit", grid.beta_exponent), ("noise alone", grid.noise_by_beta)]),
            ("in q: forward noise", (-margin, margin), [("noise alone", grid.noise_by_q)]),
            (
                "in n: controls",
                (criterion["stays"], np.inf),
                [
                    ("own clocks", over_width(OWN_CLOCKS, "rms_distance")),
                    ("fixed q", over_width(FIXED_RATE, "rms_distance")),
                ],
            ),
        ],
        xlabel="exponent (shaded: as claimed)",
    )
    return figure


def weak_rate(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Figure:
    """Bias against the limits and scatter of runs over n, and the exponents that decide M12.

    Args:
        rows: Table `phases/weak_rate`.
        criterion: Thresholds of M12.
    """
    figure, panels = plt.subplots(1, 3, figsize=(15.5, 5.4), width_ratios=(1, 1, 1.05))
    widths = sorted(rows.width.unique())
    means = rows.groupby(["quantity", "width"])[["squared_bias", "control_squared", "limit_squared", "scatter"]].mean()
    for name, colour in QUANTITY_COLOURS.items():
        part = means.loc[name]
        unit = np.sqrt(part.control_squared.iloc[-1])
        bias = np.sqrt(part.squared_bias.clip(lower=0)) / unit
        told = part.index.isin(squared_means(rows, name, "squared_bias").columns)
        panels[0].plot(bias.index[told], bias[told], "o-", color=colour, label=QUANTITY_LABELS[name])
        panels[0].plot(bias.index[~told], bias[~told], "o", color=colour, mfc="white")
        panels[0].plot(part.index, np.sqrt(part.control_squared.clip(lower=0)) / unit, "s:", ms=4, color=colour)
        panels[0].plot(part.index, np.sqrt(part.limit_squared) / unit, "x", ms=5, color=colour, alpha=0.7)
        panels[1].plot(part.index, part.scatter / part.scatter.iloc[0], "o-", color=colour)
    ends = np.array([widths[0], widths[-1]], dtype=float)
    first = means.xs(widths[0], level="width")
    top = np.sqrt((first.squared_bias / first.control_squared).clip(lower=0).max())
    panels[0].plot(ends, 1.6 * top * ends[0] / ends, "k--", lw=1, label="$1/n$, predicted")
    panels[0].plot([], [], "s:", color="0.4", ms=4, label="against limit III")
    panels[0].plot([], [], "x", color="0.4", ms=5, label="own error of limit IV")
    panels[1].plot(ends, 1.15 * (ends / ends[0]) ** -0.5, "k--", lw=1, label="$n^{-1/2}$, predicted")
    _width_axis(panels[0], widths, ylabel="bias over bias against limit III")
    _width_axis(panels[1], widths, ylabel="scatter of single runs, first width = 1")
    panels[1].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panels[1].yaxis.set_major_formatter("{x:g}")
    panels[0].legend(**BELOW)
    panels[1].legend(**BELOW)

    def biases(column: str) -> list[tuple[str, np.ndarray]]:
        squared = {name: squared_means(rows, name, column) for name in QUANTITY_COLOURS}
        return [
            (QUANTITY_LABELS[name], jackknifed_exponents(table) if table.shape[1] >= LEAST_WIDTHS else np.array([]))
            for name, table in squared.items()
        ]

    scatter = [
        (QUANTITY_LABELS[name], seed_slopes(rows[rows.quantity == name], "scatter").to_numpy())
        for name in QUANTITY_COLOURS
    ]
    margin, spread = criterion["margin"], criterion["scatter"]
    _exponents(
        panels[2],
        [
            ("bias", (-1 - margin, -1 + margin), biases("squared_bias")),
            ("scatter of runs", (-0.5 - spread, -0.5 + spread), scatter),
            ("bias against limit III", (criterion["stays"], np.inf), biases("control_squared")),
        ],
        xlabel="exponent in $n$ (shaded: as claimed)",
    )
    panels[2].axvline(criterion["falls"], color="0.2", lw=1)
    return figure
