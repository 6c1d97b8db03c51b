"""Sharpness along training near the largest stable rate: how far do the steps of single neurons exceed 2/lambda there?

Every network of `phases/stable_rates` is trained at a fixed share of its own largest stable rate tau*. Prediction
(paper): under RaM the sharpness settles where the mean rate is near its bound, tau*lambda/2 about 1, while the step
of a neuron that moves, 1/q times as long, is far above 1. It would be refuted by a sharpness that falls with q until
the steps of single neurons are within their bound, as they must be in the control, where one mask serves all neurons.

Networks with a random metric are trained at a quarter of tau*, too: where tau*lambda/2 is about 1 there as well, the
sharpness follows the rate wherever it is, and its value near tau* does not tell what ends stability.

The batch sharpness E[gHg/|g|^2] is taken over minibatches, and over minibatches and masks of the gradient: masks break
up the alignment of the gradient with the sharp direction, which is how the random metric escapes.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dropatlas.phases.edge_of_stability import LOWER_SHARE, EdgeState, edge_run
from dropatlas.phases.settings import StableRates
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.edge_sharpness"
RATES = "phases/stable_rates"

MEANINGS = {
    "activation": "sigma",
    "width": "neurons n",
    "metric": "none, ram (a mask per neuron), common (one mask for all neurons)",
    "keep_rate": "q; 1 for none",
    "seed": "number of the seed, as in phases/stable_rates",
    "share": "rate over the largest stable rate tau* of the network; the smaller one with ram only",
    "rate": "mean rate tau",
    "stable": "whether this run was stable, as a trial of phases/stable_rates is",
    "step": "training steps done",
    "risk_ratio": "risk over initial risk",
    "sharpness": "lambda: largest eigenvalue of the Hessian in the mean-field metric",
    "mean_step": "tau lambda/2: mean rate in units of 2/lambda",
    "kept": "mean multiplier of a kept neuron so far: 1/q",
    "neuron_step": "the same times kept: step of a kept neuron in units of 2/lambda",
    "batch_sharpness": "E[gHg/|g|^2] over minibatches (middle and last measurement of the larger share)",
    "batch_sharpness_error": "its standard error",
    "masked_sharpness": "the same over minibatches and masks on the gradient (ram only)",
    "masked_sharpness_error": "its standard error",
}


def _row(state: EdgeState) -> dict[str, float]:
    row = {name: getattr(state, name) for name in ("seed", "step", "risk_ratio", "sharpness", "kept")}
    for name, found in (("batch_sharpness", state.batch), ("masked_sharpness", state.masked)):
        if found is not None:
            row |= {name: found.mean, f"{name}_error": found.standard_error}
    return row


def tabulate(
    settings: StableRates, seed: int, tables: dict[str, pd.DataFrame], checkpoints: Path | None = None
) -> pd.DataFrame:
    """One row per network, metric and measured step; finished cells are kept in `checkpoints`.

    Networks without a stable rate, or whose largest tried rate was stable (no edge known), have rate NaN.
    """
    found = tables[RATES]
    edges = found.rate.where((found.rate > 0) & np.isfinite(found.unstable_rate))
    keys = ["width", "activation", "metric", "keep_rate"]
    by_cell = {cell: rows.sort_values("seed").edge.to_numpy() for cell, rows in found.assign(edge=edges).groupby(keys)}

    def work(width: int, activation: str, metric: str, keep_rate: float, share: float) -> pd.DataFrame:
        cell = (width, activation, metric, keep_rate)
        rates = share * by_cell[cell]
        states, stable = edge_run(settings, seed, *cell, torch.from_numpy(rates).float(), share != LOWER_SHARE)
        rows = pd.DataFrame(map(_row, states))
        found = {"share": share, "rate": rates[rows.seed], "stable": stable.numpy()[rows.seed]}
        return rows.assign(**dict(zip(keys, cell, strict=True)), **found)

    runs = [(*cell, settings.edge_fraction) for cell in settings.cells()]
    runs += [(*cell, LOWER_SHARE) for cell in settings.cells() if cell[2] == "ram"]
    rows = run_parts(runs, work, "edge sharpness", checkpoints, MODULE, settings, seed, edges.tolist())
    rows["mean_step"] = rows.rate * rows.sharpness / 2
    rows["neuron_step"] = rows.mean_step * rows.kept
    return rows.reindex(columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task(MODULE, StableRates, MEANINGS, tabulate)
