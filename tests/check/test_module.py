"""The check of modules: exact chains against sampled gradients, and everything that is no chain."""

import random
import re
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import prune

from dropatlas.check import MaskCheck, PercolationWarning, check_module, sampling
from dropatlas.check import module as module_check
from dropatlas.check.crossing import Chain
from dropatlas.check.result import LEAST_AGREEMENT
from dropatlas.layers import (
    DropConnectConv2d,
    DropConnectLinear,
    DropoutLinear,
    DynamicDropConnectLinear,
    StandoutLinear,
    apply_method,
)
from dropatlas.models.building import build_model
from dropatlas.percolation import bond_crossing_probability
from dropatlas.stats import binomial_p_value


def quietly(module: nn.Module, inputs: object, **options: object) -> MaskCheck:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PercolationWarning)
        return check_module(module, inputs, **options)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


X = torch.randn(8, 4)


class Untraceable(nn.Module):
    """The same computation, which torch.fx cannot follow."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x) if x.shape[0] > 0 and bool((x == x).any()) else x


def assert_samples(found: MaskCheck, theta: float, level: float = 1e-3) -> None:
    """The sampled share is one that masks with this θ give."""
    assert found.method.startswith("sampled: zero input gradients, n = ")
    trials = int(found.method.split("n = ")[1].split(",")[0])
    assert binomial_p_value(round(found.cut_probability * trials), trials, 1 - theta) > level


# Chains: exact, and the same by sampling.


def shared_dropout() -> list[nn.Module]:
    drop = nn.Dropout(0.5)
    return [nn.Linear(10, 2), drop, nn.Linear(2, 2), nn.Tanh(), drop, nn.Linear(2, 2), drop, nn.Linear(2, 5)]


def tapering(activation: type[nn.Module]) -> list[nn.Module]:
    layers = [nn.Linear(6, 4), activation(), nn.Dropout(0.5), nn.Linear(4, 3), activation(), nn.Dropout(0.3)]
    return [*layers, nn.Linear(3, 3), activation(), nn.Dropout(0.4), nn.Linear(3, 2)]


TAPERING = (1 - 0.5**4) * (1 - 0.3**3) * (1 - 0.4**3)
CHAINS = {
    "tanh": (lambda: tapering(nn.Tanh), (6,), TAPERING),
    "relu": (lambda: tapering(nn.ReLU), (6,), TAPERING),
    "relu in place": (lambda: tapering(lambda: nn.ReLU(inplace=True)), (6,), TAPERING),
    "rectifiers and dropout in place": (
        lambda: [nn.Linear(3, 4), nn.Hardswish(True), nn.Dropout(0.5, True), nn.ReLU(True), nn.Linear(4, 2)],
        (3,),
        1 - 0.5**4,
    ),
    "relu6": (lambda: tapering(nn.ReLU6), (6,), TAPERING),
    "shared dropout": (shared_dropout, (10,), 0.75**3),
    "two dropouts in a row": (
        lambda: [nn.Linear(2, 3), nn.Dropout(0.5), nn.Dropout(0.5), nn.Linear(3, 2)],
        (2,),
        1 - 0.75**3,
    ),
    "inputs and outputs": (
        lambda: [nn.Dropout(0.3), nn.Linear(2, 9), nn.Linear(9, 3), nn.Dropout(0.6)],
        (2,),
        (1 - 0.3**2) * (1 - 0.6**3),
    ),
    "alpha dropout": (lambda: [nn.Linear(2, 3), nn.AlphaDropout(0.5), nn.Linear(3, 2)], (2,), 1 - 0.5**3),
    "channels": (
        lambda: [
            *(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout2d(0.4), nn.MaxPool2d(2)),
            *(nn.Conv2d(3, 2, 3), nn.Tanh(), nn.Dropout2d(0.6), nn.Flatten()),
            *(nn.Linear(8, 3), nn.Dropout(0.5), nn.Linear(3, 2)),
        ],
        (1, 10, 10),
        (1 - 0.4**3) * (1 - 0.6**2) * (1 - 0.5**3),
    ),
    "three dimensions": (
        lambda: [nn.Conv3d(1, 3, 2), nn.Dropout3d(0.5), nn.AvgPool3d(2), nn.Flatten(), nn.Linear(3, 2), nn.PReLU()],
        (1, 3, 3, 3),
        1 - 0.5**3,
    ),
    "units of flattened maps": (
        lambda: [nn.Conv2d(1, 2, 2), nn.Tanh(), nn.Flatten(), nn.Dropout(0.8), nn.Linear(8, 1)],
        (1, 3, 3),
        1 - 0.8**8,
    ),
    "pixels": (
        lambda: [nn.Flatten(), nn.Dropout(0.7), nn.Linear(4, 6), nn.LayerNorm(6), nn.Dropout(0.5), nn.Linear(6, 2)],
        (1, 2, 2),
        (1 - 0.7**4) * (1 - 0.5**6),
    ),
    "dropout linear": (lambda: [DropoutLinear(2, 3, drop_rate=0.4), nn.Linear(3, 2)], (2,), 1 - 0.4**3),
    "dropconnect of each sample": (
        lambda: [DropConnectLinear(3, 3, drop_rate=0.7, per_sample=True) for _ in range(3)],
        (3,),
        bond_crossing_probability(0.7, 3, 2),
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_exact_chains_agree_with_sampled_gradients(name):
    build, shape, theta = CHAINS[name]
    inputs = torch.randn(20, *shape)
    exact = quietly(nn.Sequential(*build()), inputs, samples=200)
    assert exact.method == "exact: chain of layers"
    assert exact.theta == pytest.approx(theta, rel=1e-9)
    assert exact.masks == "sample"
    sampled = quietly(Untraceable(*build()), inputs, samples=10_000)
    assert "because Untraceable cannot be traced" in sampled.method
    assert sampled.masks == "sample"
    assert sampled.chain is None
    assert_samples(sampled, theta)


def test_nine_of_ten_intervals_at_least_hold_the_exact_value():
    module, inputs = Untraceable(*tapering(nn.ReLU)), torch.randn(10, 6)
    intervals = [quietly(module, inputs, samples=400, seed=1000 * seed).cut_interval for seed in range(40)]
    assert sum(interval.contains(1 - TAPERING) for interval in intervals) >= 34  # P = 2e-3 at 95 %


def test_masks_of_a_minibatch_are_counted_by_steps():
    layers = [DropConnectLinear(6, 2, drop_rate=0.6), nn.ReLU(), DropConnectLinear(2, 2, drop_rate=0.6)]
    theta = bond_crossing_probability(0.6, widths=[6, 2, 2])
    inputs = torch.randn(5, 6)
    exact = quietly(nn.Sequential(*layers), inputs, samples=200)
    assert (exact.masks, exact.theta) == ("step", pytest.approx(theta))
    assert exact.step_cut_probability == exact.cut_probability
    sampled = quietly(Untraceable(*layers), inputs, samples=1000)
    assert sampled.masks == "step"
    assert_samples(sampled, theta)
    assert "one per step" in str(sampled)


def test_the_exact_value_gives_way_to_samples_that_contradict_it(monkeypatch):
    """A reader that overlooks a layer."""
    wrong = Chain((6, 4, 3, 3, 2), (0.0, 0.5, 0.3, 0.0, 0.0), (0.0,) * 4)
    monkeypatch.setattr(module_check, "read_chain", lambda *_: wrong)
    found = quietly(nn.Sequential(*tapering(nn.Tanh)), torch.randn(20, 6), samples=2000)
    assert "which the samples contradict" in found.method
    assert_samples(found, TAPERING)


class ThreeLayers(nn.Module):
    """Hidden layers of width 2 under p = 0.5: θ = 0.75² = 0.5625."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(4, 2), nn.Linear(2, 2), nn.Linear(2, 3)

    def forward(self, x):
        x = self.drop(torch.relu(self.fc1(x)))
        return self.fc3(self.drop(torch.relu(self.fc2(x))))


