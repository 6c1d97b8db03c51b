"""Figures of the boundaries of the phase diagram: lines through them, wrong codes, and networks in use."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from dropatlas.phases.agreement import cell_outcomes
from dropatlas.phases.boundary_crossings import crossings, simple_excess
from dropatlas.phases.boundary_lines import LINES
from dropatlas.phases.classification import CONVENTION
from dropatlas.phases.names import CODE_CELLS, CODES
from dropatlas.phases.signatures import against_flow, code_signatures, right_code_distances
from dropatlas.phases.wrong_codes import HARMLESS
from dropatlas.plots.phases.diagram import LIMIT_COLOURS
from dropatlas.plots.style import COLOURS
from dropatlas.stats import mean_interval


def boundary_scan(rows: pd.DataFrame, tolerance: float) -> Figure:
    """How much farther the simpler limit is than the richer one, along every line.

    Args:
        rows: Table `phases/boundary_scan`.
        tolerance: From this excess on, in movements, the simpler limit is not enough.
    """
    figure, panels = plt.subplots(1, len(LINES), figsize=(15, 3.9), sharey=True)
    debiased, raw, found = simple_excess(rows), simple_excess(rows, raw=True), crossings(rows, tolerance)
    for axes, (name, line) in zip(panels, LINES.items(), strict=True):
        for values, style in (
            (raw, {"fmt": "s:", "color": "0.55", "mfc": "white", "lw": 1.2}),
            (debiased, {"fmt": "o-", "color": LIMIT_COLOURS[line.rich], "lw": 1.8}),
        ):
            _means(axes, values[values.line == name], "coordinate", "excess", **style)
        axes.axhline(tolerance, color="0.35", lw=1, ls="--")
        axes.axvline(line.threshold, color="0.35", lw=1, ls="--")
        if name in found and found[name].notna().any():
            place = mean_interval(np.log(found[name].to_numpy()))
            axes.axvspan(*np.exp([place.low, place.high]), color=LIMIT_COLOURS[line.rich], alpha=0.2, lw=0)
        axes.set(title=f"{line.simple} to {line.rich} ({line.fixed})", xlabel=f"${_symbol(line.coordinate)}$")
        axes.title.set_fontsize("small")
        if line.coordinate != "q":
            axes.set_xscale("log")
            axes.set_xticks([0.025, 0.1, 0.4], ["0.025", "0.1", "0.4"])
        axes.xaxis.set_minor_locator(NullLocator())
    panels[0].set_yscale("symlog", linthresh=2 * tolerance)
    panels[0].set_yticks([-tolerance, 0, tolerance, 0.2, 0.4], [f"{-tolerance:g}", "0", f"{tolerance:g}", "0.2", "0.4"])
    panels[0].yaxis.set_minor_locator(NullLocator())
    panels[0].set_ylabel("simpler − richer limit (movements)")
    handles = [
        plt.Line2D([], [], color="0.2", marker="o", label="$D$ (noise of both sides taken off)"),
        plt.Line2D([], [], color="0.55", marker="s", mfc="white", ls=":", label="$W_1$ itself"),
        plt.Line2D([], [], color="0.35", ls="--", label="tolerance, convention"),
        plt.Rectangle((0, 0), 1, 1, color="0.5", alpha=0.3, label="measured boundary, 95 %"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncol=4, fontsize="small")
    return figure


def _symbol(coordinate: str) -> str:
    return {"α": "\\alpha", "β": "\\beta"}.get(coordinate, coordinate)


def _means(axes: Axes, rows: pd.DataFrame, by: str, column: str, **style: Any) -> None:
    """Mean and 95 % interval over the seeds at every value of a column."""
    found = {value: mean_interval(part[column].to_numpy()) for value, part in rows.groupby(by)}
    means = np.array([interval.estimate for interval in found.values()])
    reach = [[i.estimate - i.low for i in found.values()], [i.high - i.estimate for i in found.values()]]
    axes.errorbar(list(found), means, reach, capsize=2.5, ms=4.5, **style)


def failure_signatures(rows: pd.DataFrame, tolerance: float, change: float) -> Figure:
    """Right and wrong codes by their distance to the predicted limit; neurons at small β.

    Args:
        rows: Table `phases/failure_signatures`.
        tolerance: A distance beyond it, in movements, is seen.
        change: Share by which neurons would be nearer, or longer, if they clustered or diverged.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.4), width_ratios=(1.6, 1))
    signatures = code_signatures(rows) | {
        (CODES[0], phase): values for phase, values in right_code_distances(rows).items()
    }
    for shift, phase in enumerate(CODE_CELLS):
        for row, code in enumerate(reversed(CODES)):
            if (code, phase) not in signatures:
                continue
            interval = mean_interval(signatures[code, phase].to_numpy())
            left.errorbar(
                interval.estimate,
                row + 0.2 * (1 - shift),
                xerr=[[interval.estimate - interval.low], [interval.high - interval.estimate]],
                fmt="s" if (code, phase) in HARMLESS else "o",
                mfc="white" if (code, phase) in HARMLESS else LIMIT_COLOURS[phase],
                color=LIMIT_COLOURS[phase],
                capsize=2.5,
                ms=5.5,
            )
    left.axvline(tolerance, color="0.35", lw=1, ls="--")
    left.set_yticks(range(len(CODES)), list(reversed(CODES)))
    left.set(
        xlabel="$W_1$ to the predicted limit beyond the right code's (right: its $D$), movements",
        title=f"wrong codes lie right of {tolerance:g}, the right one left; a whole movement or more: 1",
    )
    left.title.set_fontsize("small")
    watched = against_flow(rows)
    _means(right, watched, "beta", "neighbour", fmt="o-", color=COLOURS[0])
    _means(right, watched, "beta", "size", fmt="s-", color=COLOURS[1])
    for value, colour in ((1 - change, COLOURS[0]), (1 + change, COLOURS[1])):
        right.axhline(value, color=colour, lw=1, ls="--")
    right.axhline(1, color="0.6", lw=1)
    right.set(xlabel="$\\beta$ ($\\alpha$ = 0.5)", ylabel="over that under gradient flow", xscale="log")
    betas = sorted(watched.beta.unique())
    right.set_xticks(betas, [f"{beta:g}" for beta in betas])
    right.set_xticks([], minor=True)
    right.set_title("do neurons cluster or diverge at small β?", fontsize="small")
    handles = [
        *(plt.Line2D([], [], color=LIMIT_COLOURS[phase], marker="o", ls="", label=phase) for phase in CODE_CELLS),
        plt.Line2D([], [], color="0.4", marker="s", mfc="white", ls="", label="the limit does not depend on it"),
        plt.Line2D([], [], color=COLOURS[0], marker="o", label="nearest neighbour (dashed: clusters)"),
        plt.Line2D([], [], color=COLOURS[1], marker="s", label="length (dashed: diverges)"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncol=6, fontsize="small")
    return figure


def networks_in_use(places: pd.DataFrame, measured: pd.DataFrame, tolerance: float) -> Figure:
    """Published networks by β, which is known, and α, as far as it is, beside the measured cells.

    Args:
        places: `published_networks.published_places()`.
        measured: Table `phases/diagram`, of one activation.
        tolerance: Of a found limit, in movements.
    """
    figure, axes = plt.subplots(figsize=(10.5, 5.2))
    for value in (CONVENTION.small, CONVENTION.large):
        axes.axvline(value, color="0.35", lw=1, ls="--")
        axes.axhline(value, color="0.35", lw=1, ls="--")
    cells = cell_outcomes(measured, tolerance)
    cells = cells[cells.found.notna()]
    axes.scatter(cells.alpha, cells.beta, s=14, c=[LIMIT_COLOURS[name] for name in cells.found], zorder=1)
    ordered = places.sort_values("β", ascending=False).reset_index(drop=True)
    for number, place in ordered.iterrows():
        low, high = place["lowest τ"] / place.q, place["highest τ"] / place.q
        colour = COLOURS[3] if low == high else COLOURS[1] if place.optimiser == "Adam" else COLOURS[0]
        axes.plot([low, high], [place["β"]] * 2, "o-", color=colour, ms=4, lw=1.6)
        axes.annotate(
            f"{place.network} ($q$ = {place.q:g})",
            (1.03, 0.97 - 0.075 * int(number)),
            xycoords="axes fraction",
            fontsize="x-small",
            va="center",
        )
        axes.annotate(
            "",
            (1.025, 0.97 - 0.075 * int(number)),
            (high * 1.15, place["β"]),
            xycoords="axes fraction",
            textcoords="data",
            arrowprops={"arrowstyle": "-", "color": "0.75", "lw": 0.7},
        )
    axes.set(xscale="log", yscale="log", xlim=(1e-6, 3e3), ylim=(1e-4, 30))
    axes.set(xlabel="$\\alpha = \\tau/q$ (between the rates of input and output weights)", ylabel="$\\beta = 1/(nq)$")
    for name, spot in {"GF": (3e-5, 0.03), "III or I": (0.9, 0.062), "II": (3e-5, 4.0), "IV": (0.25, 4.0)}.items():
        axes.text(*spot, name, fontsize="large", weight="bold", color="0.5", ha="center", va="center")
    axes.text(2e2, 1.0, "no limit", color="0.5", ha="center", va="center")
    handles = [
        plt.Line2D([], [], color=COLOURS[0], marker="o", label="SGD"),
        plt.Line2D([], [], color=COLOURS[1], marker="o", label="Adam (order of magnitude at most)"),
        plt.Line2D([], [], color=COLOURS[3], marker="o", ls="", label="the paper's own, mean field: exact"),
    ]
    figure.legend(handles=handles, loc="outside lower left", ncol=3, fontsize="small")
    return figure
