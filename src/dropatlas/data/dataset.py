"""The prepared form of a data set: one file of arrays that is memory-mapped when loaded."""

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dropatlas.data.archives import DataFormatError
from dropatlas.files import whole_file

FORMAT = "dropatlas data set 1"
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")


@dataclass(frozen=True)
class DataSet:
    """A classification set with its official split, as it is on disk: unscaled bytes.

    Attributes:
        name: Name in the configuration, such as "cifar10".
        label: Name in tables, figures and reports, such as "CIFAR-10 (JPEG)".
        official: Whether every byte is the publisher's.
        class_names: Names of the classes in the order of the labels.
        train_images: uint8, shape (N, C, H, W), in [0, 255].
        train_labels: int64, shape (N,).
        test_images: uint8, shape (M, C, H, W).
        test_labels: int64, shape (M,).
        provenance: Where the content comes from: source files with checksums, licence, citation, content checksum.
            Holds no paths and no times, so that equal content gives an equal file on every machine.
    """

    name: str
    label: str
    official: bool
    class_names: tuple[str, ...]
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    provenance: dict[str, Any]

    def __post_init__(self) -> None:
        for split in ("train", "test"):
            images, labels = getattr(self, f"{split}_images"), getattr(self, f"{split}_labels")
            if images.dtype != np.uint8 or images.ndim != 4 or labels.dtype != np.int64 or len(images) == 0:
                raise DataFormatError(
                    f"{self.label}: {split} needs uint8 images (N, C, H, W) and int64 labels (N,), got {images.dtype} "
                    f"{images.shape} and {labels.dtype} {labels.shape}"
                )
            if labels.shape != images.shape[:1]:
                raise DataFormatError(f"{self.label}: {len(images)} {split} images but labels of shape {labels.shape}")
            if labels.min() < 0 or labels.max() >= len(self.class_names):
                raise DataFormatError(
                    f"{self.label}: {split} labels must be in [0, {len(self.class_names) - 1}], got "
                    f"[{labels.min()}, {labels.max()}]"
                )
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise DataFormatError(
                f"{self.label}: training images {self.train_images.shape[1:]} and test images "
                f"{self.test_images.shape[1:]} differ in shape"
            )


def content_sha256(data: DataSet) -> str:
    """SHA-256 over images and labels of both splits."""
    digest = hashlib.sha256()
    for name in ARRAYS:
        digest.update(np.ascontiguousarray(getattr(data, name)).data)
    return digest.hexdigest()


def save(data: DataSet, path: Path) -> None:
    """Write a data set to one file, whole or not at all.

    The file is a sequence of records in NumPy's npy format (several `np.save` into one file): first the description
    as JSON bytes, then the four arrays.

    Args:
        data: What to write; `content_sha256` is added to its provenance.
        path: Target; its folder is created.

    Raises:
        OSError: the file cannot be written.
    """
    description = {
        "format": FORMAT,
        "name": data.name,
        "label": data.label,
        "official": data.official,
        "class_names": list(data.class_names),
        "provenance": data.provenance | {"content_sha256": content_sha256(data)},
    }
    with whole_file(path) as part, part.open("wb") as stream:
        np.save(stream, np.frombuffer(json.dumps(description, ensure_ascii=False).encode(), dtype=np.uint8))
        for name in ARRAYS:
            np.save(stream, np.ascontiguousarray(getattr(data, name)))


def _map_array(stream: BinaryIO, path: Path) -> np.ndarray:
    """Map the npy record at the stream's position and move behind it; ValueError when the file ends before it does."""
    version = np.lib.format.read_magic(stream)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, _, dtype = read_header(stream)
    array = np.memmap(path, dtype=dtype, mode="r", offset=stream.tell(), shape=shape)
    stream.seek(array.nbytes, io.SEEK_CUR)
    return array


def load(path: Path) -> DataSet:
    """Open a prepared data set; the arrays are read-only views of the file, read when they are used.

    Args:
        path: A file written by `save`.

    Raises:
        FileNotFoundError: there is no such file.
        DataFormatError: the file is truncated or not a prepared data set.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        try:
            description = json.loads(_map_array(stream, path).tobytes())
            if description["format"] != FORMAT:
                raise ValueError(f"format is {description['format']!r}, expected {FORMAT!r}")
            arrays = {name: _map_array(stream, path) for name in ARRAYS}
            if stream.tell() != size:
                raise ValueError(f"has {size - stream.tell():,} bytes too many")
            return DataSet(
                name=description["name"],
                label=description["label"],
                official=description["official"],
                class_names=tuple(description["class_names"]),
                provenance=description["provenance"],
                **arrays,
            )
        except (ValueError, KeyError, TypeError, EOFError) as error:
            raise DataFormatError(
                f"{path}: truncated or not a prepared data set ({error}); delete it and run `snakemake data` again"
            ) from error
