"""Seconds from a prepared file of MNIST's size to normalised training tensors (target: under 0.5 s)."""

import tempfile
import time
from pathlib import Path

import numpy as np

from dropatlas.data import DataSet, channel_statistics, load, normalise, save, validation_split


def main() -> None:
    """Measure five times on random images of MNIST's shape."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (70_000, 1, 28, 28), dtype=np.uint8)
    labels = rng.integers(0, 10, 70_000)
    names = tuple(str(digit) for digit in range(10))
    split = (images[:60_000], labels[:60_000], images[60_000:], labels[60_000:])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mnist.arrays")
        save(DataSet("mnist", "MNIST-sized noise", False, names, *split, {}), path)
        for _ in range(5):
            started = time.perf_counter()
            data = load(path)
            mapped = time.perf_counter()
            train, _ = validation_split(data.train_labels, 0.1, seed=0)
            pixels = data.train_images[train]
            normalise(pixels, *channel_statistics(pixels))
            ended = time.perf_counter()
            print(f"load {mapped - started:.3f} s, with split, statistics and normalisation {ended - started:.3f} s")


if __name__ == "__main__":
    main()
