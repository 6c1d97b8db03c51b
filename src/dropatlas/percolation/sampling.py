"""Crossing events of explicit random masks, as training draws them: one bit per hidden vertex or per edge.

A mask bit is a 32-bit random word compared with round(p·2^32), so a removal probability is off by at most 2^-33; p = 0
and p = 1 are exact. Masks are drawn layer by layer for batches of samples that fit the processor's cache, which keeps
the memory at a few megabytes whatever the depth and the number of samples.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..randomness import generator
from .arguments import check_choice, check_integer, check_probability, layer_widths

MODELS = ("site", "bond")
_BATCH_BITS = 65_536  # mask bits per layer and batch: 256 KB of random words


@dataclass(frozen=True)
class Reachability:
    """Reachable vertices per layer of a batch of masked networks.

    Attributes:
        counts: Number of vertices that a path from the input layer reaches, shape (samples, L + 2), int64; column 0 is
            the input layer, whose vertices all count.
    """

    counts: np.ndarray

    @property
    def crossed(self) -> np.ndarray:
        """Whether some output vertex is reachable, shape (samples,), bool."""
        return self.counts[:, -1] > 0

    @property
    def cut_layer(self) -> np.ndarray:
        """First vertex layer (1..L+1) without a reachable vertex, -1 where the network is crossed, shape (samples,)."""
        return np.where(self.crossed, -1, np.argmax(self.counts == 0, axis=1))


def draw_bits(p: float, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Independent bits, True (kept) with probability 1 - p.

    Args:
        p: Removal probability in [0, 1].
        shape: Shape of the result.
        rng: Source of randomness; advanced by half a 64-bit word per bit.

    Returns:
        Boolean array of the given shape.
    """
    size = int(np.prod(shape))
    words = rng.bit_generator.random_raw((size + 1) // 2).view(np.uint32)[:size]
    threshold = round(p * 2**32)
    if threshold == 2**32:  # no 32-bit word reaches it
        return np.zeros(shape, dtype=bool)
    return (words >= np.uint32(threshold)).reshape(shape)


def draw_masks(
    model: str, p: float, widths: Sequence[int], samples: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Draw the masks of one batch of networks, layer by layer.

    Args:
        model: "site" (dropout) or "bond" (dropconnect).
        p: Probability that a hidden vertex or an edge is removed, in [0, 1].
        widths: [W_0, ..., W_{L+1}], the widths of all layers, at least 2.
        samples: Networks in the batch, at least 1.
        rng: Source of randomness.

    Yields:
        L + 1 boolean masks, True = kept. Bond: edges from layer l to l + 1, shape (samples, W_l, W_{l+1}), l = 0..L.
        Site: vertices of layer l, shape (samples, W_l), l = 1..L+1; the output layer's are all kept.

    Raises:
        ValueError: an argument out of range.
    """
    check_choice(model, "model", MODELS)
    p, widths = check_probability(p), layer_widths(None, None, widths)
    samples = check_integer(samples, "samples", 1)
    if model == "bond":
        for w_in, w_out in pairwise(widths):
            yield draw_bits(p, (samples, w_in, w_out), rng)
    else:
        for width in widths[1:-1]:
            yield draw_bits(p, (samples, width), rng)
        yield np.ones((samples, widths[-1]), dtype=bool)


def advance(model: str, reached: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Vertices reachable in the next layer.

    Args:
        model: "site" or "bond".
        reached: Reachable vertices of this layer, shape (samples, W_l), bool.
        mask: Kept edges, shape (samples, W_l, W_{l+1}) (bond), or kept vertices, shape (samples, W_{l+1}) (site), bool.

    Returns:
        Reachable vertices of the next layer, shape (samples, W_{l+1}), bool.
    """
    if model == "bond":
        # For booleans matmul is "or" over "and" and stops at the first open edge: 8 times faster than reducing by hand.
        return np.matmul(reached[:, None, :], mask)[:, 0, :]
    return mask & reached.any(axis=1, keepdims=True)


def reachable(model: str, masks: Iterable[np.ndarray], widths: Sequence[int]) -> Reachability:
    """Reachable vertices of every layer, given the masks.

    Args:
        model: "site" or "bond".
        masks: L + 1 boolean masks shaped as `draw_masks` yields them.
        widths: [W_0, ..., W_{L+1}], the widths of all layers, at least 2.

    Returns:
        The reachable counts of each sample.

    Raises:
        ValueError: an argument out of range, or masks that do not fit the widths.
    """
    check_choice(model, "model", MODELS)
    widths, masks = layer_widths(None, None, widths), list(masks)
    shapes = [mask.shape for mask in masks]
    samples = shapes[0][0] if shapes and shapes[0] else 0
    fitting = [(samples, a, b) if model == "bond" else (samples, b) for a, b in pairwise(widths)]
    if shapes != fitting:
        raise ValueError(f"masks must have the shapes {fitting}, got {shapes}")
    reached = np.ones((samples, widths[0]), dtype=bool)
    counts = [reached.sum(axis=1)]
    for mask in masks:
        reached = advance(model, reached, mask)
        counts.append(reached.sum(axis=1))
    return Reachability(np.stack(counts, axis=1))


def sample_crossings(
    model: str,
    p: float,
    width: int | None = None,
    depth: int | None = None,
    samples: int = 1000,
    seed: int = 0,
    *,
    widths: Sequence[int] | None = None,
) -> int:
    """Count the crossed networks among explicitly masked samples.

    Args:
        model: "site" (dropout) or "bond" (dropconnect).
        p: Probability that a hidden vertex or an edge is removed, in [0, 1].
        width: Vertices per layer W, at least 1.
        depth: Hidden layers L, at least 0.
        samples: Networks to draw, at least 1.
        seed: Root seed, at least 0. Equal arguments give the equal number; streams of different model, p or widths are
            independent.
        widths: Instead of width and depth: [W_0, ..., W_{L+1}], the widths of all layers, input and output included.

    Returns:
        Number of samples in [0, samples] with a path from input to output.

    Raises:
        ValueError: an argument out of range, or not exactly one of (width, depth) and widths given.
    """
    check_choice(model, "model", MODELS)
    p, widths = check_probability(p), layer_widths(width, depth, widths)
    samples, seed = check_integer(samples, "samples", 1), check_integer(seed, "seed", 0)
    rng = generator(seed, "crossing", model, p, *widths)
    bits = max(a * b for a, b in pairwise(widths)) if model == "bond" else max(widths)
    crossings = 0
    for batch in batches(samples, bits):
        reached = np.ones((batch, widths[0]), dtype=bool)
        for mask in draw_masks(model, p, widths, batch, rng):
            reached = advance(model, reached, mask)
        crossings += int(reached.any(axis=1).sum())
    return crossings


def batches(samples: int, bits: int) -> Iterator[int]:
    """Sizes of the batches that `samples` networks of `bits` mask bits per layer are drawn in, summing to samples."""
    size = max(1, _BATCH_BITS // bits)
    for start in range(0, samples, size):
        yield min(size, samples - start)
