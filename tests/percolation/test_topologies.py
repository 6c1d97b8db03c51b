"""Residual and convolutional networks against graphs built edge by edge, enumeration and closed forms."""

import itertools
import math
from fractions import Fraction

import networkx as nx
import numpy as np
import pytest

from dropatlas.percolation import (
    bond_crossing_probability,
    draw_kernel_masks,
    kernel_dropconnect_bounds,
    reaches_through_kernels,
    residual_crossing_probability,
    sample_channel_dropout,
    sample_kernel_dropconnect,
    sample_residual,
    sample_residual_stream,
    site_crossing_probability,
)
from dropatlas.randomness import generator
from dropatlas.stats import binomial_p_value, holm


def enumerate_subsets(objects, p):
    """Every (kept subset, its probability), exactly."""
    p = Fraction(p)
    for bits in itertools.product((False, True), repeat=len(objects)):
        kept = {thing for thing, bit in zip(objects, bits, strict=True) if bit}
        yield kept, (1 - p) ** len(kept) * p ** (len(objects) - len(kept))


def residual_events(width, depth, blocks, model, kept):
    """(non-identity path, all branches crossed) of a residual network with the given kept vertices or edges.

    Vertices are (block, layer, index): the stream before block b is layer 0, the branch's hidden layers follow.
    """
    identity, branch_edges = [], []
    for b in range(blocks):
        identity += [((b, 0, i), (b + 1, 0, i)) for i in range(width)]
        for layer in range(depth + 1):
            end = (b, layer + 1) if layer < depth else (b + 1, 0)
            branch_edges += [((b, layer, i), (*end, j)) for i in range(width) for j in range(width)]
    if model == "bond":
        branch_edges = [edge for edge in branch_edges if edge in kept]
    else:
        branch_edges = [edge for edge in branch_edges if all(v in kept or v[1] == 0 for v in edge)]
    # Copy (vertex, 1) of a vertex: reached after some branch edge. Entering a branch switches to the second copy.
    graph = nx.DiGraph()
    for a, b in identity:
        graph.add_edges_from([((a, 0), (b, 0)), ((a, 1), (b, 1))])
    for a, b in branch_edges:
        graph.add_edges_from([((a, 0), (b, 1)), ((a, 1), (b, 1))])
    starts = [((0, 0, i), 0) for i in range(width)]
    reached = set().union(*(nx.descendants(graph, v) for v in starts if v in graph))
    non_identity = any(((blocks, 0, i), 1) in reached for i in range(width))
    branches = nx.DiGraph(branch_edges)
    all_open = all(
        any(
            nx.has_path(branches, (b, 0, i), (b + 1, 0, j))
            for i in range(width)
            for j in range(width)
            if (b, 0, i) in branches and (b + 1, 0, j) in branches
        )
        for b in range(blocks)
    )
    return non_identity, all_open


RESIDUAL_CASES = [("bond", 2, 0, 2), ("bond", 1, 1, 3), ("site", 2, 1, 2), ("site", 1, 2, 3), ("site", 2, 2, 2)]


@pytest.mark.parametrize(("model", "width", "depth", "blocks"), RESIDUAL_CASES)
@pytest.mark.parametrize("p", [0.3, 0.8])
def test_residual_probabilities_equal_the_enumeration(model, width, depth, blocks, p):
    if model == "bond":
        objects = [
            ((b, layer, i), (b, layer + 1, j) if layer < depth else (b + 1, 0, j))
            for b in range(blocks)
            for layer in range(depth + 1)
            for i in range(width)
            for j in range(width)
        ]
    else:
        objects = [(b, layer, i) for b in range(blocks) for layer in range(1, depth + 1) for i in range(width)]
    non_identity = all_open = Fraction(0)
    for kept, probability in enumerate_subsets(objects, p):
        events = residual_events(width, depth, blocks, model, kept)
        non_identity += events[0] * probability
        all_open += events[1] * probability
    exact = residual_crossing_probability(model, p, width, depth, blocks)
    assert exact.any_path == 1.0
    assert exact.non_identity_path == pytest.approx(float(non_identity), rel=1e-12)
    assert exact.all_branches == pytest.approx(float(all_open), rel=1e-12)


def test_residual_probabilities_keep_small_numbers():
    small = residual_crossing_probability("bond", 1 - 1e-12, 1, 2, 5)  # θ = 1e-36 up to rounding of p
    theta = bond_crossing_probability(1 - 1e-12, 1, 2)
    assert small.non_identity_path == pytest.approx(5 * theta, rel=1e-12)
    assert small.all_branches == pytest.approx(theta**5, rel=1e-12)
    assert residual_crossing_probability("site", 1, 3, 0, 4).all_branches == 1.0
    none = residual_crossing_probability("site", 1, 3, 2, 4)
    assert (none.any_path, none.non_identity_path, none.all_branches) == (1.0, 0.0, 0.0)


