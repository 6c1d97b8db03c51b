"""What the masks of one step cost: the mean risk over the masks, measured, against its second-order expansion.

One step x_i <- x_i - τ m_i g_i of the random metric, with m_i = 1/q at probability q and else 0, has by the expansion
(`dropatlas.phases.curvature`) a mean risk that lies (τ²/2) Var(m) (C + S/n) above the risk after the same step without
masks. Measured here is that difference itself, over τ²/2, by moving neurons and looking at the risk: no derivative but
the gradient enters. It is taken in the mean over the step and the same step backwards, in which odd orders of τ, which
an expansion to second order leaves out, cancel.

Masks: up to `ENUMERATED` neurons all of them, each with its probability. Else neurons are thrown into 1/q groups, and
the masks that keep one group after the other have each exactly the law of the masks, while their mean is exactly 1 for
every neuron: all that is linear in the multipliers, which would drown the term in question, cancels.

ReLU is left out: where a step crosses its kink the risk has a second-order change of its own that no derivative at a
point knows.

Source: the expansion with E[m²] C is of arXiv 2510.07554 (sharpness bypass); S/n and the experiment are ours.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dropatlas.phases.curvature import SecondOrder, along_gradient
from dropatlas.phases.dynamics import Multipliers, Rule, draw_mask, step
from dropatlas.phases.losses import LOSSES, Loss
from dropatlas.phases.neurons import Activation, activation, features, pullback
from dropatlas.phases.settings import Expansion
from dropatlas.phases.teacher_student import draw_student
from dropatlas.phases.training_curvature import student_data
from dropatlas.randomness import generator

ENUMERATED = 10
"""Neurons up to which all masks are taken."""


class Masks(NamedTuple):
    """Masks of one step: which neurons are kept, 1 or 0, shape (M, n), and their weights in the mean, shape (M,)."""

    kept: Tensor
    weights: Tensor


def all_masks(width: int, keep_rate: float) -> Masks:
    """Every mask with its probability."""
    kept = ((torch.arange(2**width)[:, None] >> torch.arange(width)) % 2).double()
    return Masks(kept, keep_rate ** kept.sum(-1) * (1 - keep_rate) ** (1 - kept).sum(-1))


def balanced_masks(rng: np.random.Generator, count: int, width: int, keep_rate: float) -> Masks:
    """Masks that keep one of 1/q random groups of neurons after the other.

    Args:
        rng: Stream of the groups: count·q times neurons are thrown into groups, each on its own.
        count: Masks, about.
        width: Neurons n.
        keep_rate: q, one over a whole number.

    Returns:
        The masks, shape (about `count`, n), those of one division next to each other.
    """
    groups = round(1 / keep_rate)
    thrown = torch.from_numpy(rng.integers(groups, size=(max(1, count // groups), 1, width)))
    kept = (thrown == torch.arange(groups)[:, None]).double().reshape(-1, width)
    return Masks(kept, torch.full((len(kept),), 1 / len(kept), dtype=torch.float64))


def draw_masks(rng: np.random.Generator, count: int, width: int, keep_rate: float) -> Masks:
    """All masks of few neurons, else balanced ones."""
    return all_masks(width, keep_rate) if width <= ENUMERATED else balanced_masks(rng, count, width, keep_rate)


def costs_of_masks(
    sigma: Activation,
    loss: Loss,
    particles: Tensor,
    inputs: Tensor,
    targets: Tensor,
    masks: Mapping[float, Masks],
    neuron_step: float,
) -> dict[float, float]:
    """Mean risk after a step with masks minus that after the step without, over τ²/2.

    Args:
        sigma: The activation.
        loss: The loss.
        particles: Shape (n, 1 + d), double precision.
        inputs: Shape (N, d).
        targets: Shape (N,).
        masks: By keep rate q, from `draw_masks`.
        neuron_step: α = τ/q: the step of a kept neuron along its gradient.

    Returns:
        By keep rate.
    """
    still = features(sigma, particles, inputs)
    outputs = still.mean(-2)
    gradient = pullback(sigma, particles, inputs, loss.first(outputs, targets)) / len(inputs)
    costs = dict.fromkeys(masks, 0.0)
    for size in (neuron_step, -neuron_step):
        moved = features(sigma, particles - size * gradient, inputs) - still
        for q, drawn in masks.items():
            masked = loss.value(outputs + drawn.kept @ moved / len(particles), targets).mean(-1)
            whole = loss.value(features(sigma, particles - q * size * gradient, inputs).mean(-2), targets).mean()
            costs[q] += (drawn.weights * (masked - whole)).sum().item() / (q * size) ** 2
    return costs


class Cost(NamedTuple):
    """Of one network, stage of training and keep rate.

    Attributes:
        seed: Number of the seed.
        step: Training steps done.
        keep_rate: q of the masks.
        all_masks: Whether the mean is over all masks.
        risk: R.
        gauss_newton: B.
        measured: What masks cost, over τ²/2.
        by_curvature: Var(m) C.
        by_itself: Var(m) S/n, the third term.
    """

    seed: int
    step: int
    keep_rate: float
    all_masks: bool
    risk: float
    gauss_newton: float
    measured: float
    by_curvature: float
    by_itself: float


def costs_along_training(settings: Expansion, seed: int, width: int, kind: str, loss: str) -> list[Cost]:
    """Train all seeds of one kind of network by the random metric and measure what masks cost at every stage.

    Args:
        settings: Data, stages, keep rates, masks.
        seed: Root seed.
        width: Neurons n.
        kind: Name of the activation.
        loss: Name of the loss; the logistic loss gets the sign of the teacher.
    """
    sigma, numbers = activation(kind), range(settings.seeds)
    data = [student_data(seed, number, settings.data, loss) for number in numbers]
    inputs, targets = (torch.stack(part) for part in zip(*data, strict=True))
    state = torch.stack([draw_student(seed, number, width, settings.data.dimension) for number in numbers])
    rule = Rule(settings.learning_rate, kind, loss)
    training, drawn = (generator(seed, "expansion", name, width, kind, loss) for name in ("training", "masks"))
    found: list[Cost] = []
    done = 0
    for mark in sorted(settings.stages):
        for _ in range(mark - done):
            mask = draw_mask(training, (settings.seeds, width), settings.training_keep_rate)
            state = step(rule, state, inputs, targets, Multipliers(None, mask)).particles
        done = mark
        for number in numbers:
            problem = (state[number].double(), inputs[number].double(), targets[number].double())
            terms = along_gradient(sigma, LOSSES[loss], *problem)
            masks = {q: draw_masks(drawn, settings.masks, width, q) for q in settings.keep_rates}
            measured = costs_of_masks(sigma, LOSSES[loss], *problem, masks, settings.neuron_step)
            found += [_cost(number, mark, q, terms, cost, width) for q, cost in measured.items()]
    return found


def _cost(number: int, mark: int, keep_rate: float, terms: SecondOrder, measured: float, width: int) -> Cost:
    risk, _, flat, curved, own = (term.item() for term in terms)
    variance = 1 / keep_rate - 1
    by_itself = variance * own / width
    return Cost(number, mark, keep_rate, width <= ENUMERATED, risk, flat, measured, variance * curved, by_itself)
