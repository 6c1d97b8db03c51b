"""Image folders `train/<class>/*`, `test/<class>/*`, as directories or inside an archive."""

import hashlib
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from dropatlas.data.archives import LARGEST_CONTENT, DataFormatError, read_members
from dropatlas.data.formats import Split

MODES = {1: "L", 3: "RGB"}
"""Pillow's mode by number of channels; a set with another number cannot be an image folder."""

ENCODINGS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}


class ImageFolder(NamedTuple):
    """The content of an image folder."""

    train: Split
    test: Split
    encodings: list[str]
    """"JPEG" and "PNG", those that occur."""
    sha256: str
    """Of names and contents, the same for a directory and an archive of it."""


def _is_image(name: str) -> bool:
    *_, file = name.split("/")
    return not file.startswith(".") and Path(file).suffix.lower() in ENCODINGS


def _directory_contents(root: Path) -> dict[str, bytes]:
    contents, total = {}, 0
    for split in ("train", "test"):
        for path in sorted((root / split).rglob("*")):
            name = path.relative_to(root).as_posix()
            if _is_image(name) and path.is_file():
                total += path.stat().st_size
                if total > LARGEST_CONTENT:
                    raise DataFormatError(f"{root}: holds more than {LARGEST_CONTENT:,} bytes; not a known data set")
                contents[name] = path.read_bytes()
    return contents


def _decode(content: bytes, name: str, image_shape: tuple[int, int, int]) -> np.ndarray:
    channels, height, width = image_shape
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG", "PNG"]) as image:
            if image.size != (width, height):  # known from the header, before any pixel is unpacked
                raise DataFormatError(
                    f"{name}: image of {image.size[0]}x{image.size[1]} pixels, expected {width}x{height}; "
                    "store the images at the set's own size"
                )
            pixels = np.asarray(image.convert(MODES[channels]))
    except (OSError, SyntaxError) as error:
        raise DataFormatError(f"{name}: cannot be decoded as JPEG or PNG ({error})") from error
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)


def read_image_folder(path: Path, class_names: list[str], image_shape: tuple[int, int, int]) -> ImageFolder:
    """Read and decode every image of an image folder.

    The images are ordered by their rank within their class, then by class, so that every prefix is balanced: folders
    come in class order, and a subset taken from the front would otherwise hold a single class.

    Args:
        path: A directory, or a tar archive, that holds `train/<class>/*` and `test/<class>/*` (PNG or JPEG).
        class_names: The class folders, in the order of the labels; other folders are an error.
        image_shape: Channels (1 or 3), rows and columns; other image sizes are an error, colours are converted.

    Returns:
        Both splits, the encodings found and a checksum.

    Raises:
        DataFormatError: unsafe or damaged archive, wrong class folders, an empty class, or an image that cannot be
            decoded or has another size.
        ValueError: the number of channels is neither 1 nor 3.
    """
    if image_shape[0] not in MODES:
        raise ValueError(f"an image folder holds images of 1 or 3 channels, the set has {image_shape[0]}")
    contents = _directory_contents(path) if path.is_dir() else read_members(path, _is_image)
    classes: dict[tuple[str, str], list[str]] = {
        (split, name): [] for split in ("train", "test") for name in class_names
    }
    digest = hashlib.sha256()
    for name in sorted(contents):
        parts = tuple(name.split("/"))
        if len(parts) != 3 or parts[:2] not in classes:
            raise DataFormatError(
                f"{path}: {name} is not at train/<class>/ or test/<class>/; the classes are {', '.join(class_names)}"
            )
        classes[parts[:2]].append(name)
        digest.update(f"{name}\0".encode() + hashlib.sha256(contents[name]).digest())
    if empty := ["/".join(key) for key, names in classes.items() if not names]:
        raise DataFormatError(f"{path}: no PNG or JPEG images in {', '.join(empty)}")

    def split_of(split: str) -> Split:
        ranked = sorted(
            (rank, label, name)
            for label, class_name in enumerate(class_names)
            for rank, name in enumerate(classes[split, class_name])
        )
        images = np.empty((len(ranked), *image_shape), dtype=np.uint8)
        for index, (_, _, name) in enumerate(ranked):
            images[index] = _decode(contents[name], f"{path}: {name}", image_shape)
        return Split(images, np.array([label for _, label, _ in ranked], dtype=np.int64))

    encodings = sorted({ENCODINGS[Path(name).suffix.lower()] for name in contents})
    return ImageFolder(split_of("train"), split_of("test"), encodings, digest.hexdigest())
