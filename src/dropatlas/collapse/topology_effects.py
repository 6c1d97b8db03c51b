"""Numbers of the tables on residual and convolutional networks that figures, captions and verdicts share."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from dropatlas.stats import Interval, known_seeds, mean_p_value, ratio_interval

LEVEL = 0.025
"""Of the one-sided test of whether there is an effect to have a share of."""
UNKNOWN = Interval(np.nan, -np.inf, np.inf)


def share_interval(part: np.ndarray, whole: np.ndarray) -> Interval:
    """Ratio of two paired means over seeds, such as the kept share of a benefit, with its 95 % interval.

    Args:
        part: One value per seed, shape (m,).
        whole: What it is compared with, shape (m,).

    Returns:
        The interval (`dropatlas.stats.ratio_interval`); unknown without enough seeds, or if the mean of `whole` is not
        clearly above 0.
    """
    finite = np.isfinite(part) & np.isfinite(whole)
    if not len(known_seeds(np.where(finite, whole, np.nan))) or mean_p_value(whole[finite], 0.0, "greater") > LEVEL:
        return UNKNOWN
    return ratio_interval(part[finite], whole[finite])


def kept_benefit(rows: pd.DataFrame) -> dict[tuple[int, float], tuple[np.ndarray, np.ndarray]]:
    """Benefit of branches under dropout and without it: test loss ratio of the identity alone minus their own.

    Args:
        rows: Table `collapse/topologies`.

    Returns:
        By width and removal probability, a value per seed each; NaN where a network diverged.
    """
    residual = rows[rows.topology == "residual"]
    losses = residual.assign(loss=residual.scaled_loss_ratio.mask(residual.diverged))
    found = {}
    for width, networks in losses.groupby("width"):
        loss = networks.set_index(["seed", "variant", "drop_rate"]).loss.unstack(["variant", "drop_rate"])
        if {"identity", "none", "dropout"} <= set(loss.columns.get_level_values(0)):
            alone, undropped = (loss[name].iloc[:, 0] for name in ("identity", "none"))
            for p, masked in loss["dropout"].items():
                found[width, p] = ((alone - masked).to_numpy(), (alone - undropped).to_numpy())
    return found


def convolution_cells(rows: pd.DataFrame) -> Iterator[tuple[tuple[str, int, float], pd.DataFrame]]:
    """Convolutions under dropout: gain, width and removal probability, and their rows (diverged: not learned)."""
    cells = rows[(rows.topology == "convolution") & (rows.variant == "dropout")]
    yield from cells.groupby(["gain", "width", "drop_rate"])


def paired_differences(rows: pd.DataFrame, column: str) -> pd.Series:
    """Modified minus plain dropout, paired over seeds (equal start, data and masks).

    Args:
        rows: Table `collapse/modified_topologies`.
        column: A measure.

    Returns:
        By architecture, biases, learning rate, step and seed; NaN where one of both diverged.
    """
    keys = ["architecture", "biases", "learning_rate", "step", "seed"]
    values = rows.assign(value=rows[column].mask(rows.diverged)).set_index([*keys, "variant"]).value
    both = values.unstack().reindex(columns=["modified", "dropout"])
    return both.modified - both.dropout


def undecidable(cell: pd.DataFrame, margin: float) -> str:
    """Why networks of one architecture and learning rate cannot tell modified from plain dropout; empty if they can.

    Args:
        cell: Their rows in `collapse/modified_topologies`.
        margin: Of P20. Both are at their plateau if the mean test loss over the quarter of the steps before the last
            half clearly differs by less from that over the last half.
    """
    masked = cell[(cell.variant != "none") & (cell.step == cell.step.max())]
    if not cell.control_learns.all():
        return "networks without dropout do not learn"
    if not masked.crossed_steps.sum():
        return "no step has a path"
    if (masked.crossed_steps == masked.step).all():
        return "every step has a path"
    losses = cell[cell.variant != "none"].assign(loss=lambda rows: rows.test_loss_ratio.mask(rows.diverged))
    for _, runs in losses.groupby("variant"):
        before, late = (
            table.to_numpy() for _, table in runs.pivot(index="step", columns="seed", values="loss").iterrows()
        )
        if not np.isfinite([before, late]).all():
            return "networks diverged"
        if max(mean_p_value(sign * (late - before), margin, "less") for sign in (1, -1)) > LEVEL:
            return "not at its plateau"
    return ""


def open_paths(rows: pd.DataFrame) -> pd.DataFrame:
    """How often masks leave paths, by theory and counted, for a reader.

    Args:
        rows: Table `collapse/topologies`.

    Returns:
        One row per topology, width and removal probability.
    """
    masked = rows[(rows.variant == "dropout") & (rows.gain == "plain")]
    shares = {"any path": "crossed_steps", "besides the identity": "branch_steps", "every layer": "plain_crossed_steps"}
    counted = masked.assign(**{f"{name}, counted": masked[column] / masked.steps for name, column in shares.items()})
    thetas = dict(zip(("theta", "branch_theta", "plain_theta"), shares, strict=True))
    names = {"topology": "topology", "width": "W", "drop_rate": "p"}
    columns = [label for name in shares for label in (name, f"{name}, counted")]
    listed = counted.rename(columns=thetas).groupby(list(names), sort=False)[columns].mean()
    return listed.map("{:.4g}".format).reset_index().rename(columns=names)
