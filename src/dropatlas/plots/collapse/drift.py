"""Figures on how far weights leave their initialisation."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from dropatlas.collapse.effects import movement_shares, with_bound
from dropatlas.plots.collapse.shared import GAIN_LABELS, constant_line, error_bar, sequential
from dropatlas.plots.style import COLOURS, MODEL_LABELS
from dropatlas.stats import mean_interval


def movement(rows: pd.DataFrame, floor: float = 1e-6) -> Figure:
    """Movement relative to no dropout over theta·sum(alpha), all measured steps, mean; predicted boundary at 1.

    One line per depth and width, its end a dot; the width is written where theta < 0.9.

    Args:
        rows: Table `collapse/movement`.
        floor: Smaller shares are drawn at this value.
    """
    dropped = (
        movement_shares(rows)
        .groupby(["gain", "depth", "width", "step"])[["share", "theta_rate_sum", "theta", "control_learns"]]
        .mean()
    )
    colours = sequential(sorted(rows.depth.unique()))
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.4), sharey=True)
    left = dropped.theta_rate_sum.groupby(["gain", "depth", "width"]).max().min()
    for axes, gain in zip(panels, GAIN_LABELS, strict=True):
        shown = dropped[dropped.index.get_level_values("gain") == gain].droplevel("gain")
        for (depth, width), curve in shown.groupby(["depth", "width"]):
            share = curve.share.clip(lower=floor)
            decided = curve.control_learns.iloc[0] == 1
            axes.plot(curve.theta_rate_sum, share, color=colours[depth], lw=1.2, ls="-" if decided else ":", alpha=0.8)
            axes.plot(curve.theta_rate_sum.iloc[-1:], share.iloc[-1:], "o", ms=4, color=colours[depth])
            if curve.theta.iloc[0] < 0.9:
                end = curve.theta_rate_sum.iloc[-1], share.iloc[-1]
                axes.annotate(f"{width}", end, (3, 3), textcoords="offset points", fontsize="xx-small", color="0.3")
        axes.axvline(1, color="0.4", lw=1, ls="--")
        axes.text(1.15, floor * 1.5, "$\\theta\\,\\Sigma\\alpha = 1$", color="0.3", fontsize="small")
        axes.set(title=GAIN_LABELS[gain], xlabel="$\\theta\\,\\Sigma\\alpha_t$", xscale="log", yscale="log")
        axes.set_xlim(left / 3, 2 * dropped.theta_rate_sum.max())
        axes.xaxis.get_major_locator().set_params(numticks=8)
    panels[0].set_ylabel("$\\|w_t - w_0\\|$ relative to no dropout")
    handles = [
        plt.Line2D([], [], color=colour, marker="o", ms=4, label=f"{depth}") for depth, colour in colours.items()
    ]
    panels[1].legend(handles=handles, title="depth $L$", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def drift_bound(rows: pd.DataFrame) -> Figure:
    """Measured movement over the bound by theta, 95 % interval over seeds; the theorem says below 1.

    Args:
        rows: Table `collapse/drift_bound`.
    """
    runs = with_bound(rows)
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, sharex=True)
    for axes, holds in zip(panels, (True, False), strict=True):
        part = runs[runs.assumption == holds]
        names = list(dict.fromkeys(part.network))
        colours = dict(zip(names, COLOURS[0:4:2] if holds else COLOURS[1:5:2], strict=False))
        for (network, model, theta), cell in part.groupby(["network", "model", "theta"], sort=False):
            error_bar(
                axes,
                theta,
                mean_interval(cell.distance / cell.bound),
                fmt="o" if model == "site" else "s",
                ms=5,
                capsize=3,
                color=colours[network],
            )
        constant_line(axes)
        handles = [plt.Line2D([], [], ls="", marker="o", color=colour, label=name) for name, colour in colours.items()]
        handles += [
            plt.Line2D([], [], ls="", marker=m, color="0.4", label=MODEL_LABELS[k])
            for k, m in (("site", "o"), ("bond", "s"))
        ]
        axes.legend(handles=handles, loc="upper right", fontsize="small")
        title = "assumption holds (no biases, $\\sigma(0)=0$)" if holds else "assumption fails"
        axes.set(title=title, xlabel="crossing probability $\\theta$", xscale="log", yscale="log")
    panels[0].set_ylabel("$\\|w_T - w_0\\|\\,/\\,(M\\,\\theta\\,\\Sigma\\alpha_t)$")
    return figure
