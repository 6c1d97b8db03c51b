"""Networks at their largest stable learning rate: the rate, and the sharpness along training near it.

Stability, and the metrics that are compared: `dropatlas.phases.stability`. All metrics of one width share networks and
data; the masks of a cell are the same in every trial and in the run at the edge.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dropatlas.phases.curvature import BatchSharpness, batch_sharpness, hessian_product, sharpness
from dropatlas.phases.dynamics import Rule, draw_mask, outputs, risk
from dropatlas.phases.losses import LOSSES
from dropatlas.phases.neurons import activation
from dropatlas.phases.settings import StableRates
from dropatlas.phases.stability import bisect_rates, train
from dropatlas.phases.teacher_student import draw_problem, draw_student
from dropatlas.randomness import generator

LOWER_SHARE = 0.25
"""A second share of the largest stable rate, at which networks with a random metric are trained besides: far from the
edge the mean rate must not come to 2/λ, or its being there at the edge tells nothing."""


class Networks(NamedTuple):
    """All seeds of one width: starts (S, n, 1 + d), inputs (S, N, d), targets (S, N)."""

    starts: Tensor
    inputs: Tensor
    targets: Tensor


def draw_networks(settings: StableRates, width: int, seed: int) -> Networks:
    """Starts and data of all seeds of one width."""
    data = settings.data
    problems = [draw_problem(seed, i, data.dimension, data.samples, 1, data.teachers) for i in range(settings.seeds)]
    starts = [draw_student(seed, i, width, data.dimension) for i in range(settings.seeds)]
    return Networks(
        torch.stack(starts), torch.stack([p.inputs for p in problems]), torch.stack([p.targets for p in problems])
    )


def mask_stream(seed: int, width: int, metric: str, keep_rate: float) -> np.random.Generator:
    """The masks of one cell: the same in every trial of the bisection and in the run at the edge."""
    return generator(seed, "stable rates", "masks", width, metric, keep_rate)


class StableEdge(NamedTuple):
    """Of every seed of a cell, shape (S,).

    Attributes:
        stable: Largest mean rate found stable; 0 if even the smallest tried was not.
        unstable: Smallest rate found unstable; inf if even the largest tried was stable.
        sharpness: Largest eigenvalue of the Hessian at the start, in the mean-field metric.
    """

    stable: Tensor
    unstable: Tensor
    sharpness: list[float]


def stable_edge(settings: StableRates, seed: int, width: int, kind: str, metric: str, keep_rate: float) -> StableEdge:
    """Bracket the largest stable rates of one cell by bisection.

    Args:
        settings: Data, bracket, trials.
        seed: Root seed.
        width: Neurons n.
        kind: Name of the activation.
        metric: One of `stability.METRICS`.
        keep_rate: q.
    """
    networks = draw_networks(settings, width, seed)

    def stable(rates: Tensor) -> Tensor:
        masks = mask_stream(seed, width, metric, keep_rate)
        shared = (*networks, rates, settings.steps, settings.learned, masks)
        return train(kind, "squared", metric, keep_rate, *shared)[1]

    halvings = math.ceil(-math.log2(keep_rate)) if metric == "common" else 0
    bracket = (settings.lowest, settings.highest, settings.seeds, settings.rounds, halvings)
    low, high = bisect_rates(stable, *bracket)
    tops = []
    for start, shown, wanted in zip(*networks, strict=True):
        product_with = hessian_product(activation(kind), LOSSES["squared"], start, shown, wanted)
        tops.append(sharpness(product_with, torch.ones_like(start))[0])
    return StableEdge(low.double(), high.double(), tops)


class EdgeState(NamedTuple):
    """One network at one step of a run at the edge.

    Attributes:
        seed: Number of the seed.
        step: Training steps done.
        risk_ratio: Risk over initial risk.
        sharpness: λ, in the mean-field metric; NaN once the network blew up.
        kept: Mean multiplier of a kept neuron in the steps so far and the next; 1/q if masks are what they should be.
        batch: Batch sharpness over minibatches; None where it is not measured.
        masked: The same over minibatches and masks of the gradient; None without masks.
    """

    seed: int
    step: int
    risk_ratio: float
    sharpness: float
    kept: float
    batch: BatchSharpness | None
    masked: BatchSharpness | None


def edge_run(
    settings: StableRates,
    seed: int,
    width: int,
    kind: str,
    metric: str,
    keep_rate: float,
    rates: Tensor,
    batches: bool = True,
) -> tuple[list[EdgeState], Tensor]:
    """Train all seeds of one cell at their rates and measure along the way.

    Args:
        settings: Data, steps, minibatches.
        seed: Root seed.
        width: Neurons n.
        kind: Name of the activation.
        metric: One of `stability.METRICS`.
        keep_rate: q.
        rates: Rate of every seed, shape (S,); NaN: unknown.
        batches: Measure the batch sharpness, too, in the middle and at the end.

    Returns:
        Every seed at every measured step, once all networks blew up nothing more; and whether every run was stable as a
        trial is, shape (S,).
    """
    networks = draw_networks(settings, width, seed)
    starts, inputs, targets = networks
    sigma, loss, rule = activation(kind), LOSSES["squared"], Rule(1.0, kind)
    marks = settings.measured_steps()
    with_batches = {marks[len(marks) // 2], marks[-1]} if batches else set()
    initial = risk(rule, outputs(rule, starts, inputs), targets)
    directions = list(torch.ones_like(starts))
    stream = generator(seed, "edge sharpness", "draws", width, kind, metric, keep_rate)
    found: list[EdgeState] = []
    sums = torch.zeros(2, settings.seeds)  # of multipliers, and of kept neurons

    def observe(number: int, state: Tensor, mask: Tensor) -> None:
        sums.add_(torch.stack([mask.sum(-1), (mask > 0).sum(-1)]))
        if number not in marks:
            return
        ratios = risk(rule, outputs(rule, state, inputs), targets) / initial
        for index, (particles, shown, wanted) in enumerate(zip(state, inputs, targets, strict=True)):
            problem = (sigma, loss, particles, shown, wanted)
            top, vector = sharpness(hessian_product(*problem), directions[index])
            if np.isfinite(top):
                directions[index] = vector
            batch = masked = None
            if number in with_batches:
                drawn, masks = _minibatches(settings, keep_rate, width, stream)
                batch = batch_sharpness(*problem, drawn)
                masked = batch_sharpness(*problem, drawn, masks) if metric == "ram" else None
            kept = (sums[0, index] / sums[1, index]).item()
            found.append(EdgeState(index, number, ratios[index].item(), top, kept, batch, masked))

    masks = mask_stream(seed, width, metric, keep_rate)
    shared = (*networks, rates, settings.steps, settings.learned, masks)
    return found, train(kind, "squared", metric, keep_rate, *shared, observe)[1]


def _minibatches(
    settings: StableRates, keep_rate: float, width: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Minibatches (draws, b) without replacement, and masks (draws, n)."""
    order = np.argsort(rng.random((settings.draws, settings.data.samples)), axis=1)
    size = min(settings.batch_size, settings.data.samples)
    return torch.from_numpy(order[:, :size].copy()), draw_mask(rng, (settings.draws, width), keep_rate)
