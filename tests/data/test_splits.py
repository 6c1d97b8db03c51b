"""Validation splits and normalisation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropatlas.data import channel_statistics, normalise, stratified_split, validation_split

IMAGES = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=4, max_dims=4, max_side=5))


@given(count=st.integers(2, 300), fraction=st.floats(0.01, 0.99), seed=st.integers(0, 2**32))
def test_validation_split_is_a_partition_of_the_right_size(count, fraction, seed):
    held_out = round(fraction * count)
    if held_out in (0, count):
        with pytest.raises(ValueError, match="non-empty"):
            validation_split(np.zeros(count), fraction, seed)
        return
    train, validation = validation_split(np.zeros(count), fraction, seed)
    assert len(validation) == held_out
    assert sorted([*train, *validation]) == list(range(count))
    assert np.all(np.diff(train) > 0)


def test_validation_split_depends_on_the_seed_only():
    labels = np.zeros(1000)
    np.testing.assert_array_equal(validation_split(labels, 0.1, 3)[1], validation_split(labels + 1, 0.1, 3)[1])
    assert set(validation_split(labels, 0.1, 3)[1]) != set(validation_split(labels, 0.1, 4)[1])


def test_validation_split_is_spread_over_the_set():
    """A set in class order must not lose its last classes to validation."""
    _, validation = validation_split(np.zeros(10_000), 0.1, 0)
    counts = np.histogram(validation, bins=10, range=(0, 10_000))[0]
    assert counts.min() > 60
    assert counts.max() < 140


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_fractions_out_of_range(fraction):
    with pytest.raises(ValueError, match=r"fraction must be in \(0, 1\)|cannot convert float NaN"):
        validation_split(np.zeros(10), fraction, 0)


def test_stratified_split_gives_every_class_its_share():
    labels = np.repeat([0, 1, 2], [50, 100, 10])
    first, second = stratified_split(labels, 0.2, 0)
    assert np.bincount(labels[second]).tolist() == [10, 20, 2]
    assert sorted([*first, *second]) == list(range(160))
    assert set(second) != set(stratified_split(labels, 0.2, 1)[1])
    with pytest.raises(ValueError, match="of 2 images of class 1"):
        stratified_split(np.array([0] * 10 + [1] * 2), 0.1, 0)


@given(images=IMAGES)
def test_channel_statistics_agree_with_floating_point(images):
    mean, std = channel_statistics(images)
    scaled = images.astype(float) / 255
    np.testing.assert_allclose(mean, scaled.mean(axis=(0, 2, 3)), atol=1e-12)
    np.testing.assert_allclose(std, scaled.std(axis=(0, 2, 3)), atol=1e-12)


def test_channel_statistics_over_more_than_one_block():
    images = np.zeros((3000, 2, 1, 1), dtype=np.uint8)
    images[1500:, 1] = 255
    mean, std = channel_statistics(images)
    np.testing.assert_allclose([mean, std], [[0, 0.5], [0, 0.5]], atol=1e-15)


@given(images=IMAGES)
def test_normalise_agrees_with_its_definition(images):
    mean, std = np.linspace(0.1, 0.9, images.shape[1]), np.linspace(0.2, 0.7, images.shape[1])
    expected = (images / 255 - mean[:, None, None]) / std[:, None, None]
    found = normalise(images, mean, std)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_normalise_refuses_what_does_not_fit():
    images = np.zeros((2, 3, 4, 4), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"mean and std \(C,\)"):
        normalise(images, np.zeros(3), np.ones(1))
    with pytest.raises(ValueError, match="above 0 in every channel"):
        normalise(images, *channel_statistics(images))


@pytest.mark.parametrize("images", [np.zeros((0, 1, 2, 2), dtype=np.uint8), np.zeros((1, 1, 2, 2)), np.zeros(3)])
def test_channel_statistics_refuse_what_is_not_images(images):
    with pytest.raises(ValueError, match="images must be uint8"):
        channel_statistics(images)
