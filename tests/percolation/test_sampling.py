"""Explicit masks against graphs built edge by edge and against the exact crossing probabilities."""

import math
import tracemalloc
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dropatlas.percolation import (
    bond_crossing_probability,
    draw_masks,
    reachable,
    sample_crossings,
    site_crossing_probability,
)
from dropatlas.percolation.sampling import draw_bits
from dropatlas.randomness import generator
from dropatlas.stats import binomial_p_value, holm

EXACT = {"site": site_crossing_probability, "bond": bond_crossing_probability}


def masked_graph(model, masks, widths, sample):
    """The kept part of one sample's network, as a graph on vertices (layer, index), with a source before layer 0."""
    graph = nx.DiGraph()
    graph.add_edges_from(("source", (0, i)) for i in range(widths[0]))
    for layer, (w_in, w_out) in enumerate(pairwise(widths)):
        mask = masks[layer][sample]
        for i in range(w_in):
            for j in range(w_out):
                if mask[i, j] if model == "bond" else mask[j]:
                    graph.add_edge((layer, i), (layer + 1, j))
    return graph


@given(
    model=st.sampled_from(["site", "bond"]),
    p=st.floats(0.1, 0.9),
    widths=st.lists(st.integers(1, 5), min_size=2, max_size=6),
    seed=st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=60)
def test_reachable_counts_equal_those_of_the_graph(model, p, widths, seed):
    samples = 6
    masks = list(draw_masks(model, p, widths, samples, generator(seed, "test")))
    result = reachable(model, masks, widths)
    for sample in range(samples):
        reached = nx.descendants(masked_graph(model, masks, widths, sample), "source")
        counts = [sum(1 for layer, _ in reached if layer == index) for index in range(len(widths))]
        assert result.counts[sample].tolist() == counts
        assert result.crossed[sample] == (counts[-1] > 0)
        assert result.cut_layer[sample] == (counts.index(0) if 0 in counts else -1)


def test_the_graph_comparison_sees_both_outcomes():
    for model in ("site", "bond"):
        crossed = reachable(model, draw_masks(model, 0.6, [2, 2, 2, 2], 200, generator(1, "both")), [2] * 4).crossed
        assert 20 < crossed.sum() < 180


def test_reachable_of_hand_made_masks():
    first = np.array([[[1, 0, 0], [0, 0, 1]], [[0, 0, 0], [0, 1, 0]]], dtype=bool)
    second = np.array([[[0], [1], [0]], [[0], [1], [0]]], dtype=bool)
    result = reachable("bond", [first, second], [2, 3, 1])
    assert result.counts.tolist() == [[2, 2, 0], [2, 1, 1]]
    assert result.cut_layer.tolist() == [2, -1]
    vertices = [np.array([[1, 0], [0, 0], [1, 1]], dtype=bool), np.ones((3, 3), dtype=bool)]
    result = reachable("site", vertices, [1, 2, 3])
    assert result.counts.tolist() == [[1, 1, 3], [1, 0, 0], [1, 2, 3]]
    assert result.cut_layer.tolist() == [-1, 1, -1]


CELLS = [
    (model, p, widths)
    for model in ("site", "bond")
    for p in (0.2, 0.4, 0.6, 0.8, 0.95)
    for widths in ([1, 1, 1], [2] * 12, [3, 5, 2, 4], [4] * 40, [6] * 4, [1, 7, 1, 7, 1], [16] * 30)
]


def test_sampled_crossings_agree_with_the_exact_probabilities():
    samples = 4000
    counts = [sample_crossings(model, p, samples=samples, seed=11, widths=widths) for model, p, widths in CELLS]
    exact = [EXACT[model](p, widths=widths) for model, p, widths in CELLS]
    p_values = [binomial_p_value(count, samples, theta) for count, theta in zip(counts, exact, strict=True)]
    assert holm(np.array(p_values)).min() > 0.01
    # The comparison has the power to see a removal probability that is 0.03 off, or a layer too many.
    informative = [index for index, theta in enumerate(exact) if 0.1 < theta < 0.9]
    assert len(informative) >= 20
    for wrong in (
        lambda model, p, widths: EXACT[model](p + 0.03, widths=widths),
        lambda model, p, widths: EXACT[model](p, widths=[*widths, widths[-1]]),
    ):
        p_values = [binomial_p_value(counts[i], samples, wrong(*CELLS[i])) for i in informative]
        assert holm(np.array(p_values)).min() < 1e-6


