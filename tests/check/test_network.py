"""The check of widths against closed forms, enumerated masks and sampled ones; its text; its command."""

import itertools
import math
import sys
import time

import numpy as np
import pytest

from dropatlas import cli
from dropatlas.check import MaskCheck, check_network
from dropatlas.check.crossing import Chain
from dropatlas.percolation import (
    bond_crossing_probability,
    bond_extinction_probability,
    site_crossing_probability,
)
from dropatlas.stats import Interval


def enumerated_crossing(widths: list[int], vertex_rates: list[float], edge_rates: list[float]) -> float:
    """θ as the sum over all masks of vertices and edges."""
    vertices = [(layer, i) for layer in range(len(widths)) for i in range(widths[layer])]
    edges = [(a, i, j) for a in range(len(widths) - 1) for i in range(widths[a]) for j in range(widths[a + 1])]
    total = 0.0
    for kept in itertools.product((False, True), repeat=len(vertices) + len(edges)):
        vertex_kept = dict(zip(vertices, kept, strict=False))
        edge_kept = dict(zip(edges, kept[len(vertices) :], strict=True))
        rates = [*(vertex_rates[layer] for layer, _ in vertices), *(edge_rates[layer] for layer, _, _ in edges)]
        weight = math.prod(1 - rate if bit else rate for rate, bit in zip(rates, kept, strict=True))
        if weight == 0:
            continue
        reached = {i for i in range(widths[0]) if vertex_kept[0, i]}
        for layer in range(len(widths) - 1):
            reached = {
                j
                for j in range(widths[layer + 1])
                if vertex_kept[layer + 1, j] and any(edge_kept[layer, i, j] for i in reached)
            }
        if reached:
            total += weight
    return total


# Numbers.


def test_site_network_by_hand():
    found = check_network([10, 2, 2, 2, 5], 0.5, batch_size=2, steps=1000, learning_rate=0.01)
    theta = 0.75**3
    assert found.theta == pytest.approx(theta, rel=1e-12)
    assert found.cut_probability == pytest.approx(1 - theta, rel=1e-12)
    assert found.useless_samples == pytest.approx(2000 * (1 - theta))
    assert found.step_cut_probability == pytest.approx((1 - theta) ** 2)
    assert found.useless_steps == pytest.approx(1000 * (1 - theta) ** 2)
    assert found.safe_width == 9  # (1 - 2^-9)^3 = 0.994, (1 - 2^-8)^3 = 0.988
    assert found.rate_sum == pytest.approx(10)
    assert found.agreement == pytest.approx(0.5**3)
    assert found.signal_factor == pytest.approx(0.5**1.5)
    assert found.allowed_depth == "8 masked layers"  # 0.5^8 = e^-5.5, 0.5^9 = e^-6.2
    assert any("0.422" in text for text in found.warnings)
    assert any("were 4.22, not 10" in text for text in found.warnings)


def test_what_draws_a_mask_decides_what_a_useless_step_is():
    """Useless: no sample has a path. Against masks drawn one by one."""
    widths, p, size, steps = [3, 2, 2, 1], 0.6, 3, 100_000
    generator = np.random.default_rng(0)
    crosses = (generator.random((steps, size, 2, 2)) >= p).any(3).all(2)
    for masks, share in (("sample", 1 - crosses.any(1).mean()), ("step", 1 - crosses[:, 0].mean())):
        found = check_network(widths, p, masks=masks, batch_size=size)
        spread = math.sqrt(share * (1 - share) / steps)
        assert found.step_cut_probability == pytest.approx(share, abs=4 * spread)
    assert check_network(widths, p).masks == "sample"
    assert check_network(widths, p).step_cut_probability is None
    assert check_network(widths, p, "bond").masks == "step"


def test_bond_networks_agree_with_the_forward_chain():
    generator = np.random.default_rng(0)
    for _ in range(100):
        widths, p = generator.integers(1, 25, generator.integers(2, 9)).tolist(), generator.random()
        found = check_network(widths, p, model="bond")
        assert found.theta == pytest.approx(bond_crossing_probability(p, widths=widths), rel=1e-11)
        assert found.cut_probability == pytest.approx(bond_extinction_probability(p, widths=widths), rel=1e-11)
    assert found.steps is None
    assert found.useless_steps is None


