"""Steps of every variant: against a loop over neurons, against autograd, and their definitions."""

import math

import numpy as np
import pytest
import torch

from dropatlas.phases.dynamics import (
    VARIANTS,
    FullBatchReLU,
    Multipliers,
    Rule,
    draw_mask,
    multipliers,
    outputs,
    project,
    risk,
    rms_distance,
    step,
)
from dropatlas.phases.losses import LOSSES

D, N, WIDTH, RATE, Q = 3, 6, 11, 0.7, 0.6


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def masks(count=WIDTH, keep_rate=Q, seed=0):
    rng = np.random.default_rng(seed)
    return [draw_mask(rng, (count,), keep_rate).double() for _ in range(2)]


def problem(loss="squared"):
    targets = draw(N, seed=2)
    return draw(N, D, seed=1), targets.sign() if loss == "logistic" else targets


SCALARS = {
    "relu": (lambda u: max(u, 0.0), lambda u: float(u > 0)),
    "tanh": (math.tanh, lambda u: 1 - math.tanh(u) ** 2),
    "erf": (math.erf, lambda u: 2 / math.sqrt(math.pi) * math.exp(-u * u)),
}
SLOPES = {"squared": lambda f, y: f - y, "logistic": lambda f, y: -y / (1 + math.exp(y * f))}


def looped_step(variant, name, loss, particles, inputs, targets, mask, second):
    """x_i <- x_i - τ b_i ∇⟨φ(x_i), ℓ'(f̂)⟩/N, neuron by neuron, in plain Python."""
    value, slope = SCALARS[name]
    ones = [1.0] * len(particles)
    b = {"none": ones, "forward": ones}.get(variant, mask.tolist())
    c = {"none": ones, "ram": ones, "pn_ram": second.tolist()}.get(variant, mask.tolist())
    x, z, y = particles.tolist(), inputs.tolist(), targets.tolist()
    before = [[sum(w * v for w, v in zip(neuron[1:], point, strict=True)) for point in z] for neuron in x]
    f = [sum(c[i] * x[i][0] * value(before[i][k]) for i in range(len(x))) / len(x) for k in range(len(z))]
    r = [SLOPES[loss](f[k], y[k]) for k in range(len(z))]
    moved = []
    for i, neuron in enumerate(x):
        gradient = [sum(value(before[i][k]) * r[k] for k in range(len(z))) / len(z)]
        for j in range(len(neuron) - 1):
            gradient.append(sum(neuron[0] * slope(before[i][k]) * z[k][j] * r[k] for k in range(len(z))) / len(z))
        moved.append([old - RATE * b[i] * g for old, g in zip(neuron, gradient, strict=True)])
    return torch.tensor(moved, dtype=torch.float64), torch.tensor(f, dtype=torch.float64)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", SCALARS)
@pytest.mark.parametrize("loss", SLOPES)
def test_a_step_is_the_equation_neuron_by_neuron(variant, name, loss):
    (inputs, targets), particles, (mask, second) = problem(loss), draw(WIDTH, 1 + D), masks()
    found = step(Rule(RATE, name, loss), particles, inputs, targets, multipliers(variant, mask, second))
    moved, seen = looped_step(variant, name, loss, particles, inputs, targets, mask, second)
    torch.testing.assert_close(found.particles, moved)
    torch.testing.assert_close(found.outputs, seen)
    torch.testing.assert_close(found.risk, LOSSES[loss].value(seen, targets).mean())
    assert not found.diverged


@pytest.mark.parametrize("variant", ["none", "dropout"])
@pytest.mark.parametrize("name", SCALARS)
@pytest.mark.parametrize("loss", SLOPES)
def test_dropout_is_gradient_descent_through_its_mask(variant, name, loss):
    """The parameter learning rate is n·τ: autograd of the risk with masked outputs, times n τ."""
    (inputs, targets), (mask, _) = problem(loss), masks()
    particles, rule = draw(WIDTH, 1 + D).requires_grad_(), Rule(RATE, name, loss)
    chosen = multipliers(variant, mask)
    gradient = torch.autograd.grad(risk(rule, outputs(rule, particles, inputs, chosen.forward), targets), particles)[0]
    # multiplying the output by the mask multiplies the gradient by it too
    expected = particles - WIDTH * RATE * gradient
    found = step(rule, particles.detach(), inputs, targets, chosen)
    torch.testing.assert_close(found.particles, expected.detach())


