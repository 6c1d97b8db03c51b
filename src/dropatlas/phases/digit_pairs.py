"""Figure 3: two digits told apart by a two-layer ReLU network under five variants of dropout.

Protocol: digits 4 (+1) and 7 (-1), pixels in [0, 1], part of the training images held out after a shuffle;
f = (1/n) a·relu(b z), a ~ N(0, 1), b ~ N(0, 1/784); logistic loss; τ = 0.25, parameter rate τ·n. Every step draws its
64 images anew, without replacement within the step. All variants and drop rates share initialisation, minibatches and
(nested) masks: PN+RaM has dropout's mask in the forward pass and an independent one on its gradient, as in the authors'
code. All ten digits with cross-entropy are the paper's option.

Pixels that are 0 in every image used are left out: their weights never matter and never move. On the CPU a pair is
trained by compiled steps over the lit pixels (`digit_kernels`), one network after another; on a GPU, and with ten
classes, all networks of a seed are trained at once as dense products.

Source: arXiv 2510.07554, Figure 3, and its public code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from dropatlas.data import DataSet
from dropatlas.phases import digit_kernels
from dropatlas.phases.dynamics import multipliers
from dropatlas.phases.losses import LOSSES
from dropatlas.phases.names import MEASURED_PARTS
from dropatlas.randomness import generator

Classes = Literal["pair", "all"]
PAIR = (4, 7)
"""The digits of label +1 and -1."""
DRAWN_AT_ONCE = 100  # steps whose minibatches and masks are held in memory


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
    """Derivative of every image's loss by its outputs, shape (..., B, C)."""
    if problem.classes == "pair":
        return LOSSES["logistic"].first(predicted[..., 0], labels)[..., None]
    return torch.softmax(predicted, -1) - torch.nn.functional.one_hot(labels, predicted.shape[-1])


class Run(NamedTuple):
    """One network: what is dropped, with which probability (1 - keep_rate)."""

    variant: str
    keep_rate: float


class Draws(NamedTuple):
    """What some steps draw.

    Attributes:
        chosen: Images of every minibatch, shape (T, B).
        uniforms: Uniform numbers of both masks, shape (T, 2, n): a neuron is kept where its number is below q.
    """

    chosen: np.ndarray
    uniforms: np.ndarray

    def masks(self, run: Run) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Forward and backward multipliers of a run, shapes (T, n); None: ones."""
        first, second = (
            torch.from_numpy((self.uniforms[:, mask] < run.keep_rate) / np.float32(run.keep_rate)) for mask in (0, 1)
        )
        given = (second, first) if run.variant == "pn_ram" else (first, second)  # theirs shares the forward mask
        forward, backward = multipliers(run.variant, *given)
        return None if forward is None else forward.numpy(), None if backward is None else backward.numpy()


class Networks(Protocol):
    """All networks of one seed and width, one per run."""

    def advance(self, draws: Draws) -> None:
        """Train every network by the steps of `draws`."""

    def outputs(self, part: str) -> Tensor:
        """Outputs of all networks without masks on all images of a part, shape (runs, N, C), on the CPU."""


def draw_start(problem: DigitProblem, width: int, seed: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Initial a ~ N(0, 1), shape (n, C), and b ~ N(0, 1/pixels), shape (n, d), of one seed."""
    rng = generator(seed, "digit pair", "network", number, width)
    output = rng.standard_normal((width, problem.outputs), dtype=np.float32)
    hidden = rng.standard_normal((width, problem.inputs["training"].shape[1]), dtype=np.float32)
    return output, hidden / np.float32(np.sqrt(problem.pixels))


