"""The decoupling theorem on explicit networks: no path from input to output, so nothing to learn from.

Theorem V.7 of arXiv 2512.13853: if the masked network has no path from input to output, F(x, w) = F(0, w) for every x.
Without biases and with σ(0) = 0 every gradient is then exactly zero (Theorems V.5, V.6, V.8), *exactly* meaning all
bits: the zeros are products with zero, not cancellations. With biases, or with σ(0) ≠ 0, F still does not depend on
x, but what lies behind the cut gets gradients.

What would refute it: one masked network without a path whose output differs between two inputs, or whose gradient has a
non-zero entry. Masks with a path are counted and must show the opposite, so that the check cannot pass by being blind.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from dropatlas.collapse.masks import edge_cuts
from dropatlas.percolation.sampling import draw_bits
from dropatlas.randomness import generator

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


@dataclass(frozen=True)
class MaskedOutcome:
    """What one masked network does with one batch of inputs.

    Attributes:
        has_path: Whether a path from input to output exists.
        input_effect: max |F(x) - F(0)| over the batch and the outputs.
        weight_gradient: Largest |entry| of the gradient with respect to weights.
        bias_gradient: Largest |entry| of the gradient with respect to biases; 0 without biases.
    """

    has_path: bool
    input_effect: float
    weight_gradient: float
    bias_gradient: float


def masked_outcome(
    model: str, widths: list[int], activation: str, biases: bool, p: float, rng: np.random.Generator
) -> MaskedOutcome:
    """Draw a network, a mask and a batch, and evaluate them with autograd in float64.

    Args:
        model: "site" or "bond".
        widths: [W_0, ..., W_{L+1}], at least 3 entries.
        activation: "tanh", "relu" or "sigmoid".
        biases: Whether layers have (non-zero) biases.
        p: Removal probability in [0, 1].
        rng: Source of randomness.
    """

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal(shape))

    weights = [(2 / w_in**0.5 * normal(w_in, w_out)).requires_grad_() for w_in, w_out in pairwise(widths)]
    offsets = [normal(w).requires_grad_() for w in widths[1:]] if biases else []
    x, target = normal(4, widths[0]), normal(4, widths[-1])
    vertices: list[torch.Tensor | None]
    edges: list[torch.Tensor | None]
    if model == "site":
        kept = [draw_bits(p, (width,), rng) for width in widths[1:-1]]
        has_path = all(layer.any() for layer in kept)
        vertices = [*map(torch.from_numpy, kept), torch.ones(widths[-1], dtype=torch.bool)]
        edges = [None] * len(weights)
    else:
        masks = [draw_bits(p, tuple(weight.shape), rng) for weight in weights]
        has_path = bool(edge_cuts([mask[None] for mask in masks])[0] == 0)
        vertices = [None] * len(weights)
        edges = [torch.from_numpy(mask) for mask in masks]

    def network(h: torch.Tensor) -> torch.Tensor:
        for layer, weight in enumerate(weights):
            edge, vertex = edges[layer], vertices[layer]
            h = h @ (weight if edge is None else weight * edge)
            if biases:
                h = h + offsets[layer]
            if layer < len(weights) - 1:
                h = ACTIVATIONS[activation](h)
            if vertex is not None:
                h = h * vertex
        return h

    output = network(x)
    # The zero input passes as a batch of the same size, so that both go through the same kernels.
    effect = (output - network(torch.zeros_like(x))).detach().abs().max()
    gradients = torch.autograd.grad(0.5 * (output - target).square().sum(), [*weights, *offsets])
    largest = [float(gradient.abs().max()) for gradient in gradients]
    count = len(weights)
    return MaskedOutcome(bool(has_path), float(effect), max(largest[:count]), max(largest[count:], default=0.0))


def sample_outcomes(
    model: str, activation: str, biases: bool, networks: int, largest_depth: int, largest_width: int, seed: int
) -> list[MaskedOutcome]:
    """Outcomes of networks of one kind: depth, widths and removal probability, weights and inputs are all random.

    Args:
        model: "site" or "bond".
        activation: "tanh", "relu" or "sigmoid".
        biases: Whether layers have biases.
        networks: How many.
        largest_depth: Hidden layers are drawn from 1 to this.
        largest_width: Widths of all layers are drawn from 1 to this.
        seed: Root seed.
    """
    rng = generator(seed, "collapse", "decoupling", model, activation, int(biases))
    outcomes = []
    for _ in range(networks):
        depth = int(rng.integers(1, largest_depth + 1))
        widths = rng.integers(1, largest_width + 1, size=depth + 2).tolist()
        outcomes.append(masked_outcome(model, widths, activation, biases, float(rng.uniform(0.1, 0.9)), rng))
    return outcomes
