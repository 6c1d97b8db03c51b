"""Deeper networks: does dropout stay close to the random metric, at a distance of n^(-1/2)?

The paper's theorems are on two layers; deeper networks are its open question 3. Prediction (ours): yes. Propagation
noise averages out in every layer as n^(-1/2), so that coupled dropout and RaM networks stay within O(n^(-1/2)) of
each other at a fixed number of steps, at every depth, while no dropout stays away by O(1). It would be refuted by an
exponent away from -1/2, or by a distance to no dropout that shrinks as fast.

Only networks whose layers keep their signals decide: with independent centred weights the signals of inner layers
vanish as n grows, nothing moves, and distances say nothing (`dropatlas.meanfield.deep_networks`); that initialisation
is shown beside.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dropatlas.meanfield.deep_networks import forward, initial_weights, rms_distance, step
from dropatlas.meanfield.dynamics import draw_mask
from dropatlas.meanfield.losses import LOSSES
from dropatlas.meanfield.neurons import activation
from dropatlas.meanfield.settings import Depth
from dropatlas.meanfield.teacher_student import draw_problem
from dropatlas.randomness import generator
from dropatlas.tasks.phases.parts import identity, run_parts
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.depth"
VARIANTS = ("none", "ram", "pn_ram", "dropout")

MEANINGS = {
    "initialisation": "correlated (signals survive at any width) or independent (they vanish as n grows)",
    "depth": "hidden layers L; 1: the two-layer network of the paper",
    "width": "neurons per layer n",
    "seed": "number of the seed: teacher and data of its own, the same for all widths and depths",
    "variant": "none, ram, pn_ram, dropout: coupled by start and masks",
    "step": "training steps done",
    "distance": "RMS distance of the weights to those of dropout",
    "movement": "RMS distance of the weights from their start",
    "risk": "training risk without masks",
    "risk_ratio": "risk over that of the best constant",
    "diverged": "whether the risk is not finite",
}


def tabulate(settings: Depth, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network, variant and measured step; finished cells are kept in `checkpoints`."""
    sigma, loss, data = activation(settings.activation), LOSSES["squared"], settings.data
    marks = sorted({round(mark) for mark in np.geomspace(1, settings.steps, settings.measurements)})
    run = identity(MODULE, settings.model_dump_json(), seed) if checkpoints else ""

    def train(cell: tuple[str, int, int], index: int) -> list[dict]:
        initialisation, depth, width = cell
        problem = draw_problem(seed, index, data.dimension, data.samples, 1, data.teachers)
        inputs, targets = problem.inputs, problem.targets
        constant = (targets - targets.mean()).square().mean().item() / 2
        first = generator(seed, "depth", "start", *cell, index)
        start = [weight[0] for weight in initial_weights(first, 1, depth, width, data.dimension, initialisation)]
        masks = generator(seed, "depth", "masks", *cell, index)
        networks = dict.fromkeys(VARIANTS, start)
        rows = []
        for before, mark in pairwise([0, *marks]):
            for _ in range(mark - before):
                drawn = draw_mask(masks, (2, depth, width), settings.keep_rate)
                mask, second = list(drawn[0]), list(drawn[1])
                pairs = {"none": (None, None), "ram": (None, mask), "pn_ram": (second, mask), "dropout": (mask, mask)}
                for name, (forth, metric) in pairs.items():
                    shared = (inputs, targets, settings.learning_rate)
                    networks[name] = step(sigma, loss, networks[name], *shared, forth, metric)
            for name, weights in networks.items():
                risk = loss.value(forward(sigma, weights, inputs).outputs, targets).mean().item()
                distance = rms_distance(weights, networks["dropout"]).item()
                row = {"variant": name, "step": mark, "distance": distance, "risk": risk, "risk_ratio": risk / constant}
                rows.append(row | {"movement": rms_distance(weights, start).item()})
        return rows

    def work(cell: tuple[str, int, int]) -> pd.DataFrame:
        parts = [pd.DataFrame(train(cell, index)).assign(seed=index) for index in range(settings.seeds)]
        named = dict(zip(("initialisation", "depth", "width"), cell, strict=True))
        return pd.concat(parts, ignore_index=True).assign(**named)

    depths = {"correlated": settings.depths, "independent": settings.independent_depths}
    cells = [(kind, depth, width) for kind in depths for depth in depths[kind] for width in settings.widths]
    cells.sort(key=lambda cell: -cell[1] * cell[2])
    with torch.inference_mode():
        rows = run_parts(cells, work, lambda cell: "-".join(map(str, (*cell, run))), "depth", checkpoints)
    rows["diverged"] = ~np.isfinite(rows.risk)
    return rows[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task(MODULE, Depth, MEANINGS, tabulate)
