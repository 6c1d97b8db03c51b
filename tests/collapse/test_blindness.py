"""Blindness as a property of any masked network and optimiser: bit for bit, and with the converse as a control."""

from collections import Counter
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from dropatlas.collapse import masks
from dropatlas.collapse.blindness import coupled_runs, draw_masks, initial_parameters, outputs
from dropatlas.collapse.blindness_settings import Blindness, MaskedNetwork
from dropatlas.collapse.partings import differing, partings
from dropatlas.collapse.problems import regression_problem
from dropatlas.config import SCALES, stored_config

ACTIVATIONS = [torch.tanh, torch.relu, torch.sigmoid, functional.gelu]
LOSSES = [functional.mse_loss, functional.cross_entropy, functional.huber_loss]
OPTIMISERS = {
    "SGD": lambda of: torch.optim.SGD(of, lr=0.1),
    "weight decay": lambda of: torch.optim.SGD(of, lr=0.1, weight_decay=0.1),
    "momentum": lambda of: torch.optim.SGD(of, lr=0.1, momentum=0.9),
    "Nesterov": lambda of: torch.optim.SGD(of, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda of: torch.optim.Adam(of, lr=0.05),
    "AdamW": lambda of: torch.optim.AdamW(of, lr=0.05, weight_decay=0.1),
}
SEEN = Counter()


class Masked(torch.nn.Module):
    """A fully connected network whose masks are given with every call; masks of one sample may be those of all.

    Normalisation, if any, follows every hidden matrix and mixes the samples of the batch.
    """

    def __init__(self, widths, activation, biases, normalised=False):
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(*sizes, bias=biases) for sizes in pairwise(widths))
        self.norms = torch.nn.ModuleList(torch.nn.BatchNorm1d(width) for width in widths[1:-1]) if normalised else None
        self.activation = activation
        self.double()

    def forward(self, x, vertices, edges):
        hidden = x
        for number, layer in enumerate(self.layers):
            hidden = torch.einsum("bi,boi->bo", hidden, layer.weight * edges[number])
            hidden = hidden if layer.bias is None else hidden + layer.bias
            if number < len(vertices):
                hidden = hidden if self.norms is None else self.norms[number](hidden)
                hidden = self.activation(hidden) * vertices[number]
        return hidden


def draw(widths, model, batch, p, rng):
    """Vertex masks (batch, W), edge masks (batch, out, in); batch 1 is one mask for all samples."""
    keep_vertex, keep_edge = (0, p) if model == "bond" else (p, 0)
    vertices = [torch.from_numpy(1.0 * (rng.random((batch, width)) >= keep_vertex)) for width in widths[1:-1]]
    edges = [
        torch.from_numpy(1.0 * (rng.random((batch, w_out, w_in)) >= keep_edge)) for w_in, w_out in pairwise(widths)
    ]
    return vertices, edges


def has_path(vertices, edges):
    """Whether a kept path leads from an input to an output vertex in any sample: a product of non-negative matrices."""
    reached = torch.ones(edges[0].shape[0], edges[0].shape[2], dtype=torch.float64)
    for number, edge in enumerate(edges):
        reached = torch.einsum("bi,boi->bo", reached, edge)
        reached = (reached * vertices[number] if number < len(vertices) else reached).clamp(max=1)
    return bool(reached.any())


def state_of(network, optimiser):
    held = [value for of in optimiser.state.values() for value in of.values() if torch.is_tensor(value)]
    return [*network.parameters(), *held]


def same(first, second):
    return all(torch.equal(*pair) for pair in zip(state_of(*first), state_of(*second), strict=True))


def pair_of_runs(widths, activation, biases, optimiser, seed, normalised=False):
    runs = []
    for _ in range(2):
        torch.manual_seed(seed)
        network = Masked(widths, activation, biases, normalised)
        runs.append((network, OPTIMISERS[optimiser](list(network.parameters()))))
    return runs


def train(run, loss, x, y, mask):
    network, optimiser = run
    optimiser.zero_grad()
    found = network(x, *mask)
    loss(found, y).backward()
    optimiser.step()
    return found.detach()


@given(
    widths=st.lists(st.integers(1, 4), min_size=3, max_size=7),
    model=st.sampled_from(["site", "bond"]),
    per_sample=st.booleans(),
    biases=st.booleans(),
    activation=st.sampled_from(ACTIVATIONS),
    loss=st.sampled_from(LOSSES),
    optimiser=st.sampled_from(sorted(OPTIMISERS)),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=150, deadline=None, database=None, derandomize=True)
