"""Mean-field residual networks under dropout, the random metric or neither: L branches of n neurons each.

    h^0 = z,    h^{l+1} = h^l + L^{-s}/n Σ_i m_{l,i} a_{l,i} σ(w_{l,i}·h^l),    f = v·h^L,

with neurons (a, w) ∈ R^d × R^d of law N(0, I_d) ⊗ N(0, I_d/d), a fixed unit vector v, and s = 1 for the 1/L of residual
networks that have a limit in depth, s = 0 for branches that are not scaled. Learning rates undo the factors of single
neurons: a neuron moves by τ L^{s-1} times its mean-field gradient, so that the output moves at the same speed whatever
L and s.

Masks are drawn per layer and neuron. Dropout: forward and metric masks are the same; random metric (RaM): forward
masks are ones; none: both are.

Prediction (ours). In a forward pass of dropout every branch adds independent noise of variance L^{-2s}/n, L branches
L^{1-2s}/n; residual streams and what is sent back keep it without amplifying it. So does the gradient of a neuron, to
which its own mask adds L^{-s}/n only: coupled neurons of dropout and RaM part by n^{-1/2} L^{1/2-s} times what they
move. With s = 1 that is (nL)^{-1/2}: all neurons count alike, wherever they are, and depth brings dropout nearer to
RaM. With s = 0 it is (L/n)^{1/2}, relative to the movement, which L^{s-1} makes small: depth drives them apart. No
dropout parts from dropout by what the masks do to a neuron's own updates, whatever n and L.

Source: arXiv 2510.07554, open question 3, asks for residual networks; the prediction and its derivation are ours.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dropatlas.phases.losses import Loss
from dropatlas.phases.neurons import Activation


class Neurons(NamedTuple):
    """Neurons of all branches: outgoing weights a and incoming weights w, each of shape (..., L, n, d)."""

    outgoing: Tensor
    incoming: Tensor


def draw_neurons(rng: np.random.Generator, depth: int, width: int, inputs: int) -> Neurons:
    """Initial neurons of one network, shapes (L, n, d), float32: a ~ N(0, I), w ~ N(0, I/d)."""
    drawn = torch.from_numpy(rng.standard_normal((2, depth, width, inputs), dtype=np.float32))
    return Neurons(drawn[0], drawn[1] / inputs**0.5)


def forward(
    sigma: Activation, neurons: Neurons, inputs: Tensor, exponent: float, masks: Tensor | None = None
) -> list[Tensor]:
    """Residual stream h^0, ..., h^L, each of shape (..., N, d).

    Args:
        sigma: The activation.
        neurons: Neurons of all branches.
        inputs: Shape (..., N, d).
        exponent: s of the branch factor L^{-s}.
        masks: Multipliers, shape (..., L, n); None: ones.
    """
    depth, width = neurons.outgoing.shape[-3:-1]
    stream = [inputs]
    for layer in range(depth):
        active = sigma.value(stream[-1] @ neurons.incoming[..., layer, :, :].mT)
        sent = neurons.outgoing[..., layer, :, :]
        if masks is not None:
            sent = masks[..., layer, :, None] * sent
        stream.append(stream[-1] + active @ sent * (depth**-exponent / width))
    return stream


def outputs_of(stream: Sequence[Tensor]) -> Tensor:
    """Outputs v·h^L, shape (..., N), for the unit vector v with equal entries."""
    return stream[-1].sum(-1) / stream[-1].shape[-1] ** 0.5


def gradients(
    sigma: Activation,
    loss: Loss,
    neurons: Neurons,
    inputs: Tensor,
    targets: Tensor,
    exponent: float,
    masks: Tensor | None = None,
) -> Neurons:
    """Mean-field gradients, n L^s ∇ of the risk, without each neuron's own mask.

    Args:
        sigma: The activation.
        loss: The loss.
        neurons: Neurons of all branches.
        inputs: Shape (..., N, d).
        targets: Shape (..., N).
        exponent: s of the branch factor L^{-s}.
        masks: Multipliers on the signals of both passes, shape (..., L, n); None: ones. Times the same masks the result
            is the gradient of dropout.
    """
    depth, width, dimension = neurons.outgoing.shape[-3:]
    stream = forward(sigma, neurons, inputs, exponent, masks)
    residual = loss.first(outputs_of(stream), targets) / targets.shape[-1]
    sent_back = (residual[..., None] / dimension**0.5).expand_as(stream[-1])
    outgoing, incoming = torch.empty_like(neurons.outgoing), torch.empty_like(neurons.incoming)
    for layer in range(depth - 1, -1, -1):
        below, weights = stream[layer], neurons.incoming[..., layer, :, :]
        before = below @ weights.mT
        local = sigma.first(before) * (sent_back @ neurons.outgoing[..., layer, :, :].mT)
        outgoing[..., layer, :, :] = sigma.value(before).mT @ sent_back
        incoming[..., layer, :, :] = local.mT @ below
        if masks is not None:
            weights = masks[..., layer, :, None] * weights
        sent_back = sent_back + local @ weights * (depth**-exponent / width)
    return Neurons(outgoing, incoming)


def step(
    sigma: Activation,
    loss: Loss,
    neurons: Neurons,
    inputs: Tensor,
    targets: Tensor,
    rate: float,
    exponent: float,
    forward_masks: Tensor | None,
    metric_masks: Tensor | None,
) -> Neurons:
    """Neurons after one step of the master rate τ (see the module for which masks make which variant)."""
    change = gradients(sigma, loss, neurons, inputs, targets, exponent, forward_masks)
    rates = torch.tensor(rate * neurons.outgoing.shape[-3] ** (exponent - 1))
    if metric_masks is not None:
        rates = rates * metric_masks[..., None]
    return Neurons(*(x - rates * g for x, g in zip(neurons, change, strict=True)))


def rms_distance(neurons: Neurons, others: Neurons) -> Tensor:
    """Root mean square distance between coupled neurons (a, w) over all branches, shape (...)."""
    squares = [(x - y).square().sum(-1) for x, y in zip(neurons, others, strict=True)]
    return (squares[0] + squares[1]).mean((-2, -1)).sqrt()
