"""Training data in memory: bytes as they are stored, normalised and changed batch by batch."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dropatlas.data import DataSet, channel_statistics, validation_split
from dropatlas.randomness import generator


@dataclass(frozen=True)
class Split:
    """Inputs and targets of one part of the data.

    Attributes:
        inputs: uint8 images (N, C, H, W), or float32 rows (N, F).
        targets: int64 class labels (N,), or float32 values (N,).
    """

    inputs: Tensor
    targets: Tensor

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.targets) or len(self.inputs) == 0:
            raise ValueError(f"a split needs as many inputs as targets, got {len(self.inputs)} and {len(self.targets)}")

    def __len__(self) -> int:
        return len(self.inputs)

    def to(self, device: torch.device) -> "Split":
        """The split on a device."""
        return Split(self.inputs.to(device), self.targets.to(device))


@dataclass(frozen=True)
class TrainingData:
    """What one run learns from, chooses epochs with and is tested on.

    Attributes:
        label: Name in tables and figures.
        task: "classification" or "regression".
        outputs: Classes, or 1.
        train: To learn from.
        validation: To choose the epoch with.
        test: To report.
        mean: Per channel (images, in units of pixel / 255) or feature, shape (C,), of the part that is trained on; all
            three parts are normalised with it. (The authors' code takes each part's own, which is a leak.)
        std: Standard deviation, same shape.
    """

    label: str
    task: Literal["classification", "regression"]
    outputs: int
    train: Split
    validation: Split
    test: Split
    mean: Tensor
    std: Tensor

    @classmethod
    def from_images(
        cls,
        data: DataSet,
        seed: int,
        validation_fraction: float = 0.1,
        train_size: int | None = None,
        test_size: int | None = None,
    ) -> "TrainingData":
        """Split a data set at random into training and validation images.

        Args:
            data: From `dropatlas.data.load`.
            seed: Root seed of the split (and of the choice, where sizes are given).
            validation_fraction: Share of the training images held out.
            train_size: Use this many of the training images, chosen at random before the split; None: all.
            test_size: Use this many of the test images; None: all.

        Raises:
            ValueError: a size exceeds what there is, or the fraction leaves a part empty.
        """
        used = _choose(len(data.train_labels), train_size, seed, "training images")
        tested = _choose(len(data.test_labels), test_size, seed, "test images")
        learned, held_out = validation_split(data.train_labels[used], validation_fraction, seed)
        pixels = data.train_images[used[learned]]
        mean, std = channel_statistics(pixels)
        if not (std > 0).all():
            raise ValueError(f"{data.label}: a channel is constant over all training images, std {std}")

        def split(images: np.ndarray, labels: np.ndarray) -> Split:
            return Split(torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(np.array(labels)))

        return cls(
            label=data.label,
            task="classification",
            outputs=len(data.class_names),
            train=split(pixels, data.train_labels[used[learned]]),
            validation=split(data.train_images[used[held_out]], data.train_labels[used[held_out]]),
            test=split(data.test_images[tested], data.test_labels[tested]),
            mean=torch.from_numpy(mean).float(),
            std=torch.from_numpy(std).float(),
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample: (C, H, W) or (F,)."""
        return tuple(self.train.inputs.shape[1:])

    def to(self, device: torch.device) -> "TrainingData":
        """The data on a device."""
        parts = {name: getattr(self, name).to(device) for name in ("train", "validation", "test", "mean", "std")}
        return replace(self, **parts)

    def normalised(self, inputs: Tensor, resize: int | None = None) -> Tensor:
        """Network inputs of a batch.

        Args:
            inputs: Rows of one of the splits.
            resize: Side images are enlarged to; None: as they are.

        Returns:
            float32, (B, C, H, W) in channels-last memory order or (B, F): (pixel / 255 - mean) / std.
        """
        if inputs.dim() == 2:
            return (inputs - self.mean) / self.std
        scale, shift = 1 / (255 * self.std), self.mean / self.std
        batch = inputs.to(torch.float32, memory_format=torch.channels_last)
        batch = batch.mul_(scale[:, None, None]).sub_(shift[:, None, None])
        if resize is None or batch.shape[-2:] == (resize, resize):
            return batch
        return functional.interpolate(batch, size=(resize, resize), mode="bilinear", align_corners=False)


def _choose(count: int, size: int | None, seed: int, what: str) -> np.ndarray:
    """Indices of `size` of `count` samples, ascending."""
    if size is None:
        return np.arange(count)
    if not 1 <= size <= count:
        raise ValueError(f"{what}: size must be between 1 and {count}, got {size}")
    return np.sort(generator(seed, "subset", what).permutation(count)[:size])
