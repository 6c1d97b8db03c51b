"""Arms trained on equal terms: pairing, rows, divergence, resuming, settings."""

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from pydantic import ValidationError

from dropatlas.config import CONFIG, SCALES, canonical, load_config
from dropatlas.config.parts import DDCSettings
from dropatlas.data import DataSet, save
from dropatlas.ddc import runs
from dropatlas.ddc.settings import Arm, ArmRuns, Cell
from dropatlas.ddc.step_time import step_times
from dropatlas.layers import METHODS
from dropatlas.tasks.ddc import arm as arm_task
from dropatlas.tasks.ddc import benchmark
from dropatlas.training import Recipe

RECIPE = Recipe(epochs=2, learning_rate=0.05, batch_size=16)
CELL = Cell(data="mnist", model="simple_cnn1", train_size=64, test_size=30, seeds=2, recipe=RECIPE)
TABLE_CELL = Cell(data="friedman", model="tabular_mlp", train_size=100, seeds=2, recipe=RECIPE)
NONE, DDC = Arm(method="none"), Arm(method="ddc", options={"base_rate": 0.2})


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    rng = np.random.default_rng(0)

    def draw(count):
        labels = np.arange(count) % 3
        pixels = rng.integers(0, 200, (count, 3, 16, 16))
        pixels[np.arange(count), labels] += 50
        return pixels.astype(np.uint8), labels.astype(np.int64)

    path = tmp_path_factory.mktemp("data") / "toy.arrays"
    save(DataSet("toy", "toy images", False, tuple("abc"), *draw(90), *draw(40), {}), path)
    return path


def trained(cell, arms, path=None, checkpoints=None):
    return list(runs.train_arms(cell, arms, 7, path, checkpoints))


def test_arms_of_one_seed_start_alike_on_the_same_split_and_other_seeds_do_not(images):
    data = runs.training_data(CELL, images, runs.run_seed(7, 0))
    none, ddc = (runs.regularised_model(CELL, arm, data, runs.run_seed(7, 0)) for arm in (NONE, DDC))
    assert torch.equal(none.fc1.weight, ddc.fc1.weight)
    assert not torch.equal(none.fc1.weight, runs.regularised_model(CELL, NONE, data, runs.run_seed(7, 1)).fc1.weight)
    first, second = trained(CELL, {"none": NONE, "ddc": DDC}, images)[:2]
    assert (first.arm, second.arm, first.number, second.number) == ("none", "ddc", 0, 0)
    assert first.data is second.data
    other = runs.training_data(CELL, images, runs.run_seed(7, 1))
    assert not torch.equal(first.data.train.inputs, other.train.inputs)


def test_a_drop_rate_of_zero_trains_exactly_like_none(images):
    arms = {"none": NONE, "nothing": Arm(method="dropconnect", options={"drop_rate": 0.0})}
    none, nothing = trained(CELL, arms, images)[:2]
    pd.testing.assert_frame_equal(none.result.history, nothing.result.history)


def test_layers_are_the_published_ones_or_the_arms_own(images):
    data = runs.training_data(CELL, images, 1)
    ddc = runs.regularised_model(CELL, DDC, data, 1)
    assert [name for name, layer in ddc.named_modules() if type(layer) in METHODS["ddc"].values()] == ["fc1"]
    other = runs.regularised_model(CELL, Arm(method="ddc", layers=["features.conv3", "fc2"]), data, 1)
    assert [name for name, layer in other.named_modules() if type(layer) in METHODS["ddc"].values()] == [
        "features.conv3",
        "fc2",
    ]
    with pytest.raises(ValueError, match=r"has no layer 'fc9'; .*fc1"):
        runs.regularised_model(CELL, Arm(method="ddc", layers=["fc9"]), data, 1)


def test_rows_hold_every_epoch_and_scores_of_the_last_and_the_selected_one(images):
    number = trained(CELL, {"ddc": DDC}, images)[0]
    rows = runs.epoch_rows(CELL, DDC, number)
    assert rows.epoch.tolist() == [1, 2]
    assert rows["last"].tolist() == [False, True]
    assert rows.selected.sum() == 1
    scored = rows["last"] | rows.selected
    assert rows.test_accuracy.notna().tolist() == scored.tolist()
    outcome = number.result.outcomes.set_index("chosen").loc["last"]
    last = rows[rows["last"]].iloc[0]
    assert (last.test_accuracy, last.fitted_loss) == (outcome.test_accuracy, outcome.train_loss)
    assert (rows.drop_rate > 0).all()
    assert (rows.train_samples == 58).all()  # 64 less the tenth held out


