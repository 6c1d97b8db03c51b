"""What the prepared data sets of a run are: label, origin, sizes, normalisation constants."""

from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.data import channel_statistics, load
from dropatlas.settings import Section
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "name": "name in the configuration",
    "label": "name in tables, figures and reports",
    "official": "whether every byte is the publisher's",
    "split": "train or test",
    "images": "number of images",
    "channels": "channels of an image",
    "height": "rows in pixels",
    "width": "columns in pixels",
    "classes": "number of classes",
    "smallest_class": "images of the rarest class",
    "largest_class": "images of the most frequent class",
    "train_mean": "mean of all training pixels, in [0, 1] units",
    "train_std": "standard deviation of all training pixels, in [0, 1] units",
    "content_sha256": "checksum of images and labels of both splits",
}


def tabulate(settings: Section, sets: list[Path]) -> pd.DataFrame:
    """One row per set and split."""
    rows = []
    for file in sets:
        data = load(file)
        mean, std = channel_statistics(data.train_images)
        # The variance over all pixels is the mean variance within channels plus the variance of their means.
        overall_std = float(np.sqrt(np.mean(std**2) + np.var(mean)))
        for split in ("train", "test"):
            images, labels = getattr(data, f"{split}_images"), getattr(data, f"{split}_labels")
            counts = np.bincount(labels, minlength=len(data.class_names))
            rows.append(
                (data.name, data.label, data.official, split, len(images), *images.shape[1:], len(data.class_names))
                + (int(counts.min()), int(counts.max()), float(np.mean(mean)), overall_std)
                + (data.provenance["content_sha256"],)
            )
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.data.datasets", Section, MEANINGS, tabulate)
