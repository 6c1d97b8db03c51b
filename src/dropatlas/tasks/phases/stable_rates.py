"""The largest stable mean rate of a random metric, and how long the steps of single neurons are there.

Paper: RaM lets single neurons take steps beyond what the sharpness permits (2/lambda), as long as the mean rate is
within the bound. Prediction: the largest stable mean rate tau*(q) stays near tau*(1) of gradient descent while single
neurons step tau*/q, far beyond 2/lambda. It would be refuted by a tau*(q) that falls like q, so that single-neuron
steps stay near 2/lambda. In the control one mask serves all neurons of a network: there nothing averages.

Stability is defined in `dropatlas.meanfield.stability`.
"""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dropatlas.meanfield.curvature import hessian_product, sharpness
from dropatlas.meanfield.losses import LOSSES
from dropatlas.meanfield.neurons import activation
from dropatlas.meanfield.settings import StableRates
from dropatlas.meanfield.stability import bisect_rates, train
from dropatlas.meanfield.teacher_student import draw_problem, draw_student
from dropatlas.randomness import generator
from dropatlas.tasks.phases.parts import identity, run_parts
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.stable_rates"

MEANINGS = {
    "activation": "sigma",
    "width": "neurons n",
    "metric": "none, ram (a mask per neuron), common (one mask for all neurons: a random learning rate)",
    "keep_rate": "q; 1 for none",
    "seed": "number of the seed: its own teacher, data, start and masks; shared by all metrics",
    "rate": "largest mean (master) rate found stable; 0 if even the smallest tried was not",
    "unstable_rate": "smallest rate found unstable; inf if even the largest tried was stable",
    "neuron_step": "rate/q: step of a neuron that is kept",
    "initial_sharpness": "largest eigenvalue of the Hessian at the start, in the mean-field metric",
    "steps": "training steps of a trial",
}


def networks(settings: StableRates, width: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Start, inputs and targets of all seeds of one width: shapes (S, n, 1 + d), (S, N, d), (S, N)."""
    data = settings.data
    problems = [draw_problem(seed, i, data.dimension, data.samples, 1, data.teachers) for i in range(settings.seeds)]
    starts = [draw_student(seed, i, width, data.dimension) for i in range(settings.seeds)]
    return torch.stack(starts), torch.stack([p.inputs for p in problems]), torch.stack([p.targets for p in problems])


def mask_stream(seed: int, width: int, metric: str, keep_rate: float) -> np.random.Generator:
    """The masks of one cell: the same in every trial of the bisection and in the run at the edge."""
    return generator(seed, "stable rates", "masks", width, metric, keep_rate)


def metrics(settings: StableRates) -> list[tuple[str, float]]:
    """Metrics with their keep rates."""
    return [("none", 1.0), *product(("ram", "common"), settings.keep_rates)]


def tabulate(settings: StableRates, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network and metric; finished cells are kept in `checkpoints`."""
    cells = [
        (width, kind, metric, keep)
        for width, kind, (metric, keep) in product(settings.widths, settings.activations, metrics(settings))
    ]
    run = identity(MODULE, settings.model_dump_json(), seed) if checkpoints else ""

    def work(cell: tuple[int, str, str, float]) -> pd.DataFrame:
        width, kind, metric, keep = cell
        starts, inputs, targets = networks(settings, width, seed)

        def stable(rates: Tensor) -> Tensor:
            masks = mask_stream(seed, width, metric, keep)
            shared = (kind, "squared", metric, keep, starts, inputs, targets)
            return train(*shared, rates, settings.steps, masks)[1]

        low, high = bisect_rates(stable, settings.lowest, settings.highest, settings.seeds, settings.rounds)
        tops = []
        for start, shown, wanted in zip(starts, inputs, targets, strict=True):
            product_with = hessian_product(activation(kind), LOSSES["squared"], start, shown, wanted)
            tops.append(sharpness(product_with, torch.ones_like(start))[0])
        found = {"seed": range(settings.seeds), "rate": low.double(), "unstable_rate": high.double()}
        rows = pd.DataFrame({**found, "initial_sharpness": tops})
        named = rows.assign(width=width, activation=kind, metric=metric, keep_rate=keep, steps=settings.steps)
        return named.assign(neuron_step=named.rate / keep)

    cells.sort(key=lambda cell: -cell[0])
    rows = run_parts(cells, work, lambda cell: "-".join(map(str, (*cell, run))), "stable rates", checkpoints)
    return rows[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task(MODULE, StableRates, MEANINGS, tabulate)
