"""Deep mean-field networks against autograd, the two-layer functions, dense Hessians, and all masks of small ones."""

from itertools import product

import numpy as np
import pytest
import torch

from dropatlas.phases.curvature import along_gradient
from dropatlas.phases.deep_coupling import train_coupled
from dropatlas.phases.deep_networks import (
    forward,
    gradients,
    initial_weights,
    masked_metric,
    quadratic_forms,
    rms_distance,
    step,
)
from dropatlas.phases.losses import LOSSES
from dropatlas.phases.neurons import ACTIVATIONS, features, pullback
from dropatlas.phases.settings import Depth
from dropatlas.tasks.phases import depth as task

TANH, SQUARED = ACTIVATIONS["tanh"], LOSSES["squared"]


def network(depth, width=4, seed=0, samples=5, inputs=3):
    rng = np.random.default_rng(seed)
    weights = [weight[0].double() for weight in initial_weights(rng, 1, depth, width, inputs)]
    points = torch.from_numpy(rng.standard_normal((samples, inputs)))
    return weights, points, torch.from_numpy(rng.choice([-1.0, 1.0], samples))


def scales(weights):
    """Parameter learning rate of every weight in units of the master rate: n, or n² between hidden layers."""
    width = len(weights[0])
    return [width, *[width**2] * (len(weights) - 2), width]


def masked_risk(masks, points, targets, loss=SQUARED, sigma=TANH):
    return lambda *weights: loss.value(forward(sigma, weights, points, masks).outputs, targets).mean()


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("name", LOSSES)
def test_dropout_gradient_is_that_of_the_masked_network(depth, name):
    weights, points, targets = network(depth)
    masks = [torch.tensor([2.0, 0.0, 2.0, 2.0]).double() for _ in range(depth)]
    loss = LOSSES[name]
    risk = masked_risk(masks, points, targets, loss)
    exact = torch.func.grad(risk, argnums=tuple(range(depth + 1)))(*weights)
    found = masked_metric(gradients(TANH, loss, weights, points, targets, masks), masks)
    for mine, scale, theirs in zip(found, scales(weights), exact, strict=True):
        assert torch.allclose(mine, scale * theirs)


def test_one_hidden_layer_is_the_two_layer_network():
    weights, points, targets = network(1)
    particles = torch.cat([weights[1][:, None], weights[0]], dim=1)
    outputs = features(TANH, particles, points).mean(-2)
    assert torch.allclose(forward(TANH, weights, points).outputs, outputs)
    gradient = pullback(TANH, particles, points, outputs - targets) / len(points)
    mine = gradients(TANH, SQUARED, weights, points, targets)
    assert torch.allclose(torch.cat([mine[1][:, None], mine[0]], dim=1), gradient)
    terms = along_gradient(TANH, SQUARED, particles, points, targets)
    forms = quadratic_forms(TANH, SQUARED, weights, points, targets)
    assert forms.gradient.item() == pytest.approx(terms.gradient.item())
    assert forms.whole.item() == pytest.approx((terms.gauss_newton + terms.curved).item())
    assert forms.blocks.item() == pytest.approx((terms.curved + terms.self_interaction / 4).item())
    assert forms.curved.item() == pytest.approx(terms.curved.item())
    assert forms.gauss_newton.item() == pytest.approx(terms.gauss_newton.item())
    moved = [weight + 0.5 for weight in weights]
    shift = torch.full_like(particles, 0.5)
    assert rms_distance(moved, weights).item() == pytest.approx(shift.square().sum(-1).mean().sqrt().item())


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_quadratic_forms_match_the_dense_hessian(depth, activation, name):
    sigma, loss = ACTIVATIONS[activation], LOSSES[name]
    weights, points, targets = network(depth, width=3)
    risk = masked_risk(None, points, targets, loss, sigma)
    gradient = gradients(sigma, loss, weights, points, targets)

    def form(direction):
        along = lambda t: risk(*[w + t * v for w, v in zip(weights, direction, strict=True)])  # noqa: E731
        return torch.func.hessian(along)(torch.zeros((), dtype=torch.float64)).item()

    found = quadratic_forms(sigma, loss, weights, points, targets)
    assert found.whole.item() == pytest.approx(form(gradient))
    along = lambda t: risk(*[w + t * v for w, v in zip(weights, gradient, strict=True)])  # noqa: E731
    assert found.gradient.item() == pytest.approx(torch.func.grad(along)(torch.zeros((), dtype=torch.float64)).item())
    expected = 0.0
    for layer, neuron in product(range(depth), range(3)):
        chosen = torch.eye(3, dtype=torch.float64)[neuron]
        block = [torch.zeros_like(weight) for weight in weights]
        block[layer] = chosen[:, None] * gradient[layer]
        block[layer + 1] = gradient[layer + 1] * chosen
        expected += form(block)
    assert found.blocks.item() == pytest.approx(expected)


