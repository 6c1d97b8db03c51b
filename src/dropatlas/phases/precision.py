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

from dropatlas.phases.names import PRECISIONS, Precision
from dropatlas.phases.neurons import Activation, activation, features, pullback
from dropatlas.phases.particles import Masks, initial_particles, plane_problem, sample_masks
from dropatlas.phases.settings import FloatingPoint
from dropatlas.randomness import generator


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
    stored, computed = getattr(torch, precision.stored), getattr(torch, precision.computed)
    networks, width, size = particles.shape
    # one more row, that free places of `kept` point to: its neuron is zero, and its updates are not applied
    state = torch.cat([particles, particles.new_zeros(networks, 1, size)], dim=1).to(stored)
    shown, wanted = inputs.to(computed), targets.to(computed)
    length = rate / keep_rate
    who = None if kept is None else torch.from_numpy(kept)
    updates, lost = torch.zeros(networks), torch.zeros(networks)
    found, shares = [], []
    for number in range(steps[-1]):
        if who is None:
            active, real = state[:, :width], None
            outputs = features(sigma, active.to(computed), shown).mean(-2)
        else:
            index = who[number][..., None].expand(-1, -1, size)
            active, real = state.gather(1, index), who[number] < width
            outputs = features(sigma, active.to(computed), shown).sum(-2) / (width * keep_rate)
        gradient = pullback(sigma, active.to(computed), shown, (outputs - wanted) / shown.shape[-2])
        change = length * gradient.to(stored)
        moved = active - change
        unmoved = (moved == active).float().mean(-1)
        if real is None:
            state = torch.cat([moved, state[:, width:]], dim=1)
            updates, lost = updates + width, lost + unmoved.sum(-1)
        else:
            state.scatter_(1, index, torch.where(real[..., None], moved, active))
            updates, lost = updates + real.sum(-1), lost + (unmoved * real).sum(-1)
        if number + 1 in steps:
            found.append(state[:, :width].to(torch.float64, copy=True))  # the state goes on changing in place
            shares.append(lost / updates.clamp(min=1))
    return Run(torch.stack(found), torch.stack(shares))


class RoundingErrors(NamedTuple):
    """One precision at one measured step, beside float64; arrays of shape (S,).

    Attributes:
        precision: A key of `PRECISIONS`.
        step: Steps done.
        error: RMS distance of the neurons to the float64 run.
        relative: The same over the RMS distance of the float64 run from the start.
        lost: Share of the updates of active neurons' parameters so far that changed nothing.
        risk: Training risk without masks, evaluated in float64.
        risk_error: Risk over that of the float64 run, minus 1.
    """

    precision: str
    step: int
    error: np.ndarray
    relative: np.ndarray
    lost: np.ndarray
    risk: np.ndarray
    risk_error: np.ndarray


def draw_problems(settings: FloatingPoint, seed: int) -> tuple[Tensor, Tensor]:
    """Inputs (S, N, 2) and targets (S, N) of all seeds, representable in every precision."""
    drawn = [plane_problem(generator(seed, "precision", "problem", i), settings.samples) for i in range(settings.seeds)]
    inputs, targets = (np.stack([getattr(problem, name) for problem in drawn]) for name in ("inputs", "targets"))
    return representable(torch.from_numpy(inputs)), representable(torch.from_numpy(targets))


def rounding_errors(settings: FloatingPoint, seed: int, width: int, regime: str) -> list[RoundingErrors]:
    """Train all seeds of one cell in every precision, float64 first.

    Args:
        settings: Data, rates, steps.
        seed: Root seed.
        width: Neurons n.
        regime: One of `names.REGIMES`.
    """
    sigma, (inputs, targets), numbers = activation("tanh"), draw_problems(settings, seed), range(settings.seeds)
    rate, keep_rate = settings.rates(width, regime)
    marks = settings.measured_steps(rate)
    starts = [initial_particles(generator(seed, "precision", "start", width, i), width) for i in numbers]
    start = representable(torch.from_numpy(np.stack(starts)))
    kept = None
    if regime != "gradient_flow":
        streams = [generator(seed, "precision", "masks", regime, width, i) for i in numbers]
        kept = padded([sample_masks(stream, width, keep_rate, marks[-1]) for stream in streams], width)

    def risk(particles: Tensor) -> np.ndarray:
        return ((features(sigma, particles, inputs).mean(-2) - targets).square().mean(-1) / 2).numpy()

    found, exact = [], None
    for name, precision in PRECISIONS.items():
        run = train(sigma, precision, start, inputs, targets, rate, keep_rate, kept, marks)
        exact = exact or run
        for particles, reference, lost, mark in zip(run.particles, exact.particles, run.lost, marks, strict=True):
            error = (particles - reference).square().sum(-1).mean(-1).sqrt()
            moved = (reference - start).square().sum(-1).mean(-1).sqrt()
            risks = risk(particles)
            found.append(
                RoundingErrors(
                    precision=name,
                    step=mark,
                    error=error.numpy(),
                    relative=(error / moved).numpy(),
                    lost=lost.double().numpy(),
                    risk=risks,
                    risk_error=risks / risk(reference) - 1,
                )
            )
    return found