def _runs_are_equal_until_a_step_with_a_path_and_part_at_it(
    widths, model, per_sample, biases, activation, loss, optimiser, seed
):
    rng, batch = np.random.default_rng(seed), 3
    widths[-1] = max(widths[-1], 2)  # cross-entropy of one class is zero
    runs = pair_of_runs(widths, activation, biases, optimiser, seed)
    for step in range(12):
        mask = draw(widths, model, batch if per_sample else 1, rng.uniform(0.3, 0.9), rng)
        x, other = (torch.from_numpy(rng.standard_normal((batch, widths[0]))) for _ in range(2))
        classes = loss is functional.cross_entropy
        y = torch.from_numpy(
            rng.integers(widths[-1], size=batch) if classes else rng.standard_normal((batch, widths[-1]))
        )
        assert same(*runs)
        found = [train(run, loss, inputs, y, mask) for run, inputs in zip(runs, (x, other), strict=True)]
        if not has_path(*mask):
            assert torch.equal(*found)
            assert same(*runs)
            SEEN["blind", per_sample, biases, optimiser] += 1
        elif (found[0] - found[1]).abs().max() > 1e-6:  # a ReLU network with a path may be dead
            assert not same(*runs)
            SEEN["separated", per_sample, biases, optimiser] += 1
            SEEN["later"] += step > 0
            return
        else:
            return


def test_runs_are_equal_until_a_step_with_a_path_and_part_at_it():
    SEEN.clear()
    _runs_are_equal_until_a_step_with_a_path_and_part_at_it()
    assert SEEN.pop("later") >= 25  # after steps without a path
    assert {(found, optimiser) for found, *_, optimiser in SEEN} == set(product(("blind", "separated"), OPTIMISERS))
    assert len({kind[:3] for kind in SEEN}) == 2 * 2 * 2
    assert sum(count for kind, count in SEEN.items() if kind[0] == "blind") >= 150


def normalised_runs_agree(kept, seed):
    """Whether a step of two runs with batch normalisation on other inputs is one, under vertex masks by layer."""
    runs = pair_of_runs([3, 2, 2, 2, 2], torch.tanh, True, "Adam", seed, normalised=True)
    rng = np.random.default_rng(seed)
    x, other, y = (torch.from_numpy(rng.standard_normal((3, width))) for width in (3, 3, 2))
    for run, inputs in zip(runs, (x, other), strict=True):
        train(run, functional.mse_loss, inputs, y, (kept, all_edges()))
    means = [run[0].norms[0].running_mean for run in runs]
    assert not torch.equal(*means)  # running statistics before a cut always see the inputs
    return same(*runs)


def all_edges():
    return [torch.ones(1, w_out, w_in, dtype=torch.float64) for w_in, w_out in pairwise([3, 2, 2, 2, 2])]


@pytest.mark.parametrize("samples", [1, 3])
def test_batch_normalisation_keeps_a_step_blind_where_one_layer_is_cut_in_all_samples(samples):
    """Shared masks (1): blind without a path, as ever.

    Masks per sample (3): what one sample still carries where another is cut is mixed into it, so that cuts of all
    samples in different layers do not make the step blind.
    """
    rng, seen = np.random.default_rng(8), Counter()
    for seed in range(60):
        kept, _ = draw([3, 2, 2, 2, 2], "site", samples, 0.7, rng)
        blind = not all(layer.any() for layer in kept)
        assert normalised_runs_agree(kept, seed) == blind
        seen[blind, has_path(kept, all_edges())] += 1
    assert min(seen[True, False], seen[False, True]) >= 5
    assert not seen[True, True]
    assert (seen[False, False] >= 10) == (samples == 3)  # all samples are cut, and yet the inputs matter


ACROSS = {
    "layer normalisation": lambda h: functional.layer_norm(h, h.shape[-1:], eps=0.0),
    "group normalisation": lambda h: functional.group_norm(h, 1, eps=0.0),
    "softmax": lambda h: h.softmax(-1),
    "less the largest": lambda h: h - h.max(-1, keepdim=True).values,
}
LEAKING = {
    "layer normalisation": [-2.0, 2.0],
    "group normalisation": [-2.0, 2.0],
    "softmax": [1 / (np.e + 1), np.e / (np.e + 1)],
    "less the largest": [-2.0, 0.0],
}
"""Known answers of the two tests below at x = 1 and x = -1: h is (x, x, 0, 0) before, the output h₂ + h₃ after."""


@pytest.mark.parametrize("kind", ACROSS)
def test_what_normalises_over_the_vertices_of_a_layer_is_outside_the_theorem_under_dropconnect(kind):
    """Kept edges join the input to two hidden vertices, and the output to the other two: no path, and yet it sees."""
    into, out = np.array([[[1, 1, 0, 0]]], dtype=bool), np.array([[[0], [0], [1], [1]]], dtype=bool)
    assert masks.edge_cuts([into, out])[0]
    x = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    hidden = x @ torch.from_numpy(into[0]).double()
    found = [(of(hidden) @ torch.from_numpy(out[0]).double()).flatten() for of in (torch.tanh, ACROSS[kind])]
    assert found[0].tolist() == [0.0, 0.0]  # vertices on their own
    assert found[1].tolist() == pytest.approx(LEAKING[kind])


