"""Stability: known thresholds of linear problems, masks, the bisection, and both tables at a tiny size."""

from itertools import product

import numpy as np
import pytest
import torch

from dropatlas.phases.edge_of_stability import draw_networks, edge_run, stable_edge
from dropatlas.phases.names import METRICS
from dropatlas.phases.settings import StableRates
from dropatlas.phases.stability import bisect_rates, metric_mask, train
from dropatlas.tasks.phases import edge_sharpness, stable_rates


def tiny(**changes):
    values = {
        "data": {"dimension": 4, "samples": 12, "teachers": 3},
        "activations": ["tanh"],
        "widths": [20],
        "keep_rates": [0.5],
        "lowest": 0.25,
        "highest": 256.0,
        "rounds": 6,
        "steps": 40,
        "learned": 0.99,
        "edge_fraction": 0.9,
        "measurements": 2,
        "batch_size": 4,
        "draws": 8,
        "seeds": 3,
    }
    return StableRates.model_validate(values | changes)


def linear_problem():
    """One input, one neuron f = a relu(w z), target 0: at w = 0 the risk is flat, at a = 0 it is w² a²/2."""
    particles = torch.tensor([[[1e-3, 2.0]]])
    return particles, torch.ones(1, 1, 1), torch.zeros(1, 1)


@pytest.mark.parametrize(("factor", "stable"), [(0.95, True), (1.05, False)])
def test_a_single_neuron_turns_unstable_at_two_over_its_sharpness(factor, stable):
    # with a near 0 the risk (w a)²/2 has curvature w² = 4 along a; 60 steps are too few for w to change
    particles, inputs, targets = linear_problem()
    rates = torch.tensor([factor * 2 / 4])
    shared = ("relu", "squared", "none", 1.0, particles, inputs, targets)
    worst, holds = train(*shared, rates, 60, 1.0, np.random.default_rng(0))
    assert holds.item() is stable
    assert (worst.item() < 1) is stable


def test_a_network_that_blows_up_is_dropped_and_does_not_disturb_the_others():
    particles, inputs, targets = (part.repeat(3, *[1] * (part.dim() - 1)) for part in linear_problem())
    rates = torch.tensor([0.3, 1e6, 0.3])
    seen = []
    shared = ("tanh", "squared", "ram", 0.5, particles, inputs, targets)
    worst, holds = train(
        *shared, rates, 20, 1.0, np.random.default_rng(0), lambda k, state, _: seen.append(state.clone())
    )
    assert holds.tolist()[1] is False
    assert worst[1] == torch.inf
    assert len(seen) == 21
    assert seen[-1][[0, 2]].isfinite().all()
    again, _ = train(*shared, torch.tensor([0.3, 0.3, 0.3]), 20, 1.0, np.random.default_rng(0))
    assert torch.equal(again[[0, 2]], worst[[0, 2]])


def test_masks_have_mean_one_and_the_control_shares_them_between_neurons():
    rng = np.random.default_rng(1)
    ram, common = metric_mask(rng, "ram", 50, 400, 0.25), metric_mask(rng, "common", 4000, 5, 0.25)
    assert ram.mean().item() == pytest.approx(1, abs=0.05)
    assert common.mean().item() == pytest.approx(1, abs=0.15)
    assert torch.equal(common, common[:, :1].expand(-1, 5))
    assert set(common.unique().tolist()) == {0.0, 4.0}
    assert torch.equal(metric_mask(rng, "none", 2, 3, 0.5), torch.ones(2, 3))
    with pytest.raises(ValueError, match="metric must be one of"):
        metric_mask(rng, "dropout", 1, 1, 0.5)