class FunctionalDropout(ThreeLayers):
    def forward(self, x):
        x = functional.dropout(functional.relu(self.fc1(x)), 0.5, self.training)
        x = functional.dropout(self.fc2(x).relu(), p=0.0)
        x = functional.dropout(x, p=0.9, training=False)
        return self.fc3(functional.alpha_dropout(x, training=self.training))


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 3, 3), nn.Conv2d(3, 2, 3)
        self.fc1, self.fc2 = nn.Linear(8, 3), nn.Linear(3, 2)

    def forward(self, x):
        x = functional.max_pool2d(functional.dropout2d(self.conv1(x), 0.4, self.training), 2)
        x = functional.relu(self.conv2(x))
        x = self.fc1(x.view(x.size(0), -1))
        return self.fc2(functional.dropout(x, training=self.training))


class QuietByDefault(ThreeLayers):
    def forward(self, x):
        return self.fc3(functional.alpha_dropout(functional.dropout(self.fc1(x), 0.5), 0.9))


@pytest.mark.parametrize(
    ("module", "shape", "theta"),
    [
        (QuietByDefault, (4,), 0.75),
        (ThreeLayers, (4,), 0.5625),
        (FunctionalDropout, (4,), 0.5625),
        (LeNet, (1, 10, 10), (1 - 0.4**3) * 0.875),
    ],
)
def test_modules_with_a_forward_of_their_own_are_read(module, shape, theta):
    found = quietly(module(), torch.randn(8, *shape), samples=100)
    assert found.method == "exact: chain of layers"
    assert found.theta == pytest.approx(theta)


def test_only_layers_in_training_mode_drop():
    chain = nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.5), nn.Linear(2, 2), nn.Dropout(0.9).eval(), nn.Linear(2, 2))
    assert quietly(chain, torch.randn(8, 4), samples=100).theta == pytest.approx(0.75)
    assert_samples(quietly(Untraceable(*chain), torch.randn(8, 4)), 0.75)


def test_models_of_this_package_are_read():
    model = apply_method(build_model("simple_cnn1", (1, 28, 28), 10, seed=0), "fc1", "dropout", drop_rate=0.3).train()
    found = quietly(model, torch.randn(2, 1, 28, 28), samples=10)
    assert found.method == "exact: chain of layers"
    assert found.cut_probability == pytest.approx(0.3**64)


