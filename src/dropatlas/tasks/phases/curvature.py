"""Curvature along training: is the Gauss-Newton part B much larger than the curvature |C| of single neurons?

Paper: a random metric with multipliers of variance Var(m) changes the mean of the next risk by Var(m)·C only (and not
by Var(m)·B), so where B >> |C|, as the authors see in their runs, single neurons may step far beyond 2/sharpness.
Prediction: B/|C| is large at every measured step, for every activation, loss, width and depth. It would be refuted by
ratios near or below one. Ours: at finite width Var(m)·S/n adds to the cost (`dropatlas.meanfield.curvature`), so
B/|C + S/n| is measured beside it; for deeper networks the full form minus the curvature of single neurons takes the
place of B (`dropatlas.meanfield.deep_networks`), which is the same number for two layers.
"""

from itertools import pairwise, product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dropatlas.meanfield import deep_networks
from dropatlas.meanfield.curvature import along_gradient, hessian_product, sharpness
from dropatlas.meanfield.dynamics import Multipliers, Rule, draw_mask, step
from dropatlas.meanfield.losses import LOSSES
from dropatlas.meanfield.neurons import activation
from dropatlas.meanfield.settings import Curvature, TeacherData
from dropatlas.meanfield.teacher_student import draw_problem, draw_student
from dropatlas.randomness import generator
from dropatlas.tasks.phases.parts import identity, run_parts
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.curvature"

MEANINGS = {
    "activation": "sigma",
    "loss": "squared, or logistic on the sign of the teacher",
    "variant": "none (gradient descent) or ram (random metric) in training; the terms are those of the full gradient",
    "depth": "hidden layers L; 1: the two-layer network of the paper",
    "width": "neurons per layer n",
    "seed": "number of the seed: its own teacher, data, start and masks",
    "step": "training steps done",
    "risk": "training risk R without masks",
    "risk_ratio": "R over R at step 0",
    "gradient": "G: mean squared mean-field gradient of a neuron (depth 1; else missing)",
    "gauss_newton": "B: Gauss-Newton part of the second derivative along the gradient",
    "whole": "second derivative along the gradient; depth 1: B + C",
    "curved": "C: sum over neurons of the curvature of their own block, without its Gauss-Newton part",
    "blocks": "block-diagonal form, with it; depth 1: C + S/n",
    "ratio": "|whole - curved|/|curved|; depth 1: B/|C|",
    "finite_ratio": "|whole - blocks|/|blocks|; depth 1: |B - S/n|/|C + S/n|",
    "sharpness": "largest eigenvalue of the Hessian in the mean-field metric (depth 1; else missing)",
    "diverged": "whether the risk is not finite",
}


class Cell(NamedTuple):
    """One network kind and how it is trained."""

    depth: int
    width: int
    activation: str
    loss: str
    variant: str


def measured_steps(last: int, count: int) -> list[int]:
    """Step 0 and about `count` steps up to `last`, evenly spaced in the logarithm."""
    return sorted({0, last, *(round(value) for value in np.geomspace(1, last, count))})


def _data(seed: int, index: int, data: TeacherData, loss: str) -> tuple[Tensor, Tensor]:
    problem = draw_problem(seed, index, data.dimension, data.samples, 1, data.teachers)
    return problem.inputs, problem.targets if loss == "squared" else problem.targets.sign()