def test_sampled_residual_networks_agree_with_the_probabilities():
    samples, p_values = 3000, []
    for model, p, (width, depth, blocks) in itertools.product(
        ("site", "bond"), (0.3, 0.6, 0.9), [(2, 1, 3), (3, 4, 6), (4, 0, 2), (1, 2, 10)]
    ):
        counts = sample_residual(model, p, width, depth, blocks, samples, seed=2)
        exact = residual_crossing_probability(model, p, width, depth, blocks)
        assert counts.any_path == samples
        p_values.append(binomial_p_value(counts.non_identity_path, samples, exact.non_identity_path))
        p_values.append(binomial_p_value(counts.all_branches, samples, exact.all_branches))
    assert holm(np.array(p_values)).min() > 0.01
    assert sum(value < 1 for value in p_values) > 20  # informative cells


@pytest.mark.parametrize(("width", "blocks", "p"), [(2, 3, 0.4), (3, 2, 0.7), (1, 4, 0.2)])
def test_identity_edges_do_not_help_when_the_stream_is_removed(width, blocks, p):
    objects = [(b, i) for b in range(1, blocks + 1) for i in range(width)]
    crossing = Fraction(0)
    for kept, probability in enumerate_subsets(objects, p):
        graph = nx.DiGraph([("in", (0, i)) for i in range(width)])
        for b in range(1, blocks + 1):
            for i, j in itertools.product(range(width), repeat=2):  # the identity edges i = j are among them
                if (b, j) in kept:
                    graph.add_edge((b - 1, i), (b, j))
        graph.add_edges_from(((blocks, i), "out") for i in range(width))
        crossing += nx.has_path(graph, "in", "out") * probability
    assert site_crossing_probability(p, width, blocks) == pytest.approx(float(crossing), rel=1e-13)
    count = sample_residual_stream(p, width, blocks, samples=5000, seed=1)
    assert binomial_p_value(count, 5000, float(crossing)) > 1e-3
    assert binomial_p_value(count, 5000, site_crossing_probability(p, width, blocks + 1)) < 1e-3


def test_channel_dropout_is_site_percolation_on_channels():
    samples, p_values, wrong = 3000, [], []
    for p, (channels, depth, image, kernel) in itertools.product(
        (0.2, 0.5, 0.8), [(2, 4, 5, 3), (3, 8, 4, 1), (4, 3, 1, 3), (1, 2, 6, 5)]
    ):
        count = sample_channel_dropout(p, channels, depth, image, kernel, samples, seed=3)
        p_values.append(binomial_p_value(count, samples, site_crossing_probability(p, channels, depth)))
        wrong.append(binomial_p_value(count, samples, site_crossing_probability(p, channels + 1, depth)))
    assert holm(np.array(p_values)).min() > 0.01
    assert sum(value < 1e-6 for value in wrong) >= 10


def unrolled_graph(masks, sample, image):
    graph = nx.DiGraph()
    for layer, mask in enumerate(masks):
        _, c_out, c_in, kernel, _ = mask.shape
        half = kernel // 2
        for o, i, dy, dx in zip(*np.nonzero(mask[sample]), strict=True):
            for y, x in itertools.product(range(image), repeat=2):
                source = (layer, i, y + dy - half, x + dx - half)
                if 0 <= source[2] < image and 0 <= source[3] < image:
                    graph.add_edge(source, (layer + 1, o, y, x))
        if layer == 0:
            graph.add_edges_from(("in", (0, i, y, x)) for i in range(c_in) for y in range(image) for x in range(image))
    last = len(masks)
    graph.add_edges_from(((last, o, y, x), "out") for o in range(c_out) for y in range(image) for x in range(image))
    return graph


@pytest.mark.parametrize(
    ("p", "channels", "depth", "image", "kernel"),
    [
        (0.8, 1, 2, 2, 3),
        (0.85, 2, 2, 2, 3),
        (0.9, 2, 1, 3, 3),
        (0.95, 1, 1, 3, 5),
        (0.5, 2, 2, 2, 1),
        (0.9, 1, 3, 1, 3),
    ],
)
def test_kernel_reachability_equals_that_of_the_unrolled_graph(p, channels, depth, image, kernel):
    samples = 120
    masks = list(draw_kernel_masks(p, channels, depth, kernel, samples, generator(5, "kernels", p)))
    crossed = reaches_through_kernels(masks, image)
    expected = [nx.has_path(unrolled_graph(masks, sample, image), "in", "out") for sample in range(samples)]
    assert crossed.tolist() == expected
    if image > 1:
        assert 5 < crossed.sum() < samples - 5


