"""The training loop: against plain PyTorch, resumed, diverging, selecting."""

from dataclasses import replace

import pandas as pd
import pytest
import torch
from torch import nn

from dropatlas import checkpoints
from dropatlas.layers import METHODS, apply_method, monte_carlo_dropping
from dropatlas.models import build_model
from dropatlas.training import (
    Augmentation,
    Recipe,
    Split,
    TrainingDivergedError,
    evaluate,
    loop,
    predict,
    tabular_data,
    train,
)

RECIPE = Recipe(
    epochs=4,
    learning_rate=0.05,
    warmup_epochs=1.0,
    weight_decay=1e-3,
    batch_size=16,
    augmentation=Augmentation(crop_padding=1, flip=True),
)


def network(method: str = "ddc", seed: int = 5) -> nn.Module:
    model = build_model("resnet8", (3, 8, 8), 3, seed, width=4)
    apply_method(model, "fc", method)
    if method == "ddc":
        apply_method(model, "blocks.1.conv2", method)
    return model


def assert_same(first, second):
    for name in ("history", "drop_rates", "outcomes"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name), check_exact=True)
    assert first.selected_state.keys() == second.selected_state.keys()
    assert all(torch.equal(first.selected_state[name], value) for name, value in second.selected_state.items())


class KilledError(Exception):
    pass


def killed_after(epochs: int):
    def look(row):
        if row["epoch"] == epochs:
            raise KilledError

    return look


@pytest.mark.parametrize("method", METHODS)
def test_learns_and_repeats_bit_for_bit(method, data):
    results = [train(network(method), data, RECIPE, seed=2, device="cpu") for _ in range(2)]
    assert_same(*results)
    history = results[0].history
    assert history.epoch.tolist() == [1, 2, 3, 4]
    assert history.train_loss.iloc[-1] < history.train_loss.iloc[0]
    assert results[0].outcomes.test_accuracy.iloc[0] > 0.5  # chance: 0.33
    assert results[0].train_samples == 4 * 60


@pytest.mark.parametrize("epochs", [1, 3])
def test_killed_and_resumed_equals_uninterrupted(epochs, data, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0.0)
    whole_model, model = network(), network()
    whole = train(whole_model, data, RECIPE, seed=2, device="cpu")
    kept = tmp_path / "run.pt"
    with pytest.raises(KilledError):  # killed before the epoch's checkpoint is written
        train(model, data, RECIPE, 2, kept, killed_after(epochs + 1), device="cpu")
    torch.manual_seed(99)
    resumed_model, rows = network(), []
    resumed = train(resumed_model, data, RECIPE, 2, kept, rows.append, device="cpu")
    assert [row["epoch"] for row in rows] == list(range(epochs + 1, 5))
    assert_same(resumed, whole)
    for name, value in whole_model.state_dict().items():
        assert torch.equal(resumed_model.state_dict()[name], value), name


def test_killed_within_an_epoch(data, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0.0)
    whole = train(network(), data, RECIPE, seed=2, device="cpu")
    model, kept = network(), tmp_path / "run.pt"
    steps = iter(range(10**6))

    def pull_the_plug(*_):
        if next(steps) == 20:
            raise KilledError

    model.register_forward_hook(pull_the_plug)
    with pytest.raises(KilledError):
        train(model, data, RECIPE, 2, kept, device="cpu")
    assert_same(train(network(), data, RECIPE, 2, kept, device="cpu"), whole)


def test_a_finished_run_is_not_trained_again(data, tmp_path):
    kept = tmp_path / "run.pt"
    first = train(network(), data, RECIPE, 2, kept, device="cpu")
    model = network()
    again = train(model, data, RECIPE, 2, kept, after_epoch=pytest.fail, device="cpu")
    assert_same(first, again)
    assert evaluate(model, data.test, data).loss == first.outcomes.test_loss[0]


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 3},
        {"recipe": RECIPE.model_copy(update={"learning_rate": 0.04})},
        {"model": network("dropconnect")},
        {"model": network(seed=6)},
        {"data": "other"},
    ],
)
def test_a_checkpoint_of_another_run_is_not_picked_up(change, data, tmp_path, caplog):
    kept = tmp_path / "run.pt"
    train(network(), data, RECIPE, 2, kept, device="cpu")
    if "data" in change:
        pixels = data.test.inputs.clone()
        pixels[-1, -1, -1, -1] ^= 1
        change = {"data": replace(data, test=Split(pixels, data.test.targets))}
    arguments = {"model": network(), "data": data, "recipe": RECIPE, "seed": 2, "checkpoint": kept} | change
    rows = []
    train(**arguments, after_epoch=rows.append, device="cpu")
    assert len(rows) == 4
    assert "(of a run with other settings, seed, data or code): starting over" in caplog.text


def test_the_code_of_every_layer_decides(data, tmp_path, monkeypatch):
    modules = []
    monkeypatch.setattr(checkpoints, "_code", lambda names: modules.append(names) or "")
    train(network(), data, RECIPE, 2, tmp_path / "run.pt", device="cpu")
    assert {"dropatlas.training.loop", "dropatlas.layers.dynamic", "dropatlas.models.resnet"} <= modules[0]


