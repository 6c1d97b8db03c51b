"""Splits, normalisation, augmentation, learning rate, tables."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional

from dropatlas.data import channel_statistics, normalise
from dropatlas.training import Augmentation, Recipe, Split, TrainingData, tabular_data
from dropatlas.training.augmentation import augment


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_split_partitions_the_training_images(images, data):
    assert (len(data.train), len(data.validation), len(data.test)) == (60, 20, 50)
    seen = torch.cat([data.train.inputs, data.validation.inputs]).flatten(1)
    every = torch.from_numpy(images.train_images).flatten(1)
    assert sorted(map(tuple, seen.tolist())) == sorted(map(tuple, every.tolist()))


def test_everything_is_normalised_with_the_training_part(data):
    mean, std = channel_statistics(data.train.inputs.numpy())
    for split in (data.train, data.validation, data.test):
        batch = data.normalised(split.inputs)
        torch.testing.assert_close(batch, torch.from_numpy(normalise(split.inputs.numpy(), mean, std)))
        assert batch.is_contiguous(memory_format=torch.channels_last)
    train = data.normalised(data.train.inputs)
    torch.testing.assert_close(train.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(train.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5, rtol=0)


def test_resize(data):
    batch = data.normalised(data.test.inputs, resize=16)
    expected = functional.interpolate(data.normalised(data.test.inputs), scale_factor=2, mode="bilinear")
    torch.testing.assert_close(batch, expected)


def test_sizes_choose_at_random_but_alike_for_a_seed(images):
    small = TrainingData.from_images(images, seed=1, train_size=40, test_size=10, validation_fraction=0.25)
    assert (len(small.train), len(small.validation), len(small.test)) == (30, 10, 10)
    again = TrainingData.from_images(images, seed=1, train_size=40, test_size=10, validation_fraction=0.25)
    other = TrainingData.from_images(images, seed=2, train_size=40, test_size=10, validation_fraction=0.25)
    assert torch.equal(small.train.inputs, again.train.inputs)
    assert not torch.equal(small.train.inputs, other.train.inputs)
    with pytest.raises(ValueError, match="training images: size must be between 1 and 80, got 81"):
        TrainingData.from_images(images, seed=1, train_size=81)


def test_uneven_splits_are_refused():
    with pytest.raises(ValueError, match="as many inputs as targets, got 3 and 2"):
        Split(torch.zeros(3, 2), torch.zeros(2))


def test_crops_are_windows_of_the_padded_image():
    images = torch.arange(1, 1 + 2 * 1 * 5 * 7, dtype=torch.uint8).reshape(2, 1, 5, 7).repeat(50, 1, 1, 1)
    cropped = augment(images, Augmentation(crop_padding=2), stream())
    padded = functional.pad(images, (2, 2, 2, 2))
    places = set()
    for image, source in zip(cropped, padded, strict=True):
        found = [(r, c) for r in range(5) for c in range(5) if torch.equal(image, source[:, r : r + 5, c : c + 7])]
        assert len(found) == 1
        places.add(found[0])
    assert len(places) == 25  # every shift occurs


def test_flip_mirrors_about_half():
    images = torch.arange(12, dtype=torch.uint8).reshape(1, 1, 3, 4).repeat(400, 2, 1, 1)
    flipped = augment(images, Augmentation(flip=True), stream())
    mirrored = [torch.equal(image, images[0].flip(2)) for image in flipped]
    straight = [torch.equal(image, images[0]) for image in flipped]
    assert all(a != b for a, b in zip(mirrored, straight, strict=True))
    assert 150 < sum(mirrored) < 250


def test_rotation():
    centred = torch.arange(31) - 15.0
    blob = (200 * torch.exp(-(centred.square() + centred.square()[:, None]) / 50)).to(torch.uint8)
    images = blob.expand(20, 1, 31, 31)
    rotated = augment(images, Augmentation(rotation_degrees=180.0), stream())
    assert (rotated.float() - images.float()).abs().max() < 8  # what is round stays as it is
    bar = torch.zeros(1, 1, 31, 31, dtype=torch.uint8)
    bar[..., 15, :] = 255
    turned = augment(bar.repeat(20, 1, 1, 1), Augmentation(rotation_degrees=15.0), stream())
    slope = math.tan(math.radians(15))
    rows = torch.arange(31.0)[:, None] - 15
    reach = centred.abs() * slope + 1.5
    assert not turned[:, :, rows.abs() > reach].any()
    assert len({tuple(image.flatten().tolist()) for image in turned}) == 20


def test_no_augmentation_changes_nothing(data):
    assert Augmentation().nothing
    assert augment(data.test.inputs, Augmentation(), stream()) is data.test.inputs


def test_learning_rate_is_linear_then_a_cosine():
    recipe = Recipe(epochs=10, learning_rate=0.1, warmup_epochs=2.0)
    assert recipe.learning_rate_at(0) == 0.001
    assert recipe.learning_rate_at(1) == pytest.approx(0.0505)
    assert recipe.learning_rate_at(2) == pytest.approx(0.1)
    assert recipe.learning_rate_at(6) == pytest.approx(0.0505)
    assert recipe.learning_rate_at(10) == pytest.approx(0.001)
    flat = Recipe(epochs=75, learning_rate=0.001, warmup_epochs=12.0)  # the published MNIST protocol
    assert {flat.learning_rate_at(epoch) for epoch in range(75)} == {0.001}


@pytest.mark.parametrize("wrong", [{"epochs": 2, "warmup_epochs": 2.0}, {"epochs": 0}, {"epochs": 2, "momentum": 1.0}])
def test_impossible_recipes_are_refused(wrong):
    with pytest.raises(ValidationError):
        Recipe(**{"learning_rate": 0.1, **wrong})


def test_friedman_table():
    data = tabular_data("friedman", seed=1, samples=500)
    assert (len(data.train), len(data.validation), len(data.test)) == (360, 40, 100)
    assert data.task == "regression"
    x = data.train.inputs.double().numpy()
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    slope, offset = np.polyfit(data.train.targets.numpy(), y, 1)  # targets are scaled and shifted
    assert np.std(slope * data.train.targets.numpy() + offset - y) == pytest.approx(1.0, abs=0.1)  # the noise
    torch.testing.assert_close(data.normalised(data.train.inputs).mean(0), torch.zeros(10), atol=1e-5, rtol=0)


def test_breast_cancer_table():
    data = tabular_data("breast_cancer", seed=1)
    assert data.input_shape == (30,)
    assert len(data.train) + len(data.validation) + len(data.test) == 569
    with pytest.raises(ValueError, match="unknown table 'iris'; tables: friedman, breast_cancer"):
        tabular_data("iris", seed=1)
