"""Parsers on files written here in the official formats."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropatlas.data import DataFormatError
from dropatlas.data.formats import (
    read_cifar,
    read_idx,
    read_mnist_split,
    read_norb_matrix,
    read_norb_split,
)


def arrays(types: list[str], most_dimensions: int):
    shapes = hnp.array_shapes(min_dims=1, max_dims=most_dimensions, max_side=5)
    return st.sampled_from(types).flatmap(lambda dtype: hnp.arrays(dtype, shapes))


@given(array=arrays(["u1", "i1", "i2", "i4", "f4", "f8"], 4))
def test_idx_round_trip(tmp_path_factory, build, array):
    path = tmp_path_factory.mktemp("idx") / "a.gz"
    path.write_bytes(build.idx(array))
    found = read_idx(path)
    assert found.shape == array.shape
    assert found.astype(array.dtype).tobytes() == array.tobytes()  # bytes, so that NaN equals itself


@given(array=arrays(["u1", "i2", "i4", "f4", "f8"], 5))
def test_norb_matrix_round_trip(tmp_path_factory, build, array):
    path = tmp_path_factory.mktemp("norb") / "a.mat.gz"
    path.write_bytes(build.norb(array))
    found = read_norb_matrix(path)
    assert found.shape == array.shape
    assert found.astype(array.dtype).tobytes() == array.tobytes()


def test_idx_header_by_hand(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes.fromhex("00000802 00000002 00000003") + b"\1\2\3\4\5\6"))
    np.testing.assert_array_equal(read_idx(tmp_path / "a.gz"), [[1, 2, 3], [4, 5, 6]])


def test_norb_header_by_hand(tmp_path):
    """A vector still states three sizes; integers are little-endian."""
    header = bytes.fromhex("544c3d1e 01000000 02000000 01000000 01000000")
    (tmp_path / "a.gz").write_bytes(gzip.compress(header + struct.pack("<2i", 3, -4)))
    np.testing.assert_array_equal(read_norb_matrix(tmp_path / "a.gz"), [3, -4])


@pytest.mark.parametrize(("reader", "writer"), [(read_idx, "idx"), (read_norb_matrix, "norb")])
def test_cut_content_is_noticed(tmp_path, build, reader, writer):
    whole = gzip.decompress(getattr(build, writer)(np.arange(60, dtype=np.uint8).reshape(3, 4, 5)))
    path = tmp_path / "a.gz"
    for length in range(len(whole)):
        path.write_bytes(gzip.compress(whole[:length], compresslevel=1))
        with pytest.raises(DataFormatError, match=r"truncated|magic number"):
            reader(path)
    path.write_bytes(gzip.compress(whole + b"\0"))
    with pytest.raises(DataFormatError, match="more content"):
        reader(path)


@pytest.mark.parametrize(("reader", "writer"), [(read_idx, "idx"), (read_norb_matrix, "norb")])
def test_cut_gzip_is_noticed(tmp_path, build, reader, writer):
    whole = getattr(build, writer)(np.random.default_rng(0).integers(0, 256, (9, 9), dtype=np.uint8))
    path = tmp_path / "a.gz"
    for length in (0, 5, len(whole) // 2, len(whole) - 20):
        path.write_bytes(whole[:length])
        with pytest.raises(DataFormatError):
            reader(path)
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(DataFormatError, match="damaged gzip"):
        reader(path)


def test_wrong_magic_numbers(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes.fromhex("00000703") + bytes(12)))
    with pytest.raises(DataFormatError, match="00000703"):
        read_idx(path)
    path.write_bytes(gzip.compress(struct.pack("<5I", 0x1E3D4C52, 1, 1, 1, 1) + bytes(4)))  # packed matrix
    with pytest.raises(DataFormatError, match="0x1e3d4c52"):
        read_norb_matrix(path)


def test_mnist_split_adds_the_channel(tmp_path, build):
    images = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    (tmp_path / "i").write_bytes(build.idx(images))
    (tmp_path / "l").write_bytes(build.idx(np.array([7, 2], dtype=np.uint8)))
    split = read_mnist_split(tmp_path / "i", tmp_path / "l")
    np.testing.assert_array_equal(split.images, images[:, None])
    assert (split.labels.tolist(), split.labels.dtype) == ([7, 2], np.int64)


def test_mnist_files_that_do_not_belong_together(tmp_path, build):
    (tmp_path / "i").write_bytes(build.idx(np.zeros((2, 3, 3), dtype=np.uint8)))
    (tmp_path / "l").write_bytes(build.idx(np.zeros(3, dtype=np.uint8)))
    with pytest.raises(DataFormatError, match=r"\(2, 3, 3\) and uint8 \(3,\)"):
        read_mnist_split(tmp_path / "i", tmp_path / "l")


@pytest.mark.parametrize("label_bytes", [1, 2])
def test_cifar_records(tmp_path, build, label_bytes):
    """Red plane first, rows within it; of two label bytes the second, the fine one, counts."""
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    records = [bytes([9] * (label_bytes - 1) + [label]) + image.tobytes() for label, image in enumerate(pixels)]
    members = {
        "c/one.bin": records[0],
        "c/two.bin": records[1],
        "c/test.bin": records[2],
        "c/names.txt": b"a\nb\nc\n\n",
        "c/readme.html": b"",
    }
    (tmp_path / "c.tar.gz").write_bytes(build.tar(members))
    train, test, names = read_cifar(
        tmp_path / "c.tar.gz", "c", ["one.bin", "two.bin"], "test.bin", "names.txt", label_bytes
    )
    np.testing.assert_array_equal(train.images, pixels[:2])
    np.testing.assert_array_equal(test.images, pixels[2:])
    assert (train.labels.tolist(), test.labels.tolist(), names) == ([0, 1], [2], ["a", "b", "c"])


def test_cifar_archive_that_lacks_a_batch_or_has_half_a_record(tmp_path, build):
    path = tmp_path / "c.tar.gz"
    path.write_bytes(build.tar({"c/one.bin": bytes(3073), "c/names.txt": b"a"}))
    with pytest.raises(DataFormatError, match=r"lacks c/test\.bin"):
        read_cifar(path, "c", ["one.bin"], "test.bin", "names.txt", 1)
    path.write_bytes(build.tar({"c/one.bin": bytes(3072), "c/test.bin": bytes(3073), "c/names.txt": b"a"}))
    with pytest.raises(DataFormatError, match="3,072 bytes are not whole records of 3073"):
        read_cifar(path, "c", ["one.bin"], "test.bin", "names.txt", 1)


def norb_files(tmp_path, build, instances: list[int]) -> list:
    count = len(instances)
    images = np.random.default_rng(0).integers(0, 256, (count, 2, 6, 6), dtype=np.uint8)
    facts = np.zeros((count, 4), dtype=np.int32)
    facts[:, 0] = instances
    contents = {"dat": images, "cat": np.arange(count, dtype=np.int32) % 5, "info": facts}
    for kind, array in contents.items():
        (tmp_path / kind).write_bytes(build.norb(array))
    return [images, *(tmp_path / kind for kind in contents)]


def test_norb_split_has_both_cameras(tmp_path, build):
    images, *paths = norb_files(tmp_path, build, [4, 6, 7, 8, 9, 4])
    split = read_norb_split(*paths, "train")
    np.testing.assert_array_equal(split.images, images)
    assert split.images.shape == (6, 2, 6, 6)
    assert (split.labels.tolist(), split.labels.dtype) == ([0, 1, 2, 3, 4, 0], np.int64)


def test_norb_split_with_toys_of_the_other_split(tmp_path, build):
    _, *paths = norb_files(tmp_path, build, [4, 6, 0])
    with pytest.raises(DataFormatError, match="not those of the train split"):
        read_norb_split(*paths, "train")


def test_norb_files_that_do_not_belong_together(tmp_path, build):
    _, dat, cat, info = norb_files(tmp_path, build, [4, 6, 7])
    cat.write_bytes(build.norb(np.zeros(2, dtype=np.int32)))
    with pytest.raises(DataFormatError, match=r"\(2,\)"):
        read_norb_split(dat, cat, info, "train")
