"""W₁ against closed forms and against a general solver."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from dropatlas.phases.transport import general_transport, wasserstein_1


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_on_the_line_it_is_the_mean_distance_of_sorted_samples(rng):
    first, second = rng.normal(size=(200, 1)), rng.normal(1, 2, size=(200, 1))
    assert wasserstein_1(first, second) == pytest.approx(np.abs(np.sort(first, 0) - np.sort(second, 0)).mean())


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (3.0, 0.0, 4.0), (1e-9, 0.0, 0.0)])
def test_a_translation_costs_its_length(rng, shift):
    points = rng.normal(size=(150, 3))
    moved = rng.permutation(points + shift)
    assert wasserstein_1(points, moved) == pytest.approx(np.linalg.norm(shift), rel=1e-6, abs=1e-12)


def test_two_diracs_are_as_far_as_their_points():
    assert wasserstein_1(np.zeros((4, 3)), np.full((7, 3), 2.0)) == pytest.approx(2 * np.sqrt(3))


def test_mass_that_must_split(rng):
    assert wasserstein_1(np.zeros((1, 1)), np.array([[1.0], [-3.0]])) == pytest.approx(2.0)
    assert wasserstein_1(np.array([[0.0], [1.0]]), np.array([[0.0], [0.5], [1.0]])) == pytest.approx(1 / 6)


def test_matching_and_network_simplex_agree(rng):
    for size in (1, 2, 50, 300):
        first, second = rng.normal(size=(size, 3)), rng.standard_t(2, size=(size, 3))
        assert wasserstein_1(first, second) == pytest.approx(general_transport(cdist(first, second)), rel=1e-9)


def test_it_is_a_distance(rng):
    a, b, c = rng.normal(size=(3, 40, 3))
    assert wasserstein_1(a, b) == pytest.approx(wasserstein_1(b, a))
    assert wasserstein_1(a, c) <= wasserstein_1(a, b) + wasserstein_1(b, c)
    assert wasserstein_1(a, rng.permutation(a)) == 0


def test_diverged_particles_have_no_distance(rng):
    points = rng.normal(size=(5, 3))
    broken = points.copy()
    broken[2, 1] = np.inf
    assert np.isnan(wasserstein_1(points, broken))


@pytest.mark.parametrize("shapes", [((3, 2), (3, 3)), ((0, 3), (3, 3)), ((3,), (3,))])
def test_samples_that_do_not_fit_are_refused(shapes):
    with pytest.raises(ValueError, match="two non-empty samples"):
        wasserstein_1(np.zeros(shapes[0]), np.zeros(shapes[1]))
