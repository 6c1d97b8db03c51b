"""The prepared file: round trip, memory mapping, damage."""

import dataclasses

import numpy as np
import pytest

from dropatlas.data import DataFormatError, DataSet, load, save
from dropatlas.data.dataset import content_sha256


def example(count: int = 7, side: int = 5, **changes) -> DataSet:
    random = np.random.default_rng(0)
    values = {
        "name": "toy",
        "label": "Toy (ünofficial)",
        "official": False,
        "class_names": ("a", "b"),
        "train_images": random.integers(0, 256, (count, 3, side, side), dtype=np.uint8),
        "train_labels": np.arange(count) % 2,
        "test_images": random.integers(0, 256, (3, 3, side, side), dtype=np.uint8),
        "test_labels": np.array([1, 0, 1]),
        "provenance": {"files": [{"name": "x", "size": 3}]},
    }
    return DataSet(**{**values, **changes})


def test_round_trip(tmp_path):
    data = example()
    save(data, tmp_path / "new folder" / "toy.arrays")
    found = load(tmp_path / "new folder" / "toy.arrays")
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        np.testing.assert_array_equal(getattr(found, name), getattr(data, name))
        assert getattr(found, name).dtype == getattr(data, name).dtype
    for name in ("name", "label", "official", "class_names"):
        assert getattr(found, name) == getattr(data, name)
    assert found.provenance == {"files": [{"name": "x", "size": 3}], "content_sha256": content_sha256(data)}


def test_arrays_are_mapped_and_read_only(tmp_path):
    save(example(), tmp_path / "a")
    images = load(tmp_path / "a").train_images
    assert isinstance(images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_equal_content_gives_equal_bytes_and_other_content_other_checksum(tmp_path):
    save(example(), tmp_path / "a")
    save(example(), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    flipped = 1 - example().train_labels
    assert content_sha256(example(train_labels=flipped)) != content_sha256(example())


def test_every_truncation_is_noticed(tmp_path):
    save(example(), tmp_path / "a")
    whole = (tmp_path / "a").read_bytes()
    for length in [*range(0, len(whole), 13), len(whole) - 1]:
        (tmp_path / "b").write_bytes(whole[:length])
        with pytest.raises(DataFormatError, match=r"truncated or not a prepared data set .* delete it"):
            load(tmp_path / "b")
    (tmp_path / "b").write_bytes(whole + b"\0")
    with pytest.raises(DataFormatError, match="1 bytes too many"):
        load(tmp_path / "b")


def test_foreign_files(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    (tmp_path / "b").write_bytes(b"PK\3\4 something else entirely")
    np.save(tmp_path / "c.npy", np.frombuffer(b'{"format": "other"}', dtype=np.uint8))
    for name in ("a.npy", "b", "c.npy"):
        with pytest.raises(DataFormatError, match="not a prepared data set"):
            load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")


def test_interrupted_writing_leaves_the_old_file(tmp_path, monkeypatch):
    save(example(), tmp_path / "a")
    before = (tmp_path / "a").read_bytes()
    calls = iter([np.save, np.save])
    monkeypatch.setattr("dropatlas.data.dataset.np.save", lambda *arguments: next(calls)(*arguments))
    with pytest.raises(StopIteration):
        save(example(count=9), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_labels": np.array([0, 1])}, "7 train images but labels of shape"),
        ({"test_labels": np.array([0, 2, 0])}, r"test labels must be in \[0, 1\], got \[0, 2\]"),
        ({"test_labels": np.array([0, -1, 0])}, r"got \[-1, 0\]"),
        ({"train_images": np.zeros((7, 3, 5, 5))}, "needs uint8 images"),
        ({"test_labels": np.zeros(3, dtype=np.int32)}, "int64 labels"),
        ({"test_images": np.zeros((3, 1, 5, 5), dtype=np.uint8)}, "differ in shape"),
        ({"test_images": np.zeros((0, 3, 5, 5), dtype=np.uint8), "test_labels": np.zeros(0, dtype=np.int64)}, "test n"),
    ],
)
def test_inconsistent_sets_are_refused(changes, message):
    with pytest.raises(DataFormatError, match=message):
        example(**changes)


def test_set_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        example().label = "MNIST"
