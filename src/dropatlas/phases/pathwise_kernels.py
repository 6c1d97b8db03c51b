"""Compiled loop of the coupled paths: a network under dropout beside neurons that follow a given output."""

import numpy as np

from dropatlas.phases.particle_kernels import add, compiled, fill_values, neuron_gradient, project


@compiled
def _descend(
    code: int,
    bound: float,
    particles: np.ndarray,
    i: int,
    row: np.ndarray,
    inputs: np.ndarray,
    residual: np.ndarray,
    rate: float,
) -> None:
    """x_i -= rate ∇⟨φ(x_i), residual⟩/N; `row` is filled with σ(w·z)."""
    fill_values(code, particles[i, 1], particles[i, 2], inputs, row)
    gradient = neuron_gradient(code, particles[i, 0], row, inputs, residual, 0.0)
    particles[i, 0] -= rate * gradient[0]
    particles[i, 1] -= rate * gradient[1]
    particles[i, 2] -= rate * gradient[2]
    project(particles, i, bound)


@compiled
def _at(path: np.ndarray, place: float, targets: np.ndarray, residual: np.ndarray) -> None:
    """Fill `residual` with f - y at a place on the grid of `path`, linearly between its points."""
    first = min(int(place), path.shape[0] - 2)
    share = place - first
    for k in range(len(targets)):
        residual[k] = (1.0 - share) * path[first, k] + share * path[first + 1, k] - targets[k]


@compiled
def _record(first: np.ndarray, second: np.ndarray, i: int, largest: np.ndarray) -> None:
    distance = 0.0
    for k in range(3):
        distance += (first[i, k] - second[i, k]) ** 2
    largest[i] = max(largest[i], distance)


@compiled
def coupled_steps(
    code: int,
    bound: float,
    dropout: np.ndarray,
    frozen: np.ndarray,
    limit: np.ndarray,
    other: np.ndarray,
    inputs: np.ndarray,
    targets: np.ndarray,
    rate: float,
    keep_rate: float,
    path: np.ndarray,
    other_path: np.ndarray,
    spacing: float,
    starts: np.ndarray,
    kept: np.ndarray,
    ends: np.ndarray,
    ticking: np.ndarray,
    times: np.ndarray,
    largest: np.ndarray,
) -> None:
    """Advance four systems of equally many neurons step by step, all arrays of particles (n, 3) in place.

    dropout: the network, x_i -= α ∇⟨φ(x_i), f̂ - y⟩/N for the kept neurons. frozen: the same clock, but the output of
    the limit at the start of the step instead of f̂. limit: jumps by -α ∇⟨φ(x), f(t) - y⟩/N when its clock ticks, with
    f from `path`. other: the same with f from `other_path`.

    Step s keeps kept[starts[s]:starts[s + 1]]; in it the clocks of ticking[ends[s]:ends[s + 1]] tick at `times`.
    largest[0] to largest[3] become, by neuron, the largest square of the distance after any step of dropout to limit,
    frozen to limit, dropout to frozen, and other to limit.
    """
    samples = len(targets)
    residual = np.empty(samples)
    most = 0
    for s in range(len(starts) - 1):
        most = max(most, starts[s + 1] - starts[s])
    rows = np.empty((most + 1, samples))
    alpha, weight = rate / keep_rate, 1.0 / (dropout.shape[0] * keep_rate)
    for s in range(len(starts) - 1):
        _at(path, s * rate / spacing, targets, residual)
        for place in range(starts[s], starts[s + 1]):
            _descend(code, bound, frozen, kept[place], rows[most], inputs, residual, alpha)
        for k in range(samples):
            residual[k] = -targets[k]
        for place in range(starts[s], starts[s + 1]):
            i, row = kept[place], rows[place - starts[s]]
            fill_values(code, dropout[i, 1], dropout[i, 2], inputs, row)
            add(residual, dropout[i, 0] * weight, row)
        for place in range(starts[s], starts[s + 1]):  # the residual is that of the step's start for all of them
            _descend(code, bound, dropout, kept[place], rows[most], inputs, residual, alpha)
        for place in range(ends[s], ends[s + 1]):
            _at(path, times[place] / spacing, targets, residual)
            _descend(code, bound, limit, ticking[place], rows[most], inputs, residual, alpha)
            _at(other_path, times[place] / spacing, targets, residual)
            _descend(code, bound, other, ticking[place], rows[most], inputs, residual, alpha)
        for which in range(2):
            first, last = (starts[s], starts[s + 1]) if which == 0 else (ends[s], ends[s + 1])
            for place in range(first, last):
                i = kept[place] if which == 0 else ticking[place]
                _record(dropout, limit, i, largest[0])
                _record(frozen, limit, i, largest[1])
                _record(dropout, frozen, i, largest[2])
                _record(other, limit, i, largest[3])
