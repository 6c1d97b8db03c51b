"""Crossing of residual and convolutional networks, by explicit masks and in closed form where there is one (ours).

arXiv 2512.13853 treats fully connected layers only. Beyond it:

*Residual, removal inside the branches.* The identity path is never removed, so the network is always crossed; the
signal of the branches is not. A branch starts from the whole stream and, once crossed, its output rides the identity
edges to the end: some non-identity path exists iff some branch is crossed, with probability 1 - (1 - θ)^B, and all
branches take part with probability θ^B, θ being the crossing probability of one branch.

*Residual, removal in the stream.* Dropout after the addition removes vertices of the stream itself. As an intact branch
joins every stream vertex to every one of the next block, the identity edges add no path: θ = (1 - p^W)^B.

*Convolution, channel (spatial) dropout.* All positions of a channel go together, and the centre tap carries a path
along any position: site percolation with W = channels.

*Convolution, kernel entries dropped.* One bit per tap (c_out, c_in, dy, dx), shared by all positions: bond percolation
on the unrolled graph of units (channel, y, x) with dependent edges. An edge between two channels is open if any of its
usable taps is, which happens with probability 1 - p^(k²), so θ is at most the bond probability at p^(k²). Following
centre taps alone it is at least that at p. Taps off the centre drift, and a path may run over the edge of the image; in
an image wide enough for the largest drift none need do so, and the upper bound is exact.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..randomness import generator
from .arguments import check_choice, check_integer, check_probability
from .sampling import MODELS, advance, batches, draw_bits, draw_masks
from .theory import (
    bond_crossing_probability,
    bond_extinction_probability,
    site_crossing_probability,
    site_extinction_probability,
)


@dataclass(frozen=True)
class ResidualCrossing:
    """Crossing of a residual network: counts of samples (int), or their probabilities (float).

    Attributes:
        any_path: Some path from input to output, the identity included.
        non_identity_path: Some path that runs through at least one branch.
        all_branches: Every branch is crossed.
    """

    any_path: float
    non_identity_path: float
    all_branches: float


def residual_crossing_probability(model: str, p: float, width: int, depth: int, blocks: int) -> ResidualCrossing:
    """Exact probabilities of the crossing events of a residual network with removal inside its branches.

    Args:
        model: "site" (dropout) or "bond" (dropconnect) inside the branches.
        p: Removal probability in [0, 1].
        width: Vertices per layer W of stream and branches, at least 1.
        depth: Hidden layers of a branch, at least 0.
        blocks: Residual blocks B, at least 1.

    Returns:
        The three probabilities (module text).

    Raises:
        ValueError: an argument out of range.
    """
    check_choice(model, "model", MODELS)
    blocks = check_integer(blocks, "blocks", 1)
    if model == "site":
        crossing, extinction = (f(p, width, depth) for f in (site_crossing_probability, site_extinction_probability))
    else:
        crossing, extinction = (f(p, width, depth) for f in (bond_crossing_probability, bond_extinction_probability))
    # Both powers from the number that is accurate: a probability near 1 says little about its complement.
    all_cut = extinction**blocks if extinction < 0.5 else math.exp(blocks * math.log1p(-crossing))
    some_open = 1 - all_cut if crossing > 0.5 else -math.expm1(blocks * math.log1p(-crossing))
    all_open = math.exp(blocks * math.log1p(-extinction)) if extinction < 0.5 else crossing**blocks
    return ResidualCrossing(1.0, some_open, all_open)


def sample_residual(
    model: str, p: float, width: int, depth: int, blocks: int, samples: int = 1000, seed: int = 0
) -> ResidualCrossing:
    """Count the crossing events of explicitly masked residual networks with removal inside the branches.

    Args:
        model: "site" (dropout) or "bond" (dropconnect) inside the branches.
        p: Removal probability in [0, 1].
        width: Vertices per layer W of stream and branches, at least 1.
        depth: Hidden layers of a branch, at least 0.
        blocks: Residual blocks B, at least 1.
        samples: Networks to draw, at least 1.
        seed: Root seed, at least 0; equal arguments give equal counts.

    Returns:
        Number of samples in which each event happened.

    Raises:
        ValueError: an argument out of range.
    """
    check_choice(model, "model", MODELS)
    p, samples, seed = check_probability(p), check_integer(samples, "samples", 1), check_integer(seed, "seed", 0)
    width, depth = check_integer(width, "width", 1), check_integer(depth, "depth", 0)
    blocks = check_integer(blocks, "blocks", 1)
    rng = generator(seed, "residual", model, p, width, depth, blocks)
    counts = np.zeros(3, dtype=int)
    for batch in batches(samples, width**2 if model == "bond" else width):
        stream = np.ones((batch, width), dtype=bool)
        past_branch = np.zeros_like(stream)  # stream vertices reached through at least one branch
        all_open = np.ones(batch, dtype=bool)
        for _ in range(blocks):
            branch = stream
            for mask in draw_masks(model, p, [width] * (depth + 2), batch, rng):
                branch = advance(model, branch, mask)
            past_branch = past_branch | branch
            stream = stream | branch
            all_open &= branch.any(axis=1)
        counts += [stream.any(axis=1).sum(), past_branch.any(axis=1).sum(), all_open.sum()]
    return ResidualCrossing(*counts.tolist())


def sample_residual_stream(p: float, width: int, blocks: int, samples: int = 1000, seed: int = 0) -> int:
    """Count the crossed residual networks whose stream vertices are removed after each of B additions.

    The branches are intact and join every vertex of the stream to every vertex of the next block; an output layer reads
    the stream after block B. The crossing probability is `site_crossing_probability(p, width, blocks)`.

    Args:
        p: Probability that a stream vertex is removed after an addition, in [0, 1].
        width: Width W of the stream, at least 1.
        blocks: Residual blocks B, at least 1.
        samples: Networks to draw, at least 1.
        seed: Root seed, at least 0; equal arguments give equal counts.

    Returns:
        Number of crossed samples.

    Raises:
        ValueError: an argument out of range.
    """
    p, samples, seed = check_probability(p), check_integer(samples, "samples", 1), check_integer(seed, "seed", 0)
    width, blocks = check_integer(width, "width", 1), check_integer(blocks, "blocks", 1)
    rng = generator(seed, "residual stream", p, width, blocks)
    crossings = 0
    for batch in batches(samples, width):
        stream = np.ones((batch, width), dtype=bool)
        for _ in range(blocks):
            branch = np.broadcast_to(stream.any(axis=1, keepdims=True), stream.shape)
            stream = (stream | branch) & draw_bits(p, stream.shape, rng)
        crossings += int(stream.any(axis=1).sum())
    return crossings


def sample_channel_dropout(
    p: float, channels: int, depth: int, image: int, kernel: int, samples: int = 1000, seed: int = 0
) -> int:
    """Count the crossed convolutional networks under channel (spatial) dropout of the hidden layers.

    Reachability is followed unit by unit on the unrolled graph, with zero padding. The crossing probability is
    `site_crossing_probability(p, channels, depth)`, whatever the image and the kernel.

    Args:
        p: Probability that a hidden channel is removed, in [0, 1].
        channels: Channels per layer, at least 1.
        depth: Hidden layers L, at least 0.
        image: Side h of the square image, at least 1.
        kernel: Side k of the square kernels, odd.
        samples: Networks to draw, at least 1.
        seed: Root seed, at least 0; equal arguments give equal counts.

    Returns:
        Number of crossed samples.

    Raises:
        ValueError: an argument out of range.
    """
    p, samples, seed = check_probability(p), check_integer(samples, "samples", 1), check_integer(seed, "seed", 0)
    channels, depth = check_integer(channels, "channels", 1), check_integer(depth, "depth", 0)
    image, kernel = check_integer(image, "image", 1), _check_kernel(kernel)
    rng = generator(seed, "channel dropout", p, channels, depth, image, kernel)
    crossings = 0
    for batch in batches(samples, channels * (image * kernel) ** 2):
        reached = np.ones((batch, channels, image, image), dtype=bool)
        for kept in draw_masks("site", p, [channels] * (depth + 2), batch, rng):
            # With intact kernels a unit sees every channel of its window.
            seen = _patches(np.any(reached, axis=1, keepdims=True), kernel)
            window = np.any(seen, axis=1).reshape(batch, 1, image, image)
            reached = window & kept[:, :, None, None]
        crossings += int(reached.any(axis=(1, 2, 3)).sum())
    return crossings


def kernel_dropconnect_bounds(p: float, channels: int, depth: int, image: int, kernel: int) -> tuple[float, float]:
    """Bounds of the crossing probability of a convolutional network with dropped kernel entries (module text).

    Taps farther off the centre than h - 1 never meet the image, so the larger kernel counts as one of side 2h - 1. With
    r the largest usable offset, the bounds coincide if h >= (L+1) r + 1, as the drift of no path exceeds (L+1) r, and
    if r = 0.

    Args:
        p: Probability that a kernel entry is removed, in [0, 1].
        channels: Channels per layer, at least 1.
        depth: Hidden layers L, at least 0 (L + 1 convolutions).
        image: Side h of the square image, at least 1.
        kernel: Side k of the square kernels, odd.

    Returns:
        (lower, upper), each in [0, 1].

    Raises:
        ValueError: an argument out of range.
    """
    p, depth, image = check_probability(p), check_integer(depth, "depth", 0), check_integer(image, "image", 1)
    reach = min(_check_kernel(kernel) // 2, image - 1)
    upper = bond_crossing_probability(p ** ((2 * reach + 1) ** 2), channels, depth)
    if image >= (depth + 1) * reach + 1:
        return upper, upper
    return bond_crossing_probability(p, channels, depth), upper


def sample_kernel_dropconnect(
    p: float, channels: int, depth: int, image: int, kernel: int, samples: int = 1000, seed: int = 0
) -> int:
    """Count the crossed convolutional networks with dropped kernel entries.

    Args:
        p: Probability that a kernel entry is removed, in [0, 1].
        channels: Channels per layer, at least 1.
        depth: Hidden layers L, at least 0 (L + 1 convolutions).
        image: Side h of the square image, at least 1; zero padding keeps it.
        kernel: Side k of the square kernels, odd.
        samples: Networks to draw, at least 1.
        seed: Root seed, at least 0; equal arguments give equal counts.

    Returns:
        Number of samples in which some output unit is reachable from some input unit.

    Raises:
        ValueError: an argument out of range.
    """
    p, samples, seed = check_probability(p), check_integer(samples, "samples", 1), check_integer(seed, "seed", 0)
    channels, depth = check_integer(channels, "channels", 1), check_integer(depth, "depth", 0)
    image, kernel = check_integer(image, "image", 1), _check_kernel(kernel)
    rng = generator(seed, "kernel dropconnect", p, channels, depth, image, kernel)
    bits = channels * kernel**2 * max(channels, image**2)
    return sum(
        int(reaches_through_kernels(draw_kernel_masks(p, channels, depth, kernel, batch, rng), image).sum())
        for batch in batches(samples, bits)
    )


def draw_kernel_masks(
    p: float, channels: int, depth: int, kernel: int, samples: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Draw the kernel-entry masks of one batch of convolutional networks, layer by layer.

    Args:
        p: Probability that a kernel entry is removed, in [0, 1].
        channels: Channels per layer C.
        depth: Hidden layers L.
        kernel: Side k of the kernels.
        samples: Networks in the batch.
        rng: Source of randomness.

    Yields:
        L + 1 boolean masks, True = kept, shape (samples, C_out, C_in, k, k).
    """
    for _ in range(depth + 1):
        yield draw_bits(p, (samples, channels, channels, kernel, kernel), rng)


