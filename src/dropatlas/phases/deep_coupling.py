"""Deeper networks under every variant of dropout, coupled by start and masks: how far apart do they get?"""

from itertools import pairwise
from typing import NamedTuple

from dropatlas.phases.deep_networks import forward, initial_weights, rms_distance, step
from dropatlas.phases.dynamics import draw_mask
from dropatlas.phases.losses import LOSSES
from dropatlas.phases.names import DEEP_COUPLED
from dropatlas.phases.neurons import activation
from dropatlas.phases.settings import Depth
from dropatlas.phases.teacher_student import draw_problem
from dropatlas.randomness import generator


class CoupledState(NamedTuple):
    """One variant at one measured step.

    Attributes:
        variant: One of `names.DEEP_COUPLED`.
        step: Training steps done.
        distance: RMS distance of the weights to those of dropout.
        movement: RMS distance of the weights from their start.
        risk: Training risk without masks.
        risk_ratio: Risk over that at the start.
    """

    variant: str
    step: int
    distance: float
    movement: float
    risk: float
    risk_ratio: float


def train_coupled(settings: Depth, seed: int, number: int, depth: int, width: int) -> list[CoupledState]:
    """Train one network under all variants, full batch, with the same start and masks.

    Args:
        settings: Data, initialisation, rates, steps.
        seed: Root seed.
        number: Number of the seed: its own teacher, data, start and masks.
        depth: Hidden layers L.
        width: Neurons per layer n.
    """
    sigma, loss, data = activation(settings.activation), LOSSES["squared"], settings.data
    problem = draw_problem(seed, number, data.dimension, data.samples, 1, data.teachers)
    inputs, targets = problem.inputs, problem.targets
    first = generator(seed, "depth", "start", depth, width, number)
    start = [weight[0] for weight in initial_weights(first, 1, depth, width, data.dimension, settings.initialisation)]
    untrained = loss.value(forward(sigma, start, inputs).outputs, targets).mean().item()
    masks = generator(seed, "depth", "masks", depth, width, number)
    networks = dict.fromkeys(DEEP_COUPLED, start)
    found = []
    for before, mark in pairwise([0, *settings.measured_steps()]):
        for _ in range(mark - before):
            mask = list(draw_mask(masks, (depth, width), settings.keep_rate))
            pairs = {"none": (None, None), "ram": (None, mask), "dropout": (mask, mask)}
            for name in DEEP_COUPLED:
                networks[name] = step(
                    sigma, loss, networks[name], inputs, targets, settings.learning_rate, *pairs[name]
                )
        for name, weights in networks.items():
            risk = loss.value(forward(sigma, weights, inputs).outputs, targets).mean().item()
            distance, movement = rms_distance(weights, networks["dropout"]), rms_distance(weights, start)
            found.append(CoupledState(name, mark, distance.item(), movement.item(), risk, risk / untrained))
    return found
