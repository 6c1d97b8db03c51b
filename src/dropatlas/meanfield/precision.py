"""Two-layer dropout in low floating-point precision, beside the same run in float64.

The regimes differ in which neurons move at a step and how far:

    critical        τ = αq, q = 1/(βn): about 1/β neurons a step, each by α (phase IV; τ is of order 1/n)
    penalised       the same with α smaller: many small steps of few neurons (towards phase II)
    gradient_flow   q = 1 with the τ of the critical run: all neurons, each by τ of order 1/n

Rounding has two ways in: an update below half the spacing of floating-point numbers at x is lost; and errors of
rounding are carried on by the dynamics. The first depends on α or τ, whichever is the length of a neuron's step.

All precisions share masks, data and initial values (which are representable in every one of them), so that all
differences are arithmetic. Products of low-precision matrices are accumulated in float32, as on a GPU.

Source: arXiv 2510.07554, phase IV; the question of precision is its summary's.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dropatlas.meanfield.neurons import Activation, features, pullback
from dropatlas.meanfield.particles import Masks

REGIMES = ("critical", "penalised", "gradient_flow")


class Precision(NamedTuple):
    """Types of the stored particles and of everything computed from them."""

    stored: torch.dtype
    computed: torch.dtype


PRECISIONS = {
    "float64": Precision(torch.float64, torch.float64),
    "float32": Precision(torch.float32, torch.float32),
    "float16": Precision(torch.float16, torch.float16),
    "bfloat16": Precision(torch.bfloat16, torch.bfloat16),
    "bfloat16, float32 weights": Precision(torch.float32, torch.bfloat16),
}
"""Precisions by name; the last keeps float32 master weights, as mixed-precision training does."""


class Run(NamedTuple):
    """Particles at the measured steps, and what rounding took.

    Attributes:
        particles: Float64, shape (measurements, S, n, 1 + d).
        lost: Share of updates of active neurons so far that left an entry as it was, shape (measurements, S).
    """

    particles: Tensor
    lost: Tensor


def representable(values: Tensor) -> Tensor:
    """Values rounded so that float16 and bfloat16 (hence all precisions) hold them exactly."""
    return values.bfloat16().half().bfloat16().to(values.dtype)


def padded(masks: Sequence[Masks], width: int) -> np.ndarray:
    """Kept neurons of several networks as one array: (steps, S, most kept); free places hold `width`.

    Args:
        masks: Masks of every network, of equal length.
        width: Neurons n.
    """
    counts = np.stack([np.diff(mask.starts) for mask in masks])
    table = np.full((counts.shape[1], len(masks), max(1, counts.max())), width)
    for network, mask in enumerate(masks):
        step = np.repeat(np.arange(mask.steps), counts[network])
        place = np.arange(len(mask.neurons)) - mask.starts[step]
        table[step, network, place] = mask.neurons
    return table


def train(
    sigma: Activation,
    precision: Precision,
    particles: Tensor,
    inputs: Tensor,
    targets: Tensor,
    rate: float,
    keep_rate: float,
    kept: np.ndarray | None,
    steps: Sequence[int],
) -> Run:
    """Gradient descent with dropout (squared loss) in the given precision.

    Args:
        sigma: The activation.
        precision: Types.
        particles: Initial particles, shape (S, n, 1 + d).
        inputs: Shape (S, N, d).
        targets: Shape (S, N).
        rate: Master rate τ.
        keep_rate: q; an active neuron moves by τ/q.
        kept: Active neurons of every step from `padded`, shape (steps, S, most); None: all neurons, q = 1.
        steps: Steps to measure at, rising.
    """
    networks, width, size = particles.shape
    # one more row, that free places of `kept` point to: its neuron is zero, and its updates are not applied
    state = torch.cat([particles, particles.new_zeros(networks, 1, size)], dim=1).to(precision.stored)
    shown, wanted = inputs.to(precision.computed), targets.to(precision.computed)
    length = rate / keep_rate
    who = None if kept is None else torch.from_numpy(kept)
    updates, lost = torch.zeros(networks), torch.zeros(networks)
    found, shares = [], []
    for number in range(steps[-1]):
        if who is None:
            active, real = state[:, :width], None
            outputs = features(sigma, active.to(precision.computed), shown).mean(-2)
        else:
            index = who[number][..., None].expand(-1, -1, size)
            active, real = state.gather(1, index), who[number] < width
            outputs = features(sigma, active.to(precision.computed), shown).sum(-2) / (width * keep_rate)
        gradient = pullback(sigma, active.to(precision.computed), shown, (outputs - wanted) / shown.shape[-2])
        change = length * gradient.to(precision.stored)
        moved = active - change
        unmoved = (moved == active).float().mean(-1)
        if who is None:
            state = torch.cat([moved, state[:, width:]], dim=1)
            updates, lost = updates + width, lost + unmoved.sum(-1)
        else:
            state.scatter_(1, index, torch.where(real[..., None], moved, active))
            updates, lost = updates + real.sum(-1), lost + (unmoved * real).sum(-1)
        if number + 1 in steps:
            found.append(state[:, :width].to(torch.float64, copy=True))  # the state goes on changing in place
            shares.append(lost / updates.clamp(min=1))
    return Run(torch.stack(found), torch.stack(shares))
