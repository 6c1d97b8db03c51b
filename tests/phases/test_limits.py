"""The five limits: closed forms, converged steps, exact clocks, and how they tend to one another."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import binom, chisquare, poisson

from dropatlas.phases.limits import (
    LIMITS,
    bernoulli_steps,
    critical_jumps,
    flow_steps,
    gradient_flow,
    jump_events,
    poisson_jumps,
    simulate_limit,
)
from dropatlas.phases.particles import Problem, initial_particles, plane_problem, risk, train
from dropatlas.phases.rates import critical_cost
from dropatlas.phases.transport import wasserstein_1


@pytest.fixture
def rng():
    return np.random.default_rng(23)


@pytest.fixture
def problem(rng):
    return plane_problem(rng)


def velocity(problem, x, penalty):
    before = x[:, 1:] @ problem.inputs.T
    value = np.tanh(before)
    phi = x[:, :1] * value
    residual = phi.mean(0) - problem.targets + penalty * phi
    by_input = x[:, :1] * ((residual * (1 - value**2)) @ problem.inputs)
    return -np.column_stack([(residual * value).sum(1), by_input]) / len(problem.targets)


@pytest.mark.parametrize("penalty", [0.0, 0.5, 4.0])
def test_the_flow_is_the_solution_of_its_equation(rng, problem, penalty):
    x = initial_particles(rng, 12)

    def right_side(_, y):
        return velocity(problem, y.reshape(-1, 3), penalty).ravel()

    exact = solve_ivp(right_side, (0, 3), x.ravel(), rtol=1e-10, atol=1e-12).y[:, -1].reshape(-1, 3)
    found = gradient_flow(problem, x, 3.0, penalty, flow_steps(problem, penalty))
    np.testing.assert_allclose(found, exact, atol=2e-3)
    np.testing.assert_allclose(gradient_flow(problem, x, 3.0, penalty, 1000), exact, atol=1e-7)


@pytest.mark.parametrize(("activation", "bound", "limit"), [("tanh", np.inf, 1e-4), ("relu", 3.0, 0.01)])
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_halving_the_step_changes_nothing_material(rng, activation, bound, limit, penalty):
    problem = plane_problem(rng, activation=activation, bound=bound)
    x = initial_particles(rng, 300)
    steps = flow_steps(problem, penalty)
    coarse, fine = (gradient_flow(problem, x, 3.0, penalty, count) for count in (steps, 2 * steps))
    assert wasserstein_1(coarse, fine) < limit


def test_the_flow_decreases_its_functional(rng, problem):
    x = initial_particles(rng, 200)
    risks = [risk(problem, gradient_flow(problem, x, time)) for time in (0.1, 0.5, 1.0, 2.0, 4.0)]
    assert np.all(np.diff([risk(problem, x), *risks]) < 0)


def one_weight(target):
    """One input, at which a relu neuron with w = (1, 0) is active."""
    return Problem(np.array([[1.0, 0.0]]), np.array([target]), "relu")


def test_one_relu_neuron_has_its_closed_form():
    """Target 0: a² - w² is conserved, and from a = w on both obey u' = -u³."""
    start = np.array([[1.0, 1.0, 0.0]])
    for time in (0.5, 3.0):
        found = gradient_flow(one_weight(0.0), start, time, steps=200)[0]
        exact = 1 / np.sqrt(1 + 2 * time)
        np.testing.assert_allclose(found, [exact, exact, 0.0], atol=1e-6)
        penalised = gradient_flow(one_weight(0.0), start, time, penalty=0.5, steps=200)[0]
        exact = 1 / np.sqrt(1 + 2 * 1.5 * time)  # f - y + βφ = 1.5 φ
        np.testing.assert_allclose(penalised, [exact, exact, 0.0], atol=1e-6)


def test_clocks_are_independent_poisson_clocks(rng):
    counts = np.bincount(jump_events(rng, 20_000, 3.0, 0.75), minlength=20_000)
    assert_counts(counts, poisson(4.0))


def frozen_field(live=1000, width=100_000):
    """Neurons that cannot move the output: 1 % of them live, with σ saturated at 1; the others are 0 for ever.

    With a target y a live neuron's a grows by (its step)·y per tick, up to 1 % of f.
    """
    start = np.zeros((width, 3))
    start[:live, 1] = 30.0
    return Problem(np.array([[1.0, 0.0]]), np.array([1.0])), start


def assert_counts(counts, law):
    observed = np.bincount(counts.astype(int).clip(max=9), minlength=10)
    expected = len(counts) * np.append(law.pmf(np.arange(9)), law.sf(8))
    used = expected > 1
    assert not observed[expected == 0].any()
    assert chisquare(observed[used], expected[used] * observed[used].sum() / expected[used].sum()).pvalue > 0.001


def test_jumps_in_a_frozen_field_are_poisson(rng):
    problem, start = frozen_field()
    found = poisson_jumps(problem, start, 2.0, 0.5, rng)
    assert not found[1000:].any()
    assert_counts(np.round(found[:1000, 0] / 0.5), poisson(4.0))


def test_bernoulli_steps_in_a_frozen_field_are_binomial(rng):
    problem, start = frozen_field()
    found = bernoulli_steps(problem, start, 8, 0.2, 0.4, rng)
    ticks = np.round(found[:1000, 0] / (0.2 / 0.4))
    assert_counts(ticks, binom(8, 0.4))
    assert ticks.mean() == pytest.approx(8 * 0.4, abs=5 * np.sqrt(8 * 0.24 / 1000))


