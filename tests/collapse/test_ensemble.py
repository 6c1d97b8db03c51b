"""Ensembles against plain PyTorch networks with the same initialisation, data order and masks."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from dropatlas.collapse.ensemble import Ensemble
from dropatlas.collapse.members import KINDS, OPTIMISERS, PLAIN_DESCENT, Descent, Member, Shape, grouped_by_kind
from dropatlas.collapse.problems import digits_problem, regression_problem
from dropatlas.data import digits5k

_spec = importlib.util.spec_from_file_location("single_network", Path(__file__).with_name("single_network.py"))
single_network = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(single_network)

SEED, BATCH, STEPS = 7, 5, 22


def weights_of(ensemble, row):
    """Weight matrices (in, out) of the member given as number `row`, padding included."""
    place = ensemble._order.index(row)
    own = ensemble.parameters
    return [own.first[place], *own.hidden[:, place], own.last[place]]


def assert_equal_training(shape, members, problem, dtype, tolerance, track=True, descent=PLAIN_DESCENT):
    ensemble = Ensemble(shape, members, problem, BATCH, SEED, track, descent)
    ensemble.advance(13)
    ensemble.measure()
    ensemble.advance(STEPS)
    found = ensemble.measure()
    for row, member in enumerate(members):
        single = single_network.SingleNetwork(shape, member, problem, BATCH, SEED, dtype, descent)
        single.train(STEPS)
        for layer, matrix in zip(single.layers, weights_of(ensemble, row), strict=True):
            rows, columns = layer.weight.T.shape
            torch.testing.assert_close(matrix[:rows, :columns], layer.weight.T, rtol=tolerance, atol=tolerance)
            assert not matrix[rows:].any()
            assert not matrix[:, columns:].any()
        if shape.biases:
            place = ensemble._order.index(row)
            torch.testing.assert_close(
                ensemble.parameters.last_bias[place, 0], single.layers[-1].bias, rtol=tolerance, atol=tolerance
            )
            for number, layer in enumerate(single.layers[:-1]):
                bias = ensemble.parameters.hidden_bias[number, place, 0]
                torch.testing.assert_close(bias[: member.width], layer.bias, rtol=tolerance, atol=tolerance)
        assert found.crossed_steps[row] == pytest.approx(sum(single.crossed))
        np.testing.assert_allclose(
            found.weight_distance[row], single.weight_distance(), rtol=100 * tolerance, atol=tolerance
        )
        (scaled, hits), (full, full_hits) = single.tests(True), single.tests(False)
        np.testing.assert_allclose([found.scaled_loss[row], found.full_loss[row]], [scaled, full], rtol=100 * tolerance)
        np.testing.assert_allclose(found.test_accuracy[row], hits if scaled <= full else full_hits)
        norm = torch.sqrt(sum(w0.double().square().sum() for w0 in single.initial))
        np.testing.assert_allclose(found.initial_norm[row], norm, rtol=100 * tolerance)
        if KINDS[member.variant] != "sample" and sum(single.crossed[13:]):
            skipped = member.variant.startswith("modified")
            steps = np.flatnonzero(single.crossed) if skipped else np.arange(STEPS)
            losses = np.array(single.crossed_losses)[steps >= 13]
            np.testing.assert_allclose(found.path_loss[row], np.nanmean(losses), rtol=100 * tolerance)
        if track and sum(single.crossed) and KINDS[member.variant] != "sample":
            norms = np.nanmean(single.gradient_norms)
            np.testing.assert_allclose(found.path_gradient[row], norms, rtol=100 * tolerance)


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("kind", ["vertex", "edge", "sample"])
def test_every_replica_equals_its_plain_network_in_float64(kind, biases, activation):
    variants = {
        "vertex": ["none", "dropout", "modified"],
        "edge": ["dropconnect", "modified_dropconnect"],
        "sample": ["inverted"],
    }[kind]
    problem = regression_problem(1, inputs=4, outputs=2, samples=50, test_samples=9, dtype=torch.float64)
    rates = (0.4,) if kind == "sample" else (0.2, 0.5)
    members = [
        Member(width, p, variant, 0.2 / width, gain, index)
        for width in (2, 4)  # two widths: the narrow one is padded
        for p in rates
        for variant in variants
        for index, gain in enumerate(("plain", "compensated"))
    ]
    assert_equal_training(Shape(4, 5, 2, activation, biases), members, problem, torch.float64, 1e-12)


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("descent", [Descent("momentum"), Descent("adam"), Descent(decay=7.0, every_step=True)])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_optimisers_schedules_and_normalised_layers_equal_those_of_plain_networks(activation, descent, normalised):
    problem = regression_problem(1, inputs=4, outputs=2, samples=50, test_samples=9, dtype=torch.float64)
    shape = Shape(4, 5, 2, activation, activation == "sigmoid", normalised)
    members = [
        Member(width, 0.4, variant, 0.01, "plain", index) for index, variant in enumerate(KINDS) for width in (2, 4)
    ]
    for group in grouped_by_kind(members):
        assert_equal_training(shape, group, problem, torch.float64, 1e-7, descent=descent)  # Adam magnifies rounding


@pytest.mark.parametrize("normalised", [False, True])
def test_computing_steps_without_a_path_changes_no_bit_without_biases(normalised):
    problem = regression_problem(1, inputs=4, samples=50, test_samples=9)
    members = [Member(2, 0.5, "dropout", 0.1, "plain", i) for i in range(6)]
    found = []
    for descent in (PLAIN_DESCENT, Descent(every_step=True)):
        ensemble = Ensemble(Shape(4, 8, 1, normalised=normalised), members, problem, BATCH, SEED, descent=descent)
        ensemble.advance(100)
        found.append(ensemble.measure())
    assert (found[0].crossed_steps < 100).all()
    assert (found[0].crossed_steps > 0).any()
    np.testing.assert_array_equal(found[0].weight_distance, found[1].weight_distance)


def test_the_sum_of_falling_rates_is_that_of_its_steps():
    descent = Descent(decay=3.0)
    np.testing.assert_allclose(descent.rate_sum(np.array([0, 1, 4])), [0, 1, 1 + 3 / 4 + 3 / 5 + 3 / 6])
    np.testing.assert_allclose(PLAIN_DESCENT.rate_sum(np.array([2, 5])), [2, 5])


def test_masks_without_a_path_occur_in_these_tests():
    problem = regression_problem(1, inputs=4, outputs=2, samples=50, test_samples=9, dtype=torch.float64)
    for variant in ("dropout", "dropconnect"):
        ensemble = Ensemble(
            Shape(4, 5, 2), [Member(2, 0.5, variant, 0.1, "plain", i) for i in range(4)], problem, BATCH, SEED
        )
        ensemble.advance(STEPS)
        crossed = ensemble.measure().crossed_steps
        assert (crossed > 0).all()
        assert (crossed < STEPS).all()


def test_deep_digits_network_equals_its_plain_network_in_float32():
    problem = digits_problem(digits5k(1), 1, 50)
    members = [Member(4, 0.1, variant, 0.05, "compensated", 3) for variant in ("none", "dropout", "modified")]
    assert_equal_training(Shape(49, 30, 10), members, problem, torch.float32, 2e-5, track=False)


def test_training_without_gradient_tracking_is_the_same():
    problem = regression_problem(1, inputs=4, samples=50, test_samples=9, dtype=torch.float64)
    members = [Member(3, 0.3, variant, 0.1, "plain", i) for i in range(3) for variant in ("none", "dropout")]
    found = []
    for track in (False, True):
        ensemble = Ensemble(Shape(4, 6, 1), members, problem, BATCH, SEED, track)
        ensemble.advance(STEPS)
        found.append(ensemble.measure())
    np.testing.assert_allclose(found[0].weight_distance, found[1].weight_distance, rtol=1e-12)


def test_replicas_do_not_depend_on_their_neighbours():
    problem = regression_problem(1, inputs=4, samples=50, test_samples=9, dtype=torch.float64)
    member = Member(3, 0.3, "dropout", 0.1, "plain", 5)
    others = [Member(6, 0.1, "none", 0.3, "plain", 1), Member(2, 0.6, "dropout", 0.2, "compensated", 2)]
    alone = Ensemble(Shape(4, 6, 1), [member], problem, BATCH, SEED)
    among = Ensemble(Shape(4, 6, 1), [others[0], member, others[1]], problem, BATCH, SEED)
    for ensemble in (alone, among):
        ensemble.advance(50)
    assert alone.measure().crossed_steps[0] == among.measure().crossed_steps[1]
    for left, right in zip(weights_of(alone, 0), weights_of(among, 1), strict=True):
        torch.testing.assert_close(left, right[: left.shape[0], : left.shape[1]], rtol=1e-12, atol=1e-13)


def test_a_diverged_replica_is_marked_and_the_rest_goes_on():
    problem = regression_problem(1, inputs=4, samples=50, test_samples=9)
    members = [Member(3, 0.1, "dropout", rate, "plain", 1) for rate in (1e6, 0.05)]
    ensemble = Ensemble(Shape(4, 3, 1, activation="relu"), members, problem, BATCH, SEED)
    for step in (50, 100):
        ensemble.advance(step)
        found = ensemble.measure()
    assert found.diverged.tolist() == [True, False]
    assert np.isnan(found.weight_distance[0])
    alone = Ensemble(Shape(4, 3, 1, activation="relu"), members[1:], problem, BATCH, SEED)
    alone.advance(100)
    np.testing.assert_allclose(found.weight_distance[1], alone.measure().weight_distance[0], rtol=1e-5)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_state_restores_exactly(optimiser):
    problem = regression_problem(1, inputs=4, samples=50, test_samples=9)
    members = [Member(3, 0.3, "dropout", 0.1, "plain", i) for i in range(3)]

    def build():
        return Ensemble(Shape(4, 6, 1, biases=True), members, problem, BATCH, SEED, True, Descent(optimiser))

    straight, first, second = build(), build(), build()
    straight.advance(45)
    straight.measure()
    straight.advance(100)
    first.advance(45)
    first.measure()
    second.restore(first.state())
    second.advance(100)
    left, right = straight.measure(), second.measure()
    for name, value in vars(left).items():
        np.testing.assert_array_equal(value, getattr(right, name), err_msg=name)
