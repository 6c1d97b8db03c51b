"""Crossing events counted beside what is known of them."""

import pytest

from dropatlas.percolation import (
    bond_crossing_probability,
    crossing_with_bounds,
    sample_kernel_dropconnect,
    sample_residual,
    sample_residual_stream,
    site_crossing_probability,
)
from dropatlas.percolation.events import EVENTS, Sizes, count_events

SIZES = Sizes(branch_depth=2, image=5, kernel=3, samples=400)


@pytest.mark.parametrize("topology", EVENTS)
def test_every_event_is_counted_near_what_is_known(topology):
    found = count_events(topology, 0.6, 3, 4, SIZES, 1)
    assert tuple(count.event for count in found) == EVENTS[topology]
    for count in found:
        share, noise = count.crossings / SIZES.samples, 5 * (0.25 / SIZES.samples) ** 0.5
        assert 0 <= count.low <= count.high <= 1
        assert count.low - noise < share < count.high + noise
        crossing = bond_crossing_probability if "connect" in topology or "kernel" in topology else None
        assert count.plain == (crossing or site_crossing_probability)(0.6, 3, 4)


def test_counts_are_those_of_the_samplers():
    branches = count_events("residual, dropconnect in the branches", 0.7, 3, 4, SIZES, 2)
    counts = sample_residual("bond", 0.7, 3, 2, 4, 400, 2)
    assert [count.crossings for count in branches] == [400, counts.non_identity_path, counts.all_branches]
    (stream,) = count_events("residual, dropout on the stream", 0.7, 3, 4, SIZES, 2)
    assert stream.crossings == sample_residual_stream(0.7, 3, 4, 400, 2)
    (kernels,) = count_events("convolution, kernel entries dropped", 0.7, 3, 4, SIZES, 2)
    assert kernels.crossings == sample_kernel_dropconnect(0.7, 3, 4, 5, 3, 400, 2)
    assert kernels.low < kernels.high


def test_an_unknown_topology_is_named():
    with pytest.raises(ValueError, match=r"topology must be .*'recurrent'"):
        count_events("recurrent", 0.5, 2, 2, SIZES, 1)


def test_bounds_of_dropout_are_exact_and_those_of_dropconnect_enclose():
    theta, low, high = crossing_with_bounds("site", 0.5, 4, 3)
    assert theta == low == high == site_crossing_probability(0.5, 4, 3)
    theta, low, high = crossing_with_bounds("bond", 0.5, 4, 3)
    assert low < theta < high
    with pytest.raises(ValueError, match="model must be"):
        crossing_with_bounds("edge", 0.5, 4, 3)
