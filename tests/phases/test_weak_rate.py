"""Weak errors: averages by hand, halves whose product carries no noise, exponents that are put in."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, wasserstein_distance

from dropatlas.phases.convergence import (
    PLANNED_BIAS,
    bias_exponent,
    grid_exponents,
    jackknifed_exponents,
    predicted_noise,
    squared_means,
    two_terms,
)
from dropatlas.phases.coupling_settings import GRID
from dropatlas.phases.particle_kernels import SHARED
from dropatlas.phases.particles import (
    Masks,
    System,
    initial_particles,
    outputs,
    plane_problem,
    risk,
    sample_masks,
    train,
)
from dropatlas.phases.weak_rate import (
    BINS,
    DIRECTIONS,
    REACH,
    SPACING,
    Averages,
    Runs,
    averages,
    dropout_runs,
    limit_averages,
    weak_errors,
)
from dropatlas.stats import mean_interval


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def problem(rng):
    return plane_problem(rng)


def test_averages_of_a_system(rng, problem):
    x = initial_particles(rng, 400)
    functions, laws = averages(problem, x[None], outputs(problem, x)[None])
    squares = (x**2).sum(axis=1)
    expected = [risk(problem, x), squares.mean(), np.cos(x[:, 0]).mean(), np.exp(-squares / 2).mean()]
    np.testing.assert_allclose(functions[0], expected)
    edges = -REACH + SPACING * np.arange(1, BINS)
    np.testing.assert_allclose(np.linalg.norm(DIRECTIONS, axis=1), 1)
    for direction, law in zip(DIRECTIONS, laws[0], strict=True):
        np.testing.assert_allclose(law[:-1], [(x @ direction < edge).mean() for edge in edges])
        assert law[-1] == 1


def test_sliced_distance_is_the_mean_of_one_dimensional_ones(rng, problem):
    x, y = initial_particles(rng, 500), 1.3 * initial_particles(rng, 300) + 0.4
    laws = [averages(problem, points[None], np.zeros((1, 30)))[1][0] for points in (x, y)]
    found = np.abs(laws[0] - laws[1]).sum(axis=1) * SPACING
    exact = [wasserstein_distance(x @ direction, y @ direction) for direction in DIRECTIONS]
    np.testing.assert_allclose(found, exact, rtol=0.02)


def test_runs_are_those_of_the_particle_module(problem):
    """Two runs of five neurons, one after the other from one stream of masks."""
    law = np.zeros((len(DIRECTIONS), BINS))
    found = dropout_runs(problem, 5, 2, 0.1, 0.4, 20, law, np.random.default_rng(3))
    rng, ends = np.random.default_rng(3), []
    starts = [initial_particles(rng, 5) for _ in range(2)]
    masks = sample_masks(rng, 5, 0.4, 40)
    for run, start in enumerate(starts):
        own = Masks(masks.starts[20 * run : 20 * run + 21], masks.neurons)
        system = System(problem, start)
        system.masked_steps(0.1, 0.4, SHARED, own, own)
        ends.append(system.particles)
    expected = [(end**2).sum(axis=1).mean() for end in ends]
    assert found.average.functions[1] == pytest.approx(np.mean(expected))
    assert found.scatter[1] == pytest.approx(np.std(expected, ddof=1))


def test_a_run_of_the_limit_without_time_is_its_start(rng, problem):
    found = limit_averages(problem, 20_000, 2, 1e-9, 0.5, 0.5, rng)
    np.testing.assert_allclose(found.functions[1:], [3, np.exp(-0.5), 2**-1.5], rtol=0.02)
    edges = -REACH + SPACING * np.arange(1, BINS + 1)
    np.testing.assert_allclose(found.law, np.tile(norm.cdf(edges), (len(DIRECTIONS), 1)), atol=0.015)


def test_the_product_of_halves_has_no_noise(rng):
    """Bias 0.01 under noise of 0.1 in runs and limits: the mean product is the square, 1e-4, not 1e-4 + noise."""

    def drawn(mean):
        return Averages(mean + 0.1 * rng.standard_normal(4), np.zeros((7, BINS)))

    squares = []
    for _ in range(4000):
        halves = [Runs(drawn(0.01), np.ones(5)) for _ in range(2)]
        squares.append(weak_errors(halves, [drawn(0), drawn(0)], drawn(0))["squared_bias"])
    squares = np.array(squares)[:, :4]
    assert abs(squares.mean() - 1e-4) < 4 * squares.std() / 4000**0.5 / 2
    assert squares.mean() < 1e-3


def test_errors_of_halves_by_hand():
    law, ones = np.zeros((7, BINS)), np.ones((7, BINS))
    halves = [Runs(Averages(np.full(4, value), law), np.full(5, value)) for value in (3.0, 5.0)]
    limits = [Averages(np.full(4, 1.0), law), Averages(np.full(4, 2.0), 0.01 * ones)]
    found = weak_errors(halves, limits, Averages(np.full(4, -1.0), 0.5 * ones))
    reach = BINS * SPACING
    assert found["squared_bias"] == pytest.approx([2 * 3.0] * 4 + [0])
    assert found["control_squared"] == pytest.approx([4 * 6.0] * 4 + [0.25 * reach])
    assert found["limit_squared"] == pytest.approx([0.5] * 4 + [0.01**2 / 2 * reach])
    assert found["bias"] == pytest.approx([2.5] * 4 + [0.005 * reach])
    assert found["limit_error"] == pytest.approx([0.5] * 4 + [0.005 * reach])
    assert found["scatter"] == [4.0] * 5


def test_exponents_of_a_power_law():
    widths = np.array([50, 100, 200, 400])
    squared = np.outer(np.arange(1, 7), (3.0 / widths) ** 2)
    assert bias_exponent(squared, widths) == pytest.approx(-1)
    frame = pd.DataFrame(squared, columns=widths)
    np.testing.assert_allclose(jackknifed_exponents(frame), -1)
    assert np.isnan(bias_exponent(squared[:, :2], widths[:2]))
    assert np.isnan(bias_exponent(-squared, widths))


def test_widths_are_chosen_by_the_noise_that_the_design_predicts(rng):
    width, runs, particles, seeds = 100, 500, 50_000, 20
    rows = pd.DataFrame(
        [("risk", n, seed, runs, particles, 5.0) for n in (50, width, 200) for seed in range(seeds)],
        columns=["quantity", "width", "seed", "runs", "particles", "squared_bias"],
    )
    noise = predicted_noise(rows, PLANNED_BIAS)
    bias, spread = PLANNED_BIAS / width, np.sqrt(1 / (runs * width) + 1 / particles)
    halves = bias + spread * rng.standard_normal((2, 20_000, seeds))
    assert noise[width] == pytest.approx((halves[0] * halves[1]).mean(axis=1).std() / bias**2, rel=0.03)
    chosen = list(squared_means(rows, "risk", "squared_bias").columns)
    assert chosen == list(noise.index[noise <= 0.5]) == [50, 100]
    assert list(squared_means(rows.assign(squared_bias=-1.0), "risk", "squared_bias").columns) == chosen


def test_jackknifed_intervals_cover():
    """Twenty problems of different strength; at the largest width the noise of a half is 1.4 times the mean bias."""
    widths, draws, covered = np.array([50, 100, 200, 400, 800]), np.random.default_rng(2), 0
    for _ in range(1000):
        bias = draws.uniform(0.5, 1.5, (20, 1)) / widths
        halves = [bias + 1.4 / 800 * draws.standard_normal(bias.shape) for _ in range(2)]
        found = mean_interval(jackknifed_exponents(pd.DataFrame(halves[0] * halves[1], columns=widths)))
        covered += found.contains(-1)
    assert covered >= 930


def test_two_terms_are_found_again(rng):
    q, beta = (values.ravel() for values in np.meshgrid([0.1, 0.03, 0.01], [0.1, 0.03, 0.01]))
    distances = np.hypot(1.5 * q**0.4, 0.8 * beta**0.6)
    np.testing.assert_allclose(two_terms(q, beta, distances), [1.5, 0.4, 0.8, 0.6], rtol=1e-4)
    assert np.isnan(two_terms(q, beta, np.full(9, np.nan))).all()
    rows = pd.DataFrame({"family": GRID, "keep_rate": q, "beta": beta, "seed": 0, "rms_distance": distances})
    rows = rows.assign(clock_distance=q**0.5, noise_distance=beta**0.5 * q**0.1)
    found = grid_exponents(rows).iloc[0]
    np.testing.assert_allclose(found[["clock_by_q", "noise_by_q", "noise_by_beta"]].astype(float), [0.5, 0.1, 0.5])
    assert grid_exponents(rows[rows.keep_rate > 0.02]).empty


def test_dropout_with_q_1_is_gradient_descent(rng, problem):
    """All neurons are kept: every run is that of `train` without masks."""
    found = dropout_runs(problem, 6, 2, 0.1, 1.0, 10, np.zeros((7, BINS)), np.random.default_rng(9)).average
    same = np.random.default_rng(9)
    ends = [train(problem, initial_particles(same, 6), "none", 0.1, 1.0, 10, rng) for _ in range(2)]
    assert found.functions[0] == pytest.approx(np.mean([risk(problem, end) for end in ends]))
