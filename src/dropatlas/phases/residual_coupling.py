"""Residual networks under dropout, the random metric and neither, coupled by start and masks: how far apart?"""

from typing import NamedTuple

import torch

from dropatlas.phases.dynamics import draw_mask
from dropatlas.phases.losses import LOSSES
from dropatlas.phases.names import DEEP_COUPLED
from dropatlas.phases.neurons import activation
from dropatlas.phases.residual_networks import Neurons, draw_neurons, forward, outputs_of, rms_distance, step
from dropatlas.phases.settings import Residual
from dropatlas.phases.teacher_student import draw_problem
from dropatlas.randomness import generator


class ResidualState(NamedTuple):
    """One variant of one seed at the end of training.

    Attributes:
        seed: Number of the seed.
        variant: One of `names.DEEP_COUPLED`.
        distance: RMS distance of the neurons to those of dropout.
        movement: RMS distance of the neurons from their start.
        risk: Training risk without masks.
        risk_ratio: Risk over that at the start.
    """

    seed: int
    variant: str
    distance: float
    movement: float
    risk: float
    risk_ratio: float


def train_residual(settings: Residual, seed: int, exponent: float, depth: int, width: int) -> list[ResidualState]:
    """Train the networks of all seeds under all variants at once, full batch, with the same start and masks.

    Args:
        settings: Data, rates, steps, seeds.
        seed: Root seed.
        exponent: s of the branch factor L^{-s}; networks of all exponents share starts and masks.
        depth: Branches L.
        width: Neurons n of a branch.
    """
    sigma, loss, data = activation(settings.activation), LOSSES["squared"], settings.data
    numbers = range(settings.seeds)
    problems = [draw_problem(seed, k, data.dimension, data.samples, 1, data.teachers) for k in numbers]
    inputs, targets = (torch.stack([problem[part] for problem in problems]) for part in (0, 1))
    sizes = (depth, width, data.dimension)
    drawn = [draw_neurons(generator(seed, "residual", "start", depth, width, number), *sizes) for number in numbers]
    start = Neurons(*(torch.stack(parts) for parts in zip(*drawn, strict=True)))
    streams = [generator(seed, "residual", "masks", depth, width, number) for number in numbers]
    networks = Neurons(*(part.expand(len(DEEP_COUPLED), *part.shape) for part in start))
    for _ in range(settings.steps):
        mask = torch.stack([draw_mask(stream, (depth, width), settings.keep_rate) for stream in streams])
        networks = step(sigma, loss, networks, inputs, targets, settings.learning_rate, exponent, *variant_masks(mask))
    dropout = Neurons(*(part[DEEP_COUPLED.index("dropout")] for part in networks))
    distance, movement = rms_distance(networks, dropout), rms_distance(networks, start)
    untrained, risk = (
        loss.value(outputs_of(forward(sigma, neurons, inputs, exponent)), targets).mean(-1)
        for neurons in (start, networks)
    )
    measured = (distance, movement, risk, risk / untrained)
    return [
        ResidualState(number, name, *(value[row, number].item() for value in measured))
        for row, name in enumerate(DEEP_COUPLED)
        for number in numbers
    ]


def variant_masks(mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Forward and metric masks of the variants in the order of `names.DEEP_COUPLED`, stacked in front."""
    ones = torch.ones_like(mask)
    masks = {"none": (ones, ones), "ram": (ones, mask), "dropout": (mask, mask)}
    forward_masks, metric_masks = zip(*(masks[name] for name in DEEP_COUPLED), strict=True)
    return torch.stack(forward_masks), torch.stack(metric_masks)