class DenseNetworks:
    """Products of all networks at once, on any device, for either loss.

    Args:
        problem: Images.
        start: Output weights (n, C) and input weights (n, d) that all networks start from.
        runs: What they are.
        learning_rate: Master rate τ.
        device: Where to train.
    """

    def __init__(
        self,
        problem: DigitProblem,
        start: tuple[np.ndarray, np.ndarray],
        runs: Sequence[Run],
        learning_rate: float,
        device: torch.device,
    ) -> None:
        self._problem, self._runs, self._rate, self._device = problem, runs, learning_rate, device
        self._inputs = {part: inputs.to(device) for part, inputs in problem.inputs.items()}
        self._labels = problem.labels["training"].to(device)
        output, hidden = (torch.from_numpy(weights).to(device).repeat(len(runs), 1, 1) for weights in start)
        self.output, self.hidden = output, hidden

    def advance(self, draws: Draws) -> None:
        """Train every network by the steps of `draws`."""
        ones = np.ones((len(draws.chosen), self.output.shape[1]), dtype=np.float32)
        masks = [[ones if mask is None else mask for mask in draws.masks(run)] for run in self._runs]
        given = torch.from_numpy(np.array(masks)).to(self._device, self.output.dtype)  # (runs, 2, T, n)
        forward, backward = (given[:, side].swapaxes(0, 1)[..., None] for side in (0, 1))
        for step, chosen in enumerate(torch.from_numpy(draws.chosen).to(self._device)):
            self._step(self._inputs["training"][chosen], self._labels[chosen], forward[step], backward[step])

    def _step(self, inputs: Tensor, labels: Tensor, forward: Tensor, backward: Tensor) -> None:
        """One step on a minibatch (B, d) with multipliers of shape (runs, n, 1)."""
        batch = inputs.expand(len(self.hidden), *inputs.shape)
        active = torch.bmm(self.hidden, batch.mT).relu_()
        predicted = torch.bmm(active.mT, self.output * forward) / self.output.shape[1]
        residual = _residual(self._problem, predicted, labels).to(active.dtype)
        by_output = torch.bmm(active, residual) * backward
        signal = torch.bmm(self.output * backward, residual.mT).mul_(active.sign_())
        rate = self._rate / len(inputs)
        self.hidden.baddbmm_(signal, batch, alpha=-rate)
        self.output.sub_(by_output, alpha=rate)

    def outputs(self, part: str) -> Tensor:
        """Outputs of all networks without masks on all images of a part, shape (runs, N, C), on the CPU."""
        inputs, found = self._inputs[part], []
        for output, hidden in zip(self.output, self.hidden, strict=True):
            total = inputs.new_zeros(len(inputs), output.shape[1])
            for rows in torch.arange(len(hidden), device=self._device).split(256):  # a block stays in the cache
                total.addmm_(torch.mm(inputs, hidden[rows].T).relu_(), output[rows])
            found.append(total / len(hidden))
        return torch.stack(found).cpu()


class SparseImages(NamedTuple):
    """Images by their lit pixels, as `digit_kernels` takes them."""

    starts: np.ndarray
    pixels: np.ndarray
    values: np.ndarray


def sparse_images(inputs: Tensor) -> SparseImages:
    """The lit pixels of images of shape (N, d)."""
    dense = inputs.numpy()
    images, pixels = np.nonzero(dense)
    return SparseImages(np.searchsorted(images, np.arange(len(dense) + 1)), pixels, dense[images, pixels])


