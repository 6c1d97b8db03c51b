"""Sharpness along training near the largest stable rate: how far do the steps of single neurons exceed 2/lambda there?

Every network of `phases/stable_rates`, but those of the control, is trained at a fixed share of its own largest
stable rate. Prediction (paper): under RaM the sharpness settles where the mean rate is near its bound, tau*lambda/2
about 1, while tau*lambda/(2q) of the neurons that move is far above 1. It would be refuted by a sharpness that falls
with q until the steps of single neurons are within their bound.

The batch sharpness E[gHg/|g|^2] is taken over minibatches, and over minibatches and masks of the gradient: masks break
up the alignment of the gradient with the sharp direction, which is how the random metric escapes.
"""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dropatlas.meanfield.curvature import batch_sharpness, hessian_product, sharpness
from dropatlas.meanfield.dynamics import Rule, draw_mask, outputs, risk
from dropatlas.meanfield.losses import LOSSES
from dropatlas.meanfield.neurons import activation
from dropatlas.meanfield.settings import StableRates
from dropatlas.meanfield.stability import train
from dropatlas.randomness import generator
from dropatlas.tasks.phases.parts import identity, run_parts
from dropatlas.tasks.phases.stable_rates import mask_stream, metrics, networks
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.edge_sharpness"
RATES = "phases/stable_rates"

MEANINGS = {
    "activation": "sigma",
    "width": "neurons n",
    "metric": "none, or ram (a mask per neuron)",
    "keep_rate": "q; 1 for none",
    "seed": "number of the seed, as in phases/stable_rates",
    "rate": "mean rate tau: a fixed share of the largest stable rate",
    "step": "training steps done",
    "risk_ratio": "risk over initial risk",
    "sharpness": "lambda: largest eigenvalue of the Hessian in the mean-field metric",
    "mean_step": "tau lambda/2: mean rate in units of 2/lambda",
    "neuron_step": "tau lambda/(2q): step of a kept neuron in units of 2/lambda",
    "batch_sharpness": "E[gHg/|g|^2] over minibatches (middle and last measurement)",
    "batch_sharpness_error": "its standard error",
    "masked_sharpness": "the same over minibatches and masks on the gradient (ram only)",
    "masked_sharpness_error": "its standard error",
}


def _draws(settings: StableRates, keep_rate: float, width: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Minibatches (draws, b) without replacement, and masks (draws, n)."""
    order = np.argsort(rng.random((settings.draws, settings.data.samples)), axis=1)
    size = min(settings.batch_size, settings.data.samples)
    return torch.from_numpy(order[:, :size].copy()), draw_mask(rng, (settings.draws, width), keep_rate)


def _edge_run(
    settings: StableRates, seed: int, width: int, kind: str, metric: str, keep: float, rates: Tensor
) -> pd.DataFrame:
    """Train all seeds of one cell at their rates and measure along the way."""
    starts, inputs, targets = networks(settings, width, seed)
    sigma, loss, rule = activation(kind), LOSSES["squared"], Rule(1.0, kind)
    marks = sorted({round(step) for step in np.linspace(0, settings.steps, settings.measurements + 1)})
    with_batches = {marks[len(marks) // 2], marks[-1]}
    initial = risk(rule, outputs(rule, starts, inputs), targets)
    directions = list(torch.ones_like(starts))
    stream = generator(seed, "edge sharpness", "draws", width, kind, metric, keep)
    rows = []

    def observe(number: int, state: Tensor) -> None:
        if number not in marks:
            return
        ratios = risk(rule, outputs(rule, state, inputs), targets) / initial
        for index, (particles, shown, wanted) in enumerate(zip(state, inputs, targets, strict=True)):
            problem = (sigma, loss, particles, shown, wanted)
            top, vector = sharpness(hessian_product(*problem), directions[index])
            if np.isfinite(top):
                directions[index] = vector
            row = {"seed": index, "step": number, "risk_ratio": ratios[index].item(), "sharpness": top}
            if number in with_batches:
                batches, masks = _draws(settings, keep, width, stream)
                plain = batch_sharpness(*problem, batches)
                row |= {"batch_sharpness": plain.mean, "batch_sharpness_error": plain.standard_error}
                if metric == "ram":
                    masked = batch_sharpness(*problem, batches, masks)
                    row |= {"masked_sharpness": masked.mean, "masked_sharpness_error": masked.standard_error}
            rows.append(row)

    masks = mask_stream(seed, width, metric, keep)
    train(kind, "squared", metric, keep, starts, inputs, targets, rates, settings.steps, masks, observe)
    return pd.DataFrame(rows)


def tabulate(
    settings: StableRates, seed: int, tables: dict[str, pd.DataFrame], checkpoints: Path | None = None
) -> pd.DataFrame:
    """One row per network, metric (but the control) and measured step; finished cells are kept in `checkpoints`.

    Networks without a stable rate, or whose largest tried rate was stable (no edge known), have rate NaN.
    """
    found = tables[RATES]
    edges = found.rate.where((found.rate > 0) & np.isfinite(found.unstable_rate)) * settings.edge_fraction
    keys = ["width", "activation", "metric", "keep_rate"]
    by_cell = {cell: rows.sort_values("seed").edge.to_numpy() for cell, rows in found.assign(edge=edges).groupby(keys)}
    cells = [
        (width, kind, metric, keep)
        for width, kind, (metric, keep) in product(settings.widths, settings.activations, metrics(settings))
        if metric != "common"
    ]
    run = identity(MODULE, settings.model_dump_json(), seed, edges.tolist()) if checkpoints else ""

    def work(cell: tuple[int, str, str, float]) -> pd.DataFrame:
        rates = torch.from_numpy(by_cell[cell].copy()).float()
        rows = _edge_run(settings, seed, *cell, rates)
        return rows.assign(**dict(zip(keys, cell, strict=True)), rate=by_cell[cell][rows.seed])

    cells.sort(key=lambda cell: -cell[0])
    rows = run_parts(cells, work, lambda cell: "-".join(map(str, (*cell, run))), "edge sharpness", checkpoints)
    rows["mean_step"] = rows.rate * rows.sharpness / 2
    rows["neuron_step"] = rows.mean_step / rows.keep_rate
    return rows.reindex(columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task(MODULE, StableRates, MEANINGS, tabulate)
