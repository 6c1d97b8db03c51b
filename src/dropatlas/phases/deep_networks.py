"""Mean-field networks with several hidden layers under dropout and its variants.

Layer l has n neurons; every sum over neurons is divided by n:

    u¹ = W¹ z,    u^l = (1/n) W^l (m^{l-1} ⊙ h^{l-1}),    h^l = σ(u^l),    f = (1/n) a·(m^L ⊙ h^L).

Learning rates undo these factors, so that single weights move by O(1): n τ for W¹ and a, n² τ for the matrices
between. With one hidden layer this is the two-layer network of the paper, with rows (a_i, w_i) as particles.

One step of every variant masks with two masks per layer: `forward` on the signals of both passes, `metric` on the
updates. The update of the weight between neurons j and i is multiplied by metric_j · metric_i, as backpropagation
through dropout does: a neuron's own mask appears in the update of all its weights.
    none: forward = metric = 1.     ram: forward = 1.     dropout: forward = metric.     pn_ram: two independent masks.

Independent centred weights would be degenerate here: (1/n) Σ_j W_ij h_j vanishes, and all neurons of a layer stay
alike (arXiv 2110.15596). `initial_weights` therefore correlates them: neuron i of layer l carries a vector c_i of law
N(0, I_d), w_i = c_i/√d in the first layer, and W^l_ij = 2 c_i·c_j, whose sums over j have different limits for
different i. The `independent` initialisation is there to show the degeneracy.

Source: arXiv 2510.07554 asks for deeper networks (open question 3); initialisation after arXiv 2001.11443.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dropatlas.phases.losses import Loss
from dropatlas.phases.neurons import Activation

INITIALISATIONS = ("correlated", "independent")


class Signals(NamedTuple):
    """Forward pass: inputs u^l and activations h^l of every hidden layer, shape (..., n, N), and outputs (..., N)."""

    before: list[Tensor]
    after: list[Tensor]
    outputs: Tensor


def initial_weights(
    rng: np.random.Generator, networks: int, depth: int, width: int, inputs: int, initialisation: str = "correlated"
) -> list[Tensor]:
    """Weights [W¹, ..., W^L, a] of several networks.

    Args:
        rng: Stream of the weights.
        networks: Number of networks S.
        depth: Hidden layers L.
        width: Neurons per layer n.
        inputs: Input dimension d.
        initialisation: "correlated" (see the module), or "independent": all matrices between layers N(0, 1).

    Returns:
        Shapes (S, n, d), L - 1 times (S, n, n), and (S, n), float32. W¹ ~ N(0, 1/d), a ~ N(0, 1).

    Raises:
        ValueError: depth or width < 1, or an unknown initialisation.
    """
    if depth < 1 or width < 1:
        raise ValueError(f"depth and width must be at least 1, got {depth=}, {width=}")
    if initialisation not in INITIALISATIONS:
        raise ValueError(f"initialisation must be one of {', '.join(INITIALISATIONS)}, got {initialisation!r}")

    def normal(*shape: int) -> Tensor:
        return torch.from_numpy(rng.standard_normal((networks, *shape), dtype=np.float32))

    vectors = [normal(width, inputs) for _ in range(depth)]
    weights = [vectors[0] / inputs**0.5]
    for below, above in pairwise(vectors):
        if initialisation == "correlated":
            # c_i·(mean_j c_j σ(c_j·z/√d)) is about c_i·z/√d times E[σ'] <= 1; 2 keeps the signal from fading with depth
            weights.append(2 * above @ below.mT)
        else:
            weights.append(normal(width, width))
    return [*weights, normal(width)]


def forward(
    sigma: Activation, weights: Sequence[Tensor], inputs: Tensor, masks: Sequence[Tensor] | None = None
) -> Signals:
    """Signals of all layers.

    Args:
        sigma: The activation.
        weights: As `initial_weights` returns them, any leading dimensions.
        inputs: Shape (..., N, d).
        masks: Multipliers of every hidden layer's neurons, shapes (..., n); None: ones.
    """
    width = weights[0].shape[-2]
    before, after = [weights[0] @ inputs.mT], []
    for layer in range(len(weights) - 1):
        after.append(sigma.value(before[layer]))
        sent = after[layer] if masks is None else masks[layer][..., None] * after[layer]
        if layer + 2 < len(weights):
            before.append(weights[layer + 1] @ sent / width)
    return Signals(before, after, (weights[-1][..., None, :] @ sent)[..., 0, :] / width)


def gradients(
    sigma: Activation,
    loss: Loss,
    weights: Sequence[Tensor],
    inputs: Tensor,
    targets: Tensor,
    masks: Sequence[Tensor] | None = None,
) -> list[Tensor]:
    """Mean-field gradients (n ∇ or n² ∇ of the risk), without each neuron's own mask.

    Args:
        sigma: The activation.
        loss: The loss.
        weights: As `initial_weights` returns them.
        inputs: Shape (..., N, d).
        targets: Shape (..., N).
        masks: Multipliers on the signals of both passes, shapes (..., n); None: ones. A weight's own neurons enter
            unmasked: with `masks` also as metric the product with both neurons' masks is the gradient of dropout.

    Returns:
        In the shapes of the weights.
    """
    samples, width = inputs.shape[-2], weights[0].shape[-2]
    signals = forward(sigma, weights, inputs, masks)
    residual = loss.first(signals.outputs, targets)[..., None, :] / samples
    found = [(residual * signals.after[-1]).sum(-1)]
    sent_back = weights[-1][..., None] * residual
    for layer in range(len(weights) - 2, -1, -1):
        local = sigma.first(signals.before[layer]) * sent_back
        below = inputs if layer == 0 else signals.after[layer - 1].mT
        found.append(local @ below)
        if layer > 0:
            masked = local if masks is None else masks[layer][..., None] * local
            sent_back = weights[layer].mT @ masked / width
    return found[::-1]


def masked_metric(gradient: Sequence[Tensor], metric: Sequence[Tensor] | None) -> list[Tensor]:
    """Gradients times the multipliers of the neurons at both ends of every weight."""
    if metric is None:
        return list(gradient)
    found = [metric[0][..., None] * gradient[0]]
    for layer in range(1, len(gradient) - 1):
        found.append(metric[layer][..., None] * gradient[layer] * metric[layer - 1][..., None, :])
    return [*found, metric[-1] * gradient[-1]]


def step(
    sigma: Activation,
    loss: Loss,
    weights: Sequence[Tensor],
    inputs: Tensor,
    targets: Tensor,
    rate: float,
    forward_masks: Sequence[Tensor] | None,
    metric_masks: Sequence[Tensor] | None,
) -> list[Tensor]:
    """Weights after one step of the master rate τ (see the module for which masks make which variant)."""
    found = masked_metric(gradients(sigma, loss, weights, inputs, targets, forward_masks), metric_masks)
    return [weight - rate * change for weight, change in zip(weights, found, strict=True)]


def rms_distance(weights: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
    """Root mean square distance between coupled networks, shape (...).

    Rows of W¹ count as vectors, all other weights one by one; the means over W¹, every W^l and a are added. With one
    hidden layer this is sqrt(mean_i |x_i - x'_i|²).
    """
    parts = [(weights[0] - others[0]).square().sum(-1).mean(-1)]
    for weight, other in zip(weights[1:-1], others[1:-1], strict=True):
        parts.append((weight - other).square().mean((-2, -1)))
    parts.append((weights[-1] - others[-1]).square().mean(-1))
    return torch.stack(parts).sum(0).sqrt()


class QuadraticForms(NamedTuple):
    """First and second derivatives of the risk along mean-field gradients g, each of shape (...).

    Attributes:
        gradient: dR(x + t g)/dt; one hidden layer: G, the mean of |g_i|².
        whole: d²R(x + t g)/dt², the full quadratic form; one hidden layer: B + C.
        gauss_newton: Its Gauss-Newton part; one hidden layer: B.
        blocks: Sum over neurons of the same form with all other neurons' weights at rest, the block-diagonal form (a
            neuron's block: its incoming and outgoing weights); one hidden layer: C + S/n. In the mean of the risk after
            a step with independent multipliers, blocks has the factor Var(m) and whole has not (single weights with
            two masks add a term with Var(m)², of order 1/n).
        curved: `blocks` without its Gauss-Newton part, which is of order 1/n; one hidden layer: C.
    """

    gradient: Tensor
    whole: Tensor
    gauss_newton: Tensor
    blocks: Tensor
    curved: Tensor


def _second_order_signals(
    sigma: Activation, weights: Sequence[Tensor], directions: Sequence[Tensor | None], signals: Signals, inputs: Tensor
) -> tuple[Tensor, Tensor]:
    """First and second derivative of the outputs along a direction of the weights (None: that layer is at rest)."""
    width, zero = weights[0].shape[-2], weights[0].new_zeros(())
    slope: Tensor | None = None  # of the activations below
    bend: Tensor | None = None
    for layer in range(len(weights)):
        weight, direction = weights[layer], directions[layer]
        if layer + 1 == len(weights):
            weight, direction = weight[..., None, :], None if direction is None else direction[..., None, :]
        below = inputs.mT if layer == 0 else signals.after[layer - 1] / width
        first, second = zero if direction is None else direction @ below, zero
        if slope is not None and bend is not None:
            if direction is not None:
                second = 2 * direction @ (slope / width)
            first, second = first + weight @ (slope / width), second + weight @ (bend / width)
        elif direction is None:
            continue
        if layer + 1 < len(weights):
            rise = sigma.first(signals.before[layer])
            bend = rise * second + sigma.second(signals.before[layer]) * first.square()
            slope = rise * first
    return first[..., 0, :], second[..., 0, :]


def quadratic_forms(
    sigma: Activation, loss: Loss, weights: Sequence[Tensor], inputs: Tensor, targets: Tensor
) -> QuadraticForms:
    """Full and block-diagonal quadratic form of the risk along its mean-field gradient, for one network.

    Args:
        sigma: The activation.
        loss: The loss with its derivatives.
        weights: Shapes (n, d), (n, n)..., (n,).
        inputs: Shape (N, d).
        targets: Shape (N,).
    """
    signals = forward(sigma, weights, inputs)
    gradient = gradients(sigma, loss, weights, inputs, targets)
    residual = loss.first(signals.outputs, targets)
    weight = loss.second(signals.outputs, targets)
    first, second = _second_order_signals(sigma, weights, gradient, signals, inputs)
    gauss_newton = (weight * first.square()).mean(-1)
    width, own_part, curved = weights[0].shape[-2], torch.zeros_like(gauss_newton), torch.zeros_like(gauss_newton)
    own = torch.eye(width, dtype=gradient[0].dtype, device=gradient[0].device)
    for layer in range(len(weights) - 1):
        directions: list[Tensor | None] = [None] * len(weights)
        directions[layer] = own[..., None] * gradient[layer]  # (neuron, row, column): that neuron's incoming weights
        if layer + 2 < len(weights):
            directions[layer + 1] = own[:, None, :] * gradient[layer + 1]
        else:
            directions[layer + 1] = own * gradient[layer + 1]
        along, bent = _second_order_signals(sigma, weights, directions, signals, inputs)
        own_part = own_part + (weight * along.square()).mean(-1).sum(-1)
        curved = curved + (residual * bent).mean(-1).sum(-1)
    whole = gauss_newton + (residual * second).mean(-1)
    return QuadraticForms((residual * first).mean(-1), whole, gauss_newton, own_part + curved, curved)