def every_two_layer_mask():
    """All 2^18 pairs of 3x3 kernels of one channel, and the number of kept taps of each pair."""
    bits = (np.arange(2**18)[:, None] >> np.arange(18)) & 1
    masks = bits.astype(bool).reshape(-1, 2, 1, 1, 3, 3)
    return [masks[:, 0], masks[:, 1]], bits.sum(axis=1)


@pytest.mark.parametrize(("image", "relation"), [(1, "lower"), (2, "between"), (3, "upper"), (5, "upper")])
def test_kernel_bounds_against_the_enumeration_of_all_masks(image, relation):
    masks, kept = every_two_layer_mask()
    crossed = np.concatenate(
        [reaches_through_kernels([mask[part] for mask in masks], image) for part in np.split(np.arange(2**18), 32)]
    )
    for p in (0.6, 0.9):
        exact = float(np.sum(crossed * (1 - p) ** kept * p ** (18 - kept)))
        lower, upper = kernel_dropconnect_bounds(p, 1, 1, image, 3)
        if relation == "between":
            assert (1 - p) ** 2 == pytest.approx(lower)
            assert (1 - p**9) ** 2 == pytest.approx(upper)
            assert lower * 1.005 < exact < upper * 0.995
        else:
            assert lower == upper == pytest.approx(exact, rel=1e-10)
            assert exact == pytest.approx((1 - p) ** 2 if relation == "lower" else (1 - p**9) ** 2)
        count = sample_kernel_dropconnect(p, 1, 1, image, 3, samples=3000, seed=8)
        assert binomial_p_value(count, 3000, exact) > 1e-3


def test_kernel_dropconnect_agrees_with_the_bond_chain_where_the_bounds_meet():
    samples, p_values = 2000, []
    for p, channels, depth, image, kernel, edge_removal in [
        (0.6, 3, 5, 4, 1, 0.6),
        (0.3, 2, 9, 3, 1, 0.3),
        (0.5, 2, 3, 1, 5, 0.5),
        (0.95, 2, 4, 6, 3, 0.95**9),
        (0.98, 3, 3, 9, 5, 0.98**25),
        (0.97, 2, 2, 2, 1, 0.97),
    ]:
        theta = bond_crossing_probability(edge_removal, channels, depth)
        assert kernel_dropconnect_bounds(p, channels, depth, image, kernel) == pytest.approx((theta, theta), rel=1e-13)
        count = sample_kernel_dropconnect(p, channels, depth, image, kernel, samples, seed=6)
        p_values.append(binomial_p_value(count, samples, theta))
    assert holm(np.array(p_values)).min() > 0.01


@pytest.mark.parametrize(
    ("p", "channels", "depth", "image", "kernel"), [(0.93, 2, 12, 3, 3), (0.75, 1, 6, 2, 3), (0.97, 2, 6, 4, 5)]
)
def test_kernel_dropconnect_stays_between_the_bounds_in_small_images(p, channels, depth, image, kernel):
    samples = 4000
    share = sample_kernel_dropconnect(p, channels, depth, image, kernel, samples, seed=7) / samples
    lower, upper = kernel_dropconnect_bounds(p, channels, depth, image, kernel)
    margin = 4 * math.sqrt(0.25 / samples)
    assert lower + margin < share < upper - margin  # strictly inside: both effects, taps and drift, are there


@pytest.mark.parametrize("sampler", [sample_channel_dropout, sample_kernel_dropconnect])
def test_convolution_masks_of_certain_removal(sampler):
    assert sampler(0, 2, 3, 3, 3, samples=20) == 20
    assert sampler(1, 2, 3, 3, 3, samples=20) == 0
    assert sampler(0.5, 2, 3, 3, 3, samples=500, seed=4) == sampler(0.5, 2, 3, 3, 3, samples=500, seed=4)
    with pytest.raises(ValueError, match=r"kernel must be odd, .* got 2"):
        sampler(0.5, 2, 3, 3, 2)
    with pytest.raises(ValueError, match="channels must be an integer >= 1, got 0"):
        sampler(0.5, 0, 3, 3, 3)
    with pytest.raises(ValueError, match=r"p must be in \[0, 1\], got -0.5"):
        sampler(-0.5, 2, 3, 3, 3)


def test_residual_functions_name_bad_arguments():
    for function in (residual_crossing_probability, sample_residual):
        with pytest.raises(ValueError, match="model must be one of site, bond, got 'edge'"):
            function("edge", 0.5, 2, 2, 2)
        with pytest.raises(ValueError, match="blocks must be an integer >= 1, got 0"):
            function("bond", 0.5, 2, 2, 0)
        with pytest.raises(ValueError, match="width must be an integer >= 1, got 0"):
            function("bond", 0.5, 0, 2, 2)
    with pytest.raises(ValueError, match="samples must be an integer >= 1, got 0"):
        sample_residual_stream(0.5, 2, 2, samples=0)