def test_a_linear_field_relaxes_exponentially(rng):
    """All neurons saturated: φ = a, so that f' = y - f; the jumps follow it in the mean, with f = y (1 - e^-T)."""
    problem = Problem(np.array([[1.0, 0.0]]), np.array([1.0]))
    start = np.tile([0.0, 30.0, 0.0], (20_000, 1))
    assert gradient_flow(problem, start, 1.5)[:, 0] == pytest.approx(1 - np.exp(-1.5), abs=1e-8)
    penalised = gradient_flow(problem, start, 1.5, 0.5)[:, 0]
    assert penalised == pytest.approx((1 - np.exp(-1.5 * 1.5)) / 1.5, abs=1e-6)
    jumped = poisson_jumps(problem, start, 1.5, 0.5, rng)[:, 0]
    assert jumped.mean() == pytest.approx(1 - np.exp(-1.5), abs=0.02)
    steps = bernoulli_steps(problem, start, 5, 0.3, 0.5, rng)[:, 0]
    assert steps.mean() == pytest.approx(1 - 0.7**5, abs=0.02)


def test_bernoulli_with_every_neuron_is_gradient_descent(rng, problem):
    x = initial_particles(rng, 40)
    found = bernoulli_steps(problem, x, 10, 0.3, 1.0, rng)
    np.testing.assert_allclose(found, train(problem, x, "none", 0.3, 1.0, 10, rng), atol=1e-12)


def test_limits_tend_to_one_another(rng, problem):
    """II → GF as β → 0, III → GF as α → 0, IV → III as β → 0, IV → II as α → 0, I → III as τ, q → 0."""
    x = initial_particles(rng, 300)
    flow, penalised = gradient_flow(problem, x, 2.0), gradient_flow(problem, x, 2.0, 0.5)
    far = wasserstein_1(flow, penalised)
    weak = wasserstein_1(flow, gradient_flow(problem, x, 2.0, 0.005))
    assert weak < 0.05 * far

    poisson_far, poisson_near = (wasserstein_1(flow, poisson_jumps(problem, x, 2.0, a, rng)) for a in (0.5, 0.005))
    assert poisson_near < 0.35 * poisson_far

    jumps = poisson_jumps(problem, x, 2.0, 0.4, rng)
    floor = wasserstein_1(jumps, poisson_jumps(problem, x, 2.0, 0.4, rng))
    assert wasserstein_1(jumps, critical_jumps(problem, x, 2.0, 0.4, 0.002, rng)) < 1.15 * floor
    assert wasserstein_1(jumps, critical_jumps(problem, x, 2.0, 0.4, 1.0, rng)) > 1.5 * floor
    assert wasserstein_1(jumps, bernoulli_steps(problem, x, 400, 0.005, 0.0125, rng)) < 1.15 * floor

    critical_far, critical_near = (
        wasserstein_1(penalised, critical_jumps(problem, x, 2.0, alpha, 0.5, rng)) for alpha in (0.4, 0.004)
    )
    assert critical_near < 0.4 * critical_far


def test_one_critical_jump_has_the_mean_field_and_its_own_part_in_the_mean(rng):
    """E f = f_ρ + β φ(x): the mean first jump is that of the penalised flow."""
    problem, beta, alpha = plane_problem(rng, samples=5), 0.5, 1e-3
    x = initial_particles(rng, 6)
    total, jumps = np.zeros((6, 3)), np.zeros(6)
    for _ in range(20_000):
        moved = critical_jumps(problem, x, alpha / 60, alpha, beta, rng) - x  # 0.1 jumps expected in all
        who = np.abs(moved).any(axis=1)
        if who.sum() == 1:
            total[who] += moved[who] / alpha
            jumps += who
    np.testing.assert_allclose(total / jumps[:, None], velocity(problem, x, beta), atol=0.35)


PHASE_RATES = {"GF": (0.01, 0.9), "II": (5e-5, 1e-3), "III": (0.02, 0.04), "IV": (5e-4, 1e-3), "I": (0.6, 0.5)}


@pytest.mark.parametrize("phase", PHASE_RATES)
def test_dropout_is_nearest_to_the_limit_of_its_phase(phase):
    """n = 1000, T = 3, one network of every phase; III and IV tie at β = 0.025, as they must when β → 0."""
    rng = np.random.default_rng(1)
    problem, x = plane_problem(np.random.default_rng(1)), initial_particles(rng, 1000)
    rate, keep_rate = PHASE_RATES[phase]
    steps = round(3 / rate)
    dropout = train(problem, x, "dropout", rate, keep_rate, steps, rng)
    compared = [limit for limit in LIMITS if limit != "IV" or critical_cost(1000, 3.0, rate, keep_rate) < 1e7]
    found = {
        limit: wasserstein_1(dropout, simulate_limit(limit, problem, x, steps, rate, keep_rate, rng))
        for limit in compared
    }
    nearest = min(found, key=found.get)
    ties = {"GF": ("GF", "II"), "III": ("III", "IV", "I")}.get(phase, (phase,))  # equal limits at these rates
    assert nearest in ties
    assert found[phase] < 1.05 * found[nearest]


def test_cost_and_refused_values(rng, problem):
    assert critical_cost(1000, 3.0, 5e-4, 1e-3) == pytest.approx(6000)
    x = initial_particles(rng, 5)
    with pytest.raises(ValueError, match="limit must be one of GF, II, III, IV, I"):
        simulate_limit("V", problem, x, 1, 0.1, 0.5, rng)
    with pytest.raises(ValueError, match="alpha must be positive"):
        poisson_jumps(problem, x, 1.0, 0.0, rng)
    with pytest.raises(ValueError, match="beta must be positive"):
        critical_jumps(problem, x, 1.0, 0.1, 0.0, rng)
    with pytest.raises(ValueError, match="keep_rate"):
        simulate_limit("I", problem, x, 1, 0.1, 1.5, rng)