class SparseNetworks:
    """Compiled steps over the lit pixels, one network after another on one core: digits 4 and 7 only.

    Args:
        problem: Images.
        start: Output weights (n, 1) and input weights (n, d) that all networks start from.
        runs: What they are.
        learning_rate: Master rate τ.
    """

    LANES = 512  # most neurons of a block

    def __init__(
        self, problem: DigitProblem, start: tuple[np.ndarray, np.ndarray], runs: Sequence[Run], learning_rate: float
    ) -> None:
        self._runs, self._rate = runs, learning_rate
        self._images = {part: sparse_images(inputs) for part, inputs in problem.inputs.items()}
        self._labels = problem.labels["training"].numpy()
        output, hidden = start
        self._width = len(output)
        blocks = -(-self._width // self.LANES)
        self._shape = (blocks, 16 * -(-self._width // (16 * blocks)))  # whole vectors of 16 numbers
        self.output = [self._blocked(output[:, 0]) for _ in runs]
        self.hidden = [np.ascontiguousarray(self._blocked(hidden.T).swapaxes(0, 1)) for _ in runs]

    def _blocked(self, values: np.ndarray) -> np.ndarray:
        """Neurons (..., n) as blocks (..., blocks, lanes), filled up with 0."""
        places = self._shape[0] * self._shape[1]
        missing = [(0, 0)] * (values.ndim - 1) + [(0, places - self._width)]
        return np.pad(values, missing).reshape(*values.shape[:-1], *self._shape)

    def advance(self, draws: Draws) -> None:
        """Train every network by the steps of `draws`."""
        ones = np.ones((len(draws.chosen), self._width), dtype=np.float32)
        for run, output, hidden in zip(self._runs, self.output, self.hidden, strict=True):
            forward, backward = (self._blocked(ones if mask is None else mask) for mask in draws.masks(run))
            images = (*self._images["training"], self._labels)
            digit_kernels.train_steps(hidden, output, *images, draws.chosen, forward, backward, self._width, self._rate)

    def outputs(self, part: str) -> Tensor:
        """Outputs of all networks without masks on all images of a part, shape (runs, N, 1)."""
        found = [
            digit_kernels.outputs(hidden, output, *self._images[part], self._width)
            for output, hidden in zip(self.output, self.hidden, strict=True)
        ]
        return torch.from_numpy(np.stack(found))[..., None]


def measure(problem: DigitProblem, networks: Networks, part: str) -> np.ndarray:
    """Mean loss without masks and share of correct digits of every network on a part, shape (runs, 2)."""
    labels, found = problem.labels[part], []
    for predicted in networks.outputs(part):
        correct = predicted[:, 0] * labels > 0 if problem.classes == "pair" else predicted.argmax(-1) == labels
        found.append((float(_losses(problem, predicted, labels).mean()), float(correct.float().mean())))
    return np.array(found)


def draw_minibatches(rng: np.random.Generator, steps: int, samples: int, size: int) -> np.ndarray:
    """Images of every step, shape (steps, size): independent steps, no image twice within one.

    Raises:
        ValueError: A minibatch would be larger than the set.
    """
    if not 1 <= size <= samples:
        raise ValueError(f"batch_size must be in [1, {samples}], the number of training images, got {size}")
    return np.stack([rng.choice(samples, size, replace=False, shuffle=False) for _ in range(steps)])


def train(
    problem: DigitProblem,
    runs: Sequence[Run],
    width: int,
    learning_rate: float,
    batch_size: int,
    measured: Sequence[int],
    seed: int,
    number: int,
    device: torch.device | None = None,
) -> np.ndarray:
    """Train all networks of one seed and width and measure them.

    Streams depend on `seed`, `number` and `width` alone, so that variants and keep rates share initialisation,
    minibatches and masks (a neuron kept at some q is kept at every larger q).

    Args:
        problem: Images.
        runs: Variants (names in `dynamics.VARIANTS`) and keep rates.
        width: Neurons n.
        learning_rate: Master rate τ.
        batch_size: Images per step.
        measured: Rising numbers of steps after which to measure.
        seed: Root seed.
        number: Number of the seed.
        device: Where to train; None: the GPU if there is one.

    Returns:
        Risk and accuracy on each of `MEASURED_PARTS`, shape (runs, len(measured), parts, 2); not finite once diverged.
    """
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    start = draw_start(problem, width, seed, number)
    networks: Networks
    if device.type == "cpu" and problem.classes == "pair":
        networks = SparseNetworks(problem, start, runs, learning_rate)
    else:
        networks = DenseNetworks(problem, start, runs, learning_rate, device)
    samples = len(problem.inputs["training"])
    minibatches = generator(seed, "digit pair", "minibatches", number)
    masks = generator(seed, "digit pair", "masks", number, width)
    found, done = np.empty((len(runs), len(measured), len(MEASURED_PARTS), 2)), 0
    for place, until in enumerate(measured):
        while done < until:
            steps = min(until - done, DRAWN_AT_ONCE)
            chosen = draw_minibatches(minibatches, steps, samples, batch_size)
            networks.advance(Draws(chosen, masks.random((steps, 2, width), dtype=np.float32)))
            done += steps
        for column, part in enumerate(MEASURED_PARTS):
            found[:, place, column] = measure(problem, networks, part)
    return found
