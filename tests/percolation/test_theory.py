"""Closed forms, bounds and the exact bond chain against enumeration and against high-precision arithmetic."""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dropatlas.percolation import (
    bond_crossing_bounds,
    bond_crossing_probability,
    bond_decay_rate,
    bond_extinction_probability,
    site_crossing_probability,
    site_extinction_probability,
)

probabilities = st.floats(0.0, 1.0)
inner_probabilities = st.floats(0.001, 0.999)


def enumerated_bond_crossing(p, widths):
    """θ by walking through every subset of the edges, in exact arithmetic."""
    shapes = list(itertools.pairwise(widths))
    p, q = Fraction(p), 1 - Fraction(p)
    edges = sum(a * b for a, b in shapes)
    total = Fraction(0)
    for bits in range(2**edges):
        rest, reached = bits, set(range(widths[0]))
        for w_in, w_out in shapes:
            following = set()
            for i in range(w_in):
                for j in range(w_out):
                    if rest & 1 and i in reached:
                        following.add(j)
                    rest >>= 1
            reached = following
        if reached:
            kept = bits.bit_count()
            total += q**kept * p ** (edges - kept)
    return total


def precise_transition(p, width):
    """Transition matrix on {0..W} in the working precision of mpmath."""
    p = mpmath.mpf(p)
    return mpmath.matrix(
        [
            [mpmath.binomial(width, j) * (1 - p**k) ** j * p ** (k * (width - j)) for j in range(width + 1)]
            for k in range(width + 1)
        ]
    )


def precise_bond(p, width, depth):
    """(θ, 1 - θ) by squaring the transition matrix in 900 digits."""
    with mpmath.workdps(900):
        power = precise_transition(p, width) ** (depth + 1)
        return mpmath.fsum(power[width, j] for j in range(1, width + 1)), power[width, 0]


def relative_error(value, exact):
    return float(abs(mpmath.mpf(value) - exact) / exact)


@pytest.mark.parametrize("p", [0.05, 0.3, 0.4, 0.5, 0.6, 0.97])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_bond_chain_equals_the_enumeration_of_all_graphs_of_width_two(p, depth):
    exact = enumerated_bond_crossing(p, [2] * (depth + 2))
    assert bond_crossing_probability(p, 2, depth) == pytest.approx(float(exact), rel=1e-12)
    assert bond_extinction_probability(p, 2, depth) == pytest.approx(float(1 - exact), rel=1e-12)


@pytest.mark.parametrize("widths", [[1, 3], [3, 1], [2, 3, 1], [1, 2, 3, 1], [2, 1, 3, 2], [3, 2, 2, 1], [1, 2, 2, 2]])
def test_bond_chain_equals_the_enumeration_of_all_graphs_of_unequal_widths(widths):
    for p in (0.2, 0.7):
        exact = enumerated_bond_crossing(p, widths)
        assert bond_crossing_probability(p, widths=widths) == pytest.approx(float(exact), rel=1e-12)
        assert bond_extinction_probability(p, widths=widths) == pytest.approx(float(1 - exact), rel=1e-12)


@pytest.mark.parametrize(
    ("p", "width", "depth", "value"),
    [
        (0.4, 2, 2, 0.8471155875840),
        (0.6, 2, 1, 0.65142784),
        (0.5, 2, 3, 0.5744476318359375),
        (0.3, 2, 50, 0.256774763933869),
    ],
)
def test_bond_chain_reproduces_known_values(p, width, depth, value):
    assert bond_crossing_probability(p, width, depth) == pytest.approx(value, rel=1e-12)


# From extinction near certainty through moderate values to 1e-299, shallow and deep.
PRECISE_CELLS = [
    (0.5, 1, 9),
    (0.5, 2, 3),
    (0.3, 2, 50),
    (0.95, 3, 40),
    (0.999, 4, 60),
    (1 - 1e-9, 3, 20),
    (0.01, 3, 10**9),
    (1e-5, 5, 10),
    (1e-12, 5, 10**9),
    (1e-12, 5, 0),
    (2e-20, 4, 10**9),
    (1e-77, 2, 10**9),
    (0.2, 6, 10**9),
    (0.25, 4, 10**9),
    (0.5, 5, 10**9),
    (0.9, 5, 10**6),
    (0.6, 3, 4000),
    (1e-151, 2, 10**300),
    (1e-23, 5, 10**300),
    (1e-6, 4, 10**9),
    (1e-4, 3, 10),
    (1e-300, 1, 10**300),
]


