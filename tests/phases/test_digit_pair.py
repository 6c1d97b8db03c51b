"""The digit experiment: data, steps against autograd and the general step, sampling, the table."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from dropatlas.data import DataSet, save
from dropatlas.phases import digit_pairs
from dropatlas.phases.digit_pairs import (
    DenseNetworks,
    Draws,
    Run,
    SparseNetworks,
    digit_problem,
    draw_minibatches,
    draw_start,
    measure,
    train,
)
from dropatlas.phases.dynamics import Rule, multipliers, step
from dropatlas.phases.names import VARIANTS
from dropatlas.phases.settings import DigitPair
from dropatlas.tasks.phases import digit_pair

CPU = torch.device("cpu")
CELLS = [
    {"width": 8, "drop_rates": [0.2, 0.4], "variants": ["dropout", "ram", "pn_ram", "forward"], "seeds": 2},
    {"width": 12, "drop_rates": [0.4], "variants": ["ram"], "seeds": 3},
]
SETTINGS = DigitPair(
    classes="pair", cells=CELLS, steps=6, measurements=3, batch_size=8, learning_rate=0.25, held_out=10
)


@pytest.fixture(scope="module")
def digits():
    """Small images whose class shows in one bright pixel; the last pixel is never used."""
    rng = np.random.default_rng(0)

    def draw(count):
        labels = np.arange(count) % 10
        images = rng.integers(0, 60, (count, 1, 4, 4), dtype=np.uint8)
        images.reshape(count, 16)[np.arange(count), labels] = 255
        images[..., 3, 3] = 0
        return images, labels.astype(np.int64)

    train_part, test_part = draw(300), draw(100)
    return DataSet("toy", "toy digits", False, tuple("0123456789"), *train_part, *test_part, {})


def test_a_pair_has_two_labels_pixels_in_the_unit_interval_and_no_constant_ones(digits):
    problem = digit_problem(digits, "pair", 10, 0)
    assert {name: len(part) for name, part in problem.inputs.items()} == {"training": 50, "validation": 10, "test": 20}
    assert problem.inputs["training"].shape[1] == 15
    assert problem.pixels == 16
    assert problem.inputs["test"].max() == 1
    fours = problem.inputs["test"][problem.labels["test"] == 1]
    sevens = problem.inputs["test"][problem.labels["test"] == -1]
    assert (fours[:, 4] == 1).all()
    assert (sevens[:, 7] == 1).all()
    assert len(fours) + len(sevens) == 20


def test_held_out_images_are_not_trained_on(digits):
    problem = digit_problem(digits, "all", 40, 0)
    training = {row.numpy().tobytes() for row in problem.inputs["training"]}
    assert len(training) == 260
    assert not any(row.numpy().tobytes() in training for row in problem.inputs["validation"])


@pytest.mark.parametrize("held_out", [0, 60])
def test_too_many_held_out_images_are_an_error(digits, held_out):
    with pytest.raises(ValueError, match="held_out must be between 1 and 59 images"):
        digit_problem(digits, "pair", held_out, 0)


RUNS = [Run(variant, 0.6) for variant in VARIANTS]


def some_draws(problem, width, steps=1, size=12, seed=0):
    rng = np.random.default_rng(seed)
    chosen = draw_minibatches(rng, steps, len(problem.inputs["training"]), size)
    return Draws(chosen, rng.random((steps, 2, width), dtype=np.float32))


def double(problem):
    """The same problem in double precision."""
    inputs = {part: images.double() for part, images in problem.inputs.items()}
    labels = {
        part: values.double() if values.is_floating_point() else values for part, values in problem.labels.items()
    }
    return replace(problem, inputs=inputs, labels=labels)


def dense(problem, width, runs, learning_rate=0.25):
    start = tuple(weights.astype(np.float64) for weights in draw_start(problem, width, 0, 0))
    return DenseNetworks(double(problem), start, runs, learning_rate, CPU)


def test_a_dense_step_is_the_general_step_with_logistic_loss(digits):
    problem = digit_problem(digits, "pair", 10, 0)
    networks, draws = dense(problem, 9, RUNS), some_draws(problem, 9)
    before = [torch.cat([networks.output[k], networks.hidden[k]], dim=1) for k in range(len(RUNS))]
    inputs, labels = (part["training"][draws.chosen[0]].double() for part in (problem.inputs, problem.labels))
    networks.advance(draws)
    first, second = (torch.from_numpy((draws.uniforms[0, mask] < 0.6) / np.float32(0.6)).double() for mask in (0, 1))
    for k, run in enumerate(RUNS):
        masks = multipliers(run.variant, *((second, first) if run.variant == "pn_ram" else (first, second)))
        expected = step(Rule(0.25, loss="logistic"), before[k], inputs, labels, masks).particles
        torch.testing.assert_close(torch.cat([networks.output[k], networks.hidden[k]], dim=1), expected)


@pytest.mark.parametrize("classes", ["pair", "all"])
@pytest.mark.parametrize("variant", ["none", "dropout"])
def test_a_dense_step_is_gradient_descent_on_the_masked_loss(digits, classes, variant):
    problem = digit_problem(digits, classes, 10, 0)
    networks, draws = dense(problem, 9, [Run(variant, 0.6)]), some_draws(problem, 9)
    inputs, labels = problem.inputs["training"][draws.chosen[0]].double(), problem.labels["training"][draws.chosen[0]]
    a, b = networks.output[0].clone().requires_grad_(), networks.hidden[0].clone().requires_grad_()
    mask, _ = draws.masks(Run(variant, 0.6))
    factor = torch.ones(9, dtype=torch.float64) if mask is None else torch.from_numpy(mask[0]).double()
    predicted = torch.relu(inputs @ b.T) @ (a * factor[:, None]) / 9
    if classes == "pair":
        loss = torch.log1p(torch.exp(-labels.double() * predicted[:, 0])).mean()
    else:
        loss = torch.nn.functional.cross_entropy(predicted, labels)
    by_a, by_b = torch.autograd.grad(loss, (a, b))
    networks.advance(draws)
    torch.testing.assert_close(networks.output[0], (a - 9 * 0.25 * by_a).detach())
    torch.testing.assert_close(networks.hidden[0], (b - 9 * 0.25 * by_b).detach())


@pytest.mark.parametrize("width", [9, 600])  # one block, and two that are filled up
def test_compiled_steps_are_dense_steps(digits, width):
    problem, runs = digit_problem(digits, "pair", 10, 0), [*RUNS, Run("dropout", 0.9)]
    start = draw_start(problem, width, 0, 0)
    sparse, other = SparseNetworks(problem, start, runs, 0.25), DenseNetworks(problem, start, runs, 0.25, CPU)
    for seed in (0, 1):
        draws = some_draws(problem, width, steps=4, seed=seed)
        sparse.advance(draws)
        other.advance(draws)
    for part in ("training", "test"):
        torch.testing.assert_close(sparse.outputs(part), other.outputs(part), rtol=1e-4, atol=1e-4)


def test_pn_ram_has_the_mask_of_dropout_in_its_forward_pass():
    draws = Draws(np.zeros((1, 1), dtype=int), np.random.default_rng(0).random((1, 2, 50), dtype=np.float32))
    dropout, forward, ram, pn_ram = (draws.masks(Run(name, 0.6)) for name in ("dropout", "forward", "ram", "pn_ram"))
    for mask in (dropout[1], forward[0], ram[1], pn_ram[0]):
        np.testing.assert_array_equal(mask, dropout[0])
    assert (pn_ram[1] != dropout[0]).any()
    assert forward[1] is None
    assert ram[0] is None


def test_measured_risk_and_accuracy(digits):
    problem = digit_problem(digits, "pair", 10, 0)
    width = 600  # more than one block
    output, hidden = draw_start(problem, width, 0, 0)
    inputs, labels = problem.inputs["test"], problem.labels["test"]
    predicted = torch.relu(inputs @ torch.from_numpy(hidden).T) @ torch.from_numpy(output)[:, 0] / width
    for networks in (
        SparseNetworks(problem, (output, hidden), RUNS[:1], 0.25),
        DenseNetworks(problem, (output, hidden), RUNS[:1], 0.25, CPU),
    ):
        ((found_risk, accuracy),) = measure(problem, networks, "test")
        assert found_risk == pytest.approx(float(torch.log1p(torch.exp(-labels * predicted)).mean()), rel=1e-5)
        assert accuracy == pytest.approx(float((torch.sign(predicted) == labels).float().mean()))


def test_minibatches_are_independent_and_without_replacement():
    drawn = draw_minibatches(np.random.default_rng(0), 2000, 10, 3)
    assert all(len(set(batch)) == 3 for batch in drawn.tolist())
    again = np.mean([bool(set(first) & set(second)) for first, second in pairwise(drawn)])
    assert again == pytest.approx(1 - 35 / 120, abs=0.04)  # of an epoch the next images are others
    with pytest.raises(ValueError, match=r"batch_size must be in \[1, 10\]"):
        draw_minibatches(np.random.default_rng(0), 1, 10, 11)


def test_initial_scale_is_that_of_all_pixels(digits):
    output, hidden = draw_start(digit_problem(digits, "pair", 10, 0), 5000, 0, 0)
    assert np.square(hidden).mean() == pytest.approx(1 / 16, rel=0.05)
    assert np.square(output).mean() == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("classes", ["pair", "all"])
def test_networks_learn(digits, classes):
    problem = digit_problem(digits, classes, 10, 0)
    found = train(problem, [Run("dropout", 0.8)], 100, 0.25, 16, [0, 600], 0, 0)[0]
    chance = np.log(2 if classes == "pair" else 10)
    assert found[0, 1, 0] == pytest.approx(chance, rel=0.15)
    assert found[1, 1, 0] < 0.5 * chance
    assert found[1, 1, 1] > 0.9


@pytest.mark.parametrize("device", [None, CPU])
def test_variants_coincide_when_nothing_is_dropped(digits, device):
    problem = digit_problem(digits, "pair", 10, 0)
    ends = train(problem, [Run(variant, 1.0) for variant in VARIANTS], 8, 0.25, 8, [5], 0, 0, device)
    for end in ends[1:]:
        np.testing.assert_allclose(end, ends[0], rtol=1e-4)


@pytest.fixture(scope="module")
def prepared(digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "toy.arrays"
    save(digits, path)
    return path


def test_the_table(prepared):
    rows = digit_pair.tabulate(SETTINGS, 0, prepared)
    assert list(rows.columns) == list(digit_pair.MEANINGS)
    assert len(rows) == (2 * (1 + 2 * 4) + 3 * 2) * 4 * 2
    assert set(rows[rows.variant == "none"].drop_rate) == {0.0}
    assert set(rows.step) == {0, 2, 4, 6}
    start = rows[(rows.step == 0) & (rows.part == "test")]
    assert (start.groupby(["width", "seed"]).risk.nunique() == 1).all()  # all runs of a number start alike
    assert rows.equals(digit_pair.tabulate(SETTINGS, 0, prepared))


def test_a_diverging_run_is_marked(prepared):
    rows = digit_pair.tabulate(SETTINGS.model_copy(update={"learning_rate": 1e30}), 0, prepared)
    end = rows[rows.step == 6]
    assert end.diverged.mean() > 0.9  # a toy problem can be solved by exploding weights, too
    assert (np.isfinite(end.risk) != end.diverged).all()
    assert not rows[rows.step == 0].diverged.any()


@pytest.fixture
def trained(monkeypatch):
    """Numbers of the seeds that are trained, not read."""
    numbers = []

    def counted(*given, number, **named):
        numbers.append((given[2], number))
        return digit_pairs.train(*given, number=number, **named)

    monkeypatch.setattr(digit_pair, "train", counted)
    return numbers


def test_more_seeds_go_on_from_those_that_are_finished(prepared, tmp_path, trained):
    digit_pair.tabulate(SETTINGS, 0, prepared, tmp_path)
    trained.clear()
    more = DigitPair.model_validate(SETTINGS.model_dump() | {"cells": [CELLS[0] | {"seeds": 3}, CELLS[1]]})
    rows = digit_pair.tabulate(more, 0, prepared, tmp_path)
    assert set(trained) == {(8, 2)}
    assert rows.equals(digit_pair.tabulate(more, 0, prepared))


@pytest.mark.parametrize("change", ["settings", "seed", "data", "damage"])
def test_seeds_of_another_run_or_damaged_ones_are_trained_again(prepared, digits, tmp_path, trained, caplog, change):
    kept, pixels = tmp_path / "kept", digits.test_images.copy()
    digit_pair.tabulate(SETTINGS, 0, prepared, kept)
    trained.clear()
    other, seed = SETTINGS.model_copy(update={"learning_rate": 0.2} if change == "settings" else {}), change == "seed"
    if change == "data":
        pixels[-1, 0, 0, 0] ^= 1
        prepared = tmp_path / "other.arrays"
        save(replace(digits, test_images=pixels), prepared)
    if change == "damage":
        (kept / "8-1").write_bytes((kept / "8-1").read_bytes()[:-1])
    rows = digit_pair.tabulate(other, int(seed), prepared, kept)
    everything = {(8, 0), (8, 1), (12, 0), (12, 1), (12, 2)}
    assert set(trained) == ({(8, 1)} if change == "damage" else everything)
    assert f"cannot resume from {kept / '8-1'}" in caplog.text
    assert rows.equals(digit_pair.tabulate(other, int(seed), prepared))


def test_a_killed_job_resumes_with_the_same_table(prepared, tmp_path, monkeypatch):
    whole = digit_pair.tabulate(SETTINGS, 0, prepared)
    real, calls = digit_pairs.train, []

    def dies_in_the_last_repeat(*arguments, number, **named):
        calls.append(number)
        if (arguments[2], number) == (8, 1):
            raise KeyboardInterrupt
        return real(*arguments, number=number, **named)

    monkeypatch.setattr(digit_pair, "train", dies_in_the_last_repeat)
    with pytest.raises(KeyboardInterrupt):
        digit_pair.tabulate(SETTINGS, 0, prepared, tmp_path)
    monkeypatch.setattr(digit_pair, "train", real)
    assert len(list(tmp_path.iterdir())) >= 3
    assert digit_pair.tabulate(SETTINGS, 0, prepared, tmp_path).equals(whole)