@pytest.mark.parametrize("variant", VARIANTS)
def test_at_keep_rate_one_every_variant_is_plain_gradient_descent(variant):
    (inputs, targets), particles, (mask, second) = problem(), draw(WIDTH, 1 + D), masks(keep_rate=1.0)
    plain = step(Rule(RATE), particles, inputs, targets, Multipliers(None, None))
    found = step(Rule(RATE), particles, inputs, targets, multipliers(variant, mask, second))
    torch.testing.assert_close(found.particles, plain.particles)


def test_variants_by_definition():
    mask, second = masks()
    assert multipliers("none", mask, second) == (None, None)
    assert multipliers("dropout", mask, second) == (mask, mask)
    assert multipliers("ram", mask, second) == (None, mask)
    assert multipliers("pn_ram", mask, second) == (second, mask)
    assert multipliers("forward", mask, second) == (mask, None)


def test_forward_variant_moves_dropped_neurons_and_ram_does_not():
    (inputs, targets), particles, (mask, _) = problem(), draw(WIDTH, 1 + D), masks()
    dropped = mask == 0
    still = step(Rule(RATE, "tanh"), particles, inputs, targets, multipliers("ram", mask)).particles
    moving = step(Rule(RATE, "tanh"), particles, inputs, targets, multipliers("forward", mask)).particles
    torch.testing.assert_close(still[dropped], particles[dropped], rtol=0, atol=0)
    assert (moving != particles).any(-1).all()


@pytest.mark.parametrize("keep_rate", [0.05, 0.7, 1.0])
def test_masks_are_zero_or_one_over_q_with_mean_one(keep_rate):
    mask = draw_mask(np.random.default_rng(0), (100_000,), keep_rate).double()
    assert set(mask.unique().tolist()) <= {0.0, float(torch.tensor(1.0).div(keep_rate))}
    error = math.sqrt((1 - keep_rate) / keep_rate / mask.numel())
    assert abs(mask.mean() - 1) <= 4 * error + 1e-6


def test_expected_ram_step_is_the_step_without_masks():
    (inputs, targets), particles = problem(), draw(5, 1 + D)
    rng, rule = np.random.default_rng(1), Rule(RATE, "tanh")
    drawn = draw_mask(rng, (40_000, 5), Q).double()
    found = step(rule, particles.expand(len(drawn), -1, -1), inputs, targets, Multipliers(None, drawn))
    plain = step(rule, particles, inputs, targets, Multipliers(None, None)).particles
    spread = (plain - particles).abs() * math.sqrt((1 - Q) / Q / len(drawn))
    assert ((found.particles.mean(0) - plain).abs() <= 5 * spread + 1e-12).all()


def test_batched_networks_equal_single_ones_also_on_different_minibatches():
    rule, particles, drawn = Rule(RATE, "erf", "logistic"), draw(3, WIDTH, 1 + D), draw(3, N, D, seed=1)
    labels, (mask, second) = draw(3, N, seed=2).sign(), masks()
    together = step(rule, particles, drawn, labels, multipliers("pn_ram", mask, second))
    for i in range(3):
        alone = step(rule, particles[i], drawn[i], labels[i], multipliers("pn_ram", mask, second))
        torch.testing.assert_close(together.particles[i], alone.particles)
        torch.testing.assert_close(together.risk[i], alone.risk)


def test_projection_keeps_small_weights_and_direction_of_large_ones():
    particles = torch.tensor([[0.5, 0.3, 0.4], [-5.0, 3.0, 4.0], [1.0, 0.0, 0.0]])
    expected = torch.tensor([[0.5, 0.3, 0.4], [-1.0, 0.6, 0.8], [1.0, 0.0, 0.0]])
    torch.testing.assert_close(project(particles, 1.0), expected)