@pytest.mark.parametrize(
    ("widths", "vertex_rates", "edge_rates"),
    [
        ((2, 2, 2, 1), (0.0, 0.2, 0.5, 0.0), (0.3, 0.6, 0.4)),
        ((2, 2, 2, 1), (0.0, 0.0, 0.4, 0.0), (0.7, 0.0, 0.6)),
        ((2, 2, 2), (0.3, 0.2, 0.4), (0.0, 0.0)),
        ((2, 2, 2), (0.3, 0.2, 0.4), (0.5, 0.6)),
        ((3, 2), (0.3, 0.4), (0.5,)),
    ],
)
def test_unequal_rates_of_edges_and_vertices_agree_with_all_masks(widths, vertex_rates, edge_rates):
    theta, cut = Chain(widths, vertex_rates, edge_rates).crossing()
    assert theta == pytest.approx(enumerated_crossing(widths, vertex_rates, edge_rates), rel=1e-12)
    assert cut == pytest.approx(1 - theta, rel=1e-12)


def test_extinction_is_accurate_where_theta_rounds_to_one():
    assert check_network([64, 64, 64], 0.3).cut_probability == pytest.approx(0.3**64, rel=1e-9)
    bond = check_network([9, 12, 12, 9], 0.1, model="bond")
    assert bond.theta == 1
    assert bond.cut_probability == pytest.approx(bond_extinction_probability(0.1, widths=[9, 12, 12, 9]), rel=1e-9)


def test_wide_bond_networks_take_seconds_or_say_what_is_too_wide():
    start = time.process_time()
    found = check_network([64, 20_000, 20_000, 10], 0.9999, model="bond")
    with pytest.raises(ValueError, match=r"20000 and 20000 .* limit is 2.5e\+07; .* at most 5000 vertices") as error:
        check_network([64, 20_000, 20_000, 20_000, 10], 0.5, model="bond")
    assert time.process_time() - start < 5
    assert "lower bound" in str(error.value)
    # The counts of reached vertices, drawn layer by layer.
    generator, counts = np.random.default_rng(0), np.full(200_000, 64)
    for width in (20_000, 20_000, 10):
        counts = generator.binomial(width, -np.expm1(counts * math.log(0.9999)))
    spread = math.sqrt(found.theta * found.cut_probability / 200_000)
    assert (counts > 0).mean() == pytest.approx(found.theta, abs=4.5 * spread + 1e-9)


# Signal.


@pytest.mark.parametrize("rescaled", [True, False])
def test_the_agreement_of_linear_networks_is_the_product_of_the_keep_rates(rescaled):
    """Means over weights and masks of y1·y2 and y² for y = W3 D2 W2 D1 W1 x, two masks of the same weights."""
    generator, p, width, networks = np.random.default_rng(1), 0.4, 6, 40_000
    x = generator.normal(size=width)
    outputs = []
    weights = [generator.normal(size=(networks, width, width)) / math.sqrt(width) for _ in range(3)]
    for _ in range(2):
        h = np.einsum("nij,j->ni", weights[0], x)
        for w in weights[1:]:
            h = h * (generator.random(h.shape) >= p) / (1 - p if rescaled else 1)
            h = np.einsum("nij,nj->ni", w, h)
        outputs.append(h)
    first, second = outputs
    found = check_network([width] * 4, p)
    assert (first * second).sum() / (first**2).sum() == pytest.approx(found.agreement, rel=0.06)
    if not rescaled:
        without = np.einsum("nij,njk,nkl,l->ni", *weights[::-1], x)
        assert math.sqrt((first**2).sum() / (without**2).sum()) == pytest.approx(found.signal_factor, rel=0.03)


def test_depth_drowns_the_signal_where_paths_are_left():
    deep = check_network([64, *[64] * 20, 10], 0.5)
    assert deep.cut_probability < 1e-15
    assert len(deep.warnings) == 1
    assert "two masks agree on a share 9.5e-07" in deep.warnings[0]
    assert "reached at 8 masked layers" in deep.warnings[0]
    assert not check_network([64, *[64] * 8, 10], 0.5).warnings
    assert check_network([64, *[64] * 9, 10], 0.5).warnings


