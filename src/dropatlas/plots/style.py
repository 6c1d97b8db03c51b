"""The look of every figure: fonts, colour-blind safe colours, and what a crossing probability axis shows."""

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes

COLOURS = sns.color_palette("colorblind")
MODEL_COLOURS = {"site": COLOURS[0], "bond": COLOURS[1]}
MODEL_LABELS = {"site": "dropout (site)", "bond": "dropconnect (bond)"}


def use_style() -> None:
    """Set the style of all figures drawn after this call."""
    sns.set_theme(context="notebook", style="whitegrid", palette="colorblind", font="DejaVu Sans")
    mpl.rcParams.update(
        {
            "figure.dpi": 100,
            "savefig.dpi": 160,
            "svg.fonttype": "path",
            "svg.hashsalt": "dropatlas",
            "axes.titlesize": "medium",
            "axes.grid": True,
            "grid.linewidth": 0.6,
            "legend.frameon": False,
            "figure.constrained_layout.use": True,
        }
    )


def probability_axis(axes: Axes, label: str = "crossing probability $\\theta$", axis: str = "y") -> None:
    """Label an axis that shows a probability and keep it in [0, 1] with a little room."""
    if axis == "y":
        axes.set(ylabel=label, ylim=(-0.03, 1.03))
    else:
        axes.set(xlabel=label, xlim=(-0.03, 1.03))
