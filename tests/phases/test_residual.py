"""Residual mean-field networks against autograd and hand-computed cases; coupled training; predicted noise."""

import numpy as np
import pytest
import torch

from dropatlas.phases.losses import LOSSES
from dropatlas.phases.neurons import ACTIVATIONS
from dropatlas.phases.residual_coupling import train_residual, variant_masks
from dropatlas.phases.residual_networks import (
    Neurons,
    draw_neurons,
    forward,
    gradients,
    outputs_of,
    rms_distance,
    step,
)
from dropatlas.phases.settings import Residual
from dropatlas.tasks.phases import residual as task

TANH, SQUARED = ACTIVATIONS["tanh"], LOSSES["squared"]


def network(depth=3, width=4, inputs=3, samples=5, seed=0):
    rng = np.random.default_rng(seed)
    neurons = Neurons(*(part.double() for part in draw_neurons(rng, depth, width, inputs)))
    points = torch.from_numpy(rng.standard_normal((samples, inputs)))
    return neurons, points, torch.from_numpy(rng.standard_normal(samples))


@pytest.mark.parametrize("exponent", [0.0, 1.0])
@pytest.mark.parametrize("name", LOSSES)
def test_dropout_gradient_is_that_of_the_masked_network(exponent, name):
    neurons, points, targets = network()
    targets, loss = targets.sign(), LOSSES[name]
    masks = torch.tensor([[2.0, 0.0, 2.0, 2.0], [0.0, 2.0, 2.0, 0.0], [2.0, 2.0, 2.0, 0.0]]).double()

    def risk(outgoing, incoming):
        stream = forward(TANH, Neurons(outgoing, incoming), points, exponent, masks)
        return loss.value(outputs_of(stream), targets).mean()

    exact = torch.func.grad(risk, argnums=(0, 1))(*neurons)
    found = gradients(TANH, loss, neurons, points, targets, exponent, masks)
    for mine, theirs in zip(found, exact, strict=True):
        assert torch.allclose(masks[..., None] * mine, 4 * 3**exponent * theirs)


def test_one_branch_of_one_neuron_by_hand():
    neurons = Neurons(torch.tensor([[[2.0, 0.0]]]), torch.tensor([[[0.0, 1.0]]]))
    stream = forward(TANH, neurons, torch.tensor([[0.5, 1.0]]), 1.0, torch.tensor([[3.0]]))
    assert stream[1][0].tolist() == pytest.approx([0.5 + 3 * 2 * np.tanh(1.0), 1.0])
    assert outputs_of(stream).item() == pytest.approx((1.5 + 6 * np.tanh(1.0)) / 2**0.5)
    moved = Neurons(neurons.outgoing + 3.0, neurons.incoming - 4.0)
    assert rms_distance(moved, neurons).item() == pytest.approx(50**0.5)


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_the_output_moves_at_the_same_speed_at_any_depth(exponent):
    """Change of the risk at a small step over the rate: minus the squared gradient, which neither L nor s may scale."""
    speeds = []
    for depth in (2, 32):
        neurons, points, targets = network(depth, width=400, samples=20)
        neurons = Neurons(neurons.outgoing * 0.1, neurons.incoming)
        moved = step(TANH, SQUARED, neurons, points, targets, 1e-4, exponent, None, None)
        before, after = (
            SQUARED.value(outputs_of(forward(TANH, x, points, exponent)), targets).mean() for x in (neurons, moved)
        )
        speeds.append((before - after).item() / 1e-4)
    assert speeds[1] == pytest.approx(speeds[0], rel=0.25)


@pytest.mark.parametrize(("exponent", "predicted"), [(1.0, -0.5), (0.5, 0.0), (0.0, 0.5)])
def test_noise_of_the_forward_pass_has_the_predicted_exponent_in_the_depth(exponent, predicted):
    spreads = []
    for depth in (2, 32):
        neurons, points, _ = network(depth, width=300)
        masks = 2.0 * (torch.rand(60, depth, 300, generator=torch.Generator().manual_seed(1)) < 0.5).double()
        outputs = outputs_of(forward(TANH, neurons, points, exponent, masks))
        spreads.append(outputs.std(0).mean().item())
    assert np.log(spreads[1] / spreads[0]) / np.log(16) == pytest.approx(predicted, abs=0.12)


SETTINGS = Residual.model_validate(
    {"data": {"dimension": 3, "samples": 8, "teachers": 3}, "activation": "tanh", "branch_exponents": [1.0, 0.0]}
    | {"depths": [2, 3], "widths": [4, 16], "learning_rate": 0.5, "keep_rate": 0.5, "steps": 2, "seeds": 3}
)


def test_variants_share_start_and_masks():
    mask = torch.tensor([[2.0, 0.0]])
    forward_masks, metric_masks = variant_masks(mask)
    assert forward_masks.tolist() == [[[1, 1]], [[1, 1]], [[2, 0]]]
    assert metric_masks.tolist() == [[[1, 1]], [[2, 0]], [[2, 0]]]
    together = train_residual(SETTINGS.model_copy(update={"keep_rate": 1.0}), 1, 1.0, 2, 4)
    assert {state.distance for state in together} == {0.0}
    one = train_residual(SETTINGS.model_copy(update={"steps": 1}), 1, 1.0, 2, 16)
    far = {(state.variant, state.seed): state.distance for state in one}
    assert all(far["dropout", seed] == 0 < far["ram", seed] < far["none", seed] for seed in range(3))


def test_table_has_a_row_per_network_and_variant(tmp_path):
    rows = task.tabulate(SETTINGS, 1, tmp_path)
    assert list(rows.columns) == list(task.MEANINGS)
    assert len(rows) == 2 * 2 * 2 * 3 * 3
    assert not rows.diverged.any()
    assert (rows.movement > 0).all()
    assert task.tabulate(SETTINGS, 1, tmp_path).equals(rows)
