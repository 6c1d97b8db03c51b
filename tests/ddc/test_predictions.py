"""Scores of predictive distributions and ratios of a layer's output, on known cases."""

import numpy as np
import pytest
import torch
from torch import nn

from dropatlas.ddc.activations import layer_inputs, output_ratios, ratios_before_and_after
from dropatlas.ddc.predictive import class_probabilities, predictive_scores
from dropatlas.ddc.runs import train_arms
from dropatlas.ddc.settings import STAGES, Activations
from dropatlas.layers import DropConnectLinear, DynamicDropConnectLinear, apply_method
from dropatlas.models import build_model
from dropatlas.training import Recipe, Split, TrainingData


def test_scores_by_hand():
    probabilities = np.array([[0.8, 0.2], [0.8, 0.2], [0.4, 0.6], [0.1, 0.9]])
    found = predictive_scores(probabilities, np.array([0, 1, 1, 1]), bins=4)
    assert found.accuracy == 0.75
    assert found.log_loss == pytest.approx(-np.log([0.8, 0.2, 0.6, 0.9]).mean())
    assert found.brier == pytest.approx((2 * 0.2**2 + 2 * 0.8**2 + 2 * 0.4**2 + 2 * 0.1**2) / 4)
    assert found.bin_samples.tolist() == [0, 0, 1, 3]
    # bin [0.5, 0.75): confidence 0.6, right; bin [0.75, 1]: confidence 2.5/3, 2 of 3 right
    assert found.calibration_error == pytest.approx((1 * 0.4 + 3 * abs(2 / 3 - 2.5 / 3)) / 4)
    assert np.isnan(found.bin_accuracy[:2]).all()


def test_calibrated_forecasts_have_a_small_calibration_error():
    rng = np.random.default_rng(0)
    first = rng.random(50_000)
    probabilities = np.stack([first, 1 - first], axis=1)
    labels = (rng.random(50_000) >= first).astype(int)
    assert predictive_scores(probabilities, labels, 10).calibration_error < 0.01
    assert predictive_scores(probabilities, 1 - labels, 10).calibration_error > 0.4


@pytest.fixture(scope="module")
def images():
    pixels = torch.randint(0, 256, (40, 1, 15, 15), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    split = Split(pixels, torch.arange(40) % 3)
    return TrainingData("noise", "classification", 3, split, split, split, torch.full((1,), 0.5), torch.ones(1))


def test_predictions_are_the_models(images):
    model = build_model("simple_cnn1_mnist", (1, 15, 15), 3, seed=0).eval()
    found = class_probabilities(model, images.test, images, None, 0, batch_size=7)
    with torch.no_grad():
        expected = model(images.normalised(images.test.inputs)).softmax(1)
    assert np.allclose(found, expected.numpy(), atol=1e-6)


def test_masks_are_averaged_reproducibly_and_leave_the_random_state_alone(images):
    model = apply_method(build_model("simple_cnn1_mnist", (1, 15, 15), 3, seed=0), "fc1", "dropconnect")
    state = torch.get_rng_state()
    first, again, other = (class_probabilities(model, images.test, images, 20, seed) for seed in (1, 1, 2))
    assert torch.equal(state, torch.get_rng_state())
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    assert np.allclose(first.sum(1), 1)
    assert not model.training


def test_masks_of_a_network_that_drops_nothing_are_refused(images):
    model = build_model("simple_cnn1_mnist", (1, 15, 15), 3, seed=0)
    with pytest.raises(ValueError, match="no layer that drops"):
        class_probabilities(model, images.test, images, 5, 0)


def test_equal_rates_keep_the_mean_and_raise_the_variance():
    inputs = torch.randn(300, 50)
    found = output_ratios(DropConnectLinear(50, 20, drop_rate=0.5), inputs, masks=1500)
    assert found.mean_ratio == pytest.approx(1, abs=0.02)
    assert found.variance_ratio == pytest.approx(2, abs=0.05)  # 1/(1 - r) for centred independent inputs
    assert found.activation_ratio > 1.2
    assert found.drop_rate == pytest.approx(0.5, abs=0.01)


def test_without_calibration_the_mean_shrinks_by_the_drop_rate():
    layer = DynamicDropConnectLinear(50, 20, base_rate=0.4, gradient_rate=0.0, calibration="none")
    layer(torch.randn(8, 50)).sum().backward()
    found = output_ratios(layer, torch.randn(300, 50), masks=1500)
    assert found.mean_ratio == pytest.approx(0.6, abs=0.02)


def test_keeping_important_edges_makes_the_output_larger_than_in_evaluation():
    layer = DynamicDropConnectLinear(40, 20, bias=False)
    inputs = torch.randn(200, 40)
    with torch.no_grad():
        layer.edge_drop_probability.copy_(torch.where(layer.weight.abs() > layer.weight.abs().median(), 0.3, 0.7))
    layer.train(False)
    found = output_ratios(layer, inputs, masks=1500)
    heavy = layer.weight.abs() > layer.weight.abs().median()
    share = (layer.weight.square() * heavy).sum() / layer.weight.square().sum()
    assert found.mean_ratio == pytest.approx((0.7 * share + 0.3 * (1 - share)).item() / 0.5, abs=0.03)
    assert not layer.training


def test_a_layer_that_does_not_drop_is_refused():
    with pytest.raises(ValueError, match="a Linear does not drop"):
        output_ratios(nn.Linear(2, 2), torch.randn(3, 2), 5)


def test_inputs_of_a_layer_are_what_the_layers_before_make():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 2))
    batch = torch.randn(6, 3)
    assert torch.equal(layer_inputs(model, "3", batch), torch.relu(model[0](batch)))
    assert not model[3]._forward_pre_hooks


@pytest.mark.parametrize("learning_rate", [0.02, 1e30])
def test_ratios_are_measured_before_and_after_training_unless_it_diverges(learning_rate):
    recipe = Recipe(epochs=1, learning_rate=learning_rate, minimum_learning_rate=learning_rate, batch_size=16)
    cell = {"data": "friedman", "model": "tabular_mlp", "train_size": 60, "seeds": 2, "recipe": recipe}
    arms = {"equal": {"method": "dropconnect", "options": {"drop_rate": 0.4}}}
    settings = Activations.model_validate({"cell": cell, "arms": arms, "masks": 300, "samples": 40})
    run = next(iter(train_arms(settings.cell, settings.arms, 1, None, None)))
    found = ratios_before_and_after(settings, run)
    assert tuple(found) == STAGES
    assert found["start"].mean_ratio == pytest.approx(1, abs=0.05)
    assert found["start"].drop_rate == pytest.approx(0.4, abs=0.02)
    assert (found["end"] is None) == (learning_rate > 1)
    assert found == ratios_before_and_after(settings, run)
