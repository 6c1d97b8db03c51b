"""Figure 2: a wide ReLU student learns a small ReLU teacher under every variant of dropout, coupled by masks.

Protocol: d = 20 inputs N(0, 1), 500 to train on and 500 held out; teacher of 15 ReLU neurons, input weights N(0, 1/d),
output weights N(0, 1), output over √15; student f = (1/n) Σ a_i relu(w_i·z), w ~ N(0, 1/d), a ~ N(0, 1); squared
loss, full batch, τ = 0.5, 1000 steps, p = 0.3.

Every seed draws its own teacher, data, initialisation and masks, so that intervals over seeds speak of the
protocol and not of one teacher. The data of a seed are the same for all widths.

Source: arXiv 2510.07554, Figure 2.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dropatlas.phases.dynamics import FullBatchReLU, Rule, draw_mask, risk, rms_distance
from dropatlas.phases.names import COUPLED
from dropatlas.randomness import generator


class Problem(NamedTuple):
    """Inputs and targets; shapes (N, d), (N,), (M, d), (M,)."""

    inputs: Tensor
    targets: Tensor
    held_out_inputs: Tensor
    held_out_targets: Tensor


def draw_problem(
    seed: int,
    number: int,
    dimension: int,
    samples: int,
    held_out: int,
    teachers: int,
    dtype: torch.dtype = torch.float32,
) -> Problem:
    """Teacher and data of one seed.

    Args:
        seed: Root seed.
        number: Number of the seed.
        dimension: Inputs d.
        samples: Training samples N.
        held_out: Held-out samples M.
        teachers: Neurons of the teacher.
        dtype: Floating type of the result; drawn and computed in double precision.
    """
    rng = generator(seed, "teacher student", "problem", number)
    inner = rng.standard_normal((teachers, dimension)) / np.sqrt(dimension)
    outer = rng.standard_normal(teachers)
    inputs = rng.standard_normal((samples + held_out, dimension))
    targets = np.maximum(inputs @ inner.T, 0) @ outer / np.sqrt(teachers)
    z, y = (torch.tensor(values, dtype=dtype) for values in (inputs, targets))
    return Problem(z[:samples], y[:samples], z[samples:], y[samples:])


def draw_student(seed: int, number: int, width: int, dimension: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Initial neurons (a, w), shape (n, 1 + d): a ~ N(0, 1), w ~ N(0, 1/d)."""
    rng = generator(seed, "teacher student", "student", number, width)
    particles = rng.standard_normal((width, 1 + dimension))
    particles[:, 1:] /= np.sqrt(dimension)
    return torch.tensor(particles, dtype=dtype)


def draw_masks(rng: np.random.Generator, width: int, keep_rate: float) -> Iterator[tuple[Tensor, Tensor]]:
    """The mask and the second forward mask of every step, each of shape (n,)."""
    while True:
        yield draw_mask(rng, (width,), keep_rate), draw_mask(rng, (width,), keep_rate)


class History(NamedTuple):
    """What was measured after each of the measured steps.

    Attributes:
        training: Risk on the training data with the masks of the step to come, shape (measured, variants).
        held_out: Risk on the held-out data without masks, same shape.
        distance: RMS distance to the network of variant dropout, same shape.
        neurons: First two input weights of the first `followed` neurons, shape (measured, variants, followed, 2).
    """

    training: np.ndarray
    held_out: np.ndarray
    distance: np.ndarray
    neurons: np.ndarray


def train(
    problem: Problem,
    particles: Tensor,
    learning_rate: float,
    masks: Iterator[tuple[Tensor, Tensor]],
    measured: Sequence[int],
    followed: int = 0,
) -> History:
    """Train one student under all variants with the same initialisation and masks, up to the last measured step.

    Args:
        problem: Data.
        particles: Initial neurons, shape (n, 1 + d); not changed.
        learning_rate: Master rate τ.
        masks: The mask and the second forward mask of every step, each of shape (n,).
        measured: Steps after which the networks are measured, ascending.
        followed: Neurons whose way is kept.

    Returns:
        The measurements; values of a network that diverged are not finite from then on.
    """
    rule = Rule(learning_rate)
    dynamics = FullBatchReLU(rule, problem.inputs, problem.targets, problem.held_out_inputs, COUPLED)
    networks = particles.repeat(len(COUPLED), 1, 1)
    dropout = networks[COUPLED.index("dropout")]
    shape = (len(measured), len(COUPLED))
    training, held_out, distance = (np.empty(shape) for _ in range(3))
    neurons = np.empty((*shape, followed, 2))
    rows = {step: row for row, step in enumerate(measured)}
    for number, (mask, second) in zip(range(measured[-1] + 1), masks, strict=False):
        mask, second = mask.to(particles), second.to(particles)
        row = rows.get(number)
        if row is None:
            dynamics.advance(networks, mask, second, held_out=False)
            continue
        distance[row] = rms_distance(networks, dropout)
        neurons[row] = networks[:, :followed, 1:3]
        seen = (dynamics.advance if number < measured[-1] else dynamics.look)(networks, mask, second)
        training[row] = risk(rule, seen.training, problem.targets)
        held_out[row] = risk(rule, seen.held_out, problem.held_out_targets)
    return History(training, held_out, distance, neurons)


def history_rows(history: History, measured: Sequence[int]) -> pd.DataFrame:
    """One row per measured step and variant: risks, distance, and whether one of them is not finite."""
    index = pd.MultiIndex.from_product([measured, COUPLED], names=["step", "variant"])
    numbers = np.stack([history.training, history.held_out, history.distance], axis=-1).reshape(len(index), 3)
    rows = pd.DataFrame(numbers, index, ["training_risk", "validation_risk", "rms_distance"]).reset_index()
    return rows.assign(diverged=~np.isfinite(numbers).all(axis=1))