def test_a_short_plan_is_no_alarm_without_lost_paths():
    for p in (0.0, 0.1):
        assert not check_network([64, 64, 64, 10], p, steps=10, learning_rate=1e-4).warnings
    assert not check_network([64, 64, 10], 0.0, "bond", steps=1, rate_sum=1e-6).warnings


# Safe width.


@pytest.mark.parametrize(
    ("widths", "p", "theta"), [([10, 4, 1], 0.5, 0.937), ([5, 3, 3, 1], 0.9, 0.0348), ([8, 3, 3, 3, 2], 0.6, 0.799)]
)
def test_the_safe_width_keeps_input_and_output(widths, p, theta):
    found = check_network(widths, p, model="bond")
    assert found.theta == pytest.approx(theta, rel=0.01)
    assert found.safe_width > widths[1]
    assert any(f"width {found.safe_width} would leave one with probability 0.99" in text for text in found.warnings)


@pytest.mark.parametrize("model", ["site", "bond"])
def test_the_safe_width_is_the_smallest_that_reaches_the_target(model):
    crossing = {"site": site_crossing_probability, "bond": bond_crossing_probability}[model]
    generator = np.random.default_rng(1)
    for _ in range(60):
        depth, p = int(generator.integers(1, 6)), generator.uniform(0, 0.95)
        w_in, w_out = generator.integers(1, 12, 2).tolist()
        width = check_network([w_in, *generator.integers(1, 9, depth).tolist(), w_out], p, model=model).safe_width
        assert crossing(p, widths=[w_in, *[width] * depth, w_out]) >= 0.99
        if width > 1:
            assert crossing(p, widths=[w_in, *[width - 1] * depth, w_out]) < 0.99


def test_the_target_itself_counts_as_reached():
    assert check_network([3, 2, 3], 0.1).safe_width == 2  # 1 - 0.1^2 = 0.99
    assert not check_network([3, 2, 3], 0.1).warnings


def with_rates(width: int, vertex_rates: list[float], edge_rates: list[float]) -> Chain:
    return Chain((3, *[width] * len(vertex_rates), 2), (0.0, *vertex_rates, 0.0), tuple(edge_rates))


def test_the_safe_width_of_unequal_rates_is_the_smallest_that_reaches_the_target():
    generator = np.random.default_rng(2)
    for _ in range(20):
        depth = int(generator.integers(1, 5))
        rates = generator.uniform(0, 0.9, depth) * generator.integers(0, 2, depth)
        edge_rates = generator.uniform(0, 0.9, depth + 1) * generator.integers(0, 2, depth + 1)
        width = with_rates(4, rates, edge_rates).safe_width()
        assert with_rates(width, rates, edge_rates).crossing()[0] >= 0.99
        assert width == 1 or with_rates(width - 1, rates, edge_rates).crossing()[0] < 0.99


def test_theta_grows_with_the_width_at_unequal_rates():
    thetas = [with_rates(width, [0.2, 0.0, 0.7], [0.8, 0.5, 0.0, 0.9]).crossing()[0] for width in range(1, 40)]
    assert thetas == sorted(thetas)
    assert thetas[0] < 0.1
    assert thetas[-1] > 0.85


def test_a_hidden_layer_without_dropout_does_not_hide_the_safe_width():
    assert with_rates(3, [0.5, 0.0], [0.0, 0.0, 0.0]).safe_width() == 7  # 1 - 2^-7 = 0.992, 1 - 2^-6 = 0.984


def test_no_safe_width_is_said_with_its_reason():
    found = check_network([8, 4, 8], 1.0, masks="step", steps=10, learning_rate=0.1)
    assert found.theta == 0
    assert found.safe_width is None
    assert found.useless_steps == 10
    assert "no width reaches theta >= 0.99: p = 1 removes everything" in str(found)
    assert any("they need more steps than there are" in text for text in found.warnings)
    assert "no hidden layer to widen" in str(check_network([2, 1], 0.5, model="bond"))
    found = check_network([8, 8, 8, 8, 8], 0.9999, model="bond")
    assert found.safe_width is None
    assert any("up to 2048, where the search ends" in text for text in found.warnings)