# What is no chain: reasons, and modules of every kind.


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.drop = nn.Linear(4, 4), nn.Dropout(0.5)

    def forward(self, x):
        return x + self.drop(self.fc(x))


class OwnMask(ThreeLayers):
    """A mask that all samples share, of two units: θ = 0.75."""

    def forward(self, x):
        return self.fc3(self.fc1(x) * torch.bernoulli(torch.full((2,), 0.5)))


class LayerDrop(ThreeLayers):
    def forward(self, x):
        return self.fc3(self.fc1(x) if random.random() < 0.5 else self.fc2(self.fc1(x)) * 0)


@pytest.mark.parametrize(
    ("module", "shape", "reason", "theta"),
    [
        (Residual, (4,), r"add\(\) does not follow drop \(Dropout\) alone", 1.0),
        (OwnMask, (4,), "OwnMask draws random numbers in forward outside of layers", 0.75),
        (LayerDrop, (4,), "LayerDrop draws random numbers", 0.5),
        (
            lambda: nn.Sequential(nn.Conv2d(1, 2, 2), nn.Dropout(0.8), nn.Conv2d(2, 1, 2)),
            (1, 3, 3),
            r"single units of the feature maps before 2 \(Conv2d\) are dropped",
            1 - 0.8**8,
        ),
        (
            lambda: nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.5), nn.Linear(2, 2)),
            (3, 4),
            r"0 \(Linear\) acts on one dimension of feature maps or sequences",
            1 - 0.25**3,  # three positions with masks of their own
        ),
        (
            lambda: nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.Dropout2d(0.5), nn.Conv2d(4, 1, 1)),
            (4, 3, 3),
            r"in groups only \(groups=4\)",
            1 - 0.5**4,
        ),
        (
            lambda: nn.Sequential(
                prune.ln_structured(nn.Linear(4, 4), "weight", 2, 2, 0), nn.Dropout(0.5), nn.Linear(4, 2)
            ),
            (4,),
            r"0 \(Linear\) has hooks or parametrizations",
            1 - 0.5**2,
        ),
        (
            lambda: nn.Sequential(StandoutLinear(4, 3, alpha=0.0, beta=0.0), nn.ReLU(), nn.Linear(3, 2)),
            (4,),
            r"0 \(StandoutLinear\) drops in a way that has no exact chain",
            1 - 0.5**3,
        ),
    ],
)
def test_what_is_no_chain_is_sampled_and_the_reason_given(module, shape, reason, theta):
    with warnings.catch_warnings(record=True):
        found = quietly(module(), torch.randn(8, *shape), samples=2000)
    assert_samples(found, theta)
    with pytest.raises(AssertionError):  # nothing else fits
        assert_samples(found, theta - 0.1)
    assert re.search(reason, found.method)


def resnet() -> nn.Module:
    net = torchvision.models.resnet18(num_classes=4)
    net.layer1.append(nn.Dropout2d(0.2))
    net.fc = nn.Sequential(nn.Dropout(0.5), net.fc)
    return net


class Recurrent(nn.Module):
    """The last layer's output passes the dropout between layers: with one hidden unit θ = 1 - p^T for T positions."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 1, num_layers=2, dropout=0.6, batch_first=batch_first)
        self.head = nn.Linear(1, 2)
        self.last = (slice(None), -1) if batch_first else -1

    def forward(self, x):
        return self.head(self.lstm(x)[0][self.last])


class Tokens(nn.Module):
    """Token and position embeddings, one hidden unit kept with probability 0.7: θ = 0.7."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.position = nn.Embedding(30, 8), nn.Embedding(16, 8)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.1, batch_first=True), 2)
        self.neck, self.drop, self.head = nn.Linear(8, 1), nn.Dropout(0.3), nn.Linear(1, 3)

    def forward(self, input_ids, attention_mask=None):
        x = self.token(input_ids) + self.position(torch.arange(input_ids.shape[1]))
        padding = None if attention_mask is None else attention_mask == 0
        pooled = self.encoder(x, src_key_padding_mask=padding).mean(1)
        return {"logits": self.head(self.drop(self.neck(pooled))), "ids": input_ids}


def encoder(batch_first: bool) -> nn.Module:
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.2, batch_first=batch_first), 2)


def dynamic() -> nn.Module:
    """Layers of Dynamic DropConnect, which drop after the first backward pass."""
    module = nn.Sequential(DynamicDropConnectLinear(6, 8), nn.ReLU(), DynamicDropConnectLinear(8, 2))
    module(torch.randn(4, 6)).square().sum().backward()
    return module


IDS = torch.arange(24).reshape(4, 6)


