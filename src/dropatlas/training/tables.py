"""Data that are not images and need no download."""

import numpy as np
import torch

from dropatlas.data import stratified_split, validation_split
from dropatlas.randomness import generator
from dropatlas.training.inputs import Split, TrainingData

TABLES = {
    "friedman": "Friedman #1 (generated)",
    "breast_cancer": "Wisconsin breast cancer",
}
"""Name to label."""

FRIEDMAN_FEATURES = 10  # of which five matter
FRIEDMAN_NOISE = 1.0  # standard deviation: no model can have a smaller mean squared error than its square


def _friedman(seed: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs in [0, 1)^10 and y = 10 sin(π x₁x₂) + 20 (x₃ − ½)² + 10 x₄ + 5 x₅ + noise."""
    rng = generator(seed, "friedman")
    x = rng.random((samples, FRIEDMAN_FEATURES))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return x, y + FRIEDMAN_NOISE * rng.standard_normal(samples)


def tabular_data(
    name: str, seed: int, samples: int = 2000, validation_fraction: float = 0.1, test_fraction: float = 0.2
) -> TrainingData:
    """A table to learn from, features normalised with the statistics of the part that is trained on.

    Args:
        name: "friedman" (regression, ten features of which five are noise, targets in units of their standard
            deviation) or "breast_cancer" (569 tumours, 30 features, benign or malignant; ships with scikit-learn).
        seed: Root seed of the splits, and of the generated table.
        samples: Rows of the generated table.
        validation_fraction: Share of what is not tested on.
        test_fraction: Share of all rows.

    Raises:
        ValueError: unknown name, or a part would be empty.

    Source: Friedman, Multivariate adaptive regression splines, 1991; Street, Wolberg and Mangasarian, 1993.
    """
    if name not in TABLES:
        raise ValueError(f"unknown table {name!r}; tables: {', '.join(TABLES)}")
    if name == "friedman":
        x, y = _friedman(seed, samples)
        first, test = validation_split(y, test_fraction, seed)
        y = ((y - y[first].mean()) / y[first].std()).astype(np.float32)
    else:
        from sklearn.datasets import load_breast_cancer  # here: importing scikit-learn takes a second

        x, y = load_breast_cancer(return_X_y=True)
        y = y.astype(np.int64)
        first, test = stratified_split(y, test_fraction, seed)
    learned, held_out = (first[part] for part in validation_split(y[first], validation_fraction, seed))

    def split(rows: np.ndarray) -> Split:
        return Split(torch.from_numpy(x[rows].astype(np.float32)), torch.from_numpy(y[rows]))

    return TrainingData(
        label=TABLES[name],
        task="regression" if name == "friedman" else "classification",
        outputs=1 if name == "friedman" else 2,
        train=split(learned),
        validation=split(held_out),
        test=split(test),
        mean=torch.from_numpy(x[learned].mean(0)).float(),
        std=torch.from_numpy(x[learned].std(0)).float(),
    )
