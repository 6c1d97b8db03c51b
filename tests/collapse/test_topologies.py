"""Stacked networks against themselves alone, and against what masks without a path must do; their tables."""

import numpy as np
import pandas as pd
import pytest
import torch

from dropatlas.collapse.architectures import (
    ARCHITECTURES,
    STREAM,
    Layer,
    ModifiedTopologies,
    OtherTopologies,
    Stacked,
    StackedMember,
    crossing_of,
)
from dropatlas.collapse.problems import digits_problem
from dropatlas.collapse.settings import Training
from dropatlas.collapse.topologies import StackedTopology
from dropatlas.data import digits5k, save
from dropatlas.percolation.topologies import sample_residual_stream
from dropatlas.tasks.collapse import modified_topologies as modified_table
from dropatlas.tasks.collapse import topologies as table

PROBLEM = digits_problem(digits5k(1), 1, 50, dtype=torch.float64)


def build(architecture, rates, indices, biases=False, modified=False, depth=4):
    members = [StackedMember(i, p, 0.1, modified=modified) for p, i in zip(rates, indices, strict=True)]
    return StackedTopology(architecture, depth, 2, members, PROBLEM, 6, 3, biases)


def parameters(networks):
    return [part.detach().clone() for part in (*networks.weights, *networks.biases)]