def reaches_through_kernels(masks: Iterable[np.ndarray], image: int) -> np.ndarray:
    """Whether some output unit is reachable from some input unit through masked convolutions with zero padding.

    Output unit (c_out, y, x) hangs on the units (c_in, y + dy - k//2, x + dx - k//2) inside the image for which the
    tap (c_out, c_in, dy, dx) is kept.

    Args:
        masks: One boolean mask per convolution, shape (samples, C_out, C_in, k, k), k odd.
        image: Side h of the square image.

    Returns:
        Shape (samples,), bool.

    Raises:
        ValueError: no mask is given.
    """
    reached: np.ndarray | None = None
    for mask in masks:
        samples, c_out, c_in, kernel, _ = mask.shape
        if reached is None:
            reached = np.ones((samples, c_in, image, image), dtype=bool)
        # Path counts of one layer: small non-negative integers, exact in float32 and fast in batched matmul.
        paths = mask.reshape(samples, c_out, -1).astype(np.float32) @ _patches(reached, kernel).astype(np.float32)
        reached = (paths > 0).reshape(samples, c_out, image, image)
    if reached is None:
        raise ValueError("masks must hold at least one convolution, got none")
    return np.any(reached, axis=(1, 2, 3))


def _patches(units: np.ndarray, kernel: int) -> np.ndarray:
    """Window of every position, zero padded: (samples, C, h, h) -> (samples, C·k·k, h·h)."""
    samples, channels, image, _ = units.shape
    pad = kernel // 2
    padded = np.pad(units, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = sliding_window_view(padded, (kernel, kernel), axis=(2, 3))
    return windows.transpose(0, 1, 4, 5, 2, 3).reshape(samples, channels * kernel**2, image**2)


def _check_kernel(kernel: int) -> int:
    kernel = check_integer(kernel, "kernel", 1)
    if kernel % 2 == 0:
        raise ValueError(f"kernel must be odd, so that zero padding keeps the image, got {kernel}")
    return kernel
