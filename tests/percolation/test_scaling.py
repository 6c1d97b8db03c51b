"""Scaling laws: thresholds against their limits, inverses against the functions they invert, the theorem's bound."""

import math
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dropatlas.percolation import (
    bond_crossing_bounds,
    bond_crossing_probability,
    bond_extinction_probability,
    bond_extinction_upper_bound,
    critical_depth,
    critical_probability,
    crossing_probability_at,
    half_crossing_probability,
    log_n_of_width,
    required_width,
    site_crossing_probability,
    width_at,
)

CROSSING = {"site": site_crossing_probability, "bond": bond_crossing_probability}
models = st.sampled_from(["site", "bond"])


@given(width=st.integers(1, 3000), constant=st.floats(0.05, 20), exponent=st.floats(0.2, 3))
def test_width_at_inverts_log_n_of_width(width, constant, exponent):
    log_n = log_n_of_width(width, constant, exponent)
    assert width_at(log_n, constant, exponent) == width
    assert width_at(log_n * (1 + 1e-8), constant, exponent) == width
    if width > 1:
        assert width_at(log_n * (1 - 1e-8), constant, exponent) == width - 1


def test_width_at_of_hand_computed_cases():
    assert width_at(math.log(1000), 2, 1) == 13  # 2·6.907 = 13.8
    assert width_at(math.log(1000), 2, 0.5) == 3  # sqrt(13.8) = 3.7
    with pytest.raises(ValueError, match=r"log_n must be >= 0.5 for a width of at least 1, got 0.4"):
        width_at(0.4, 2, 1)


@pytest.mark.parametrize(
    ("model", "exponent", "value"),
    [
        ("site", 1.0, math.exp(-0.25)),
        ("site", 1.01, 1.0),
        ("site", 0.99, 0.0),
        ("site", 0.5, 0.0),
        ("bond", 0.5, math.exp(-0.25)),
        ("bond", 0.51, 1.0),
        ("bond", 0.75, 1.0),
        ("bond", 1.0, 1.0),
        ("bond", 0.49, 0.0),
    ],
)
def test_critical_probability(model, exponent, value):
    assert critical_probability(model, 4, exponent) == value


@pytest.mark.parametrize(
    ("log_n", "exponent"),
    [(math.log(n), exponent) for n in (10, 1e6, 1e12) for exponent in (0.5, 0.8, 1.0)] + [(690.0, 0.5), (690.0, 0.7)],
)
def test_half_crossing_probability_puts_the_crossing_at_one_half(log_n, exponent):
    for curve in ("site", "bond", "bond_lower", "bond_upper"):
        threshold = half_crossing_probability(curve, log_n, 2.0, exponent)
        assert crossing_probability_at(curve, threshold, log_n, 2.0, exponent) == pytest.approx(0.5, abs=1e-9)
        assert crossing_probability_at(curve, threshold * 0.99, log_n, 2.0, exponent) > 0.5001
        assert crossing_probability_at(curve, threshold + (1 - threshold) / 100, log_n, 2.0, exponent) < 0.4999


def test_crossing_probability_at_uses_the_law():
    log_n = math.log(10**6)
    assert crossing_probability_at("site", 0.5, log_n, 2, 1) == site_crossing_probability(0.5, 27, 10**6)
    assert crossing_probability_at("bond", 0.5, log_n, 2, 0.5) == bond_crossing_probability(0.5, 5, 10**6)
    bounds = bond_crossing_bounds(0.5, 5, 10**6)
    assert crossing_probability_at("bond_lower", 0.5, log_n, 2, 0.5) == bounds[0]
    assert crossing_probability_at("bond_upper", 0.5, log_n, 2, 0.5) == bounds[1]


@pytest.mark.parametrize("constant", [0.7, 2.0, 10.0])
def test_site_threshold_converges_to_the_critical_probability(constant):
    limit = critical_probability("site", constant, 1.0)
    errors = [
        abs(half_crossing_probability("site", log_n, constant, 1.0, continuous=True) - limit)
        for log_n in (5, 20, 80, 320, 690)
    ]
    assert all(later < earlier / 3 for earlier, later in pairwise(errors[:-1]))
    assert errors[-1] < 6e-4
    # log p_c(n) = log(1 - 2^(-1/n)) / (C log n), here at n = e^20
    with mpmath.workdps(60):
        n = round(math.exp(20))
        exact = mpmath.exp(mpmath.log(1 - mpmath.mpf(2) ** (-mpmath.mpf(1) / n)) / (constant * 20))
    assert half_crossing_probability("site", 20, constant, 1.0, continuous=True) == pytest.approx(float(exact))


def test_floor_makes_steps_that_the_continuous_width_has_not():
    log_ns = np.linspace(20, 24, 9)
    stepped = np.diff([half_crossing_probability("site", x, 0.9, 1.0) for x in log_ns])
    smooth = np.diff([half_crossing_probability("site", x, 0.9, 1.0, continuous=True) for x in log_ns])
    assert np.all(smooth > 0)
    assert (stepped > 0).any()
    assert (stepped < 0).any()


