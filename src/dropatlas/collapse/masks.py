"""Masks of training steps: drawn per seed from named streams, with their reachability, for whole blocks of steps.

Step t of seed r has the same mask whatever else is trained beside it, in whatever order, and after any restart:
masks come in blocks of `BLOCK` steps, each block from its own stream. Members that differ only in the removal
probability compare the same random words with it, so that a larger p removes a superset.
"""

from itertools import pairwise

import numpy as np

from dropatlas.percolation.sampling import draw_bits
from dropatlas.randomness import generator

BLOCK = 64  # steps that share a stream


def draw_vertex_masks(p: float, depth: int, width: int, seed: int, number: int, block: int) -> np.ndarray:
    """Kept hidden vertices of one block of steps (dropout).

    Args:
        p: Removal probability in [0, 1].
        depth: Hidden layers L.
        width: Vertices per layer W.
        seed: Root seed.
        number: Number of the seed.
        block: Number of the block; its steps are BLOCK·block ... BLOCK·(block + 1) - 1.

    Returns:
        Shape (BLOCK, L, W), bool, True = kept.
    """
    return draw_bits(p, (BLOCK, depth, width), generator(seed, "collapse", "site", depth, width, number, block))


def draw_sample_masks(p: float, depth: int, width: int, batch: int, seed: int, number: int, block: int) -> np.ndarray:
    """Kept hidden vertices of every sample in a block, shape (BLOCK, L, batch, W) (see `draw_vertex_masks`)."""
    stream = generator(seed, "collapse", "sample", depth, width, number, block)
    return draw_bits(p, (BLOCK, depth, batch, width), stream)


def draw_edge_masks(p: float, widths: list[int], seed: int, number: int, block: int) -> list[np.ndarray]:
    """Kept edges of one block of steps (dropconnect).

    Args:
        p: Removal probability in [0, 1].
        widths: [W_0, ..., W_{L+1}].
        seed: Root seed.
        number: Number of the seed.
        block: Number of the block.

    Returns:
        L + 1 boolean arrays of shape (BLOCK, W_l, W_{l+1}), True = kept.
    """
    rng = generator(seed, "collapse", "bond", *widths, number, block)
    sizes = [w_in * w_out for w_in, w_out in pairwise(widths)]
    bits = np.split(draw_bits(p, (BLOCK, sum(sizes)), rng), np.cumsum(sizes)[:-1], axis=1)
    return [part.reshape(BLOCK, *size) for part, size in zip(bits, pairwise(widths), strict=True)]


def vertex_cuts(kept: np.ndarray) -> np.ndarray:
    """First hidden layer (1..L) without a kept vertex, 0 where a path exists.

    Args:
        kept: Shape (..., L, W), bool.

    Returns:
        Shape (...), int64.
    """
    empty = ~kept.any(axis=-1)
    return np.where(empty.any(axis=-1), 1 + empty.argmax(axis=-1), 0)


def edge_cuts(masks: list[np.ndarray]) -> np.ndarray:
    """First vertex layer (1..L+1) that no path reaches, 0 where a path exists.

    Args:
        masks: L + 1 boolean arrays of shape (n, W_l, W_{l+1}).

    Returns:
        Shape (n,), int64.
    """
    count = len(masks[0])
    reached = np.ones((count, 1, masks[0].shape[1]), dtype=bool)
    cut = np.zeros(count, dtype=np.int64)
    for layer, mask in enumerate(masks, start=1):
        reached = np.matmul(reached, mask)  # for booleans: or over and
        cut[(cut == 0) & ~reached.any(axis=(1, 2))] = layer
    return cut
