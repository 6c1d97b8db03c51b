"""Second-order terms of the risk along the training of two-layer and deeper networks.

Networks train with or without the random metric; the terms are always those of the full gradient, at the weights that
training has reached (`dropatlas.phases.curvature`, `dropatlas.phases.deep_networks`).
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from dropatlas.phases import deep_networks
from dropatlas.phases.curvature import along_gradient, hessian_product, sharpness
from dropatlas.phases.dynamics import Multipliers, Rule, draw_mask, step
from dropatlas.phases.losses import LOSSES
from dropatlas.phases.neurons import activation
from dropatlas.phases.settings import Curvature, NetworkKind, TeacherData
from dropatlas.phases.teacher_student import draw_problem, draw_student
from dropatlas.randomness import generator


class Terms(NamedTuple):
    """What is measured after one step.

    Attributes:
        step: Training steps done.
        risk: R without masks.
        gauss_newton: B: Gauss-Newton part of the second derivative along the gradient.
        whole: The second derivative; one hidden layer: B + C.
        curved: C: curvature of single neurons without its Gauss-Newton part.
        blocks: The same with it; one hidden layer: C + S/n.
        gradient: G: mean squared mean-field gradient of a neuron; NaN for deeper networks.
        sharpness: Largest eigenvalue of the Hessian in the mean-field metric; NaN for deeper networks.
    """

    step: int
    risk: float
    gauss_newton: float
    whole: float
    curved: float
    blocks: float
    gradient: float = float("nan")
    sharpness: float = float("nan")


def terms_along_training(kind: NetworkKind, settings: Curvature, seed: int, number: int) -> list[Terms]:
    """Train one network and measure it.

    Args:
        kind: What is trained.
        settings: Data, rates, steps.
        seed: Root seed.
        number: Number of the seed: its own teacher, data, start and masks.
    """
    return (_two_layers if kind.depth == 1 else _deep)(kind, settings, seed, number)


def _data(seed: int, number: int, data: TeacherData, loss: str) -> tuple[Tensor, Tensor]:
    """Inputs and targets; the logistic loss gets the sign of the teacher."""
    problem = draw_problem(seed, number, data.dimension, data.samples, 1, data.teachers)
    return problem.inputs, problem.targets if loss == "squared" else problem.targets.sign()


def _two_layers(kind: NetworkKind, settings: Curvature, seed: int, number: int) -> list[Terms]:
    sigma, loss = activation(kind.activation), LOSSES[kind.loss]
    inputs, targets = _data(seed, number, settings.data, kind.loss)
    particles = draw_student(seed, number, kind.width, settings.data.dimension)
    rule = Rule(settings.learning_rate, kind.activation, kind.loss)
    masks = generator(seed, "curvature", "masks", kind.width, number)
    direction = torch.from_numpy(masks.standard_normal(particles.shape, dtype="float32"))
    found = []
    for before, mark in pairwise([0, *settings.measured_steps(kind.depth)]):
        for _ in range(mark - before):
            mask = draw_mask(masks, (kind.width,), settings.keep_rate)
            multipliers = Multipliers(None, mask if kind.variant == "ram" else None)
            particles = step(rule, particles, inputs, targets, multipliers).particles
        # C is a difference of large terms late in training: float64
        terms = along_gradient(sigma, loss, particles.double(), inputs.double(), targets.double())
        top, direction = sharpness(hessian_product(sigma, loss, particles, inputs, targets), direction)
        flat, curved, own = (part.item() for part in (terms.gauss_newton, terms.curved, terms.self_interaction))
        blocks = curved + own / kind.width
        found.append(Terms(mark, terms.risk.item(), flat, flat + curved, curved, blocks, terms.gradient.item(), top))
    return found


def _deep(kind: NetworkKind, settings: Curvature, seed: int, number: int) -> list[Terms]:
    sigma, loss = activation(kind.activation), LOSSES[kind.loss]
    inputs, targets = _data(seed, number, settings.deep.data, kind.loss)
    start = generator(seed, "curvature", "deep start", kind.depth, kind.width, number)
    size = settings.deep.data.dimension
    weights = [weight[0] for weight in deep_networks.initial_weights(start, 1, kind.depth, kind.width, size)]
    masks = generator(seed, "curvature", "deep masks", kind.depth, kind.width, number)
    found = []
    for before, mark in pairwise([0, *settings.measured_steps(kind.depth)]):
        for _ in range(mark - before):
            drawn = [draw_mask(masks, (kind.width,), settings.keep_rate) for _ in range(kind.depth)]
            metric = drawn if kind.variant == "ram" else None
            weights = deep_networks.step(sigma, loss, weights, inputs, targets, settings.learning_rate, None, metric)
        exact, shown, wanted = [weight.double() for weight in weights], inputs.double(), targets.double()
        forms = deep_networks.quadratic_forms(sigma, loss, exact, shown, wanted)
        risk = loss.value(deep_networks.forward(sigma, exact, shown).outputs, wanted).mean()
        found.append(Terms(mark, risk.item(), **{name: value.item() for name, value in forms._asdict().items()}))
    return found
