"""The digit experiment: data, steps against autograd and the general step, sampling, the table."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dropatlas.data import DataSet, save
from dropatlas.phases import digit_pairs
from dropatlas.phases.digit_pairs import Network, batches, descend, digit_problem, draw_network, measure, train
from dropatlas.phases.dynamics import Rule, draw_mask, multipliers, step
from dropatlas.phases.names import VARIANTS
from dropatlas.phases.settings import DigitPair
from dropatlas.tasks.phases import digit_pair

SETTINGS = DigitPair(
    classes="pair",
    width=8,
    drop_rates=[0.2, 0.4],
    seeds=2,
    steps=6,
    measurements=3,
    batch_size=8,
    learning_rate=0.25,
    held_out=10,
    evaluated=100,
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


def minibatch(problem, count=12):
    return problem.inputs["training"][:count].double(), problem.labels["training"][:count]


def double(network):
    return Network(network.output.double(), network.hidden.double())


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_step_is_the_general_step_with_logistic_loss(digits, variant):
    problem = digit_problem(digits, "pair", 10, 0)
    inputs, labels = minibatch(problem)
    network = double(draw_network(problem, 9, 0, 0))
    rng = np.random.default_rng(0)
    masks = multipliers(variant, *(draw_mask(rng, (9,), 0.6).double() for _ in range(2)))
    particles = torch.cat([network.output, network.hidden], dim=1)
    expected = step(Rule(0.25, loss="logistic"), particles, inputs, labels.double(), masks).particles
    descend(problem, network, inputs, labels.double(), *masks, 0.25)
    torch.testing.assert_close(torch.cat([network.output, network.hidden], dim=1), expected)


@pytest.mark.parametrize("classes", ["pair", "all"])
@pytest.mark.parametrize("variant", ["none", "dropout"])
def test_a_step_is_gradient_descent_on_the_masked_loss(digits, classes, variant):
    problem = digit_problem(digits, classes, 10, 0)
    inputs, labels = minibatch(problem)
    labels = labels.double() if classes == "pair" else labels
    network = double(draw_network(problem, 9, 0, 0))
    masks = multipliers(variant, draw_mask(np.random.default_rng(0), (9,), 0.6).double())
    a, b = network.output.clone().requires_grad_(), network.hidden.clone().requires_grad_()
    factor = torch.ones(9, dtype=torch.float64) if masks.forward is None else masks.forward
    predicted = torch.relu(inputs @ b.T) @ (a * factor[:, None]) / 9
    if classes == "pair":
        loss = torch.log1p(torch.exp(-labels * predicted[:, 0])).mean()
    else:
        loss = torch.nn.functional.cross_entropy(predicted, labels)
    by_a, by_b = torch.autograd.grad(loss, (a, b))
    descend(problem, network, inputs, labels, *masks, 0.25)
    torch.testing.assert_close(network.output, (a - 9 * 0.25 * by_a).detach())
    torch.testing.assert_close(network.hidden, (b - 9 * 0.25 * by_b).detach())


def test_measured_risk_and_accuracy(digits):
    problem = digit_problem(digits, "pair", 10, 0)
    width = 300  # more than one block
    network = draw_network(problem, width, 0, 0)
    inputs, labels = problem.inputs["test"][:15], problem.labels["test"][:15]
    predicted = torch.relu(inputs @ network.hidden.T) @ network.output[:, 0] / width
    found_risk, accuracy = measure(problem, network, "test", 15)
    assert found_risk == pytest.approx(float(torch.log1p(torch.exp(-labels * predicted)).mean()), rel=1e-5)
    assert accuracy == pytest.approx(float((torch.sign(predicted) == labels).float().mean()))


def test_minibatches_are_without_replacement():
    draws = batches(np.random.default_rng(0), 10, 3)
    epochs = [torch.cat([next(draws) for _ in range(3)]).tolist() for _ in range(2)]
    assert all(len(set(epoch)) == 9 for epoch in epochs)
    assert epochs[0] != epochs[1]
    with pytest.raises(ValueError, match=r"batch_size must be in \[1, 10\]"):
        next(batches(np.random.default_rng(0), 10, 11))


def test_initial_scale_is_that_of_all_pixels(digits):
    network = draw_network(digit_problem(digits, "pair", 10, 0), 5000, 0, 0)
    assert network.hidden.square().mean() == pytest.approx(1 / 16, rel=0.05)
    assert network.output.square().mean() == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("classes", ["pair", "all"])
def test_networks_learn(digits, classes):
    problem = digit_problem(digits, classes, 10, 0)
    found = train(problem, "dropout", 0.8, 100, 0.25, 16, [0, 600], 100, 0, 0)
    chance = np.log(2 if classes == "pair" else 10)
    assert found[0, 2, 0] == pytest.approx(chance, rel=0.15)
    assert found[1, 2, 0] < 0.5 * chance
    assert found[1, 2, 1] > 0.9


def test_variants_coincide_when_nothing_is_dropped(digits):
    problem = digit_problem(digits, "pair", 10, 0)
    ends = [train(problem, variant, 1.0, 8, 0.25, 8, [5], 100, 0, 0) for variant in VARIANTS]
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
    assert len(rows) == 2 * (1 + 2 * 4) * 4 * 3
    assert set(rows[rows.variant == "none"].drop_rate) == {0.0}
    assert set(rows.step) == {0, 2, 4, 6}
    start = rows[(rows.step == 0) & (rows.part == "test")]
    assert (start.groupby("seed").risk.nunique() == 1).all()  # all runs of a number start alike
    assert rows.equals(digit_pair.tabulate(SETTINGS, 0, prepared))


def test_a_diverging_run_is_marked(prepared):
    rows = digit_pair.tabulate(SETTINGS.model_copy(update={"learning_rate": 1e30}), 0, prepared)
    assert rows[rows.step == 6].diverged.all()
    assert not rows[rows.step == 0].diverged.any()


@pytest.fixture
def trained(monkeypatch):
    """Numbers of the seeds that are trained, not read."""
    numbers = []
    monkeypatch.setattr(digit_pair, "train", lambda *given: numbers.append(given[-1]) or digit_pairs.train(*given))
    return numbers


def test_more_seeds_go_on_from_those_that_are_finished(prepared, tmp_path, trained):
    digit_pair.tabulate(SETTINGS, 0, prepared, tmp_path)
    trained.clear()
    more = SETTINGS.model_copy(update={"seeds": 3})
    rows = digit_pair.tabulate(more, 0, prepared, tmp_path)
    assert set(trained) == {2}
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
        (kept / "1").write_bytes((kept / "1").read_bytes()[:-1])
    rows = digit_pair.tabulate(other, int(seed), prepared, kept)
    assert set(trained) == ({1} if change == "damage" else {0, 1})
    assert f"cannot resume from {kept / '1'}" in caplog.text
    assert rows.equals(digit_pair.tabulate(other, int(seed), prepared))


def test_a_killed_job_resumes_with_the_same_table(prepared, tmp_path, monkeypatch):
    whole = digit_pair.tabulate(SETTINGS, 0, prepared)
    real, calls = digit_pairs.train, []

    def dies_in_the_second_repeat(*arguments):
        calls.append(arguments[-1])
        if arguments[-1] == 1:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(digit_pair, "train", dies_in_the_second_repeat)
    with pytest.raises(KeyboardInterrupt):
        digit_pair.tabulate(SETTINGS, 0, prepared, tmp_path)
    monkeypatch.setattr(digit_pair, "train", real)
    assert len(list(tmp_path.iterdir())) == 1
    assert digit_pair.tabulate(SETTINGS, 0, prepared, tmp_path).equals(whole)
