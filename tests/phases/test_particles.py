"""Dropout particles against plain dense loops with the same masks, and against the analytic gradients."""

import numpy as np
import pytest
import torch

from dropatlas.phases.neurons import ACTIVATIONS, pullback
from dropatlas.phases.particle_kernels import MEAN, REDRAWN_OWN, SHARED, WITHOUT_OWN
from dropatlas.phases.particles import (
    Masks,
    Problem,
    System,
    initial_particles,
    outputs,
    plane_problem,
    projected,
    risk,
    sample_masks,
    train,
)
from dropatlas.phases.rates import step_count

SIGMA = {"tanh": (np.tanh, lambda u: 1 - np.tanh(u) ** 2), "relu": (lambda u: np.maximum(u, 0), lambda u: u > 0)}


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def dense(masks, width):
    """Masks as 0 and 1, shape (steps, width)."""
    kept = np.zeros((masks.steps, width))
    for step in range(masks.steps):
        kept[step, masks.neurons[masks.starts[step] : masks.starts[step + 1]]] = 1
    return kept


def dense_loop(problem, particles, rate, keep_rate, kind, forward, backward):
    """The dynamics as written in the paper, over all neurons in every step."""
    value, slope = SIGMA[problem.activation]
    x, n, samples = particles.copy(), len(particles), len(problem.targets)
    for forward_mask, backward_mask in zip(forward / keep_rate, backward / keep_rate, strict=True):
        before = x[:, 1:] @ problem.inputs.T
        phi = x[:, :1] * value(before)
        seen = np.ones(n) if kind == MEAN else forward_mask
        residual = np.repeat((seen @ phi / n - problem.targets)[None], n, axis=0)
        if kind == WITHOUT_OWN:
            residual += (1 - forward_mask[:, None]) * phi / n
        by_output = (residual * value(before)).sum(1) / samples
        by_input = x[:, :1] * ((residual * slope(before)) @ problem.inputs) / samples
        step = rate * backward_mask[:, None] * np.column_stack([by_output, by_input])
        x = projected(x - step, problem.bound)
    return x