@pytest.mark.parametrize(("p", "width", "depth"), PRECISE_CELLS, ids=lambda value: f"{value:.3g}")
def test_bond_chain_is_accurate_to_the_size_of_either_outcome(p, width, depth):
    crossing, extinction = precise_bond(p, width, depth)
    assert relative_error(bond_extinction_probability(p, width, depth), extinction) < 1e-10
    if crossing > 1e-300:
        assert relative_error(bond_crossing_probability(p, width, depth), crossing) < 1e-10
    else:
        assert bond_crossing_probability(p, width, depth) < 1e-299


def test_precise_cells_span_the_float_range():
    extinctions = [float(precise_bond(*cell)[1]) for cell in PRECISE_CELLS]
    assert min(extinctions) < 1e-290
    assert sum(1e-290 < e < 1e-20 for e in extinctions) >= 3
    assert sum(1e-3 < e < 0.999 for e in extinctions) >= 3


@pytest.mark.parametrize(("p", "width", "depth"), [(0.9, 40, 30), (0.97, 60, 25), (0.5, 30, 12)])
def test_bond_chain_is_accurate_for_wide_networks(p, width, depth):
    with mpmath.workdps(60):
        transition = precise_transition(p, width)
        state = mpmath.matrix(1, width + 1)
        state[width] = 1
        for _ in range(depth + 1):
            state = state * transition
        assert relative_error(bond_extinction_probability(p, width, depth), state[0]) < 1e-10


def test_unequal_widths_join_runs_of_equal_layers():
    p, blocks = 0.7, [(4, 4, 3), (4, 2, 1), (2, 2, 200), (2, 5, 1), (5, 5, 2)]
    widths = [4] * 4 + [2] * 201 + [5] * 3
    with mpmath.workdps(60):
        state = mpmath.matrix([[0, 0, 0, 0, 1]])
        for w_in, w_out, layers in blocks:
            transition = mpmath.matrix(
                [
                    [
                        mpmath.binomial(w_out, j) * (1 - mpmath.mpf(p) ** k) ** j * mpmath.mpf(p) ** (k * (w_out - j))
                        for j in range(w_out + 1)
                    ]
                    for k in range(w_in + 1)
                ]
            )
            for _ in range(layers):
                state = state * transition
        assert relative_error(bond_crossing_probability(p, widths=widths), 1 - state[0]) < 1e-11
        assert relative_error(bond_extinction_probability(p, widths=widths), state[0]) < 1e-11


@given(p=probabilities, width=st.integers(1, 40), depth=st.integers(0, 10**12))
@settings(deadline=None, max_examples=150)
def test_exact_bond_probability_lies_between_the_bounds(p, width, depth):
    lower, upper = bond_crossing_bounds(p, width, depth)
    theta = bond_crossing_probability(p, width, depth)
    assert lower * (1 - 1e-10) <= theta <= upper * (1 + 1e-10)
    assert theta + bond_extinction_probability(p, width, depth) == pytest.approx(1.0, abs=1e-15)


@given(p=inner_probabilities, widths=st.lists(st.integers(1, 12), min_size=2, max_size=8))
@settings(deadline=None, max_examples=100)
def test_reversing_a_network_keeps_the_bond_probability(p, widths):
    forward = bond_crossing_probability(p, widths=widths)
    assert forward == pytest.approx(bond_crossing_probability(p, widths=widths[::-1]), rel=1e-11)
    lower, upper = bond_crossing_bounds(p, widths=widths)
    assert lower <= forward * (1 + 1e-11)
    assert forward <= upper * (1 + 1e-11)


@given(p=inner_probabilities, width=st.integers(1, 12), depth=st.integers(0, 30))
@settings(deadline=None, max_examples=100)
def test_widths_of_a_rectangle_equal_width_and_depth(p, width, depth):
    widths = [width] * (depth + 2)
    for function in (
        bond_crossing_probability,
        bond_extinction_probability,
        site_crossing_probability,
        site_extinction_probability,
    ):
        assert function(p, widths=widths) == pytest.approx(function(p, width, depth), rel=1e-11)
    assert bond_crossing_bounds(p, widths=widths) == pytest.approx(bond_crossing_bounds(p, width, depth), rel=1e-11)


