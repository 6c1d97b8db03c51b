"""Compiled loops of the low-dimensional particle systems: they touch only the neurons that act.

Compiled with numba, because at small keep rates a step touches one neuron or none, and a Python step costs 20 µs
whatever it does. All functions change `particles` (n, 3), `hidden` (n, N) = σ(w·z) and `total` (N,) = Σ φ(x_i) in
place; `total` is kept up to date at the cost of the touched neurons. Inputs (2, N) lie in the plane: fixed sizes are
what makes the loops fast. Sums may be reassociated (vector units), which is the same on every run of one machine.

Codes of σ: 0 tanh, 1 relu. Its derivative is a function of its value for both, so that one σ per neuron and input and
update is enough.
"""

import math

import numpy as np
from numba import njit

TANH, RELU = 0, 1
SHARED, WITHOUT_OWN, MEAN, REDRAWN_OWN = 0, 1, 2, 3
"""Forward passes: masked; masked but a neuron's own part unmasked; the mean over all neurons; masked but a neuron's own
part under the other mask."""

compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})


PER_LOG2 = 1.4426950408889634
LOG2_HIGH, LOG2_LOW = 0.6931471803691238, 1.9082149292705877e-10  # log 2 in two parts, the first one short


@njit(inline="always")
def hyperbolic_tangent(x: float) -> float:
    """Hyperbolic tangent to an absolute error of 3e-16, by arithmetic that vector units do, unlike math.tanh."""
    y = -2.0 * min(abs(x), 20.0)
    whole = math.floor(y * PER_LOG2 + 0.5)
    rest = (y - whole * LOG2_HIGH) - whole * LOG2_LOW
    power = 1 / 479001600  # Taylor series of exp at |rest| <= log(2)/2, degree 12
    power = power * rest + 1 / 39916800
    power = power * rest + 1 / 3628800
    power = power * rest + 1 / 362880
    power = power * rest + 1 / 40320
    power = power * rest + 1 / 5040
    power = power * rest + 1 / 720
    power = power * rest + 1 / 120
    power = power * rest + 1 / 24
    power = power * rest + 1 / 6
    power = power * rest + 0.5
    power = power * rest + 1.0
    power = power * rest + 1.0
    decay = power * np.int64((np.int64(whole) + 1023) << 52).view(np.float64)  # times 2^whole
    return math.copysign((1.0 - decay) / (1.0 + decay), x)


@compiled
def fill_values(code: int, first: float, second: float, inputs: np.ndarray, row: np.ndarray) -> None:
    """Fill `row` (N,) with σ(w·z), w = (first, second)."""
    if code == TANH:
        for k in range(len(row)):
            row[k] = hyperbolic_tangent(first * inputs[0, k] + second * inputs[1, k])
    else:
        for k in range(len(row)):
            row[k] = max(first * inputs[0, k] + second * inputs[1, k], 0.0)


@compiled
def project(particles: np.ndarray, i: int, bound: float) -> None:
    """Nearest point with |a| <= bound and |w| <= bound."""
    if bound == math.inf:
        return
    particles[i, 0] = min(bound, max(-bound, particles[i, 0]))
    length = math.sqrt(particles[i, 1] ** 2 + particles[i, 2] ** 2)
    if length > bound:
        particles[i, 1] *= bound / length
        particles[i, 2] *= bound / length


@compiled
def neuron_gradient(
    code: int, a: float, row: np.ndarray, inputs: np.ndarray, residual: np.ndarray, own: float
) -> tuple[float, float, float]:
    """∇_x ⟨φ(x), residual + own φ(x)⟩/N, the second argument held fixed, of the neuron with σ(w·z) = row."""
    by_output = by_first = by_second = 0.0
    for k in range(len(row)):
        value = row[k]
        r = residual[k] + own * a * value
        by_output += r * value
        slope = 1.0 - value * value if code == TANH else (1.0 if value > 0.0 else 0.0)
        by_first += r * slope * inputs[0, k]
        by_second += r * slope * inputs[1, k]
    samples = len(row)
    return by_output / samples, a * by_first / samples, a * by_second / samples


@compiled
def add(residual: np.ndarray, weight: float, row: np.ndarray) -> None:
    """Residual += weight·row."""
    for k in range(len(row)):
        residual[k] += weight * row[k]


@compiled
def _update(
    code: int,
    bound: float,
    particles: np.ndarray,
    hidden: np.ndarray,
    inputs: np.ndarray,
    total: np.ndarray,
    rate: float,
    gradient: tuple[float, float, float],
    i: int,
) -> None:
    row = hidden[i]
    add(total, -particles[i, 0], row)
    particles[i, 0] -= rate * gradient[0]
    particles[i, 1] -= rate * gradient[1]
    particles[i, 2] -= rate * gradient[2]
    project(particles, i, bound)
    fill_values(code, particles[i, 1], particles[i, 2], inputs, row)
    add(total, particles[i, 0], row)


@compiled
def prepare(code: int, particles: np.ndarray, hidden: np.ndarray, inputs: np.ndarray, total: np.ndarray) -> None:
    """Fill `hidden` and `total` from `particles`."""
    total[:] = 0.0
    for i in range(particles.shape[0]):
        fill_values(code, particles[i, 1], particles[i, 2], inputs, hidden[i])
        add(total, particles[i, 0], hidden[i])


@compiled
def _start(residual: np.ndarray, weight: float, total: np.ndarray, targets: np.ndarray) -> None:
    for k in range(len(targets)):  # a loop: array expressions would allocate in every step
        residual[k] = weight * total[k] - targets[k]