def test_a_bound_holds_after_every_step():
    (inputs, targets), particles = problem(), draw(WIDTH, 1 + D)
    found = step(Rule(20.0, bound=1.5), particles, inputs, targets, Multipliers(None, None)).particles
    assert found[:, 0].abs().max() <= 1.5
    assert found[:, 1:].norm(dim=1).max() <= 1.5 + 1e-12


def test_divergence_is_marked_for_the_network_that_diverges():
    inputs, targets = problem()
    particles = torch.stack([draw(WIDTH, 1 + D), 1e200 * draw(WIDTH, 1 + D)])
    found = step(Rule(RATE), particles, inputs, targets, Multipliers(None, None))
    assert found.diverged.tolist() == [False, True]


def test_rms_distance_of_shifted_neurons():
    particles = draw(2, WIDTH, 1 + D)
    shifted = particles.clone()
    shifted[1, :, 0] += 3
    shifted[1, :, 2] += 4
    torch.testing.assert_close(rms_distance(particles, shifted), torch.tensor([0.0, 5.0], dtype=torch.float64))


@pytest.mark.parametrize("keep_rate", [0.0, -0.1, 1.1, math.nan])
def test_a_wrong_keep_rate_is_an_error(keep_rate):
    with pytest.raises(ValueError, match=r"keep_rate must be in \(0, 1\], got"):
        draw_mask(np.random.default_rng(0), (3,), keep_rate)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.inf, math.nan])
def test_a_wrong_learning_rate_is_an_error(rate):
    with pytest.raises(ValueError, match="learning_rate must be positive and finite, got"):
        Rule(rate)


def test_unknown_names_are_errors_that_list_the_known_ones():
    with pytest.raises(ValueError, match="variant must be one of none, dropout, ram, pn_ram, forward, got 'rom'"):
        multipliers("rom", masks()[0])
    with pytest.raises(ValueError, match="second, independent mask"):
        multipliers("pn_ram", masks()[0])
    with pytest.raises(ValueError, match="loss must be one of squared, logistic, got 'hinge'"):
        Rule(0.1, loss="hinge")
    with pytest.raises(ValueError, match="activation must be one of"):
        Rule(0.1, "gelu")
    with pytest.raises(ValueError, match="bound must be positive"):
        Rule(0.1, bound=0.0)


# The fast path


@pytest.mark.parametrize("loss", SLOPES)
@pytest.mark.parametrize("compiled", [True, False])
def test_the_fast_path_equals_the_general_step(loss, compiled):
    count = 37
    (inputs, targets), held_out = problem(loss), draw(5, D, seed=4)
    rule, networks = Rule(RATE, loss=loss), draw(len(VARIANTS), count, 1 + D)
    fast = FullBatchReLU(rule, inputs, targets, held_out, VARIANTS, compiled)
    for number in range(3):  # buffers are used again
        mask, second = masks(count, seed=number)
        before = networks.clone()
        seen = fast.advance(networks, mask, second)
        for row, variant in enumerate(VARIANTS):
            expected = step(rule, before[row], inputs, targets, multipliers(variant, mask, second))
            torch.testing.assert_close(networks[row], expected.particles)
            torch.testing.assert_close(seen.training[row], expected.outputs)
            torch.testing.assert_close(seen.held_out[row], outputs(rule, before[row], held_out))


def test_looking_changes_nothing():
    (inputs, targets), (mask, second), networks = problem(), masks(), draw(len(VARIANTS), WIDTH, 1 + D)
    fast = FullBatchReLU(Rule(RATE), inputs, targets, inputs, VARIANTS)
    before = networks.clone()
    looked = fast.look(networks, mask, second)
    torch.testing.assert_close(networks, before, rtol=0, atol=0)
    torch.testing.assert_close(looked.training, fast.advance(networks, mask, second).training, rtol=0, atol=0)


