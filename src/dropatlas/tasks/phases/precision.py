"""Floating-point precision: is the critical phase, with its learning rates of order 1/n, numerically fragile?

The paper's summary fears so. Prediction (ours): no. In the critical phase tau is of order 1/n, but a neuron that moves
moves by alpha = tau/q, which does not depend on n; few updates are lost to rounding, and errors do not grow with n.
Gradient flow at the same tau moves every neuron by O(1/n) a step and loses its updates as soon as these fall below the
spacing of floating-point numbers. It would be refuted by errors of the critical phase that grow with n.

Data: a small tanh teacher in the plane; start, data and masks are the same in every precision
(`dropatlas.meanfield.precision`).
"""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dropatlas.meanfield.neurons import activation, features
from dropatlas.meanfield.particles import initial_particles, plane_problem, sample_masks, step_count
from dropatlas.meanfield.precision import PRECISIONS, REGIMES, padded, representable, train
from dropatlas.meanfield.settings import FloatingPoint
from dropatlas.randomness import generator
from dropatlas.tasks.phases.parts import identity, run_parts
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.precision"

MEANINGS = {
    "regime": "critical (alpha, beta > 0), penalised (smaller alpha), gradient_flow (all neurons, tau of critical)",
    "precision": "type of weights and arithmetic; 'bfloat16, float32 weights': only the arithmetic is bfloat16",
    "width": "neurons n",
    "seed": "number of the seed; shared by all precisions",
    "time": "k tau",
    "step": "steps k",
    "learning_rate": "tau",
    "keep_rate": "q",
    "error": "RMS distance of the neurons to the float64 run",
    "relative_error": "error over the RMS distance of the float64 run from the start",
    "lost_share": "share of the updates of active neurons' parameters so far that changed nothing",
    "risk": "training risk without masks, evaluated in float64",
    "risk_error": "risk over that of the float64 run, minus 1",
}


def _problems(settings: FloatingPoint, seed: int) -> tuple[Tensor, Tensor]:
    drawn = [plane_problem(generator(seed, "precision", "problem", i), settings.samples) for i in range(settings.seeds)]
    inputs, targets = (np.stack([getattr(problem, name) for problem in drawn]) for name in ("inputs", "targets"))
    return representable(torch.from_numpy(inputs)), representable(torch.from_numpy(targets))


def tabulate(settings: FloatingPoint, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network, precision and measured time; finished cells are kept in `checkpoints`."""
    sigma = activation("tanh")
    inputs, targets = _problems(settings, seed)
    run = identity(MODULE, settings.model_dump_json(), seed) if checkpoints else ""

    def risk(particles: Tensor) -> np.ndarray:
        return ((features(sigma, particles, inputs).mean(-2) - targets).square().mean(-1) / 2).numpy()

    def work(cell: tuple[int, str]) -> pd.DataFrame:
        width, regime = cell
        alpha = settings.alpha * (settings.penalised_share if regime == "penalised" else 1.0)
        keep = min(1.0, 1 / (settings.beta * width))
        rate = alpha * keep
        count = step_count(settings.time, rate)
        marks = sorted({max(1, count * part // settings.measurements) for part in range(1, settings.measurements + 1)})
        starts = [
            initial_particles(generator(seed, "precision", "start", width, i), width) for i in range(settings.seeds)
        ]
        start = representable(torch.from_numpy(np.stack(starts)))
        kept = None
        if regime == "gradient_flow":
            keep = 1.0
        else:
            streams = [generator(seed, "precision", "masks", regime, width, i) for i in range(settings.seeds)]
            kept = padded([sample_masks(stream, width, keep, count) for stream in streams], width)
        parts, exact = [], None
        for name, precision in PRECISIONS.items():
            found = train(sigma, precision, start, inputs, targets, rate, keep, kept, marks)
            exact = exact or found  # float64 comes first
            for number, mark in enumerate(marks):
                shift = (found.particles[number] - exact.particles[number]).square().sum(-1).mean(-1).sqrt()
                moved = (exact.particles[number] - start).square().sum(-1).mean(-1).sqrt()
                risks = risk(found.particles[number])
                part = {"error": shift.numpy(), "relative_error": (shift / moved).numpy(), "risk": risks}
                part |= {"lost_share": found.lost[number].double().numpy()}
                part |= {"risk_error": risks / risk(exact.particles[number]) - 1, "seed": range(settings.seeds)}
                parts.append(pd.DataFrame(part).assign(precision=name, step=mark, time=mark * rate))
        rows = pd.concat(parts, ignore_index=True)
        return rows.assign(width=width, regime=regime, learning_rate=rate, keep_rate=keep)

    cells = list(product(sorted(settings.widths, reverse=True), REGIMES))
    rows = run_parts(cells, work, lambda cell: "-".join(map(str, (*cell, run))), "precision", checkpoints)
    return rows[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task(MODULE, FloatingPoint, MEANINGS, tabulate)
