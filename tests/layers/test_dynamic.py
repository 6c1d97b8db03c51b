"""Dynamic DropConnect layers: the algorithm against hand-written steps, and everything a module must survive."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn import functional

from dropatlas.layers import (
    DropBigGradientLinear,
    DynamicDropConnectConv2d,
    DynamicDropConnectLinear,
    drop_probabilities,
    drop_rates,
)

X = torch.randn(16, 6, generator=torch.Generator().manual_seed(1))
Y = torch.randn(16, 4, generator=torch.Generator().manual_seed(2))


def after_one_gradient(**options) -> DynamicDropConnectLinear:
    layer = DynamicDropConnectLinear(6, 4, **options)
    (layer(X) - Y).square().mean().backward()
    return layer


def test_three_steps_equal_overwriting_the_weight_as_the_authors_do():
    torch.manual_seed(3)
    layer = DynamicDropConnectLinear(6, 4)
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.1, weight_decay=0.01)
    torch.manual_seed(4)
    for _ in range(3):
        optimiser.zero_grad()
        (layer(X) - Y).square().mean().backward()
        optimiser.step()

    torch.manual_seed(4)
    probability = torch.zeros(4, 6)
    for _ in range(3):
        kept = torch.rand(4, 6) >= probability
        overwritten = (weight * kept / kept.float().mean()).requires_grad_(True)
        free = bias.clone().requires_grad_(True)
        (functional.linear(X, overwritten, free) - Y).square().mean().backward()
        probability = drop_probabilities(overwritten.grad)
        weight = weight - 0.1 * (overwritten.grad + 0.01 * weight)  # dense gradient, decay on the restored weight
        bias = bias - 0.1 * (free.grad + 0.01 * bias)
    torch.testing.assert_close(layer.weight.detach(), weight)
    torch.testing.assert_close(layer.bias.detach(), bias)
    torch.testing.assert_close(layer.edge_drop_probability, probability)


def test_first_step_and_evaluation_drop_nothing():
    layer = DynamicDropConnectLinear(6, 4)
    plain = functional.linear(X, layer.weight, layer.bias)
    assert torch.equal(layer(X), plain)
    assert drop_rates(nn.Sequential(layer)) == {"0": 0.0}
    plain.sum().backward()
    assert torch.equal(layer.eval()(X), plain)
    assert not torch.equal(layer.train()(X), plain)


def test_dense_gradient_reaches_dropped_edges_and_masked_does_not():
    for gradient in ("dense", "masked"):
        layer = after_one_gradient(gradient=gradient)
        layer.zero_grad()
        layer(X).sum().backward()
        dense = torch.ones(16, 4).T @ X
        if gradient == "dense":
            torch.testing.assert_close(layer.weight.grad, dense)
        else:
            zero = layer.weight.grad == 0
            assert 0 < zero.sum() < 24
            scale = 1 / (1 - zero.float().mean())
            torch.testing.assert_close(layer.weight.grad, torch.where(zero, 0.0, dense * scale))


def test_big_gradient_relative_prefers_the_other_edges():
    small, big = DynamicDropConnectLinear(6, 4), DropBigGradientLinear(6, 4)
    big.load_state_dict(small.state_dict())
    for layer in (small, big):
        layer(X).square().sum().backward()
    raised_small, raised_big = (layer.edge_drop_probability > 0.3 for layer in (small, big))
    assert raised_small.any()
    assert torch.equal(raised_small, ~raised_big)


def test_convolution_equals_its_masked_kernel():
    torch.manual_seed(6)
    layer = DynamicDropConnectConv2d(4, 6, 3, stride=2, padding=1, groups=2, padding_mode="circular", bias=False)
    image = torch.randn(2, 4, 8, 8)
    layer(image).square().sum().backward()
    assert layer.edge_drop_probability.shape == (6, 2, 3, 3)
    torch.manual_seed(7)
    output = layer(image)
    torch.manual_seed(7)
    kept = torch.rand(6, 2, 3, 3) >= layer.edge_drop_probability
    plain = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, padding_mode="circular", bias=False)
    plain.weight = nn.Parameter(layer.weight.detach() * kept / kept.float().mean())
    torch.testing.assert_close(output, plain(image))


def test_calibration():
    assert after_one_gradient(calibration="none").masked_weight().abs().le(1).all()
    for calibration in ("realised", "expected", "none"):
        layer = after_one_gradient(calibration=calibration)
        masked = layer.masked_weight().detach()
        kept = masked != 0
        rate = {
            "realised": 1 - kept.float().mean(),
            "expected": layer.edge_drop_probability.mean(),
            "none": torch.tensor(0.0),
        }[calibration]
        torch.testing.assert_close(masked, layer.weight.detach() * kept / (1 - rate))


def test_calibration_stops_at_max_drop():
    layer = DynamicDropConnectLinear(6, 4, base_rate=0.1, gradient_rate=0.8, max_drop=0.5)
    layer.edge_drop_probability.fill_(0.9)
    masked = layer.masked_weight().detach()
    kept = masked != 0
    assert kept.float().mean() < 0.5
    torch.testing.assert_close(masked, layer.weight.detach() * kept * 2)


def test_per_sample_masks():
    layer = after_one_gradient(per_sample=True)
    layer.zero_grad()
    torch.manual_seed(8)
    output = layer(X)
    torch.manual_seed(8)
    weights = layer.masked_weight(16)
    torch.testing.assert_close(output, torch.stack([w @ x + layer.bias for w, x in zip(weights, X, strict=True)]))
    assert len({tuple((w != 0).flatten().tolist()) for w in weights}) > 1
    output.sum().backward()
    torch.testing.assert_close(layer.weight.grad, torch.ones(16, 4).T @ X)  # dense
    assert layer(torch.randn(3, 5, 6)).shape == (3, 5, 4)
    with pytest.raises(ValueError, match=r"per_sample needs inputs of shape \(batch"):
        layer(X[0])


def test_state_dict_carries_the_probabilities():
    layer, other = after_one_gradient(), DynamicDropConnectLinear(6, 4)
    other.load_state_dict(layer.state_dict())
    torch.manual_seed(9)
    expected = layer(X)
    torch.manual_seed(9)
    assert torch.equal(other(X), expected)


def test_plain_state_dict_loads_and_means_no_gradient_yet():
    plain, layer = nn.Sequential(nn.Linear(6, 4)), nn.Sequential(after_one_gradient())
    state = plain.state_dict()
    layer.load_state_dict(state)
    assert list(state) == ["0.weight", "0.bias"]
    assert torch.equal(layer(X), plain(X))


def copied(layer, tmp_path):
    return copy.deepcopy(layer)


def pickled(layer, tmp_path):
    return pickle.loads(pickle.dumps(layer))


def saved(layer, tmp_path):
    torch.save(layer, tmp_path / "layer.pt")
    return torch.load(tmp_path / "layer.pt", weights_only=False)


def assigned(layer, tmp_path):
    other = DynamicDropConnectLinear(6, 4, device="meta")
    other.load_state_dict(copy.deepcopy(layer.state_dict()), assign=True)
    return other


def emptied(layer, tmp_path):
    other = DynamicDropConnectLinear(6, 4, device="meta").to_empty(device="cpu")
    other.load_state_dict(layer.state_dict())
    return other


def replaced(layer, tmp_path):
    layer.weight = nn.Parameter(layer.weight.detach().clone())
    return layer


def converted(layer, tmp_path):
    return layer.double().float()


@pytest.mark.parametrize("way", [copied, pickled, saved, assigned, emptied, replaced, converted])
def test_gradient_is_watched_after(way, tmp_path):
    original = after_one_gradient()
    layer = way(original, tmp_path)
    assert torch.equal(layer.edge_drop_probability, original.edge_drop_probability)
    before = original.edge_drop_probability.clone()
    layer.zero_grad()
    (layer(X) ** 3).sum().backward()
    torch.testing.assert_close(layer.edge_drop_probability, drop_probabilities(layer.weight.grad))
    if layer is not original:
        assert torch.equal(original.edge_drop_probability, before)


def test_gradient_accumulation_judges_the_sum():
    whole, parts = DynamicDropConnectLinear(6, 4), DynamicDropConnectLinear(6, 4)
    parts.load_state_dict(whole.state_dict())
    whole(X).square().sum().backward()
    halves = X.chunk(2)
    parts(halves[0]).square().sum().backward()
    parts.edge_drop_probability.zero_()  # as in a first step: both halves without drop
    parts(halves[1]).square().sum().backward()
    torch.testing.assert_close(parts.weight.grad, whole.weight.grad)
    torch.testing.assert_close(parts.edge_drop_probability, whole.edge_drop_probability)


def test_clearing_gradients_before_or_after_the_step_is_the_same():
    results = []
    for before in (True, False):
        torch.manual_seed(10)
        layer = DynamicDropConnectLinear(6, 4)
        optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)
        for _ in range(3):
            if before:
                optimiser.zero_grad()
            layer(X).square().mean().backward()
            optimiser.step()
            if not before:
                optimiser.zero_grad(set_to_none=False)
        results.append(layer.weight.detach().clone())
    assert torch.equal(*results)


def test_layer_used_twice_gets_the_summed_gradient():
    layer = DynamicDropConnectLinear(6, 6)
    for _ in range(2):
        layer.zero_grad()
        torch.manual_seed(11)
        layer(torch.tanh(layer(X))).sum().backward()
    torch.testing.assert_close(layer.edge_drop_probability, drop_probabilities(layer.weight.grad))


def test_backward_in_evaluation_mode_changes_nothing():
    layer = after_one_gradient()
    before = layer.edge_drop_probability.clone()
    (layer.eval()(X) ** 2).sum().backward()
    assert torch.equal(layer.edge_drop_probability, before)


def test_frozen_weight_is_left_alone_until_it_is_thawed():
    layer = DynamicDropConnectLinear(6, 4)
    layer.weight.requires_grad_(False)
    frozen = copy.deepcopy(layer)
    frozen(X).sum().backward()
    assert not frozen.weight.requires_grad
    assert not frozen.edge_drop_probability.any()
    frozen.weight.requires_grad_(True)
    frozen(X).square().sum().backward()
    assert frozen.edge_drop_probability.any()


@pytest.mark.parametrize("size", [1e-30, 1e18, 1e30])
def test_tiny_and_huge_gradients(size):
    layer = DynamicDropConnectLinear(6, 4)
    reference = copy.deepcopy(layer)
    (layer(X) * size).sum().backward()
    reference(X).sum().backward()
    torch.testing.assert_close(layer.edge_drop_probability, reference.edge_drop_probability)


def test_zero_gradient_leaves_the_base_rate():
    layer = DynamicDropConnectLinear(6, 4)
    (layer(X) * 0).sum().backward()
    assert torch.equal(layer.edge_drop_probability, torch.full((4, 6), 0.3))


def test_non_finite_gradient_names_the_layer():
    layer = DynamicDropConnectLinear(6, 4)
    with pytest.raises(FloatingPointError, match=r"DynamicDropConnectLinear, weight \(4, 6\): gradient is not finite"):
        (layer(X) * float("inf")).sum().backward()


def test_bfloat16_autocast_and_bfloat16_weights():
    layer = after_one_gradient()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = layer(X)
    assert output.dtype == torch.bfloat16
    output.float().square().sum().backward()
    assert layer.weight.grad.dtype == torch.float32
    low = DynamicDropConnectLinear(6, 4, dtype=torch.bfloat16)
    for _ in range(2):
        output = low(X.bfloat16())
        output.float().square().sum().backward()
    assert output.dtype == low.weight.grad.dtype == torch.bfloat16
    torch.testing.assert_close(low.edge_drop_probability, drop_probabilities(low.weight.grad))


def test_float16_with_a_loss_scaler_skips_an_overflowing_step():
    layer = DynamicDropConnectLinear(6, 4)
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
    before = layer.weight.detach().clone()
    with torch.autocast("cpu", dtype=torch.float16):
        loss = (layer(X) * 1e3).float().square().mean()
    scaler.scale(loss * 1e30).backward()
    assert not layer.weight.grad.isfinite().all()
    assert not layer.edge_drop_probability.any()  # as before the step
    scaler.step(optimiser)
    scaler.update()
    assert torch.equal(layer.weight, before)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("gradient", ["dense", "masked"])
def test_compiled_training_equals_plain(backend, gradient):
    torch._dynamo.reset()
    weights = []
    for compiled in (False, True):
        torch.manual_seed(12)
        layer = DynamicDropConnectLinear(6, 4, gradient=gradient)
        model = nn.Sequential(layer, nn.ReLU(), nn.Linear(4, 2))
        run = torch.compile(model, backend=backend, fullgraph=True) if compiled else model
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        torch.manual_seed(13)
        for _ in range(4):
            optimiser.zero_grad()
            run(X).square().mean().backward()
            optimiser.step()
        weights.append(layer.weight.detach().clone())
        assert 0.3 <= layer.realised_drop_rate <= 0.8
    torch.testing.assert_close(*weights)


def test_per_example_gradients_by_vmap():
    layer = DynamicDropConnectLinear(6, 4).eval()
    state = dict(layer.named_parameters())

    def loss(parameters, x):
        return torch.func.functional_call(layer, parameters, (x,)).square().sum()

    gradients = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(state, X)
    assert gradients["weight"].shape == (16, 4, 6)


@pytest.mark.parametrize("device", ["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def test_on_every_device_there_is(device):
    layer = after_one_gradient().to(device)
    layer(X.to(device)).square().sum().backward()
    torch.testing.assert_close(layer.edge_drop_probability, drop_probabilities(layer.weight.grad))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_rate": 1.2}, r"base_rate must be in \[0, 1\], got 1.2"),
        ({"base_rate": 0.6, "gradient_rate": 0.5}, r"must be below 1, got 0.6 \+ 0.5"),
        ({"threshold": -1.0}, r"threshold must be in \[0, 1\], got -1.0"),
        ({"base_rate": 0.97, "gradient_rate": 0.0}, "base_rate must be at most max_drop, got 0.97 > 0.95"),
        ({"max_drop": 1.0}, r"max_drop must be in \[0, 1\), got 1.0"),
        ({"gradient": "sparse"}, "gradient must be one of dense, masked, got 'sparse'"),
        ({"calibration": "mean"}, "calibration must be one of realised, expected, none, got 'mean'"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DynamicDropConnectLinear(6, 4, **options)
    with pytest.raises(ValueError, match=message):
        DynamicDropConnectConv2d(6, 4, 3, **options)