@pytest.mark.parametrize("model", ["site", "bond"])
@pytest.mark.parametrize("widths", [[1, 1], [3, 1, 4], [2, 2, 2, 2], [70, 65, 90]])
def test_certain_masks_are_exact(model, widths):
    assert sample_crossings(model, 0, samples=77, widths=widths) == 77
    site_without_hidden_layer = model == "site" and len(widths) == 2
    assert sample_crossings(model, 1, samples=77, widths=widths) == (77 if site_without_hidden_layer else 0)


def test_depth_zero():
    assert sample_crossings("site", 0.9, 3, 0, samples=50) == 50
    count = sample_crossings("bond", 0.9, 3, 0, samples=4000, seed=3)
    assert binomial_p_value(count, 4000, 1 - 0.9**9) > 1e-3


def test_equal_seeds_give_equal_counts_and_others_do_not():
    def run(seed, p=0.5):
        return sample_crossings("bond", p, 3, 12, samples=2000, seed=seed)

    assert run(5) == run(5) == sample_crossings("bond", np.float64(0.5), widths=np.full(14, 3), samples=2000, seed=5)
    assert len({run(seed) for seed in range(6)}) > 1


def test_bits_are_words_compared_with_the_threshold():
    p, shape = 0.37, (3, 5, 7)
    bits = draw_bits(p, shape, generator(2, "bits"))
    halves = [
        half
        for word in generator(2, "bits").bit_generator.random_raw(53).tolist()
        for half in (word % 2**32, word // 2**32)
    ]
    assert bits.shape == shape
    assert bits.ravel().tolist() == [half >= round(p * 2**32) for half in halves[:105]]


def test_a_word_equal_to_the_threshold_is_kept():
    word = generator(2, "bits").bit_generator.random_raw(1).tolist()[0] % 2**32
    assert draw_bits(word / 2**32, (1,), generator(2, "bits")).tolist() == [True]
    assert draw_bits((word + 1) / 2**32, (1,), generator(2, "bits")).tolist() == [False]


@pytest.mark.parametrize(("p", "kept"), [(0.0, 1), (2.0**-40, 1), (1 - 2.0**-40, 0), (1.0, 0)])
def test_bits_of_extreme_probabilities(p, kept):
    assert draw_bits(p, (1000,), generator(0, "extreme")).sum() == 1000 * kept


@pytest.mark.parametrize("p", [0.001, 0.3, 0.5, 0.999])
def test_bit_frequency(p):
    size = 400_000
    kept = int(draw_bits(p, (size,), generator(4, "frequency")).sum())
    assert abs(kept - size * (1 - p)) < 4.5 * math.sqrt(size * p * (1 - p))


def test_sampling_a_deep_network_needs_little_memory():
    tracemalloc.start()
    try:
        sample_crossings("bond", 0.4, 64, 20, samples=200)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4e6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "edge", "p": 0.5, "width": 2, "depth": 1}, "model must be one of site, bond, got 'edge'"),
        ({"model": "bond", "p": 1.3, "width": 2, "depth": 1}, r"p must be in \[0, 1\], got 1.3"),
        ({"model": "bond", "p": 0.5, "width": 2, "depth": 1, "samples": 0}, "samples must be an integer >= 1, got 0"),
        ({"model": "site", "p": 0.5, "width": 2, "depth": 1, "seed": -1}, "seed must be an integer >= 0, got -1"),
        ({"model": "site", "p": 0.5, "width": 2}, "either width and depth or widths"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        sample_crossings(**arguments)


@pytest.mark.parametrize("model", ["site", "bond"])
def test_masks_that_do_not_fit_are_refused(model):
    masks = list(draw_masks(model, 0.5, [2, 3, 2], 4, generator(0, "fit")))
    for wrong in (masks[:1], [], masks[::-1]):
        with pytest.raises(ValueError, match="masks must have the shapes"):
            reachable(model, wrong, [2, 3, 2])
