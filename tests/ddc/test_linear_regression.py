"""The ensemble of two-parameter regressions does what the layer and torch's SGD do."""

import numpy as np
import pytest
import torch

from dropatlas.ddc.linear_regression import (
    Descent,
    descend,
    descend_problem,
    drops_by_importance,
    excess_risk,
    hessian,
    late_risk,
    masked_step,
    risk_gradient,
    starts,
    steps_to_target,
)
from dropatlas.ddc.rules import MEAN_RATE, RULES
from dropatlas.ddc.settings import Regression
from dropatlas.layers import DropBigGradientLinear, DynamicDropConnectLinear, drop_probabilities

CURVATURE = hessian((3.0, 1.0), 0.3)


@pytest.mark.parametrize("name", RULES)
def test_paths_are_those_of_the_layer(name):
    rule, steps, rate = RULES[name], 40, 0.02
    # Inputs whose covariance is the Hessian: the squared loss of such a table is the risk.
    inputs = torch.linalg.cholesky(CURVATURE).T * np.sqrt(2)
    targets = inputs.sum(1, keepdim=True)
    build = DropBigGradientLinear if rule.drops == "big" else DynamicDropConnectLinear
    options = {"base_rate": rule.base_rate, "gradient_rate": rule.gradient_rate, "gradient": rule.gradient}
    layer = build(2, 1, bias=False, dtype=torch.float64, **options)
    start = starts(5, 1.0)[:1]
    with torch.no_grad():
        layer.weight.copy_(start)
    optimiser = torch.optim.SGD(layer.parameters(), rate)
    torch.manual_seed(3)
    path = [layer.weight.detach().clone()]
    for _ in range(steps):
        optimiser.zero_grad()
        (0.5 * (layer(inputs) - targets).square().mean()).backward()
        optimiser.step()
        path.append(layer.weight.detach().clone())
    draws = torch.Generator().manual_seed(3)
    run = descend(rule, CURVATURE, rate, start, steps, draws)
    assert torch.allclose(run.weights[:, 0], torch.cat(path), atol=1e-6)
    assert run.dropped.any() == (name != "none")


def test_two_edges_have_two_probabilities_whatever_the_gradient():
    for gradient in ([1.0, 2.0], [1e-9, 1e3], [0.0, 5.0]):
        found = drop_probabilities(torch.tensor([gradient], dtype=torch.float64))
        assert found.tolist() == [[pytest.approx(0.634881, abs=1e-6), pytest.approx(0.3)]]
    assert pytest.approx((0.634881 + 0.3) / 2, abs=1e-6) == MEAN_RATE


def test_gradient_is_that_of_the_risk():
    weights = torch.tensor([[0.2, -0.7], [3.0, 1.0]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(excess_risk(weights, CURVATURE).sum(), weights)
    assert torch.allclose(gradient, risk_gradient(weights.detach(), CURVATURE))
    assert excess_risk(torch.ones(2).double(), CURVATURE) == 0


def test_a_step_by_hand():
    # One edge dropped: the other is doubled, and with the chain rule so is its gradient; the dropped one gets none.
    curvature = torch.eye(2, dtype=torch.float64)
    weights, probability = torch.tensor([[0.25, 2.0]]).double(), torch.full((1, 2), 0.5).double()
    uniform = torch.tensor([[0.9, 0.1]])
    for name, expected in (("ddc", [0.25 + 0.05, 2.0 + 0.1]), ("ddc_masked", [0.25 + 0.1, 2.0])):
        new, following, dropped, _ = masked_step(weights, probability, uniform, RULES[name], curvature, 0.1)
        assert new.tolist() == [pytest.approx(expected)]
        assert dropped.tolist() == [[False, True]]
        assert following.tolist()[0] == pytest.approx([0.634881, 0.3] if name == "ddc" else [0.3, 0.634881], abs=1e-6)


def test_steps_to_target_and_what_never_gets_there():
    risks = torch.tensor([[1.0, 2.0, 1.0], [0.6, 1.9, 0.5], [0.4, 1.8, 0.6]])
    assert steps_to_target(risks, 0.5)[[0, 2]].tolist() == [2, 1]
    assert np.isnan(steps_to_target(risks, 0.5)[1])


def test_drops_are_assigned_by_the_present_gradient():
    weights = torch.tensor([[[0.0, 0.0]], [[0.0, 0.9]], [[0.9, 0.0]], [[0.0, 0.9]]]).double()
    dropped = torch.tensor([[[True, True]], [[False, True]], [[False, True]]])
    run = Descent(weights, torch.zeros(3, 1, 2), dropped, torch.zeros(4, 1))
    # in step 1 the second edge is the smaller one, in step 2 the larger one; step 0 does not count
    small, large = drops_by_importance(run, torch.eye(2, dtype=torch.float64), 3)
    assert (small.tolist(), large.tolist()) == ([0.5], [0.5])


REGRESSION = Regression(
    scales=[[3.0, 1.0]],
    correlation=0.3,
    learning_rates=[0.5],
    radius=1.0,
    steps=8,
    approach_steps=4,
    targets=[0.1],
    seeds=10,
    shown=2,
    shown_steps=4,
)


def test_learning_rates_are_in_units_of_what_is_stable():
    start = starts(10, 1.0)
    for rate, stable in ((0.95, True), (1.05, False)):
        run = descend_problem(REGRESSION, (3.0, 1.0), rate, "none", start, 400, np.random.SeedSequence(1))
        assert (run.risks[-1] < run.risks[0]).all() == stable
    masked = [
        descend_problem(REGRESSION, (3.0, 1.0), 0.1, "ddc", start, 8, np.random.SeedSequence(seed))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(masked[0].dropped, masked[1].dropped)
    assert not torch.equal(masked[0].dropped, masked[2].dropped)


def test_late_risk_is_the_mean_of_the_last_quarter():
    risks = torch.tensor([[2.0, 4.0], *[[9.0, 9.0]] * 6, [1.0, 3.0], [3.0, 5.0]])  # of eight steps
    assert late_risk(risks).tolist() == pytest.approx([(1 + 3) / 2 / 2, (3 + 5) / 2 / 4])