@compiled
def masked_steps(
    code: int,
    bound: float,
    particles: np.ndarray,
    hidden: np.ndarray,
    total: np.ndarray,
    inputs: np.ndarray,
    targets: np.ndarray,
    rate: float,
    keep_rate: float,
    pass_kind: int,
    starts: np.ndarray,
    forward: np.ndarray,
    ends: np.ndarray,
    backward: np.ndarray,
) -> None:
    """Steps of gradient descent with masks: x_i -= (rate/keep_rate) ∇⟨φ(x_i), f̂ - y⟩/N for the kept neurons.

    `pass_kind` is SHARED, WITHOUT_OWN, MEAN or REDRAWN_OWN. Step s keeps forward[starts[s]:starts[s + 1]] in the
    forward pass and backward[ends[s]:ends[s + 1]] in the gradient; with REDRAWN_OWN the forward pass is masked as the
    gradient is, but for a neuron's own part, which `forward` keeps or not.
    """
    n = particles.shape[0]
    first_of, summed = (ends, backward) if pass_kind == REDRAWN_OWN else (starts, forward)
    residual = np.empty(len(targets))
    weight = 1.0 / (n * keep_rate)
    own = -(1.0 / keep_rate - 1.0) / n if pass_kind == WITHOUT_OWN else 0.0
    for s in range(len(ends) - 1):
        if ends[s] == ends[s + 1]:
            continue
        if pass_kind == MEAN:
            _start(residual, 1.0 / n, total, targets)
        else:
            _start(residual, 0.0, total, targets)
            for place in range(first_of[s], first_of[s + 1]):
                i = summed[place]
                add(residual, particles[i, 0] * weight, hidden[i])
        seen = starts[s]
        for place in range(ends[s], ends[s + 1]):  # the residual is that of the step's start for all of them
            i = backward[place]
            if pass_kind == REDRAWN_OWN:
                while seen < starts[s + 1] and forward[seen] < i:
                    seen += 1
                own = 0.0 if seen < starts[s + 1] and forward[seen] == i else -weight
            gradient = neuron_gradient(code, particles[i, 0], hidden[i], inputs, residual, own)
            _update(code, bound, particles, hidden, inputs, total, rate / keep_rate, gradient, i)


@compiled
def jumps(
    code: int,
    bound: float,
    particles: np.ndarray,
    hidden: np.ndarray,
    total: np.ndarray,
    inputs: np.ndarray,
    targets: np.ndarray,
    alpha: float,
    who: np.ndarray,
    beta: float,
    counts: np.ndarray,
    others: np.ndarray,
) -> None:
    """Jumps one after another: neuron who[e] moves by -α ∇⟨φ(x), f - y⟩/N.

    With beta = 0, f = f_ρ; otherwise f = β(φ(x) + Σ φ(Y_m)) with the next counts[e] of `others` as Y.
    """
    n = particles.shape[0]
    residual = np.empty(len(targets))
    place = 0
    for e in range(len(who)):
        if beta > 0.0:
            _start(residual, 0.0, total, targets)
            for _ in range(counts[e]):
                add(residual, particles[others[place], 0] * beta, hidden[others[place]])
                place += 1
        else:
            _start(residual, 1.0 / n, total, targets)
        i = who[e]
        gradient = neuron_gradient(code, particles[i, 0], hidden[i], inputs, residual, beta)
        _update(code, bound, particles, hidden, inputs, total, alpha, gradient, i)


@compiled
def velocities(
    code: int,
    particles: np.ndarray,
    hidden: np.ndarray,
    total: np.ndarray,
    inputs: np.ndarray,
    targets: np.ndarray,
    penalty: float,
    out: np.ndarray,
) -> None:
    """Right side -∇⟨φ(x_i), f_ρ - y⟩/N - penalty ∇½|φ(x_i)|²/N of the (penalised) gradient flow, into `out` (n, 3)."""
    n = particles.shape[0]
    prepare(code, particles, hidden, inputs, total)
    residual = total / n - targets
    for i in range(n):
        gradient = neuron_gradient(code, particles[i, 0], hidden[i], inputs, residual, penalty)
        out[i, 0], out[i, 1], out[i, 2] = -gradient[0], -gradient[1], -gradient[2]


@compiled
def flow(
    code: int,
    bound: float,
    particles: np.ndarray,
    hidden: np.ndarray,
    total: np.ndarray,
    inputs: np.ndarray,
    targets: np.ndarray,
    penalty: float,
    time: float,
    steps: int,
) -> None:
    """Classical Runge-Kutta steps of the (penalised) gradient flow over `time`, projected after every step."""
    h = time / steps
    first, second = np.empty_like(particles), np.empty_like(particles)
    third, fourth = np.empty_like(particles), np.empty_like(particles)
    for _ in range(steps):
        velocities(code, particles, hidden, total, inputs, targets, penalty, first)
        velocities(code, particles + h / 2 * first, hidden, total, inputs, targets, penalty, second)
        velocities(code, particles + h / 2 * second, hidden, total, inputs, targets, penalty, third)
        velocities(code, particles + h * third, hidden, total, inputs, targets, penalty, fourth)
        particles += h / 6 * (first + 2 * second + 2 * third + fourth)
        for i in range(particles.shape[0]):
            project(particles, i, bound)
    prepare(code, particles, hidden, inputs, total)
