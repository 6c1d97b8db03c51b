"""Parsers of the official file formats: MNIST's idx, CIFAR's binary records, small NORB's binary matrices."""

import gzip
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dropatlas.data.archives import DataFormatError, read_members

IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

NORB_TYPES = {
    0x1E3D4C51: "<f4",
    0x1E3D4C53: "<f8",
    0x1E3D4C54: "<i4",
    0x1E3D4C55: "u1",
    0x1E3D4C56: "<i2",
}
NORB_INSTANCES = {"train": {4, 6, 7, 8, 9}, "test": {0, 1, 2, 3, 5}}
"""The toys of each category that make up the official splits."""


class Split(NamedTuple):
    """Images and labels of a training or test set."""

    images: np.ndarray
    """uint8, shape (N, C, H, W)."""
    labels: np.ndarray
    """int64, shape (N,)."""


def _read_body(stream: gzip.GzipFile, dtype: str, shape: tuple[int, ...], path: Path) -> np.ndarray:
    """Exactly one array of `shape` from the rest of the stream, read in place: small NORB has 448 MB per file."""
    array = np.empty(shape, dtype=dtype)
    view = array.reshape(-1).view(np.uint8).data
    position = 0
    while position < len(view) and (count := stream.readinto(view[position:])):
        position += count
    if position < len(view):
        raise DataFormatError(f"{path}: truncated after {position:,} of {len(view):,} bytes of content; fetch it again")
    if stream.read(1):
        raise DataFormatError(f"{path}: has more content than its header {shape} announces; fetch it again")
    return array


def read_idx(path: Path) -> np.ndarray:
    """Read a gzipped idx file, the format of MNIST.

    Args:
        path: File whose header gives the element type and the shape, big-endian.

    Returns:
        Array of the header's type and shape.

    Raises:
        DataFormatError: not gzip, wrong magic number, truncated, or longer than announced.
        OSError: the file cannot be opened.

    Source: the format's description on the MNIST page (http://yann.lecun.com/exdb/mnist/).
    """
    with path.open("rb") as file, gzip.GzipFile(fileobj=file) as stream:
        try:
            magic = stream.read(4)
            if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_TYPES:
                raise DataFormatError(f"{path}: magic number {magic.hex() or 'missing'} is not that of an idx file")
            header = stream.read(4 * magic[3])
            if len(header) < 4 * magic[3]:
                raise DataFormatError(f"{path}: truncated within the header; fetch it again")
            shape = tuple(np.frombuffer(header, dtype=">u4").tolist())
            return _read_body(stream, IDX_TYPES[magic[2]], shape, path)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataFormatError(f"{path}: damaged gzip file ({error}); fetch it again") from error


def read_mnist_split(images_path: Path, labels_path: Path) -> Split:
    """Read MNIST images and labels.

    Returns:
        Images of shape (N, 1, H, W) and their labels.

    Raises:
        DataFormatError: a file is damaged, or the two do not belong together.
    """
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.dtype != np.uint8 or images.ndim != 3 or labels.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise DataFormatError(
            f"{images_path}, {labels_path}: expected bytes of shapes (N, H, W) and (N,), got {images.dtype} "
            f"{images.shape} and {labels.dtype} {labels.shape}"
        )
    return Split(images[:, None], labels.astype(np.int64))


def _cifar_records(contents: list[bytes], label_bytes: int, archive: Path) -> Split:
    record = label_bytes + 3072
    for content in contents:
        if len(content) % record:
            raise DataFormatError(f"{archive}: {len(content):,} bytes are not whole records of {record} bytes")
    table = np.frombuffer(b"".join(contents), dtype=np.uint8).reshape(-1, record)
    return Split(table[:, label_bytes:].reshape(-1, 3, 32, 32).copy(), table[:, label_bytes - 1].astype(np.int64))


