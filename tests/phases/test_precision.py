"""Precision: float64 runs are plain dropout, rounding is counted right, and the table at a tiny size."""

import numpy as np
import pytest
import torch

from dropatlas.phases.names import PRECISIONS
from dropatlas.phases.neurons import ACTIVATIONS, features, pullback
from dropatlas.phases.particles import Masks, Problem, sample_masks
from dropatlas.phases.particles import train as train_dropout
from dropatlas.phases.precision import padded, representable, rounding_errors, train
from dropatlas.phases.settings import FloatingPoint
from dropatlas.tasks.phases import precision as task

TANH = ACTIVATIONS["tanh"]


def problem(networks=2, width=12, samples=5):
    rng = np.random.default_rng(0)
    shapes = ((networks, width, 3), (networks, samples, 2), (networks, samples))
    return [representable(torch.from_numpy(rng.standard_normal(shape))) for shape in shapes]


def test_rounded_values_are_the_same_in_every_type():
    values = representable(torch.from_numpy(np.random.default_rng(1).standard_normal(10_000)))
    for kind in (torch.float32, torch.float16, torch.bfloat16):
        assert torch.equal(values.to(kind).double(), values)


def test_padded_masks_hold_every_kept_neuron_once():
    masks = [Masks(np.array([0, 2, 2, 3]), np.array([1, 4, 0])), Masks(np.array([0, 1, 2, 3]), np.array([3, 3, 2]))]
    assert padded(masks, 5).tolist() == [[[1, 4], [3, 5]], [[5, 5], [3, 5]], [[0, 5], [2, 5]]]


def test_float64_run_is_the_dropout_of_the_phase_diagram():
    start, inputs, targets = problem(networks=1)
    masks = sample_masks(np.random.default_rng(7), 12, 0.3, 30)
    mine = train(TANH, PRECISIONS["float64"], start, inputs, targets, 0.06, 0.3, padded([masks], 12), [10, 30])
    plain = Problem(inputs[0].numpy(), targets[0].numpy())
    theirs = train_dropout(plain, start[0].numpy(), "dropout", 0.06, 0.3, 30, np.random.default_rng(7))
    assert np.allclose(mine.particles[-1, 0], theirs)
    assert not np.allclose(mine.particles[0, 0], theirs)  # an earlier state is kept as it was


def test_gradient_flow_moves_all_neurons():
    start, inputs, targets = problem()
    found = train(TANH, PRECISIONS["float64"], start, inputs, targets, 0.1, 1.0, None, [1])
    residual = (features(TANH, start, inputs).mean(-2) - targets) / 5
    assert torch.allclose(found.particles[0], start - 0.1 * pullback(TANH, start, inputs, residual))
    assert found.lost.max() == 0


def test_updates_below_the_spacing_of_the_type_are_lost():
    start, inputs, targets = problem()
    tiny = 1e-6  # far below half of the spacing 2^-8 of bfloat16 near 1
    lost = {}
    for name in ("float64", "bfloat16", "bfloat16, float32 weights"):
        run = train(TANH, PRECISIONS[name], start, inputs, targets, tiny, 1.0, None, [3])
        lost[name] = run.lost.mean().item()
        if name == "bfloat16":
            assert (run.particles[0] - start).abs().max() < 1e-3
    assert lost["float64"] == 0
    assert lost["bfloat16"] > 0.95
    assert lost["bfloat16, float32 weights"] < 0.3


def test_lost_share_counts_active_neurons_only():
    start, inputs, targets = problem(networks=1)
    masks = Masks(np.array([0, 1, 1, 1]), np.array([4]))
    run = train(TANH, PRECISIONS["bfloat16"], start, inputs, targets, 1e-9, 1.0, padded([masks], 12), [3])
    assert run.lost.item() == 1
    assert torch.equal(run.particles[0], start)


@pytest.mark.parametrize(("name", "error"), [("float32", 1e-5), ("float16", 0.02), ("bfloat16", 0.1)])
def test_error_is_of_the_size_of_the_rounding(name, error):
    start, inputs, targets = problem(width=32)
    kept = padded([sample_masks(np.random.default_rng(s), 32, 0.25, 40) for s in range(2)], 32)
    shared = (start, inputs, targets, 0.1, 0.25, kept, [40])
    exact, rounded = (train(TANH, PRECISIONS[kind], *shared) for kind in ("float64", name))
    distance = (exact.particles - rounded.particles).abs().max().item()
    assert 0 < distance < error


@pytest.fixture
def settings():
    values = {"alpha": 0.5, "beta": 0.25, "penalised_share": 0.5, "time": 1.0, "measurements": 2, "samples": 6}
    return FloatingPoint.model_validate(values | {"widths": [8, 16], "seeds": 3})


def test_errors_are_those_beside_float64(settings):
    found = rounding_errors(settings, 1, 16, "critical")
    assert [(one.precision, one.step) for one in found] == [(name, step) for name in PRECISIONS for step in (4, 8)]
    exact = [one for one in found if one.precision == "float64"]
    assert all((one.error == 0).all() and (one.risk_error == 0).all() for one in exact)
    half = [one for one in found if one.precision == "float16"]
    for one, reference in zip(half, exact, strict=True):
        assert (one.error > 0).all()
        np.testing.assert_allclose(one.risk, reference.risk * (1 + one.risk_error))


def test_table_starts_all_precisions_alike_and_resumes(tmp_path, settings):
    rows = task.tabulate(settings, 1, tmp_path)
    assert list(rows.columns) == list(task.MEANINGS)
    assert len(rows) == 3 * len(PRECISIONS) * 2 * 2 * 3
    assert (rows[rows.precision == "float64"].error == 0).all()
    rates = rows[rows.regime != "penalised"].groupby("width").learning_rate.unique()
    assert {width: rate.tolist() for width, rate in rates.items()} == {8: [0.25], 16: [0.125]}
    assert rows[rows.precision == "float32"].relative_error.max() < 1e-4
    assert task.tabulate(settings, 1, tmp_path).equals(rows)
