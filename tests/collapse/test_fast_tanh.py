"""The fast hyperbolic tangent against float64."""

import numpy as np
import pytest
import torch

from dropatlas.collapse.fast_tanh import SATURATION, fast_tanh_


def test_within_six_units_in_the_last_place_at_every_scale():
    x = np.concatenate([np.linspace(-12, 12, 400_001), np.geomspace(1e-30, 12, 100_001)]).astype(np.float32)
    expected = np.tanh(x.astype(np.float64))
    error = np.abs(fast_tanh_(torch.from_numpy(x.copy())).numpy() - expected)
    assert np.all(error <= 6 * np.spacing(np.abs(expected).astype(np.float32)))


def test_odd_and_exact_at_zero():
    x = torch.linspace(0, 11, 10_001)
    assert torch.equal(fast_tanh_(-x), -fast_tanh_(x.clone()))
    assert fast_tanh_(torch.zeros(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("value", [SATURATION, 30.0, 1e30, float("inf")])
def test_saturates_at_one(value: float):
    assert fast_tanh_(torch.tensor([value])).item() == pytest.approx(1, abs=2e-7)


def test_nan_stays():
    assert fast_tanh_(torch.tensor([float("nan")])).isnan().all()


@pytest.mark.parametrize("values", [torch.randn(4, 5, dtype=torch.float64), torch.randn(4, 6)[:, ::2]])
def test_other_types_and_strides_are_left_to_torch(values: torch.Tensor):
    expected = torch.empty_strided(values.shape, values.stride(), dtype=values.dtype).copy_(values).tanh_()
    assert torch.equal(fast_tanh_(values), expected)


def test_works_in_place():
    values = torch.randn(2, 3)
    assert fast_tanh_(values) is values