@given(p=inner_probabilities, width=st.integers(1, 15), depth=st.integers(0, 200))
@settings(deadline=None, max_examples=100)
def test_bond_probability_is_monotone_in_every_argument(p, width, depth):
    theta = bond_crossing_probability(p, width, depth)
    slack = 1 + 1e-10
    assert bond_crossing_probability(min(1.0, p * 1.01), width, depth) <= theta * slack
    assert bond_crossing_probability(p, width + 1, depth) * slack >= theta
    assert bond_crossing_probability(p, width, depth + 1) <= theta * slack


@pytest.mark.parametrize(("p", "width", "depth"), [(0.3, 2, 50), (0.9, 8, 300), (0.5, 1, 40), (0.98, 6, 60)])
def test_decay_rate_is_the_logarithm_of_the_leading_eigenvalue(p, width, depth):
    transition = np.array(precise_transition(p, width).tolist(), dtype=float)[1:, 1:]
    leading = max(abs(np.linalg.eigvals(transition)))
    assert bond_decay_rate(p, width) == pytest.approx(-math.log(leading), rel=1e-9)
    ratio = bond_crossing_probability(p, width, depth + 1) / bond_crossing_probability(p, width, depth)
    assert -math.log(ratio) == pytest.approx(bond_decay_rate(p, width), rel=1e-9)


@pytest.mark.parametrize(("p", "width"), [(1e-50, 2), (1e-8, 5), (1e-22, 3)])
def test_decay_rate_is_accurate_near_1e_200(p, width):
    # From the dominant cut: ε = p^(W²)·(2^W - 1 + O(W p)); the precise value by powers of the matrix in 900 digits.
    layers = 64
    with mpmath.workdps(900):
        transition = precise_transition(p, width)
        before, after = (transition**m for m in (layers, layers + 1))
        survival_ratio = (1 - after[width, 0]) / (1 - before[width, 0])
        exact = -mpmath.log(survival_ratio)
    assert float(exact) < 1e-190
    assert relative_error(bond_decay_rate(p, width), exact) < 1e-11


def test_decay_rate_at_the_ends():
    assert bond_decay_rate(0, 5) == 0.0
    assert bond_decay_rate(1, 5) == math.inf
    assert bond_decay_rate(0.25, 1) == pytest.approx(-math.log(0.75), rel=1e-14)


@given(p=inner_probabilities, widths=st.lists(st.integers(1, 30), min_size=2, max_size=8))
def test_site_probability_is_the_product_over_hidden_layers(p, widths):
    crossing = math.prod((1 - Fraction(p) ** w for w in widths[1:-1]), start=Fraction(1))
    assert site_crossing_probability(p, widths=widths) == pytest.approx(float(crossing), rel=1e-12)
    assert site_extinction_probability(p, widths=widths) == pytest.approx(float(1 - crossing), rel=1e-12)


def test_site_probability_of_the_hand_computed_case():
    assert site_crossing_probability(0.3, 3, 5) == pytest.approx((1 - 0.027) ** 5, rel=1e-14)


@pytest.mark.parametrize(
    ("p", "width", "depth"),
    [
        (0.1, 40, 1000),
        (0.5, 900, 10**12),
        (1e-5, 61, 1),
        (1e-100, 6, 10**300),
        (0.999999, 3, 2),
        (1 - 1e-12, 2, 3),
        (0.4, 7, 3),
        (0.3, 5, 10**9),
    ],
)
def test_site_probabilities_are_accurate_to_their_own_size(p, width, depth):
    with mpmath.workdps(900):
        crossing = (1 - mpmath.mpf(p) ** width) ** depth
        assert relative_error(site_extinction_probability(p, width, depth), 1 - crossing) < 1e-11
        if crossing > 1e-300:
            assert relative_error(site_crossing_probability(p, width, depth), crossing) < 1e-10
        lower, upper = bond_crossing_bounds(p, width, depth)
        if depth < 100:
            assert relative_error(lower, (1 - mpmath.mpf(p) ** width) ** (depth + 1)) < 1e-11
            assert relative_error(upper, (1 - mpmath.mpf(p) ** width**2) ** (depth + 1)) < 1e-11


def test_bounds_of_unequal_widths():
    p, widths = 0.6, [2, 3, 1, 4]
    lower, upper = bond_crossing_bounds(p, widths=widths)
    assert lower == pytest.approx((1 - p**3) * (1 - p) * (1 - p**4), rel=1e-14)
    assert upper == pytest.approx((1 - p**6) * (1 - p**3) * (1 - p**4), rel=1e-14)


