"""Fully connected networks whose members are stacked in one tensor, and how their parameters start.

A network has L hidden layers of W vertices between the input and the output; members of different width are padded to
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

from dropatlas.collapse.members import Shape
from dropatlas.randomness import generator


def _orthogonal(rng: np.random.Generator, count: int, rows: int, columns: int) -> np.ndarray:
    """Random matrices with orthonormal rows or columns, whichever are fewer, shape (count, rows, columns)."""
    tall, wide = max(rows, columns), min(rows, columns)
    q, r = np.linalg.qr(rng.standard_normal((count, tall, wide)))
    q *= np.sign(np.einsum("nii->ni", r))[:, None, :]  # makes the distribution uniform
    return q if rows >= columns else q.transpose(0, 2, 1)


def initial_weights(shape: Shape, width: int, seed: int, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of one seed at gain 1.

    Args:
        shape: The network.
        width: Its width W.
        seed: Root seed.
        number: Number of the seed; networks of equal shape, width, seed and number start equal whatever is done
            to them.

    Returns:
        Input matrix (inputs, W), hidden matrices (L-1, W, W), output matrix (W, outputs); a row vector times a matrix
        is one layer.
    """
    rng = generator(seed, "collapse", "weights", shape.inputs, width, shape.depth, shape.outputs, number)
    # ReLU halves the mean square of its input: He's factor sqrt(2).
    factor = math.sqrt(2) if shape.activation == "relu" else 1.0
    first = _orthogonal(rng, 1, shape.inputs, width)[0]
    hidden = _orthogonal(rng, shape.depth - 1, width, width) if shape.depth > 1 else np.zeros((0, width, width))
    last = _orthogonal(rng, 1, width, shape.outputs)[0]
    return factor * first, factor * hidden, last


@dataclass
class Parameters:
    """Weights and biases of R members (padded width W).

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
        hidden_bias = None if self.hidden_bias is None else self.hidden_bias.clone()
        last_bias = None if self.last_bias is None else self.last_bias.clone()
        return Parameters(self.first.clone(), self.hidden.clone(), self.last.clone(), hidden_bias, last_bias)


def stack_parameters(
    shape: Shape,
    widths: list[int],
    gains: list[float],
    members: list[int],
    seed: int,
    dtype: torch.dtype,
    device: torch.device,
    edges_removed: bool = False,
) -> Parameters:
    """Initial parameters of all members, padded to the widest.

    Args:
        shape: The networks.
        widths: Width of each network, length R.
        gains: Factor of each network's matrices behind a masked layer, length R.
        members: Index of each network's random stream, length R.
        seed: Root seed.
        dtype: Floating type.
        device: Torch device.
        edges_removed: Whether masks remove edges: then the input matrix is masked too, and takes the gain.
    """
    count, widest = len(widths), max(widths)
    first = np.zeros((count, shape.inputs, widest))
    hidden = np.zeros((shape.depth - 1, count, widest, widest))
    last = np.zeros((count, widest, shape.outputs))
    for row, (width, gain, number) in enumerate(zip(widths, gains, members, strict=True)):
        start, middle, end = initial_weights(shape, width, seed, number)
        first[row, :, :width] = gain * start if edges_removed else start
        hidden[:, row, :width, :width] = gain * middle
        last[row, :width] = gain * end
    hidden_bias = last_bias = None
    if shape.biases:
        hidden_bias = torch.zeros((shape.depth, count, 1, widest), dtype=dtype, device=device)
        last_bias = torch.zeros((count, 1, shape.outputs), dtype=dtype, device=device)
    matrices = [torch.tensor(values, dtype=dtype, device=device) for values in (first, hidden, last)]
    return Parameters(matrices[0], matrices[1], matrices[2], hidden_bias, last_bias)
