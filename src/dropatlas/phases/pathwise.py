"""Dropout coupled neuron by neuron with limit III, the Poisson phase: how far do their paths part?

Open question 2 of the paper: the law of the neurons converges in phase III at every time; do their paths?

The coupling (ours). A neuron of the limit jumps by -α∇⟨φ(x), f(t) - y⟩/N at the times of its own Poisson clock of rate
1/α, where f(t) is the output of the limit's law, of infinitely many neurons: neurons of the limit are then independent
copies of one process. f is computed once, from many particles with clocks of their own (`limit_output`); the mean over
the n coupled particles would bring the same n^(-1/2) into both paths and hide it. One uniform number per neuron and
step decides whether dropout keeps the neuron and how often the clock of its copy ticks, both increasing in it
(`clock_ticks`): they differ with probability q(1 - exp(-q)), the least possible, so that over the T/(αq) steps a neuron
is left without its match with a probability of order q. Both start from the same particle.

A distance is the largest over all steps k of |X_k - X̄(kτ)|, neuron by neuron, and then averaged over the neurons:
the expected supremum of pathwise convergence, not the supremum of an average. Within a step the two jump at different
moments, so that in continuous time the supremum would never be small; the times differ by at most τ → 0.

Prediction. Three things part the paths: a tick without a match, for a share of the neurons of order q T/α; the noise of
the masked forward pass, whose variance is β(1 - q)|φ|² at every one of T/α jumps; that f moves by O(τ) within a step.
The root mean square over the neurons is then about sqrt(A q + B β), and the mean about A q + B sqrt(β). Along
q ∝ n^(-1/2), hence β ∝ n^(-1/2), both tend to 0, the root mean square like n^(-1/4). It would be refuted by a distance
that stays, or by terms with other exponents. Clocks of its own for the limit, or a keep rate that is fixed while n
grows (Bernoulli steps, phase I, never become a Poisson clock), must keep the paths apart.

Source: arXiv 2510.07554, Theorem 1 (III), Section 5.4 (the question); coupling and rates are ours.
"""

import math
from dataclasses import dataclass

import numpy as np

from dropatlas.phases.comparison import Stream
from dropatlas.phases.limits import EMPTY, jump_events
from dropatlas.phases.particles import (
    ACTIVATION_CODES,
    Masks,
    Problem,
    System,
    initial_particles,
    projected,
    sample_masks,
)
from dropatlas.phases.pathwise_kernels import coupled_steps
from dropatlas.phases.rates import check_rates

MOST_TICKS = 30  # of one clock in one step; more have probability below 1e-30 at any keep rate


@dataclass(frozen=True)
class Ticks:
    """Ticks of Poisson clocks, in the order of time.

    Attributes:
        starts: Shape (steps + 1,); the ticks of step s are those from starts[s] to starts[s + 1].
        neurons: Whose clock it is.
        times: When, in steps since the beginning.
    """

    starts: np.ndarray
    neurons: np.ndarray
    times: np.ndarray


def clock_ticks(rng: np.random.Generator, masks: Masks, keep_rate: float) -> Ticks:
    """Poisson clocks with q ticks per step on average, coupled to masks with keep rate q.

    One uniform number U per neuron and step keeps the neuron if U > 1 - q, and makes its clock tick as often as the
    Poisson(q) quantile at U says. As exp(-q) >= 1 - q, a clock ticks only where the neuron is kept: U is drawn there
    alone, given that it is above 1 - q.

    Args:
        rng: Stream of what the masks leave open.
        masks: Kept neurons.
        keep_rate: q.
    """
    below = np.cumsum([math.exp(-keep_rate) * keep_rate**k / math.factorial(k) for k in range(MOST_TICKS)])
    counts = np.searchsorted(below, 1 - keep_rate * rng.random(len(masks.neurons)))  # random() < 1: U above 1 - q
    steps = np.repeat(np.arange(masks.steps), np.diff(masks.starts))
    times = np.repeat(steps, counts) + rng.random(counts.sum())
    order = np.argsort(times)
    times = times[order]
    starts = np.searchsorted(times, np.arange(masks.steps + 1))
    return Ticks(starts, np.repeat(masks.neurons, counts)[order], times)


def limit_output(
    problem: Problem, width: int, time: float, alpha: float, points: int, rng: np.random.Generator
) -> np.ndarray:
    """Output f(t) of limit III on an even grid of times, from that many particles.

    Args:
        problem: Data and neuron type.
        width: Particles; the error is of order width^(-1/2).
        time: T.
        alpha: α.
        points: Intervals of the grid.
        rng: Stream of the start and the clocks.

    Returns:
        Shape (points + 1, N).
    """
    system = System(problem, initial_particles(rng, width))
    path = [system.total / width]
    for _ in range(points):
        system.jump(alpha, jump_events(rng, width, time / points, alpha), 0.0, EMPTY, EMPTY)
        path.append(system.total / width)
    return np.array(path)


def path_distances(
    problem: Problem,
    paths: tuple[np.ndarray, np.ndarray],
    time: float,
    width: int,
    learning_rate: float,
    keep_rate: float,
    stream: Stream,
    own_clocks: bool = False,
) -> dict[str, float]:
    """How far coupled paths part up to the last step within `time`.

    Args:
        problem: Data and neuron type.
        paths: f(t) of the limit on even grids of [0, time], from two independent simulations; the first one is used.
        time: T.
        width: Neurons n of the network, and of the limit.
        learning_rate: τ.
        keep_rate: q.
        stream: Random streams of this network; it is called with further names.
        own_clocks: Clocks of the limit independent of the masks: the control.

    Returns:
        Over the neurons, of the largest distance after any step: mean and root mean square of dropout to the limit;
        root mean squares of its two parts, clocks (the network's clock with the limit's output, to the limit) and
        noise (dropout to that); and the limit's own error, between limits with the outputs of either simulation,
        over sqrt(2). Infinite where a run diverged.
    """
    check_rates(width, learning_rate, keep_rate)
    steps = int(time / learning_rate * (1 + 1e-12))
    start = initial_particles(stream("start"), width)
    masks = sample_masks(stream("masks"), width, keep_rate, steps)
    clock_masks = sample_masks(stream("own clocks"), width, keep_rate, steps) if own_clocks else masks
    ticks = clock_ticks(stream("clocks"), clock_masks, keep_rate)
    systems = [projected(start, problem.bound) for _ in range(4)]
    largest = np.zeros((4, width))
    data = (np.ascontiguousarray(problem.inputs.T), problem.targets, learning_rate, keep_rate)
    clocks_told = (masks.starts, masks.neurons, ticks.starts, ticks.neurons, learning_rate * ticks.times)
    dropout, frozen, limit, other = systems
    code, spacing = ACTIVATION_CODES[problem.activation], time / (len(paths[0]) - 1)
    coupled_steps(
        *(code, problem.bound, dropout, frozen, limit, other, *data, paths[0], paths[1], spacing, *clocks_told, largest)
    )
    lost = not all(np.isfinite(system).all() for system in systems)
    total, clocks, noise, own = np.full(4, np.inf) if lost else np.sqrt(largest.mean(axis=1))
    return {
        "mean_distance": np.inf if lost else float(np.sqrt(largest[0]).mean()),
        "rms_distance": total,
        "clock_distance": clocks,
        "noise_distance": noise,
        "limit_error": own / np.sqrt(2),
    }
