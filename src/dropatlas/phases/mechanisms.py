"""Numbers that judges, figures and captions read off the tables of the mechanisms: curvature, stability, precision."""

import numpy as np
import pandas as pd

from dropatlas.phases.labels import METRIC_LABELS


def at_largest_width(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the widest networks."""
    return rows[rows.width == rows.width.max()]


def shares_reaching(rows: pd.DataFrame, factor: float) -> pd.DataFrame:
    """Share of the measurements along training whose ratio B/|C| reaches a factor, by seed.

    Args:
        rows: Table `phases/curvature`.
        factor: Least ratio.

    Returns:
        By seed: `known` (among the ratios that are numbers), `least` (all others taken for small) and `most` (for
        large). Ratios of networks that diverged are no numbers.
    """
    ratio = rows.ratio.where(~rows.diverged & np.isfinite(rows.ratio))
    reached = (ratio >= factor).astype(float)
    columns = {"known": reached.where(ratio.notna()), "least": reached, "most": reached.where(ratio.notna(), 1.0)}
    return pd.DataFrame(columns).groupby(rows.seed).mean()


def edge_steps(rows: pd.DataFrame) -> pd.DataFrame:
    """Steps under the random metric at the edge of stability in units of 2/λ: medians over the second half of training.

    Args:
        rows: Table `phases/edge_sharpness`.

    Returns:
        One row per network with q < 1: activation, width, keep_rate, seed, neuron_step (of a kept neuron) and mean_step
        (the mean rate).
    """
    late = rows[(rows.step > rows.step.max() / 2) & (rows.metric == "ram") & (rows.keep_rate < 1)]
    keys = ["activation", "width", "keep_rate", "seed"]
    return late.groupby(keys)[["neuron_step", "mean_step"]].median().reset_index()


def stable_shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Masked networks with the `share` that their largest stable mean rate is of the same network's without masks.

    Args:
        rows: Table `phases/stable_rates`.
    """
    keys = ["activation", "width", "seed"]
    plain = rows[rows.metric == "none"].set_index(keys).rate
    reference = plain.reindex(pd.MultiIndex.from_frame(rows[keys])).to_numpy()
    return rows.assign(share=rows.rate / reference)[rows.metric != "none"]


def final_errors(rows: pd.DataFrame) -> pd.DataFrame:
    """The last measurement of every network.

    Args:
        rows: Table `phases/precision`.
    """
    return rows[rows.step == rows.groupby(["regime", "width"]).step.transform("max")]


def typical_errors(rows: pd.DataFrame) -> pd.Series:
    """Error over the movement at the end, at the largest width of a regime: geometric mean over seeds.

    Args:
        rows: Table `phases/precision`.

    Returns:
        By regime and precision, without float64, the reference.
    """
    final = final_errors(rows)
    largest = final[(final.width == final.groupby("regime").width.transform("max")) & (final.precision != "float64")]
    return np.exp(np.log(largest.relative_error).groupby([largest.regime, largest.precision], sort=False).mean())


def stable_shares_by_width(rows: pd.DataFrame) -> pd.DataFrame:
    """Largest stable mean rate over that without masks in words, median over seeds.

    Args:
        rows: Table `phases/stable_rates`.

    Returns:
        One row per activation, metric and width, a column per keep rate, named as a reader needs it.
    """
    keys = {"activation": "activation", "metric": "metric", "width": "n"}
    shares = stable_shares(rows).replace({"metric": METRIC_LABELS}).groupby([*keys, "keep_rate"]).share.median()
    told = shares.unstack().rename(columns="q = {:g}".format)
    told = told.map("{:.2f}".format, na_action="ignore").fillna("–")
    return told.reset_index().rename(columns=keys).rename_axis(columns=None)


def sharpness_medians(rows: pd.DataFrame) -> pd.DataFrame:
    """Sharpness, and batch sharpness without masks and with them, under the random metric; median of all measurements.

    Args:
        rows: Table `phases/edge_sharpness`.

    Returns:
        In words, one row per activation, width and keep rate, with columns named as a reader needs them.
    """
    keys = {"activation": "activation", "width": "n", "keep_rate": "q"}
    names = {
        "sharpness": "sharpness",
        "batch_sharpness": "batch sharpness",
        "masked_sharpness": "batch sharpness with masks",
    }
    measured = rows[(rows.metric == "ram") & rows.masked_sharpness.notna() & (rows.step > 0)]
    told = measured.groupby(list(keys))[list(names)].median().map("{:.3f}".format)
    told = told.reset_index().rename(columns=keys | names)
    return told.assign(q=told.q.map("{:g}".format))
