"""Selections and numbers of the collapse tables that figures, captions and verdicts share."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dropatlas.collapse.variants import MODIFIED, settled_losses
from dropatlas.stats import mean_p_value

CERTAIN = 0.99
"""Crossing probability above which practically every mask leaves a path."""

CLEAR = 0.025
"""Level of the one-sided tests by which a cell can tell."""

CELL = ["depth", "width", "cell_drop_rate"]
"""Columns that name a cell of `collapse/variants`; networks without dropout belong to it, too."""


PAIR = [*CELL, "learning_rate"]
"""Columns that name a pair of dropout and modified dropout, with the seed."""


def network_counts(rows: pd.DataFrame) -> pd.DataFrame:
    """Masked networks of `collapse/decoupling`, with and without a path, inside and outside the assumption.

    Returns:
        Columns `networks`, `input_effect_zero`, `weight_gradients_zero`; four rows, indexed by `has_path` and
        `assumption` (no biases and zero activation at zero).
    """
    names = ["has_path", "assumption"]
    counts = rows.groupby(names)[["networks", "input_effect_zero", "weight_gradients_zero"]].sum()
    return counts.reindex(pd.MultiIndex.from_product([[False, True]] * 2, names=names), fill_value=0)


def learners(runs: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """How many networks learn (column `learned`) and how many there are (`networks`), indexed by the columns `by`."""
    return runs.groupby(list(by), sort=False).agg(learned=("learned", "sum"), networks=("learned", "size"))


def time_pairs(runs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Steps times θ, and steps of the network without dropout, of every seed; NaN where a network diverged.

    Args:
        runs: Rows of `collapse/learning_time` of one cell. A run that does not get there counts as its horizon, under
            dropout and without; the horizon is that without dropout over θ.
    """
    return (runs.steps * runs.theta).where(~runs.diverged).to_numpy(), runs.control_steps.to_numpy(dtype=float)


def there_at_start(rows: pd.DataFrame) -> pd.Series:
    """Whether the control of a row meets the loss target at the first measured step: before training could matter.

    Args:
        rows: Of `collapse/learning_time`, where networks without dropout are first measured after one step.
    """
    first = rows[(rows.goal == "loss") & (rows.control_steps == 1)]
    networks, there = (pd.MultiIndex.from_frame(frame[["width", "seed"]]) for frame in (rows, first))
    return pd.Series(networks.isin(there), index=rows.index)


def growth_by_seed(runs: pd.DataFrame, most_censored: float, most_lost: float, least_depths: int) -> np.ndarray:
    """Slope over depth of log time relative to no dropout, over the decay rate of θ per layer, of every seed.

    Args:
        runs: Rows of `collapse/depth_law` of one kind of network, schedule and goal. Time is the sum of learning rates.
        most_censored: Depths at which more than this share of runs do not get there are left out.
        most_lost: So are those at which more than this share of controls do not.
        least_depths: Fewest depths that carry a slope.

    Returns:
        One number per seed, NaN where a network diverged; none if too few depths remain.
    """
    late = runs.groupby("depth")[["censored", "control_censored"]].mean()
    told = (late.censored <= most_censored) & (late.control_censored <= most_lost)
    used = runs[runs.depth.isin(late.index[told])]
    depths = np.sort(used.depth.unique())
    if len(depths) < least_depths:
        return np.empty(0)
    ratios = np.log((used.rate_sum / used.control_rate_sum).where(~used.diverged))
    table = used.assign(ratio=ratios).pivot(index="seed", columns="depth", values="ratio")
    centred = depths - depths.mean()
    return table.to_numpy() @ centred / (centred @ centred) / used.layer_rate.iloc[0]


