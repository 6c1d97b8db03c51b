"""Second-order terms and sharpness against float64 autograd, dense Hessians and Monte Carlo over the multipliers."""

import numpy as np
import pytest
import torch

from dropatlas.phases.curvature import (
    along_gradient,
    batch_sharpness,
    expected_risk,
    hessian_product,
    sharpness,
)
from dropatlas.phases.losses import LOSSES
from dropatlas.phases.neurons import ACTIVATIONS, features, pullback
from dropatlas.phases.settings import Curvature, NetworkKind
from dropatlas.phases.training_curvature import terms_along_training
from dropatlas.tasks.phases import curvature as task

CASES = [(activation, loss) for activation in ACTIVATIONS for loss in LOSSES]


def problem(width=6, loss="squared", seed=0, samples=7, inputs=3):
    draw = torch.Generator().manual_seed(seed)
    particles = torch.randn(width, 1 + inputs, generator=draw, dtype=torch.float64)
    points = torch.randn(samples, inputs, generator=draw, dtype=torch.float64)
    targets = torch.randn(samples, generator=draw, dtype=torch.float64)
    return particles, points, targets if loss == "squared" else targets.sign()


def risk_of(sigma, loss, points, targets):
    return lambda particles: loss.value(features(sigma, particles, points).mean(-2), targets).mean(-1)


def dense_hessian(sigma, loss, particles, points, targets):
    """In the mean-field metric, as a matrix."""
    full = torch.func.hessian(risk_of(sigma, loss, points, targets))(particles)
    return len(particles) * full.reshape(particles.numel(), particles.numel())


@pytest.mark.parametrize(("activation", "name"), CASES)
def test_terms_are_the_derivatives_along_the_gradient(activation, name):
    sigma, loss = ACTIVATIONS[activation], LOSSES[name]
    particles, points, targets = problem(loss=name)
    risk = risk_of(sigma, loss, points, targets)
    terms = along_gradient(sigma, loss, particles, points, targets)
    gradient = len(particles) * torch.func.grad(risk)(particles)
    quadratic = dense_hessian(sigma, loss, particles, points, targets)
    blocks = quadratic.reshape(6, 4, 6, 4)
    vector = gradient.reshape(-1)
    whole = vector @ quadratic @ vector / len(particles)
    own = sum(gradient[i] @ blocks[i, :, i] @ gradient[i] for i in range(6)) / len(particles)
    assert terms.risk.item() == pytest.approx(risk(particles).item())
    assert terms.gradient.item() == pytest.approx(gradient.square().sum(-1).mean().item())
    assert (terms.gauss_newton + terms.curved).item() == pytest.approx(whole.item())
    assert (terms.self_interaction / 6 + terms.curved).item() == pytest.approx(own.item())


def test_gauss_newton_part_is_the_square_of_the_mean_change():
    sigma, loss = ACTIVATIONS["tanh"], LOSSES["logistic"]
    particles, points, targets = problem(loss="logistic")
    gradient = len(particles) * torch.func.grad(risk_of(sigma, loss, points, targets))(particles)
    network = lambda state: features(sigma, state, points).mean(-2)  # noqa: E731
    outputs, change = torch.func.jvp(network, (particles,), (gradient,))
    expected = (loss.second(outputs, targets) * change.square()).mean()
    found = along_gradient(sigma, loss, particles, points, targets).gauss_newton
    assert found.item() == pytest.approx(expected.item())


@pytest.mark.parametrize("name", LOSSES)
def test_expected_risk_matches_sampled_multipliers_only_with_the_self_interaction(name):
    sigma, loss = ACTIVATIONS["tanh"], LOSSES[name]
    particles, points, targets = problem(width=5, loss=name)
    keep, rate = 0.25, 0.002
    risk = risk_of(sigma, loss, points, targets)
    outputs = features(sigma, particles, points).mean(-2)
    gradient = pullback(sigma, particles, points, loss.first(outputs, targets)) / len(points)
    draw = torch.Generator().manual_seed(1)
    masks = (torch.rand(400_000, 5, generator=draw, dtype=torch.float64) < keep).double()
    patterns, counts = masks.unique(dim=0, return_counts=True)
    patterns = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 5)
    chances = keep ** patterns.sum(-1) * (1 - keep) ** (5 - patterns.sum(-1))
    after = risk(particles - rate * (patterns / keep)[..., None] * gradient)
    exact = (chances * after).sum()
    terms = along_gradient(sigma, loss, particles, points, targets)
    predicted = expected_risk(terms, rate, 5, 1 / keep - 1)
    without = expected_risk(terms._replace(self_interaction=torch.zeros(())), rate, 5, 1 / keep - 1)
    sampled = (
        counts / counts.sum() * risk(particles - rate * (masks.unique(dim=0) / keep)[..., None] * gradient)
    ).sum()
    assert abs(sampled - exact) < 5 * after.std() / 400_000**0.5
    assert abs(predicted - exact) < 0.05 * abs(without - exact)


