"""Figure 3: two digits told apart by a two-layer ReLU network under five variants of dropout.

Protocol: digits 4 (+1) and 7 (-1), pixels in [0, 1], part of the training images held out after a shuffle;
f = (1/n) a·relu(b z), a ~ N(0, 1), b ~ N(0, 1/784); logistic loss; minibatches of 64 without replacement; τ = 0.25,
parameter rate τ·n; all variants and drop rates share initialisation, minibatches and (nested) masks. All ten digits
with cross-entropy are the paper's option.

Pixels that are 0 in every image used are left out: their weights never matter and never move.

Source: arXiv 2510.07554, Figure 3.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from dropatlas.data import DataSet
from dropatlas.phases.dynamics import draw_mask, multipliers
from dropatlas.phases.losses import LOSSES
from dropatlas.phases.names import PARTS
from dropatlas.randomness import generator

Classes = Literal["pair", "all"]
PAIR = (4, 7)
"""The digits of label +1 and -1."""


@dataclass(frozen=True)
class DigitProblem:
    """Images and labels of the three parts.

    Attributes:
        classes: "pair" (labels +1.0 and -1.0, one output) or "all" (labels 0 to 9, ten outputs).
        pixels: Pixels per image before constant ones were left out.
        inputs: By part, shape (N, d), in [0, 1].
        labels: By part, shape (N,).
    """

    classes: Classes
    pixels: int
    inputs: dict[str, Tensor]
    labels: dict[str, Tensor]

    @property
    def outputs(self) -> int:
        """Outputs of a network."""
        return 1 if self.classes == "pair" else 10


def digit_problem(data: DataSet, classes: Classes, held_out: int, seed: int) -> DigitProblem:
    """Prepare two or all digits.

    Args:
        data: `digits5k` or MNIST.
        classes: Which digits.
        held_out: Images of the training set held out for validation.
        seed: Root seed of the shuffle.

    Raises:
        ValueError: Too few training images to hold out that many.
    """

    def chosen(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = np.isin(labels, PAIR) if classes == "pair" else np.ones(len(labels), dtype=bool)
        flat = np.asarray(images[rows], dtype=np.float32).reshape(rows.sum(), -1) / 255
        return flat, np.where(labels[rows] == PAIR[0], 1.0, -1.0) if classes == "pair" else labels[rows]

    images, labels = chosen(data.train_images, data.train_labels)
    if not 0 < held_out < len(images):
        raise ValueError(f"held_out must be between 1 and {len(images) - 1} images, got {held_out}")
    order = generator(seed, "digit pair", "held out").permutation(len(images))
    test_images, test_labels = chosen(data.test_images, data.test_labels)
    parts = {
        "training": (images[order[held_out:]], labels[order[held_out:]]),
        "validation": (images[order[:held_out]], labels[order[:held_out]]),
        "test": (test_images, test_labels),
    }
    used = np.any([part.any(axis=0) for part, _ in parts.values()], axis=0)
    label_type = torch.float32 if classes == "pair" else torch.int64
    return DigitProblem(
        classes=classes,
        pixels=images.shape[1],
        inputs={name: torch.tensor(part[:, used]) for name, (part, _) in parts.items()},
        labels={name: torch.tensor(part, dtype=label_type) for name, (_, part) in parts.items()},
    )


def _losses(problem: DigitProblem, predicted: Tensor, labels: Tensor) -> Tensor:
    """Loss of every image, shape (B,), of outputs (B, C)."""
    if problem.classes == "pair":
        return LOSSES["logistic"].value(predicted[:, 0], labels)
    return torch.nn.functional.cross_entropy(predicted, labels, reduction="none")


def _residual(problem: DigitProblem, predicted: Tensor, labels: Tensor) -> Tensor:
    """Derivative of every image's loss by its outputs, shape (B, C)."""
    if problem.classes == "pair":
        return LOSSES["logistic"].first(predicted[:, 0], labels)[:, None]
    residual = torch.softmax(predicted, -1)
    residual[torch.arange(len(labels)), labels] -= 1
    return residual


@dataclass
class Network:
    """f(z) = (1/n) Σ_i a_i relu(b_i·z): output weights a (n, C) and input weights b (n, d), changed by `descend`."""

    output: Tensor
    hidden: Tensor


def draw_network(problem: DigitProblem, width: int, seed: int, number: int) -> Network:
    """Initial network of one seed: a ~ N(0, 1), b ~ N(0, 1/pixels)."""
    rng = generator(seed, "digit pair", "network", number, width)
    output = rng.standard_normal((width, problem.outputs), dtype=np.float32)
    hidden = rng.standard_normal((width, problem.inputs["training"].shape[1]), dtype=np.float32)
    return Network(torch.from_numpy(output), torch.from_numpy(hidden / np.float32(np.sqrt(problem.pixels))))