@pytest.mark.parametrize("kind", ACROSS)
def test_what_normalises_over_the_vertices_of_a_layer_does_not_cross_one_that_dropout_empties(kind):
    rng = np.random.default_rng(3)
    weights = [torch.from_numpy(rng.standard_normal(sizes)).requires_grad_() for sizes in ((3, 4), (4, 4), (4, 2))]
    gradients = []
    for _ in range(2):
        hidden = torch.from_numpy(rng.standard_normal((3, 3)))
        for weight, kept in zip(weights[:2], (0.0, 1.0), strict=True):
            hidden = ACROSS[kind](hidden @ weight + torch.arange(4.0)) * kept
        gradients.append(torch.autograd.grad((hidden @ weights[2] - 1).square().sum(), weights))
    assert all(torch.equal(*pair) for pair in zip(*gradients, strict=True))
    assert not gradients[0][0].any()
    assert gradients[0][2].any()


def test_masks_of_the_stored_networks_are_independent():
    """Streams are named by depth, width and what is masked, so that networks which share these would share words."""
    for scale in SCALES:
        networks = stored_config(scale).collapse.blindness.networks
        assert len({(n.model, n.masks, n.depth, n.width) for n in networks}) == len(networks)


def network(**changes):
    values = {"problem": "regression", "model": "site", "masks": "step", "activation": "tanh", "biases": True}
    return MaskedNetwork.model_validate({**values, "depth": 3, "width": 2, "drop_rate": 0.6, **changes})


def small(*networks, pairs=10):
    sizes = {"learning_rates": [0.1], "pairs": pairs, "batch_size": 3, "early": 0.3, "late": 0.6, "spread": 0.5}
    return Blindness(networks=list(networks), **sizes)


@pytest.mark.parametrize(("model", "kind"), [("site", "step"), ("site", "sample"), ("bond", "step")])
@pytest.mark.parametrize("biases", [False, True])
def test_stacked_networks_are_single_ones(model, kind, biases):
    """Outputs of the stack against the network of this module, mask for mask."""
    shape = network(model=model, masks=kind, biases=biases)
    drawn = draw_masks(shape, batch=3, pairs=4, seed=1, block=0)
    rng = np.random.default_rng(0)
    parameters, x = initial_parameters(shape, 0.5, 4, rng), torch.from_numpy(rng.standard_normal((4, 3, 8)))
    for step in range(8):
        kept = [torch.from_numpy(layer[step]).double() for layer in drawn.kept]
        found = outputs(shape, parameters, x, kept)
        for number in range(4):
            alone = Masked(shape.widths(), torch.tanh, biases)
            parts = iter(parameters[number].split([p.numel() for layer in alone.layers for p in layer.parameters()]))
            with torch.no_grad():
                for layer in alone.layers:
                    layer.weight.copy_(next(parts).reshape(layer.weight.T.shape).T)
                    if biases:
                        layer.bias.copy_(next(parts))
            ones = [torch.ones(1, width, dtype=torch.float64) for width in shape.widths()[1:-1]]
            edges = [torch.ones(1, w_out, w_in, dtype=torch.float64) for w_in, w_out in pairwise(shape.widths())]
            mask = ([layer[number] for layer in kept], edges)
            if model == "bond":
                mask = (ones, [layer[number].T[None] for layer in kept])
            torch.testing.assert_close(found[number], alone(x[number], *mask).detach(), rtol=1e-12, atol=1e-14)
            assert drawn.crossed[step, number] == has_path(*mask)


def test_the_bound_counts_steps_with_a_path():
    alone, samples = network(), network(masks="sample")
    theta = (1 - 0.6**2) ** 3
    assert alone.crossing_probability(5) == pytest.approx(theta)
    assert samples.crossing_probability(5) == pytest.approx(1 - (1 - theta) ** 5)
    bound = 1 - (1 - theta) ** small(alone).horizons(alone)[1]
    assert bound == pytest.approx(0.6, abs=0.08)


def test_partings_are_counted_against_the_first_step_with_a_path():
    settings_, shape = small(network(), pairs=10), network()
    rows = coupled_runs(shape, settings_, regression_problem(3, 8, dtype=torch.float64), 7)
    early, late = settings_.horizons(shape)
    rows = rows.assign(**shape.model_dump(), theta=0.25, early=early, late=late)
    assert len(rows) == 40
    assert (rows.first_different == rows.first_crossed).all()
    cuts = [masks.vertex_cuts(masks.draw_vertex_masks(0.6, 3, 2, 7, pair, 0))[:late] for pair in range(40)]
    expected = [int(np.argmax(cut == 0)) + 1 if (cut == 0).any() else 0 for cut in cuts]
    assert rows.first_crossed.tolist() == expected
    changed = rows.assign(first_crossed=[1, 2, 3, 0, 0] + [1] * 35, first_different=[1, 3, 2, 1, 0] + [1] * 35)
    row = partings(changed).iloc[0]
    assert (row.pairs, row.watched, row.leaked, row.crossed, row.separated) == (40, 4, 2, 38, 36)
    assert row.movement == pytest.approx(changed.movement[3:5].mean())
    counted = differing(changed.assign(early=1, late=2))
    assert counted.differing.tolist() == [37, 38]
    assert counted.bound.tolist() == pytest.approx([0.25, 1 - 0.75**2])