@pytest.mark.parametrize("kept", [0, 1, WIDTH])
def test_the_fast_path_at_masks_that_drop_all_or_nothing(kept):
    (inputs, targets), networks = problem(), draw(len(VARIANTS), WIDTH, 1 + D)
    mask = torch.zeros(WIDTH, dtype=torch.float64)
    mask[:kept] = 2.0
    before = networks.clone()
    FullBatchReLU(Rule(RATE), inputs, targets, inputs, VARIANTS).advance(networks, mask, mask.flip(0))
    for row, variant in enumerate(VARIANTS):
        expected = step(Rule(RATE), before[row], inputs, targets, multipliers(variant, mask, mask.flip(0)))
        torch.testing.assert_close(networks[row], expected.particles)


@pytest.mark.parametrize(
    ("count", "dimension", "samples", "held_out"),
    [(1, 1, 1, 1), (2, 4, 255, 257), (3, 5, 256, 256), (4, 6, 257, 0), (7, 20, 500, 500), (30, 11, 512, 3)],
)
def test_the_fast_path_at_sizes_around_those_of_the_compiled_loops(count, dimension, samples, held_out):
    inputs, targets, measured = draw(samples, dimension), draw(samples, seed=1), draw(held_out, dimension, seed=2)
    networks = draw(len(VARIANTS), count, 1 + dimension, seed=3).float()
    sides = [inputs.float(), targets.float(), measured.float(), VARIANTS]
    fast, general = FullBatchReLU(Rule(RATE), *sides, True), FullBatchReLU(Rule(RATE), *sides, False)
    expected_networks = networks.clone()
    for number in range(2):
        mask, second = (part.float() for part in masks(count, seed=number))
        seen, expected = (
            path.advance(own, mask, second) for path, own in ((fast, networks), (general, expected_networks))
        )
        for part, other in zip((networks, *seen), (expected_networks, *expected), strict=True):
            torch.testing.assert_close(part, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("compiled", [True, False])
def test_the_fast_path_without_held_out_inputs_and_with_another_width(compiled):
    (inputs, targets), networks = problem(), draw(len(VARIANTS), WIDTH, 1 + D)
    fast = FullBatchReLU(Rule(RATE), inputs, targets, draw(5, D), VARIANTS, compiled)
    for width in (WIDTH, WIDTH - 4):
        measured, unmeasured = networks[:, :width].clone(), networks[:, :width].clone()
        expected = fast.advance(measured, *masks(width))
        seen = fast.advance(unmeasured, *masks(width), held_out=False)
        assert seen.held_out.shape == (len(VARIANTS), 0)
        assert expected.held_out.shape == (len(VARIANTS), 5)
        torch.testing.assert_close(seen.training, expected.training, rtol=0, atol=0)
        torch.testing.assert_close(unmeasured, measured, rtol=0, atol=0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_the_fast_path_carries_on_what_is_not_finite(value, place):
    (inputs, targets), (_, second), networks = problem(), masks(), draw(len(VARIANTS), WIDTH, 1 + D)
    mask = torch.ones(WIDTH, dtype=torch.float64)
    networks[:, 2, place] = value
    before = networks.clone()
    fast = FullBatchReLU(Rule(RATE), inputs, targets, inputs, VARIANTS, True)
    seen = fast.advance(networks, mask, second)
    for row, variant in enumerate(VARIANTS):
        expected = step(Rule(RATE), before[row], inputs, targets, multipliers(variant, mask, second))
        torch.testing.assert_close(seen.training[row], expected.outputs, equal_nan=True)
        torch.testing.assert_close(seen.held_out[row], outputs(Rule(RATE), before[row], inputs), equal_nan=True)
        torch.testing.assert_close(networks[row].isfinite(), expected.particles.isfinite())
    assert not fast.look(networks, mask, second).training.isfinite().any()


@pytest.mark.parametrize("rule", [Rule(0.1, "tanh"), Rule(0.1, bound=1.0)])
def test_the_fast_path_refuses_what_it_cannot_do(rule):
    with pytest.raises(ValueError, match="use `step`"):
        FullBatchReLU(rule, *problem(), problem()[0], VARIANTS)