def descend(
    problem: DigitProblem,
    network: Network,
    inputs: Tensor,
    labels: Tensor,
    forward: Tensor | None,
    backward: Tensor | None,
    learning_rate: float,
) -> None:
    """One step of a variant on one minibatch, in place.

    Dropped neurons are computed too: at these drop rates gathering the kept rows of b costs what it saves.

    Args:
        problem: For the loss.
        network: Changed.
        inputs: Minibatch, shape (B, d).
        labels: Shape (B,).
        forward: Forward multipliers, shape (n,); None: ones.
        backward: Backward multipliers, shape (n,); None: ones.
        learning_rate: Master rate τ.
    """
    active = torch.mm(network.hidden, inputs.T).relu_()
    seen = network.output if forward is None else network.output * forward[:, None]
    residual = _residual(problem, torch.mm(active.T, seen) / len(seen), labels)
    scaled = network.output if backward is None else network.output * backward[:, None]
    by_output = torch.mm(active, residual)
    if backward is not None:
        by_output *= backward[:, None]
    signal = torch.mm(scaled, residual.T).mul_(active.sign_())
    rate = learning_rate / len(inputs)
    network.hidden.addmm_(signal, inputs, alpha=-rate)
    network.output.sub_(by_output, alpha=rate)


def measure(problem: DigitProblem, network: Network, part: str, images: int) -> tuple[float, float]:
    """Mean loss without masks and share of correct digits on the first `images` of a part."""
    inputs, labels = problem.inputs[part][:images], problem.labels[part][:images]
    total = torch.zeros(len(inputs), problem.outputs)
    for start in range(0, len(network.hidden), 256):  # a block's activations stay in the cache
        rows = slice(start, start + 256)
        total.addmm_(torch.mm(inputs, network.hidden[rows].T).relu_(), network.output[rows])
    predicted = total / len(network.hidden)
    correct = predicted[:, 0] * labels > 0 if problem.classes == "pair" else predicted.argmax(-1) == labels
    return float(_losses(problem, predicted, labels).mean()), float(correct.float().mean())


def batches(rng: np.random.Generator, samples: int, size: int) -> Iterator[Tensor]:
    """Endless minibatches without replacement: a new shuffle per epoch, an incomplete last minibatch is left out.

    Raises:
        ValueError: A minibatch would be larger than the set.
    """
    if not 1 <= size <= samples:
        raise ValueError(f"batch_size must be in [1, {samples}], the number of training images, got {size}")
    while True:
        order = rng.permutation(samples)
        for start in range(0, samples - size + 1, size):
            yield torch.from_numpy(order[start : start + size])


def train(
    problem: DigitProblem,
    variant: str,
    keep_rate: float,
    width: int,
    learning_rate: float,
    batch_size: int,
    measured: Sequence[int],
    images: int,
    seed: int,
    number: int,
) -> np.ndarray:
    """Train one network and measure it.

    Streams depend on `seed`, `number` and `width` alone, so that variants and keep rates share initialisation,
    minibatches and masks (a neuron kept at some q is kept at every larger q).

    Args:
        problem: Images.
        variant: Name in `dynamics.VARIANTS`.
        keep_rate: q in (0, 1].
        width: Neurons n.
        learning_rate: Master rate τ.
        batch_size: Images per step.
        measured: Rising numbers of steps after which to measure.
        images: At most this many images of every part are measured.
        seed: Root seed.
        number: Number of the seed.

    Returns:
        Risk and accuracy of each of `PARTS`, shape (len(measured), 3, 2); not finite once diverged.
    """
    network = draw_network(problem, width, seed, number)
    inputs, labels = problem.inputs["training"], problem.labels["training"]
    draws = batches(generator(seed, "digit pair", "minibatches", number), len(inputs), batch_size)
    rng = generator(seed, "digit pair", "masks", number, width)
    found, done = np.empty((len(measured), len(PARTS), 2)), 0
    for row, until in enumerate(measured):
        for _ in range(done, until):
            mask, second = (draw_mask(rng, (width,), keep_rate) for _ in range(2))
            masks = multipliers(variant, mask, second)
            chosen = next(draws)
            descend(problem, network, inputs[chosen], labels[chosen], *masks, learning_rate)
        done = until
        found[row] = [measure(problem, network, part, images) for part in PARTS]
    return found