@pytest.mark.parametrize(("activation", "bound"), [("tanh", np.inf), ("relu", 1.2)])
@pytest.mark.parametrize(
    ("kind", "independent"), [(SHARED, False), (SHARED, True), (WITHOUT_OWN, False), (MEAN, False), (MEAN, True)]
)
@pytest.mark.parametrize("keep_rate", [0.05, 0.5, 1.0])
def test_sparse_steps_equal_a_dense_loop(rng, activation, bound, kind, independent, keep_rate):
    problem = plane_problem(rng, samples=7, activation=activation, bound=bound)
    particles = initial_particles(rng, 20)
    backward = sample_masks(rng, 20, keep_rate, 40)
    forward = sample_masks(rng, 20, keep_rate, 40) if independent else backward
    system = System(problem, particles)
    system.masked_steps(0.1 * keep_rate, keep_rate, kind, forward, backward)
    setting = (problem, projected(particles, bound), 0.1 * keep_rate, keep_rate, kind)
    expected = dense_loop(*setting, dense(forward, 20), dense(backward, 20))
    np.testing.assert_allclose(system.particles, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(system.total / 20, outputs(problem, expected), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_step_without_masks_is_the_analytic_gradient(rng, activation):
    problem = plane_problem(rng, samples=9, activation=activation)
    particles = initial_particles(rng, 15)
    residual = torch.as_tensor(outputs(problem, particles) - problem.targets)
    tensors = (torch.as_tensor(particles), torch.as_tensor(problem.inputs), residual)
    gradient = pullback(ACTIVATIONS[activation], *tensors).numpy() / 9
    moved = train(problem, particles, "none", 0.3, 0.2, 1, rng)
    np.testing.assert_allclose(moved, particles - 0.3 * gradient, rtol=1e-10, atol=1e-13)


def test_without_dropped_neurons_all_variants_are_gradient_descent(rng):
    problem, particles = plane_problem(rng), initial_particles(rng, 30)
    none = train(problem, particles, "none", 0.2, 1.0, 20, rng)
    for variant in ("dropout", "decorrelated", "redrawn", "pn_ram", "ram"):
        np.testing.assert_allclose(train(problem, particles, variant, 0.2, 1.0, 20, rng), none, atol=1e-12)


def test_masks_keep_each_neuron_independently(rng):
    kept = dense(sample_masks(rng, 40, 0.15, 3000), 40)
    assert kept.mean() == pytest.approx(0.15, abs=5 * np.sqrt(0.15 * 0.85 / kept.size))
    assert kept.sum(1).var() == pytest.approx(40 * 0.15 * 0.85, rel=0.15)
    assert kept.mean(0).std() < 3 * np.sqrt(0.15 * 0.85 / 3000)
    assert np.corrcoef(kept[:-1].ravel(), kept[1:].ravel())[0, 1] == pytest.approx(0, abs=0.015)


@pytest.mark.parametrize("keep_rate", [1e-4, 0.3, 1.0])
def test_masks_have_their_shape(rng, keep_rate):
    masks = sample_masks(rng, 13, keep_rate, 50)
    assert masks.steps == 50
    assert masks.starts[0] == 0
    assert masks.starts[-1] == len(masks.neurons)
    assert (np.diff(masks.starts) >= 0).all()
    if len(masks.neurons):
        assert 0 <= masks.neurons.min() <= masks.neurons.max() < 13
    if keep_rate == 1.0:
        np.testing.assert_array_equal(masks.neurons, np.tile(np.arange(13), 50))


def test_one_step_of_dropout_in_the_mean_has_the_penalty_of_its_own_mask(rng):
    """E of the step: gradient of the risk plus β(1 - q) ∇½|φ|²/N; other own parts: gradient of the risk."""
    problem = plane_problem(rng, samples=5)
    particles, keep_rate, draws = initial_particles(rng, 4), 0.4, 40_000
    masks = sample_masks(rng, 4, keep_rate, draws)
    other = sample_masks(rng, 4, keep_rate, draws)
    steps = {kind: np.zeros((4, 3)) for kind in (SHARED, WITHOUT_OWN, REDRAWN_OWN)}
    for kind, total in steps.items():
        for step in range(draws):
            one, another = (
                Masks(np.array([0, drawn.starts[step + 1] - drawn.starts[step]]), drawn.neurons[drawn.starts[step] :])
                for drawn in (masks, other)
            )
            system = System(problem, particles)
            system.masked_steps(1e-3, keep_rate, kind, another if kind == REDRAWN_OWN else one, one)
            total += (system.particles - particles) / (1e-3 * draws)
    tensors = (torch.as_tensor(particles), torch.as_tensor(problem.inputs))
    phi = particles[:, :1] * np.tanh(particles[:, 1:] @ problem.inputs.T)
    residual = phi.mean(0) - problem.targets
    plain = pullback(ACTIVATIONS["tanh"], *tensors, torch.as_tensor(residual)).numpy() / 5
    own = np.stack(
        [
            pullback(ACTIVATIONS["tanh"], tensors[0][i : i + 1], tensors[1], torch.as_tensor(phi[i])).numpy()[0] / 5
            for i in range(4)
        ]
    )
    np.testing.assert_allclose(-steps[WITHOUT_OWN], plain, atol=0.03)
    np.testing.assert_allclose(-steps[REDRAWN_OWN], plain, atol=0.03)
    np.testing.assert_allclose(-steps[SHARED], plain + (1 - keep_rate) / (4 * keep_rate) * own, atol=0.03)
    assert np.abs((1 - keep_rate) / (4 * keep_rate) * own).max() > 0.1  # the check can see the penalty


def test_equal_streams_couple_the_variants(rng):
    problem, particles = plane_problem(rng), initial_particles(rng, 3000)
    runs = {v: train(problem, particles, v, 0.2, 0.5, 10, np.random.default_rng(3)) for v in ("dropout", "ram", "none")}
    apart = {v: np.sqrt(((runs["dropout"] - runs[v]) ** 2).sum(1).mean()) for v in ("ram", "none")}
    assert apart["ram"] < 0.1 * apart["none"]


def test_runs_repeat_bit_for_bit(rng):
    problem, particles = plane_problem(rng), initial_particles(rng, 50)
    first, second = (train(problem, particles, "pn_ram", 0.01, 0.1, 500, np.random.default_rng(8)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_risk_falls_and_a_diverging_run_says_so(rng):
    problem, particles = plane_problem(rng), initial_particles(rng, 200)
    assert risk(problem, train(problem, particles, "dropout", 0.05, 0.8, 60, rng)) < 0.6 * risk(problem, particles)
    assert np.isnan(train(plane_problem(rng, activation="relu"), particles, "dropout", 1e6, 0.5, 200, rng)).all()


def test_projection_is_to_the_nearest_point():
    found = projected(np.array([[3.0, 3.0, 4.0], [-0.5, 0.1, 0.2]]), 2.0)
    np.testing.assert_allclose(found, [[2.0, 1.2, 1.6], [-0.5, 0.1, 0.2]])


@pytest.mark.parametrize(("time", "rate", "steps"), [(3.0, 0.01, 300), (3.0, 0.8, 4), (3.0, 10.0, 1)])
def test_steps_until_a_time(time, rate, steps):
    assert step_count(time, rate) == steps


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variant": "dropuot"}, "variant must be one of"),
        ({"keep_rate": 1.3}, r"keep_rate must be in \(0, 1\], got 1.3"),
        ({"keep_rate": 0.0}, r"keep_rate must be in \(0, 1\], got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
    ],
)
def test_bad_input_is_refused(rng, change, message):
    values = {"variant": "dropout", "learning_rate": 0.1, "keep_rate": 0.5, "steps": 1, "rng": rng} | change
    with pytest.raises(ValueError, match=message):
        train(plane_problem(rng), initial_particles(rng, 5), **values)


def test_problems_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="activation must be one of"):
        Problem(np.zeros((4, 2)), np.zeros(4), "erf")
    with pytest.raises(ValueError, match="as many targets"):
        Problem(np.zeros((4, 3)), np.zeros(4))
    with pytest.raises(ValueError, match="bound must be positive"):
        Problem(np.zeros((4, 2)), np.zeros(4), bound=0)
