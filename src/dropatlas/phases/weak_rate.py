"""Weak error of dropout in the critical phase IV: how fast does the bias of test functions vanish with the width?

Open question 1 of the paper: its limit IV is an ansatz without a proof, and no rate is known.

Prediction (ours): the bias, E of a test function under dropout with n neurons minus its value under the limit, falls
like 1/n. With α and β fixed, q = 1/(βn) and τ = αq, every difference of the two is of that order: Bernoulli(q) instead
of Poisson clocks, Binomial(n - 1, q) instead of Poisson(1/β) neurons in the forward pass, the time step τ (an Euler
error of first order), and correlations between neurons, which share a step with probability of order q (propagation of
chaos); a functional that is not linear in the law, such as the risk, is off by the variance of n neurons, of order
1/n, too. Single runs scatter like n^(-1/2), so that many must be averaged to see the bias. It would be refuted by a
bias that stays (the ansatz is wrong) or falls like another power. Limit III in the place of IV must leave a bias.

The squared bias is estimated without the noise of the averages: as the product of two biases, of independent halves of
the runs against independent simulations of the limit. One half would give the square plus its own variance.

Besides the functions, the law itself: distribution functions of one-dimensional projections. The squared distance of
two is ∫(F - G)², for which halves work as for a number; W₁ = ∫|F - G|, which has no estimate free of noise, stands
beside it. Both are averaged over fixed directions (sliced).

Source: arXiv 2510.07554, Theorem 1 (IV, "ansatz"); rate and estimates are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dropatlas.phases.limits import critical_jumps, poisson_jumps
from dropatlas.phases.particles import BLOCK, Problem, System, initial_particles, sample_masks
from dropatlas.phases.weak_rate_kernels import many_runs

DIAGONALS = np.array([(1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1)]) / np.sqrt(3)
DIRECTIONS = np.concatenate([np.eye(3), DIAGONALS])
"""Directions of the projections, shape (7, 3): axes and diagonals."""
REACH, SPACING = 12.0, 0.1
BINS = round(2 * REACH / SPACING)
"""Grid on which distribution functions are read; what lies beyond counts as at its end."""


@dataclass(frozen=True)
class Averages:
    """What a simulation is asked for.

    Attributes:
        functions: Means over the neurons, in the order of FUNCTIONS, shape (len(FUNCTIONS),).
        law: Distribution functions of the projections on the grid, shape (7, BINS).
    """

    functions: np.ndarray
    law: np.ndarray

    def __sub__(self, other: "Averages") -> "Averages":
        """The difference, function by function and point by point."""
        return Averages(self.functions - other.functions, self.law - other.law)


def averages(problem: Problem, particles: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Averages of systems one by one.

    Args:
        problem: Data and neuron type.
        particles: Shape (runs, n, 3).
        outputs: f of every run, shape (runs, N).

    Returns:
        Functions, shape (runs, len(FUNCTIONS)): risk, mean of |x|², cos a and exp(-|x|²/2). Laws, shape
        (runs, 7, BINS).
    """
    runs, width, _ = particles.shape
    risks = ((outputs - problem.targets) ** 2).mean(axis=1) / 2
    squares = (particles**2).sum(axis=2)
    means = [squares.mean(axis=1), np.cos(particles[..., 0]).mean(axis=1), np.exp(-squares / 2).mean(axis=1)]
    bins = np.clip((particles @ DIRECTIONS.T + REACH) / SPACING, 0, BINS - 1).astype(np.int64)
    rows = len(DIRECTIONS) * np.arange(runs)[:, None, None] + np.arange(len(DIRECTIONS))
    counts = np.bincount((rows * BINS + bins).ravel(), minlength=runs * len(DIRECTIONS) * BINS)
    laws = counts.reshape(runs, len(DIRECTIONS), BINS).cumsum(axis=2) / width
    return np.column_stack([risks, *means]), laws