def test_a_damaged_checkpoint_means_starting_over(data, tmp_path, caplog):
    kept = tmp_path / "run.pt"
    kept.write_bytes(b"half a file")
    rows = []
    train(network(), data, RECIPE, 2, kept, rows.append, device="cpu")
    assert len(rows) == 4
    assert "cannot resume from" in caplog.text


def test_plain_run_equals_plain_pytorch(data):
    """No augmentation, no method: the loop is the textbook one, with its order of samples."""
    recipe = Recipe(epochs=2, learning_rate=0.1, minimum_learning_rate=0.1, weight_decay=0.01, batch_size=20)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 3))
    weight = model[1].weight.detach().clone(), model[1].bias.detach().clone()
    train(model, data, recipe, seed=7, device="cpu")
    other = nn.Linear(192, 3)
    other.load_state_dict({"weight": weight[0], "bias": weight[1]})
    optimiser = torch.optim.SGD(other.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    inputs = data.normalised(data.train.inputs).flatten(1)
    for epoch in range(2):
        order = loop.generator(7, "training", "order", epoch).permutation(60)
        assert sorted(order) == list(range(60))
        for rows in torch.from_numpy(order).split(20):
            optimiser.zero_grad()
            nn.functional.cross_entropy(other(inputs[rows]), data.train.targets[rows]).backward()
            optimiser.step()
    torch.testing.assert_close(model[1].weight, other.weight)


def test_methods_of_one_seed_see_the_same_data(data):
    seen = {}
    for method in ("none", "dropconnect"):
        model, batches = network(method), []
        model.register_forward_pre_hook(lambda module, inputs, batches=batches: batches.append(inputs[0].clone()))
        train(model, data, RECIPE.model_copy(update={"epochs": 2}), seed=2, device="cpu")
        seen[method] = batches
    assert all(torch.equal(a, b) for a, b in zip(*seen.values(), strict=True))


def test_selection_is_by_validation_alone(data):
    result = train(network(), data, RECIPE, seed=2, device="cpu")
    history = result.history
    best = history.sort_values(["validation_accuracy", "validation_loss"], ascending=[False, True]).iloc[0]
    last, selected = result.outcomes.itertuples()
    assert (last.chosen, last.epoch) == ("last", 4)
    assert (selected.chosen, selected.epoch) == ("validation", best.epoch)
    assert selected.validation_accuracy == best.validation_accuracy
    model = network()
    model.load_state_dict(result.selected_state)
    assert evaluate(model, data.test, data).accuracy == selected.test_accuracy


def test_drop_rates_are_followed(data):
    rates = train(network(), data, RECIPE, seed=2, device="cpu").drop_rates
    assert set(rates.layer) == {"fc", "blocks.1.conv2"}
    assert len(rates) == 8
    assert rates.drop_rate.between(0.2, 0.8).all()
    assert train(network("none"), data, RECIPE, seed=2, device="cpu").drop_rates.empty


def test_divergence_is_noticed_early_and_said_where(data):
    wild = RECIPE.model_copy(update={"learning_rate": 1e30, "minimum_learning_rate": 1e30})
    for method in ("none", "ddc"):
        with pytest.raises(TrainingDivergedError, match=r"epoch 1, step \d of 4 \(learning rate 1e\+30\): .*finite"):
            train(network(method), data, wild, seed=2, device="cpu")


def test_the_callers_random_stream_is_untouched(data):
    state = torch.get_rng_state()
    train(network(), data, RECIPE.model_copy(update={"epochs": 2}), seed=2, device="cpu")
    assert torch.equal(torch.get_rng_state(), state)


def test_bfloat16(data):
    result = train(network(), data, RECIPE.model_copy(update={"precision": "bfloat16"}), seed=2, device="cpu")
    assert result.outcomes.test_accuracy[0] > 0.5
    assert all(value.dtype in (torch.float32, torch.int64) for value in result.selected_state.values())


def test_a_single_last_sample_is_left_out(data):
    result = train(network(), data, RECIPE.model_copy(update={"batch_size": 59, "epochs": 2}), seed=2, device="cpu")
    assert result.train_samples == 2 * 59


def test_regression_on_a_table():
    data = tabular_data("friedman", seed=1, samples=400)
    model = apply_method(build_model("tabular_mlp", data.input_shape, 1, seed=1), "fc1", "ddc")
    recipe = Recipe(epochs=15, learning_rate=0.03, warmup_epochs=1.0, batch_size=16)
    result = train(model, data, recipe, seed=1, device="cpu")
    last, selected = result.outcomes.itertuples()
    assert last.test_loss < 0.4  # the best constant has 1
    assert selected.validation_loss == result.history.validation_loss.min()
    assert result.outcomes.test_accuracy.isna().all()


def test_predictions_with_masks_vary(data):
    model = network("dropconnect")
    with monte_carlo_dropping(model):
        first, second = (predict(model, data.test, data) for _ in range(2))
    assert first.shape == (50, 3)
    assert not torch.equal(first, second)
    parts, whole = (predict(model.eval(), data.test, data, batch_size=size) for size in (7, 512))
    torch.testing.assert_close(parts, whole)
