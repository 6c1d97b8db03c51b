"""Second-order terms of the risk along a gradient step, the sharpness, and why a random metric bypasses it.

One step x_i <- x_i - τ m_i g_i with independent multipliers m_i of mean 1 (random metric: m_i is 1/q or 0) changes the
risk R, to second order in τ, by

    E[R_next] = R - τ G + (τ²/2) (B + E[m²] C + Var(m) S/n),

    G = mean_i |g_i|²,                             g_i = Dφ(x_i)ᵀ ℓ'(f, y) / N
    B = (1/N) Σ_k ℓ''(f_k, y_k) (mean_i Dφ(x_i) g_i)_k²      Gauss-Newton part: a square of the mean over neurons
    C = mean_i ⟨D²φ(x_i)[g_i, g_i], ℓ'(f, y)⟩ / N            curvature of single neurons
    S = mean_i (1/N) Σ_k ℓ''(f_k, y_k) (Dφ(x_i) g_i)_k²      Gauss-Newton part of a neuron with itself

Var(m) multiplies only C and S/n, never B: when B >> |C| single neurons may step far beyond 2/sharpness. The paper (and
the theory here) has E[m]² B + E[m²] C; the self-interaction Var(m) S/n = β (1 - q) S with β = 1/(nq) is exact at finite
width (ours), vanishes with β, and is not small where B is (late in training neurons' contributions to B cancel, those
to S do not).

Scaling: everything is in the mean-field metric, where a step of the master rate τ is a step τ along g = n ∇R. The
Hessian here is n times the parameter Hessian, and gradient descent on the quadratic model is stable up to τ = 2/λ_max.

Source: arXiv 2510.07554 (sharpness bypass); batch sharpness as defined there, E[gᵀHg/|g|²].
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from dropatlas.phases.losses import Loss
from dropatlas.phases.neurons import Activation, features, pullback, pushforward, second_order


class SecondOrder(NamedTuple):
    """Terms of the risk along one gradient step, each of shape (...): the leading dimensions of the particles."""

    risk: Tensor
    gradient: Tensor
    """G"""
    gauss_newton: Tensor
    """B"""
    curved: Tensor
    """C"""
    self_interaction: Tensor
    """S; it enters with the factor Var(m)/n."""


class BatchSharpness(NamedTuple):
    """Mean of gᵀHg/|g|² over draws of a minibatch (and mask) with its standard error."""

    mean: float
    standard_error: float
    draws: int


def along_gradient(sigma: Activation, loss: Loss, particles: Tensor, inputs: Tensor, targets: Tensor) -> SecondOrder:
    """R, G, B, C and S at the given particles.

    Args:
        sigma: The activation.
        loss: The loss with its derivatives.
        particles: Shape (..., n, 1 + d).
        inputs: Shape (N, d) or (..., N, d).
        targets: Shape (N,) or (..., N).

    Returns:
        Each term with shape (...).
    """
    samples = inputs.shape[-2]
    outputs = features(sigma, particles, inputs).mean(-2)
    residual = loss.first(outputs, targets)
    gradient = pullback(sigma, particles, inputs, residual) / samples
    moved = pushforward(sigma, particles, inputs, gradient)
    weights = loss.second(outputs, targets) / samples
    return SecondOrder(
        risk=loss.value(outputs, targets).mean(-1),
        gradient=gradient.square().sum(-1).mean(-1),
        gauss_newton=(weights * moved.mean(-2).square()).sum(-1),
        curved=second_order(sigma, particles, inputs, residual, gradient).mean(-1) / samples,
        self_interaction=(moved.square() @ weights[..., :, None])[..., 0].mean(-1),
    )


def expected_risk(terms: SecondOrder, rate: float, width: int, variance: float) -> Tensor:
    """E[R_next] after one step with independent multipliers of mean 1, to second order in the rate.

    Args:
        terms: From `along_gradient`.
        rate: Master learning rate τ.
        width: Number of neurons n.
        variance: Var(m) of the multipliers, 1/q - 1 for the random metric.

    Returns:
        Shape (...).
    """
    bend = terms.gauss_newton + (1 + variance) * terms.curved + variance * terms.self_interaction / width
    return terms.risk - rate * terms.gradient + rate**2 / 2 * bend


def hessian_product(
    sigma: Activation, loss: Loss, particles: Tensor, inputs: Tensor, targets: Tensor
) -> Callable[[Tensor], Tensor]:
    """Product with the Hessian of the risk in the mean-field metric (n times the parameter Hessian).

    What does not depend on the direction is computed once.

    Args:
        sigma: The activation.
        loss: The loss with its derivatives.
        particles: Shape (..., n, 1 + d).
        inputs: Shape (N, d) or (..., N, d).
        targets: Shape (N,) or (..., N).

    Returns:
        A function of a direction, shape (..., n, 1 + d), with values of that shape.
    """
    samples, width = inputs.shape[-2], particles.shape[-2]
    before = particles[..., 1:] @ inputs.mT
    value, first = sigma.value(before), sigma.first(before)
    outputs = (particles[..., :1] * value).mean(-2)
    residual = loss.first(outputs, targets) / samples
    weights = loss.second(outputs, targets) / samples
    slope = particles[..., :1] * first
    # D²φ[v, ·]: σ' couples output and input weights, σ'' bends the input weights
    mixed = residual[..., None, :] * first
    bent = residual[..., None, :] * particles[..., :1] * sigma.second(before)

    def product(direction: Tensor) -> Tensor:
        along = direction[..., 1:] @ inputs.mT
        change = (direction[..., :1] * value + slope * along).sum(-2) / width
        pulled = (weights * change)[..., None, :]
        by_output = (value * pulled + mixed * along).sum(-1, keepdim=True)
        by_input = (slope * pulled + direction[..., :1] * mixed + bent * along) @ inputs
        return torch.cat([by_output, by_input], dim=-1)

    return product


def sharpness(product: Callable[[Tensor], Tensor], start: Tensor, tolerance: float = 1e-3) -> tuple[float, Tensor]:
    """Largest eigenvalue of a symmetric operator by implicitly restarted Lanczos (ARPACK).

    Args:
        product: The operator, such as `hessian_product(...)` or one of a deeper network.
        start: First Lanczos vector; the eigenvector of a nearby state (warm start) saves most iterations, a random
            direction or the gradient does otherwise. Any shape, not zero; products have its type and device.
        tolerance: Relative accuracy of the eigenvalue.

    Returns:
        Largest (not: largest in absolute value) eigenvalue, NaN if a product is not finite, and its unit eigenvector in
        the shape of `start`.
    """
    shape, size = start.shape, start.numel()
    kind = np.float64 if start.dtype == torch.float64 else np.float32

    def multiply(vector: np.ndarray) -> np.ndarray:
        direction = torch.from_numpy(np.ascontiguousarray(vector, dtype=kind)).to(start.device).reshape(shape)
        return product(direction.to(start.dtype)).reshape(-1).cpu().numpy().astype(kind)

    first = start.reshape(-1).cpu().numpy().astype(kind)
    if not np.isfinite(multiply(first)).all():
        return float("nan"), start
    operator = LinearOperator((size, size), matvec=multiply, dtype=kind)
    values, vectors = eigsh(operator, k=1, which="LA", v0=first, tol=tolerance, ncv=min(size, 12))
    return float(values[0]), torch.from_numpy(vectors[:, 0].copy()).to(start).reshape(shape)


def batch_sharpness(
    sigma: Activation,
    loss: Loss,
    particles: Tensor,
    inputs: Tensor,
    targets: Tensor,
    batches: Tensor,
    multipliers: Tensor | None = None,
    masked: str = "metric",
) -> BatchSharpness:
    """E[gᵀHg/|g|²] over minibatches, or over minibatches and masks, in the mean-field metric.

    Args:
        sigma: The activation.
        loss: The loss with its derivatives.
        particles: Shape (n, 1 + d).
        inputs: Shape (N, d).
        targets: Shape (N,).
        batches: Indices of the samples of every minibatch, shape (draws, b).
        multipliers: Mask multipliers of every draw, 1/q or 0, shape (draws, n); None: no masks.
        masked: "metric": g is the minibatch gradient with its neurons masked, H the Hessian of the minibatch risk
            (random metric); "both": g and H belong to the minibatch risk of the masked network (dropout).

    Returns:
        Mean over the draws with its standard error; draws without an active neuron are left out.

    Raises:
        ValueError: `masked` is none of the two.
    """
    if masked not in ("metric", "both"):
        raise ValueError(f"masked must be metric or both, got {masked!r}")
    quotients = []
    for number, batch in enumerate(batches):
        shown, wanted = inputs[batch], targets[batch]
        mask = particles.new_ones(len(particles)) if multipliers is None else multipliers[number]
        forward = mask if masked == "both" else torch.ones_like(mask)
        outputs = forward @ features(sigma, particles, shown) / len(particles)
        residual = loss.first(outputs, wanted)
        gradient = mask[:, None] * pullback(sigma, particles, shown, residual) / len(batch)
        moved = forward @ pushforward(sigma, particles, shown, gradient) / len(particles)
        curved = (forward * second_order(sigma, particles, shown, residual, gradient)).mean() / len(batch)
        bend = (loss.second(outputs, wanted) * moved.square()).mean() + curved
        quotients.append(bend / gradient.square().sum(-1).mean())
    found = torch.stack(quotients).double()
    found = found[found.isfinite()]
    error = found.std() / len(found) ** 0.5 if len(found) > 1 else torch.tensor(float("nan"))
    return BatchSharpness(float(found.mean()), float(error), len(found))
