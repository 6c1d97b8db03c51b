"""Figures on masks without a path: what outputs and gradients still show."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dropatlas.plots.style import COLOURS, MODEL_LABELS


def decoupling(rows: pd.DataFrame) -> Figure:
    """Share of masked networks that ignore their input, and without any weight gradient: without and with a path.

    Args:
        rows: Table `collapse/decoupling`.
    """
    names = rows.activation.astype(str) + np.where(rows.biases, ", biases", "") + ", " + rows.model.map(MODEL_LABELS)
    rows = rows.assign(case=names).sort_values(["assumption", "model", "activation", "biases"])
    measures = {
        "input_effect_zero": ("$F(x) = F(0)$ in all bits", "o", COLOURS[0]),
        "weight_gradients_zero": ("all weight gradients exactly 0", "D", COLOURS[1]),
    }
    claimed = int(rows[rows.assumption].case.nunique())
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True)
    for axes, (path, title) in zip(panels, ((False, "no path left"), (True, "with a path (control)")), strict=True):
        part = rows[rows.has_path == path]
        for shift, (column, (label, marker, colour)) in zip((-0.15, 0.15), measures.items(), strict=True):
            places = np.arange(len(part)) + shift
            axes.plot(part[column] / part.networks, places, marker, ms=6, color=colour, label=label)
        axes.axhspan(len(part) - claimed - 0.5, len(part) - 0.5, color="0.9", zorder=0)
        axes.set(title=title, xlabel="share of networks", xlim=(-0.04, 1.04), yticks=range(len(part)))
    panels[0].set_yticklabels(rows[~rows.has_path].case)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
