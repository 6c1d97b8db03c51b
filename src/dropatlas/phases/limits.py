"""The five limits of dropout as n → ∞, each as a system of particles at time T.

| phase | limit dynamics |
| --- | --- |
| GF | gradient flow of the risk: ẋ = -∇⟨φ(x), f_ρ - y⟩/N |
| II | gradient flow of the risk + β(1 - q)·∫½|φ|²/N dρ |
| III | a neuron jumps by -α∇⟨φ(x), f_ρ - y⟩/N at the times of its own Poisson clock of rate 1/α |
| IV | as III, with f = β(φ(x) + Σ_{m ≤ M} φ(Y_m)), M ~ Poisson(1/β), Y_m ~ ρ |
| I | in every step a neuron moves with probability q by -(τ/q)∇⟨φ(x), f_ρ - y⟩/N |

The clocks of n neurons together tick at rate n/α, each tick being that of a neuron chosen uniformly; nothing moves in
between. So jump processes are simulated exactly, tick by tick, without a time step. ρ is the empirical measure of the
limit's own particles.

Source: arXiv 2510.07554, Theorem 1; IV is the paper's ansatz, without a proof.
"""

import math

import numpy as np

from dropatlas.phases.names import PHASES
from dropatlas.phases.particles import BLOCK, Problem, System, train
from dropatlas.phases.rates import FLOW_STEPS, check_rates

LIMITS = PHASES
EMPTY = np.empty(0, dtype=np.int64)


def gradient_flow(
    problem: Problem, particles: np.ndarray, time: float, penalty: float = 0.0, steps: int = FLOW_STEPS
) -> np.ndarray:
    """(Penalised) Wasserstein gradient flow: limit GF, and II with penalty = β(1 - q).

    Args:
        problem: Data and neuron type.
        particles: Initial particles, shape (n, 3); not changed.
        time: T.
        penalty: Factor of ∫½|φ|²/N dρ, at least 0.
        steps: Runge-Kutta steps (order 4; order 1 where the bound of the problem acts).

    Returns:
        Particles at T, shape (n, 3).
    """
    system = System(problem, particles)
    system.flow(penalty, time, steps)
    return system.particles


def poisson_jumps(
    problem: Problem, particles: np.ndarray, time: float, alpha: float, rng: np.random.Generator
) -> np.ndarray:
    """Limit III: independent Poisson clocks of rate 1/α, exact event by event.

    Args:
        problem: Data and neuron type.
        particles: Initial particles, shape (n, 3); not changed.
        time: T.
        alpha: α > 0.
        rng: Stream of the clocks.

    Returns:
        Particles at T, shape (n, 3); not finite: diverged.
    """
    return _jump(problem, particles, time, alpha, 0.0, rng)


def critical_jumps(
    problem: Problem, particles: np.ndarray, time: float, alpha: float, beta: float, rng: np.random.Generator
) -> np.ndarray:
    """Limit IV: as `poisson_jumps`, with Poisson(1/β) random neurons and the jumping one in the forward pass.

    Args:
        problem: Data and neuron type.
        particles: Initial particles, shape (n, 3); not changed.
        time: T.
        alpha: α > 0.
        beta: β > 0; the cost is proportional to 1/β (`rates.critical_cost`).
        rng: Stream of clocks and forward passes.

    Returns:
        Particles at T, shape (n, 3); not finite: diverged.
    """
    if not beta > 0:
        raise ValueError(f"beta must be positive, got {beta}; for beta = 0 use poisson_jumps")
    return _jump(problem, particles, time, alpha, beta, rng)


def jump_events(rng: np.random.Generator, width: int, time: float, alpha: float) -> np.ndarray:
    """The neurons whose clocks of rate 1/α tick within `time`, in the order of the ticks."""
    return rng.integers(width, size=rng.poisson(width * time / alpha))


def _jump(
    problem: Problem, particles: np.ndarray, time: float, alpha: float, beta: float, rng: np.random.Generator
) -> np.ndarray:
    if not alpha > 0:
        raise ValueError(f"alpha must be positive, got {alpha}")
    system = System(problem, particles)
    who = jump_events(rng, len(particles), time, alpha)
    block = int(max(1, min(BLOCK, BLOCK * beta if beta else BLOCK)))
    for first in range(0, len(who), block):
        part = who[first : first + block]
        counts = rng.poisson(1 / beta, len(part)) if beta else EMPTY
        system.jump(alpha, part, beta, counts, rng.integers(len(particles), size=counts.sum()) if beta else EMPTY)
        if not np.isfinite(system.total).all():
            return np.full_like(system.particles, np.nan)
    return system.particles


def bernoulli_steps(
    problem: Problem,
    particles: np.ndarray,
    steps: int,
    learning_rate: float,
    keep_rate: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Limit I: discrete time, every neuron moves in a step with probability q by τ/q times its gradient.

    Its particle system is the network with masked gradients and unmasked forward pass.

    Args:
        problem: Data and neuron type.
        particles: Initial particles, shape (n, 3); not changed.
        steps: Steps.
        learning_rate: τ.
        keep_rate: q.
        rng: Stream of the clocks.
    """
    return train(problem, particles, "ram", learning_rate, keep_rate, steps, rng)


def simulate_limit(
    limit: str,
    problem: Problem,
    particles: np.ndarray,
    steps: int,
    learning_rate: float,
    keep_rate: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Particles of a limit at time steps·τ, for the α = τ/q and β = 1/(nq) of a network of this width.

    Args:
        limit: One of LIMITS.
        problem: Data and neuron type.
        particles: Initial particles, shape (n, 3); not changed.
        steps: Steps of the network.
        learning_rate: τ.
        keep_rate: q.
        rng: Stream of the limit.

    Returns:
        Shape (n, 3).

    Raises:
        ValueError: unknown limit, or rates without a meaning.
    """
    width = len(particles)
    check_rates(width, learning_rate, keep_rate)
    time, alpha, beta = steps * learning_rate, learning_rate / keep_rate, 1 / (width * keep_rate)
    match limit:
        case "GF":
            return gradient_flow(problem, particles, time, steps=flow_steps(problem, 0.0))
        case "II":
            penalty = beta * (1 - keep_rate)
            return gradient_flow(problem, particles, time, penalty, flow_steps(problem, penalty))
        case "III":
            return poisson_jumps(problem, particles, time, alpha, rng)
        case "IV":
            return critical_jumps(problem, particles, time, alpha, beta, rng)
        case "I":
            return bernoulli_steps(problem, particles, steps, learning_rate, keep_rate, rng)
    raise ValueError(f"limit must be one of {', '.join(LIMITS)}, got {limit!r}")


def flow_steps(problem: Problem, penalty: float) -> int:
    """Runge-Kutta steps that keep the flow converged: more for a stiff penalty, for kinks and for a bound."""
    smooth = problem.activation == "tanh" and math.isinf(problem.bound)
    return int(FLOW_STEPS * (1 if smooth else 4) * max(1.0, penalty))
