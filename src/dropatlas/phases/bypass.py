"""Numbers that judges, figures and captions read off the tables of the sharpness bypass."""

import numpy as np
import pandas as pd

from dropatlas.phases.exponents import seed_slopes
from dropatlas.phases.labels import METRIC_LABELS

SETTING = ["depth", "loss", "activation", "width"]
NETWORK = [*SETTING, "seed"]
CELL = ["activation", "width", "keep_rate"]
ACTIVATIONS = {"relu": "ReLU"}
"""How a reader calls an activation, where not as in the tables."""


def shares_of_decrease(risk: np.ndarray) -> np.ndarray:
    """Share of a risk's decrease that each measurement stands for.

    The decrease between two measurements counts half for either; a rise counts as none.

    Args:
        risk: At the measured steps in order, shape (m,).

    Returns:
        Shape (m,), of sum 1; NaN where the risk never falls, or is not finite.
    """
    falls = -np.diff(risk)
    halves = np.clip(falls, 0, None) / 2 if np.isfinite(falls).all() else np.full(len(falls), np.nan)
    shares = np.append(halves, 0) + np.append(0, halves)
    return shares / shares.sum() if shares.sum() > 0 else np.full(len(risk), np.nan)


def costs_over_training(rows: pd.DataFrame) -> pd.DataFrame:
    """Second-order terms in the mean over the decrease of the risk: what its decrease costs by each of them.

    Means are of term/G: over a step the risk falls by τ G at the cost of τ²/2 times the term, so that weighted by the
    decrease they are the sums of the terms over all steps.

    Args:
        rows: Table `phases/curvature`.

    Returns:
        One row per network: depth, loss, activation, width, seed, `ratio` (B over |C|), `cost` (of masks with the keep
        rate of training, Var(m)·(C+ + S/n), over B) and `left` (last risk over the first); NaN where the network
        diverged, and but for `left` where its risk never fell.
    """
    found = []
    for network, part in rows.sort_values("step").groupby(NETWORK, sort=False):
        risk = part.risk.to_numpy(dtype=float)
        shares = shares_of_decrease(risk) / part.gradient.to_numpy(dtype=float)
        flat = (shares * part.gauss_newton).sum(skipna=False)
        curved = (shares * part.curved.abs()).sum(skipna=False)
        masked = (shares * (part.curved.clip(lower=0) + part.blocks - part.curved)).sum(skipna=False)
        variance = 1 / part.keep_rate.iloc[0] - 1
        numbers = {"ratio": flat / curved, "cost": variance * masked / flat, "left": risk[-1] / risk[0]}
        found.append(dict(zip(NETWORK, network, strict=True)) | numbers)
    return pd.DataFrame(found, columns=[*NETWORK, "ratio", "cost", "left"])


def setting_group(depth: int, loss: str) -> str:
    """Networks whose settings are judged together."""
    return "deeper" if depth > 1 else f"two layers, {loss} loss"


def setting_name(activation: str, width: int, depth: int) -> str:
    """A setting within its group, for readers."""
    kind = ACTIVATIONS.get(activation, activation)
    return f"{kind}, L = {depth}, n = {width}" if depth > 1 else f"{kind}, n = {width}"


def third_terms(rows: pd.DataFrame) -> pd.DataFrame:
    """What the expansion lacks without its third term, measured.

    Args:
        rows: Table `phases/expansion`.

    Returns:
        The rows with the measured cost of masks less Var(m) C over: Var(m) S/n (`share`: 1 if the expansion with the
        third term is right, 0 if the one without is), Var(m) (|C| + S/n) (`error`: how far off the expansion without it
        is) and Var(m) B (`relative`).
    """
    third = rows.measured - rows.by_curvature
    variance = 1 / rows.keep_rate - 1
    return rows.assign(
        share=third / rows.by_itself,
        error=third / (rows.by_curvature.abs() + rows.by_itself),
        relative=third / (variance * rows.gauss_newton),
    )


def third_slopes(rows: pd.DataFrame) -> dict[tuple[str, int, str], pd.Series]:
    """Exponent in n per seed of the measured third term over B, a mean over keep rates, where masks are sampled.

    Args:
        rows: From `third_terms`.

    Returns:
        By loss, step and activation.
    """
    keys = ["loss", "step", "activation"]
    means = rows[~rows.all_masks].groupby([*keys, "seed", "width"]).relative.mean().reset_index()
    return {key: seed_slopes(part, "relative") for key, part in means.groupby(keys)}


def edge_steps(rows: pd.DataFrame) -> pd.DataFrame:
    """Steps of masked networks in units of 2/λ: medians over the second half of training.

    Args:
        rows: Table `phases/edge_sharpness`.

    Returns:
        One row per run of a network with q < 1: activation, width, metric, keep_rate, seed, share (of the largest
        stable rate), neuron_step (of a kept neuron), mean_step (the mean rate), beta (1/(nq)), `known` (whether the
        edge is) and `stable`; numbers of runs that were unstable are NaN.
    """
    late = rows[(rows.step > rows.step.max() / 2) & (rows.keep_rate < 1)]
    late = late.assign(known=late.rate.notna(), stable=late.stable.astype(bool))
    keys = ["activation", "width", "metric", "keep_rate", "seed", "share", "known", "stable"]
    found = late.groupby(keys)[["neuron_step", "mean_step"]].median().reset_index()
    found[["neuron_step", "mean_step"]] = found[["neuron_step", "mean_step"]].where(found.stable)
    return found.assign(beta=1 / (found.width * found.keep_rate))


def near_edge(rows: pd.DataFrame) -> pd.Series:
    """Whether a row is of a run close to the largest stable rate, not of one well below it."""
    return rows.share == rows.share.max()


def stable_shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Masked networks with the `share` that their largest stable mean rate is of the same network's without masks.

    Args:
        rows: Table `phases/stable_rates`.
    """
    keys = ["activation", "width", "seed"]
    plain = rows[rows.metric == "none"].set_index(keys).rate
    reference = plain.reindex(pd.MultiIndex.from_frame(rows[keys])).to_numpy()
    return rows.assign(share=rows.rate / reference)[rows.metric != "none"]


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
    """Sharpness, and batch sharpness without masks and with them, under the random metric near the edge; medians.

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
    measured = rows[(rows.metric == "ram") & near_edge(rows) & rows.masked_sharpness.notna() & (rows.step > 0)]
    told = measured.groupby(list(keys))[list(names)].median().map("{:.3f}".format)
    told = told.reset_index().rename(columns=keys | names)
    return told.assign(q=told.q.map("{:g}".format))