def settled_pairs(rows: pd.DataFrame, plain: str) -> pd.DataFrame:
    """Losses of dropout, modified dropout and no dropout, with biases, late in the run and before.

    Args:
        rows: Table `collapse/variants`.
        plain: "dropout" or "dropconnect".

    Returns:
        One row per cell and seed (index `PAIR` and `seed`) with `late_none`, `late_plain`, `late_modified` and the same
        with `before` (see `settled_losses`), and `control_learns`. NaN where a network is missing or has diverged.
    """
    arms = {"none": "none", plain: "plain", MODIFIED[plain]: "modified"}
    runs = rows[rows.biases & rows.variant.isin(arms)]
    losses = settled_losses(runs, [*PAIR, "seed", "variant"]).unstack("variant")
    wide = pd.DataFrame({f"{window}_{arms[name]}": losses[window, name] for window, name in losses.columns})
    learns = runs[runs.variant == plain].groupby([*PAIR, "seed"]).control_learns.first()
    names = [f"{window}_{arm}" for window in ("late", "before") for arm in arms.values()]
    return wide.reindex(index=learns.index, columns=names).assign(control_learns=learns)


def equal_pairs(rows: pd.DataFrame, plain: str) -> pd.DataFrame:
    """Whether dropout and modified dropout without biases end equal, by cell and seed (index).

    Args:
        rows: Table `collapse/variants`.
        plain: "dropout" or "dropconnect".

    Returns:
        `differs` (loss or movement of the weights, in any bit; NaN differs from everything), `cut` (whether a step
        without a path occurred) and `crossed`, `steps`, `theta`; pairs of which one is missing are left out.
    """
    final = rows[~rows.biases & (rows.step == rows[~rows.biases].step.max())]
    names = ["loss_ratio", "relative_movement", "crossed_steps"]
    one, other = (final[final.variant == v].set_index([*PAIR, "seed"]) for v in (plain, MODIFIED[plain]))
    both = one.join(other[names].add_suffix("_modified"), how="inner")
    differs = ~np.logical_and.reduce([both[name] == both[f"{name}_modified"] for name in names])
    found = both[["crossed_steps", "step", "theta"]].rename(columns={"crossed_steps": "crossed", "step": "steps"})
    return found.assign(differs=differs, cut=found.crossed < found.steps)


def modified_leads(rows: pd.DataFrame) -> pd.DataFrame:
    """Loss ratio of modified minus plain dropout along training, with biases, one row per pair and measured step.

    Args:
        rows: Table `collapse/variants`.

    Returns:
        Columns `plain`, those of `PAIR`, `seed`, `step`, `theta`, `difference`.
    """
    parts, keys = [], [*PAIR, "seed", "step"]
    for plain, modified in MODIFIED.items():
        runs = rows[rows.biases & ~rows.diverged].set_index(keys)
        one, other = runs[runs.variant == plain], runs[runs.variant == modified]
        found = one[["theta"]].assign(plain=plain, difference=other.loss_ratio - one.loss_ratio)
        parts.append(found.reset_index())
    return pd.concat(parts, ignore_index=True)


def why_undecidable(cell: pd.DataFrame, criterion: Mapping[str, float]) -> str:
    """Why a cell with biases cannot tell modified dropout from dropout; empty if it can.

    Args:
        cell: Rows of `settled_pairs` of one cell.
        criterion: Of P10. Dropout must cost clearly more than `least_cost`, and the losses of dropout and modified
            dropout be clearly at their plateau: the mean of the quarter before differs by less than `flat` of that
            cost.
    """
    cost = (cell.late_plain - cell.late_none).to_numpy()
    changes = [(cell[f"before_{arm}"] - cell[f"late_{arm}"]).to_numpy() for arm in ("plain", "modified")]
    if not cell.control_learns.all():
        return "the network does not learn without dropout"
    if not np.isfinite([cost, *changes]).all():
        return "networks diverged"
    if mean_p_value(cost, criterion["least_cost"], "greater") > CLEAR:
        return "dropout costs too little"
    room = [criterion["flat"] * cost + sign * change for change in changes for sign in (1, -1)]
    return "not at its plateau" if max(mean_p_value(left, 0.0, "greater") for left in room) > CLEAR else ""


def ended(rows: pd.DataFrame, problem: str, *, biases: bool) -> pd.DataFrame:
    """Rows of `collapse/variants` of one problem at the last step, diverged networks left out."""
    runs = rows[(rows.problem == problem) & (rows.biases == biases)]
    return runs[(runs.step == runs.step.max()) & ~runs.diverged]
