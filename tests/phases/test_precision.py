"""Precision: types are those of torch, runs are plain dropout, rounding is counted right, the table at a tiny size."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dropatlas.phases import precision as science
from dropatlas.phases.names import PRECISIONS
from dropatlas.phases.neurons import ACTIVATIONS, features, pullback
from dropatlas.phases.particles import Masks, Problem, sample_masks
from dropatlas.phases.particles import train as train_dropout
from dropatlas.phases.precision import all_kept, representable, rounding_errors, train
from dropatlas.phases.precision_errors import ORDERS
from dropatlas.phases.precision_kernels import KINDS, round_to
from dropatlas.phases.settings import FloatingPoint
from dropatlas.tasks.phases import precision as task

TANH = ACTIVATIONS["tanh"]
LOW = [name for name in PRECISIONS if name != "float64"]


def small(width=12, samples=5, seed=0):
    rng = np.random.default_rng(seed)
    problem = Problem(representable(rng.standard_normal((samples, 2))), representable(rng.standard_normal(samples)))
    return problem, representable(rng.standard_normal((width, 3)))


def as_type(values, name):
    return torch.from_numpy(values).to(getattr(torch, name)).double().numpy()


# ---------------------------------------------------------------- types


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
def test_numbers_are_rounded_as_torch_rounds_them(name):
    rng = np.random.default_rng(3)
    near_ties = np.ldexp(1 + rng.integers(0, 2**12, 20_000) * 2.0**-12, rng.integers(-30, 17, 20_000))
    anywhere = rng.standard_normal(20_000) * 2.0 ** rng.integers(-120, 120, 20_000)
    small = rng.standard_normal(20_000) * 2.0 ** rng.integers(-150, -10, 20_000)  # float16 has no normal numbers there
    values = np.concatenate([near_ties, -near_ties, anywhere, small, [0.0, 65504.0, 65519.0, 65520.0]])
    if name != "float32":
        values = values.astype(np.float32).astype(float)  # torch rounds to float32 on the way, which may meet a tie
    np.testing.assert_array_equal(round_to(values, KINDS[name]), as_type(values, name))


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("operation", [np.add, np.subtract, np.multiply, np.divide])
def test_rounded_operations_are_those_of_the_type(name, operation):
    rng = np.random.default_rng(4)
    x, y = (round_to(rng.standard_normal(50_000) * 2.0 ** rng.integers(-9, 5, 50_000), KINDS[name]) for _ in range(2))
    kind = getattr(torch, name)
    theirs = getattr(torch, operation.__name__)(torch.from_numpy(x).to(kind), torch.from_numpy(y).to(kind))
    np.testing.assert_array_equal(round_to(operation(x, y), KINDS[name]), theirs.double().numpy())


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float64_is_never_rounded(value):
    assert round_to(np.array([value]), KINDS["float64"])[0] == value


def test_rounded_values_are_the_same_in_every_type():
    values = representable(np.random.default_rng(1).standard_normal(10_000))
    for name in ("float32", "float16", "bfloat16"):
        np.testing.assert_array_equal(as_type(values, name), values)


# ---------------------------------------------------------------- runs


def torch_train(precision, problem, particles, rate, keep_rate, masks):
    """The same run by torch's own types: particles at the end."""
    stored, computed = getattr(torch, precision.stored), getattr(torch, precision.computed)
    state = torch.from_numpy(particles).to(stored)
    inputs, targets = (torch.from_numpy(values).to(computed) for values in (problem.inputs, problem.targets))
    for step in range(masks.steps):
        kept = torch.from_numpy(masks.neurons[masks.starts[step] : masks.starts[step + 1]])
        active = state[kept]
        outputs = features(TANH, active.to(computed), inputs).sum(-2) / (len(particles) * keep_rate)
        residual = (outputs - targets) / len(targets)
        gradient = pullback(TANH, active.to(computed), inputs, residual).to(stored)
        state[kept] = active - (rate / keep_rate) * gradient
    return state.double().numpy()


