"""Figures of the mechanisms behind the phase diagram: curvature, stable rates, precision."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from dropatlas.phases.labels import METRIC_LABELS, REGIME_LABELS
from dropatlas.phases.mechanisms import at_largest_width, final_errors, stable_shares
from dropatlas.plots.style import COLOURS
from dropatlas.stats import mean_interval

ACTIVATION_COLOURS = {"relu": COLOURS[3], "tanh": COLOURS[0], "erf": COLOURS[2]}
METRIC_COLOURS = {"none": "0.35", "ram": COLOURS[0], "common": COLOURS[1]}
PRECISION_COLOURS = {
    "float32": COLOURS[0],
    "float16": COLOURS[2],
    "bfloat16": COLOURS[3],
    "bfloat16, float32 weights": COLOURS[1],
}
REGIME_STEPS = {
    "critical": "$\\tau \\propto 1/n$, neurons step $\\alpha$",
    "penalised": "smaller $\\alpha$, more steps",
    "gradient_flow": "the same $\\tau$, all neurons step $\\tau$",
}
REGIME_TITLES = {regime: f"{label}\n{REGIME_STEPS[regime]}" for regime, label in REGIME_LABELS.items()}


def _band(axes: Axes, rows: pd.DataFrame, x: str, y: str, outside: float = 0.1, **style: Any) -> None:
    """Median over seeds with the range that leaves out the share `outside` on both sides."""
    low, middle, high = (rows.groupby(x)[y].quantile(level) for level in (outside, 0.5, 1 - outside))
    axes.plot(middle.index, middle, **style)
    axes.fill_between(middle.index, low, high, color=style["color"], alpha=0.15, lw=0)


def _geometric(axes: Axes, x: float, values: pd.Series, **style: Any) -> None:
    """Geometric mean with its 95 % interval over seeds."""
    logs = np.log(values[np.isfinite(values) & (values > 0)])
    if len(logs) < 2:
        return
    found = mean_interval(logs)
    middle, low, high = np.exp([found.estimate, found.low, found.high])
    axes.errorbar(x, middle, [[middle - low], [high - middle]], capsize=3, ms=5, **style)


def _steps_axis(axes: Axes) -> None:
    """Steps from 0 on, logarithmic from 1 on."""
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(left=-0.15)
    axes.xaxis.set_minor_locator(NullLocator())


def _line_handles(colours: Mapping[str, Any], labels: Mapping[str, str] | None = None) -> list[Line2D]:
    return [
        Line2D([], [], color=colour, marker="o", ms=4, label=(labels or {}).get(name, name))
        for name, colour in colours.items()
    ]


def curvature_terms(rows: pd.DataFrame) -> Figure:
    """B, |C| and the self-interaction S/n along gradient descent on the widest two-layer networks, relative to G.

    Args:
        rows: Table `phases/curvature`.
    """
    shown = at_largest_width(rows[rows.depth == 1])
    shown = shown[shown.variant == "none"]
    shown = shown.assign(
        B=shown.gauss_newton / shown.gradient,
        C=shown.curved.abs() / shown.gradient,
        S=(shown.blocks - shown.curved) / shown.gradient,
    )
    terms = {
        "B": ("$B/G$: Gauss-Newton, not masked", COLOURS[0]),
        "C": ("$|C|/G$: curvature of a neuron", COLOURS[3]),
        "S": ("$S/(nG)$: self-interaction", COLOURS[1]),
    }
    losses, kinds = list(dict.fromkeys(shown.loss)), list(ACTIVATION_COLOURS)
    figure, panels = plt.subplots(len(losses), len(kinds), figsize=(12, 3.1 * len(losses)), sharex=True, squeeze=False)
    for line, loss in zip(panels, losses, strict=True):
        for axes, kind in zip(line, kinds, strict=True):
            cell = shown[(shown.loss == loss) & (shown.activation == kind)]
            for name, (label, colour) in terms.items():
                _band(axes, cell, "step", name, color=colour, marker="o", ms=3.5, label=label)
            axes.set(title=f"{kind}, {loss} loss", yscale="log")
            _steps_axis(axes)
        line[0].set_ylabel("term / $G$ (mean-field units)")
    for axes in panels[-1]:
        axes.set_xlabel("training step")
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def curvature_ratio(rows: pd.DataFrame, factor: float) -> Figure:
    """B/|C| along training: two-layer networks by loss (widest), and deeper networks by depth.

    Args:
        rows: Table `phases/curvature`.
        factor: What the claim takes for "much larger", drawn as a line.
    """
    shown = rows.assign(drawn=rows.ratio.clip(lower=0.1))
    flat = at_largest_width(shown[shown.depth == 1])
    deep = shown[shown.depth > 1]
    panels_of = [(f"two layers, {loss} loss", part, "activation") for loss, part in flat.groupby("loss", sort=False)]
    panels_of += [(f"deeper, {kind}", part, "depth") for kind, part in deep.groupby("activation", sort=False)]
    figure, panels = plt.subplots(
        1, len(panels_of), figsize=(3.6 * len(panels_of) + 1, 3.9), sharey=True, squeeze=False
    )
    depth_colours = dict(
        zip(sorted(deep.depth.unique()), sns.color_palette("flare", deep.depth.nunique()), strict=True)
    )
    for axes, (title, part, key) in zip(panels[0], panels_of, strict=True):
        colours = ACTIVATION_COLOURS if key == "activation" else depth_colours
        for name, cell in part.groupby(key):
            label = name if key == "activation" else f"$L$ = {name}"
            _band(axes, cell, "step", "drawn", color=colours[name], marker="o", ms=3.5, label=label)
        axes.axhline(factor, color="0.3", lw=1, ls="--")
        axes.axhline(1, color="0.3", lw=1, ls=":")
        axes.set(title=title, xlabel="training step", yscale="log", ylim=(0.09, None))
        _steps_axis(axes)
        axes.legend(fontsize="small", loc="upper left")
    panels[0][0].set_ylabel("$B/|C|$ (dashed: $\\gg$; dotted: 1)")
    return figure


def stable_rates(rows: pd.DataFrame) -> Figure:
    """Largest stable mean rate of the widest networks over the keep rate, in units of that without masks.

    Args:
        rows: Table `phases/stable_rates`.
    """
    shown = stable_shares(at_largest_width(rows))
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
    handles = _line_handles({name: METRIC_COLOURS[name] for name in ("ram", "common")}, METRIC_LABELS)
    handles.append(plt.Line2D([], [], color="0.4", ls=":", lw=1, label="the mean rate decides (paper)"))
    handles.append(plt.Line2D([], [], color="0.4", ls="--", lw=1, label="the step of a neuron decides"))
    panels[0][-1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def edge_sharpness(rows: pd.DataFrame) -> Figure:
    """Steps in units of 2/lambda along training at the edge: mean rate (above), kept neurons (below); quartiles.

    Args:
        rows: Table `phases/edge_sharpness`; the widest networks are shown.
    """
    shown = at_largest_width(rows)
    shown = shown[shown.metric.isin(["none", "ram"])]
    kinds, keeps = list(dict.fromkeys(shown.activation)), sorted(shown.keep_rate.unique(), reverse=True)
    colours = dict(zip(keeps, ["0.35", *sns.color_palette("flare", len(keeps) - 1)], strict=True))
    lines = {"mean_step": "$\\tau\\lambda/2$: mean rate", "neuron_step": "$\\tau\\lambda/(2q)$: a kept neuron"}
    figure, panels = plt.subplots(2, len(kinds), figsize=(4.6 * len(kinds) + 2, 6.2), sharex=True, squeeze=False)
    for line, (column, label) in zip(panels, lines.items(), strict=True):
        for axes, kind in zip(line, kinds, strict=True):
            for keep, cell in shown[shown.activation == kind].groupby("keep_rate"):
                name = "no mask" if keep == 1 else f"RaM, $q$ = {keep:g}"
                _band(axes, cell, "step", column, 0.25, color=colours[keep], marker="o", ms=3.5, label=name)
            axes.axhline(1, color="0.3", lw=1, ls="--")
            axes.set(yscale="log", title=f"{kind}, $n$ = {rows.width.max()}" if column == "mean_step" else "")
        line[0].set_ylabel(label + "\n(in units of $2/\\lambda$)")
    for axes in panels[-1]:
        axes.set_xlabel("training step")
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def precision_errors(rows: pd.DataFrame, tolerance: float) -> Figure:
    """Final error of low precision over the movement (above) and lost updates (below), over the width, by regime.

    Args:
        rows: Table `phases/precision`.
        tolerance: What the claim takes for a problem, drawn as a line.
    """
    final = final_errors(rows)
    figure, panels = plt.subplots(2, 3, figsize=(12.5, 6.4), sharex=True, sharey="row")
    for column, (regime, title) in enumerate(REGIME_TITLES.items()):
        part = final[final.regime == regime]
        for name, colour in PRECISION_COLOURS.items():
            cell = part[part.precision == name]
            for width, runs in cell.groupby("width"):
                _geometric(panels[0, column], width, runs.relative_error, fmt="o", color=colour)
            middle = cell.groupby("width").relative_error.median()
            panels[0, column].plot(middle.index, middle, color=colour, lw=1)
            lost = cell.groupby("width").lost_share.mean()
            panels[1, column].plot(lost.index, lost, color=colour, marker="o", ms=4)
        panels[0, column].axhline(tolerance, color="0.3", lw=1, ls="--")
        panels[0, column].set(title=title, xscale="log", yscale="log")
        widths = sorted(part.width.unique())
        panels[1, column].set(xlabel="neurons $n$", ylim=(-0.03, 1.03))
        panels[1, column].set_xticks(widths, widths)
        panels[1, column].minorticks_off()
    panels[0, 0].set_ylabel("error / movement")
    panels[1, 0].set_ylabel("updates lost (share)")
    panels[0, 2].legend(
        handles=_line_handles(PRECISION_COLOURS), loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small"
    )
    return figure


def precision_growth(rows: pd.DataFrame) -> Figure:
    """Error of low precision over training time, by regime.

    Args:
        rows: Table `phases/precision`; the widest networks are shown.
    """
    shown = at_largest_width(rows)
    figure, panels = plt.subplots(1, 3, figsize=(12.5, 3.8), sharey=True)
    for axes, (regime, title) in zip(panels, REGIME_TITLES.items(), strict=True):
        for name, colour in PRECISION_COLOURS.items():
            cell = shown[(shown.regime == regime) & (shown.precision == name)]
            _band(axes, cell, "time", "relative_error", color=colour, marker="o", ms=3.5)
        axes.set(title=title, xlabel="time $k\\tau$", yscale="log")
    panels[0].set_ylabel(f"error / movement, $n$ = {rows.width.max()}")
    panels[2].legend(
        handles=_line_handles(PRECISION_COLOURS), loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small"
    )
    return figure