@pytest.mark.parametrize("constant", [1.0, 2.0, 5.0])
def test_bond_threshold_converges_to_the_critical_probability_at_exponent_one_half(constant):
    limit = critical_probability("bond", constant, 0.5)
    widths = [w for w in (4, 8, 16, 25, 36, 50) if log_n_of_width(w, constant, 0.5) <= 690]
    thresholds = {w: half_crossing_probability("bond", log_n_of_width(w, constant, 0.5), constant, 0.5) for w in widths}
    errors = [abs(thresholds[w] - limit) for w in widths]
    assert all(later < earlier * 0.8 for earlier, later in pairwise(errors))
    assert errors[-1] < 0.03 * limit
    # 2^W·p^(W²) ≈ log(2)/n; the next correction is of order 1/W²
    for w in widths[2:]:
        assert thresholds[w] == pytest.approx(limit * 2 ** (-1 / w), rel=8 / w**2)
    # the bounds do not settle the matter: the lower one's threshold falls to 0
    last = log_n_of_width(widths[-1], constant, 0.5)
    lower, upper = (half_crossing_probability(c, last, constant, 0.5) for c in ("bond_lower", "bond_upper"))
    assert lower < 1e-2 < thresholds[widths[-1]] < upper
    assert upper == pytest.approx(limit, rel=0.01)


def test_bond_gap_closes_in_favour_of_crossing():
    """Between the exponents 1/2 and 1 the lower bound falls to 0 while the exact probability rises to 1."""
    widths, constant, exponent, p = (6, 20, 60, 110), 1.0, 0.75, 0.5
    log_ns = [log_n_of_width(w, constant, exponent) for w in widths]
    exact = [crossing_probability_at("bond", p, x, constant, exponent) for x in log_ns]
    extinction = [
        bond_extinction_probability(p, w, round(math.exp(x))) for w, x in zip(widths[:2], log_ns[:2], strict=True)
    ]
    lower = [crossing_probability_at("bond_lower", p, x, constant, exponent) for x in log_ns]
    assert lower[-1] < 1e-100
    assert extinction[0] == pytest.approx(1 - exact[0])
    assert 1e-5 < extinction[0] < 1e-3
    assert extinction[1] < 1e-80
    assert exact[1:] == [1.0, 1.0, 1.0]
    below = [crossing_probability_at("bond", 0.1, log_n_of_width(w, constant, 0.4), constant, 0.4) for w in (2, 5, 10)]
    assert below[0] > 0.8
    assert 0 < below[1] < 0.05
    assert below[2] < 1e-100


@given(model=models, p=st.floats(0.01, 0.97), depth=st.integers(0, 10**6), target=st.floats(0.01, 0.999))
@settings(deadline=None, max_examples=60)
def test_required_width_is_the_smallest(model, p, depth, target):
    width = required_width(model, p, depth, target)
    assert CROSSING[model](p, width, depth) >= target
    assert width == 1 or CROSSING[model](p, width - 1, depth) < target


def test_required_width_of_hand_computed_cases():
    assert required_width("site", 0.5, 1, 0.99) == 7  # 2^-7 < 0.01 < 2^-6
    assert required_width("site", 0.5, 0) == required_width("bond", 0, 10**9) == 1
    assert required_width("bond", 0.5, 0, 0.99) == 3  # 2^-9 < 0.01 < 2^-4
    assert required_width("site", 0.999999, 1, 0.5) == 693147  # log 2 / 10^-6


@pytest.mark.parametrize(("model", "limit"), [("site", 2**53), ("bond", 2048)])
def test_required_width_has_a_limit(model, limit):
    with pytest.raises(ValueError, match=f"no width up to {limit} reaches"):
        required_width(model, 1, 3)


@given(model=models, p=st.floats(0.05, 0.99), width=st.integers(1, 6), target=st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=100)
def test_critical_depth_is_the_smallest(model, p, width, target):
    depth = critical_depth(model, p, width, target)
    if depth < 2**40:
        assert CROSSING[model](p, width, depth) <= target
        assert depth == 0 or CROSSING[model](p, width, depth - 1) > target
    else:
        assert CROSSING[model](p, width, depth) == pytest.approx(target, rel=1e-8)


def test_critical_depth_of_hand_computed_cases():
    assert critical_depth("site", 0.5, 1, 0.3) == 2  # 1, 1/2, 1/4
    assert critical_depth("bond", 0.5, 1, 0.3) == 1  # 1/2, 1/4
    assert critical_depth("site", 1, 4) == 1
    assert critical_depth("bond", 1, 4) == 0
    assert critical_depth("site", 1e-20, 5) == pytest.approx(math.log(2) * 1e100, rel=1e-11)
    assert critical_depth("bond", 1e-4, 7) == pytest.approx(math.log(2) * 1e196 / 127, rel=1e-2)
    with pytest.raises(ValueError, match=r"stays above target=0\.5 up to depth 1e300"):
        critical_depth("bond", 0, 4)
    with pytest.raises(ValueError, match=r"stays above target=0\.5 up to depth 1e300"):
        critical_depth("site", 1e-100, 4)