def moved(networks, before):
    return [bool((now != start).any()) for now, start in zip(parameters(networks), before, strict=True)]


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_replicas_do_not_depend_on_their_neighbours(architecture, biases):
    together, alone = build(architecture, [0.0, 0.5, 0.2], [0, 1, 2], biases), build(architecture, [0.5], [1], biases)
    for networks in (together, alone):
        networks.advance(15)
    left, right = together.measure(), alone.measure()
    for name, values in left.items():
        np.testing.assert_allclose(values[1], right[name][0], rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_only_the_stream_of_a_residual_network_learns_when_every_mask_is_empty(architecture):
    networks = build(architecture, [1.0], [0])
    start = parameters(networks)
    networks.advance(10)
    if architecture == "residual":
        assert moved(networks, start) == [True, *[False] * 8, True]
        assert (networks.crossed[0], networks.branch_open[0], networks.plain_crossed[0]) == (10, 0, 0)
    else:
        assert not any(moved(networks, start))
        assert networks.crossed[0] == 0


@pytest.mark.parametrize("architecture", ["plain", "convolution", STREAM])
def test_without_a_path_only_the_output_bias_moves_and_under_modified_dropout_nothing(architecture):
    networks, modified = (build(architecture, [1.0], [0], biases=True, modified=kind) for kind in (False, True))
    start = parameters(networks)
    for each in (networks, modified):
        each.advance(10)
    assert [index for index, has in enumerate(moved(networks, start)) if has] == [len(start) - 1]
    assert not any(moved(modified, start))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_modified_dropout_is_dropout_bit_for_bit_without_biases_and_not_with_them(architecture):
    for biases in (False, True):
        dropout, modified = (build(architecture, [0.4] * 2, [0, 1], biases, kind) for kind in (False, True))
        for networks in (dropout, modified):
            networks.advance(40)
        cut = dropout.plain_crossed < 40
        assert cut.all()
        differs = any(moved(modified, parameters(dropout)))
        assert differs == (biases and architecture != "residual")  # inside branches some path always exists


def test_biases_take_part_in_every_layer():
    for architecture in ARCHITECTURES:
        networks = build(architecture, [0.0], [0], biases=True)
        assert len(networks.biases) == len(networks.weights)
        start = parameters(networks)
        networks.advance(3)
        assert all(moved(networks, start))


def test_training_ends_with_the_mean_loss_of_the_last_tenth():
    networks, apart = build("plain", [0.0, 0.2], [0, 1]), build("plain", [0.0, 0.2], [0, 1])
    found = networks.train(20)
    apart.advance(18)
    apart.measure()
    apart.advance(20)
    for name, values in apart.measure().items():
        np.testing.assert_array_equal(found[name], values)


def test_only_residual_networks_always_have_a_path_and_their_branches_seldom_do():
    plain, residual = (crossing_of(topology, 0.5, 2, 3) for topology in ("convolution", "residual"))
    assert plain == pytest.approx((0.75**3,) * 3)
    assert residual == pytest.approx((0.75**3, 1.0, 1 - 0.25**3))


def test_a_dropped_stream_is_cut_as_often_as_explicit_masks_say():
    crossed = sample_residual_stream(0.5, 2, 3, samples=4000, seed=5) / 4000
    assert crossing_of(STREAM, 0.5, 2, 3).own == pytest.approx(crossed, abs=0.03)


def test_an_unknown_architecture_is_named():
    with pytest.raises(ValueError, match="architecture must be one of plain, residual, convolution, residual stream, "):
        build("ring", [0.1], [0])


TRAINING = Training(seeds=10, batch_size=4, learning_rate=0.1, test_samples=20)
LAYERS = [Layer(width=1, drop_rate=0.5), Layer(width=2, drop_rate=0.5)]
SETTINGS = OtherTopologies(depth=3, convolutions=LAYERS, residuals=LAYERS[1:], steps=4, target=0.8, training=TRAINING)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "digits.arrays"
    save(digits5k(1), path)
    return path


def test_plain_networks_stand_beside_both_others_once():
    assert SETTINGS.jobs() == [("plain", 1), ("plain", 2), ("residual", 2), ("convolution", 1), ("convolution", 2)]
    kinds = {(variant, member.drop_rate, member.gain) for variant, member in SETTINGS.networks("plain", 2)}
    assert kinds == {("none", 0.0, "plain"), ("dropout", 0.5, "plain"), ("dropout", 0.5, "compensated")}
    kinds = {(variant, member.drop_rate) for variant, member in SETTINGS.networks("residual", 2)}
    assert kinds == {("none", 0.0), ("identity", 1.0), ("dropout", 0.5)}


@pytest.fixture(scope="module")
def straight(digits):
    return table.tabulate(SETTINGS, 1, digits)


def test_an_interrupted_table_trains_only_what_is_missing_and_ends_the_same(digits, straight, tmp_path, monkeypatch):
    train, trained = table._train, []

    def interrupted(*arguments):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(arguments[:2])
        return train(*arguments)

    monkeypatch.setattr(table, "_train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        table.tabulate(SETTINGS, 1, digits, tmp_path / "kept")
    monkeypatch.setattr(table, "_train", lambda *arguments: trained.append(arguments[:2]) or train(*arguments))
    resumed = table.tabulate(SETTINGS, 1, digits, tmp_path / "kept")
    assert trained == SETTINGS.jobs()
    pd.testing.assert_frame_equal(resumed, straight)
    table.tabulate(SETTINGS, 2, digits, tmp_path / "kept")
    assert trained == 2 * SETTINGS.jobs()  # another seed resumes from nothing


def test_the_table_holds_the_law_of_every_width_and_the_path_integral(straight):
    runs = straight
    theta = runs.width.map({1: 0.5**3, 2: 0.75**3}).where(runs.variant == "dropout", 1.0)
    theta = theta.mask(runs.variant == "identity", 0.0)
    np.testing.assert_allclose(runs.plain_theta, theta)
    np.testing.assert_allclose(runs.theta_rate_sum, theta * 0.4)
    residual = runs.topology == "residual"
    np.testing.assert_allclose(runs.theta, theta.mask(residual, 1.0))
    assert (runs.crossed_steps == runs.plain_crossed_steps.mask(residual, 4)).all()
    np.testing.assert_allclose(runs.branch_theta[residual & (runs.variant == "dropout")], 1 - 0.25**3)
    assert (runs.plain_crossed_steps[runs.variant == "identity"] == 0).all()


def test_the_table_of_modified_dropout_has_every_pair_at_both_horizons(digits, tmp_path):
    cells = [Stacked(architecture=name, width=2, drop_rate=0.5) for name in ("plain", STREAM)]
    sizes = {"depth": 2, "steps": 20, "target": 0.8, "seeds": 10, "bias_free": 10, "batch_size": 4, "samples": 30}
    settings = ModifiedTopologies(cells=cells, learning_rates=[0.1, 0.2], **sizes)
    rows = modified_table.tabulate(settings, 1, digits, tmp_path / "kept")
    counts = rows.groupby(["architecture", "biases", "variant", "learning_rate", "step"]).size()
    assert set(counts) == {10}
    assert len(counts) == 2 * 2 * (3 * 2 + 2)  # two horizons; with biases three variants at two rates, two at one
    assert set(rows.step) == {10, 20}
    np.testing.assert_allclose(rows.theta[rows.variant != "none"], 0.75**2)
    free = rows[~rows.biases].set_index(["architecture", "step", "seed", "variant"]).test_loss_ratio.unstack()
    assert (free.modified == free.dropout).all()
    biased = rows[rows.biases & (rows.step == 20)]
    pairs = biased.set_index(["architecture", "learning_rate", "seed", "variant"]).test_loss_ratio.unstack()
    assert (pairs.modified != pairs.dropout).mean() > 0.9
    assert rows[["train_accuracy", "test_accuracy"]].stack().between(0, 1).all()
    pd.testing.assert_frame_equal(modified_table.tabulate(settings, 1, digits), rows)
