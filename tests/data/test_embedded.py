"""The sets that need no download: what they hold, and how hard the generated one is."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from dropatlas.data import digits5k, shapes10
from dropatlas.data.shapes import SHAPES, draw_shapes


@pytest.fixture(scope="module")
def shapes():
    return shapes10(seed=0, train_size=5000, test_size=1000)


@pytest.fixture(scope="module")
def digits():
    return digits5k(seed=0)


def test_digits5k_is_stratified_and_split_by_seed(digits):
    assert (digits.label, digits.official) == ("digits5k (5,000 MNIST digits)", False)
    assert digits.train_images.shape == (4000, 1, 28, 28)
    assert np.bincount(digits.train_labels).tolist() == [400] * 10
    assert np.bincount(digits.test_labels).tolist() == [100] * 10
    seen = {image.tobytes() for image in digits.train_images}
    assert sum(image.tobytes() in seen for image in digits.test_images) == 0, "a test image is also trained on"
    assert not np.array_equal(digits5k(seed=1).test_images, digits.test_images)


def test_digits5k_are_digits(digits):
    """Pixels and labels belong together: the nearest class mean is right for most test images."""
    pixels = digits.train_images.reshape(4000, -1).astype(float)
    means = np.stack([pixels[digits.train_labels == digit].mean(axis=0) for digit in range(10)])
    distances = ((digits.test_images.reshape(1000, 1, -1) - means) ** 2).sum(axis=2)
    assert np.mean(distances.argmin(axis=1) == digits.test_labels) > 0.75


def test_shapes10_is_deterministic_and_depends_on_seed_and_split(shapes):
    images, labels = draw_shapes(1200, 0, "train")
    np.testing.assert_array_equal(images[:1000], shapes.train_images[:1000])
    np.testing.assert_array_equal(labels[:1000], shapes.train_labels[:1000])
    for seed, split in ((1, "train"), (0, "test")):
        assert not np.array_equal(draw_shapes(100, seed, split)[0], draw_shapes(100, 0, "train")[0])


def test_shapes10_is_balanced_and_labelled_synthetic(shapes):
    assert (shapes.label, shapes.official) == ("shapes10 (synthetic)", False)
    assert np.bincount(shapes.train_labels).tolist() == [500] * 10
    assert shapes.train_images.shape == (5000, 3, 32, 32)
    assert shapes.class_names == tuple(SHAPES)


def test_outlines_are_what_their_names_say():
    """Inside and outside of every outline at points known by hand."""
    inside = {
        "disc": [(0, 0), (0.9, 0)],
        "ring": [(1, 0), (0, -1.2)],
        "half disc": [(0, 0), (0, 0.5)],
        "crescent": [(-0.4, 0)],
        "triangle": [(0, 0), (0.9, 0), (-0.4, 0.7)],
        "square": [(0.9, 0.9), (-0.9, 0.9)],
        "bar": [(1.5, 0.4), (-1.5, -0.4)],
        "cross": [(0.9, 0.2), (0, -0.9), (0, 0)],
        "star": [(0.9, 0), (0, 0)],
        "heart": [(0, 0), (0.6, 0.6), (-0.6, 0.6)],
    }
    outside = {
        "disc": [(0.8, 0.8)],
        "ring": [(0, 0), (0.5, 0), (1.4, 0)],
        "half disc": [(0, -0.6), (0, 0.7)],
        "crescent": [(0.5, 0), (1.2, 0)],
        "triangle": [(0.5, 0.6), (-0.6, 0)],
        "square": [(1.1, 0)],
        "bar": [(0, 0.6), (1.7, 0)],
        "cross": [(0.5, 0.5), (-0.5, 0.5)],
        "star": [(-0.9, 0), (0.6, 0.42)],
        "heart": [(0, 0.95), (0.9, -0.6)],
    }
    for points, sign in ((inside, -1), (outside, 1)):
        for name, places in points.items():
            x, y = np.array(places, dtype=float).T
            assert np.all(np.sign(SHAPES[name](x, y)) == sign), (name, places)


def test_polygon_distances_by_hand():
    """Distance to the square with half side 1: from a side, from a corner, from the centre."""
    x, y = np.array([[3.0, 2.0, 0.0], [0.0, 2.0, 0.0]])
    np.testing.assert_allclose(SHAPES["square"](x, y), [2, np.sqrt(2), -1])


def test_no_class_is_told_by_area_or_brightness(shapes):
    """Only the outline may tell the class: mean brightness and its spread within images agree over classes."""
    grey = shapes.train_images.mean(axis=1)
    per_class = np.array(
        [
            [grey[shapes.train_labels == label].mean(), grey[shapes.train_labels == label].std(axis=(1, 2)).mean()]
            for label in range(10)
        ]
    )
    spread = np.ptp(per_class, axis=0)
    assert spread[0] < 12  # of 255; a fixed polarity would give some 40
    assert spread[1] < 6


def test_linear_model_is_near_chance_on_shapes10(shapes):
    """Chance is 10 %; the bound leaves room for chance fluctuations of a test set of 1,000 (standard error 1 %)."""
    pixels = shapes.train_images.reshape(5000, -1) / 255 - 0.5
    model = LogisticRegression(C=1e-4, max_iter=60).fit(pixels, shapes.train_labels)
    accuracy = model.score(shapes.test_images.reshape(1000, -1) / 255 - 0.5, shapes.test_labels)
    assert accuracy < 0.2


def test_a_small_convolutional_network_learns_shapes10(shapes):
    """A stand-in for SimpleCNN1 that trains in seconds: well above any linear model after a few epochs."""
    torch = pytest.importorskip("torch")
    from torch import nn

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more threads than free cores wait for each other at every step
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(
            *(nn.Conv2d(3, 16, 5, stride=2, padding=2), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(2)),
            *(nn.Flatten(), nn.Linear(256, 10)),
        )
    train, test = (
        torch.from_numpy(images / np.float32(64) - 2) for images in (shapes.train_images, shapes.test_images)
    )
    labels = torch.from_numpy(shapes.train_labels)
    epochs, batch = 4, 50
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, total_steps=epochs * len(labels) // batch)
    for _ in range(epochs):
        for chosen in torch.randperm(len(labels), generator=generator).split(batch):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(train[chosen]), labels[chosen]).backward()
            optimiser.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        accuracy = np.mean(network(test).argmax(dim=1).numpy() == shapes.test_labels)
    torch.set_num_threads(threads)
    assert accuracy > 0.8


@pytest.mark.parametrize("count", [0, -1])
def test_sizes_below_one(count):
    with pytest.raises(ValueError, match=f"count must be at least 1, got {count}"):
        draw_shapes(count, 0, "train")
