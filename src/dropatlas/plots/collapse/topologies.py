"""Figures on residual and convolutional networks."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from dropatlas.plots.collapse.shared import GAIN_LABELS, constant_line, error_bar, with_diverged
from dropatlas.plots.style import COLOURS
from dropatlas.stats import mean_interval


def topologies(rows: pd.DataFrame) -> Figure:
    """Final loss and movement over drop rate for plain, residual and convolutional networks, a row of panels per width.

    Args:
        rows: Table `collapse/topologies`.
    """
    colours = dict(zip(dict.fromkeys(rows.topology), COLOURS, strict=False))
    widths = sorted(rows.width.unique())
    figure, panels = plt.subplots(len(widths), 2, figsize=(11.5, 0.7 + 3.3 * len(widths)), sharex=True, squeeze=False)
    for (losses, movements), (width, runs) in zip(panels, rows.groupby("width"), strict=True):
        for axes, column, label in (
            (losses, "loss_ratio", "final test loss / $\\log 10$"),
            (movements, "relative_movement", "$\\|w_T - w_0\\| / \\|w_0\\|$"),
        ):
            for (topology, gain, p), cell in runs[~runs.diverged].groupby(
                ["topology", "gain", "drop_rate"], sort=False
            ):
                shift = 0.008 * (list(colours).index(topology) - 1)  # equal values stay apart
                error_bar(
                    axes,
                    p + shift,
                    mean_interval(cell[column]),
                    fmt="o" if gain == "plain" else "s",
                    ms=5,
                    capsize=3,
                    color=colours[topology],
                    mfc=colours[topology] if gain == "plain" else "white",
                )
            for topology, cell in runs[(runs.gain == "plain") & ~runs.diverged].groupby("topology", sort=False):
                means = cell.groupby("drop_rate")[column].mean()
                axes.plot(means.index, means, color=colours[topology], lw=1.2)
            axes.set(ylabel=label, ylim=(0, None))
        undecided = runs[~runs.control_learns].topology.unique()
        note = f" (undecidable, control does not learn: {', '.join(undecided)})" if len(undecided) else ""
        losses.set_title(with_diverged(f"$W$ = {width}{note}", runs), fontsize="small")
        constant_line(losses)
        for p, cell in runs[runs.drop_rate > 0].groupby("drop_rate"):
            told = f"$\\theta\\Sigma\\alpha$\n{cell.theta_rate_sum.iloc[0]:.2g}"
            losses.text(p, 0.02, told, ha="center", fontsize="x-small", color="0.35")
    for axes in panels[-1]:
        axes.set_xlabel("removal probability $p$")
    handles = [plt.Line2D([], [], marker="o", ms=5, color=colour, label=name) for name, colour in colours.items()]
    handles.append(plt.Line2D([], [], ls="", marker="s", mfc="white", color="0.4", label=GAIN_LABELS["compensated"]))
    panels[0][1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure
