"""Dropout particles compared with the limits.

In one comparison every system starts from the same particles, and masks, clocks and forward passes are independent
unless said otherwise. Two copies of a limit then differ by its own randomness alone: their distance is the noise floor
below which a distance to that limit means nothing. Limits without randomness have floor 0.
"""

from collections.abc import Callable, Sequence

import numpy as np

from dropatlas.phases.limits import LIMITS, simulate_limit
from dropatlas.phases.particles import Problem, projected, risk, train
from dropatlas.phases.rates import critical_cost
from dropatlas.phases.transport import wasserstein_1

Stream = Callable[..., np.random.Generator]
"""Random stream by name, such as `functools.partial(generator, seed, "phase diagram")`."""

RANDOM_LIMITS = ("III", "IV", "I")
OK, OVER_BUDGET, DROPOUT_DIVERGED, LIMIT_DIVERGED = "ok", "over budget", "dropout diverged", "limit diverged"
NO_LIMIT = "no limit"
DIVERGED_RISK = 1e3  # times the risk at the start


def diverged(problem: Problem, particles: np.ndarray, start_risk: float) -> bool:
    """Whether a run left the finite numbers, or its risk is a thousand times that of the start."""
    return not np.isfinite(particles).all() or not risk(problem, particles) <= DIVERGED_RISK * start_risk


def mean_movement(problem: Problem, start: np.ndarray, end: np.ndarray) -> float:
    """Mean distance |x_i(T) - x_i(0)| of particles from their start, which is projected to the bound."""
    return float(np.mean(np.linalg.norm(end - projected(start, problem.bound), axis=1)))


def limit_rows(
    problem: Problem,
    particles: np.ndarray,
    steps: int,
    learning_rate: float,
    keep_rate: float,
    stream: Stream,
    limits: Sequence[str] = LIMITS,
    points: int | None = None,
    largest_reads: float = np.inf,
) -> list[dict[str, object]]:
    """W₁ of dropout particles to limits at time steps·τ, with noise floors.

    Args:
        problem: Data and neuron type.
        particles: Initial particles of all systems, shape (n, 3).
        steps: Steps of the network.
        learning_rate: τ.
        keep_rate: q.
        stream: Random streams of this network; it is called with further names.
        limits: Limits compared with.
        points: W₁ is that of the first so many particles (they are i.i.d. at the start); None: of all.
        largest_reads: The critical limit is over budget where its forward passes read more neurons than this.

    Returns:
        One row per limit: limit, status, distance, floor, dropout_floor, movement, dropout_risk, limit_risk,
        start_risk; NaN where the status says that there is no value.
    """
    setting = (problem, particles, steps, learning_rate, keep_rate)
    start, flow = risk(problem, particles), simulate_limit("GF", *setting, stream("GF"))
    masks = (stream("masks"), stream("masks of the copy"))
    dropout, copy = (train(problem, particles, "dropout", learning_rate, keep_rate, steps, rng) for rng in masks)
    lost = diverged(problem, dropout, start) or diverged(problem, copy, start)
    common = {
        "dropout_floor": np.nan if lost else wasserstein_1(dropout[:points], copy[:points]),
        "movement": mean_movement(problem, particles, flow),
        "dropout_risk": np.nan if lost else risk(problem, dropout),
        "start_risk": start,
    }
    rows = []
    for limit in limits:
        row = {"limit": limit, "status": OK, "distance": np.nan, "floor": np.nan, **common, "limit_risk": np.nan}
        rows.append(row)
        too_long = critical_cost(len(particles), steps * learning_rate, learning_rate, keep_rate) > largest_reads
        if lost:
            row["status"] = DROPOUT_DIVERGED
        elif limit == "IV" and too_long:
            row["status"] = OVER_BUDGET
        else:
            found = flow if limit == "GF" else simulate_limit(limit, *setting, stream(limit))
            again = simulate_limit(limit, *setting, stream(limit, "copy")) if limit in RANDOM_LIMITS else found
            if diverged(problem, found, start) or diverged(problem, again, start):
                row["status"] = LIMIT_DIVERGED
                continue
            row["distance"] = wasserstein_1(dropout[:points], found[:points])
            row["floor"] = wasserstein_1(found[:points], again[:points]) if limit in RANDOM_LIMITS else 0.0
            row["limit_risk"] = risk(problem, found)
    return rows


NO_VALUES = dict.fromkeys(("distance", "floor", "dropout_floor", "movement", "dropout_risk", "limit_risk"), np.nan)
"""What a network that was not run has instead."""


def rms_distance(first: np.ndarray, second: np.ndarray) -> float:
    """sqrt(mean_i |x_i - x'_i|²) of coupled particles."""
    return float(np.sqrt(np.mean(np.sum((first - second) ** 2, axis=1))))