@pytest.mark.parametrize(
    ("module", "inputs", "masks", "theta"),
    [
        (resnet, torch.randn(2, 3, 32, 32), "sample", 1.0),
        (lambda: encoder(True), torch.randn(4, 5, 8), "sample", 1.0),
        (lambda: Recurrent(True), torch.randn(4, 2, 3), "sample", 1 - 0.6**2),
        (lambda: Recurrent(False), torch.randn(2, 4, 3), "sample", 1 - 0.6**2),
        (Tokens, IDS, "sample", 0.7),
        (Tokens, {"input_ids": IDS, "attention_mask": torch.ones(4, 6, dtype=torch.long)}, "sample", 0.7),
        (Tokens, (IDS, torch.ones(4, 6)), "sample", 0.7),
        (
            dynamic,
            torch.randn(4, 6),
            "step",
            1.0,
        ),
        (
            lambda: nn.Sequential(DropConnectConv2d(1, 4, 3), nn.ReLU(), DropConnectConv2d(4, 4, 3)),
            torch.randn(4, 1, 6, 6),
            "step",
            1.0,
        ),
        (
            lambda: nn.Sequential(DropConnectLinear(4, 9, drop_rate=0.1), nn.Dropout(0.5), nn.Linear(9, 2)),
            torch.randn(4, 4),
            "both",
            1 - (0.5 + 0.5 * 0.1**4) ** 9,
        ),
    ],
)
def test_modules_of_every_kind_are_checked(module, inputs, masks, theta):
    net = module()
    found = quietly(net, inputs, samples=30 if isinstance(net, torchvision.models.ResNet) else 500)
    assert found.masks == masks
    if found.method.startswith("sampled"):
        assert_samples(found, theta)
    else:
        assert found.theta == pytest.approx(theta)
    assert found.samples == 4 or isinstance(net, torchvision.models.ResNet)
    assert found.agreement is not None


def test_sequences_first_are_found_and_said():
    module = encoder(batch_first=False)
    found = quietly(module, torch.randn(5, 3, 8), samples=100)
    assert found.samples == 3
    assert any("counted along dimension 1" in note for note in found.notes)
    assert quietly(module, torch.randn(5, 3, 8), samples=100, batch_dimension=1).samples == 3
    with pytest.raises(ValueError, match="samples along batch_dimension=0 depend on each other"):
        check_module(module, torch.randn(5, 3, 8), batch_dimension=0)
    with pytest.raises(ValueError, match=r"batch_dimension must be a dimension of the first input, of shape \(5, 3, 8"):
        check_module(module, torch.randn(5, 3, 8), batch_dimension=3)


class Mixing(ThreeLayers):
    def forward(self, x):
        return super().forward(x - x.mean(0))


def test_batch_statistics_without_running_ones_mix_the_samples():
    norm = nn.BatchNorm1d(3, track_running_stats=False)
    found = quietly(nn.Sequential(nn.Linear(4, 3), norm, nn.Dropout(0.5), nn.Linear(3, 2)), X, samples=100)
    assert "because the samples are not the rows of the input" in found.method
    assert (found.samples, found.masks) == (1, "step")


def test_a_module_that_mixes_its_samples_is_one_sample():
    found = quietly(Mixing(), torch.randn(6, 4), samples=100)
    assert found.samples == 1
    assert any("the whole input counts as one sample" in note for note in found.notes)


def test_unknown_masks_beside_dropout_are_found_by_their_spread():
    class Both(ThreeLayers):
        def forward(self, x):
            shared = torch.bernoulli(torch.full((2,), 0.5)) * 2
            return self.fc3(self.drop(self.fc2(self.fc1(x) * shared)))

    assert quietly(Both(), torch.randn(16, 4), samples=100).masks == "both"


# Outputs of every kind.


@dataclass
class Output:
    logits: Tensor
    extra: object = None


@pytest.mark.parametrize(
    "wrap",
    [
        lambda y: (y, None, "text"),
        lambda y: {"logits": y, "nested": [{"again": (y * 2,)}]},
        lambda y: Output(y),
        lambda y: SimpleNamespace(logits=y),
        lambda y: y.square().mean(),
    ],
)
def test_outputs_of_every_kind_are_read(wrap):
    class Wrapped(ThreeLayers):
        def forward(self, x):
            return wrap(super().forward(x))

    assert_samples(quietly(Wrapped(), torch.randn(8, 4), samples=2000), 0.5625)


class Auxiliary(ThreeLayers):
    """One more output in training mode, as in GoogLeNet."""

    def forward(self, x):
        y = super().forward(x)
        return (y, y * 2) if self.training else y


def test_outputs_that_training_mode_alone_gives_count():
    found = quietly(Auxiliary(), torch.randn(8, 4), samples=2000)
    assert_samples(found, 0.5625)
    assert found.masks == "sample"


def test_passes_take_gradients_where_the_caller_takes_none():
    with torch.no_grad():
        assert quietly(ThreeLayers(), X, samples=100).theta == 0.5625
    module = Untraceable(*tapering(nn.ReLU))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert quietly(module, torch.randn(8, 6), samples=500).cut_probability < 0.5


def test_dictionaries_that_forward_takes_whole_are_passed_whole():
    class Whole(ThreeLayers):
        def forward(self, batch):
            return super().forward(batch["x"])

    found = quietly(Whole(), {"x": torch.randn(8, 4), "name": "a batch"}, samples=2000)
    assert_samples(found, 0.5625)


# Rectifiers, precision, normalisation.


def test_samples_and_paths_that_rectifiers_switch_off_are_not_the_masks_doing():
    fc1, fc2 = nn.Linear(1, 3, bias=False), nn.Linear(3, 1)
    with torch.no_grad():
        fc1.weight.copy_(torch.tensor([[1.0], [1.0], [-1.0]]))
    module = nn.Sequential(fc1, nn.ReLU(), nn.Dropout(0.5), fc2)
    found = quietly(module, torch.tensor([[1.0], [2.0], [-1.0]]), samples=6000)
    assert found.theta == 1 - 0.5**3
    # Two units are on for the first two inputs, one for the third.
    assert found.zero_gradients.contains((0.25 + 0.25 + 0.5) / 3)
    assert found.dead_samples == 0
    assert any("units are off" in text for text in found.warnings)
    dead = quietly(
        nn.Sequential(nn.Linear(1, 1, bias=False), *module[1:3], nn.Linear(1, 1)), torch.tensor([[1.0], [-1.0]])
    )
    assert dead.dead_samples == 1
    assert "1 of 2 inputs have none without masks" in str(dead)
    assert dead.zero_gradients.contains(0.5)  # of the sample that has a gradient


@pytest.mark.parametrize("activation", [nn.Tanh, nn.Sigmoid, nn.GELU, nn.ELU])
def test_saturated_units_are_no_cuts(activation):
    module = nn.Sequential(nn.Linear(20, 8), activation(), nn.Dropout(0.5), nn.Linear(8, 2))
    inputs = torch.randint(256, (64, 20)).float()
    for net in (module, Untraceable(*module)):
        found = quietly(net, inputs, samples=3000)
        assert found.method.startswith("exact" if net is module else "sampled")
        assert found.cut_probability == pytest.approx(0.5**8, abs=0.004)
    if activation is nn.Tanh:
        assert found.zero_gradients.low > found.cut_probability
    with torch.no_grad():
        module[0].weight.abs_().mul_(10 if activation in (nn.Tanh, nn.Sigmoid) else -10)
    found = quietly(module, inputs + 100, samples=100)
    assert found.theta == 1 - 0.5**8
    assert any("saturated" in text for text in found.warnings)


@pytest.mark.parametrize(
    "relu",
    [
        lambda x: x.clamp(min=0),
        lambda x: x.clamp_(0),
        lambda x: torch.clamp_min(input=x, min=0),
        lambda x: torch.maximum(x, torch.zeros(())),
        lambda x: torch.max(torch.zeros_like(x), x),
        lambda x: torch.where(x > 0, x, 0),
        lambda x: torch.where(x <= 0, torch.zeros(()), x),
        lambda x: x * (x > 0),
        lambda x: (x > 0).to(x.dtype) * x,
    ],
)
def test_rectifiers_written_by_hand_are_no_masks(relu):
    class ByHand(ThreeLayers):
        def forward(self, x):
            return self.fc3(self.drop(relu(self.fc2(self.drop(relu(self.fc1(x)))))))

    found = quietly(Untraceable(ByHand()), torch.randn(50, 4), samples=3000)
    assert_samples(found, 0.5625)
    assert found.zero_gradients.low > 0.5


def test_masks_written_with_the_same_functions_stay_masks():
    class ByHand(ThreeLayers):
        def forward(self, x):
            x = self.fc1(x)
            x = torch.where(torch.rand_like(x) > 0.5, x, 0)
            noisy = self.fc2(x) * 0 + torch.rand(x.shape, dtype=x.dtype) - 0.5  # a gate of noise beside the input
            return self.fc3(self.fc2(x) * (noisy > 0))

    assert_samples(quietly(ByHand(), torch.randn(50, 4), samples=3000), 0.5625)


def test_half_precision_is_no_cut():
    """A gradient of 1e-12 underflows in float16."""
    for dtype in (torch.float16, torch.bfloat16):
        layers = [layer for _ in range(20) for layer in (nn.Linear(20, 20, bias=False), nn.Dropout(0.1))]
        module = Untraceable(*layers, nn.Linear(20, 2, bias=False)).to(dtype)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.mul_(0.3)
        found = quietly(module, torch.randn(4, 20, dtype=dtype), samples=50)
        assert found.cut_probability == 0
        assert next(module.parameters()).dtype == dtype


def test_a_module_that_insists_on_its_type_is_run_in_it():
    class Insisting(ThreeLayers):
        def forward(self, x):
            if self.fc1.weight.dtype != torch.bfloat16:
                raise TypeError("bfloat16 only")
            return super().forward(x)

    found = quietly(Insisting().bfloat16(), torch.randn(8, 4, dtype=torch.bfloat16), samples=2000)
    assert any("own type" in note for note in found.notes)
    assert_samples(found, 0.5625)


def test_batch_normalisation_keeps_its_statistics_and_is_mentioned():
    module = nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2), nn.ReLU(), nn.Dropout(0.5), nn.Linear(2, 2))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    found = quietly(module, torch.randn(8, 4), samples=100)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert any("batch normalisation" in note for note in found.notes)
    assert found.samples == 8
    # With the statistics of the batch a sample that is cut behind would have a gradient by the others' outputs.
    before_masks = Untraceable(nn.Linear(4, 2), nn.BatchNorm1d(2), nn.Dropout(0.5), nn.Linear(2, 3))
    assert_samples(quietly(before_masks, X, samples=2000), 0.75)


