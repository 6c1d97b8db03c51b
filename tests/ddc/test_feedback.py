"""Drop histories: what the recording layer counts, and what the measures say of known histories."""

import numpy as np
import pytest
import torch
from torch import nn

from dropatlas.ddc.feedback import RecordedDropConnectLinear, concentration, put_recorder, record_run, window_history
from dropatlas.ddc.settings import Cell, Feedback
from dropatlas.layers import DynamicDropConnectLinear
from dropatlas.training import Recipe


def step(layer, inputs):
    layer.weight.grad = None
    layer(inputs).square().sum().backward()


def test_recording_changes_nothing_but_counts():
    inputs, histories = torch.randn(8, 6), []
    plain, recorded = (
        DynamicDropConnectLinear(6, 4),
        RecordedDropConnectLinear(6, 4, variant="dense", windows=2, window_steps=5),
    )
    recorded.load_state_dict({**recorded.state_dict(), **plain.state_dict()})
    for layer in (plain, recorded):
        torch.manual_seed(5)
        outputs = []
        for _ in range(10):
            step(layer, inputs)
            outputs.append(layer.weight.grad.clone())
        histories.append(torch.stack(outputs))
    assert torch.equal(*histories)
    assert recorded.steps.tolist() == [5, 5]


def test_counts_are_those_of_the_masks():
    layer = RecordedDropConnectLinear(5, 3, variant="masked", windows=2, window_steps=4)
    inputs, masks = torch.randn(8, 5).abs() + 0.1, []
    for _ in range(8):
        step(layer, inputs)
        masks.append(layer.last.clone())  # a dropped edge gets no gradient
        assert torch.equal(layer.weight.grad == 0, layer.last)
    masks = torch.stack(masks)
    assert torch.equal(layer.dropped, torch.stack([masks[:4].sum(0), masks[4:].sum(0)]).int())
    again = masks[1:] & masks[:-1]
    assert torch.equal(layer.again.sum(0), again.sum(0).int())
    assert torch.equal(layer.before.sum(0), masks[:-1].sum(0).int())
    assert masks.any()


def test_the_dense_judge_trains_masked_and_judges_dense():
    torch.manual_seed(1)
    masked = RecordedDropConnectLinear(5, 3, variant="masked", windows=1, window_steps=9)
    judge = RecordedDropConnectLinear(5, 3, variant="dense_judge", windows=1, window_steps=9)
    judge.load_state_dict(masked.state_dict())
    inputs = torch.randn(8, 5)
    for layer in (masked, judge):
        step(layer, inputs)  # sets drop rates
    judge.edge_drop_probability.copy_(masked.edge_drop_probability)
    for layer in (masked, judge):
        torch.manual_seed(2)
        step(layer, inputs)
    assert torch.equal(masked.last, judge.last)
    assert masked.last.any()
    assert torch.allclose(masked.weight.grad, judge.weight.grad)
    # with the chain rule all dropped edges look equally unimportant, to the dense judge they do not
    assert masked.edge_drop_probability[masked.last].unique().numel() == 1
    assert judge.edge_drop_probability[judge.last].unique().numel() > 1


def test_a_recorder_keeps_the_parameters_and_goes_on_after_a_reload():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    weight = model[0].weight
    put_recorder(model, "0", "dense", windows=3, window_steps=2)
    assert model[0].weight is weight
    step(model[0], torch.randn(5, 4))
    other = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    assert put_recorder(other, "0", "dense", 3, 2) is other[0]
    other.load_state_dict(model.state_dict())
    step(other[0], torch.randn(5, 4))
    assert other[0].steps.tolist() == [2, 0, 0]


def history(masks):
    dropped, before = masks[1:].sum(0), masks[:-1].sum(0)
    return dropped, (masks[1:] & masks[:-1]).sum(0), before, len(masks) - 1


def chain(rng, after_drop, after_keep, steps=400, edges=2000):
    masks = [rng.random(edges) < 0.5]
    for _ in range(steps):
        masks.append(rng.random(edges) < np.where(masks[-1], after_drop, after_keep))
    return np.array(masks)


@pytest.mark.parametrize(("after_drop", "after_keep"), [(0.5, 0.5), (0.7, 0.4), (0.3, 0.6)])
def test_persistence_of_a_markov_chain(after_drop, after_keep):
    found = concentration(*history(chain(np.random.default_rng(0), after_drop, after_keep)))
    assert found.persistence == pytest.approx(after_drop - after_keep, abs=0.01)
    assert found.mean_rate == pytest.approx(after_keep / (1 - after_drop + after_keep), abs=0.01)


def test_independent_edges_of_two_kinds_are_two_groups_without_persistence():
    rng = np.random.default_rng(1)
    masks = rng.random((401, 2000)) < np.where(np.arange(2000) < 1000, 0.2, 0.95)
    found = concentration(*history(masks))
    assert found.persistence == pytest.approx(0, abs=0.01)  # differences between edges do not count
    assert found.bimodality > 0.95
    assert found.often == pytest.approx(0.5, abs=0.01)
    assert found.excess_deviation == pytest.approx(0.375, abs=0.01)
    assert found.gini == pytest.approx(0.375 / 1.15, abs=0.01)  # two values a and b: (b - a)/(2 (a + b))


def test_equal_rates_are_one_group():
    found = concentration(*history(np.random.default_rng(2).random((401, 2000)) < 0.5))
    assert found.bimodality == pytest.approx(1 / 3, abs=0.05)
    assert found.excess_deviation < 0.005
    assert found.often == 0


def test_a_history_of_one_step_is_refused():
    with pytest.raises(ValueError, match="at least 2 steps, got 1"):
        concentration(*(np.ones(3),) * 3, 1)


def test_an_unknown_variant_is_named():
    with pytest.raises(ValueError, match="dense, masked, dense_judge, got 'sparse'"):
        RecordedDropConnectLinear(2, 2, variant="sparse", windows=1, window_steps=1)


def test_windows_are_told_apart_and_the_whole_is_their_sum():
    layer = RecordedDropConnectLinear(5, 3, variant="dense", windows=2, window_steps=6)
    inputs = torch.randn(8, 5)
    for _ in range(12):
        step(layer, inputs)
    whole, first, second = (window_history(layer, window) for window in (0, 1, 2))
    assert (whole.steps, first.steps, second.steps) == (12, 6, 6)
    np.testing.assert_allclose(whole.frequency, (first.frequency + second.frequency) / 2)
    assert np.isnan([whole.memory, first.memory]).all()
    assert second.memory == pytest.approx(np.corrcoef(first.frequency, second.frequency)[0, 1])
    assert second.concentration.mean_rate == pytest.approx(second.frequency.mean())


def test_a_run_records_all_its_steps_and_a_diverged_one_is_without_result():
    recipe = Recipe(epochs=2, learning_rate=0.02, batch_size=16)
    cell = Cell(data="friedman", model="tabular_mlp", train_size=60, seeds=2, recipe=recipe)
    run = record_run(Feedback(windows=2, bins=5, cell=cell), "masked", 1, 3, None, None)
    assert 32 < len(run.data.train) <= 48
    assert run.layer.steps.tolist() == [3, 3]
    assert run.result is not None
    assert int(run.layer.dropped.sum()) > 0
    wild = recipe.model_copy(update={"learning_rate": 1e30, "minimum_learning_rate": 1e30})
    lost = Feedback(windows=2, bins=5, cell=cell.model_copy(update={"recipe": wild}))
    assert record_run(lost, "dense", 0, 3, None, None).result is None
