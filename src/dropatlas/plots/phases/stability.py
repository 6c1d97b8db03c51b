"""Figures of stability beyond the sharpness: largest stable rates, and steps at the edge against 2/lambda."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dropatlas.phases.bypass import edge_steps, near_edge, stable_shares
from dropatlas.phases.labels import METRIC_LABELS
from dropatlas.plots.style import COLOURS
from dropatlas.stats import LEAST_SEEDS, mean_interval

FAR = "0.45"
METRIC_COLOURS = {"ram": COLOURS[0], "common": COLOURS[1]}


def _geometric(axes: Axes, x: float, values: pd.Series, **style: Any) -> None:
    """Geometric mean with its 95 % interval over seeds; the seeds alone where they are too few."""
    logs = np.log(values[np.isfinite(values) & (values > 0)])
    if len(logs) < LEAST_SEEDS:
        axes.plot(np.full(len(logs), x), np.exp(logs), "x", ms=4, color=style["color"])
        return
    found = mean_interval(logs)
    middle, low, high = np.exp([found.estimate, found.low, found.high])
    axes.errorbar(x, middle, [[middle - low], [high - middle]], capsize=3, ms=5, **style)


def _quartiles(axes: Axes, rows: pd.DataFrame, column: str, **style: Any) -> None:
    """Median over seeds along training, with quartiles."""
    low, middle, high = (rows.groupby("step")[column].quantile(level) for level in (0.25, 0.5, 0.75))
    axes.plot(middle.index, middle, **style)
    axes.fill_between(middle.index, low, high, color=style["color"], alpha=0.15, lw=0)


def stable_rates(rows: pd.DataFrame) -> Figure:
    """Largest stable mean rate of the widest networks over the keep rate, in units of that without masks.

    Args:
        rows: Table `phases/stable_rates`.
    """
    shown = stable_shares(rows[rows.width == rows.width.max()])
    kinds = list(dict.fromkeys(shown.activation))
    figure, panels = plt.subplots(1, len(kinds), figsize=(4.6 * len(kinds) + 2, 4.1), sharey=True, squeeze=False)
    for axes, kind in zip(panels[0], kinds, strict=True):
        part = shown[shown.activation == kind]
        grid = np.array([part.keep_rate.min(), 1.0])
        axes.plot(grid, grid, color="0.4", lw=1, ls="--")
        axes.axhline(1, color="0.4", lw=1, ls=":")
        for shift, metric in ((0.97, "ram"), (1.03, "common")):
            for keep, cell in part[part.metric == metric].groupby("keep_rate"):
                _geometric(axes, keep * shift, cell.share, fmt="o", color=METRIC_COLOURS[metric])
        keeps = sorted(part.keep_rate.unique())
        axes.set(title=f"{kind}, $n$ = {rows.width.max()}", xscale="log", yscale="log", xlabel="keep rate $q$")
        axes.set_xticks(keeps, [f"{keep:g}" for keep in keeps])
        axes.minorticks_off()
        axes.set_yticks([0.05, 0.1, 0.2, 0.5, 1], ["0.05", "0.1", "0.2", "0.5", "1"])
    panels[0][0].set_ylabel("$\\tau^*(q)\\,/\\,\\tau^*(1)$: largest stable mean rate")
    handles = _handles()
    handles.append(plt.Line2D([], [], color="0.4", ls=":", lw=1, label="as large as without masks"))
    handles.append(plt.Line2D([], [], color="0.4", ls="--", lw=1, label="the step of a neuron decides"))
    panels[0][-1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def _handles() -> list[Any]:
    return [
        plt.Line2D([], [], color=colour, marker="o", ls="none", ms=5, label=METRIC_LABELS[metric])
        for metric, colour in METRIC_COLOURS.items()
    ]


def edge_steps_by_cell(rows: pd.DataFrame, neuron_step: float, band: tuple[float, float], most_beta: float) -> Figure:
    """Steps at the edge in units of 2/lambda over β = 1/(nq): mean rate (above), kept neurons (below).

    Args:
        rows: Table `phases/edge_sharpness`.
        neuron_step: Least step of a kept neuron, drawn.
        band: Least and largest mean rate, drawn.
        most_beta: Cells from here on are outside the regime: shaded, hollow.
    """
    every = edge_steps(rows)
    steps, lower = every[near_edge(every)], every[~near_edge(every) & (every.metric == "ram")]
    kinds, cells = (
        list(dict.fromkeys(steps.activation)),
        sorted({*zip(steps.beta, steps.width, steps.keep_rate, strict=True)}),
    )
    figure, panels = plt.subplots(
        2, len(kinds), figsize=(4.6 * len(kinds) + 2.4, 6.4), sharex=True, sharey="row", squeeze=False
    )
    for axes, kind in zip(panels.T, kinds, strict=True):
        for place, (beta, width, keep) in enumerate(cells):
            for shift, (metric, colour) in zip((-0.12, 0.12), METRIC_COLOURS.items(), strict=True):
                chosen = (steps.activation == kind) & (steps.width == width) & (steps.keep_rate == keep)
                cell = steps[chosen & (steps.metric == metric)]
                style = {"color": colour, "mfc": colour if beta < most_beta else "white", "fmt": "o"}
                _geometric(axes[0], place + shift, cell.mean_step, **style)
                _geometric(axes[1], place + shift, cell.neuron_step, **style)
            far = lower[(lower.activation == kind) & (lower.width == width) & (lower.keep_rate == keep)]
            _geometric(axes[0], place, far.mean_step, color=FAR, fmt="v", mfc="white")
            for line in axes:
                if beta >= most_beta:
                    line.axvspan(place - 0.5, place + 0.5, color="0.5", alpha=0.12, lw=0)
        axes[0].axhspan(*band, color=METRIC_COLOURS["ram"], alpha=0.12, lw=0)
        axes[1].axhline(neuron_step, color=METRIC_COLOURS["ram"], lw=1, ls="--")
        for line in axes:
            line.axhline(1, color="0.3", lw=1)
            line.set(yscale="log", xlim=(-0.5, len(cells) - 0.5))
        axes[0].set_title(kind)
        names = [f"{beta:.3g}\n$n$ = {width}\n$q$ = {keep:g}" for beta, width, keep in cells]
        axes[1].set_xticks(range(len(cells)), names, fontsize="small")
        axes[1].set_xlabel("$\\beta = 1/(nq)$")
    panels[0][0].set_ylabel("mean rate (in units of $2/\\lambda$)")
    panels[1][0].set_ylabel("step of a kept neuron\n(in units of $2/\\lambda$)")
    handles = _handles()
    far = f"RaM at {lower.share.min():g} of $\\tau^*$" if len(lower) else "RaM far from the edge"
    handles.append(plt.Line2D([], [], color=FAR, marker="v", mfc="white", ls="none", ms=5, label=far))
    handles.append(plt.Rectangle((0, 0), 1, 1, color=METRIC_COLOURS["ram"], alpha=0.12, label="RaM must lie here"))
    handles.append(plt.Line2D([], [], color=METRIC_COLOURS["ram"], ls="--", lw=1, label="RaM must lie above"))
    handles.append(plt.Line2D([], [], color="0.3", lw=1, label="$2/\\lambda$"))
    handles.append(plt.Rectangle((0, 0), 1, 1, color="0.5", alpha=0.12, label=f"outside: $\\beta \\geq {most_beta:g}$"))
    panels[0][-1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def edge_sharpness(rows: pd.DataFrame) -> Figure:
    """Mean rate in units of 2/lambda along training at the edge of the widest networks; quartiles of seeds.

    Args:
        rows: Table `phases/edge_sharpness`.
    """
    shown = rows[near_edge(rows) & (rows.width == rows.width.max()) & rows.metric.isin(["none", "ram"])]
    kinds, keeps = list(dict.fromkeys(shown.activation)), sorted(shown.keep_rate.unique(), reverse=True)
    colours = dict(zip(keeps, ["0.35", *sns.color_palette("flare", len(keeps) - 1)], strict=True))
    figure, panels = plt.subplots(1, len(kinds), figsize=(4.6 * len(kinds) + 2, 3.6), sharey=True, squeeze=False)
    for axes, kind in zip(panels[0], kinds, strict=True):
        for keep, cell in shown[shown.activation == kind].groupby("keep_rate"):
            name = "no mask" if keep == 1 else f"RaM, $q$ = {keep:g}"
            _quartiles(axes, cell, "mean_step", color=colours[keep], marker="o", ms=3.5, label=name)
        axes.axhline(1, color="0.3", lw=1)
        axes.set(yscale="log", title=f"{kind}, $n$ = {rows.width.max()}", xlabel="training step")
    panels[0][0].set_ylabel("$\\tau\\lambda/2$: mean rate\n(in units of $2/\\lambda$)")
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure
