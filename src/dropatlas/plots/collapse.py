"""Figures of the training-collapse report."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dropatlas.plots.style import COLOURS, MODEL_LABELS

VARIANT_COLOURS = {
    "none": "0.35",
    "dropout": COLOURS[0],
    "modified": COLOURS[1],
    "inverted": COLOURS[2],
    "dropconnect": COLOURS[4],
    "modified_dropconnect": COLOURS[5],
}
VARIANT_LABELS = {
    "none": "no dropout",
    "dropout": "dropout",
    "modified": "modified dropout",
    "inverted": "inverted dropout",
    "dropconnect": "dropconnect",
    "modified_dropconnect": "modified dropconnect",
}
SMALLEST_CUT = 1e-16  # 1 - theta below rounding
GAIN_LABELS = {"plain": "initial gain 1", "compensated": "initial gain $1/\\sqrt{q}$"}


def _sequential(values: list) -> dict:
    return dict(zip(values, sns.color_palette("flare", len(values)), strict=True))


def _spread(values: pd.Series) -> tuple[float, float, float]:
    """Mean over seeds and how far its 95 % interval (1.96 standard errors) reaches down and up."""
    values = values.dropna()
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return values.mean(), half, half


def _cell(rows: pd.DataFrame, cell: tuple[int, int, float], variant: str | None = None) -> pd.DataFrame:
    """Rows of one (depth, width, drop rate of the cell), of one variant if given."""
    chosen = rows[(rows.depth == cell[0]) & (rows.width == cell[1]) & (rows.cell_drop_rate == cell[2])]
    return chosen if variant is None else chosen[chosen.variant == variant]


def _constant_line(axes: Axes) -> None:
    axes.axhline(1, color="0.4", lw=1, ls="--")


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


def movement(rows: pd.DataFrame, floor: float = 1e-6) -> Figure:
    """Movement relative to no dropout over theta·sum(alpha), all measured steps; predicted boundary at 1.

    Args:
        rows: Table `collapse/movement`.
        floor: Smaller shares are drawn at this value.
    """
    runs = rows[~rows.diverged].drop_duplicates(["depth", "width", "variant", "gain", "replica", "step"])
    means = runs.groupby(["variant", "gain", "depth", "width", "step"])[
        ["relative_movement", "theta_rate_sum", "control_learns"]
    ].mean()
    control = means.loc["none", "plain"].relative_movement
    colours = _sequential(sorted(rows.depth.unique()))
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.4), sharey=True)
    for axes, gain in zip(panels, GAIN_LABELS, strict=True):
        shown = means.loc["dropout", gain]
        for (depth, _), curve in shown.groupby(["depth", "width"]):
            share = (curve.relative_movement / control.reindex(curve.index)).clip(lower=floor)
            decided = curve.control_learns.iloc[0] == 1
            axes.plot(curve.theta_rate_sum, share, color=colours[depth], lw=1.2, ls="-" if decided else ":", alpha=0.8)
            axes.plot(curve.theta_rate_sum.iloc[-1:], share.iloc[-1:], "o", ms=4, color=colours[depth])
        axes.axvline(1, color="0.4", lw=1, ls="--")
        axes.text(1.15, floor * 1.5, "$\\theta\\,\\Sigma\\alpha = 1$", color="0.3", fontsize="small")
        axes.set(
            title=GAIN_LABELS[gain], xlabel="$\\theta\\,\\Sigma\\alpha_t$", xscale="log", yscale="log", xlim=(1e-6, 60)
        )
    panels[0].set_ylabel("$\\|w_t - w_0\\|$ relative to no dropout")
    handles = [
        plt.Line2D([], [], color=colour, marker="o", ms=4, label=f"{depth}") for depth, colour in colours.items()
    ]
    panels[1].legend(handles=handles, title="depth $L$", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def loss_curves(rows: pd.DataFrame, problem: str, biases: bool, variants: list[str]) -> Figure:
    """Loss over steps, one panel per cell, mean and 95 % interval over seeds; dashed: the best constant.

    Args:
        rows: Table `collapse/variants`.
        problem: Problem shown.
        biases: Whether networks with biases are shown.
        variants: Variants drawn.
    """
    shown = rows[(rows.problem == problem) & (rows.biases == biases) & ~rows.diverged]
    cells = list(dict.fromkeys(zip(shown.depth, shown.width, shown.cell_drop_rate, strict=True)))
    figure, panels = plt.subplots(1, len(cells), figsize=(3.1 * len(cells) + 1.2, 3.6), sharey=True, squeeze=False)
    for axes, (depth, width, p) in zip(panels[0], cells, strict=True):
        cell = _cell(shown, (depth, width, p))
        for variant in variants:
            grouped = cell[cell.variant == variant].groupby("step").loss_ratio
            mean, half = grouped.mean(), 1.96 * grouped.std(ddof=1) / np.sqrt(grouped.count())
            style = "--" if variant == "modified" else "-"
            axes.plot(mean.index, mean, style, color=VARIANT_COLOURS[variant], label=VARIANT_LABELS[variant], lw=1.7)
            axes.fill_between(mean.index, mean - half, mean + half, color=VARIANT_COLOURS[variant], alpha=0.15, lw=0)
        theta = cell[cell.variant == "dropout"].theta.iloc[0]
        undecided = "" if cell.control_learns.all() else "\nundecidable: control does not learn"
        axes.set(
            title=f"$L$={depth}, $W$={width}, $p$={p:g}: $\\theta$={theta:.2g}{undecided}", xlabel="step", xscale="log"
        )
        axes.title.set_fontsize("small")
        _constant_line(axes)
    panels[0][0].set_ylabel("test loss / loss of a constant")
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


def weights_and_biases(rows: pd.DataFrame, problem: str) -> Figure:
    """Final movement of weights, biases and the output bias of networks with biases, by cell and variant.

    Args:
        rows: Table `collapse/variants`.
        problem: Problem shown.
    """
    final = rows[(rows.problem == problem) & rows.biases & (rows.step == rows.step.max()) & ~rows.diverged]
    variants = ["none", "dropout", "modified"]
    measures = {
        "relative_movement": "weights: $\\|w_T - w_0\\| / \\|w_0\\|$",
        "bias_movement": "all biases: $\\|b_T\\|$",
        "output_bias_movement": "output bias: $|b^{out}_T|$",
    }
    cells = list(dict.fromkeys(zip(final.depth, final.width, final.cell_drop_rate, strict=True)))
    figure, panels = plt.subplots(1, 3, figsize=(12.5, 3.8))
    for axes, (column, label) in zip(panels, measures.items(), strict=True):
        for offset, variant in enumerate(variants):
            for place, cell in enumerate(cells):
                mean, low, high = _spread(_cell(final, cell, variant)[column])
                axes.errorbar(
                    place + 0.2 * (offset - 1),
                    mean,
                    [[low], [high]],
                    fmt="o",
                    ms=5,
                    capsize=3,
                    color=VARIANT_COLOURS[variant],
                    label=VARIANT_LABELS[variant] if place == 0 else None,
                )
        thetas = [_cell(final, cell, "dropout").theta.iloc[0] for cell in cells]
        labels = [f"$L$={d}, $W$={w}\n$\\theta$={theta:.2g}" for (d, w, _), theta in zip(cells, thetas, strict=True)]
        axes.set_xticks(range(len(cells)), labels, fontsize="x-small")
        axes.set(ylabel=label, ylim=(0, None))
    panels[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure


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
    share = cells.crossed / cells.steps
    half = 1.96 * np.sqrt(share * (1 - share) / cells.steps)
    panels[0].plot([0, 1], [0, 1], color="0.5", lw=1, ls="--")
    panels[0].errorbar(cells.theta, share, half, fmt="o", ms=4.5, capsize=2.5, color=COLOURS[0])
    panels[0].set(
        xlabel="exact $\\theta$", ylabel="share of training steps with a path", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03)
    )
    depths = sorted(runs.depth.unique())
    colours = dict(zip(depths, (COLOURS[2], COLOURS[3]), strict=False)) if len(depths) <= 2 else _sequential(depths)
    markers = {"plain": "o", "compensated": "s"}
    for (depth, gain, _width, _p), cell in runs.groupby(["depth", "gain", "width", "drop_rate"]):
        mean, low, high = _spread(cell.loss_ratio)
        cut = max(1 - cell.theta.iloc[0], SMALLEST_CUT)
        for axes, x in zip(panels[1:], (cut, cell.signal_factor.iloc[0]), strict=True):
            axes.errorbar(
                x,
                mean,
                [[low], [high]],
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
        _constant_line(axes)
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


def drift_bound(rows: pd.DataFrame) -> Figure:
    """Measured movement over the bound by theta, 95 % interval over seeds; the theorem says below 1.

    Args:
        rows: Table `collapse/drift_bound`.
    """
    runs = rows[~rows.diverged & (rows.bound > 0)]
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, sharex=True)
    for axes, holds in zip(panels, (True, False), strict=True):
        part = runs[runs.assumption == holds]
        names = list(dict.fromkeys(part.network))
        colours = dict(zip(names, COLOURS[0:4:2] if holds else COLOURS[1:5:2], strict=False))
        for (network, model, theta), cell in part.groupby(["network", "model", "theta"], sort=False):
            mean, low, high = _spread(cell.distance / cell.bound)
            axes.errorbar(
                theta,
                mean,
                [[min(low, 0.9 * mean)], [high]],
                fmt="o" if model == "site" else "s",
                ms=5,
                capsize=3,
                color=colours[network],
            )
        _constant_line(axes)
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


def topologies(rows: pd.DataFrame) -> Figure:
    """Final loss over drop rate for plain, residual and convolutional networks, mean and 95 % interval over seeds.

    Args:
        rows: Table `collapse/topologies`.
    """
    runs = rows[~rows.diverged]
    colours = dict(zip(dict.fromkeys(rows.topology), COLOURS, strict=False))
    figure, panels = plt.subplots(1, 2, figsize=(11.5, 4.1))
    for axes, column, label in (
        (panels[0], "loss_ratio", "final test loss / $\\log 10$"),
        (panels[1], "relative_movement", "$\\|w_T - w_0\\| / \\|w_0\\|$"),
    ):
        for (topology, gain), curve in runs.groupby(["topology", "gain"], sort=False):
            points = [(p, *_spread(cell[column])) for p, cell in curve.groupby("drop_rate")]
            p, mean, low, high = map(np.array, zip(*points, strict=True))
            axes.errorbar(
                p,
                mean,
                [low, high],
                fmt="o-" if gain == "plain" else "s--",
                ms=5,
                capsize=3,
                lw=1.3,
                color=colours[topology],
                mfc=colours[topology] if gain == "plain" else "white",
                label=f"{topology}, {GAIN_LABELS[gain]}",
            )
        axes.set(xlabel="removal probability $p$", ylabel=label, ylim=(0, None))
    _constant_line(panels[0])
    thetas = runs[runs.drop_rate > 0].groupby("drop_rate").plain_theta.first()
    for p, theta in thetas.items():
        panels[0].text(p, 0.02, f"plain $\\theta$\n{theta:.2g}", ha="center", fontsize="x-small", color="0.35")
    panels[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure
