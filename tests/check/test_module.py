"""The practitioner's check against closed forms, enumerated masks, and modules that are run with their masks."""

import itertools
import math
import random
import sys
import time
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune

from dropatlas import cli
from dropatlas.collapse.check import NetworkCheck, PercolationWarning, check_module, check_network, format_check
from dropatlas.layers import (
    DropBigGradientLinear,
    DropByWeightLinear,
    DropConnectConv2d,
    DropConnectLinear,
    DropoutLinear,
    DynamicDropConnectLinear,
    StandoutLinear,
    apply_method,
)
from dropatlas.layers.dropping import LinearEdges
from dropatlas.models.building import build_model
from dropatlas.percolation import (
    bond_crossing_probability,
    bond_extinction_probability,
    kernel_dropconnect_bounds,
    sample_kernel_dropconnect,
    site_crossing_probability,
)


def quietly(module: nn.Module) -> NetworkCheck:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PercolationWarning)
        return check_module(module)


def share_crossed(module: nn.Module, shape: tuple[int, ...], samples: int = 4000) -> float:
    """Share of samples whose masks leave a path: with positive weights, those where the output depends on the input."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.constant_(parameter, 1.0)
    x = torch.ones(samples, *shape, requires_grad=True)
    module.train()(x).sum().backward()
    return float((x.grad.flatten(1).abs().sum(1) > 0).double().mean())


def assert_agree(share: float, theta: float, samples: int = 4000) -> None:
    assert share == pytest.approx(theta, abs=4.5 * math.sqrt(theta * (1 - theta) / samples) + 1e-9)


def enumerated_crossing(widths: list[int], vertex_rates: list[float], edge_rates: list[float]) -> float:
    """θ as the sum over all masks of vertices and edges."""
    vertices = [(layer, i) for layer in range(1, len(widths) - 1) for i in range(widths[layer])]
    edges = [(a, i, j) for a in range(len(widths) - 1) for i in range(widths[a]) for j in range(widths[a + 1])]
    total = 0.0
    for kept in itertools.product((False, True), repeat=len(vertices) + len(edges)):
        vertex_kept = dict(zip(vertices, kept, strict=False))
        edge_kept = dict(zip(edges, kept[len(vertices) :], strict=True))
        rates = [*(vertex_rates[layer - 1] for layer, _ in vertices), *(edge_rates[layer] for layer, _, _ in edges)]
        reached = set(range(widths[0]))
        for layer in range(len(widths) - 1):
            reached = {
                j
                for j in range(widths[layer + 1])
                if vertex_kept.get((layer + 1, j), True) and any(edge_kept[layer, i, j] for i in reached)
            }
        if reached:
            total += math.prod(1 - rate if bit else rate for rate, bit in zip(rates, kept, strict=True))
    return total


# Numbers.


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


def test_bond_networks_agree_with_the_forward_chain():
    generator = np.random.default_rng(0)
    for _ in range(100):
        widths, p = generator.integers(1, 25, generator.integers(2, 9)).tolist(), generator.random()
        found = check_network(widths, p, model="bond")
        assert found.theta == pytest.approx(bond_crossing_probability(p, widths=widths), rel=1e-11)
        assert found.cut_probability == pytest.approx(bond_extinction_probability(p, widths=widths), rel=1e-11)
    assert found.steps is None
    assert found.useless_steps is None


def test_unequal_rates_of_edges_and_vertices_agree_with_all_masks():
    first, second = DropConnectLinear(2, 2, drop_rate=0.3), DropConnectLinear(2, 2, drop_rate=0.6)
    module = nn.Sequential(first, nn.Dropout(0.2), second, nn.Dropout(0.5), DropConnectLinear(2, 1, drop_rate=0.4))
    found = quietly(module)
    assert found.model == "mixed"
    assert found.vertex_rates == pytest.approx((0.2, 0.5))
    assert found.edge_rates == pytest.approx((0.3, 0.6, 0.4))
    assert found.theta == pytest.approx(enumerated_crossing([2, 2, 2, 1], [0.2, 0.5], [0.3, 0.6, 0.4]), rel=1e-12)
    assert found.cut_probability == pytest.approx(1 - found.theta, rel=1e-12)
    assert "p = 0.2, 0.5 and edges (dropconnect), p = 0.3, 0.4, 0.6" in format_check(found)


def test_complete_edges_between_dropped_ones_agree_with_all_masks():
    module = nn.Sequential(
        DropConnectLinear(2, 2, drop_rate=0.7), nn.Linear(2, 2), nn.Dropout(0.4), DropConnectLinear(2, 1, drop_rate=0.6)
    )
    expected = enumerated_crossing([2, 2, 2, 1], [0.0, 0.4], [0.7, 0.0, 0.6])
    assert quietly(module).theta == pytest.approx(expected, rel=1e-12)


def test_extinction_is_accurate_where_theta_rounds_to_one():
    assert check_network([64, 64, 64], 0.3).cut_probability == pytest.approx(0.3**64, rel=1e-9)
    bond = check_network([9, 12, 12, 9], 0.1, model="bond")
    assert bond.theta == 1
    assert bond.cut_probability == pytest.approx(bond_extinction_probability(0.1, widths=[9, 12, 12, 9]), rel=1e-9)


def test_wide_bond_networks_take_seconds_or_say_what_is_too_wide():
    start = time.process_time()
    found = check_network([64, 20_000, 20_000, 10], 0.9999, model="bond")
    with pytest.raises(ValueError, match=r"20000 and 20000 .* limit is 2.5e\+07; .* at most 5000 vertices") as error:
        check_network([64, 20_000, 20_000, 20_000, 10], 0.5, model="bond")
    assert time.process_time() - start < 5
    assert "lower bound" in str(error.value)
    # The counts of reached vertices, drawn layer by layer.
    generator, counts = np.random.default_rng(0), np.full(200_000, 64)
    for width in (20_000, 20_000, 10):
        counts = generator.binomial(width, -np.expm1(counts * math.log(0.9999)))
    assert_agree(float((counts > 0).mean()), found.theta, 200_000)


# Safe width.


@pytest.mark.parametrize(
    ("widths", "p", "theta"), [([10, 4, 1], 0.5, 0.937), ([5, 3, 3, 1], 0.9, 0.0348), ([8, 3, 3, 3, 2], 0.6, 0.799)]
)
def test_the_safe_width_keeps_input_and_output(widths, p, theta):
    found = check_network(widths, p, model="bond")
    assert found.theta == pytest.approx(theta, rel=0.01)
    assert found.safe_width > widths[1]
    assert f"width {found.safe_width} would have one in 99 %" in format_check(found)


@pytest.mark.parametrize("model", ["site", "bond"])
def test_the_safe_width_is_the_smallest_that_reaches_the_target(model):
    crossing = {"site": site_crossing_probability, "bond": bond_crossing_probability}[model]
    generator = np.random.default_rng(1)
    for _ in range(60):
        depth, p = int(generator.integers(1, 6)), generator.uniform(0, 0.95)
        w_in, w_out = generator.integers(1, 12, 2).tolist()
        width = check_network([w_in, *generator.integers(1, 9, depth).tolist(), w_out], p, model=model).safe_width
        assert crossing(p, widths=[w_in, *[width] * depth, w_out]) >= 0.99
        if width > 1:
            assert crossing(p, widths=[w_in, *[width - 1] * depth, w_out]) < 0.99


def test_the_target_itself_counts_as_reached():
    assert check_network([3, 2, 3], 0.1).safe_width == 2  # 1 - 0.1^2 = 0.99
    assert not check_network([3, 2, 3], 0.1).warnings


def with_rates(width: int, vertex_rates: list[float], edge_rates: list[float]) -> nn.Sequential:
    widths = [3, *[width] * len(vertex_rates), 2]
    layers = []
    for w_in, w_out, edge_rate, vertex_rate in zip(
        widths[:-1], widths[1:], edge_rates, [*vertex_rates, 0], strict=True
    ):
        layers += [DropConnectLinear(w_in, w_out, drop_rate=edge_rate), nn.Dropout(vertex_rate)]
    return nn.Sequential(*layers)


def test_the_safe_width_of_unequal_rates_is_the_smallest_that_reaches_the_target():
    generator = np.random.default_rng(2)
    for _ in range(20):
        depth = int(generator.integers(1, 5))
        rates = generator.uniform(0, 0.9, depth) * generator.integers(0, 2, depth)
        edge_rates = generator.uniform(0, 0.9, depth + 1) * generator.integers(0, 2, depth + 1)
        width = quietly(with_rates(4, rates, edge_rates)).safe_width
        assert quietly(with_rates(width, rates, edge_rates)).theta >= 0.99
        assert width == 1 or quietly(with_rates(width - 1, rates, edge_rates)).theta < 0.99


def test_theta_grows_with_the_width_at_unequal_rates():
    thetas = [quietly(with_rates(width, [0.2, 0.0, 0.7], [0.8, 0.5, 0.0, 0.9])).theta for width in range(1, 40)]
    assert thetas == sorted(thetas)
    assert thetas[0] < 0.1
    assert thetas[-1] > 0.85


def test_a_hidden_layer_without_dropout_does_not_hide_the_safe_width():
    module = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5), nn.Linear(3, 3), nn.Linear(3, 2))
    assert quietly(module).safe_width == 7  # 1 - 2^-7 = 0.992, 1 - 2^-6 = 0.984


def test_no_safe_width_is_said_with_its_reason():
    found = check_network([8, 4, 8], 1.0, steps=10, learning_rate=0.1)
    assert found.theta == 0
    assert found.safe_width is None
    assert found.useless_steps == 10
    assert "no width reaches theta >= 0.99: p = 1 removes everything" in format_check(found)
    assert "no hidden layer to widen" in format_check(check_network([2, 1], 0.5, model="bond"))
    found = check_network([8, 8, 8, 8, 8], 0.9999, model="bond")
    assert found.safe_width is None
    assert any("up to 2048, where the search ends" in text for text in found.warnings)


# Text and command line.


def test_the_text_says_what_matters():
    text = format_check(check_network([64, 64, 10], 0.5, steps=100, learning_rate=1.0))
    assert "paths are no problem" in text
    assert "1 hidden layer" in text
    assert "warning" in format_check(check_network([8, 1, 1, 1, 8], 0.5))


def run_check(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["dropatlas", "check", "--widths", "10,4,1", "--drop-rate", "0.5", *arguments])
    cli.main()


def test_the_command_prints_the_check(monkeypatch, capsys):
    run_check(monkeypatch, "--model", "bond", "--steps", "100", "--learning-rate", "0.1")
    text = capsys.readouterr().out
    assert "theta        0.937256" in text
    assert "safe width   7 " in text
    assert "6.274 of 100 steps" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--steps", "9" * 400), "error: steps must be at most 1e.18, got an integer of 400 digits"),
        (("--learning-rate", "0.1"), "error: learning_rate needs steps"),
    ],
)
def test_the_command_refuses_plans_without_sense(monkeypatch, arguments, message):
    with pytest.raises(SystemExit, match=message):
        run_check(monkeypatch, *arguments)


def test_bad_values_are_named():
    with pytest.raises(ValueError, match=r"drop_rate must be in \[0, 1\], got 1.5"):
        check_network([3, 3, 3], 1.5)
    with pytest.raises(ValueError, match="steps must be an integer >= 1, got 0"):
        check_network([3, 3, 3], 0.5, steps=0)
    with pytest.raises(ValueError, match="steps must be an integer >= 1, got True"):
        check_network([3, 3, 3], 0.5, steps=True)
    with pytest.raises(ValueError, match="learning_rate must be a finite number > 0"):
        check_network([3, 3, 3], 0.5, learning_rate=-1.0)
    with pytest.raises(ValueError, match=r"learning_rate needs steps.* got learning_rate=0.1 without steps"):
        check_network([3, 3, 3], 0.5, learning_rate=0.1)
    with pytest.raises(ValueError, match="at least 2 weight layers"):
        check_module(nn.Sequential(nn.Linear(3, 3)))
    with pytest.raises(TypeError, match=r"got list; nn.Sequential\(\*layers\)"):
        check_module([nn.Linear(3, 3), nn.Linear(3, 3)])
    with pytest.raises(ValueError, match="model must be one of site, bond"):
        check_network([3, 3, 3], 0.5, model="vertex")


def test_steps_may_be_a_numpy_integer():
    found = check_network([4, 2, 2], 0.5, steps=np.int64(8))
    assert found.useless_steps == pytest.approx(2)
    assert type(found.steps) is int


# Modules: chains.


class ThreeLayers(nn.Module):
    """Hidden layers of width 2 under p = 0.5: θ = 0.75² = 0.5625."""

    def __init__(self, drop_first: bool = False) -> None:
        super().__init__()
        if drop_first:
            self.drop = nn.Dropout(0.5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(4, 2), nn.Linear(2, 2), nn.Linear(2, 3)
        if not drop_first:
            self.drop = nn.Dropout(0.5)

    def forward(self, x):
        x = self.drop(torch.relu(self.fc1(x)))
        return self.fc3(self.drop(torch.relu(self.fc2(x))))


class FunctionalDropout(ThreeLayers):
    def forward(self, x):
        torch._assert(x.shape[1] == 4, "four features")
        x = functional.dropout(functional.relu(self.fc1(x)), 0.5, self.training)
        x = functional.dropout(self.fc2(x).relu(), p=0.0)
        x = functional.dropout(x, p=0.9, training=False)
        return self.fc3(functional.alpha_dropout(x, training=self.training))


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 3, 3), nn.Conv2d(3, 2, 3)
        self.drop = nn.Dropout2d(0.6)
        self.fc1, self.fc2 = nn.Linear(8, 3), nn.Linear(3, 2)

    def forward(self, x):
        x = functional.max_pool2d(functional.dropout2d(self.conv1(x), 0.4, self.training), 2)
        x = functional.relu(self.drop(self.conv2(x)))
        x = self.fc1(x.view(x.size(0), -1))
        return self.fc2(functional.dropout(x, training=self.training))


class Averaged(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv1d(2, 3, 3), nn.Linear(3, 2)

    def forward(self, x):
        return self.fc(functional.feature_alpha_dropout(self.conv(x), 0.5, self.training).mean(-1))


def shared_dropout() -> nn.Module:
    drop = nn.Dropout(0.5)
    return nn.Sequential(nn.Linear(10, 2), drop, nn.Linear(2, 2), drop, nn.Linear(2, 2), drop, nn.Linear(2, 5))


def shared_linear() -> nn.Module:
    linear = nn.Linear(3, 3)
    return nn.Sequential(*[layer for _ in range(20) for layer in (linear, nn.Dropout(0.5))], nn.Linear(3, 2))


CHAINS = {
    "shared dropout": (shared_dropout, (10,), 0.75**3),
    "shared linear": (shared_linear, (3,), 0.875**20),
    "dropout declared last": (ThreeLayers, (4,), 0.75**2),
    "dropout declared first": (lambda: ThreeLayers(drop_first=True), (4,), 0.75**2),
    "functional dropout": (FunctionalDropout, (4,), 0.75**2),
    "two dropouts in a row": (
        lambda: nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5), nn.Dropout(0.5), nn.Linear(3, 2)),
        (2,),
        1 - 0.75**3,
    ),
    "alpha dropout": (lambda: nn.Sequential(nn.Linear(2, 3), nn.AlphaDropout(0.5), nn.Linear(3, 2)), (2,), 1 - 0.5**3),
    "convolutions": (LeNet, (1, 10, 10), (1 - 0.4**3) * (1 - 0.6**2) * (1 - 0.5**3)),
    "mean over positions": (Averaged, (2, 6), 1 - 0.5**3),
    "3d": (
        lambda: nn.Sequential(
            nn.Conv3d(1, 3, 2), nn.Dropout3d(0.5), nn.AvgPool3d(2), nn.Flatten(), nn.Linear(3, 2), nn.PReLU()
        ),
        (1, 3, 3, 3),
        1 - 0.5**3,
    ),
    "units of feature maps": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 2), nn.Dropout(0.8), nn.ReLU(), nn.Flatten(), nn.Linear(8, 1)),
        (1, 3, 3),
        1 - 0.8**8,
    ),
    "channels and units": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 2, 2), nn.Dropout2d(0.5), nn.Flatten(), nn.Dropout(0.8), nn.Linear(8, 3), nn.Linear(3, 1)
        ),
        (1, 3, 3),
        1 - (0.5 + 0.5 * 0.8**4) ** 2,
    ),
    "dropout linear": (lambda: nn.Sequential(DropoutLinear(2, 3, drop_rate=0.4), nn.Linear(3, 2)), (2,), 1 - 0.4**3),
    "standout without slope": (
        lambda: nn.Sequential(StandoutLinear(2, 3, alpha=0.0, beta=0.0), nn.Linear(3, 2)),
        (2,),
        1 - 0.5**3,
    ),
    "dropconnect": (
        lambda: nn.Sequential(*[DropConnectLinear(3, 3, drop_rate=0.7, per_sample=True) for _ in range(3)]),
        (3,),
        bond_crossing_probability(0.7, 3, 2),
    ),
    "dropconnect behind flattened channels": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 2, 2),
            nn.Dropout2d(0.5),
            nn.Flatten(),
            DropConnectLinear(8, 1, drop_rate=0.8, per_sample=True),
            nn.Identity(),
        ),
        (1, 3, 3),
        1 - (0.5 + 0.5 * 0.8**4) ** 2,
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_chains_agree_with_what_their_masks_do(name):
    build, shape, theta = CHAINS[name]
    module = build()
    assert quietly(module).theta == pytest.approx(theta, rel=1e-9)
    assert quietly(module.eval()).theta == pytest.approx(theta, rel=1e-9)  # rates count in evaluation mode too
    assert_agree(share_crossed(module, shape), theta)


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


def test_harmless_layers_warn_of_nothing():
    normalised = [nn.Dropout(0.0), nn.Linear(3, 40), nn.RMSNorm(40), nn.GELU(), nn.Dropout(0.5)]
    module = nn.Sequential(*normalised, parametrizations.weight_norm(nn.Linear(40, 40)), nn.Softmax(1))
    with pytest.warns(FutureWarning, match="weight_norm"):
        module.append(nn.utils.weight_norm(nn.Linear(40, 2))).append(nn.LogSoftmax(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = check_module(module)
    assert found.widths == (3, 40, 40, 2)
    assert found.theta == pytest.approx(1 - 0.5**40, rel=1e-15)


def test_models_of_this_package_are_read():
    model = apply_method(build_model("simple_cnn1", (1, 28, 28), 10, seed=0), "fc1", "dropout", drop_rate=0.3)
    found = quietly(model)
    assert found.widths == (1, 32, 32, 64, 64, 10)
    assert found.cut_probability == pytest.approx(0.3**64)
    found = quietly(apply_method(model, "fc1", "dropconnect", drop_rate=0.3))
    assert found.widths == (1, 32, 32, 256, 64, 10)  # the edges start at single units: 64 channels of 2 x 2 positions
    assert found.edge_rates == (0, 0, 0, 0.3, 0)


def test_checking_changes_nothing():
    class Storing(ThreeLayers):
        def forward(self, x):
            self.hidden = self.fc1(x)
            return self.fc2(self.drop(self.hidden))

    module = Storing().eval()
    before = [(part, dict(vars(part))) for part in module.modules()]
    assert quietly(module).theta == pytest.approx(0.75)
    assert [(part, dict(vars(part))) for part in module.modules()] == before


# Modules: rates without one value.


@pytest.mark.parametrize("layer", [DynamicDropConnectLinear, DropBigGradientLinear, DropByWeightLinear])
def test_rates_that_change_in_training_bound_theta(layer):
    module = nn.Sequential(layer(2, 2, base_rate=0.3), nn.ReLU(), layer(2, 2, base_rate=0.1))
    with pytest.warns(PercolationWarning, match="between"):
        found = check_module(module)
    # Each edge has a rate of its own between base_rate and base_rate + 0.5.
    assert found.theta == pytest.approx(enumerated_crossing([2, 2, 2], [0.0], [0.8, 0.6]), rel=1e-12)
    assert found.theta_at_most == pytest.approx(enumerated_crossing([2, 2, 2], [0.0], [0.3, 0.1]), rel=1e-12)
    assert found.drop_rates == pytest.approx((0.8, 0.6))
    assert "at most" in format_check(found)


def test_dropped_kernel_entries_bound_theta():
    layers = [DropConnectConv2d(2, 2, 3, drop_rate=0.8, padding=1) for _ in range(3)]
    found = quietly(nn.Sequential(*layers))
    assert found.theta == pytest.approx(bond_crossing_probability(0.8, 2, 2))
    assert found.theta_at_most == pytest.approx(bond_crossing_probability(0.8**9, 2, 2))
    assert (found.theta, found.theta_at_most) == pytest.approx(kernel_dropconnect_bounds(0.8, 2, 2, 3, 3))
    share = sample_kernel_dropconnect(0.8, 2, 2, 3, 3, samples=2000) / 2000
    assert found.theta < share - 0.05
    assert share < found.theta_at_most + 0.05


def test_flattened_partial_maps_bound_theta():
    module = nn.Sequential(
        DropConnectConv2d(1, 2, 3, drop_rate=0.9), nn.MaxPool2d(2), nn.Flatten(), DropConnectLinear(8, 1, drop_rate=0.8)
    )
    found = quietly(module)
    assert found.theta == pytest.approx(enumerated_crossing([1, 2, 1], [0.0], [0.9, 0.8]))
    assert found.theta_at_most == pytest.approx(enumerated_crossing([1, 2, 1], [0.0], [0.9**9, 0.8**4]))
    torch.manual_seed(0)
    crossed = 0
    for _ in range(500):  # one mask for each batch
        crossed += share_crossed_once(module, (1, 6, 6))
    assert found.theta + 0.1 < crossed / 500 < found.theta_at_most + 0.1


def share_crossed_once(module: nn.Module, shape: tuple[int, ...]) -> bool:
    for parameter in module.parameters():
        nn.init.constant_(parameter, 1.0)
    x = torch.ones(1, *shape, requires_grad=True)
    return bool(torch.autograd.grad(module(x).sum(), x)[0].abs().sum() > 0)


# Modules: what is said instead of a number, or beside it.


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.Dropout(0.1), nn.Linear(3, 40), nn.Linear(40, 2)), "drops inputs"),
        (nn.Sequential(nn.Linear(3, 40), nn.Linear(40, 2), nn.Dropout(0.1)), "drops outputs"),
        (nn.Sequential(nn.Conv2d(3, 40, 1), nn.Dropout(0.1), nn.Conv2d(40, 2, 1)), "single units of a convolution"),
        (
            nn.Sequential(nn.Conv2d(3, 40, 1), nn.AlphaDropout(0.1), nn.MaxPool2d(2), nn.Conv2d(40, 2, 1)),
            r"1 \(AlphaDropout\) drops single units of a convolution: not counted, can only lower theta",
        ),
        (nn.Sequential(nn.Linear(3, 40), nn.Linear(40, 2)), "drops nothing"),
        (
            nn.Sequential(DropConnectLinear(3, 40), nn.LayerNorm(40), DropConnectLinear(40, 2)),
            r"1 \(LayerNorm\) mixes .* can only raise theta",
        ),
        (
            nn.Sequential(
                prune.random_unstructured(nn.Linear(3, 40), "weight", 0.5), nn.Dropout(0.1), nn.Linear(40, 2)
            ),
            r"0 \(Linear\) has RandomUnstructured, which this check does not read",
        ),
    ],
)
def test_what_the_numbers_leave_out_is_said(module, message):
    with pytest.warns(PercolationWarning, match=message):
        found = check_module(module)
    assert "verdict" not in format_check(found)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.drop = nn.Linear(3, 3), nn.Dropout(0.5)

    def forward(self, x):
        return x + self.drop(self.fc(x))


class Joined(ThreeLayers):
    def forward(self, x):
        return self.fc2(torch.cat([self.fc1(x), self.fc1(x)], 1))


class Gated(ThreeLayers):
    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.ones(2))

    def forward(self, x):
        return self.fc2(self.fc1(x) * torch.sigmoid(self.gate))


class OwnMask(ThreeLayers):
    def forward(self, x):
        return self.fc2(self.fc1(x) * torch.bernoulli(torch.full((2,), 0.5)))


class LayerDrop(ThreeLayers):
    def forward(self, x):
        x = self.fc1(x)
        return self.fc3(x if random.random() < 0.5 else self.fc2(x))


class InPlace(ThreeLayers):
    def forward(self, x):
        x = self.fc1(x)
        functional.dropout(x, 0.5, inplace=True)
        return self.fc2(x)


class Deciding(ThreeLayers):
    def forward(self, x):
        return self.fc2(self.fc1(x)) if x.sum() > 0 else self.fc1(x)


class TwoInputs(ThreeLayers):
    def forward(self, x, mask):
        return self.fc2(self.fc1(x) * mask)


class TwoOutputs(ThreeLayers):
    def forward(self, x):
        x = self.fc2(self.fc1(x))
        return x, x


class PastTheLayer(ThreeLayers):
    def forward(self, x):
        return self.fc2(functional.linear(x, self.fc1.weight))


class Untold(LinearEdges):
    """An edge dropping layer whose rates nobody knows."""


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            nn.Sequential(nn.Linear(3, 3), *[Residual() for _ in range(10)]),
            r"branches, 0 \(Linear\) feeds 1.fc .* add\(\)",
        ),
        (Joined(), r"branches, the input feeds fc1 \(Linear\)"),
        (Gated(), r"mul\(\) in Gated takes tensors"),
        (OwnMask(), "OwnMask draws random numbers in forward"),
        (LayerDrop(), "LayerDrop draws random numbers in forward"),
        (InPlace(), r"fc1 \(Linear\) feeds dropout\(\) in InPlace and fc2"),
        (Deciding(), "Deciding cannot be traced .*control flow.* check_network"),
        (TwoInputs(), "TwoInputs cannot be traced .*missing 1 required positional argument: 'mask'"),
        (TwoOutputs(), "something else than one tensor"),
        (PastTheLayer(), r"linear\(\) in PastTheLayer takes tensors"),
        (nn.Sequential(nn.Linear(3, 40), nn.LSTM(40, 40), nn.Linear(40, 2)), r"1 \(LSTM\) has weights"),
        (nn.Sequential(nn.Linear(3, 40), nn.GLU(), nn.Linear(20, 2)), r"1 \(GLU\) is a layer"),
        (nn.Sequential(nn.Linear(10, 2), nn.Linear(64, 2)), r"1 \(Linear\) takes 64 features, 0 \(Linear\) gives 2"),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(70, 2)), "takes 70 features"),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(8, 2)), "one dimension of the feature maps"),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(2), nn.Linear(8, 2)), "feature maps"),
        (nn.Sequential(nn.Linear(3, 8), nn.Conv2d(8, 8, 3)), "no convolution"),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Dropout2d(0.5), nn.Conv2d(8, 8, 3, groups=8)), "groups=8"),
        (nn.Sequential(nn.Conv2d(3, 8, 1, padding=1), nn.Linear(8, 8)), "pads by more"),
        (
            nn.Sequential(nn.Linear(3, 8), nn.Dropout2d(0.5), nn.Linear(8, 2)),
            r"1 \(Dropout2d\) is not made for the units",
        ),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool1d(2), nn.Conv2d(8, 2, 3)), "2-dimensional feature maps"),
        (nn.Sequential(nn.Linear(3, 8), nn.LazyLinear(2)), r"1 \(LazyLinear\) has no size before its first batch"),
        (nn.Sequential(nn.Linear(3, 8), nn.LazyBatchNorm1d(), nn.Linear(8, 2)), "has no size before its first batch"),
        (nn.Sequential(StandoutLinear(3, 8), nn.Linear(8, 2)), "follows their input"),
        (nn.Sequential(Untold(3, 8), nn.Linear(8, 2)), "does not know"),
        (build_model("resnet8", (3, 8, 8), 10, seed=0), "residual_crossing_probability"),
        (build_model("simple_cnn2", (3, 8, 8), 10, seed=0), r"unfold\(\) in features.local3 \(LocallyConnected2d\)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_chain_has_no_numbers(module, message):
    with pytest.raises(ValueError, match=message):
        check_module(module)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_a_layer_without_features_is_named():
    with pytest.raises(ValueError, match=r"0 \(Linear\) has no features"):
        check_module(nn.Sequential(nn.Linear(0, 3), nn.Linear(3, 2)))
