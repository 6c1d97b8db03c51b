"""Judges of M11 and M12: fabricated tables for every verdict, and the real computation in worlds that are wrong."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import Verdict, load_ledger
from dropatlas.claims.judging import judge, judge_of
from dropatlas.claims.phases.coupling import PATHWISE, WEAK_RATE
from dropatlas.phases import pathwise, weak_rate
from dropatlas.phases.convergence import floor_pairs, floor_ratio, squared_means
from dropatlas.phases.coupling_settings import FIXED_RATE, FUNCTIONS, GRID, LAW, OWN_CLOCKS, SERIES, Pathwise, WeakRate
from dropatlas.phases.limits import critical_jumps, gradient_flow, poisson_jumps
from dropatlas.phases.particles import Masks, initial_particles, sample_masks
from dropatlas.phases.pathwise import clock_ticks, limit_output
from dropatlas.phases.settings import PlaneProblem
from dropatlas.phases.weak_rate import dropout_runs
from dropatlas.tasks.phases import pathwise as pathwise_task
from dropatlas.tasks.phases import weak_rate as weak_rate_task

LEDGER = load_ledger()
SEED = 990021
PROBLEM = PlaneProblem(activation="tanh", bound=None, samples=30, teachers=5, scale=2.0, time=3.0)
SUPPORTED, REFUTED, PARTLY, OPEN = Verdict.SUPPORTED, Verdict.NOT_SUPPORTED, Verdict.PARTLY, Verdict.INCONCLUSIVE


def judged(identifier, table):
    name = {"M11": PATHWISE, "M12": WEAK_RATE}[identifier]
    return judge(LEDGER[identifier], {name: table}, "standard")


def states(found):
    """States of the parts by their first letters."""
    return "".join(part.state[0] for part in found.parts)


# fabricated tables


def paths(n=-0.25, lasts=0.0, q=0.5, beta=0.5, noise_by_q=0.0, own=0.0, fixed=0.0, error=0.01, spread=0.02, seeds=10):
    """Coupled paths with these exponents; of the last squared distance of the series a share that lasts."""
    draws, rows = np.random.default_rng(1), []
    cells = [(family, width, 2 / width**0.5) for family in (SERIES, OWN_CLOCKS) for width in (200, 800, 3200)]
    cells += [(FIXED_RATE, width, 0.5) for width in (200, 800, 3200)]
    cells += [(GRID, round(1 / (q * b)), q) for q, b in product((0.16, 0.05, 0.0125), repeat=2)]
    for seed, (family, width, keep_rate) in product(range(seeds), cells):
        b = 1 / (width * keep_rate)
        clock, noise = keep_rate**q, 0.7 * b**beta * keep_rate**noise_by_q
        series = np.sqrt(1 - lasts + lasts * (3200 / width) ** (2 * n)) * width**n
        by_width = {SERIES: 2 * series, OWN_CLOCKS: 1.5 * width**own, FIXED_RATE: 0.8 * width**fixed}
        factor = np.exp(spread * draws.standard_normal())
        rms = by_width.get(family, np.hypot(clock, noise)) * factor
        rows.append((family, width, keep_rate, b, seed, 0.8 * rms, rms, clock * factor, noise * factor, error * rms))
    columns = ["family", "width", "keep_rate", "beta", "seed", "mean_distance", "rms_distance"]
    return pd.DataFrame(rows, columns=[*columns, "clock_distance", "noise_distance", "limit_error"])


@pytest.mark.parametrize(
    ("table", "verdict", "parts"),
    [
        (paths(), SUPPORTED, "hhhh"),
        (paths(n=-0.1), PARTLY, "fhhh"),
        (paths(n=-0.2), OPEN, "ohhh"),
        (paths(lasts=0.8), PARTLY, "fhhh"),
        (paths(lasts=0.2, spread=0.005), SUPPORTED, "hhhh"),
        (paths(q=0.25), PARTLY, "hfoh"),  # so large a term hides the other from the fit
        (paths(q=1.0), PARTLY, "hfhh"),
        (paths(beta=0.3), PARTLY, "hhfh"),
        (paths(noise_by_q=0.5), PARTLY, "hhfh"),
        (paths(own=-0.25), PARTLY, "hhhf"),
        (paths(fixed=-0.5), PARTLY, "hhhf"),
        (paths(n=0.0, q=0.25, beta=0.25, own=-0.3), REFUTED, "ffff"),
        (paths(error=0.3), OPEN, "oooo"),
        (paths(spread=0.6), OPEN, "oooo"),
        (paths(seeds=4), OPEN, "oooo"),
        (paths().assign(rms_distance=np.inf), OPEN, "oooo"),
        (paths()[:0], OPEN, "oooo"),
    ],
)
def test_m11(table, verdict, parts):
    found = judged("M11", table)
    assert (found.verdict, states(found)) == (verdict, parts), found.reason


def test_one_run_that_diverged_leaves_its_series_open():
    table = paths()
    table.loc[(table.family == SERIES) & (table.seed == 3) & (table.width == 200), "mean_distance"] = np.inf
    found = judged("M11", table)
    assert states(found) == "hhhh"  # nine seeds are left; half would not be enough
    table.loc[(table.family == SERIES) & (table.seed > 3) & (table.width == 200), "mean_distance"] = np.inf
    assert states(judged("M11", table)) == "ohhh"


def errors(bias=-1.0, floor=0.0, control=0.0, scatter=-0.5, neurons=10**8, noise=0.02, seeds=20):
    """Weak errors with these exponents, and a floor over the bias at n = 800; noise grows with n beside it."""
    draws, rows = np.random.default_rng(1), []
    for seed, width, quantity in product(range(seeds), (50, 100, 200, 400, 800), (*FUNCTIONS, LAW)):
        square = ((width / 50) ** bias + floor / 16) ** 2 + noise * draws.standard_normal() * (width / 50) ** bias
        other = 900 * (width / 50) ** (2 * control) * (1 + noise * draws.standard_normal())
        spread = (width / 50) ** scatter * (1 + noise * draws.standard_normal())
        rows.append((width, seed, quantity, square, other, spread, neurons // width))
    columns = ["width", "seed", "quantity", "squared_bias", "control_squared", "scatter", "runs"]
    return pd.DataFrame(rows, columns=columns).assign(particles=neurons)


@pytest.mark.parametrize(
    ("table", "verdict", "parts"),
    [
        (errors(), SUPPORTED, "hhhhh"),
        (errors(bias=-0.6), PARTLY, "hffhh"),
        (errors(bias=-1.4), PARTLY, "hfhhh"),
        (errors(bias=0.0), PARTLY, "fffhh"),
        (errors(floor=3.0, noise=1e-3), PARTLY, "hffhh"),
        (errors(floor=0.25, noise=1e-3), SUPPORTED, "hhhhh"),
        (errors(scatter=-0.3), PARTLY, "hhhfh"),
        (errors(control=-1.0), PARTLY, "hhhhf"),
        (errors(bias=0.0, scatter=0.0, control=-0.5), REFUTED, "fffff"),
        (errors(bias=-0.8), OPEN, "hohhh"),
        (errors(neurons=10_000), OPEN, "ooohh"),  # so few that the bias of the plan would be hidden
        (errors(seeds=4), OPEN, "ooooo"),
        (errors()[:0], OPEN, "ooooo"),
    ],
)
def test_m12(table, verdict, parts):
    found = judged("M12", table)
    assert (found.verdict, states(found)) == (verdict, parts), found.reason


def test_widths_are_chosen_by_the_plan_not_by_the_bias_they_show():
    rows = errors(neurons=500_000)
    for changed in (rows, rows.assign(squared_bias=-1.0), rows.assign(squared_bias=1e9)):
        assert squared_means(changed, "risk", "squared_bias").columns.max() == 400
        assert squared_means(changed, LAW, "squared_bias").columns.max() == 200
    assert squared_means(rows, "risk", "control_squared").columns.max() == 800


def test_a_floor_shows_at_the_widest_widths():
    widths = np.array([25, 50, 100, 200, 400])
    for share in (0.0, 0.5, 0.75):
        bias = 1 / widths + share / (1 - share) / 400
        pairs = floor_pairs(pd.DataFrame(np.tile(bias**2, (5, 1)), columns=widths))
        assert pairs[0, 0] == pytest.approx(floor_ratio(widths[-2:], share))
    assert (floor_pairs(pd.DataFrame(np.ones((5, 2)), columns=[1, 2])).shape) == (0, 2)


def test_the_rate_needs_scale_standard():
    assert judge(LEDGER["M12"], {WEAK_RATE: errors()}, "quick").verdict == OPEN


# the real computation, in the true and in wrong worlds

PATHS = Pathwise(
    problem=PROBLEM,
    alpha=0.5,
    widths=[100, 300, 900],
    fixed_keep_rate=0.5,
    keep_rates=[0.16, 0.06, 0.02],
    betas=[0.16, 0.06, 0.02],
    limit_width=2000,
    points=30,
    seeds=10,
)
WEAK = WeakRate(
    problem=PROBLEM, alpha=0.5, beta=0.5, widths=[10, 18, 30], neurons=4500, limit_width=4500, copies=1, seeds=10
)
TOGETHER, CLOCKS, NOISE, ONLY = (
    "paths come together",
    "clocks cost √q",
    "forward noise costs √β",
    "only with common clocks and falling q",
)
VANISHES, RATE, SCATTER, STAYS = (
    "the bias vanishes",
    "like 1/n",
    "runs scatter like n^(−1/2)",
    "limit III leaves a bias",
)


def failing(identifier, table):
    """Names of the parts that fail."""
    claim = LEDGER[identifier]
    found = judge_of(claim)({PATHWISE: table, WEAK_RATE: table}, claim.criterion)
    return {part.name for part in found.parts if part.state == "fails"}


def failing_paths():
    return failing("M11", pathwise_task.tabulate(PATHS, SEED))


def failing_errors(**other):
    return failing("M12", weak_rate_task.tabulate(WEAK.model_copy(update=other), SEED))


def test_nothing_fails_in_the_true_world():
    assert not failing_paths()
    assert not failing_errors()


def strangers(rng, masks, keep_rate):
    """Clocks at the right rate that have nothing to do with the masks."""
    order = rng.permutation(masks.neurons.max() + 1)
    return clock_ticks(rng, Masks(masks.starts, order[masks.neurons]), keep_rate)


def slow(rng, masks, keep_rate):
    """A limit whose clocks miss a tick in five."""
    ticks = clock_ticks(rng, masks, keep_rate)
    heard = rng.random(len(ticks.times)) < 0.8
    starts = np.append(0, np.cumsum(heard))[ticks.starts]
    return pathwise.Ticks(starts, ticks.neurons[heard], ticks.times[heard])


def bernoulli(rng, masks, keep_rate):
    """A limit that jumps whenever dropout keeps the neuron: Bernoulli steps, phase I."""
    steps = np.repeat(np.arange(masks.steps), np.diff(masks.starts))
    return pathwise.Ticks(masks.starts, masks.neurons, steps + 0.5)


def in_blocks(rng, width, keep_rate, steps):
    """Masks whose neurons are kept sqrt(n) at a time: the law of a neuron is right, the forward noise is not."""
    size = int(np.sqrt(width))
    blocks = sample_masks(rng, -(-width // size), keep_rate, steps)
    neurons = (blocks.neurons[:, None] * size + np.arange(size)).ravel()
    steps_of = np.repeat(np.repeat(np.arange(steps), np.diff(blocks.starts)), size)[neurons < width]
    return Masks(np.searchsorted(steps_of, np.arange(steps + 1)), neurons[neurons < width])


@pytest.mark.parametrize(
    ("name", "wrong", "parts"),
    [
        ("clock_ticks", strangers, {TOGETHER, CLOCKS}),
        ("clock_ticks", slow, {TOGETHER, CLOCKS}),
        ("clock_ticks", bernoulli, {CLOCKS}),
        ("sample_masks", in_blocks, {NOISE}),
    ],
)
def test_wrong_couplings(monkeypatch, name, wrong, parts):
    monkeypatch.setattr(pathwise, name, wrong)
    assert parts <= failing_paths()


def test_an_output_of_another_scale_keeps_the_paths_apart(monkeypatch):
    monkeypatch.setattr(pathwise_task, "limit_output", lambda *setting: 0.5 * limit_output(*setting))
    assert TOGETHER in failing_paths()


def test_a_control_with_the_same_clocks_is_none(monkeypatch):
    monkeypatch.setattr(pathwise_task, "OWN_CLOCKS", "no family")
    assert failing_paths() == {ONLY}


OTHER_LIMITS = {
    "III": lambda problem, x, time, alpha, beta, rng: poisson_jumps(problem, x, time, alpha, rng),
    "no dropout": lambda problem, x, time, alpha, beta, rng: gradient_flow(problem, x, time),
    "half as many in the forward pass": lambda problem, x, time, alpha, beta, rng: critical_jumps(
        problem, x, time, alpha, 2 * beta, rng
    ),
}


@pytest.mark.parametrize("other", OTHER_LIMITS)
def test_another_limit_in_the_place_of_iv_leaves_a_bias(monkeypatch, other):
    monkeypatch.setattr(weak_rate, "critical_jumps", OTHER_LIMITS[other])
    assert {VANISHES, RATE} <= failing_errors()


def test_a_learning_rate_off_by_a_root_of_n_is_no_rate_of_1_over_n(monkeypatch):
    def off(problem, width, runs, learning_rate, *rest):
        return dropout_runs(problem, width, runs, learning_rate * (1 + 2 * width**-0.5), *rest)

    monkeypatch.setattr(weak_rate_task, "dropout_runs", off)
    assert RATE in failing_errors()


def test_neurons_that_start_together_do_not_average_out(monkeypatch):
    def shifted(rng, width):
        return initial_particles(rng, width) + 0.5 * rng.standard_normal(3)

    monkeypatch.setattr(weak_rate, "initial_particles", shifted)
    assert SCATTER in failing_errors()


def test_a_control_that_is_the_limit_is_none(monkeypatch):
    def critical(problem, x, time, alpha, rng):
        return critical_jumps(problem, x, time, alpha, WEAK.beta, rng)

    monkeypatch.setattr(weak_rate, "poisson_jumps", critical)
    assert failing_errors(neurons=4000, limit_width=8000) == {STAYS}