def limit_averages(
    problem: Problem, width: int, copies: int, time: float, alpha: float, beta: float, rng: np.random.Generator
) -> Averages:
    """Averages over independent simulations of limit IV, or of III with beta = 0.

    Args:
        problem: Data and neuron type.
        width: Particles of one simulation; its bias is of order 1/width.
        copies: Simulations.
        time: T.
        alpha: α.
        beta: β.
        rng: Stream of starts and clocks.
    """
    found = []
    for _ in range(copies):
        start = initial_particles(rng, width)
        clocks = (problem, start, time, alpha)
        end = critical_jumps(*clocks, beta, rng) if beta else poisson_jumps(*clocks, rng)
        found.append(averages(problem, end[None], System(problem, end).total[None] / width))
    functions, laws = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Averages(functions.mean(axis=0), laws.mean(axis=0))


@dataclass(frozen=True)
class Runs:
    """Independent runs of dropout at one width.

    Attributes:
        average: Means over the runs.
        scatter: Standard deviation over the runs of every function, and last the mean over the runs of the sliced W₁
            between a run's neurons and the law of the limit.
    """

    average: Averages
    scatter: np.ndarray


def dropout_runs(
    problem: Problem,
    width: int,
    runs: int,
    learning_rate: float,
    keep_rate: float,
    steps: int,
    limit_law: np.ndarray,
    rng: np.random.Generator,
) -> Runs:
    """Averages over independent dropout runs.

    Args:
        problem: Data and neuron type.
        width: Neurons n.
        runs: Runs, each with its own start and masks.
        learning_rate: τ.
        keep_rate: q.
        steps: Steps.
        limit_law: Distribution functions of the limit's projections, shape (7, BINS).
        rng: Stream of starts and masks.
    """
    system = System(problem, np.zeros((1, 3)))
    values, law, apart = [], np.zeros_like(limit_law), 0.0
    block = max(1, BLOCK // (8 * max(width, BINS)))
    for done in range(0, runs, block):
        many = min(block, runs - done)
        particles = np.stack([initial_particles(rng, width) for _ in range(many)])
        masks = sample_masks(rng, width, keep_rate, steps * many)
        outputs = np.empty((many, len(problem.targets)))
        many_runs(
            *(system.code, problem.bound, particles, system.inputs, system.targets, learning_rate, keep_rate),
            *(steps, masks.starts, masks.neurons, outputs),
        )
        functions, laws = averages(problem, particles, outputs)
        values.append(functions)
        law += laws.sum(axis=0) / runs
        apart += float(np.abs(laws - limit_law).sum()) * SPACING / len(DIRECTIONS) / runs
    functions = np.concatenate(values)
    return Runs(Averages(functions.mean(axis=0), law), np.append(functions.std(axis=0, ddof=1), apart))


def product(first: Averages, second: Averages) -> np.ndarray:
    """Product of two differences of every function, and last ∫ΔΔ' dx of the law, sliced."""
    law = (first.law * second.law).sum() * SPACING / len(DIRECTIONS)
    return np.append(first.functions * second.functions, law)


def size(difference: Averages) -> np.ndarray:
    """A difference of every function, with its sign, and last the sliced W₁ of the law."""
    return np.append(difference.functions, np.abs(difference.law).sum() * SPACING / len(DIRECTIONS))


def weak_errors(halves: Sequence[Runs], limits: Sequence[Averages], control: Averages) -> dict[str, list[float]]:
    """Errors of dropout at one width against the limit, by quantity: every function, and last the law.

    Args:
        halves: Two independent halves of the runs.
        limits: Two independent simulations of the limit.
        control: The control, limit III; both halves are compared with one simulation of it.

    Returns:
        squared_bias: product of the halves' biases, free of the noise of either; it may be negative. control_squared:
        the same against the control. limit_squared: variance of one simulation of the limit. bias: mean bias (law:
        sliced W₁, with the noise of the averages). limit_error: standard error of the mean of both simulations (law:
        half their W₁). scatter: see `Runs`, mean of the halves.
    """
    averages = [half.average for half in halves]
    biases = [half - limit for half, limit in zip(averages, limits, strict=True)]
    own = limits[0] - limits[1]
    mean = Averages(*((biases[0].functions + biases[1].functions) / 2, (biases[0].law + biases[1].law) / 2))
    found = {
        "squared_bias": product(*biases),
        "control_squared": product(*(half - control for half in averages)),
        "limit_squared": product(own, own) / 2,
        "bias": size(mean),
        "limit_error": np.abs(size(own)) / 2,
        "scatter": (halves[0].scatter + halves[1].scatter) / 2,
    }
    return {name: values.tolist() for name, values in found.items()}
