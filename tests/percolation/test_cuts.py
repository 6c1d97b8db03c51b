"""Minimum cuts against enumeration, exact polynomials against exact fractions, bounds against the exact chain."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dropatlas.percolation import (
    bond_crossing_bounds,
    bond_crossing_probability,
    bond_decay_rate,
    bond_extinction_probability,
    cuts_by_size,
    depth_in_window,
    enumerated_extinction,
    lowest_extinction_term,
    minimum_cut_bound,
    minimum_cut_extinction,
    number_of_edges,
    number_of_minimum_cuts,
    open_cut_variance,
    open_minimum_cuts,
    poisson_distance_bound,
    sample_open_minimum_cuts,
    window_parameter,
)

SMALL = [(1, 0), (1, 1), (1, 5), (2, 0), (2, 1), (2, 2), (2, 3), (3, 0), (3, 1), (4, 0)]


def all_removals(width, depth):
    """Every edge set, shape (2^E, L + 1, W, W)."""
    edges = (depth + 1) * width**2
    bits = np.arange(2**edges)[:, None] >> np.arange(edges) & 1
    return bits.astype(bool).reshape(-1, depth + 1, width, width)


def minimum_cuts_by_definition(width, depth):
    """The sets of edges into the vertices outside S and out of those in S, S a proper subset of a hidden layer, or the
    last edge layer: masks of shape (cuts, L + 1, W, W)."""
    cuts = []
    for layer in range(depth):
        for members in itertools.product([False, True], repeat=width):
            if not all(members):
                cut = np.zeros((depth + 1, width, width), dtype=bool)
                cut[layer][:, ~np.array(members)] = True
                cut[layer + 1][np.array(members)] = True
                cuts.append(cut)
    last = np.zeros((depth + 1, width, width), dtype=bool)
    last[-1] = True
    return np.array([*cuts, last])


@pytest.mark.parametrize(("width", "depth"), SMALL)
def test_minimum_cuts_are_those_of_the_theorem(width, depth):
    sizes = cuts_by_size(width, depth)
    assert sum(sizes[: width**2]) == 0  # nothing smaller cuts
    assert sizes[width**2] == number_of_minimum_cuts(width, depth) == (2**width - 1) * depth + 1
    named = minimum_cuts_by_definition(width, depth)
    assert len({cut.tobytes() for cut in named}) == len(named) == sizes[width**2]
    assert (named.sum(axis=(1, 2, 3)) == width**2).all()


def test_hand_counted_minimum_cuts():
    assert [number_of_minimum_cuts(2, depth) for depth in (0, 1, 2)] == [1, 4, 7]
    assert number_of_minimum_cuts(1, 6) == 7  # the edges of a path


@pytest.mark.parametrize("width", range(1, 7))
@pytest.mark.parametrize("depth", [0, 1, 2, 7, 20])
def test_the_lowest_extinction_term_counts_them(width, depth):
    assert lowest_extinction_term(width, depth) == (width**2, number_of_minimum_cuts(width, depth))


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_the_lowest_extinction_term_is_the_limit_of_the_chain_in_exact_fractions(width):
    p, depth = Fraction(1, 10**9), 4
    state = {width: Fraction(1)}
    for _ in range(depth + 1):
        following = {}
        for k, probability in state.items():
            for j in range(width + 1):
                step = math.comb(width, j) * (1 - p**k) ** j * p ** (k * (width - j))
                following[j] = following.get(j, 0) + probability * step
        state = following
    power, coefficient = lowest_extinction_term(width, depth)
    assert round(state[0] / p**power) == coefficient
    assert abs(state[0] / p**power - coefficient) < 1e-5


@pytest.mark.parametrize(("width", "depth"), SMALL)
@pytest.mark.parametrize("p", [0.01, 0.4, 0.9])
def test_the_chain_is_the_sum_over_all_masks(width, depth, p):
    assert bond_extinction_probability(p, width, depth) == pytest.approx(
        enumerated_extinction(p, width, depth), rel=1e-12
    )


def test_the_sum_over_all_masks_of_the_known_case():
    assert 1 - enumerated_extinction(0.4, 2, 2) == pytest.approx(0.8471155875840, rel=1e-12)


@pytest.mark.parametrize(("width", "depth"), [(1, 4), (2, 1), (2, 2), (3, 1)])
def test_open_minimum_cuts_are_counted_one_by_one(width, depth):
    removed = all_removals(width, depth)
    named = minimum_cuts_by_definition(width, depth)
    expected = np.zeros(len(removed), dtype=int)
    for cut in named:
        expected += removed[:, cut].all(axis=1)
    assert np.array_equal(open_minimum_cuts(removed), expected)


@pytest.mark.parametrize(("width", "depth"), [(1, 4), (2, 1), (2, 2), (2, 3), (3, 1)])
@pytest.mark.parametrize("p", [0.1, 0.5])
def test_mean_and_variance_of_open_minimum_cuts_are_those_over_all_masks(width, depth, p):
    removed = all_removals(width, depth)
    size = removed.sum(axis=(1, 2, 3))
    weight = p**size * (1 - p) ** (removed[0].size - size)
    counts = open_minimum_cuts(removed)
    mean = (weight * counts).sum()
    assert minimum_cut_extinction(p, width, depth) == pytest.approx(mean, rel=1e-10)
    assert open_cut_variance(p, width, depth) == pytest.approx((weight * (counts - mean) ** 2).sum(), rel=1e-9)


@pytest.mark.parametrize(("width", "depth", "p"), [(1, 9, 0.1), (2, 3, 0.1), (2, 3, 0.3), (3, 1, 0.5)])
def test_the_poisson_bound_holds_over_all_masks(width, depth, p):
    removed = all_removals(width, depth)
    size = removed.sum(axis=(1, 2, 3))
    weight = p**size * (1 - p) ** (removed[0].size - size)
    law = np.bincount(open_minimum_cuts(removed), weights=weight)
    mean = minimum_cut_extinction(p, width, depth)
    poisson = np.array([math.exp(-mean) * mean**k / math.factorial(k) for k in range(len(law))])
    distance = (np.abs(law - poisson).sum() + 1 - poisson.sum()) / 2
    assert 0 < distance <= poisson_distance_bound(p, width, depth)


def test_sampled_open_minimum_cuts_have_the_exact_mean_and_variance():
    p, width, depth, samples = 0.3, 2, 60, 20_000
    counts = sample_open_minimum_cuts(p, width, depth, samples, seed=3)
    mean, variance = minimum_cut_extinction(p, width, depth), open_cut_variance(p, width, depth)
    assert counts.shape == (samples,)
    assert abs(counts.mean() - mean) < 4 * math.sqrt(variance / samples)
    assert counts.var() == pytest.approx(variance, rel=0.08)
    assert np.array_equal(counts, sample_open_minimum_cuts(p, width, depth, samples, seed=3))
    assert not np.array_equal(counts, sample_open_minimum_cuts(p, width, depth, samples, seed=4))


@given(p=st.floats(0.001, 0.999), width=st.integers(1, 40), depth=st.integers(0, 10**12))
@settings(deadline=None, max_examples=150)
def test_the_minimum_cut_bound_lies_between_the_chain_and_the_published_bound(p, width, depth):
    theta, bound = bond_crossing_probability(p, width, depth), minimum_cut_bound(p, width, depth)
    assert theta <= bound * (1 + 1e-10) + 1e-300
    assert bound <= bond_crossing_bounds(p, width, depth)[1] * (1 + 1e-10) + 1e-300


def test_the_minimum_cut_bound_is_sharp_in_the_window():
    for p, width in ((0.3, 32), (0.7, 64)):
        depth = depth_in_window(p, width, 1.0)
        assert minimum_cut_bound(p, width, depth) == pytest.approx(bond_crossing_probability(p, width, depth), rel=0.01)


def test_depths_in_the_window_have_its_parameter():
    for p, width, x in ((0.1, 2, 1.0), (0.7, 64, 0.5), (0.1, 64, 2.0)):
        depth = depth_in_window(p, width, x)
        assert window_parameter(p, width, depth) == pytest.approx(x, rel=0.01)
    assert depth_in_window(0.9, 2, 0.001) == 1
    assert window_parameter(0.3, 2, 0) == 0.0


def test_the_window_law_is_approached_slowly_at_large_p():
    def ratio(p, width):
        return bond_decay_rate(p, width) / (2.0**width * p**width**2)

    assert 15 < ratio(0.7, 8) < 16  # the first-order rate is fifteen times off
    assert 15 < ratio(0.7, 12) < 16
    assert ratio(0.7, 32) == pytest.approx(1.5, abs=0.05)
    assert ratio(0.3, 24) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("constant", [0.5, 1.0, 2.0])
def test_dropconnect_dies_out_at_its_critical_probability(constant):
    thetas = []
    for width in range(2, 10):
        depth = round(math.exp(width**2 / constant))
        thetas.append(bond_crossing_probability(math.exp(-1 / constant), width, depth))
        assert window_parameter(math.exp(-1 / constant), width, depth) == pytest.approx(2**width, rel=0.1)
    assert np.all(np.diff(thetas) <= 0)
    assert thetas[-1] < 1e-50


def test_edges_of_the_quick_check():
    assert number_of_edges(widths=[2, 3, 3, 1]) == 2 * 3 + 3 * 3 + 3 * 1 == 18
    assert number_of_edges(4, 5) == 6 * 16


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: number_of_minimum_cuts(0, 1), "width must be an integer >= 1"),
        (lambda: number_of_minimum_cuts(2, -1), "depth must be an integer >= 0"),
        (lambda: minimum_cut_extinction(1.0, 2, 1), r"p must be in \(0, 1\), got 1.0"),
        (lambda: depth_in_window(0.5, 2, 0.0), "x must be a finite number > 0"),
        (lambda: minimum_cut_bound(0.0, 2, 1), r"p must be in \(0, 1\)"),
        (lambda: cuts_by_size(2, 5), "24 edges, more than 20"),
        (lambda: poisson_distance_bound(0.5, 2, 0), "depth must be an integer >= 1"),
        (lambda: sample_open_minimum_cuts(0.5, 2, 3, 0, 1), "samples must be an integer >= 1"),
        (lambda: number_of_edges(2, 1, widths=[2, 2]), "either width and depth or widths"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