# Text and command line.


def test_the_text_says_what_matters():
    text = str(check_network([64, 64, 10], 0.5, steps=100, learning_rate=1.0))
    assert "verdict      masks are no problem" in text
    assert "1 hidden layer\n" in text
    assert "one per sample" in text
    assert "give the batch size" in text
    assert "biases behind the cut still follow the labels" in text
    text = str(check_network([8, 1, 1, 1, 8], 0.5, batch_size=128))
    assert "warning" in text
    assert "of 128 a step about 16 count" in " ".join(text.split())
    assert "verdict" not in text


def test_the_text_of_mixed_masks_gives_a_bound():
    found = MaskCheck("exact", "both", 0.75, 0.25, batch_size=4, steps=100)
    assert found.useless_steps == 25
    assert "useless      at most 25 of 100 steps" in str(found)


def test_few_samples_are_no_clean_bill():
    few = MaskCheck("sampled", "sample", 1.0, 0.0, cut_interval=Interval(0.0, 0.0, 0.06))
    assert "that more than 0.01 are cut is not excluded: draw more samples" in str(few)
    many = MaskCheck("sampled", "sample", 1.0, 0.0, cut_interval=Interval(0.0, 0.0, 0.004))
    assert "masks are no problem" in str(many)


def run_check(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["dropatlas", "check", "--widths", "10,4,1", "--drop-rate", "0.5", *arguments])
    cli.main()


def test_the_command_prints_the_check(monkeypatch, capsys):
    run_check(monkeypatch, "--model", "bond", "--steps", "100", "--learning-rate", "0.1")
    text = capsys.readouterr().out
    assert "theta        0.937256" in text
    assert "safe width   7 " in text
    assert "6.274 of 100 steps" in text
    run_check(monkeypatch, "--model", "bond", "--masks", "sample", "--batch-size", "2", "--steps", "100")
    text = capsys.readouterr().out
    assert "12.55 of 200 samples" in text
    assert "0.3937 of 100 steps" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--steps", "9" * 400), "error: steps must be at most 1e.18, got an integer of 400 digits"),
        (("--learning-rate", "0.1"), "error: learning_rate needs steps"),
        (("--batch-size", "0"), "error: batch_size must be an integer >= 1, got 0"),
    ],
)
def test_the_command_refuses_plans_without_sense(monkeypatch, arguments, message):
    with pytest.raises(SystemExit, match=message):
        run_check(monkeypatch, *arguments)


def test_bad_values_are_named():
    with pytest.raises(ValueError, match=r"drop_rate must be in \[0, 1\], got 1.5"):
        check_network([3, 3, 3], 1.5)
    with pytest.raises(ValueError, match="steps must be an integer >= 1, got 0"):
        check_network([3, 3, 3], 0.5, steps=0)
    with pytest.raises(ValueError, match="steps must be an integer >= 1, got True"):
        check_network([3, 3, 3], 0.5, steps=True)
    with pytest.raises(ValueError, match="learning_rate must be a finite number > 0"):
        check_network([3, 3, 3], 0.5, steps=1, learning_rate=-1.0)
    with pytest.raises(ValueError, match=r"learning_rate needs steps.* got learning_rate=0.1 without steps"):
        check_network([3, 3, 3], 0.5, learning_rate=0.1)
    with pytest.raises(ValueError, match=r"give learning_rate \(constant\) or rate_sum"):
        check_network([3, 3, 3], 0.5, steps=2, learning_rate=0.1, rate_sum=1.0)
    with pytest.raises(ValueError, match="rate_sum must be a finite number > 0"):
        check_network([3, 3, 3], 0.5, rate_sum=math.inf)
    with pytest.raises(ValueError, match="model must be one of site, bond"):
        check_network([3, 3, 3], 0.5, model="vertex")
    with pytest.raises(ValueError, match="masks must be one of sample, step"):
        check_network([3, 3, 3], 0.5, masks="batch")


def test_steps_may_be_a_numpy_integer():
    found = check_network([4, 2, 2], 0.5, masks="step", steps=np.int64(8))
    assert found.useless_steps == pytest.approx(2)
    assert type(found.steps) is int
