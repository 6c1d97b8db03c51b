"""Models: published sizes, equal initial weights, shapes, methods in place."""

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional

from dropatlas.layers import apply_method
from dropatlas.models import MODELS, LocallyConnected2d, build_model
from dropatlas.models.simple_cnn import pooled

SHAPES = {"simple_cnn1_mnist": (1, 28, 28), "alexnet": (3, 64, 64), "tabular_mlp": (10,)}


def size(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


# by hand: k² · in · out + out for a convolution; VGG: sum of in · out, then 2,944 channels with bias and norm
SIMPLE_CNN1_CONVOLUTIONS = 25 * 32 * 32 + 32 + 25 * 32 * 64 + 64
SIZES = [
    ("simple_cnn1_mnist", (1, 28, 28), 10, 25 * 32 + 32 + SIMPLE_CNN1_CONVOLUTIONS + 257 * 64 + 65 * 10),  # 94,826
    ("simple_cnn1", (3, 32, 32), 10, 75 * 32 + 32 + SIMPLE_CNN1_CONVOLUTIONS + 577 * 64 + 65 * 10),  # 116,906
    (
        "simple_cnn2",
        (3, 32, 32),
        10,
        (75 * 64 + 64) + (25 * 64 * 64 + 64) + 49 * 577 * 16 + 49 * 145 * 32 + (32 * 49 + 1) * 128 + 129 * 10,
    ),
    ("vgg13", (3, 32, 32), 10, 9 * 1_044_672 + 3 * 2_944 + 2 * 513 * 512 + 513 * 10),
    ("resnet20", (3, 32, 32), 10, 269_722),  # He et al.: 0.27 M
]


@pytest.mark.parametrize(("name", "shape", "classes", "expected"), SIZES)
def test_parameter_counts(name, shape, classes, expected):
    assert size(build_model(name, shape, classes, seed=0)) == expected


def test_sizes_equal_torchvision_where_it_has_the_network():
    with torch.device("meta"):
        alexnet = torchvision.models.alexnet(num_classes=10)
        vgg = torchvision.models.vgg13_bn().features
        ours = MODELS["alexnet"]((3, 224, 224), 10)
        features = MODELS["vgg13"]((3, 32, 32), 10).features
    assert size(ours) == size(alexnet) == 57_044_810
    assert [p.shape for p in ours.features.parameters()] == [p.shape for p in alexnet.features.parameters()]
    assert [p.shape for p in features.parameters()] == [p.shape for p in vgg.parameters()]


def test_alexnet_at_published_sizes():
    with torch.device("meta"):
        assert MODELS["alexnet"]((3, 224, 224), 10)(torch.empty(2, 3, 224, 224)).shape == (2, 10)
        assert MODELS["alexnet"]((2, 133, 133), 6)(torch.empty(2, 2, 133, 133)).shape == (2, 6)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "alexnet"])
def test_every_model_trains_with_the_method_in_its_layers(name):
    shape = SHAPES.get(name, (3, 32, 32))
    x = torch.randn(4, *shape)
    state = torch.get_rng_state()
    model = build_model(name, shape, 7, seed=3)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.dropout_layers
    plain = build_model(name, shape, 7, seed=3).eval()(x)
    apply_method(model, model.method_layers, "ddc")
    assert torch.equal(model.eval()(x), plain)
    assert plain.shape == (4, 7)
    model.train()
    for _ in range(2):
        model(x).square().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    for layer in model.method_layers:
        assert model.get_submodule(layer).realised_drop_rate > 0.2


def test_initial_weights_follow_the_seed():
    first, same, other = (build_model("resnet8", (3, 16, 16), 10, seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), same.parameters(), strict=True))
    assert not torch.equal(first.conv.weight, other.conv.weight)
    weight = build_model("simple_cnn1", (3, 32, 32), 10, seed=1).fc1.weight
    bound = (6 / (576 + 64)) ** 0.5
    assert bound * 0.99 < weight.abs().max() <= bound


def test_the_mnist_network_lacks_the_third_relu():
    with_relu, without = (build_model(name, (1, 28, 28), 10, 0) for name in ("simple_cnn1", "simple_cnn1_mnist"))
    x = torch.randn(2, 1, 28, 28)
    assert with_relu.features(x).min() >= 0
    assert without.features(x).min() < 0


def test_pooling_sizes():
    for side in range(3, 40):
        assert functional.max_pool2d(torch.zeros(1, 1, side, side), 3, 2).shape[-1] == pooled(side)


def test_locally_connected_with_equal_kernels_is_a_convolution():
    layer = LocallyConnected2d(3, 5, 4, 6)
    kernel = torch.randn(5, 3, 3, 3)
    with torch.no_grad():
        layer.weight.copy_(kernel.flatten(1).T.expand(24, 27, 5))
    x = torch.randn(2, 3, 4, 6)
    torch.testing.assert_close(layer(x), functional.conv2d(x, kernel, padding=1))


def test_locally_connected_kernels_are_local():
    layer = LocallyConnected2d(1, 1, 3, 3)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[4, 0] = 1.0  # the centre's output takes its upper left neighbour
    x = torch.arange(9.0).reshape(1, 1, 3, 3) + 1
    expected = torch.zeros(3, 3)
    expected[1, 1] = 1.0
    assert torch.equal(layer(x)[0, 0].detach(), expected)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("lenet", (1, 28, 28), "unknown model 'lenet'; models: simple_cnn1, simple_cnn1_mnist"),
        ("simple_cnn1", (1, 14, 14), "SimpleCNN1 needs images of at least 15x15 pixels, got 14x14"),
        ("simple_cnn2", (1, 6, 9), "SimpleCNN2 needs images of at least 7x7 pixels, got 6x9"),
        ("alexnet", (3, 32, 32), "AlexNet needs images of at least 63x63 pixels, got 32x32"),
        ("vgg13", (1, 28, 28), "VGG13 needs images of at least 32x32 pixels, got 28x28"),
        ("vision_transformer", (3, 30, 32), "image sides must be divisible by patch, got 30x32 and 4"),
        ("tabular_mlp", (1, 28, 28), r"needs inputs of one dimension \(features,\)"),
    ],
)
def test_impossible_models_are_refused(name, shape, message):
    with pytest.raises(ValueError, match=message):
        build_model(name, shape, 10, seed=0)


def test_unknown_option_lists_the_options():
    with pytest.raises(TypeError, match="model resnet20 has no option depth; options: width"):
        build_model("resnet20", (3, 32, 32), 10, seed=0, depth=3)
