"""Putting methods into models, monitoring them, predicting with masks."""

import pytest
import torch
from torch import nn

from dropatlas.layers import METHODS, DropLayer, apply_method, drop_rates, monte_carlo_dropping, replaceable_layers

X = torch.randn(8, 1, 6, 6, generator=torch.Generator().manual_seed(1))


def small_network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 10), nn.ReLU(), nn.Linear(10, 2))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_keeps_the_parameters_and_the_random_stream(method):
    model = small_network().eval()
    parameters = dict(model.named_parameters())
    expected, state = model(X), torch.get_rng_state()
    apply_method(model, "3", method)
    assert torch.equal(torch.get_rng_state(), state)
    assert dict(model.named_parameters()).keys() == parameters.keys()
    assert all(parameter is parameters[name] for name, parameter in model.named_parameters())
    assert not model[3].training
    if method != "standout":  # whose evaluation scales its outputs
        assert torch.equal(model(X), expected)
    model.train()(X).sum().backward()
    apply_method(model, "3", "none")
    assert type(model[3]) is nn.Linear
    assert torch.equal(model(X), expected)


def test_options_reach_the_layer():
    model = apply_method(small_network(), ["0", "3"], "ddc", base_rate=0.2, gradient="masked")
    assert [type(layer).__name__ for layer in (model[0], model[3])] == [
        "DynamicDropConnectConv2d",
        "DynamicDropConnectLinear",
    ]
    assert model[0].base_rate == model[3].base_rate == 0.2
    assert model[0].gradient == "masked"


def test_a_layer_under_two_names_is_replaced_under_both():
    shared = nn.Linear(4, 4)
    model = nn.Sequential(shared, nn.ReLU(), shared)
    apply_method(model, "2", "ddc")
    assert model[0] is model[2] is not shared
    assert len(list(model.parameters())) == 2


def test_nested_names():
    model = nn.ModuleDict({"body": small_network()})
    apply_method(model, "body.3", "dropout", drop_rate=0.25)
    assert model["body"][3].drop_rate == 0.25
    assert replaceable_layers(model) == ["body.0", "body.3", "body.5"]


@pytest.mark.parametrize("name", ["fc7", "", "3.weight"])
def test_unknown_layer_lists_the_layers(name):
    with pytest.raises(ValueError, match="linear and convolutional layers: 0, 3, 5"):
        apply_method(small_network(), name, "ddc")


def test_a_model_without_layers_says_so():
    with pytest.raises(ValueError, match="ReLU has no layer 'fc1'; linear and convolutional layers: none"):
        apply_method(nn.ReLU(), "fc1", "ddc")


def test_what_cannot_be_replaced_is_refused():
    with pytest.raises(ValueError, match="unknown method 'ddx'; methods: none, dropout, dropconnect"):
        apply_method(small_network(), "3", "ddx")
    with pytest.raises(ValueError, match="layer '1' is a ReLU"):
        apply_method(small_network(), "1", "ddc")
    with pytest.raises(ValueError, match=r"standout has no form for Conv2d .* none, dropconnect, ddc"):
        apply_method(small_network(), "0", "standout")
    with pytest.raises(TypeError, match="'ddc' has no option drop_rate for Linear; options: base_rate, gradient_rate"):
        apply_method(small_network(), "3", "ddc", drop_rate=0.5)
    with pytest.raises(ValueError, match="is a NonDynamicallyQuantizableLinear"):
        apply_method(nn.MultiheadAttention(4, 2), "out_proj", "ddc")
    normed = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)))
    with pytest.raises(ValueError, match=r"is a ParametrizedLinear|is parametrized"):
        apply_method(normed, "0", "ddc")


def test_a_refused_call_changes_nothing():
    model = small_network()
    with pytest.raises(ValueError, match="has no layer"):
        apply_method(model, ["3", "fc"], "ddc")
    assert type(model[3]) is nn.Linear


def test_pytorch_transformer_does_not_bypass_the_layer():
    encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    apply_method(encoder, "linear1", "standout", alpha=0.0, beta=-200.0)  # drops every unit
    encoder.eval()
    with torch.no_grad():
        x = torch.randn(2, 3, 8)
        without_mlp = encoder.norm2(encoder.norm1(x + encoder._sa_block(x, None, None)) + encoder.linear2.bias)
        torch.testing.assert_close(encoder(x), without_mlp)


def test_drop_rates_by_name():
    model = apply_method(small_network(), "3", "dropconnect", drop_rate=0.5)
    assert drop_rates(model) == {"3": 0.0}
    model(X)
    assert 0.4 < drop_rates(model)["3"] < 0.6


def test_monte_carlo_dropping():
    model = apply_method(small_network(), "3", "dropconnect")
    model.insert(0, nn.BatchNorm2d(1))
    model.append(nn.Dropout(0.5))
    model.eval()
    model[7].train()  # an unusual mode, to be found again
    modes = [module.training for module in model.modules()]
    statistics = model[0].running_mean.clone()
    with monte_carlo_dropping(model), torch.no_grad():
        assert not torch.equal(model(X), model(X))
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(model[0].running_mean, statistics)
    with pytest.raises(ValueError, match="Linear has no layer that drops"), monte_carlo_dropping(nn.Linear(2, 2)):
        pass


def test_every_drop_layer_is_one():
    assert all(isinstance(apply_method(small_network(), "3", m)[3], DropLayer) for m in METHODS if m != "none")