@pytest.mark.parametrize("name", LOW)
def test_one_step_is_that_of_torch_up_to_the_last_place(name):
    precision = PRECISIONS[name]
    problem, start = small(width=400, samples=30)
    masks = sample_masks(np.random.default_rng(7), 400, 0.5, 1)
    mine = train(precision, problem, start, 0.25, 0.5, masks, [1]).particles[-1]
    theirs = torch_train(precision, problem, start, 0.25, 0.5, masks)
    # sums of 200 neurons and of 30 inputs go in other orders there, which may turn the last place of a product
    place = KINDS[precision.computed][0]
    assert np.abs(mine - theirs).max() <= 2 * place * np.abs(theirs).max()
    if precision.stored == precision.computed:
        assert (mine == theirs).mean() > 0.85


def plain_torch_step(precision, problem, particles, rate, keep_rate, kept):
    """A step of ordinary code, by torch's own types and its automatic differentiation."""
    stored, computed = getattr(torch, precision.stored), getattr(torch, precision.computed)
    state = torch.from_numpy(particles).to(stored)
    inputs, targets = (torch.from_numpy(values).to(computed) for values in (problem.inputs, problem.targets))
    active = state[kept].requires_grad_()
    mask = torch.full((len(kept), 1), 1 / keep_rate).to(computed)
    shown = active.to(computed)
    outputs = (mask * (shown[:, :1] * torch.tanh(shown[:, 1:] @ inputs.T))).sum(0) / len(particles)
    outputs.backward((outputs.detach() - targets) / len(targets))
    state[kept] = (active - (len(particles) * rate) * active.grad).detach()
    return state.double().numpy()


@pytest.mark.parametrize("name", LOW)
@pytest.mark.parametrize("width", [100, 4_000, 30_000])
def test_a_plain_step_errs_as_that_of_torch(name, width):
    problem, start = small(width=width, samples=30)
    kept = np.arange(5)
    setting = (problem, start, 0.45 * 5 / width, 5 / width, Masks(np.array([0, 5]), kept), [1])
    exact = train(PRECISIONS["float64"], *setting).particles[0]
    np.testing.assert_allclose(train(PRECISIONS["float64"], *setting, "plain").particles[0], exact, atol=1e-14)
    mine = train(PRECISIONS[name], *setting, "plain").particles[0]
    theirs = plain_torch_step(PRECISIONS[name], problem, start, *setting[2:4], kept)
    errors = [np.sqrt(((found[kept] - exact[kept]) ** 2).mean()) for found in (mine, theirs)]
    assert errors[0] == pytest.approx(errors[1], rel=0.5)
    assert errors[0] > 0


def test_a_plain_step_in_float16_overflows_where_torch_does():
    problem, start = small(width=400_000)
    setting = (problem, start, 0.45 * 5 / 400_000, 5 / 400_000)
    kept = np.arange(5)
    masks = Masks(np.array([0, 5]), kept)
    plain, folded = (train(PRECISIONS["float16"], *setting, masks, [1], order).particles[0] for order in ORDERS[::-1])
    theirs = plain_torch_step(PRECISIONS["float16"], *setting, kept)
    assert not np.isfinite(plain[kept]).any()
    np.testing.assert_array_equal(np.isfinite(plain), np.isfinite(theirs))
    assert np.isfinite(folded).all()


@pytest.mark.parametrize("name", LOW)
def test_a_run_errs_as_that_of_torch(name):
    problem, start = small(width=200, samples=30)
    masks = sample_masks(np.random.default_rng(8), 200, 0.05, 120)
    exact = train_dropout(problem, start, "dropout", 0.025, 0.05, 120, np.random.default_rng(8))
    mine = train(PRECISIONS[name], problem, start, 0.025, 0.05, masks, [120]).particles[-1]
    theirs = torch_train(PRECISIONS[name], problem, start, 0.025, 0.05, masks)
    errors = [np.sqrt(((found - exact) ** 2).sum(1).mean()) for found in (mine, theirs)]
    assert errors[0] == pytest.approx(errors[1], rel=0.3)
    assert errors[0] > 0


def test_float64_run_is_the_dropout_of_the_phase_diagram():
    problem, start = small()
    masks = sample_masks(np.random.default_rng(7), 12, 0.3, 30)
    mine = train(PRECISIONS["float64"], problem, start, 0.06, 0.3, masks, [10, 30])
    theirs = train_dropout(problem, start, "dropout", 0.06, 0.3, 30, np.random.default_rng(7))
    assert np.allclose(mine.particles[-1], theirs)
    assert not np.allclose(mine.particles[0], theirs)  # an earlier state is kept as it was


