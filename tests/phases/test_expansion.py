"""Masks of one step: their law, and their cost against brute force and the expansion."""

from itertools import product

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from dropatlas.phases.curvature import along_gradient
from dropatlas.phases.expansion import all_masks, balanced_masks, costs_of_masks, draw_masks
from dropatlas.phases.losses import LOSSES
from dropatlas.phases.neurons import ACTIVATIONS, features, pullback
from dropatlas.phases.settings import Expansion
from dropatlas.tasks.phases import expansion as task

SETTINGS = {
    "data": {"dimension": 3, "samples": 8, "teachers": 2},
    "activations": ["tanh"],
    "losses": ["squared", "logistic"],
    "widths": [3, 12],
    "keep_rates": [0.5, 0.25],
    "neuron_step": 0.001,
    "learning_rate": 0.5,
    "training_keep_rate": 0.5,
    "stages": [0, 4],
    "masks": 40,
    "seeds": 3,
}


def problem(width=5, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(*shape, generator=draw, dtype=torch.float64) for shape in ((width, 4), (7, 3), (7,)))


def test_all_masks_have_the_probabilities_of_independent_neurons():
    masks = all_masks(3, 0.2)
    expected = {bits: np.prod([0.2 if bit else 0.8 for bit in bits]) for bits in product((0.0, 1.0), repeat=3)}
    found = dict(zip(map(tuple, masks.kept.tolist()), masks.weights.tolist(), strict=True))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("keep", [0.5, 0.2])
def test_balanced_masks_keep_every_neuron_once_and_each_has_the_law_of_independent_neurons(keep):
    groups = round(1 / keep)
    masks = balanced_masks(np.random.default_rng(0), 20_000, 3, keep)
    assert (masks.kept.reshape(-1, groups, 3).sum(1) == 1).all()
    assert masks.weights.sum().item() == pytest.approx(1)
    first = masks.kept[::groups]  # one of every division: independent draws
    patterns, counts = first.unique(dim=0, return_counts=True)
    exact = {tuple(bits): chance for bits, chance in zip(*map(torch.Tensor.tolist, all_masks(3, keep)), strict=True)}
    for pattern, count in zip(patterns.tolist(), counts.tolist(), strict=True):
        chance = exact[tuple(pattern)]
        assert abs(count / len(first) - chance) < 5 * (chance * (1 - chance) / len(first)) ** 0.5


def test_few_neurons_get_all_masks():
    rng = np.random.default_rng(0)
    assert len(draw_masks(rng, 10, 5, 0.5).kept) == 32
    assert len(draw_masks(rng, 10, 50, 0.2).kept) == 10


@pytest.mark.parametrize("name", LOSSES)
def test_costs_are_those_of_steps_taken_mask_by_mask_and_of_the_expansion_with_the_third_term(name):
    sigma, loss = ACTIVATIONS["tanh"], LOSSES[name]
    particles, inputs, targets = problem()
    targets = targets if name == "squared" else targets.sign()
    keep, alpha = 0.25, 0.001
    masks = all_masks(5, keep)
    found = costs_of_masks(sigma, loss, particles, inputs, targets, {keep: masks}, alpha)[keep]

    def risk(state):
        return loss.value(features(sigma, state, inputs).mean(-2), targets).mean(-1)

    gradient = pullback(sigma, particles, inputs, loss.first(features(sigma, particles, inputs).mean(-2), targets)) / 7
    costs = []
    for size in (alpha, -alpha):
        after = risk(particles - size * masks.kept[..., None] * gradient)
        costs.append((masks.weights * after).sum() - risk(particles - keep * size * gradient))
    assert found == pytest.approx((sum(costs) / (keep * alpha) ** 2).item(), rel=1e-6)
    terms, variance = along_gradient(sigma, loss, particles, inputs, targets), 1 / keep - 1
    assert found == pytest.approx((variance * (terms.curved + terms.self_interaction / 5)).item(), rel=1e-4)


def test_table_measures_every_network_stage_and_keep_rate(tmp_path):
    settings = Expansion.model_validate(SETTINGS)
    rows = task.tabulate(settings, 1, tmp_path)
    assert list(rows.columns) == list(task.MEANINGS)
    assert len(rows) == 2 * 2 * 3 * 2 * 2
    assert (rows.all_masks == (rows.width == 3)).all()
    exact = rows[rows.all_masks]
    assert exact.measured.to_numpy() == pytest.approx((exact.by_curvature + exact.by_itself).to_numpy(), rel=1e-3)
    risks = rows[rows.loss == "squared"].groupby("step").risk.mean()
    assert risks[4] < risks[0]
    assert task.tabulate(settings, 1, tmp_path).equals(rows)


def test_keep_rates_are_inverses_of_whole_numbers():
    with pytest.raises(ValidationError, match="one over a whole number"):
        Expansion.model_validate(SETTINGS | {"keep_rates": [0.3]})