def test_dropout_that_does_not_ask_for_the_mode_is_mentioned():
    class Always(ThreeLayers):
        def forward(self, x):
            return self.fc3(functional.dropout(self.fc1(x), 0.5))

    found = quietly(Untraceable(Always()), torch.randn(8, 4), samples=2000)
    assert_samples(found, 0.75)
    assert any("acts in evaluation mode too" in note for note in found.notes)


# Signal.


def test_the_agreement_is_that_of_the_outputs_under_two_masks():
    """One dropped layer of linear units: both variances over inputs and masks are known for given weights."""
    p, inputs = 0.4, torch.randn(50, 5).double()
    first, second = nn.Linear(5, 8).double(), nn.Linear(8, 3).double()
    found = quietly(nn.Sequential(first, nn.Dropout(p), second), inputs, samples=50 * 2000)
    with torch.no_grad():
        hidden, weight = first(inputs), second.weight
        kept = ((hidden - hidden.mean(0)) @ weight.T).square().sum()
        # Noise of the masks, independent between samples; centring takes 1/B of it.
        noise = p / (1 - p) * (hidden.square() @ weight.square().T).sum() * (1 - 1 / len(inputs))
    low, high = found.agreement_interval.low, found.agreement_interval.high
    assert low < float(kept / (kept + noise)) < high
    assert high - low < 0.01
    assert found.signal_factor == pytest.approx(float(((kept + noise) / kept).sqrt()), rel=0.01)


def test_depth_drowns_the_signal_of_a_module_whose_paths_are_left():
    layers = [layer for _ in range(30) for layer in (nn.Linear(30, 30), nn.Tanh(), nn.Dropout(0.5))]
    module, inputs = nn.Sequential(*layers, nn.Linear(30, 3)), torch.randn(16, 30)
    with pytest.warns(PercolationWarning, match="two masks agree on a share"):
        found = check_module(module, inputs)
    assert found.theta > 0.999


@pytest.mark.parametrize("batch", [64, 250, 300])
def test_masks_are_drawn_until_the_agreement_is_decided(batch):
    for seed in range(3):
        torch.manual_seed(seed)
        layers = [layer for _ in range(12) for layer in (nn.Linear(64, 64), nn.Tanh(), nn.Dropout(0.5))]
        with pytest.warns(PercolationWarning, match="two masks agree on a share"):
            check_module(nn.Sequential(*layers), torch.randn(batch, 64))
    shallow = quietly(nn.Sequential(*layers[:6]), torch.randn(batch, 64))
    assert shallow.agreement_interval.low > 0.01
    assert "verdict      masks are no problem for this network" in str(shallow)


def test_what_is_not_known_of_the_signal_is_no_clean_bill(monkeypatch):
    """Time runs out, there is one sample only, or outputs are one number."""
    module = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Dropout(0.5), nn.Linear(64, 64))
    for net, inputs, reason in (
        (module, torch.randn(1, 64), "it needs 2 samples or more"),
        (Returning(module, lambda y, _: y.mean()), torch.randn(8, 64), "the outputs have no dimension of samples"),
        (module, torch.ones(8, 64), "the outputs of different samples do not differ"),
    ):
        found = quietly(net, inputs, samples=3000)
        assert any(note.startswith(f"the agreement is not known: {reason}") for note in found.notes), found.notes
        assert "masks are no problem" not in str(found)
        assert "cannot be told" in str(found)
    monkeypatch.setattr(sampling, "MOST_SECONDS", 0)
    layers = [layer for _ in range(12) for layer in (nn.Linear(64, 64), nn.Tanh(), nn.Dropout(0.5))]
    found = quietly(nn.Sequential(*layers), torch.randn(300, 64))
    assert found.agreement_interval.contains(LEAST_AGREEMENT)
    assert "cannot be told: that the agreement is" in " ".join(str(found).split())


class Returning(nn.Module):
    """A module whose forward gives something made from its output and its input."""

    def __init__(self, module: nn.Module, wrap: Callable[[Tensor, Tensor], object]) -> None:
        super().__init__()
        self.module, self.wrap = module, wrap

    def forward(self, x):
        return self.wrap(self.module(x), x)


def test_the_agreement_of_outputs_with_samples_second_is_found():
    for module, inputs in (
        (nn.LSTM(3, 16, num_layers=2, dropout=0.3), torch.randn(5, 8, 3)),
        (nn.LSTM(3, 16, num_layers=2, dropout=0.3, batch_first=True), torch.randn(8, 5, 3)),
        (encoder(batch_first=False), torch.randn(5, 8, 8)),
    ):
        found = quietly(module, inputs, samples=200)
        assert found.samples == 8
        assert 0.05 < found.agreement < 1


