"""Compiled loop of dropout in low floating-point precision: float64 arithmetic, rounded after every operation.

Sum, difference and product of two numbers of p bits, rounded to float64 and then to p bits, are those of a processor
that works in p bits as long as 2p + 2 <= 53, which float32, float16 and bfloat16 meet (Figueroa, 1995). tanh is rounded
from its float64 value. Products of matrices are accumulated in float32 by fused multiply-adds, in the order of the
inputs, and rounded to the type at the end, as torch and GPUs do; these sum in orders of their own, and may cut off
(tensor cores) what is rounded here.

No fast mathematics: reassociated sums would undo the roundings.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from dropatlas.phases.particle_kernels import hyperbolic_tangent

compiled = njit(cache=True, nogil=True, error_model="numpy")
inlined = njit(inline="always")

Kind = tuple[float, float, float]
"""A type: the distance of its numbers in [1, 2), at least 2^-23 (0: float64, nothing is rounded); its smallest normal
number, below which that distance falls no further; its largest number."""
KINDS: dict[str, Kind] = {
    "float64": (0.0, 0.0, math.inf),
    "float32": (2.0**-23, 2.0**-126, (2 - 2.0**-23) * 2.0**127),
    "float16": (2.0**-10, 2.0**-14, 65504.0),
    "bfloat16": (2.0**-7, 2.0**-126, (2 - 2.0**-7) * 2.0**127),
}
FLOAT64, FLOAT32 = KINDS["float64"], KINDS["float32"]

POWER_BITS = np.int64(0x7FF0000000000000)
TO_THE_POWER_52 = 6755399441055744.0  # 1.5 * 2^52


@inlined
def rounded(x: float, kind: Kind) -> float:
    """Nearest number of a binary floating-point type, ties to even; beyond its range infinite.

    Args:
        x: The number.
        kind: The type.
    """
    spacing, least, most = kind
    if spacing == 0.0:
        return x
    power = np.int64(np.float64(x).view(np.int64) & POWER_BITS).view(np.float64)  # the power of two below |x|
    lift = max(power, least) * spacing * TO_THE_POWER_52
    near = (x + lift) - lift
    return near if abs(near) <= most else near * math.inf


@compiled
def round_to(values: np.ndarray, kind: Kind) -> np.ndarray:
    """Every entry rounded to a type."""
    found = np.empty_like(values)
    for k in range(values.size):
        found.flat[k] = rounded(values.flat[k], kind)
    return found


class Factors(NamedTuple):
    """Where a step multiplies and divides by its rates; a factor of 1 changes no number, and costs no rounding.

    Attributes:
        mask: Value of a kept neuron's mask, forward and backward; rounded to the computed type.
        forward: By which the sum over kept neurons is divided.
        backward: By which the derivative by the outputs is divided.
        length: By which the gradient is multiplied.
    """

    mask: float
    forward: float
    backward: float
    length: float


@compiled
def masked_steps(
    particles: np.ndarray,
    inputs: np.ndarray,
    targets: np.ndarray,
    factors: Factors,
    starts: np.ndarray,
    neurons: np.ndarray,
    stored: Kind,
    computed: Kind,
) -> int:
    """Steps of dropout on the squared loss with φ = a tanh(w·z), every operation rounded; `particles` change in place.

    The operations are those of `neurons.features` and `neurons.pullback` one by one: w·z, tanh, a σ; their sum over the
    kept neurons; minus the target; over N; then σ·r, and 1 - σ², times r, times z, times a; the gradient as a stored
    number times the neuron's step; the particle minus that. The factors come in as automatic differentiation of
    sum(mask·φ)/forward has them: φ times mask; the sum over `forward`; the derivative r over `backward`, times mask.
    All but the mask are scalars of torch, which are float32 beside lower types.

    Args:
        particles: Rows (a, w), shape (n, 3), numbers of the stored type.
        inputs: Shape (2, N), numbers of the computed type; the same for `targets`, shape (N,).
        targets: Shape (N,).
        factors: Factors of the rates.
        starts: Step s keeps neurons[starts[s]:starts[s + 1]], shape (steps + 1,).
        neurons: Indices.
        stored: Type of the particles.
        computed: Type of everything else.

    Returns:
        How many parameters of kept neurons an update left as they were.
    """
    samples = len(targets)
    most = 0
    for s in range(len(starts) - 1):
        most = max(most, starts[s + 1] - starts[s])
    values = np.empty((most, samples))
    residual, back = np.empty(samples), np.empty(samples)
    sum_type = FLOAT64 if computed[0] == 0.0 else FLOAT32
    mask = rounded(factors.mask, computed)
    forward, backward = rounded(factors.forward, sum_type), rounded(factors.backward, sum_type)
    length = rounded(factors.length, sum_type)
    lost = 0
    for s in range(len(starts) - 1):
        count = starts[s + 1] - starts[s]
        if count == 0:
            continue
        residual[:] = 0.0
        for place in range(count):
            i = neurons[starts[s] + place]
            a, first, second = _shown(particles, i, computed)
            for k in range(samples):
                before = rounded(first * inputs[0, k], sum_type)
                before = rounded(rounded(before + second * inputs[1, k], sum_type), computed)
                value = rounded(hyperbolic_tangent(before), computed)
                values[place, k] = value
                shown = rounded(rounded(a * value, computed) * mask, computed)
                residual[k] = rounded(residual[k] + shown, sum_type)
        for k in range(samples):
            output = rounded(rounded(residual[k], computed) / forward, computed)
            derivative = rounded(rounded(output - targets[k], computed) / samples, computed)
            residual[k] = rounded(rounded(derivative / backward, computed) * mask, computed)
        for place in range(count):
            i = neurons[starts[s] + place]
            a, first, second = _shown(particles, i, computed)
            for k in range(samples):
                slope = rounded(1.0 - rounded(values[place, k] * values[place, k], computed), computed)
                back[k] = rounded(slope * residual[k], computed)
            by_output = by_first = by_second = 0.0
            for k in range(samples):
                by_output = rounded(by_output + values[place, k] * residual[k], sum_type)
                by_first = rounded(by_first + back[k] * inputs[0, k], sum_type)
                by_second = rounded(by_second + back[k] * inputs[1, k], sum_type)
            gradient = (
                rounded(by_output, computed),
                rounded(a * rounded(by_first, computed), computed),
                rounded(a * rounded(by_second, computed), computed),
            )
            for p in range(3):
                change = rounded(length * rounded(gradient[p], stored), stored)
                moved = rounded(particles[i, p] - change, stored)
                lost += moved == particles[i, p]
                particles[i, p] = moved
    return lost


@inlined
def _shown(particles: np.ndarray, i: int, computed: Kind) -> tuple[float, float, float]:
    """A particle as a number of the computed type."""
    return (
        rounded(particles[i, 0], computed),
        rounded(particles[i, 1], computed),
        rounded(particles[i, 2], computed),
    )