def test_gradient_flow_moves_all_neurons():
    problem, start = small()
    found = train(PRECISIONS["float64"], problem, start, 0.1, 1.0, all_kept(12, 7), [7])
    assert np.allclose(found.particles[0], train_dropout(problem, start, "none", 0.1, 1.0, 7, np.random.default_rng()))
    assert found.lost.max() == 0


def test_updates_below_the_spacing_of_the_type_are_lost():
    problem, start = small()
    tiny = 1e-6  # far below half of the spacing 2^-8 of bfloat16 near 1
    lost = {}
    for name in ("float64", "bfloat16", "bfloat16, float32 weights"):
        run = train(PRECISIONS[name], problem, start, tiny, 1.0, all_kept(12, 3), [3])
        lost[name] = run.lost.item()
        if name == "bfloat16":
            assert np.abs(run.particles[0] - start).max() < 1e-3
    assert lost["float64"] == 0
    assert lost["bfloat16"] > 0.95
    assert lost["bfloat16, float32 weights"] < 0.3


def test_lost_share_counts_active_neurons_only():
    problem, start = small()
    masks = Masks(np.array([0, 1, 1, 1]), np.array([4]))
    run = train(PRECISIONS["bfloat16"], problem, start, 1e-9, 1.0, masks, [1, 3])
    assert run.lost.tolist() == [1, 1]
    np.testing.assert_array_equal(run.particles[-1], start)


def test_a_run_in_parts_is_the_run():
    problem, start = small()
    masks = sample_masks(np.random.default_rng(7), 12, 0.3, 30)
    setting = (PRECISIONS["float16"], problem, start, 0.06, 0.3, masks)
    parts, whole = train(*setting, [3, 30]), train(*setting, [30])
    np.testing.assert_array_equal(parts.particles[-1], whole.particles[-1])
    assert parts.lost[-1] == whole.lost[-1]


# ---------------------------------------------------------------- the table


@pytest.fixture
def settings():
    values = {"alpha": 0.5, "beta": 0.25, "penalised_share": 0.5, "time": 1.0, "measurements": 2, "samples": 6}
    return FloatingPoint.model_validate(values | {"widths": [8, 16], "other_widths": [8], "seeds": 10})


def test_errors_are_those_beside_float64(settings):
    found = rounding_errors(settings, 1, 16, "critical", 0)
    arms = [("float64", "folded"), *product(LOW, ORDERS)]
    assert [(*arm, step) for arm in arms for step in (4, 8)] == [(one.precision, one.order, one.step) for one in found]
    exact = [one for one in found if one.precision == "float64"]
    assert all(one.error == 0 and one.risk_error == 0 for one in exact)
    half = [one for one in found if (one.precision, one.order) == ("float16", "plain")]
    for one, reference in zip(half, exact, strict=True):
        assert one.error > 0
        np.testing.assert_allclose(one.risk, reference.risk * (1 + one.risk_error))


def test_a_network_that_diverges_has_an_infinite_error(settings, monkeypatch):
    short = (2.0**-10, 2.0**-14, 8.0)  # ends at 8
    monkeypatch.setattr(science, "KINDS", KINDS | {"float16": short})
    found = rounding_errors(settings, 1, 16, "critical", 0)
    ends = {(one.precision, one.order): one.error for one in found if one.step == 8}
    assert ends["float16", "plain"] == np.inf
    assert all(np.isfinite(error) for arm, error in ends.items() if arm != ("float16", "plain"))


def test_table_starts_all_precisions_alike_and_resumes(tmp_path, settings):
    rows = task.tabulate(settings, 1, tmp_path)
    assert list(rows.columns) == list(task.MEANINGS)
    assert len(rows) == (2 + 1 + 1) * (1 + 2 * len(LOW)) * 2 * 10
    assert (rows[rows.precision == "float64"].error == 0).all()
    rates = rows[rows.regime != "penalised"].groupby("width").learning_rate.unique()
    assert {width: rate.tolist() for width, rate in rates.items()} == {8: [0.25], 16: [0.125]}
    assert rows[rows.precision == "float32"].relative_error.max() < 1e-4
    assert task.tabulate(settings, 1, tmp_path).equals(rows)
