"""Fully connected networks whose replicas are stacked in one tensor, and how their parameters start.

A network has L hidden layers of W vertices between the input and the output; replicas of different width are padded to
the widest with weights that are zero. With σ(0) = 0 a padding vertex has activation zero, and with outgoing weights of
zero it gets no gradient, so padding stays zero for ever and changes nothing (with sigmoid it is masked away).

**Initialisation.** Hidden matrices are orthogonal, times a gain. At gain 1 and with tanh the undropped network is
close to an isometry and learns at any depth used here. The filter of arXiv 2512.13853 removes vertices without
rescaling the rest, so that a masked network of gain 1 shrinks its signal by sqrt(q) a layer (keep rate q = 1 - p): at
L = 100, p = 0.3 by a factor of 10^8, *whether or not a path exists*. A gain of 1/sqrt(q) per masked layer keeps the
mean square of the signal under masks. Which of the two is meant is always named: gain "plain" (1) or "compensated"
(1/sqrt(q)).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dropatlas.randomness import generator

ACTIVATIONS = ("tanh", "relu", "sigmoid")
VANISHING_AT_ZERO = ("tanh", "relu")  # σ(0) = 0: what Assumption V.2 of the paper needs besides missing biases
GAINS = ("plain", "compensated")


@dataclass(frozen=True)
class Shape:
    """What all replicas of an ensemble share.

    Attributes:
        inputs: Input dimension.
        depth: Hidden layers L, at least 1.
        outputs: Output dimension.
        activation: "tanh", "relu" or "sigmoid", after every hidden layer.
        biases: Whether every layer has biases (starting at zero).
    """

    inputs: int
    depth: int
    outputs: int
    activation: str = "tanh"
    biases: bool = False

    def __post_init__(self) -> None:
        for name in ("inputs", "depth", "outputs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}")

    @property
    def decouples(self) -> bool:
        """Whether a mask without a path makes every gradient exactly zero (Theorems V.5-V.8): no biases, σ(0) = 0."""
        return not self.biases and self.activation in VANISHING_AT_ZERO

    def widths(self, width: int) -> list[int]:
        """Widths of all layers, input and output included."""
        return [self.inputs, *[width] * self.depth, self.outputs]


def gain_of(name: str, drop_rate: float) -> float:
    """Factor of the hidden matrices: 1 ("plain") or 1/sqrt(1 - drop_rate) ("compensated").

    Raises:
        ValueError: unknown name.
    """
    if name not in GAINS:
        raise ValueError(f"gain must be one of {', '.join(GAINS)}, got {name!r}")
    return 1.0 if name == "plain" else 1 / math.sqrt(1 - drop_rate)


def _orthogonal(rng: np.random.Generator, count: int, rows: int, columns: int) -> np.ndarray:
    """Random matrices with orthonormal rows or columns, whichever are fewer, shape (count, rows, columns)."""
    tall, wide = max(rows, columns), min(rows, columns)
    q, r = np.linalg.qr(rng.standard_normal((count, tall, wide)))
    q *= np.sign(np.einsum("nii->ni", r))[:, None, :]  # makes the distribution uniform
    return q if rows >= columns else q.transpose(0, 2, 1)


def initial_weights(shape: Shape, width: int, seed: int, replica: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of one replica at gain 1.

    Args:
        shape: The network.
        width: Its width W.
        seed: Root seed.
        replica: Index of the replica; networks of equal shape, width, seed and replica start equal whatever is done
            to them.

    Returns:
        Input matrix (inputs, W), hidden matrices (L-1, W, W), output matrix (W, outputs); a row vector times a matrix
        is one layer.
    """
    rng = generator(seed, "collapse", "weights", shape.inputs, width, shape.depth, shape.outputs, replica)
    # ReLU halves the mean square of its input: He's factor sqrt(2).
    factor = math.sqrt(2) if shape.activation == "relu" else 1.0
    first = _orthogonal(rng, 1, shape.inputs, width)[0]
    hidden = _orthogonal(rng, shape.depth - 1, width, width) if shape.depth > 1 else np.zeros((0, width, width))
    last = _orthogonal(rng, 1, width, shape.outputs)[0]
    return factor * first, factor * hidden, last


@dataclass
class Parameters:
    """Weights and biases of R replicas (padded width W).

    Attributes:
        first: Input matrices, shape (R, inputs, W).
        hidden: Hidden matrices, shape (L-1, R, W, W).
        last: Output matrices, shape (R, W, outputs).
        hidden_bias: Shape (L, R, 1, W); None without biases.
        last_bias: Shape (R, 1, outputs); None without biases.
    """

    first: Tensor
    hidden: Tensor
    last: Tensor
    hidden_bias: Tensor | None
    last_bias: Tensor | None

    def tensors(self) -> dict[str, Tensor]:
        """All tensors that exist, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def clone(self) -> "Parameters":
        """An independent copy."""
        return Parameters(**{name: None if value is None else value.clone() for name, value in vars(self).items()})


def stack_parameters(
    shape: Shape,
    widths: list[int],
    gains: list[float],
    replicas: list[int],
    seed: int,
    dtype: torch.dtype,
    device: torch.device,
    edges_removed: bool = False,
) -> Parameters:
    """Initial parameters of all replicas, padded to the widest.

    Args:
        shape: The networks.
        widths: Width of each replica, length R.
        gains: Factor of each replica's matrices behind a masked layer, length R.
        replicas: Index of each replica's random stream, length R.
        seed: Root seed.
        dtype: Floating type.
        device: Torch device.
        edges_removed: Whether masks remove edges: then the input matrix is masked too, and takes the gain.
    """
    count, widest = len(widths), max(widths)
    first = np.zeros((count, shape.inputs, widest))
    hidden = np.zeros((shape.depth - 1, count, widest, widest))
    last = np.zeros((count, widest, shape.outputs))
    for row, (width, gain, replica) in enumerate(zip(widths, gains, replicas, strict=True)):
        start, middle, end = initial_weights(shape, width, seed, replica)
        first[row, :, :width] = gain * start if edges_removed else start
        hidden[:, row, :width, :width] = gain * middle
        last[row, :width] = gain * end
    tensors = [torch.tensor(values, dtype=dtype, device=device) for values in (first, hidden, last)]
    biases = [None, None]
    if shape.biases:
        biases = [
            torch.zeros(size, dtype=dtype, device=device)
            for size in ((shape.depth, count, 1, widest), (count, 1, shape.outputs))
        ]
    return Parameters(*tensors, *biases)
