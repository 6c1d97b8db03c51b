"""Figures on the steps that learning takes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dropatlas.plots.style import COLOURS, MODEL_LABELS


def learning_time(rows: pd.DataFrame) -> Figure:
    """Steps until weights have moved, and until the loss target, over 1/theta; triangles: not within the horizon.

    Args:
        rows: Table `collapse/learning_time`.
    """
    colours = dict(zip(sorted(rows.width.unique()), COLOURS, strict=False))
    goals = {"movement": "until weights have moved", "loss": "until the loss target"}
    figure, panels = plt.subplots(1, 4, figsize=(15, 4.1), sharey=True, sharex=True)
    cases = [(goal, model) for goal in goals for model in ("site", "bond")]
    for axes, (goal, model) in zip(panels, cases, strict=True):
        shown = rows.query("goal == @goal and model == @model and not diverged")
        for width, runs in shown.groupby("width"):
            control = np.nanmedian(runs.control_steps)
            grid = np.array([1 / shown.theta.max(), 1 / shown.theta.min()])
            axes.plot(grid, control * grid, color=colours[width], lw=1, ls="--", alpha=0.8)
            for theta, cell in runs.groupby("theta"):
                x = 1 / theta * (1 + 0.05 * (list(colours).index(width) - 1))
                median, low, high = np.quantile(cell.steps, [0.5, 0.1, 0.9])
                if cell.censored.mean() > 0.5:
                    axes.plot(x, cell.horizon.iloc[0], marker="^", ms=7, mfc="none", color=colours[width], ls="")
                else:
                    axes.errorbar(
                        x, median, [[median - low], [high - median]], fmt="o", ms=4.5, capsize=2.5, color=colours[width]
                    )
        axes.set(title=f"{MODEL_LABELS[model]}\n{goals[goal]}", xlabel="$1/\\theta$", xscale="log", yscale="log")
    panels[0].set_ylabel("steps")
    handles = [
        plt.Line2D([], [], color=colour, marker="o", ms=4.5, ls="", label=f"$W$ = {width}")
        for width, colour in colours.items()
    ]
    handles += [
        plt.Line2D([], [], color="0.4", ls="--", lw=1, label="steps without\ndropout $\\times 1/\\theta$"),
        plt.Line2D([], [], color="0.4", marker="^", mfc="none", ls="", label="most runs not\nwithin the horizon"),
    ]
    panels[-1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure
