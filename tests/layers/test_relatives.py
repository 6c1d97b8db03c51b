"""DropConnect, drop-by-weight, dropout and standout layers."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from dropatlas.layers import (
    DropByWeightLinear,
    DropConnectConv2d,
    DropConnectLinear,
    DropoutLinear,
    StandoutLinear,
    drop_probabilities,
    drop_rates,
)

X = torch.randn(16, 6, generator=torch.Generator().manual_seed(1))
ALL = [DropConnectLinear, DropByWeightLinear, DropoutLinear, StandoutLinear]


def test_dropconnect_drops_its_share_and_is_unbiased():
    layer = DropConnectLinear(200, 100, drop_rate=0.2, bias=False)
    mean = torch.stack([layer.masked_weight().detach() for _ in range(400)]).mean(0)
    torch.testing.assert_close(mean, layer.weight.detach(), atol=0.02, rtol=0)
    assert abs(layer.realised_drop_rate.item() - 0.2) < 0.01


def test_dropconnect_masks_the_gradient_unless_it_is_dense():
    for gradient in ("masked", "dense"):
        layer = DropConnectLinear(6, 4, gradient=gradient, bias=False)
        masked = layer.masked_weight()
        masked.backward(torch.ones(4, 6))
        expected = torch.where(masked == 0, 0.0, 2.0) if gradient == "masked" else torch.ones(4, 6)
        assert torch.equal(layer.weight.grad, expected)


def test_dropconnect_per_sample_draws_an_own_mask_for_every_sample():
    torch.manual_seed(1)
    layer = DropConnectLinear(6, 50, per_sample=True)
    same = torch.ones(8, 6)
    assert len({tuple(row) for row in layer(same).tolist()}) == 8
    layer.per_sample = False
    assert len({tuple(row) for row in layer(same).tolist()}) == 1
    torch.testing.assert_close(layer.eval()(X), functional.linear(X, layer.weight, layer.bias))


def test_dropconnect_convolution():
    layer = DropConnectConv2d(2, 3, 3, drop_rate=0.5, padding=1)
    masked = layer.masked_weight().detach()
    torch.testing.assert_close(masked, torch.where(masked == 0, 0.0, 2 * layer.weight.detach()))
    image = torch.randn(2, 2, 5, 5)
    torch.testing.assert_close(layer.eval()(image), functional.conv2d(image, layer.weight, layer.bias, padding=1))


@pytest.mark.parametrize("drops", ["small", "big"])
def test_drop_by_weight_follows_the_present_weight(drops):
    layer = DropByWeightLinear(40, 30, drops=drops)
    probability = drop_probabilities(layer.weight, drops=drops)
    kept = torch.stack([layer.masked_weight().detach() != 0 for _ in range(400)]).float().mean(0)
    torch.testing.assert_close(kept, 1 - probability, atol=0.12, rtol=0)
    assert (probability[layer.weight.abs().argmin() // 40, layer.weight.abs().argmin() % 40] > 0.3) == (
        drops == "small"
    )


def test_dropout_equals_dropout_of_the_output():
    layer = DropoutLinear(6, 2000, drop_rate=0.3)
    plain = functional.linear(X, layer.weight, layer.bias)
    output = layer(X)
    kept = output != 0
    torch.testing.assert_close(output, plain * kept / 0.7)
    assert abs(kept.float().mean() - 0.7) < 0.01
    assert torch.equal(layer.eval()(X), plain)


def test_standout_keeps_units_with_the_probability_of_their_input():
    layer = StandoutLinear(6, 5, alpha=2.0, beta=0.5)
    before = X @ layer.weight.T
    keep = torch.sigmoid(2 * before + 0.5)
    with torch.no_grad():
        kept = torch.stack([layer(X) != 0 for _ in range(2000)]).float().mean(0)
    torch.testing.assert_close(kept, keep, atol=0.05, rtol=0)
    torch.testing.assert_close(layer.eval()(X), keep * (before + layer.bias))


def test_standout_passes_no_gradient_through_the_keep_probability():
    layer = StandoutLinear(6, 5, bias=False).eval()
    layer(X).sum().backward()
    keep = torch.sigmoid(X @ layer.weight.T).detach()
    torch.testing.assert_close(layer.weight.grad, keep.T @ X)


def test_standout_limits():
    everything = StandoutLinear(6, 5, alpha=0.0, beta=40.0)
    torch.testing.assert_close(everything(X), functional.linear(X, everything.weight, everything.bias))
    nothing = StandoutLinear(6, 5, alpha=0.0, beta=-200.0)
    assert not nothing(X).any()
    assert drop_rates(nn.Sequential(nothing)) == {"0": 1.0}


@pytest.mark.parametrize("kind", ALL)
def test_common_contract(kind):
    layer = kind(6, 4)
    plain = nn.Linear(6, 4)
    layer.load_state_dict(plain.state_dict())
    assert list(layer.state_dict()) == ["weight", "bias"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(X).dtype == torch.bfloat16
    outputs = []
    for _ in range(2):
        torch.manual_seed(3)
        outputs.append(layer(X))
    assert torch.equal(*outputs)
    outputs[0].sum().backward()
    assert layer.weight.grad.isfinite().all()
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    torch.manual_seed(3)
    torch.testing.assert_close(compiled(X), outputs[0])


@pytest.mark.parametrize("kind", [DropConnectLinear, DropoutLinear])
def test_a_rate_of_one_is_refused(kind):
    with pytest.raises(ValueError, match="drop_rate must be below 1, got 1"):
        kind(6, 4, drop_rate=1.0)
    with pytest.raises(ValueError, match=r"drop_rate must be in \[0, 1\], got -0.5"):
        kind(6, 4, drop_rate=-0.5)


def test_standout_refuses_what_is_not_finite():
    with pytest.raises(ValueError, match="beta must be finite, got nan"):
        StandoutLinear(6, 4, beta=float("nan"))
