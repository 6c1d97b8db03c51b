"""Second-order terms of the risk along the training of two-layer and deeper networks.

Networks train by the random metric; the terms are always those of the full gradient, at the weights that training has
reached (`dropatlas.phases.curvature`, `dropatlas.phases.deep_networks`).
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from dropatlas.phases import deep_networks
from dropatlas.phases.curvature import along_gradient
from dropatlas.phases.dynamics import Multipliers, Rule, draw_mask, step
from dropatlas.phases.losses import LOSSES
from dropatlas.phases.neurons import activation
from dropatlas.phases.settings import Curvature, NetworkKind, TeacherData
from dropatlas.phases.teacher_student import draw_problem, draw_student
from dropatlas.randomness import generator


class Terms(NamedTuple):
    """What is measured of one network after some steps.

    Attributes:
        seed: Number of the seed.
        step: Training steps done.
        risk: R without masks.
        gradient: G: fall of the risk per unit of the master rate; one hidden layer: mean squared gradient of a neuron.
        gauss_newton: B: Gauss-Newton part of the second derivative along the gradient.
        whole: The second derivative; one hidden layer: B + C.
        curved: C: curvature of single neurons without its Gauss-Newton part.
        blocks: The same with it; one hidden layer: C + S/n.
    """

    seed: int
    step: int
    risk: float
    gradient: float
    gauss_newton: float
    whole: float
    curved: float
    blocks: float


def terms_along_training(kind: NetworkKind, settings: Curvature, seed: int) -> list[Terms]:
    """Train all seeds of one kind of network and measure them.

    Args:
        kind: What is trained.
        settings: Data, rates, steps, number of seeds.
        seed: Root seed.
    """
    if kind.depth == 1:
        return _two_layers(kind, settings, seed)
    return [terms for number in range(settings.seeds) for terms in _deep(kind, settings, seed, number)]


def student_data(seed: int, number: int, data: TeacherData, loss: str) -> tuple[Tensor, Tensor]:
    """Inputs (N, d) and targets (N,) of one seed; the logistic loss gets the sign of the teacher."""
    problem = draw_problem(seed, number, data.dimension, data.samples, 1, data.teachers)
    return problem.inputs, problem.targets if loss == "squared" else problem.targets.sign()


def _two_layers(kind: NetworkKind, settings: Curvature, seed: int) -> list[Terms]:
    numbers, rule = range(settings.seeds), Rule(settings.learning_rate, kind.activation, kind.loss)
    data = [student_data(seed, number, settings.data, kind.loss) for number in numbers]
    inputs, targets = (torch.stack(part) for part in zip(*data, strict=True))
    state = torch.stack([draw_student(seed, number, kind.width, settings.data.dimension) for number in numbers])
    masks = generator(seed, "curvature", "masks", kind.width)
    found: list[Terms] = []
    for before, mark in pairwise([0, *settings.measured_steps(kind.depth)]):
        for _ in range(mark - before):
            mask = draw_mask(masks, (settings.seeds, kind.width), settings.keep_rate)
            state = step(rule, state, inputs, targets, Multipliers(None, mask)).particles
        # C is a difference of large terms late in training: float64
        exact = (part.double() for part in (state, inputs, targets))
        terms = along_gradient(activation(kind.activation), LOSSES[kind.loss], *exact)
        for number, (risk, fall, flat, curved, own) in enumerate(torch.stack(terms, -1).tolist()):
            found.append(Terms(number, mark, risk, fall, flat, flat + curved, curved, curved + own / kind.width))
    return found


def _deep(kind: NetworkKind, settings: Curvature, seed: int, number: int) -> list[Terms]:
    sigma, loss = activation(kind.activation), LOSSES[kind.loss]
    inputs, targets = student_data(seed, number, settings.deep.data, kind.loss)
    start = generator(seed, "curvature", "deep start", kind.depth, kind.width, number)
    size = settings.deep.data.dimension
    weights = [weight[0] for weight in deep_networks.initial_weights(start, 1, kind.depth, kind.width, size)]
    masks = generator(seed, "curvature", "deep masks", kind.depth, kind.width, number)
    found = []
    for before, mark in pairwise([0, *settings.measured_steps(kind.depth)]):
        for _ in range(mark - before):
            metric = [draw_mask(masks, (kind.width,), settings.keep_rate) for _ in range(kind.depth)]
            weights = deep_networks.step(sigma, loss, weights, inputs, targets, settings.learning_rate, None, metric)
        exact, shown, wanted = [weight.double() for weight in weights], inputs.double(), targets.double()
        forms = deep_networks.quadratic_forms(sigma, loss, exact, shown, wanted)
        risk = loss.value(deep_networks.forward(sigma, exact, shown).outputs, wanted).mean()
        measured = {name: value.item() for name, value in forms._asdict().items()}
        found.append(Terms(number, mark, risk.item(), **measured))
    return found