def _two_layers(cell: Cell, settings: Curvature, steps: list[int], seed: int, index: int) -> list[dict]:
    sigma, loss = activation(cell.activation), LOSSES[cell.loss]
    inputs, targets = _data(seed, index, settings.data, cell.loss)
    particles = draw_student(seed, index, cell.width, settings.data.dimension)
    rule = Rule(settings.learning_rate, cell.activation, cell.loss)
    masks = generator(seed, "curvature", "masks", cell.width, index)
    direction = torch.from_numpy(masks.standard_normal(particles.shape, dtype=np.float32))
    rows = []
    for before, mark in pairwise([0, *steps]):
        for _ in range(mark - before):
            mask = draw_mask(masks, (cell.width,), settings.keep_rate)
            multipliers = Multipliers(None, mask if cell.variant == "ram" else None)
            particles = step(rule, particles, inputs, targets, multipliers).particles
        # C is a difference of large terms late in training: float64
        exact = particles.double(), inputs.double(), targets.double()
        terms = along_gradient(sigma, loss, *exact)
        top, direction = sharpness(hessian_product(sigma, loss, particles, inputs, targets), direction)
        curved, own = terms.curved.item(), terms.self_interaction.item() / cell.width
        rows.append(
            {
                "step": mark,
                "risk": terms.risk.item(),
                "gradient": terms.gradient.item(),
                "gauss_newton": terms.gauss_newton.item(),
                "whole": terms.gauss_newton.item() + curved,
                "curved": curved,
                "blocks": curved + own,
                "sharpness": top,
            }
        )
    return rows


def _deep(cell: Cell, settings: Curvature, steps: list[int], seed: int, index: int) -> list[dict]:
    sigma, loss = activation(cell.activation), LOSSES[cell.loss]
    inputs, targets = _data(seed, index, settings.deep.data, cell.loss)
    start = generator(seed, "curvature", "deep start", cell.depth, cell.width, index)
    size = settings.deep.data.dimension
    weights = [weight[0] for weight in deep_networks.initial_weights(start, 1, cell.depth, cell.width, size)]
    masks = generator(seed, "curvature", "deep masks", cell.depth, cell.width, index)
    rows = []
    for before, mark in pairwise([0, *steps]):
        for _ in range(mark - before):
            metric = [draw_mask(masks, (cell.width,), settings.keep_rate) for _ in range(cell.depth)]
            metric = metric if cell.variant == "ram" else None
            weights = deep_networks.step(sigma, loss, weights, inputs, targets, settings.learning_rate, None, metric)
        exact = [weight.double() for weight in weights], inputs.double(), targets.double()
        forms = deep_networks.quadratic_forms(sigma, loss, *exact)
        outputs = deep_networks.forward(sigma, *exact[:2]).outputs
        found = {name: value.item() for name, value in forms._asdict().items()}
        rows.append({"step": mark, "risk": loss.value(outputs, exact[2]).mean().item(), **found})
    return rows


def tabulate(settings: Curvature, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network and measured step; finished cells are kept in `checkpoints`."""
    variants, deep = ("none", "ram"), settings.deep
    cells = [Cell(1, *rest) for rest in product(settings.widths, settings.activations, settings.losses, variants)]
    cells += [
        Cell(depth, deep.width, *rest, "squared", v)
        for depth in deep.depths
        for *rest, v in product(deep.activations, variants)
    ]
    run = identity(MODULE, settings.model_dump_json(), seed) if checkpoints else ""

    def work(cell: Cell) -> pd.DataFrame:
        measure, last = (_two_layers, settings.steps) if cell.depth == 1 else (_deep, deep.steps)
        steps = measured_steps(last, settings.measurements)
        parts = [pd.DataFrame(measure(cell, settings, steps, seed, i)).assign(seed=i) for i in range(settings.seeds)]
        return pd.concat(parts, ignore_index=True).assign(**cell._asdict())

    cells.sort(key=lambda cell: -cell.width * cell.depth)
    rows = run_parts(cells, work, lambda cell: "-".join(map(str, (*cell, run))), "curvature", checkpoints)
    rows = rows.reindex(columns=list(MEANINGS))
    start = rows[rows.step == 0].set_index([*Cell._fields, "seed"]).risk
    rows["risk_ratio"] = rows.risk / start.reindex(pd.MultiIndex.from_frame(rows[[*Cell._fields, "seed"]])).to_numpy()
    rows["ratio"] = ((rows.whole - rows.curved) / rows.curved).abs()
    rows["finite_ratio"] = ((rows.whole - rows.blocks) / rows.blocks).abs()
    rows["diverged"] = ~np.isfinite(rows.risk.astype(float))
    return rows.astype({"step": np.int64, "seed": np.int64})


if __name__ == "__main__":
    run_table_task(MODULE, Curvature, MEANINGS, tabulate)
