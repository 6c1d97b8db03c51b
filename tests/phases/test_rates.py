"""Sequences of widths, families of rates, and what a network costs."""

import pytest

from dropatlas.phases.classification import classify_phase
from dropatlas.phases.names import PHASES
from dropatlas.phases.rates import FIXED, HELD, MOST_PENALTY, Network, check_rates, family_rates, sequence_rates


@pytest.mark.parametrize("phase", PHASES)
def test_every_sequence_comes_to_lie_in_its_phase(phase):
    assert classify_phase(100_000, *sequence_rates(phase, 100_000)).name == phase


def test_an_unknown_sequence_or_family_is_named():
    with pytest.raises(ValueError, match="GF, II, III, IV, I, got 'V'"):
        sequence_rates("V", 100)
    with pytest.raises(ValueError, match="most penalty, held or fixed keep rate, got 'least'"):
        family_rates("least", 1.0, 100)


@pytest.mark.parametrize("family", [MOST_PENALTY, HELD, FIXED])
def test_exponents_of_a_family_coincide_at_the_first_width(family):
    assert family_rates(family, 0.5, 100) == family_rates(family, 1.25, 100)
    rate, _ = family_rates(family, 0.5, 400)
    assert rate == pytest.approx(family_rates(family, 0.5, 100)[0] / 2)


def test_a_fixed_keep_rate_lets_the_penalty_vanish_and_a_held_beta_does_not():
    assert [1 / (width * family_rates(FIXED, 0.5, width)[1]) for width in (100, 1000)] == pytest.approx([0.02, 0.002])
    assert [1 / (width * family_rates(HELD, 0.5, width)[1]) for width in (100, 1000)] == pytest.approx([0.5, 0.5])


def test_cost_of_a_network():
    network = Network(1000, 5e-4, 1e-3, 6000)
    assert network.updates == pytest.approx(6000)
    assert network.reads == pytest.approx(6000)


@pytest.mark.parametrize("rates", [(0, 0.1, 0.5), (1, 0.0, 0.5), (1, float("inf"), 0.5), (1, 0.1, 0.0), (1, 0.1, 1.1)])
def test_rates_without_a_meaning_are_refused(rates):
    with pytest.raises(ValueError, match="must be"):
        check_rates(*rates)
