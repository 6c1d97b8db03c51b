"""Figures on which networks learn under dropout, and what stops the others."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from dropatlas.plots.collapse.shared import GAIN_LABELS, constant_line, error_bar, sequential
from dropatlas.plots.style import COLOURS
from dropatlas.stats import binomial_interval, mean_interval

SMALLEST_CUT = 1e-16  # 1 - theta below rounding


def width_and_depth(rows: pd.DataFrame) -> Figure:
    """Left: sampled crossings against theta. Middle, right: success against 1 - theta and against the signal factor.

    Args:
        rows: Table `collapse/width_depth`.
    """
    runs = rows[(rows.variant == "dropout") & ~rows.diverged]
    figure, panels = plt.subplots(1, 3, figsize=(13, 4.1))
    cells = (
        runs[runs.gain == "plain"]
        .groupby(["depth", "width", "drop_rate"])
        .agg(theta=("theta", "first"), crossed=("crossed_steps", "sum"), steps=("steps", "sum"))
    )
    panels[0].plot([0, 1], [0, 1], color="0.5", lw=1, ls="--")
    for cell in cells.itertuples():
        share = binomial_interval(cell.crossed, cell.steps)
        error_bar(panels[0], cell.theta, share, fmt="o", ms=4.5, capsize=2.5, color=COLOURS[0])
    panels[0].set(
        xlabel="exact $\\theta$", ylabel="share of training steps with a path", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03)
    )
    depths = sorted(runs.depth.unique())
    colours = dict(zip(depths, (COLOURS[2], COLOURS[3]), strict=False)) if len(depths) <= 2 else sequential(depths)
    markers = {"plain": "o", "compensated": "s"}
    for (depth, gain, _width, _p), cell in runs.groupby(["depth", "gain", "width", "drop_rate"]):
        loss = mean_interval(cell.loss_ratio)
        cut = max(1 - cell.theta.iloc[0], SMALLEST_CUT)
        for axes, x in zip(panels[1:], (cut, cell.signal_factor.iloc[0]), strict=True):
            error_bar(
                axes,
                x,
                loss,
                fmt=markers[gain],
                ms=5,
                capsize=2,
                color=colours[depth],
                mfc=colours[depth] if gain == "plain" else "white",
                alpha=0.85,
            )
    panels[1].set(
        xlabel="$1 - \\theta$ (log; smaller values drawn at the left end)",
        ylabel="final test loss / loss of a constant",
        xscale="log",
    )
    panels[1].xaxis.get_major_locator().set_params(numticks=6)
    panels[2].set(xlabel="signal factor $q^{L/2}$ (log)", xscale="log")
    for axes in panels[1:]:
        constant_line(axes)
        axes.set_ylim(0, 1.1)
    handles = [
        plt.Line2D(
            [],
            [],
            ls="",
            marker=markers[gain],
            color=colours[depth],
            mfc=colours[depth] if gain == "plain" else "white",
            label=f"$L$ = {depth}, {GAIN_LABELS[gain]}",
        )
        for depth in depths
        for gain in markers
    ]
    panels[2].legend(handles=handles, loc="lower left", fontsize="x-small")
    return figure
