import numpy as np
import pytest
import torch

from dropatlas.data import DataSet
from dropatlas.training import TrainingData


@pytest.fixture(autouse=True)
def one_thread_and_a_seed():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def images() -> DataSet:
    """Three classes of 8×8 colour images, each brighter in its own channel."""
    rng = np.random.default_rng(0)

    def split(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = rng.integers(0, 3, count)
        pixels = rng.integers(0, 200, (count, 3, 8, 8))
        pixels[np.arange(count), labels] += 40
        return pixels.astype(np.uint8), labels

    train, test = split(80), split(50)
    return DataSet("bright", "bright channels", False, ("red", "green", "blue"), *train, *test, {})


@pytest.fixture(scope="session")
def data(images: DataSet) -> TrainingData:
    return TrainingData.from_images(images, seed=1, validation_fraction=0.25)
