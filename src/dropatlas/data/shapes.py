"""`shapes10`: a generated ten-class set of 32x32 colour images in which only the outline tells the class."""

import functools
from collections.abc import Callable

import numpy as np

from dropatlas.randomness import generator

IMAGE_SIZE = 32
CHUNK = 1000
"""Images drawn at once; bounds the working memory at some 100 MB."""

Distance = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Signed distance to an outline at points (x, y), negative inside; x, y and the result share one shape."""


def _disc(x: np.ndarray, y: np.ndarray, radius: float = 1.0) -> np.ndarray:
    return np.hypot(x, y) - radius


def _ring(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.abs(_disc(x, y)) - 0.28


def _half_disc(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    y = y + 0.42  # the centroid, so that rotation turns the shape in place
    return np.maximum(_disc(x, y), -y)


def _crescent(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x = x - 0.35
    return np.maximum(_disc(x, y), -_disc(x - 0.55, y, 0.85))


def _polygon(vertices: np.ndarray) -> Distance:
    """Distance to a closed polygon with `vertices` of shape (V, 2): nearest edge, sign by crossing number."""

    def distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        squared = np.full(np.shape(x), np.inf, dtype=np.result_type(x))
        inside = np.zeros(np.shape(x), dtype=bool)
        for (x0, y0), (x1, y1) in zip(vertices.tolist(), np.roll(vertices, -1, axis=0).tolist(), strict=True):
            edge_x, edge_y, to_x, to_y = x1 - x0, y1 - y0, x - x0, y - y0
            along = np.clip((to_x * edge_x + to_y * edge_y) / (edge_x**2 + edge_y**2), 0.0, 1.0)
            np.minimum(squared, (to_x - along * edge_x) ** 2 + (to_y - along * edge_y) ** 2, out=squared)
            if y0 != y1:
                inside ^= ((y0 > y) != (y1 > y)) & (to_x < edge_x * to_y / edge_y)
        return np.where(inside, -np.sqrt(squared), np.sqrt(squared))

    return distance


def _regular(radii: list[float]) -> np.ndarray:
    """Vertices at equal angles and the given distances from the centre, shape (len(radii), 2)."""
    angles = 2 * np.pi * np.arange(len(radii)) / len(radii)
    return np.asarray(radii)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _rectangle(width: float, height: float) -> np.ndarray:
    return np.array([(-width, -height), (width, -height), (width, height), (-width, height)]) / 2


def _cross(arm: float) -> np.ndarray:
    quarter = np.array([(1.0, -arm), (1.0, arm), (arm, arm)])
    turns = [np.array([[c, -s], [s, c]]) for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))]
    return np.concatenate([quarter @ turn.T for turn in turns])


def _heart(points: int = 24) -> np.ndarray:
    t = 2 * np.pi * np.arange(points) / points
    height = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([16 * np.sin(t) ** 3, height + 2.5], axis=1) / 16


SHAPES: dict[str, Distance] = {
    "disc": _disc,
    "ring": _ring,
    "half disc": _half_disc,
    "crescent": _crescent,
    "triangle": _polygon(_regular([1.0] * 3)),
    "square": _polygon(_rectangle(2.0, 2.0)),
    "bar": _polygon(_rectangle(3.2, 0.9)),
    "cross": _polygon(_cross(0.3)),
    "star": _polygon(_regular([1.0, 0.42] * 5)),
    "heart": _polygon(_heart()),
}
"""Class name to outline, in the order of the labels."""


@functools.cache
def _equivalent_radius(shape: Distance) -> float:
    """Radius of the disc that has the outline's area, so that area can be made equal over the classes."""
    axis = np.linspace(-2.0, 2.0, 401)
    x, y = np.meshgrid(axis, axis)
    area = np.count_nonzero(shape(x, y) < 0) * (axis[1] - axis[0]) ** 2
    return float(np.sqrt(area / np.pi))


