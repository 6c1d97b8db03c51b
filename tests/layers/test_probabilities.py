"""The formula of Dynamic DropConnect against hand computation, limits and properties."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from dropatlas.layers import drop_probabilities


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_hand_computed_case():
    gradient = torch.tensor([[1.0, -3.0], [0.0, 4.0]], dtype=torch.float64)  # |g| = 1, 3, 0, 4
    mean, deviation = 2.0, math.sqrt((1 + 1 + 4 + 4) / 3)
    small = [1 - sigmoid((value - mean) / deviation) for value in (1, 3, 0, 4)]
    expected = [0.3 + 0.5 * small[0], 0.3, 0.3 + 0.5 * small[2], 0.3]
    assert drop_probabilities(gradient).flatten().tolist() == pytest.approx(expected, abs=1e-12)
    without = [0.3 + 0.5 * q for q in small]
    assert drop_probabilities(gradient, threshold=0.0).flatten().tolist() == pytest.approx(without, abs=1e-12)
    big = [0.3, 0.3 + 0.5 * (1 - small[1]), 0.3, 0.3 + 0.5 * (1 - small[3])]
    assert drop_probabilities(gradient, drops="big").flatten().tolist() == pytest.approx(big, abs=1e-12)


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, 1e-30, 1e30])
def test_gradient_without_spread_drops_every_edge_with_the_base_rate(value):
    for size in (1, 7, 1000):
        assert torch.equal(drop_probabilities(torch.full((size,), value)), torch.full((size,), 0.3))


def test_without_z_scores_the_published_threshold_leaves_plain_dropconnect():
    gradient = torch.randn(50, generator=torch.Generator().manual_seed(1)) * 10
    assert torch.equal(drop_probabilities(gradient, normalize=False), torch.full((50,), 0.3))
    assert torch.equal(
        drop_probabilities(gradient, normalize=False, threshold=0.0), 0.3 + 0.5 * torch.sigmoid(-gradient.abs())
    )


@settings(deadline=None)  # the first call pays for loading kernels
@given(
    arrays("float32", array_shapes(max_dims=2, max_side=12), elements=st.floats(-1e3, 1e3, width=32)),
    st.sampled_from([1e-30, 1e-9, 1.0, 1e9, 1e30]),
)
def test_scale_is_irrelevant_and_smaller_gradients_are_never_dropped_less(array, scale):
    gradient = torch.from_numpy(array)
    p = drop_probabilities(gradient, threshold=0.0)
    assert ((p >= 0.3) & (p <= 0.8)).all()
    order = gradient.abs().flatten().argsort()
    assert (p.flatten()[order].diff() <= 1e-6).all()
    if gradient.abs().max() > 1e-3 and gradient.abs().max() * scale > 1e-30:
        torch.testing.assert_close(drop_probabilities(gradient * scale, threshold=0.0), p, atol=2e-3, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(dtype):
    gradient = torch.randn(64, generator=torch.Generator().manual_seed(2)).to(dtype)
    assert torch.equal(drop_probabilities(gradient), drop_probabilities(gradient.float()))


@pytest.mark.parametrize(
    "rates",
    [(-0.1, 0.5, 0.5), (1.1, 0.0, 0.5), (0.3, 1.5, 0.5), (0.3, 0.5, 2.0), (math.nan, 0.5, 0.5), (0.6, 0.4, 0.5)],
)
def test_rates_out_of_range_are_refused(rates):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\], got|must be below 1, got 0.6 \+ 0.4"):
        drop_probabilities(torch.ones(3), *rates)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_non_finite_gradient_is_named(bad):
    with pytest.raises(FloatingPointError, match=r"gradient is not finite: . NaN and . infinite of 4 values"):
        drop_probabilities(torch.tensor([1.0, bad, 2.0, 3.0]))


def test_empty_gradient_and_unknown_direction_are_refused():
    with pytest.raises(ValueError, match="gradient is empty"):
        drop_probabilities(torch.empty(0, 3))
    with pytest.raises(ValueError, match="'small' or 'big', got 'all'"):
        drop_probabilities(torch.ones(3), drops="all")