def test_remainder_of_the_expected_risk_is_of_third_order():
    sigma, loss = ACTIVATIONS["erf"], LOSSES["squared"]
    particles, points, targets = problem(width=4)
    risk = risk_of(sigma, loss, points, targets)
    terms = along_gradient(sigma, loss, particles, points, targets)
    gradient = len(particles) * torch.func.grad(risk)(particles)
    patterns = torch.cartesian_prod(*[torch.tensor([0.0, 2.0], dtype=torch.float64)] * 4)
    rates = np.array([0.04, 0.02, 0.01])
    errors = [
        abs(
            (risk(particles - rate * patterns[..., None] * gradient).mean() - expected_risk(terms, rate, 4, 1.0)).item()
        )
        for rate in rates
    ]
    assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx([3, 3], abs=0.2)


def test_batches_of_states_give_the_single_results():
    sigma, loss = ACTIVATIONS["tanh"], LOSSES["logistic"]
    states = torch.stack([problem(seed=seed)[0] for seed in range(3)])
    _, points, targets = problem(loss="logistic")
    together = along_gradient(sigma, loss, states, points, targets)
    alone = [along_gradient(sigma, loss, state, points, targets) for state in states]
    for term, singles in zip(together, zip(*alone, strict=True), strict=True):
        assert torch.allclose(term, torch.stack(singles))


