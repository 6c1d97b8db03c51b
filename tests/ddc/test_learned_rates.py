"""The gradient-to-rate map and its search."""

import numpy as np
import pytest
import torch
from torch import nn

from dropatlas.ddc.learned_rates import (
    GradientMapLinear,
    best_map,
    interpolated,
    published_rates,
    put_map,
    search,
)
from dropatlas.ddc.settings import Cell, LearnedSearch
from dropatlas.layers import DynamicDropConnectLinear
from dropatlas.layers.probabilities import z_scores
from dropatlas.tasks.ddc.learned_search import tabulate
from dropatlas.training import Recipe


def test_interpolation_is_numpys():
    knots, rates = [-0.7, 0.1, 2.0], [0.6, 0.2, 0.4]
    z = torch.linspace(-3, 4, 101, dtype=torch.float64)
    found = interpolated(z, torch.tensor(knots).double(), torch.tensor(rates).double())
    assert np.allclose(found.numpy(), np.interp(z.numpy(), knots, rates))


def test_a_layer_with_a_map_draws_with_the_rates_of_its_gradient():
    layer = GradientMapLinear(6, 5, knots=[-1.0, 1.0], rates=[0.8, 0.1])
    layer(torch.randn(4, 6)).square().sum().backward()
    expected = np.interp(z_scores(layer.weight.grad.abs()).numpy(), [-1, 1], [0.8, 0.1])
    assert np.allclose(layer.edge_drop_probability.numpy(), expected, atol=1e-6)
    layer.eval()
    assert torch.equal(layer(torch.eye(6)), nn.functional.linear(torch.eye(6), layer.weight, layer.bias))


def test_a_dense_map_of_the_published_formula_is_ddc():
    knots = [*np.linspace(-1.5, -1e-6, 200), *np.linspace(1e-6, 3, 5)]
    layers = GradientMapLinear(6, 5, knots=knots, rates=published_rates(knots)), DynamicDropConnectLinear(6, 5)
    layers[1].load_state_dict(layers[0].state_dict())
    inputs = torch.randn(4, 6)
    for layer in layers:
        layer(inputs).square().sum().backward()
    assert torch.allclose(*(layer.edge_drop_probability for layer in layers), atol=1e-4)


@pytest.mark.parametrize(
    ("knots", "rates", "message"),
    [([0.0, 0.0], [0.1, 0.2], "knots must increase"), ([0.0, 1.0], [0.1, 1.0], r"rates must be in \[0, 1\)")],
)
def test_maps_that_are_none_are_refused(knots, rates, message):
    with pytest.raises(ValueError, match=message):
        GradientMapLinear(2, 2, knots=knots, rates=rates)


def test_a_gradient_that_is_not_finite_is_an_error():
    layer = GradientMapLinear(2, 2, knots=[0.0, 1.0], rates=[0.1, 0.2])
    with pytest.raises(FloatingPointError, match="not finite"):
        layer(torch.full((1, 2), torch.inf)).sum().backward()


def test_put_map_keeps_the_parameters():
    model = nn.Sequential(nn.Linear(3, 4))
    weight = model[0].weight
    put_map(model, ["0"], [0.0, 1.0], [0.5, 0.1])
    assert model[0].weight is weight
    assert model[0].rates == (0.5, 0.1)


SEARCH = LearnedSearch(
    knots=[-0.5, 0.5],
    highest_rate=0.9,
    deviation=0.3,
    generations=2,
    candidates=3,
    cell=Cell(
        data="friedman",
        model="tabular_mlp",
        train_size=60,
        seeds=2,
        recipe=Recipe(epochs=1, learning_rate=0.02, batch_size=16),
    ),
)


def test_the_search_starts_from_the_published_map_and_improves_on_the_best():
    found = list(search(SEARCH, 1, None, None))
    assert [(one.generation, one.number) for one in found] == [(g, n) for g in (0, 1) for n in (0, 1, 2)]
    assert found[0].rates == pytest.approx(published_rates(SEARCH.knots), abs=1e-4)
    assert found[1].rates == (0.5, 0.5)
    assert all(0 <= rate <= 0.9 for one in found for rate in one.rates)
    assert len({one.rates for one in found}) == 6
    assert [one.rates for one in search(SEARCH, 1, None, None)] == [one.rates for one in found]
    scores = {one.rates: np.mean(one.validation_losses) for one in found}
    table = tabulate(SEARCH, 1)
    knots, rates = best_map(table)
    assert knots == SEARCH.knots
    assert tuple(rates) == min(scores, key=scores.get)