def test_a_diverged_run_is_a_marked_row_and_the_others_go_on(images):
    wild = Recipe(epochs=2, learning_rate=1e8, minimum_learning_rate=1e8, batch_size=16)
    cell = CELL.model_copy(update={"recipe": wild})
    rows = pd.concat([runs.epoch_rows(cell, NONE, run) for run in trained(cell, {"none": NONE}, images)])
    assert rows.diverged.all()
    assert len(rows) == 2
    assert rows[runs.VALUES].isna().all(axis=None)
    assert rows["last"].all()


def test_a_killed_job_resumes_and_gives_the_same_table(tmp_path, monkeypatch):
    settings = ArmRuns(cell=TABLE_CELL, arms={"none": NONE, "ddc": DDC})
    whole = arm_task.tabulate(settings, 3)
    calls, train = [], runs.train

    def killed(*arguments, **named):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return train(*arguments, **named)

    monkeypatch.setattr(runs, "train", killed)
    with pytest.raises(KeyboardInterrupt):
        arm_task.tabulate(settings, 3, checkpoints=tmp_path)
    monkeypatch.setattr(runs, "train", train)
    assert len(list(tmp_path.iterdir())) == 2
    pd.testing.assert_frame_equal(arm_task.tabulate(settings, 3, checkpoints=tmp_path), whole)


def test_gathering_keeps_the_order_of_the_arms():
    settings = benchmark.Gathering(tables=["ddc/b-two", "ddc/b-one"])
    tables = {"ddc/b-one": pd.DataFrame({"arm": ["one"]}), "ddc/b-two": pd.DataFrame({"arm": ["two"]})}
    assert benchmark.tabulate(settings, tables).arm.tolist() == ["two", "one"]


def test_a_job_trains_one_arm_or_all_arms_of_a_benchmark():
    values = yaml.safe_load((CONFIG / "config.yaml").read_text(encoding="utf-8"))
    ddc = load_config(values).ddc
    one, whole = (ddc.model_copy(update={"job": job}) for job in ("arm", "benchmark"))
    arms = one.benchmarks["friedman_mlp"].arms
    assert len(arms) > 1
    assert list(one.jobs("friedman_mlp")) == [f"friedman_mlp-{arm}" for arm in arms]
    assert list(whole.jobs("friedman_mlp")) == ["friedman_mlp-all"]
    assert list(whole.jobs("friedman_mlp")["friedman_mlp-all"].arms) == arms
    assert [list(runs.arms) for runs in one.jobs("friedman_mlp").values()] == [[arm] for arm in arms]
    assert one.gathering("friedman_mlp").tables == [f"ddc/friedman_mlp-{arm}" for arm in arms]
    with pytest.raises(ValidationError, match=r"arms.all: the name stands for all arms"):
        DDCSettings.model_validate(ddc.model_dump() | {"arms": {"all": {"method": "none"}}})


@pytest.mark.parametrize("scale", SCALES)
def test_every_configured_arm_fits_its_model(scale):
    values = yaml.safe_load((CONFIG / "config.yaml").read_text(encoding="utf-8"))
    ddc = load_config(values | {"scale": scale}).ddc
    shapes = {"digits5k": (1, 28, 28), "mnist": (1, 28, 28), "norb": (2, 32, 32), "friedman": (10,)}
    for name, cell in ddc.benchmarks.items():
        shape = (30,) if cell.data == "breast_cancer" else shapes.get(cell.data, (3, 32, 32))
        if cell.model == "alexnet":
            continue  # 57 million weights: too slow for a unit test, and its layers are the same
        for settings in ddc.jobs(name).values():
            assert ArmRuns.model_validate_json(canonical(settings)) == settings
        for arm in cell.arms:
            model = runs.build_model(cell.model, shape, 10, 0)
            runs.apply_method(
                model, runs.method_layers(model, ddc.arms[arm]), ddc.arms[arm].method, **ddc.arms[arm].options
            )


def test_settings_name_what_is_wrong():
    with pytest.raises(ValidationError, match="none"):
        Arm(method="dropblock")
    values = yaml.safe_load((CONFIG / "config.yaml").read_text(encoding="utf-8"))
    values["ddc"]["benchmarks"] = {"friedman_mlp": {"arms": ["ddc", "dropblock"]}}
    with pytest.raises(ValueError, match=r"benchmarks.friedman_mlp: unknown arm dropblock; arms: none, dropout"):
        load_config(values)


def test_step_times_take_turns_over_all_methods():
    times = step_times("simple_cnn1_mnist", 4, 2)
    assert times.method.tolist() == 2 * list(METHODS)
    assert times["round"].tolist() == [0] * len(METHODS) + [1] * len(METHODS)
    assert (times[["wall_ms", "processor_ms"]] >= 0).all(axis=None)