@pytest.mark.parametrize(("activation", "name"), CASES)
def test_hessian_products_and_sharpness_match_the_dense_hessian(activation, name):
    sigma, loss = ACTIVATIONS[activation], LOSSES[name]
    particles, points, targets = problem(loss=name, seed=3)
    dense = dense_hessian(sigma, loss, particles, points, targets)
    product = hessian_product(sigma, loss, particles, points, targets)
    direction = torch.randn(particles.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    assert torch.allclose(product(direction).reshape(-1), dense @ direction.reshape(-1))
    top, vector = sharpness(product, direction, tolerance=1e-10)
    assert top == pytest.approx(torch.linalg.eigvalsh(dense)[-1].item())
    assert torch.allclose(product(vector), top * vector, atol=1e-6)


def test_gradient_descent_on_a_quadratic_risk_turns_unstable_at_two_over_sharpness():
    """Only output weights move: the risk is quadratic, so that the bound of the master rate is exact."""
    sigma, loss = ACTIVATIONS["tanh"], LOSSES["squared"]
    particles, points, targets = problem(width=5, seed=2)
    product = hessian_product(sigma, loss, particles, points, targets)
    only_outputs = torch.zeros_like(particles)
    only_outputs[:, 0] = 1
    top, _ = sharpness(lambda v: only_outputs * product(only_outputs * v), only_outputs.clone(), tolerance=1e-10)
    risks = {}
    for factor in (0.98, 1.02):
        state = particles.clone()
        for _ in range(2000):
            residual = loss.first(features(sigma, state, points).mean(-2), targets)
            gradient = pullback(sigma, state, points, residual) / len(points)
            state = state - factor * 2 / top * only_outputs * gradient
        risks[factor] = risk_of(sigma, loss, points, targets)(state)
    start = risk_of(sigma, loss, points, targets)(particles)
    assert risks[0.98] < start < risks[1.02]


def test_sharpness_of_a_state_that_is_not_finite_is_nan():
    sigma, loss = ACTIVATIONS["relu"], LOSSES["squared"]
    particles, points, targets = problem()
    product = hessian_product(sigma, loss, particles * torch.inf, points, targets)
    assert np.isnan(sharpness(product, torch.ones_like(particles))[0])


@pytest.mark.parametrize("masked", ["metric", "both"])
def test_batch_sharpness_matches_autograd(masked):
    sigma, loss = ACTIVATIONS["tanh"], LOSSES["logistic"]
    particles, points, targets = problem(loss="logistic")
    draw = torch.Generator().manual_seed(5)
    batches = torch.stack([torch.randperm(7, generator=draw)[:3] for _ in range(4)])
    masks = torch.tensor([[2.0, 0, 2, 2, 0, 0], [0, 0, 0, 0, 0, 2], [2, 2, 2, 2, 2, 2], [0, 0, 0, 0, 0, 0]]).double()
    expected = []
    for batch, mask in zip(batches[:3], masks[:3], strict=True):
        forward = mask if masked == "both" else torch.ones_like(mask)

        def risk(state, forward=forward, batch=batch):
            outputs = (forward[:, None] * features(sigma, state, points[batch])).mean(-2)
            return loss.value(outputs, targets[batch]).mean()

        gradient = 6 * torch.func.grad(risk)(particles)
        step = gradient if masked == "both" else mask[:, None] * gradient
        hessian = 6 * torch.func.hessian(risk)(particles).reshape(24, 24)
        vector = step.reshape(-1)
        expected.append((vector @ hessian @ vector / vector.square().sum()).item())
    found = batch_sharpness(sigma, loss, particles, points, targets, batches, masks, masked)
    assert found.draws == 3  # the last mask has no active neuron
    assert found.mean == pytest.approx(np.mean(expected))
    assert found.standard_error == pytest.approx(np.std(expected, ddof=1) / 3**0.5)


def test_batch_sharpness_of_whole_batches_without_masks_is_the_rayleigh_quotient():
    sigma, loss = ACTIVATIONS["relu"], LOSSES["squared"]
    particles, points, targets = problem()
    terms = along_gradient(sigma, loss, particles, points, targets)
    found = batch_sharpness(sigma, loss, particles, points, targets, torch.arange(7)[None])
    assert found.mean == pytest.approx(((terms.gauss_newton + terms.curved) / terms.gradient).item())
    with pytest.raises(ValueError, match="metric or both"):
        batch_sharpness(sigma, loss, particles, points, targets, torch.arange(7)[None], masked="forward")


@pytest.fixture
def settings():
    data = {"dimension": 4, "samples": 10, "teachers": 3}
    deep = {"depths": [2], "activations": ["tanh"], "width": 8, "data": data, "steps": 4}
    values = {"data": data, "activations": ["tanh"], "losses": ["squared", "logistic"], "widths": [16], "deep": deep}
    values |= {"learning_rate": 0.5, "keep_rate": 0.5, "steps": 6, "measurements": 2, "seeds": 3}
    return Curvature.model_validate(values)


def test_terms_are_those_of_the_weights_that_training_has_reached(settings):
    kind = NetworkKind(1, 16, "tanh", "squared")
    found = [terms for terms in terms_along_training(kind, settings.model_copy(update={"keep_rate": 1.0}), 1)]
    assert [(terms.step, terms.seed) for terms in found] == [(step, seed) for step in (0, 1, 6) for seed in range(3)]
    # gradient descent takes the step that the terms predict, to second order
    change = found[3].risk - found[0].risk
    rate = settings.learning_rate
    assert change == pytest.approx(-rate * found[0].gradient + rate**2 / 2 * found[0].whole, rel=0.05)
    masked = terms_along_training(kind, settings, 1)
    assert masked[:3] == found[:3]
    assert masked[3].risk != found[3].risk


def test_deeper_networks_are_measured_along_training_as_well(settings):
    found = terms_along_training(NetworkKind(2, 8, "tanh", "squared"), settings, 1)
    assert [(terms.seed, terms.step) for terms in found] == [(seed, step) for seed in range(3) for step in (0, 1, 4)]
    assert np.isfinite(found).all()
    first, second = found[:2]
    assert second.risk - first.risk == pytest.approx(-settings.learning_rate * first.gradient, rel=1.0)


def test_table_measures_every_network_along_training(tmp_path, settings):
    rows = task.tabulate(settings, 1, tmp_path)
    assert list(rows.columns) == list(task.MEANINGS)
    assert len(rows) == 3 * 3 * (2 + 1)
    flat = rows[rows.depth == 1]
    assert np.allclose(flat.whole, flat.gauss_newton + flat.curved)
    assert (flat.gauss_newton >= 0).all()
    assert (rows.blocks > rows.curved).all()
    assert (rows.keep_rate == 0.5).all()
    assert task.tabulate(settings, 1, tmp_path).equals(rows)