@pytest.mark.parametrize("depth", [1, 2])
def test_the_mean_over_masks_costs_the_blocks_times_the_variance(depth):
    """All masks of a random metric with both neurons of a weight: whole + Var·blocks, but for single weights (Var²)."""
    weights, points, targets = network(depth, width=3)
    gradient = gradients(TANH, SQUARED, weights, points, targets)
    keep = 0.5
    risk = masked_risk(None, points, targets)

    def form(direction):
        along = lambda t: risk(*[w + t * v for w, v in zip(weights, direction, strict=True)])  # noqa: E731
        return torch.func.hessian(along)(torch.zeros((), dtype=torch.float64)).item()

    mean = 0.0
    for bits in product([0.0, 1 / keep], repeat=3 * depth):
        masks = list(torch.tensor(bits, dtype=torch.float64).reshape(depth, 3))
        mean += form(masked_metric(gradient, masks)) / 2 ** (3 * depth)
    single = 0.0
    if depth == 2:
        for row, column in product(range(3), repeat=2):
            direction = [torch.zeros_like(weight) for weight in weights]
            direction[1][row, column] = gradient[1][row, column]
            single += form(direction)
    forms, variance = quadratic_forms(TANH, SQUARED, weights, points, targets), 1 / keep - 1
    assert mean == pytest.approx((forms.whole + variance * forms.blocks).item() + variance**2 * single)


def test_correlated_layers_keep_their_signals_and_independent_ones_lose_them():
    spread = {}
    for initialisation in ("correlated", "independent"):
        weights = initial_weights(np.random.default_rng(1), 1, 3, 400, 10, initialisation)
        points = torch.randn(20, 10, generator=torch.Generator().manual_seed(2))
        last = forward(TANH, weights, points).before[-1]
        spread[initialisation] = last.std(-2).mean().item()  # over the neurons of the layer
    assert spread["correlated"] > 0.3
    assert spread["independent"] < 0.02


def test_variants_are_told_apart_by_their_masks():
    weights, points, targets = network(2, width=200)
    rng = np.random.default_rng(3)
    masks, others = ([torch.from_numpy((rng.random(200) < 0.5) * 2.0) for _ in range(2)] for _ in range(2))
    ones = [torch.ones(200, dtype=torch.float64)] * 2
    shared = (TANH, SQUARED, weights, points, targets, 0.5)
    none, dropout, ram = step(*shared, None, None), step(*shared, masks, masks), step(*shared, None, masks)
    assert all(torch.equal(a, b) for a, b in zip(none, step(*shared, ones, ones), strict=True))
    kept = masks[1][:, None] * masks[0] > 0
    assert torch.equal(dropout[1][~kept], weights[1][~kept])
    assert torch.equal(ram[1][~kept], weights[1][~kept])
    assert rms_distance(dropout, ram) < 0.5 * rms_distance(dropout, none)
    assert not torch.equal(step(*shared, others, masks)[1], dropout[1])


@pytest.mark.parametrize(("depth", "kind"), [(0, "correlated"), (2, "centred")])
def test_wrong_values_are_refused(depth, kind):
    with pytest.raises(ValueError, match=r"depth and width|initialisation must"):
        initial_weights(np.random.default_rng(0), 1, depth, 3, 2, kind)


@pytest.fixture
def settings():
    values = {"data": {"dimension": 4, "samples": 10, "teachers": 3}, "activation": "tanh", "learning_rate": 0.5}
    values |= {"depths": [1, 2], "initialisation": "correlated", "widths": [8, 64], "keep_rate": 0.5, "steps": 4}
    return Depth.model_validate(values | {"measurements": 2, "seeds": 3})


def test_coupled_networks_start_together_and_only_masks_part_them(settings):
    found = train_coupled(settings, 1, 0, 2, 8)
    assert [(state.variant, state.step) for state in found[:4]] == [
        ("none", 1),
        ("ram", 1),
        ("dropout", 1),
        ("none", 4),
    ]
    apart = {state.variant: state.distance for state in found if state.step == 4}
    assert apart["dropout"] == 0
    assert min(apart[name] for name in ("none", "ram")) > 0
    assert all(state.movement > 0 for state in found)
    together = train_coupled(settings.model_copy(update={"keep_rate": 1.0}), 1, 0, 2, 8)
    assert {state.distance for state in together} == {0.0}


def test_table_couples_the_variants(tmp_path, settings):
    rows = task.tabulate(settings, 1, tmp_path)
    assert list(rows.columns) == list(task.MEANINGS)
    assert len(rows) == 3 * 2 * 2 * 3 * 2
    assert (rows[rows.variant == "dropout"].distance == 0).all()
    assert (rows[rows.variant != "dropout"].distance > 0).all()
    wide = rows[rows.width == 64].groupby(["depth", "variant"]).distance.mean()
    for depth in (1, 2):
        assert wide[depth, "ram"] < wide[depth, "none"]
    unmasked = task.tabulate(Depth.model_validate(settings.model_dump() | {"keep_rate": 1.0}), 1)
    assert unmasked.distance.max() == 0
    assert task.tabulate(settings, 1, tmp_path).equals(rows)
