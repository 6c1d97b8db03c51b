"""Linear regression with two parameters: which edge do the methods drop when, and what does it cost?

y = x₁ + x₂ with centred inputs; risk R(w) = ½ (w − 1)ᵀ H (w − 1), H the covariance of the inputs. Full gradients, so
that masks are the only noise. Of the experiment in arXiv 2502.19948 only the idea is kept: problems, learning rates and
starts are ours.

A trap: with two edges the z-scores are ±1/√2 whatever the gradient is (unbiased standard deviation), so only the
*order* of the two gradients matters. The edge with the smaller one has q = sigmoid(1/√2) = 0.670 and is dropped with
probability 0.3 + 0.5 · 0.670 = 0.635, the other with 0.3. Dropping big gradients swaps them, and DropConnect at the
mean, 0.467, is the control that drops equally many edges without looking.

Prediction, written down before the runs: DDC keeps the edge with the larger gradient and so follows the plain path
more closely than DropConnect and, still more, than dropping big gradients, as long as one gradient is clearly larger
(stretched problems, starts far away). It is not faster than no dropping: a mask with one edge doubles the other one,
and the gradient is taken at that displaced point. No masked method converges to the optimum, where masked gradients
do not vanish. The claim is refuted if DropConnect at the same mean rate, or dropping big gradients, is as fast or
faster.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from dropatlas.ddc.rules import RULES, Rule
from dropatlas.ddc.settings import Regression
from dropatlas.layers.probabilities import rates_of_values

THRESHOLD, MAX_DROP = 0.5, 0.95
OPTIMUM = (1.0, 1.0)


def hessian(scales: tuple[float, float], correlation: float) -> Tensor:
    """Covariance of the inputs, (2, 2) float64."""
    first, second = scales
    cross = correlation * first * second
    return torch.tensor([[first**2, cross], [cross, second**2]], dtype=torch.float64)


def risk_gradient(weights: Tensor, curvature: Tensor) -> Tensor:
    """∇R at weights (..., 2)."""
    return (weights - torch.tensor(OPTIMUM, dtype=weights.dtype)) @ curvature


def excess_risk(weights: Tensor, curvature: Tensor) -> Tensor:
    """R at weights (..., 2), shape (...)."""
    return 0.5 * ((weights - torch.tensor(OPTIMUM, dtype=weights.dtype)) * risk_gradient(weights, curvature)).sum(-1)


def starts(count: int, radius: float) -> Tensor:
    """Starts evenly spaced on the circle around the optimum, (count, 2) float64."""
    angles = 2 * np.pi * (np.arange(count) + 0.5) / count
    return torch.from_numpy(np.array(OPTIMUM) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def masked_step(
    weights: Tensor, probability: Tensor, uniform: Tensor, rule: Rule, curvature: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One step of gradient descent for all seeds at once, exactly as the layer and `torch.optim.SGD` do it.

    Args:
        weights: (seeds, 2), float64.
        probability: Drop probability of each edge, same shape.
        uniform: Uniform numbers that decide the masks, same shape.
        rule: Method.
        curvature: H, (2, 2).
        learning_rate: Of plain gradient descent.

    Returns:
        New weights, drop probabilities of the next step, which edges were dropped, and the gradient the weights got.
    """
    kept = uniform >= probability
    rate = 1 - kept.double().mean(1, keepdim=True)
    factor = kept / (1 - rate.clamp_max(MAX_DROP))
    gradient = risk_gradient(weights * factor, curvature)
    if rule.gradient == "masked":
        gradient = gradient * factor
    formula = partial(
        rates_of_values,
        base_rate=rule.base_rate,
        largest_addition=rule.gradient_rate,
        threshold=THRESHOLD,
        normalize=True,
        drops=rule.drops,
    )
    return weights - learning_rate * gradient, torch.vmap(formula)(gradient.abs()), ~kept, gradient


@dataclass(frozen=True)
class Descent:
    """Paths of all seeds.

    Attributes:
        weights: Before every step and after the last one, (steps + 1, seeds, 2).
        gradients: What the weights got in every step, (steps, seeds, 2).
        dropped: Which edges were dropped, same shape.
        risks: Excess risk without masks, (steps + 1, seeds).
    """

    weights: Tensor
    gradients: Tensor
    dropped: Tensor
    risks: Tensor


def descend(
    rule: Rule, curvature: Tensor, learning_rate: float, start: Tensor, steps: int, generator: torch.Generator
) -> Descent:
    """Gradient descent from every start; nothing is dropped in the first step, as there is no gradient yet."""
    weights, probability = start, torch.zeros_like(start)
    path, gradients, masks = [start], [], []
    for _ in range(steps):
        uniform = torch.rand(start.shape, generator=generator)
        weights, probability, dropped, gradient = masked_step(
            weights, probability, uniform, rule, curvature, learning_rate
        )
        path.append(weights)
        gradients.append(gradient)
        masks.append(dropped)
    weights = torch.stack(path)
    return Descent(weights, torch.stack(gradients), torch.stack(masks), excess_risk(weights, curvature))


def descend_problem(
    settings: Regression,
    scales: tuple[float, float],
    rate: float,
    method: str,
    start: Tensor,
    steps: int,
    masks: np.random.SeedSequence,
) -> Descent:
    """Gradient descent on one problem from every start.

    Args:
        settings: Correlation of the inputs.
        scales: Standard deviations of the inputs.
        rate: Learning rate in units of 2/λ, λ the largest eigenvalue of the Hessian.
        method: A key of `RULES`.
        start: Starts, (seeds, 2).
        steps: Steps.
        masks: Seed of the masks.
    """
    curvature = hessian(scales, settings.correlation)
    learning_rate = rate * 2 / torch.linalg.eigvalsh(curvature).max().item()
    draws = torch.Generator().manual_seed(int(masks.generate_state(1)[0]))
    return descend(RULES[method], curvature, learning_rate, start, steps, draws)


def late_risk(risks: Tensor) -> np.ndarray:
    """Mean risk over the last quarter of the steps over the initial one, for each seed.

    Args:
        risks: (steps + 1, seeds).
    """
    return (risks[-((len(risks) - 1) // 4) :].mean(0) / risks[0]).numpy()


def steps_to_target(risks: Tensor, target: float) -> np.ndarray:
    """First step at which each seed's risk is at most `target` times its initial one; NaN if never.

    Args:
        risks: (steps + 1, seeds).
        target: Share of the initial risk.
    """
    reached = (risks <= target * risks[0]).numpy()
    return np.where(reached.any(0), reached.argmax(0).astype(float), np.nan)


def drops_by_importance(descent: Descent, curvature: Tensor, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """How often the edge with the smaller and with the larger present gradient was dropped in the first steps.

    Importance is judged by the gradient without masks at the point where the mask was drawn, not by the one the method
    looks at. The first step, in which nothing can be dropped, is left out.

    Returns:
        Two arrays of shares of steps, one value per seed.
    """
    plain = risk_gradient(descent.weights[1:steps], curvature).abs()
    smaller = plain.argmin(-1, keepdim=True)
    dropped = descent.dropped[1:steps].double()
    rates = [dropped.gather(-1, edge).squeeze(-1).mean(0).numpy() for edge in (smaller, 1 - smaller)]
    return rates[0], rates[1]