def read_cifar(
    archive: Path, folder: str, train: list[str], test: str, names: str, label_bytes: int
) -> tuple[Split, Split, list[str]]:
    """Read the binary version of CIFAR-10 or CIFAR-100 straight from its archive.

    Each record is the label bytes (CIFAR-100: coarse, then fine; the last one is used) and 3 x 32 x 32 pixels.
    The Python version of the sets has the same content but is a pickle, which runs code when loaded.

    Args:
        archive: The official `.tar.gz`.
        folder: Folder within it.
        train: Files of the training records, in order.
        test: File of the test records.
        names: Text file with one class name per line.
        label_bytes: Bytes before the pixels of a record.

    Returns:
        The training split, the test split and the class names.

    Raises:
        DataFormatError: unsafe or damaged archive, a file missing, or records of the wrong size.

    Source: https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version".
    """
    needed = [f"{folder}/{name}" for name in (*train, test, names)]
    contents = read_members(archive, needed.__contains__)
    if missing := [name for name in needed if name not in contents]:
        raise DataFormatError(f"{archive}: lacks {', '.join(missing)}; fetch it again")
    class_names = contents[f"{folder}/{names}"].decode("ascii", "replace").split()
    train_split = _cifar_records([contents[f"{folder}/{name}"] for name in train], label_bytes, archive)
    return train_split, _cifar_records([contents[f"{folder}/{test}"]], label_bytes, archive), class_names


def read_norb_matrix(path: Path) -> np.ndarray:
    """Read a gzipped file in small NORB's binary matrix format.

    The header is little-endian: a magic number that tells the element type, the number of dimensions D, and max(D, 3)
    sizes, of which the first D count. The elements follow with the last dimension changing fastest.

    Returns:
        Array of the header's type and shape.

    Raises:
        DataFormatError: not gzip, unknown magic number (packed matrices included), truncated, or too long.
        OSError: the file cannot be opened.

    Source: https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/, "File format".
    """
    with path.open("rb") as file, gzip.GzipFile(fileobj=file) as stream:
        try:
            head = stream.read(8)
            if len(head) < 8:
                raise DataFormatError(f"{path}: truncated within the header; fetch it again")
            magic, dimensions = np.frombuffer(head, dtype="<u4").tolist()
            if magic not in NORB_TYPES or not 1 <= dimensions <= 8:
                raise DataFormatError(
                    f"{path}: magic number {magic:#010x} with {dimensions} dimensions is not that of a NORB matrix"
                )
            sizes = stream.read(4 * max(dimensions, 3))
            if len(sizes) < 4 * max(dimensions, 3):
                raise DataFormatError(f"{path}: truncated within the header; fetch it again")
            shape = tuple(np.frombuffer(sizes, dtype="<u4")[:dimensions].tolist())
            return _read_body(stream, NORB_TYPES[magic], shape, path)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataFormatError(f"{path}: damaged gzip file ({error}); fetch it again") from error


def read_norb_split(dat: Path, cat: Path, info: Path, split: str) -> Split:
    """Read one split of small NORB, both cameras.

    Args:
        dat: Images, bytes of shape (N, 2, H, W).
        cat: Categories, integers of shape (N,): 0 animal, 1 human, 2 airplane, 3 truck, 4 car.
        info: Instance, elevation, azimuth and lighting, integers of shape (N, 4).
        split: "train" or "test"; the instances must be the official ones, so that no toy is in both.

    Returns:
        Images with the two cameras as channels, and categories as labels.

    Raises:
        DataFormatError: a file is damaged, the three do not belong together, or they are of the other split.
    """
    images, labels, facts = read_norb_matrix(dat), read_norb_matrix(cat), read_norb_matrix(info)
    count = len(images)
    if images.dtype != np.uint8 or images.ndim != 4 or labels.shape != (count,) or facts.shape != (count, 4):
        raise DataFormatError(
            f"{dat}, {cat}, {info}: expected bytes of shape (N, 2, H, W) with shapes (N,) and (N, 4), got "
            f"{images.dtype} {images.shape}, {labels.shape} and {facts.shape}"
        )
    if not (instances := set(facts[:, 0].tolist())) <= NORB_INSTANCES[split]:
        raise DataFormatError(
            f"{info}: instances {sorted(instances)} are not those of the {split} split {sorted(NORB_INSTANCES[split])}"
        )
    return Split(images, labels.astype(np.int64))
