"""Activations, losses and the derivatives of neurons, against autograd in double precision."""

import pytest
import torch

from dropatlas.phases.losses import LOSSES
from dropatlas.phases.neurons import ACTIVATIONS, activation, features, pullback, pushforward, second_order

D, N, SHAPE = 3, 7, (2, 4)  # inputs, samples, seeds x neurons


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(params=ACTIVATIONS)
def sigma(request):
    return ACTIVATIONS[request.param]


def test_features_are_output_weight_times_activation(sigma):
    particles, inputs = draw(*SHAPE, 1 + D), draw(N, D, seed=1)
    found = features(sigma, particles, inputs)
    a, w = particles[1, 2, 0], particles[1, 2, 1:]
    torch.testing.assert_close(found[1, 2, 5], a * sigma.value(w @ inputs[5]))
    assert found.shape == (*SHAPE, N)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_derivatives(name):
    u = draw(50).requires_grad_()
    first = torch.autograd.grad(ACTIVATIONS[name].value(u).sum(), u, create_graph=True)[0]
    torch.testing.assert_close(ACTIVATIONS[name].first(u), first)
    second = torch.autograd.grad(first.sum(), u, allow_unused=True)[0] if first.requires_grad else None
    torch.testing.assert_close(ACTIVATIONS[name].second(u), torch.zeros_like(u) if second is None else second)


@pytest.mark.parametrize("name", ["tanh", "erf"])
def test_bounded_activations_are_bounded(name):
    assert ACTIVATIONS[name].bounded
    assert ACTIVATIONS[name].value(torch.tensor([-1e6, 1e6])).abs().max() <= 1


@pytest.mark.parametrize("name", LOSSES)
def test_loss_derivatives(name):
    f, y = draw(40).requires_grad_(), draw(40, seed=1).sign()
    loss = LOSSES[name]
    first = torch.autograd.grad(loss.value(f, y).sum(), f, create_graph=True)[0]
    torch.testing.assert_close(loss.first(f, y), first)
    torch.testing.assert_close(loss.second(f, y), torch.autograd.grad(first.sum(), f)[0])


def test_losses_by_definition():
    f, y = torch.tensor([0.5, -2.0]), torch.tensor([1.0, 1.0])
    torch.testing.assert_close(LOSSES["squared"].value(f, y), torch.tensor([0.125, 4.5]))
    torch.testing.assert_close(LOSSES["logistic"].value(f, y), torch.log(1 + torch.exp(-f)))


def test_logistic_loss_of_a_wrong_confident_output_is_finite():
    assert LOSSES["logistic"].value(torch.tensor(-500.0), torch.tensor(1.0)) == 500


def test_pullback_is_the_gradient_of_features_against_residual(sigma):
    particles, inputs, residual = draw(*SHAPE, 1 + D).requires_grad_(), draw(N, D, seed=1), draw(2, N, seed=2)
    value = (features(sigma, particles, inputs) * residual[:, None, :]).sum()
    expected = torch.autograd.grad(value, particles)[0]
    torch.testing.assert_close(pullback(sigma, particles, inputs, residual).detach(), expected)


def test_pushforward_is_the_directional_derivative(sigma):
    particles, inputs, direction = draw(*SHAPE, 1 + D), draw(N, D, seed=1), draw(*SHAPE, 1 + D, seed=2)
    expected = torch.func.jvp(lambda x: features(sigma, x, inputs), (particles,), (direction,))[1]
    torch.testing.assert_close(pushforward(sigma, particles, inputs, direction), expected)


def test_second_order_is_the_curvature_along_a_direction(sigma):
    particles, inputs, residual = draw(*SHAPE, 1 + D), draw(N, D, seed=1), draw(2, N, seed=2)
    direction = draw(*SHAPE, 1 + D, seed=3)

    def along(x):
        slope = torch.func.jvp(lambda z: features(sigma, z, inputs), (x,), (direction,))[1]
        return (slope * residual[:, None, :]).sum(-1)

    expected = torch.func.jvp(along, (particles,), (direction,))[1]
    torch.testing.assert_close(second_order(sigma, particles, inputs, residual, direction), expected)


def test_networks_may_see_different_inputs(sigma):
    particles, inputs, residual = draw(*SHAPE, 1 + D), draw(2, N, D, seed=1), draw(2, N, seed=2)
    together = pullback(sigma, particles, inputs, residual)
    alone = [pullback(sigma, particles[i], inputs[i], residual[i]) for i in range(2)]
    torch.testing.assert_close(together, torch.stack(alone))
    torch.testing.assert_close(features(sigma, particles, inputs)[1], features(sigma, particles[1], inputs[1]))


def test_an_unknown_activation_names_the_known_ones():
    with pytest.raises(ValueError, match="relu, tanh, erf, got 'gelu'"):
        activation("gelu")
