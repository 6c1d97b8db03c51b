"""Figures of the training-collapse report."""

from typing import Any, TypeVar

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import t

from dropatlas.collapse.effects import movement_shares, with_bound
from dropatlas.collapse.labels import COMPARED, VARIANT_LABELS
from dropatlas.plots.style import COLOURS, MODEL_LABELS
from dropatlas.stats import Interval, binomial_interval, mean_interval

VARIANT_COLOURS = {
    "none": "0.35",
    "dropout": COLOURS[0],
    "modified": COLOURS[1],
    "inverted": COLOURS[2],
    "dropconnect": COLOURS[4],
    "modified_dropconnect": COLOURS[5],
}
SMALLEST_CUT = 1e-16  # 1 - theta below rounding
GAIN_LABELS = {"plain": "initial gain 1", "compensated": "initial gain $1/\\sqrt{q}$"}

Value = TypeVar("Value")


def _sequential(values: list[Value]) -> dict[Value, tuple[float, float, float]]:
    return dict(zip(values, sns.color_palette("flare", len(values)), strict=True))


def _error_bar(axes: Axes, x: float, found: Interval, **style: Any) -> None:
    """An estimate with its interval; nothing for an estimate that is no number."""
    if np.isfinite(found.estimate):
        low, high = (end if np.isfinite(end) else found.estimate for end in (found.low, found.high))
        axes.errorbar(x, found.estimate, [[found.estimate - low], [high - found.estimate]], **style)


def _with_diverged(label: str, cell: pd.DataFrame) -> str:
    """The label of a cell, with a note if networks of it diverged and are not drawn."""
    last = cell[cell.step == cell.step.max()] if "step" in cell else cell
    return f"{label}\n{last.diverged.sum()} of {len(last)} diverged" if last.diverged.any() else label


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
    colours = _sequential(sorted(rows.depth.unique()))
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


def loss_curves(rows: pd.DataFrame, problem: str, *, biases: bool) -> Figure:
    """Loss over steps, one panel per cell, mean and 95 % interval over seeds; dashed: the best constant.

    Args:
        rows: Table `collapse/variants`.
        problem: Problem shown.
        biases: Whether networks with biases are shown.
    """
    shown = rows[(rows.problem == problem) & (rows.biases == biases)]
    cells = list(dict.fromkeys(zip(shown.depth, shown.width, shown.cell_drop_rate, strict=True)))
    figure, panels = plt.subplots(1, len(cells), figsize=(3.1 * len(cells) + 1.2, 3.6), sharey=True, squeeze=False)
    for axes, (depth, width, p) in zip(panels[0], cells, strict=True):
        cell = _cell(shown, (depth, width, p))
        for variant in COMPARED:
            grouped = cell[(cell.variant == variant) & ~cell.diverged].groupby("step").loss_ratio
            mean = grouped.mean()
            half = t.ppf(0.975, grouped.count() - 1) * grouped.std(ddof=1) / np.sqrt(grouped.count())
            style = "--" if variant == "modified" else "-"
            axes.plot(mean.index, mean, style, color=VARIANT_COLOURS[variant], label=VARIANT_LABELS[variant], lw=1.7)
            axes.fill_between(mean.index, mean - half, mean + half, color=VARIANT_COLOURS[variant], alpha=0.15, lw=0)
        theta = cell[cell.variant == "dropout"].theta.iloc[0]
        undecided = "" if cell.control_learns.all() else "\nundecidable: control does not learn"
        title = f"$L$={depth}, $W$={width}, $p$={p:g}: $\\theta$={theta:.2g}{undecided}"
        axes.set(title=_with_diverged(title, cell[cell.variant.isin(COMPARED)]), xlabel="step", xscale="log")
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
    final = rows[(rows.problem == problem) & rows.biases & (rows.step == rows.step.max())]
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
                runs = _cell(final, cell, variant)
                _error_bar(
                    axes,
                    place + 0.2 * (offset - 1),
                    mean_interval(runs[~runs.diverged][column]),
                    fmt="o",
                    ms=5,
                    capsize=3,
                    color=VARIANT_COLOURS[variant],
                    label=VARIANT_LABELS[variant] if place == 0 else None,
                )
        shown = [final[final.variant.isin(variants)].pipe(_cell, cell) for cell in cells]
        thetas = [cell[cell.variant == "dropout"].theta.iloc[0] for cell in shown]
        labels = [f"$L$={d}, $W$={w}\n$\\theta$={theta:.2g}" for (d, w, _), theta in zip(cells, thetas, strict=True)]
        labels = list(map(_with_diverged, labels, shown))
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
    panels[0].plot([0, 1], [0, 1], color="0.5", lw=1, ls="--")
    for cell in cells.itertuples():
        share = binomial_interval(cell.crossed, cell.steps)
        _error_bar(panels[0], cell.theta, share, fmt="o", ms=4.5, capsize=2.5, color=COLOURS[0])
    panels[0].set(
        xlabel="exact $\\theta$", ylabel="share of training steps with a path", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03)
    )
    depths = sorted(runs.depth.unique())
    colours = dict(zip(depths, (COLOURS[2], COLOURS[3]), strict=False)) if len(depths) <= 2 else _sequential(depths)
    markers = {"plain": "o", "compensated": "s"}
    for (depth, gain, _width, _p), cell in runs.groupby(["depth", "gain", "width", "drop_rate"]):
        loss = mean_interval(cell.loss_ratio)
        cut = max(1 - cell.theta.iloc[0], SMALLEST_CUT)
        for axes, x in zip(panels[1:], (cut, cell.signal_factor.iloc[0]), strict=True):
            _error_bar(
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
    runs = with_bound(rows)
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, sharex=True)
    for axes, holds in zip(panels, (True, False), strict=True):
        part = runs[runs.assumption == holds]
        names = list(dict.fromkeys(part.network))
        colours = dict(zip(names, COLOURS[0:4:2] if holds else COLOURS[1:5:2], strict=False))
        for (network, model, theta), cell in part.groupby(["network", "model", "theta"], sort=False):
            _error_bar(
                axes,
                theta,
                mean_interval(cell.distance / cell.bound),
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
                _error_bar(
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
        losses.set_title(_with_diverged(f"$W$ = {width}{note}", runs), fontsize="small")
        _constant_line(losses)
        for p, cell in runs[runs.drop_rate > 0].groupby("drop_rate"):
            told = f"$\\theta\\Sigma\\alpha$\n{cell.theta_rate_sum.iloc[0]:.2g}"
            losses.text(p, 0.02, told, ha="center", fontsize="x-small", color="0.35")
    for axes in panels[-1]:
        axes.set_xlabel("removal probability $p$")
    handles = [plt.Line2D([], [], marker="o", ms=5, color=colour, label=name) for name, colour in colours.items()]
    handles.append(plt.Line2D([], [], ls="", marker="s", mfc="white", color="0.4", label=GAIN_LABELS["compensated"]))
    panels[0][1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure
