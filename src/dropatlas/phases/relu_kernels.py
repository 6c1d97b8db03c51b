"""Compiled passes through networks of ReLU neurons φ(x, z) = a·max(w·z, 0) with few input dimensions.

The product of n neurons and N inputs of d = 20 dimensions does so little work for every number it writes that memory
sets its pace. Here the products of GROUP neurons and BLOCK inputs stay in the cache of a core and are summed there; all
that is kept of them for the gradient is which neurons are active on which inputs, one byte each.

Inputs come in blocks with the samples last, neurons in groups, dimensions in bundles of DEPTH, all filled up with
zeros: loops over samples then have a constant length and constant distances, which lets the compiler use the widest
vectors of the machine. Sums may be reassociated, which is the same on every run of one machine.
"""

import numpy as np

from dropatlas.phases.particle_kernels import compiled

BLOCK, GROUP, DEPTH = 256, 4, 5
"""Samples, neurons and dimensions worked on at once; the loops are written out for this GROUP and this DEPTH."""

Five = tuple[float, float, float, float, float]


@compiled
def _row(table: np.ndarray, i: int, d: int) -> Five:
    return table[i, d], table[i, d + 1], table[i, d + 2], table[i, d + 3], table[i, d + 4]


@compiled
def _column(inputs: np.ndarray, b: int, d: int, k: int) -> Five:
    return inputs[b, d, k], inputs[b, d + 1, k], inputs[b, d + 2, k], inputs[b, d + 3, k], inputs[b, d + 4, k]


@compiled
def _product(w: Five, z: Five) -> float:
    return w[0] * z[0] + w[1] * z[1] + w[2] * z[2] + w[3] * z[3] + w[4] * z[4]


@compiled
def _plus(m: Five, s: float, z: Five) -> Five:
    return m[0] + s * z[0], m[1] + s * z[1], m[2] + s * z[2], m[3] + s * z[3], m[4] + s * z[4]


@compiled
def _gather(particles: np.ndarray, order: np.ndarray, hidden: np.ndarray, output: np.ndarray) -> None:
    """Copy neurons (n, 1 + d) in the given order to `hidden` and `output`; the zeros behind them stay."""
    for place in range(len(order)):
        output[place] = particles[order[place], 0]
        for d in range(particles.shape[1] - 1):
            hidden[place, d] = particles[order[place], 1 + d]


@compiled
def _forward(
    hidden: np.ndarray,
    output: np.ndarray,
    factors: np.ndarray,
    used: int,
    inputs: np.ndarray,
    before: np.ndarray,
    active: np.ndarray,
    total: np.ndarray,
) -> None:
    """Σ c_i φ(x_i) of the first `used` neurons into `total`, where they are active into `active`.

    Shapes: hidden (rows, dimensions), output and factors (rows,), inputs (blocks, dimensions, BLOCK), before
    (GROUP·BLOCK,), total (blocks, BLOCK), active (blocks, rows, BLOCK); where nobody wants to know, it may have GROUP
    rows that all neurons overwrite.
    """
    zero = before.dtype.type(0)
    for b in range(len(inputs)):
        for k in range(BLOCK):
            total[b, k] = zero
        for i in range(0, used, GROUP):
            for k in range(GROUP * BLOCK):
                before[k] = zero
            for d in range(0, inputs.shape[1], DEPTH):
                w0, w1 = _row(hidden, i, d), _row(hidden, i + 1, d)
                w2, w3 = _row(hidden, i + 2, d), _row(hidden, i + 3, d)
                for k in range(BLOCK):
                    z = _column(inputs, b, d, k)
                    before[k] += _product(w0, z)
                    before[BLOCK + k] += _product(w1, z)
                    before[2 * BLOCK + k] += _product(w2, z)
                    before[3 * BLOCK + k] += _product(w3, z)
            a0, a1 = factors[i] * output[i], factors[i + 1] * output[i + 1]
            a2, a3 = factors[i + 2] * output[i + 2], factors[i + 3] * output[i + 3]
            row = i % active.shape[1]
            for k in range(BLOCK):
                u0, u1, u2, u3 = before[k], before[BLOCK + k], before[2 * BLOCK + k], before[3 * BLOCK + k]
                active[b, row, k] = u0 > zero
                active[b, row + 1, k] = u1 > zero
                active[b, row + 2, k] = u2 > zero
                active[b, row + 3, k] = u3 > zero
                u0 = zero if u0 <= zero else u0  # not max: what is not a number stays so
                u1 = zero if u1 <= zero else u1
                u2 = zero if u2 <= zero else u2
                u3 = zero if u3 <= zero else u3
                total[b, k] += a0 * u0 + a1 * u1 + a2 * u2 + a3 * u3


