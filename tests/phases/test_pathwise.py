"""Coupled paths: exact marginals of the clocks, how often they differ, and paths whose distance is known."""

from functools import partial

import numpy as np
import pytest
from scipy.stats import chisquare, poisson

from dropatlas.phases import pathwise
from dropatlas.phases.limits import poisson_jumps
from dropatlas.phases.particles import Problem, System, plane_problem, sample_masks, train
from dropatlas.phases.pathwise import clock_ticks, limit_output, path_distances
from dropatlas.randomness import generator

WIDTH, STEPS = 2000, 500


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def counts(starts, neurons, steps=STEPS):
    """How often every neuron stands in every step, shape (steps, WIDTH)."""
    step = np.repeat(np.arange(steps), np.diff(starts))
    return np.bincount(step * WIDTH + neurons, minlength=steps * WIDTH).reshape(steps, WIDTH)


@pytest.mark.parametrize("keep_rate", [0.01, 0.2, 0.9])
def test_the_coupling_is_monotone_with_exact_marginals(rng, keep_rate):
    masks = sample_masks(rng, WIDTH, keep_rate, STEPS)
    ticks = clock_ticks(rng, masks, keep_rate)
    kept, ticked = counts(masks.starts, masks.neurons), counts(ticks.starts, ticks.neurons)
    assert set(np.unique(kept)) <= {0, 1}
    assert not ticked[kept == 0].any()
    most = int(poisson.ppf(1 - 1e-5, keep_rate))
    observed = np.bincount(ticked.ravel().clip(max=most + 1), minlength=most + 2)
    expected = kept.size * np.append(poisson.pmf(np.arange(most + 1), keep_rate), poisson.sf(most, keep_rate))
    assert chisquare(observed, expected).pvalue > 0.001
    differ = keep_rate * (1 - np.exp(-keep_rate))
    share = (kept != ticked).mean()
    assert abs(share - differ) < 4 * np.sqrt(differ / kept.size)
    assert abs(kept.mean() - keep_rate) < 4 * np.sqrt(keep_rate / kept.size)


def test_ticks_stand_in_the_order_of_time_uniform_within_their_step(rng):
    masks = sample_masks(rng, WIDTH, 0.3, STEPS)
    ticks = clock_ticks(rng, masks, 0.3)
    assert (np.diff(ticks.times) >= 0).all()
    steps = np.repeat(np.arange(STEPS), np.diff(ticks.starts))
    np.testing.assert_array_equal(np.floor(ticks.times), steps)
    assert chisquare(np.histogram(ticks.times % 1, 20, (0, 1))[0]).pvalue > 0.001


def test_the_output_of_the_limit_is_that_of_its_particles(rng):
    problem = plane_problem(rng)
    path = limit_output(problem, 20_000, 2.0, 0.5, 10, rng)
    assert path.shape == (11, 30)
    assert abs(path[0]).max() < 0.05  # φ has mean 0 at the start
    end = poisson_jumps(problem, rng.standard_normal((20_000, 3)), 2.0, 0.5, rng)
    output = (end[:, :1] * np.tanh(end[:, 1:] @ problem.inputs.T)).mean(axis=0)
    np.testing.assert_allclose(path[-1], output, atol=0.06)


def frozen():
    """σ saturates at 1 and the output stays where `path` says: a neuron's a moves by α·1 per update."""
    return Problem(np.array([[1.0, 0.0]]), np.array([1.0])), np.zeros((2, 1))


def test_paths_in_a_frozen_field_differ_as_their_counts(monkeypatch):
    """f = 0 and w = 30: X - X̄ is α times the difference of two counts, a random walk of differing steps."""
    problem, path = frozen()
    start = np.zeros((WIDTH, 3))
    start[:, 1] = 30.0
    monkeypatch.setattr(pathwise, "initial_particles", lambda rng, width: start[:width])
    keep_rate, alpha, time = 0.05, 0.5, 3.0
    stream = partial(generator, 3, "frozen")
    found = path_distances(problem, (path, path), time, WIDTH, alpha * keep_rate, keep_rate, stream)
    masks = sample_masks(stream("masks"), WIDTH, keep_rate, 120)
    ticks = clock_ticks(stream("clocks"), masks, keep_rate)
    kept, ticked = (counts(events.starts, events.neurons, 120) for events in (masks, ticks))
    apart = np.abs((kept - ticked).cumsum(axis=0)).max(axis=0)
    assert found["clock_distance"] == pytest.approx(alpha * np.sqrt((apart**2).mean()))
    assert found["limit_error"] == 0
    # a share 1 - exp(-q·steps·(1 - exp(-q))) of the neurons meets a step that differs
    expected = 1 - np.exp(-120 * keep_rate * (1 - np.exp(-keep_rate)))
    assert abs((apart > 0).mean() - expected) < 0.05


def test_the_network_is_that_of_the_particle_module(monkeypatch, rng):
    """Dropout beside its copies does what `train` does with the same masks."""
    problem, kept = plane_problem(rng), []
    start = rng.standard_normal((200, 3))
    monkeypatch.setattr(pathwise, "initial_particles", lambda rng, width: start)
    real = pathwise.coupled_steps
    monkeypatch.setattr(pathwise, "coupled_steps", lambda *args: (real(*args), kept.append(args[2])))
    path = np.zeros((3, 30))
    path_distances(problem, (path, path), 1.0, 200, 0.05, 0.1, lambda name: generator(4, name))
    trained = train(problem, System(problem, start).particles, "dropout", 0.05, 0.1, 20, generator(4, "masks"))
    np.testing.assert_allclose(kept[0], trained, atol=1e-9)


def test_a_neuron_of_the_limit_follows_its_output(monkeypatch, rng):
    """Jumps by hand: f from the path, linear in time, at the times of the ticks."""
    problem, kept = plane_problem(rng), []
    start = rng.standard_normal((5, 3))
    monkeypatch.setattr(pathwise, "initial_particles", lambda rng, width: start)
    real = pathwise.coupled_steps
    monkeypatch.setattr(pathwise, "coupled_steps", lambda *args: (real(*args), kept.append((args[4], args[15:18]))))
    path = rng.standard_normal((4, 30))
    path_distances(problem, (path, path), 1.5, 5, 0.1, 0.2, lambda name: generator(6, name))
    limit, (_, ticking, times) = kept[0][0], kept[0][1]
    x = start.copy()
    for i, time in zip(ticking, times, strict=True):
        place = time / 0.5
        f = np.array([np.interp(place, np.arange(4), path[:, k]) for k in range(30)])
        value = np.tanh(problem.inputs @ x[i, 1:])
        residual = f - problem.targets
        slope = x[i, 0] * (residual * (1 - value**2)) @ problem.inputs
        x[i] -= 0.5 * np.append(residual @ value, slope) / 30
    np.testing.assert_allclose(limit, x, atol=1e-9)


def test_a_run_that_diverges_is_infinitely_far(rng):
    problem = Problem(rng.standard_normal((30, 2)), np.full(30, 1e6), "relu")
    path = np.zeros((3, 30))
    found = path_distances(problem, (path, path), 3000.0, 20, 20.0, 0.4, lambda name: generator(4, name))
    assert all(np.isinf(value) for value in found.values())
