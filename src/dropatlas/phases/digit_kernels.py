"""Compiled steps of two-layer ReLU networks on sparse images: they touch only the pixels that are not 0.

A digit has about a fifth of its pixels lit. Neurons are worked on in blocks (blocks, d, lanes) whose weights stay in
the cache of a core: a block takes the update of the last minibatch and the products with the next one in one visit.
Images are sparse rows: those of image s are `pixels[starts[s]:starts[s + 1]]` with their `values`. Dropped neurons are
computed too, since lanes of a vector unit cannot be left out. Sums may be reassociated, which is the same on every run
of one machine.
"""

import math

import numpy as np
from numba import njit

compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})


@compiled
def _add_rows(out: np.ndarray, values: np.ndarray, chosen: np.ndarray, rows: np.ndarray, start: int, end: int) -> None:
    """Add to `out`: Σ_k values[k] rows[chosen[k]] over start <= k < end, eight rows to one pass over `out`."""
    k = start
    while k + 8 <= end:
        a, b, c, d = values[k], values[k + 1], values[k + 2], values[k + 3]
        e, f, g, h = values[k + 4], values[k + 5], values[k + 6], values[k + 7]
        p, q, r, s = rows[chosen[k]], rows[chosen[k + 1]], rows[chosen[k + 2]], rows[chosen[k + 3]]
        t, u, v, w = rows[chosen[k + 4]], rows[chosen[k + 5]], rows[chosen[k + 6]], rows[chosen[k + 7]]
        for i in range(len(out)):
            out[i] += a * p[i] + b * q[i] + c * r[i] + d * s[i] + e * t[i] + f * u[i] + g * v[i] + h * w[i]
        k += 8
    if k + 4 <= end:
        a, b, c, d = values[k], values[k + 1], values[k + 2], values[k + 3]
        p, q, r, s = rows[chosen[k]], rows[chosen[k + 1]], rows[chosen[k + 2]], rows[chosen[k + 3]]
        for i in range(len(out)):
            out[i] += a * p[i] + b * q[i] + c * r[i] + d * s[i]
        k += 4
    while k < end:
        a, p = values[k], rows[chosen[k]]
        for i in range(len(out)):
            out[i] += a * p[i]
        k += 1


@compiled
def _by_pixel(
    starts: np.ndarray,
    pixels: np.ndarray,
    values: np.ndarray,
    batch: np.ndarray,
    ends: np.ndarray,
    images: np.ndarray,
    lit: np.ndarray,
) -> None:
    """Turn the rows of a minibatch into lists by pixel: those of pixel j are images[ends[j - 1]:ends[j]]."""
    ends[:] = 0
    for image in batch:
        for k in range(starts[image], starts[image + 1]):
            ends[pixels[k] + 1] += 1
    for j in range(1, len(ends)):
        ends[j] += ends[j - 1]
    for place in range(len(batch)):
        for k in range(starts[batch[place]], starts[batch[place] + 1]):
            at = ends[pixels[k]]
            images[at], lit[at] = place, values[k]
            ends[pixels[k]] += 1


@compiled
def train_steps(
    hidden: np.ndarray,
    output: np.ndarray,
    starts: np.ndarray,
    pixels: np.ndarray,
    values: np.ndarray,
    labels: np.ndarray,
    batches: np.ndarray,
    forward: np.ndarray,
    backward: np.ndarray,
    width: int,
    learning_rate: float,
) -> None:
    """Steps with logistic loss, changing `hidden` (blocks, d, lanes) and `output` (blocks, lanes) in place.

    Args:
        hidden: Input weights.
        output: Output weights.
        starts: First entry of every training image, shape (N + 1,).
        pixels: Lit pixels of all images.
        values: Their values.
        labels: +1 and -1, shape (N,).
        batches: Images of every step, shape (T, B).
        forward: Forward multipliers, shape (T, blocks, lanes).
        backward: Backward multipliers, the same.
        width: Neurons n; the lanes beyond are 0.
        learning_rate: Master rate τ.
    """
    blocks, d, lanes = hidden.shape
    steps, size = batches.shape
    active, seen = np.zeros((blocks, size, lanes), np.float32), np.zeros((size, lanes), np.float32)
    signal, by_output = np.zeros(size, np.float32), np.zeros(lanes, np.float32)
    ends = np.zeros(d + 1, np.int64)
    images, lit = np.zeros(size * d, np.int64), np.zeros(size * d, np.float32)
    for step in range(steps + 1):
        seen[:] = 0
        for block in range(blocks):
            if step > 0:  # what `active` holds now is the update of the last minibatch
                first = 0
                for j in range(d):
                    _add_rows(hidden[block, j], lit, images, active[block], first, ends[j])
                    first = ends[j]
            if step == steps:
                continue
            for place in range(size):
                row, total, image = active[block, place], seen[place], batches[step, place]
                row[:] = 0
                _add_rows(row, values, pixels, hidden[block], starts[image], starts[image + 1])
                for i in range(lanes):
                    row[i] = np.float32(0) if row[i] < 0 else row[i]  # what is no number stays none
                    total[i] += row[i] * output[block, i] * forward[step, block, i]
        if step == steps:
            break
        for place in range(size):
            predicted, label = seen[place].sum() / width, labels[batches[step, place]]
            signal[place] = learning_rate / size * label / (1.0 + math.exp(label * predicted))
        for block in range(blocks):
            by_output[:] = 0
            for place in range(size):
                row, pull = active[block, place], signal[place]
                for i in range(lanes):
                    by_output[i] += pull * row[i]
                    moved = pull * output[block, i] * backward[step, block, i]
                    row[i] = np.float32(0) if row[i] <= 0 else moved
            for i in range(lanes):
                output[block, i] += by_output[i] * backward[step, block, i]
        _by_pixel(starts, pixels, values, batches[step], ends, images, lit)


@compiled
def outputs(
    hidden: np.ndarray,
    output: np.ndarray,
    starts: np.ndarray,
    pixels: np.ndarray,
    values: np.ndarray,
    width: int,
) -> np.ndarray:
    """Outputs of every image without masks, shape (N,)."""
    blocks, _, lanes = hidden.shape
    found, row = np.zeros(len(starts) - 1, np.float32), np.zeros(lanes, np.float32)
    for block in range(blocks):
        for image in range(len(found)):
            row[:] = 0
            _add_rows(row, values, pixels, hidden[block], starts[image], starts[image + 1])
            total = np.float32(0)
            for i in range(lanes):
                total += (np.float32(0) if row[i] < 0 else row[i]) * output[block, i]
            found[image] += total
    return found / width
