"""The practitioner's check against closed forms and hand-made modules."""

import warnings

import pytest
from torch import nn

from dropatlas.collapse.check import PercolationWarning, check_module, check_network, format_check
from dropatlas.percolation import bond_crossing_probability


def test_site_network_by_hand():
    found = check_network([10, 2, 2, 2, 5], 0.5, steps=1000, learning_rate=0.01)
    assert found.theta == pytest.approx(0.75**3, rel=1e-12)
    assert found.cut_probability == pytest.approx(1 - 0.75**3, rel=1e-12)
    assert found.useless_steps == pytest.approx(1000 * (1 - 0.75**3))
    assert found.safe_width == 9  # (1 - 2^-9)^3 = 0.994, (1 - 2^-8)^3 = 0.988
    assert found.rate_sum == pytest.approx(10)
    assert found.needed_rate_sum == pytest.approx(1 / 0.75**3)
    assert any("0.422" in text for text in found.warnings)
    assert any("sum of learning rates" in text for text in found.warnings)


def test_bond_network_uses_the_exact_chain():
    found = check_network([4, 3, 3, 2], 0.6, model="bond")
    assert found.theta == pytest.approx(bond_crossing_probability(0.6, widths=[4, 3, 3, 2]))
    assert found.steps is None
    assert found.useless_steps is None


def test_extinction_is_accurate_where_theta_rounds_to_one():
    assert check_network([64, 64, 64], 0.3).cut_probability == pytest.approx(0.3**64, rel=1e-9)


def test_the_text_says_what_matters():
    text = format_check(check_network([64, 64, 10], 0.5, steps=100, learning_rate=1.0))
    assert "paths are no problem" in text
    assert "1 hidden layer" in text
    assert "warning" in format_check(check_network([8, 1, 1, 1, 8], 0.5))


def test_no_width_helps_if_everything_is_removed():
    found = check_network([8, 4, 8], 1.0, steps=10, learning_rate=0.1)
    assert found.theta == 0
    assert found.safe_width is None
    assert found.useless_steps == 10
    assert "no width reaches" in format_check(found)


def test_module_with_dropout_after_hidden_layers():
    first = [nn.Linear(10, 3), nn.ReLU(), nn.Dropout(0.5), nn.Linear(3, 4), nn.ReLU()]
    module = nn.Sequential(*first, nn.Linear(4, 2), nn.Tanh(), nn.Dropout(0.2), nn.Linear(2, 6))
    with pytest.warns(PercolationWarning, match="probability 0.84"):
        found = check_module(module)
    assert found.widths == (10, 3, 4, 2, 6)
    assert found.drop_rates == pytest.approx((0.5, 0.0, 0.2))
    assert found.theta == pytest.approx((1 - 0.5**3) * (1 - 0.2**2))


def test_convolutions_count_with_their_channels():
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout2d(0.5), nn.Conv2d(8, 8, 3), nn.Dropout2d(0.1)
    )
    module.append(nn.Flatten()).append(nn.Linear(8 * 9, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = check_module(module)
    assert found.widths == (3, 8, 8, 10)
    assert found.theta == pytest.approx((1 - 0.5**8) * (1 - 0.1**8))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.Dropout(0.1), nn.Linear(3, 40), nn.Linear(40, 2)), "drops inputs"),
        (nn.Sequential(nn.Linear(3, 40), nn.Linear(40, 2), nn.Dropout(0.1)), "drops outputs"),
        (nn.Sequential(nn.Conv2d(3, 40, 1), nn.Dropout(0.1), nn.Conv2d(40, 2, 1)), "single units of a convolution"),
        (nn.Sequential(nn.Linear(3, 40), nn.LSTM(40, 40), nn.Linear(40, 2)), "LSTM"),
    ],
)
def test_what_the_check_does_not_understand_is_said(module, message):
    with pytest.warns(PercolationWarning, match=message):
        check_module(module)


def test_bad_values_are_named():
    with pytest.raises(ValueError, match=r"drop_rate must be in \[0, 1\], got 1.5"):
        check_network([3, 3, 3], 1.5)
    with pytest.raises(ValueError, match="steps must be an integer >= 1, got 0"):
        check_network([3, 3, 3], 0.5, steps=0)
    with pytest.raises(ValueError, match="learning_rate must be a finite number > 0"):
        check_network([3, 3, 3], 0.5, learning_rate=-1.0)
    with pytest.raises(ValueError, match="at least 2 weight layers"):
        check_module(nn.Sequential(nn.Linear(3, 3)))
    with pytest.raises(ValueError, match="model must be one of site, bond"):
        check_network([3, 3, 3], 0.5, model="vertex")