def test_batch_normalisation_that_has_seen_nothing_takes_the_statistics_of_the_inputs():
    """Without them 20 layers of small weights would seem to lose a signal that training normalises."""
    layers = [layer for _ in range(20) for layer in (nn.Linear(32, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU())]
    module = nn.Sequential(*layers, nn.Dropout(0.1), nn.Linear(32, 3))
    inputs = 100 * torch.randn(32, 32) + 50
    found = quietly(module, inputs, samples=320)
    assert any("had its initial statistics" in note for note in found.notes)
    assert module[1].num_batches_tracked == 0
    assert module[1].momentum == 0.1
    assert torch.equal(module[1].running_mean, torch.zeros(32))
    for _ in range(100):
        module(inputs)
    trained = quietly(module, inputs, samples=320)
    assert not any("initial statistics" in note for note in trained.notes)
    assert found.agreement == pytest.approx(trained.agreement, abs=0.02)
    alone = quietly(nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2), nn.Dropout(0.5)), torch.randn(1, 4), samples=50)
    assert any("train some steps first" in note for note in alone.notes)


def test_a_sound_network_warns_of_nothing():
    module = nn.Sequential(
        nn.Linear(20, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = check_module(module, torch.randn(32, 20), steps=10, learning_rate=1e-4)
    assert found.batch_size == 32
    assert "verdict      masks are no problem" in str(found)


# Errors.


class Failing(ThreeLayers):
    """Fails in its n-th pass, after it has changed what it holds."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.left = calls
        self.register_buffer("seen", torch.zeros(2))
        self.kept = None

    def forward(self, x):
        self.left -= 1
        self.seen += 1
        self.kept = x
        self.fc2 = nn.Linear(2, 2)
        if self.left < 0:
            raise KeyError("boom")
        return super().forward(x)


def everything(module: nn.Module) -> list[object]:
    tensors = [*module.parameters(), *module.buffers()]
    return [
        [(id(tensor), tensor.data_ptr(), tensor.dtype, tensor.tolist(), tensor.requires_grad) for tensor in tensors],
        [None if tensor.grad is None else (id(tensor.grad), tensor.grad.tolist()) for tensor in tensors],
        [(id(part), part.training, sorted(vars(part))) for part in module.modules()],
        torch.get_rng_state().tolist(),
        random.getstate(),
        str(np.random.get_state()),
        torch.get_default_dtype(),
    ]


@pytest.mark.parametrize("calls", [0, 1, 5, 10**6])
def test_the_module_and_the_generators_are_left_as_they_were(calls):
    module = Failing(calls)
    module.fc1.weight.requires_grad_(False)
    module.fc3(torch.ones(1, 2)).sum().backward()
    module.drop2 = nn.Dropout(0.1).eval()
    before = everything(module)
    inputs = torch.randn(8, 4, generator=torch.Generator())
    outcome = pytest.raises(ValueError, match=r"Failing fails .*KeyError: 'boom'") if calls < 10**6 else nullcontext()
    with outcome:
        quietly(module, inputs, samples=50)
    assert everything(module) == before
    assert module.left == calls
    assert module.kept is None


def nan_layer() -> nn.Linear:
    layer = nn.Linear(4, 2)
    nn.init.constant_(layer.weight, float("nan"))
    return layer


@pytest.mark.parametrize(
    ("module", "inputs", "message"),
    [
        (lambda: ThreeLayers().eval(), X, r"ThreeLayers is in evaluation mode.*module.train\(\)"),
        (lambda: nn.Sequential(nn.Linear(4, 2), nn.Linear(2, 2)), X, "nothing is dropped: .* check the drop rates"),
        (lambda: nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.0), nn.Linear(2, 2)), X, "nothing is dropped"),
        (lambda: nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.5).eval(), nn.Linear(2, 2)), X, "nothing is dropped"),
        (
            ThreeLayers,
            torch.randn(8, 5),
            r"ThreeLayers fails on these inputs \(RuntimeError: .*shapes.*\); give a batch",
        ),
        (ThreeLayers, None, r"inputs are missing \(got None\): give a batch"),
        (ThreeLayers, [], r"inputs are missing \(got list without tensors\)"),
        (ThreeLayers, torch.randn(0, 4), r"inputs have an empty batch, shapes \[\(0, 4\)\]"),
        (ThreeLayers, torch.tensor(1.0), "must have a dimension of samples, got a single number"),
        (lambda: nn.Sequential(nan_layer(), nn.Dropout(0.5), nn.Linear(2, 1)), X, "input gradient is not finite"),
        (lambda: nn.Sequential(nn.LazyLinear(3), nn.Dropout(0.5)), X, r"0\.weight has no size before its first batch"),
    ],
)
def test_what_cannot_be_checked_is_an_error_that_says_why(module, inputs, message):
    with pytest.raises(ValueError, match=message):
        check_module(module(), inputs)


def test_the_original_error_is_chained():
    with pytest.raises(ValueError, match="fails on these inputs") as error:
        check_module(ThreeLayers(), torch.randn(8, 5))
    assert isinstance(error.value.__cause__, RuntimeError)


class Detached(ThreeLayers):
    def forward(self, x):
        return super().forward(x).detach()


class ByIndex(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.drop = nn.Parameter(torch.randn(30, 2)), nn.Dropout(0.5)

    def forward(self, ids):
        return self.drop(self.table[ids % 30])


class Frozen(ThreeLayers):
    def forward(self, x):
        with torch.no_grad():
            x = self.fc1(x)
        return self.fc3(self.drop(x))


def test_a_detached_input_is_said():
    for module, inputs in ((Frozen(), X), (Returning(ThreeLayers(), lambda y, x: x.detach() * 2), X)):
        with pytest.raises(ValueError, match=r"forward detaches them.* check the rest alone"):
            check_module(module, inputs)
    model = Tokens().requires_grad_(False)  # frozen, but not detached
    assert_samples(quietly(model, IDS, samples=500), 0.7)


def test_outputs_that_are_cut_apart_are_mentioned():
    for wrap in (lambda y, x: (y, x.clone(), x.new_ones(len(x))), lambda y, x: {"y": y, "features": x * 2}):
        found = quietly(Returning(ThreeLayers(), wrap), torch.randn(8, 4), samples=2000)
        assert found.theta == 1
        (note,) = [note for note in found.notes if "to each alone" in note]
        alone, copy = map(float, re.search(r"about (\S+), ([\d.]+):", note).groups())
        assert (alone, copy) == (pytest.approx(0.5625, abs=0.05), 1)
    alike = quietly(Returning(ThreeLayers(), lambda y, _: (y, y * 2)), torch.randn(8, 4), samples=100)
    assert not any("alone" in note for note in alike.notes)


def test_nothing_to_differentiate_is_said():
    with pytest.raises(ValueError, match=r"nothing differentiable is found.*detach"):
        check_module(Detached(), X)
    with pytest.raises(ValueError, match="zero without masks too, for all 8 samples"):
        check_module(nn.Sequential(nn.Linear(4, 1), nn.LayerNorm(1), nn.Dropout(0.5), nn.Linear(1, 2)), X * 0)
    with pytest.raises(TypeError, match=r"got list; nn.Sequential\(\*layers\)"):
        check_module([nn.Linear(3, 3), nn.Linear(3, 3)], X)
    with pytest.raises(ValueError, match="samples must be an integer >= 10, got 5"):
        check_module(ThreeLayers(), X, samples=5)


HALF = torch.tensor([[1, 1, 1, 0, 0, 0]] * 4)
LENGTHS = torch.tensor([2, 4, 1, 6])


class Pooled(nn.Module):
    """One of two hidden units of each token kept with probability 0.5; integers take part in what follows."""

    def __init__(self, pool: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.token, self.neck, self.head = nn.Embedding(30, 8), nn.Linear(8, 2), nn.Linear(2, 3)
        self.drop, self.pool = nn.Dropout(0.5), pool

    def forward(self, ids, others):
        return self.head(self.drop(self.neck(self.pool(self.token(ids), others))))


@pytest.mark.parametrize(
    ("pool", "others"),
    [
        (lambda h, mask: (h * mask[..., None]).sum(1), HALF),
        (lambda h, mask: (h * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True), HALF),
        (lambda h, mask: (h * mask.to(h.dtype)[..., None]).sum(1) / mask.sum(1)[:, None].to(h.dtype), HALF),
        (lambda h, lengths: h[torch.arange(len(h)), lengths - 1], LENGTHS),
        (lambda h, lengths: h.sum(1) / lengths[:, None], LENGTHS),
    ],
)
def test_integers_among_the_inputs_leave_the_graph_whole(pool, others):
    found = quietly(Pooled(pool), (IDS, others), samples=2000)
    assert_samples(found, 0.75)

    class After(Pooled):  # the same behind the masks
        def forward(self, ids, others):
            h = self.drop(self.neck(self.token(ids[:, :1])).expand(-1, 6, -1)[:, :1]).expand(-1, 6, -1)
            return self.head(self.pool(h, others))

    assert_samples(quietly(After(pool), (IDS, others), samples=2000), 0.75)

    class ByTable(Pooled):  # a table that is no embedding, whose lookup alone counts as input
        def forward(self, ids, others):
            h = self.drop(self.neck(self.token.weight[ids[:, :1]]))
            return self.head(self.pool(h.expand(-1, 6, -1), others))

    assert_samples(quietly(ByTable(pool), (IDS, others), samples=2000), 0.75)


@pytest.mark.parametrize(
    ("join", "theta"),
    [
        (lambda y, x, t: x @ torch.ones(4, 3).to(x) * t[:, None] + y, 1.0),  # a skip connection
        (lambda y, _, t: y.gather(1, (t % 3)[:, None]), 0.5625),
        (lambda y, _, t: functional.cross_entropy(y, t % 3), 0.5625),
        (lambda y, _, t: functional.cross_entropy(y, t % 3, reduction="none"), 0.5625),
    ],
)
def test_integers_beside_numbers_leave_the_graph_whole(join, theta):
    class Joined(ThreeLayers):
        def forward(self, x, t):
            return join(super().forward(x), x, t)

    assert_samples(quietly(Joined(), (torch.randn(8, 4), torch.arange(1, 9)), samples=2000), theta)


def test_tokens_may_be_looked_up_by_index_or_turned_into_numbers():
    assert quietly(ByIndex(), IDS, samples=100).samples == 4

    class Numbers(ThreeLayers):
        def forward(self, x):
            return super().forward(x.float().to(self.fc1.weight.dtype))

    assert_samples(quietly(Numbers(), IDS[:, :4], samples=2000), 0.5625)