def _gratings(random: np.random.Generator, count: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Textures of two crossed sinusoidal gratings each, in [-1, 1], shape (count, H, W)."""
    texture = np.zeros((count, *x.shape[-2:]), dtype=np.float32)
    for _ in range(2):
        angle, phase = random.uniform(0, 2 * np.pi, (2, count, 1, 1)).astype(np.float32)
        frequency = random.uniform(0.15, 0.9, (count, 1, 1)).astype(np.float32)
        texture += np.sin(frequency * (np.cos(angle) * x + np.sin(angle) * y) + phase)
    return texture / 2


def _draw(random: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    """Images of the classes `labels` (n,): uint8, shape (n, 3, 32, 32)."""
    count = len(labels)
    axis = np.arange(IMAGE_SIZE, dtype=np.float32) - (IMAGE_SIZE - 1) / 2
    y, x = np.meshgrid(axis, axis, indexing="ij")

    radius = random.uniform(7.0, 10.0, count).astype(np.float32)  # of the disc of equal area, in pixels
    angle = random.uniform(0, 2 * np.pi, count).astype(np.float32)
    offset = random.uniform(-5.0, 5.0, (2, count, 1, 1)).astype(np.float32)
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    inside = np.empty((count, IMAGE_SIZE, IMAGE_SIZE), dtype=np.float32)
    for label, shape in enumerate(SHAPES.values()):
        chosen = np.flatnonzero(labels == label)
        unit = (radius[chosen] / _equivalent_radius(shape))[:, None, None]
        dx, dy = x - offset[0, chosen], y - offset[1, chosen]
        u = (cos[chosen] * dx + sin[chosen] * dy) / unit
        v = (cos[chosen] * dy - sin[chosen] * dx) / unit
        inside[chosen] = np.clip(0.5 - shape(u, v) * unit, 0.0, 1.0)  # one pixel of anti-aliasing

    # Ground and figure are two random colours, one brighter than the other in all channels, and a coin decides which:
    # no pixel's mean depends on the class, so a linear model has nothing to hold on to.
    direction = np.abs(random.normal(size=(count, 3))).astype(np.float32)
    contrast = random.uniform(140.0, 260.0, (count, 1)) * random.choice([-1.0, 1.0], (count, 1))
    step = direction * contrast.astype(np.float32) / np.linalg.norm(direction, axis=1, keepdims=True) / 2
    middle = random.uniform(70.0, 185.0, (count, 3)).astype(np.float32)
    ground, figure = (middle - step)[:, :, None, None], (middle + step)[:, :, None, None]

    tint = random.uniform(-15.0, 15.0, (2, count, 3, 1, 1)).astype(np.float32)
    ground = ground + tint[0] * _gratings(random, count, x, y)[:, None]
    figure = figure + tint[1] * _gratings(random, count, x, y)[:, None]
    images = ground + inside[:, None] * (figure - ground)
    images += random.normal(0.0, 8.0, images.shape).astype(np.float32)
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)


def draw_shapes(count: int, seed: int, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images of random outlines at random place, size, angle, colours and texture.

    Area, colours, contrast, texture and position have the same distribution in every class. Equal arguments give
    equal bytes; the first images of a longer set are those of a shorter one up to the last full chunk.

    Args:
        count: Number of images, at least 1; class sizes differ by at most one in each 1,000 images.
        seed: Root seed.
        split: Name of the random stream, such as "train" or "test".

    Returns:
        images: uint8, shape (count, 3, 32, 32).
        labels: int64, shape (count,), indices into the names of `SHAPES`.

    Raises:
        ValueError: count < 1 or a negative seed.

    Source: ours; not a published set, so results on it are labelled synthetic.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    images = np.empty((count, 3, IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
    labels = np.empty(count, dtype=np.int64)
    for start in range(0, count, CHUNK):
        random = generator(seed, "shapes10", split, start)
        part = slice(start, min(start + CHUNK, count))
        labels[part] = random.permutation(np.arange(part.stop - start) % len(SHAPES))
        images[part] = _draw(random, labels[part])
    return images, labels
