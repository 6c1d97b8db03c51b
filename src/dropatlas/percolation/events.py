"""Crossing events of residual and convolutional networks, counted beside what is known of them in closed form.

What removal does to each topology, and why: `dropatlas.percolation.topologies`.
"""

from dataclasses import dataclass

from .arguments import check_choice
from .theory import bond_crossing_probability, site_crossing_probability
from .topologies import (
    kernel_dropconnect_bounds,
    residual_crossing_probability,
    sample_channel_dropout,
    sample_kernel_dropconnect,
    sample_residual,
    sample_residual_stream,
)

ANY_PATH = "any path"
BRANCH_EVENTS = {
    ANY_PATH: "any_path",
    "a path through a branch": "non_identity_path",
    "all branches open": "all_branches",
}
"""Events of a network with removal in its branches, with their names in `ResidualCrossing`."""

RESIDUAL = {
    "residual, dropout in the branches": tuple(BRANCH_EVENTS),
    "residual, dropconnect in the branches": tuple(BRANCH_EVENTS),
    "residual, dropout on the stream": (ANY_PATH,),
}
CONVOLUTIONAL = {"convolution, channels dropped": (ANY_PATH,), "convolution, kernel entries dropped": (ANY_PATH,)}
EVENTS = RESIDUAL | CONVOLUTIONAL
"""Events that are looked for in each topology."""


@dataclass(frozen=True)
class Sizes:
    """What networks of all topologies share.

    Attributes:
        branch_depth: Hidden layers of a residual branch.
        image: Image side in pixels.
        kernel: Kernel side, odd.
        samples: Sampled masks per network.
    """

    branch_depth: int
    image: int
    kernel: int
    samples: int


@dataclass(frozen=True)
class EventCount:
    """One event of one network.

    Attributes:
        event: One of `EVENTS`.
        crossings: Sampled masks in which it happened.
        low: Its exact probability, or a lower bound.
        high: The same, or an upper bound.
        plain: Crossing probability of a plain network of this width and depth under the same removal.
    """

    event: str
    crossings: int
    low: float
    high: float
    plain: float


def count_events(topology: str, p: float, width: int, depth: int, sizes: Sizes, seed: int) -> list[EventCount]:
    """Sample one network.

    Args:
        topology: A key of `EVENTS`.
        p: Removal probability in [0, 1].
        width: Vertices W of a residual network, or channels.
        depth: Residual blocks, or hidden convolutions.
        sizes: What all networks share.
        seed: Root seed.

    Returns:
        One count for each of its events.

    Raises:
        ValueError: unknown topology, or an argument out of range.
    """
    check_choice(topology, "topology", tuple(EVENTS))
    edges = "dropconnect" in topology or "kernel" in topology
    plain = (bond_crossing_probability if edges else site_crossing_probability)(p, width, depth)
    if topology.endswith("in the branches"):
        model = "bond" if edges else "site"
        counts = sample_residual(model, p, width, sizes.branch_depth, depth, sizes.samples, seed)
        exact = residual_crossing_probability(model, p, width, sizes.branch_depth, depth)
        return [
            EventCount(event, getattr(counts, name), getattr(exact, name), getattr(exact, name), plain)
            for event, name in BRANCH_EVENTS.items()
        ]
    low = high = plain
    if topology in RESIDUAL:
        crossings = sample_residual_stream(p, width, depth, sizes.samples, seed)
    else:
        sample = sample_kernel_dropconnect if edges else sample_channel_dropout
        crossings = sample(p, width, depth, sizes.image, sizes.kernel, sizes.samples, seed)
        if edges:
            low, high = kernel_dropconnect_bounds(p, width, depth, sizes.image, sizes.kernel)
    return [EventCount(ANY_PATH, crossings, low, high, plain)]
