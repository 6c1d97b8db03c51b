"""The share of paths that survive, its split into paths and signal, and how well a score orders success."""

from itertools import product

import numpy as np
import pytest

from dropatlas.collapse.members import Shape
from dropatlas.collapse.networks import initial_weights
from dropatlas.collapse.trainability import (
    ordering,
    signal_given_path,
    surviving_share,
)
from dropatlas.percolation import site_crossing_probability


def masked_networks(p, width, depth, seed=3):
    """All masks of a linear network with orthogonal matrices: probability, path or not, last layer, output."""
    first, hidden, last = initial_weights(Shape(4, depth, 1), width, seed, 0)
    x = np.random.default_rng(seed).standard_normal(4)
    for bits in product((0.0, 1.0), repeat=depth * width):
        mask = np.reshape(bits, (depth, width))
        h = x @ first * mask[0]
        for matrix, kept in zip(hidden, mask[1:], strict=True):
            h = h @ matrix * kept
        yield np.prod(np.where(mask, 1 - p, p)), mask.any(axis=1).all(), h, (h @ last)[0]


@pytest.mark.parametrize(("p", "width", "depth"), [(0.3, 1, 5), (0.4, 2, 4), (0.2, 3, 3), (0.7, 4, 2)])
def test_a_linear_network_keeps_the_share_of_paths_that_survive(p, width, depth):
    chance, path, layers, outputs = map(np.array, zip(*masked_networks(p, width, depth), strict=True))
    full = -1  # the mask that keeps all comes last
    squares = (layers**2).sum(axis=1)
    share, theta = surviving_share(p, depth), chance[path].sum()
    assert theta == pytest.approx(site_crossing_probability(p, width, depth))
    assert chance @ outputs == pytest.approx(share * outputs[full])
    assert chance @ squares == pytest.approx(share * squares[full])
    given = chance[path] / theta
    signal = signal_given_path(p, width, depth)
    assert given @ outputs[path] == pytest.approx(signal * outputs[full])
    assert given @ squares[path] == pytest.approx(signal * squares[full])
    # two masks: the overlap of their outputs, relative to their mean square
    mean = chance @ layers
    assert mean @ mean / (chance @ squares) == pytest.approx(share)


@pytest.mark.parametrize("width", [1, 2, 3, 10])
@pytest.mark.parametrize("p", [0.01, 0.3, 0.6])
def test_attenuation_splits_into_paths_and_signal(p, width):
    for depth in (1, 20, 100):
        theta = site_crossing_probability(p, width, depth)
        assert theta * signal_given_path(p, width, depth) == pytest.approx(surviving_share(p, depth), rel=1e-12)
    if width == 1:
        assert signal_given_path(p, width, 100) == 1.0
    if width >= 3 and p <= 0.3:
        paths = np.log(site_crossing_probability(p, width, 20)) / np.log(surviving_share(p, 20))
        assert paths < 0.1


def test_an_order_equals_a_count_of_pairs():
    rng = np.random.default_rng(0)
    for _ in range(20):
        score, learned = rng.integers(4, size=12).astype(float), rng.random(12) < 0.4
        pairs = list(product(score[learned], score[~learned]))
        expected = np.mean([(a > b) + 0.5 * (a == b) for a, b in pairs])
        assert ordering(score, learned) == pytest.approx(expected)


def test_an_order_of_one_kind_is_undefined():
    assert np.isnan(ordering(np.zeros(3), np.ones(3, dtype=bool)))
    assert np.isnan(ordering(np.zeros(3), np.zeros(3, dtype=bool)))
    assert ordering(np.array([1.0, 2.0]), np.array([False, True])) == 1.0
    assert ordering(np.array([2.0, 1.0]), np.array([False, True])) == 0.0
