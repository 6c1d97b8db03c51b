"""Image folders and archives of them, the hostile ones included."""

import io
import os
import tarfile

import numpy as np
import pytest
from PIL import Image

from dropatlas.data import DataFormatError
from dropatlas.data.images import read_image_folder

CLASSES = ["cat", "dog"]
SHAPE = (3, 4, 5)


def encoded(colour: int, kind: str = "PNG", size=(5, 4), mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, (colour,) * 3 if mode == "RGB" else colour).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def contents() -> dict[str, bytes]:
    """Two training images of each class and one test image; the grey value tells which."""
    return {
        "train/cat/0.png": encoded(10),
        "train/cat/1.png": encoded(20),
        "train/dog/0.png": encoded(110),
        "train/dog/1.png": encoded(120),
        "test/cat/a.png": encoded(30),
        "test/dog/b.png": encoded(130),
    }


def write_folder(root, contents: dict[str, bytes]):
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def test_every_prefix_is_balanced(tmp_path, contents):
    folder = read_image_folder(write_folder(tmp_path, contents), CLASSES, SHAPE)
    assert folder.train.images.shape == (4, *SHAPE)
    assert folder.train.images[:, 0, 0, 0].tolist() == [10, 110, 20, 120]
    assert folder.train.labels.tolist() == [0, 1, 0, 1]
    assert folder.test.images[:, 2, 3, 4].tolist() == [30, 130]
    assert folder.encodings == ["PNG"]


def test_pixels_are_channel_first_and_exact(tmp_path, contents):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    contents["train/cat/0.png"] = buffer.getvalue()
    folder = read_image_folder(write_folder(tmp_path, contents), CLASSES, SHAPE)
    np.testing.assert_array_equal(folder.train.images[0], pixels.transpose(2, 0, 1))


@pytest.mark.parametrize("compression", ["gz", "xz", "bz2"])
def test_archive_equals_directory(tmp_path, build, contents, compression):
    contents["test/dog/c.jpg"] = encoded(140, "JPEG")
    directory = read_image_folder(write_folder(tmp_path / "folder", contents), CLASSES, SHAPE)
    shuffled = dict(reversed(contents.items()))
    (tmp_path / "a.tar").write_bytes(build.tar({f"./{k}": v for k, v in shuffled.items()}, f"w:{compression}"))
    archive = read_image_folder(tmp_path / "a.tar", CLASSES, SHAPE)
    np.testing.assert_array_equal(archive.train.images, directory.train.images)
    np.testing.assert_array_equal(archive.test.images, directory.test.images)
    assert (archive.encodings, archive.sha256) == (["JPEG", "PNG"], directory.sha256)


def test_checksum_depends_on_content_and_names(tmp_path, contents):
    def checksum(name, values):
        return read_image_folder(write_folder(tmp_path / name, values), CLASSES, SHAPE).sha256

    first = checksum("a", contents)
    renamed = {name.replace("0.png", "00.png"): content for name, content in contents.items()}
    assert len({first, checksum("b", renamed), checksum("c", contents | {"test/cat/a.png": encoded(31)})}) == 3
    assert checksum("d", contents | {"test/cat/.hidden.png": b"", "notes.txt": b"", "train/x.txt": b""}) == first


def test_grey_set_from_colour_files(tmp_path, contents):
    folder = read_image_folder(write_folder(tmp_path, contents), CLASSES, (1, 4, 5))
    assert folder.train.images.shape == (4, 1, 4, 5)
    assert folder.train.images[1, 0, 0, 0] == 110


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train/cow/0.png", encoded(1), r"train/cow/0\.png is not at .* the classes are cat, dog"),
        ("train/cat/deep/0.png", encoded(1), "is not at"),
        ("train/cat/2.png", encoded(1, size=(6, 4)), r"2\.png: image of 6x4 pixels, expected 5x4"),
        ("train/cat/2.png", encoded(1)[:-30], r"2\.png: cannot be decoded"),
        ("train/cat/2.png", b"<html>", r"2\.png: cannot be decoded"),
        ("train/cat/2.png", encoded(1, "GIF"), r"2\.png: cannot be decoded"),
    ],
)
def test_wrong_member(tmp_path, contents, name, content, message):
    with pytest.raises(DataFormatError, match=message):
        read_image_folder(write_folder(tmp_path, contents | {name: content}), CLASSES, SHAPE)


def test_empty_class(tmp_path, contents):
    del contents["test/dog/b.png"]
    with pytest.raises(DataFormatError, match="no PNG or JPEG images in test/dog"):
        read_image_folder(write_folder(tmp_path, contents), CLASSES, SHAPE)


def test_set_with_two_cameras_cannot_be_an_image_folder(tmp_path):
    with pytest.raises(ValueError, match="1 or 3 channels, the set has 2"):
        read_image_folder(tmp_path, CLASSES, (2, 4, 5))


def hostile(member: tarfile.TarInfo, contents: dict[str, bytes], path) -> None:
    with tarfile.open(path, "w:xz") as archive:
        for name, content in contents.items():
            honest = tarfile.TarInfo(name)
            honest.size = len(content)
            archive.addfile(honest, io.BytesIO(content))
        archive.addfile(member, io.BytesIO(bytes(member.size)))


@pytest.mark.parametrize(
    ("name", "kind", "target", "message"),
    [
        ("../evil.png", tarfile.REGTYPE, "", "would leave the archive's folder"),
        ("train/cat/../../../evil.png", tarfile.REGTYPE, "", "would leave the archive's folder"),
        ("/tmp/evil.png", tarfile.REGTYPE, "", "would leave the archive's folder"),
        ("..\\evil.png", tarfile.REGTYPE, "", "would leave the archive's folder"),
        ("C:evil.png", tarfile.REGTYPE, "", "would leave the archive's folder"),
        ("train/cat/link.png", tarfile.SYMTYPE, "/etc/passwd", "link or special file"),
        ("train/cat/link.png", tarfile.LNKTYPE, "../../../evil", "link or special file"),
        ("train/cat/pipe.png", tarfile.FIFOTYPE, "", "link or special file"),
    ],
)
def test_hostile_member_is_refused_and_nothing_is_written(tmp_path, contents, name, kind, target, message):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    hostile(member, contents, tmp_path / "a.tar.xz")
    before = sorted(os.walk(tmp_path.parent))
    with pytest.raises(DataFormatError, match=message):
        read_image_folder(tmp_path / "a.tar.xz", CLASSES, SHAPE)
    assert sorted(os.walk(tmp_path.parent)) == before


def test_archive_that_unpacks_to_too_much(tmp_path, build, contents, monkeypatch):
    monkeypatch.setattr("dropatlas.data.archives.LARGEST_CONTENT", 100)
    (tmp_path / "a.tar").write_bytes(build.tar(contents))
    with pytest.raises(DataFormatError, match="more than 100 bytes"):
        read_image_folder(tmp_path / "a.tar", CLASSES, SHAPE)


@pytest.mark.parametrize("cut", [0, 100, -60])
def test_truncated_archive(tmp_path, build, contents, cut):
    (tmp_path / "a.tar.xz").write_bytes(build.tar(contents, "w:xz")[:cut])
    with pytest.raises(DataFormatError, match="cannot be read as a tar archive"):
        read_image_folder(tmp_path / "a.tar.xz", CLASSES, SHAPE)