def test_bisection_brackets_every_threshold():
    thresholds = torch.tensor([0.01, 0.7, 5.0, 30.0, 1e9])
    low, high = bisect_rates(lambda rates: rates < thresholds, 0.1, 100.0, 5, 12)
    assert low[0] == 0
    assert high[0] == pytest.approx(0.1)
    assert low[-1] == 100
    assert high[-1] == torch.inf
    assert ((low[1:4] < thresholds[1:4]) & (thresholds[1:4] <= high[1:4])).all()
    assert (high[1:4] / low[1:4] < 1.002).all()
    low, high = bisect_rates(lambda rates: rates < thresholds, 0.1, 100.0, 5, 12, 4)
    assert (low[0] < 0.01) & (high[0] >= 0.01) & (high[0] / low[0] < 1.002)  # halved until it is stable
    low, high = bisect_rates(lambda rates: rates < thresholds, 0.1, 100.0, 5, 12, 2)
    assert (low[0], high[0]) == (0, pytest.approx(0.025))
    with pytest.raises(ValueError, match="lowest < highest"):
        bisect_rates(lambda rates: rates < 1, 2.0, 1.0, 1, 3)


def test_an_edge_is_between_a_stable_and_an_unstable_rate():
    settings = tiny()
    cell = (20, "tanh", "ram", 0.5)
    edge = stable_edge(settings, 1, *cell)
    networks = draw_networks(settings, 20, 1)
    assert networks.starts.shape == (3, 20, 5)
    for rates, stable in ((edge.stable, True), (edge.unstable, False)):
        steps, held = edge_run(settings, 1, *cell, rates.float())
        assert (held == stable).all()
        ends = {state.seed: state for state in steps if state.step == 40}
        assert all((ends[seed].risk_ratio < 0.99) == stable for seed in ends)
    assert [state.seed for state in steps[:3]] == [0, 1, 2]
    assert {state.step for state in steps if state.batch is not None} <= {20, 40}


def test_tables_name_every_network_and_measure_its_edge(tmp_path):
    settings = tiny()
    rates = stable_rates.tabulate(settings, seed=1)
    assert list(rates.columns) == list(stable_rates.MEANINGS)
    assert len(rates) == 3 * 3
    assert (rates.rate < rates.unstable_rate).all()
    assert (rates.neuron_step == rates.rate / rates.keep_rate).all()
    edge = edge_sharpness.tabulate(settings, 1, {edge_sharpness.RATES: rates}, tmp_path)
    assert list(edge.columns) == list(edge_sharpness.MEANINGS)
    assert len(edge) == 3 * 3 * (3 + 1)  # networks, steps, runs of the three metrics and the slower one
    assert np.allclose(edge.neuron_step, edge.mean_step * edge.kept, equal_nan=True)
    assert np.allclose(edge.kept.dropna(), 1 / edge.keep_rate[edge.kept.notna()])
    start = edge[edge.step == 0].merge(rates, on=["width", "activation", "metric", "keep_rate", "seed"])
    assert np.allclose(start.sharpness, start.initial_sharpness, rtol=0.01)
    assert np.allclose(start.rate_x, start.share * start.rate_y)
    assert set(zip(start.metric, start.share, strict=True)) == {*product(METRICS, [0.9]), ("ram", 0.25)}
    last = edge[edge.step == 40]
    assert (last.risk_ratio < 1.5).all()
    assert (last[last.stable].risk_ratio < settings.learned).all()
    assert edge.masked_sharpness.notna().sum() == 2 * 3  # at two of the three measured steps
    resumed = edge_sharpness.tabulate(settings, 1, {edge_sharpness.RATES: rates}, tmp_path)
    assert resumed.equals(edge)


def test_networks_without_a_known_edge_have_no_rate():
    settings = tiny(highest=0.5, keep_rates=[0.5], steps=5, measurements=1)
    rates = stable_rates.tabulate(settings, seed=1)
    assert (rates.unstable_rate == np.inf).any()
    edge = edge_sharpness.tabulate(settings, 1, {edge_sharpness.RATES: rates})
    unknown = rates[rates.unstable_rate == np.inf][["metric", "seed"]].merge(edge, on=["metric", "seed"])
    assert unknown.rate.isna().all()
    assert unknown.neuron_step.isna().all()
