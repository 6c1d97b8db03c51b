"""Neurons φ(x, z) = a·σ(w·z) of a two-layer network f(z) = (1/n) Σ_i φ(x_i, z), and their analytic derivatives.

A particle x = (a, w) is a row of length 1 + d: output weight first, then the input weights. All functions take any
leading batch dimensions, so that seeds, widths and variants are computed at once.

Source: arXiv 2510.07554, Section 2.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Activation(NamedTuple):
    """A scalar function σ with its first two derivatives, each elementwise."""

    value: Callable[[Tensor], Tensor]
    first: Callable[[Tensor], Tensor]
    second: Callable[[Tensor], Tensor]
    """For relu zero, its value almost everywhere."""
    bounded: bool
    """The paper's theorems assume bounded φ; relu needs constrained weights instead."""


def _tanh_first(u: Tensor) -> Tensor:
    return 1 - torch.tanh(u).square()


def _erf_first(u: Tensor) -> Tensor:
    return torch.exp(-u.square()) * (2 / math.sqrt(math.pi))


ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(torch.relu, lambda u: (u > 0).to(u.dtype), torch.zeros_like, bounded=False),
    "tanh": Activation(torch.tanh, _tanh_first, lambda u: -2 * torch.tanh(u) * _tanh_first(u), bounded=True),
    "erf": Activation(torch.erf, _erf_first, lambda u: -2 * u * _erf_first(u), bounded=True),
}
"""Activations σ by name."""


def activation(name: str) -> Activation:
    """The activation called `name`.

    Raises:
        ValueError: No such activation; the message lists the names.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {name!r}")
    return ACTIVATIONS[name]


def features(sigma: Activation, particles: Tensor, inputs: Tensor) -> Tensor:
    """φ(x_i, z_k) of every neuron on every input.

    Args:
        sigma: The activation.
        particles: Shape (..., n, 1 + d).
        inputs: Shape (N, d), or (..., N, d) where networks see different inputs.

    Returns:
        Shape (..., n, N).
    """
    return particles[..., :1] * sigma.value(particles[..., 1:] @ inputs.mT)


def pullback(sigma: Activation, particles: Tensor, inputs: Tensor, residual: Tensor) -> Tensor:
    """∇_x ⟨φ(x_i), r⟩ of every neuron.

    Args:
        sigma: The activation.
        particles: Shape (..., n, 1 + d).
        inputs: Shape (N, d), or (..., N, d) where networks see different inputs.
        residual: r, shape (..., N): the same for all neurons.

    Returns:
        Shape (..., n, 1 + d). With r the derivative of the loss by the outputs, a neuron's gradient g_i is this over N.
    """
    before = particles[..., 1:] @ inputs.mT
    by_output = sigma.value(before) @ residual[..., :, None]
    by_input = particles[..., :1] * ((sigma.first(before) * residual[..., None, :]) @ inputs)
    return torch.cat([by_output, by_input], dim=-1)


def pushforward(sigma: Activation, particles: Tensor, inputs: Tensor, direction: Tensor) -> Tensor:
    """Dφ(x_i) v_i: the change of every neuron's features along its own direction.

    Args:
        sigma: The activation.
        particles: Shape (..., n, 1 + d).
        inputs: Shape (N, d), or (..., N, d) where networks see different inputs.
        direction: v, shape (..., n, 1 + d).

    Returns:
        Shape (..., n, N).
    """
    before = particles[..., 1:] @ inputs.mT
    along = direction[..., 1:] @ inputs.mT
    return direction[..., :1] * sigma.value(before) + particles[..., :1] * sigma.first(before) * along


def second_order(sigma: Activation, particles: Tensor, inputs: Tensor, residual: Tensor, direction: Tensor) -> Tensor:
    """⟨D²φ(x_i)[v_i, v_i], r⟩ of every neuron.

    Args:
        sigma: The activation.
        particles: Shape (..., n, 1 + d).
        inputs: Shape (N, d), or (..., N, d) where networks see different inputs.
        residual: r, shape (..., N).
        direction: v, shape (..., n, 1 + d).

    Returns:
        Shape (..., n).
    """
    before = particles[..., 1:] @ inputs.mT
    along = direction[..., 1:] @ inputs.mT
    mixed = 2 * direction[..., :1] * sigma.first(before) * along
    curved = particles[..., :1] * sigma.second(before) * along.square()
    return ((mixed + curved) @ residual[..., :, None])[..., 0]
