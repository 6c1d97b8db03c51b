"""Random splits by seed, and the statistics inputs are normalised with."""

import numpy as np

from dropatlas.randomness import generator


def validation_split(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split a training set at random into a part to train on and a part to choose epochs with.

    Args:
        labels: Labels of the training set, shape (N,).
        fraction: Share of the images held out, in (0, 1); the published protocols hold out 0.1.
        seed: Root seed.

    Returns:
        Indices to train on and indices held out, each ascending, together 0 to N - 1. Not stratified, as published.

    Raises:
        ValueError: fraction outside (0, 1), or one part would be empty.

    Source: arXiv 2502.19948, public reference code (90/10 random split).
    """
    count = len(labels)
    held_out = round(fraction * count)
    if not 0 < fraction < 1 or not 0 < held_out < count:
        raise ValueError(f"fraction must be in (0, 1) and leave both parts non-empty, got {fraction} of {count} images")
    order = generator(seed, "validation split").permutation(count)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def stratified_split(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split a set so that every class gives the same share to the second part.

    Args:
        labels: Shape (N,).
        fraction: Share of each class in the second part, in (0, 1).
        seed: Root seed.

    Returns:
        Indices of the first and of the second part, each ascending, together 0 to N - 1.

    Raises:
        ValueError: fraction outside (0, 1), or a class would miss from a part.
    """
    parts = []
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        taken = round(fraction * count)
        if not 0 < fraction < 1 or not 0 < taken < count:
            raise ValueError(
                f"fraction must be in (0, 1) and leave every class in both parts, got {fraction} of {count} images of "
                f"class {label}"
            )
        members = np.flatnonzero(labels == label)
        parts.append(generator(seed, "stratified split", int(label)).permutation(members)[:taken])
    second = np.sort(np.concatenate(parts))
    return np.setdiff1d(np.arange(len(labels)), second), second


def channel_statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every channel, exact, without a floating-point copy of the images.

    Give it the images that are trained on, and normalise validation and test images with the same numbers: the
    reference code normalises each split with its own, which is a leak.

    Args:
        images: uint8, shape (N, C, H, W), N at least 1.

    Returns:
        Mean and population standard deviation, each float64 of shape (C,), in units of pixel / 255.

    Raises:
        ValueError: images are not bytes of shape (N, C, H, W), or there are none.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.size == 0:
        raise ValueError(f"images must be uint8 of shape (N, C, H, W) and not empty, got {images.dtype} {images.shape}")
    counts = np.zeros((images.shape[1], 256), dtype=np.int64)
    for start in range(0, len(images), 1024):
        block = images[start : start + 1024]
        for channel in range(images.shape[1]):
            counts[channel] += np.bincount(block[:, channel].ravel(), minlength=256)
    values = np.arange(256) / 255
    weights = counts / counts.sum(axis=1, keepdims=True)
    mean = weights @ values
    return mean, np.sqrt((weights * (values - mean[:, None]) ** 2).sum(axis=1))


def normalise(images: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Network inputs: pixel / 255, minus the channel's mean, over its standard deviation.

    Args:
        images: uint8, shape (N, C, H, W).
        mean: Mean of each channel in units of pixel / 255, shape (C,), from `channel_statistics`.
        std: Standard deviation of each channel in the same units, shape (C,), above 0.

    Returns:
        float32, shape (N, C, H, W).

    Raises:
        ValueError: shapes do not fit, or a standard deviation is not above 0.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or not np.shape(mean) == np.shape(std) == images.shape[1:2]:
        raise ValueError(
            f"images must be uint8 (N, C, H, W) with mean and std (C,), got {images.dtype} {images.shape}, "
            f"{np.shape(mean)} and {np.shape(std)}"
        )
    if not np.all(np.asarray(std) > 0):
        raise ValueError(f"std must be above 0 in every channel, got {std}; is a channel constant?")
    scale, shift = (1 / (255 * np.asarray(std))).astype(np.float32), (mean / np.asarray(std)).astype(np.float32)
    inputs = np.multiply(images, scale[:, None, None], dtype=np.float32)
    inputs -= shift[:, None, None]  # in place: a second array of this size would double the memory
    return inputs
