"""Stacked residual, convolutional and plain networks against themselves alone, and against what cut masks must do."""

import numpy as np
import pandas as pd
import pytest
import torch

from dropatlas.collapse.members import TOPOLOGIES
from dropatlas.collapse.problems import digits_problem
from dropatlas.collapse.settings import OtherTopologies, Training
from dropatlas.collapse.topologies import StackedTopology, crossing_of
from dropatlas.data import digits5k, save
from dropatlas.tasks.collapse import topologies as table

PROBLEM = digits_problem(digits5k(1), 1, 50, dtype=torch.float64)


def build(topology, rates, indices):
    return StackedTopology(topology, 4, 2, rates, ["plain"] * len(rates), indices, PROBLEM, 6, 0.1, 3)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_replicas_do_not_depend_on_their_neighbours(topology):
    together, alone = build(topology, [0.0, 0.5, 0.2], [0, 1, 2]), build(topology, [0.5], [1])
    for networks in (together, alone):
        networks.advance(15)
    left, right = together.measure(), alone.measure()
    for name, values in left.items():
        np.testing.assert_allclose(values[1], right[name][0], rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_only_the_stream_of_a_residual_network_learns_when_every_mask_is_empty(topology):
    networks = build(topology, [1.0], [0])
    start = [part.detach().clone() for part in networks.parameters]
    networks.advance(10)
    moved = [bool((now.detach() != before).any()) for now, before in zip(networks.parameters, start, strict=True)]
    if topology == "residual":
        assert moved == [True, *[False] * 8, True]
        assert networks.crossed[0] == 10
        assert networks.branch_open[0] == 0
    else:
        assert not any(moved)
        assert networks.crossed[0] == 0


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


def test_an_unknown_topology_is_named():
    with pytest.raises(ValueError, match="topology must be one of plain, residual, convolution, got 'ring'"):
        build("ring", [0.1], [0])


def test_an_interrupted_table_trains_only_what_is_missing_and_ends_the_same(tmp_path, monkeypatch):
    save(digits5k(1), tmp_path / "digits.arrays")
    training = Training(seeds=10, batch_size=4, learning_rate=0.1, test_samples=20)
    settings = OtherTopologies(depth=3, widths=[1, 2], drop_rates=[0.5], steps=4, target=0.8, training=training)
    straight = table.tabulate(settings, 1, tmp_path / "digits.arrays")
    train, trained = table._train, []

    jobs = [(topology, width) for topology in TOPOLOGIES for width in (1, 2)]

    def interrupted(*arguments):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(arguments[:2])
        return train(*arguments)

    monkeypatch.setattr(table, "_train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        table.tabulate(settings, 1, tmp_path / "digits.arrays", tmp_path / "kept")
    monkeypatch.setattr(table, "_train", lambda *arguments: trained.append(arguments[:2]) or train(*arguments))
    resumed = table.tabulate(settings, 1, tmp_path / "digits.arrays", tmp_path / "kept")
    assert trained == jobs
    pd.testing.assert_frame_equal(resumed, straight)
    table.tabulate(settings, 2, tmp_path / "digits.arrays", tmp_path / "kept")
    assert trained == 2 * jobs  # another seed resumes from nothing


def test_the_table_holds_the_law_of_every_width_and_the_path_integral(tmp_path):
    save(digits5k(1), tmp_path / "digits.arrays")
    training = Training(seeds=10, batch_size=4, learning_rate=0.1, test_samples=20)
    settings = OtherTopologies(depth=3, widths=[1, 2], drop_rates=[0.5], steps=4, target=0.8, training=training)
    runs = table.tabulate(settings, 1, tmp_path / "digits.arrays")
    theta = runs.width.map({1: 0.5**3, 2: 0.75**3}).where(runs.drop_rate > 0, 1.0)
    np.testing.assert_allclose(runs.plain_theta, theta)
    np.testing.assert_allclose(runs.theta_rate_sum, theta * 0.4)
    np.testing.assert_allclose(runs.theta, theta.where(runs.topology != "residual", 1.0))
    assert (runs[runs.topology == "residual"].crossed_steps == 4).all()
    open_share = runs.width.map({1: 1 - 0.5**3, 2: 1 - 0.25**3})
    masked = (runs.topology == "residual") & (runs.drop_rate > 0)
    np.testing.assert_allclose(runs.branch_theta[masked], open_share[masked])