@given(log_p=st.floats(-12, -0.01), width=st.integers(1, 40), depth=st.integers(0, 10**12), delta=st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=300)
def test_extinction_stays_below_the_bound_of_the_theorem(log_p, width, depth, delta):
    p = math.exp(log_p)
    bound = bond_extinction_upper_bound(p, width, depth, delta)
    assert bond_extinction_probability(p, width, depth) <= bound * (1 + 1e-9)


def test_the_bound_of_the_theorem_says_something():
    bounds = {
        (p, width, delta): bond_extinction_upper_bound(p, width, 10**6, delta)
        for p in (0.05, 0.3, 0.5)
        for width in (8, 20, 60)
        for delta in (0.1, 0.2, 0.4)
    }
    assert sum(bound < 1e-3 for bound in bounds.values()) >= 10
    lower, _ = bond_crossing_bounds(0.5, 60, 10**30)
    assert lower < 1e-100  # at this depth the published lower bound is lost, the theorem's is not
    assert bond_extinction_upper_bound(0.5, 60, 10**30, 0.2) < 1e-100


def test_the_bound_of_the_theorem_in_exact_arithmetic():
    p, width, depth, delta = Fraction(1, 16), 4, 9, Fraction(1, 2)
    r = width * p**2
    exact = (depth + 1) * p**8 * (1 + (2**width - 1) * (1 - r) / (1 - 2 * r))
    assert bond_extinction_upper_bound(float(p), width, depth, float(delta)) == pytest.approx(float(exact), rel=1e-13)
    assert bond_extinction_upper_bound(0, 4, 3, 0.5) == 0.0
    assert bond_extinction_upper_bound(1, 4, 3, 0.5) == 1.0
    assert bond_extinction_upper_bound(0.5, 2, 3, 0.5) == 1.0  # r = 1


@given(p=st.floats(0.01, 0.6), width=st.integers(2, 25), delta=st.floats(0.05, 0.95))
@settings(deadline=None, max_examples=150)
def test_one_excursion_stays_below_its_part_of_the_bound(p, width, delta):
    """The proof's central step: extinction from k_0 >= (1-δ)W without another large layer, by solving the chain."""
    transition = np.array(
        [
            [math.comb(width, j) * (1 - p**k) ** j * p ** (k * (width - j)) for j in range(width + 1)]
            for k in range(width + 1)
        ]
    )
    small = [k for k in range(1, width) if k < (1 - delta) * width]
    from_small = np.linalg.solve(np.eye(len(small)) - transition[np.ix_(small, small)], transition[small, 0])
    bound = bond_extinction_upper_bound(p, width, 0, delta)
    for k in range(math.ceil((1 - delta) * width) or 1, width + 1):
        if k >= (1 - delta) * width:
            excursion = transition[k, 0] + transition[k, small] @ from_small
            assert excursion <= bound * (1 + 1e-9)


@given(data=st.data(), width=st.integers(1, 50))
def test_exponent_identity_of_the_proof(data, width):
    k = [*data.draw(st.lists(st.integers(1, width), min_size=1, max_size=20)), 0]
    m = len(k) - 1
    steps = sum(k[i] * (width - k[i + 1]) for i in range(m))
    assert steps == k[0] * width + sum(k[i] * (width - k[i - 1]) for i in range(1, m))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: width_at(0, 1, 1), "log_n must be a finite number > 0, got 0"),
        (lambda: width_at(5, -1, 1), "constant must be a finite number > 0, got -1"),
        (lambda: width_at(5, 1, math.nan), "exponent must be a finite number > 0, got nan"),
        (lambda: log_n_of_width(0, 1, 1), "width must be an integer >= 1, got 0"),
        (lambda: critical_probability("edge", 1, 1), "model must be one of site, bond, got 'edge'"),
        (lambda: critical_probability("site", math.inf, 1), "constant must be a finite number > 0, got inf"),
        (lambda: crossing_probability_at("both", 0.5, 5, 1, 1), "curve must be one of site, bond, .*got 'both'"),
        (lambda: crossing_probability_at("site", 1.5, 5, 1, 1), r"p must be in \[0, 1\], got 1.5"),
        (lambda: crossing_probability_at("site", 0.5, 701, 1, 1), r"log_n must be in \(0, 700\], got 701"),
        (lambda: half_crossing_probability("bond", 5.5, 1, 1, continuous=True), "width must be whole"),
        (lambda: half_crossing_probability("x", 5, 1, 1), "curve must be one of"),
        (lambda: required_width("bond_lower", 0.5, 3), "model must be one of"),
        (lambda: required_width("site", 0.5, 3, 1.0), r"target must be in \(0, 1\), got 1.0"),
        (lambda: critical_depth("site", 0.5, 3, 0), r"target must be in \(0, 1\), got 0"),
        (lambda: critical_depth("site", 0.5, 0), "width must be an integer >= 1, got 0"),
        (lambda: bond_extinction_upper_bound(0.5, 3, 3, 1), r"delta must be in \(0, 1\), got 1"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