@pytest.mark.parametrize("depth", [0, 1, 10**12, 10**300, 10**400], ids=lambda depth: f"{len(str(depth))} digits")
def test_certain_outcomes(depth):
    assert site_crossing_probability(0, 3, depth) == bond_crossing_probability(0.0, 3, depth) == 1.0
    assert site_extinction_probability(0, 3, depth) == bond_extinction_probability(0.0, 3, depth) == 0.0
    assert bond_crossing_bounds(0, 3, depth) == (1.0, 1.0)
    assert bond_crossing_probability(1, 3, depth) == 0.0
    assert bond_extinction_probability(1, 3, depth) == 1.0
    assert bond_crossing_bounds(1, 3, depth) == (0.0, 0.0)
    assert site_crossing_probability(1, 3, depth) == (1.0 if depth == 0 else 0.0)
    assert site_extinction_probability(1, 3, depth) == (0.0 if depth == 0 else 1.0)


def test_huge_depths_beyond_the_float_range():
    assert bond_crossing_probability(0.3, 4, 10**400) == 0.0
    assert site_crossing_probability(0.3, 4, 10**400) == 0.0
    # n·ε = 10^400·10^-402 with W = 1 for bonds and W = 2 for sites.
    assert site_extinction_probability(1e-201, 2, 10**400) == pytest.approx(0.01 - 0.01**2 / 2, rel=1e-4)
    assert bond_extinction_probability(1e-201, 1, 10**199) == pytest.approx(0.01 - 0.01**2 / 2, rel=1e-4)


def test_depth_zero_is_one_edge_layer():
    assert site_crossing_probability(0.9, 4, 0) == 1.0
    assert bond_extinction_probability(0.9, 4, 0) == pytest.approx(0.9**16, rel=1e-13)


FUNCTIONS = [
    site_crossing_probability,
    site_extinction_probability,
    bond_crossing_bounds,
    bond_crossing_probability,
    bond_extinction_probability,
]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"p": 1.3, "width": 2, "depth": 1}, r"p must be in \[0, 1\], got 1.3"),
        ({"p": -0.1, "width": 2, "depth": 1}, r"p must be in \[0, 1\], got -0.1"),
        ({"p": math.nan, "width": 2, "depth": 1}, r"p must be in \[0, 1\], got nan"),
        ({"p": math.inf, "width": 2, "depth": 1}, r"p must be in \[0, 1\], got inf"),
        ({"p": True, "width": 2, "depth": 1}, r"p must be in \[0, 1\], got True"),
        ({"p": "0.5", "width": 2, "depth": 1}, r"p must be in \[0, 1\], got '0.5'"),
        ({"p": 0.5, "width": 0, "depth": 1}, "width must be an integer >= 1, got 0"),
        ({"p": 0.5, "width": 2.0, "depth": 1}, "width must be an integer >= 1, got 2.0"),
        ({"p": 0.5, "width": True, "depth": 1}, "width must be an integer >= 1, got True"),
        ({"p": 0.5, "width": 2, "depth": -1}, "depth must be an integer >= 0, got -1"),
        ({"p": 0.5, "width": 2, "depth": math.nan}, "depth must be an integer >= 0, got nan"),
        ({"p": 0.5, "width": 2, "depth": np.bool_(True)}, "depth must be an integer >= 0, got"),
        ({"p": 0.5, "widths": [2]}, "at least 2 layers .* got 1"),
        ({"p": 0.5, "widths": [2, 0, 2]}, r"widths\[1\] must be an integer >= 1, got 0"),
        ({"p": 0.5, "width": 2, "depth": 1, "widths": [2, 2]}, "either width and depth or widths"),
        ({"p": 0.5, "depth": 1, "widths": [2, 2]}, "either width and depth or widths"),
        ({"p": 0.5, "width": 2}, "either width and depth or widths"),
        ({"p": 0.5, "depth": 2}, "either width and depth or widths"),
        ({"p": 0.5}, "either width and depth or widths"),
    ],
)
def test_bad_arguments_are_named(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(**arguments)


def test_decay_rate_names_bad_arguments():
    with pytest.raises(ValueError, match=r"p must be in \[0, 1\], got 2"):
        bond_decay_rate(2, 3)
    with pytest.raises(ValueError, match="width must be an integer >= 1, got 0"):
        bond_decay_rate(0.5, 0)


def test_numpy_scalars_are_accepted():
    assert bond_crossing_probability(np.float64(0.4), np.int64(2), np.int32(2)) == bond_crossing_probability(0.4, 2, 2)
    assert site_crossing_probability(np.float32(0.5), widths=np.array([2, 2, 2])) == 0.75