@compiled
def _backward(
    active: np.ndarray,
    used: int,
    inputs: np.ndarray,
    residual: np.ndarray,
    weighted: np.ndarray,
    moments: np.ndarray,
) -> None:
    """m_i = Σ_k 1[neuron i active on input k] r_k z_k of the first `used` neurons into `moments` (rows, dimensions).

    Shapes: residual (blocks, BLOCK), weighted (room for the r_k z_k) as the inputs (blocks, dimensions, BLOCK).
    """
    zero = weighted.dtype.type(0)
    none = (zero, zero, zero, zero, zero)
    moments[:] = zero
    for b in range(len(inputs)):
        for d in range(inputs.shape[1]):
            for k in range(BLOCK):
                weighted[b, d, k] = residual[b, k] * inputs[b, d, k]
        for i in range(0, used, GROUP):
            for d in range(0, weighted.shape[1], DEPTH):
                m0, m1, m2, m3 = none, none, none, none
                for k in range(BLOCK):
                    z = _column(weighted, b, d, k)
                    m0 = _plus(m0, active[b, i, k], z)
                    m1 = _plus(m1, active[b, i + 1, k], z)
                    m2 = _plus(m2, active[b, i + 2, k], z)
                    m3 = _plus(m3, active[b, i + 3, k], z)
                for e in range(DEPTH):
                    moments[i, d + e] += m0[e]
                    moments[i + 1, d + e] += m1[e]
                    moments[i + 2, d + e] += m2[e]
                    moments[i + 3, d + e] += m3[e]


@compiled
def _update(
    particles: np.ndarray,
    order: np.ndarray,
    hidden: np.ndarray,
    output: np.ndarray,
    moments: np.ndarray,
    rates: np.ndarray,
) -> None:
    """x_i -= rate_i (w_i·m_i, a_i m_i) for as many neurons as there are rates, in the given order."""
    for place in range(len(rates)):
        i, rate = order[place], rates[place]
        by_output = output.dtype.type(0)
        for d in range(particles.shape[1] - 1):
            by_output += hidden[place, d] * moments[place, d]
            particles[i, 1 + d] -= rate * output[place] * moments[place, d]
        particles[i, 0] -= rate * by_output


def _whole(count: int, part: int) -> int:
    """`count` rounded up to whole parts."""
    return -(-count // part) * part


class _Inputs:
    """Inputs (N, d) in blocks, and the outputs on them."""

    def __init__(self, inputs: np.ndarray) -> None:
        samples, dimensions = inputs.shape
        table = np.zeros((_whole(samples, BLOCK), _whole(dimensions, DEPTH)), inputs.dtype)
        table[:samples, :dimensions] = inputs
        self.blocks = np.ascontiguousarray(table.reshape(-1, BLOCK, table.shape[1]).swapaxes(1, 2))
        self.total = np.empty((len(self.blocks), BLOCK), inputs.dtype)
        self.outputs = self.total.reshape(-1)[:samples]


class Passes:
    """Passes of networks of n neurons, one network after the other in the same buffers.

    Args:
        inputs: Training inputs, shape (N, d), float32 or float64, as everything else.
        held_out_inputs: Shape (M, d).
        count: n.
    """

    def __init__(self, inputs: np.ndarray, held_out_inputs: np.ndarray, count: int) -> None:
        kind, rows = inputs.dtype, _whole(count, GROUP)
        self.count = count
        self._training, self._held_out = _Inputs(inputs), _Inputs(held_out_inputs)
        blocks, dimensions, _ = self._training.blocks.shape
        self._hidden, self._output, self._factors = np.zeros((rows, dimensions), kind), *np.zeros((2, rows), kind)
        self._active = np.empty((blocks, rows, BLOCK), np.uint8)
        self._unwanted = np.empty((len(self._held_out.blocks), GROUP, BLOCK), np.uint8)
        self._residual = np.zeros((blocks, BLOCK), kind)
        self._before, self._weighted = np.empty(GROUP * BLOCK, kind), np.empty_like(self._training.blocks)
        self._moments = np.empty_like(self._hidden)

    def load(self, particles: np.ndarray, order: np.ndarray) -> None:
        """Take the network `particles` (n, 1 + d), contiguous, its neurons in the order that all that follows means."""
        self._particles, self._order = particles, order
        _gather(particles, order, self._hidden, self._output)

    def training(self, used: int, factors: np.ndarray | float) -> np.ndarray:
        """(1/n) Σ c_i φ(x_i) on the training inputs, c the factors, 0 for all but the first `used` neurons."""
        return self._outputs(self._training, used, factors, self._active)

    def held_out(self) -> np.ndarray:
        """(1/n) Σ φ(x_i) on the held-out inputs."""
        return self._outputs(self._held_out, self.count, 1.0, self._unwanted)

    def descend(self, residual: np.ndarray, rates: np.ndarray) -> None:
        """x_i -= rate_i ∇⟨φ(x_i), r⟩ after `training`, for its first neurons: as many as there are rates."""
        self._residual.reshape(-1)[: len(residual)] = residual
        blocks, moments = self._training.blocks, self._moments
        _backward(self._active, len(rates), blocks, self._residual, self._weighted, moments)
        _update(self._particles, self._order, self._hidden, self._output, moments, rates)

    def _outputs(self, inputs: _Inputs, used: int, factors: np.ndarray | float, active: np.ndarray) -> np.ndarray:
        self._factors[: self.count] = factors
        neurons = self._hidden, self._output, self._factors
        _forward(*neurons, used, inputs.blocks, self._before, active, inputs.total)
        return inputs.outputs / self.count
