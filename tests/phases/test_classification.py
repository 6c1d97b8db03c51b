"""The classification by (n, τ, q): the paper's regimes, their boundaries, and refused values."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropatlas.phases.classification import CONTAINS, CONVENTION, PHASES, Convention, classify_phase

BOUNDARY_FACTOR, SMALL, LARGE = CONVENTION.factor, CONVENTION.small, CONVENTION.large


@pytest.mark.parametrize(
    ("rates", "name"),
    [((0.01, 0.9), "GF"), ((5e-5, 1e-3), "II"), ((0.02, 0.04), "III"), ((5e-4, 1e-3), "IV"), ((0.6, 0.5), "I")],
)
def test_one_network_of_every_phase(rates, name):
    assert classify_phase(1000, *rates).name == name


@pytest.mark.parametrize(
    ("sequence", "name"),
    [
        (lambda n: (n**-0.5, 0.5), "GF"),
        (lambda n: (n**-1.5, 1 / n), "II"),
        (lambda n: (n**-0.5, n**-0.5), "III"),
        (lambda n: (1 / n, 1 / n), "IV"),
        (lambda n: (0.5, 0.9), "I"),
        (lambda n: (n**-0.5, 1 / n), "degenerate"),
        (lambda n: (n**-3.0, n**-1.5), "degenerate"),
    ],
)
def test_sequences_end_in_the_phase_of_the_theorem(sequence, name):
    found = classify_phase(10**8, *sequence(10**8))
    assert (found.name, found.boundary) == (name, False)


@given(st.integers(1, 10**6), st.floats(1e-8, 100), st.floats(1e-8, 1))
def test_coordinates_and_boundaries_are_consistent(width, learning_rate, keep_rate):
    found = classify_phase(width, learning_rate, keep_rate)
    assert math.isclose(found.alpha * found.beta, learning_rate / (width * keep_rate**2))
    assert found.margin >= 1
    assert found.boundary == (found.margin <= BOUNDARY_FACTOR)
    if not found.boundary:  # every network within the factor is in the same phase
        for factor in (1 / BOUNDARY_FACTOR, BOUNDARY_FACTOR):
            assert classify_phase(width, learning_rate * factor, keep_rate).name == found.name


def test_phase_one_begins_where_half_of_the_variance_of_poisson_clocks_is_left():
    assert [classify_phase(10**6, q, q).name for q in (0.49, 0.5)] == ["III", "I"]
    assert [classify_phase(10**6, q, q).boundary for q in (0.16, 0.17, 0.83, 0.84)] == [False, True, True, False]
    assert classify_phase(10**6, 1.0, 1.0) == classify_phase(10**6, 1.0, 1.0, CONVENTION)
    assert classify_phase(10**6, 0.2, 0.2, Convention(discrete=0.1)).name == "I"


def test_beta_decides_between_ii_and_gf_and_between_iv_and_iii():
    keep_rate = 1 / (1000 * SMALL)
    for alpha, names in ((0.01, ("II", "GF")), (1.0, ("IV", "III"))):
        found = [classify_phase(1000, alpha * q, q).name for q in (keep_rate / 3, keep_rate * 3)]
        assert tuple(found) == names


def test_margin_is_the_factor_to_the_nearest_boundary():
    found = classify_phase(1000, 4e-4, 1e-3)  # alpha 0.4, beta 1
    assert found.margin == pytest.approx(0.4 / SMALL)
    assert classify_phase(1000, 8e-3, 1e-3).margin == pytest.approx(LARGE / 8)


@pytest.mark.parametrize("bad", [(0, 0.1, 0.5), (10, 0.0, 0.5), (10, -1, 0.5), (10, math.nan, 0.5), (10, 0.1, 0.0)])
def test_values_without_a_meaning_are_refused(bad):
    with pytest.raises(ValueError, match=r"got (0|-1|0.0|nan)"):
        classify_phase(*bad)


@pytest.mark.parametrize("keep_rate", [1.0000001, 1.3, -0.1, math.nan])
def test_keep_rates_outside_the_interval_are_refused(keep_rate):
    with pytest.raises(ValueError, match=r"keep_rate must be in \(0, 1\], got"):
        classify_phase(10, 0.1, keep_rate)


def test_limits_contain_each_other_without_circles():
    assert set(CONTAINS) == set(PHASES)
    for limit, cases in CONTAINS.items():
        assert limit not in cases
        for case in cases:
            assert CONTAINS[case] < cases | {case}
