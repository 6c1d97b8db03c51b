"""From the places a set can come from to its prepared form, and what the status says meanwhile."""

import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dropatlas.data import (
    DataFormatError,
    DataSettings,
    DataUnavailableError,
    ImageFiles,
    OfficialFiles,
    data_status,
    load,
    load_catalog,
    obtain,
    prepare,
)

CATALOG = Path(__file__).parents[2] / "config" / "data.yaml"


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("a connection was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def write_all(directory: Path, contents: dict[str, tuple[str, bytes]]) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in contents.values():
        (directory / name).write_bytes(content)
    return directory


def picture(value: int, kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (4, 4), value).save(buffer, kind)
    return buffer.getvalue()


def image_folder(train: int = 3, kind: str = "JPEG") -> dict[str, bytes]:
    """`train` + 2 images of each of two classes."""
    return {
        f"{split}/class{label}/{index}.{kind.lower()}": picture(100 * label + index, kind)
        for split, count in (("train", train), ("test", 2))
        for label in range(2)
        for index in range(count)
    }


def write_folder(root: Path, contents: dict[str, bytes]) -> None:
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def state(catalog, settings) -> tuple[str, str]:
    row = data_status(catalog, settings)[-1]
    return row.state, row.found


def test_download_prepare_load(server, settings, build, mnist_contents, tmp_path):
    for name, content in mnist_contents.values():
        server.files[f"/{name}"] = content
    catalog = {"mnist": build.source("idx", mnist_contents, urls_at=server.url)}
    assert state(catalog, settings) == ("missing", "0 of 4 official files")
    data = prepare("mnist", settings, catalog, tmp_path / "mnist.arrays")
    assert (data.label, data.official, data.class_names) == ("MNIST", True, ("class0", "class1"))
    assert (data.train_images.shape, data.train_labels.tolist()) == ((6, 1, 4, 4), [0, 1, 1, 0, 1, 0])
    assert [file["name"] for file in data.provenance["files"]] == ["train-i.gz", "train-l.gz", "test-i.gz", "test-l.gz"]
    np.testing.assert_array_equal(load(tmp_path / "mnist.arrays").test_images, data.test_images)
    assert state(catalog, settings) == ("verified", "4 of 4 official files")


@pytest.mark.parametrize("folder", [".", "mnist"])
def test_offline_files_are_used_without_a_connection(no_network, settings, build, mnist_contents, tmp_path, folder):
    write_all(tmp_path / "offline" / folder, mnist_contents)
    catalog = {"mnist": build.source("idx", mnist_contents)}
    settings = build.settings(settings, offline_directory=str(tmp_path / "offline"))
    assert prepare("mnist", settings, catalog, tmp_path / "a").official
    assert state(catalog, settings) == ("verified", "4 of 4 official files")
    assert not Path(settings.download_directory).exists()


def test_the_prepared_file_does_not_depend_on_where_the_files_came_from(
    server, settings, build, mnist_contents, tmp_path
):
    for name, content in mnist_contents.values():
        server.files[f"/{name}"] = content
    catalog = {"mnist": build.source("idx", mnist_contents, urls_at=server.url)}
    prepare("mnist", settings, catalog, tmp_path / "a")
    write_all(tmp_path / "offline", mnist_contents)
    prepare("mnist", build.settings(settings, offline_directory=str(tmp_path / "offline")), catalog, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_missing_offline_file_is_an_error_without_a_connection(no_network, settings, build, mnist_contents, tmp_path):
    write_all(tmp_path / "offline", mnist_contents)
    (tmp_path / "offline" / "test-l.gz").unlink()
    catalog = {"mnist": build.source("idx", mnist_contents)}
    settings = build.settings(settings, offline_directory=str(tmp_path / "offline"))
    with pytest.raises(DataUnavailableError, match=r"no connection tried\): lacks test-l\.gz and an image folder"):
        prepare("mnist", settings, catalog, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert state(catalog, settings) == ("missing", "3 of 4 official files")


def test_damaged_offline_file_is_an_error(no_network, settings, build, mnist_contents, tmp_path):
    write_all(tmp_path / "offline", mnist_contents)
    (tmp_path / "offline" / "test-l.gz").write_bytes(b"x" * len(mnist_contents["test_labels"][1]))
    catalog = {"mnist": build.source("idx", mnist_contents)}
    settings = build.settings(settings, offline_directory=str(tmp_path / "offline"))
    with pytest.raises(DataUnavailableError, match=r"test-l\.gz: sha256 is"):
        prepare("mnist", settings, catalog, tmp_path / "a")
    assert state(catalog, settings)[0] == "damaged"


def test_offline_directory_that_does_not_exist(no_network, settings, build, mnist_contents, tmp_path):
    settings = build.settings(settings, offline_directory=str(tmp_path / "none"))
    with pytest.raises(DataUnavailableError, match="none: the offline directory does not exist"):
        obtain("mnist", build.source("idx", mnist_contents), settings)


@pytest.mark.parametrize("place", ["mnist", ".", "mnist-jpeg.tar.xz"])
def test_image_folder_is_labelled_as_not_official(no_network, settings, build, mnist_contents, tmp_path, place):
    offline = tmp_path / "offline"
    offline.mkdir()
    if place.endswith(".xz"):
        (offline / place).write_bytes(build.tar(image_folder(), "w:xz"))
    else:
        write_folder(offline / place, image_folder())
    catalog = {"mnist": build.source("idx", mnist_contents)}
    settings = build.settings(settings, offline_directory=str(offline))
    data = prepare("mnist", settings, catalog, tmp_path / "a")
    assert (data.label, data.official) == ("MNIST (JPEG)", False)
    assert data.train_images[:, 0, 0, 0].tolist() == [0, 100, 1, 101, 2, 102]
    assert data.test_labels.tolist() == [0, 1, 0, 1]
    name = "offline" if place == "." else place
    assert state(catalog, settings) == ("present", f"image folder {name}, not the official bytes")


def test_part_of_a_set_says_so_in_its_label(settings, build, mnist_contents, tmp_path):
    write_folder(tmp_path / "offline" / "mnist", image_folder(train=2, kind="PNG"))
    settings = build.settings(settings, offline_directory=str(tmp_path / "offline"))
    data = prepare("mnist", settings, {"mnist": build.source("idx", mnist_contents)}, tmp_path / "a")
    assert data.label == "MNIST (PNG, 4 + 4 images)"


def test_official_files_come_before_an_image_folder(settings, build, mnist_contents, tmp_path):
    offline = write_all(tmp_path / "offline", mnist_contents)
    write_folder(offline / "mnist", image_folder())
    settings = build.settings(settings, offline_directory=str(offline))
    dataset = build.source("idx", mnist_contents)
    assert isinstance(obtain("mnist", dataset, settings), OfficialFiles)
    (offline / "test-l.gz").unlink()
    assert obtain("mnist", dataset, settings) == ImageFiles(offline / "mnist")


def test_root_image_folder_of_another_set_is_not_taken(settings, build, mnist_contents, tmp_path):
    write_folder(tmp_path / "offline", image_folder())
    settings = build.settings(settings, offline_directory=str(tmp_path / "offline"))
    with pytest.raises(DataUnavailableError):
        obtain("mnist", build.source("idx", mnist_contents, class_names=["class0", "other"]), settings)


def test_two_archives_are_ambiguous(settings, build, mnist_contents, tmp_path):
    for name in ("mnist-jpeg.tar.xz", "mnist-png.tar.gz"):
        (tmp_path / name).write_bytes(b"")
    settings = build.settings(settings, offline_directory=str(tmp_path))
    with pytest.raises(ValueError, match=r"mnist-jpeg\.tar\.xz, mnist-png\.tar\.gz; leave only one"):
        obtain("mnist", build.source("idx", mnist_contents), settings)


def test_cifar10(settings, build, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 3, 32, 32), dtype=np.uint8)
    records = [bytes([index % 2]) + image.tobytes() for index, image in enumerate(pixels)]
    members = {f"cifar-10-batches-bin/data_batch_{i + 1}.bin": b"".join(records[2 * i : 2 * i + 2]) for i in range(5)}
    members |= {
        "cifar-10-batches-bin/test_batch.bin": b"".join(records[10:]),
        "cifar-10-batches-bin/batches.meta.txt": b"airplane\nautomobile\n",
    }
    contents = {"archive": ("cifar-10-binary.tar.gz", build.tar(members))}
    write_all(tmp_path, contents)
    settings = build.settings(settings, offline_directory=str(tmp_path))
    data = prepare("cifar10", settings, {"cifar10": build.source("cifar10-binary", contents)}, tmp_path / "a")
    np.testing.assert_array_equal(data.train_images, pixels[:10])
    np.testing.assert_array_equal(data.test_images, pixels[10:])
    assert (data.label, data.class_names) == ("CIFAR-10", ("airplane", "automobile"))


def test_cifar100_uses_the_fine_labels(settings, build, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 3, 32, 32), dtype=np.uint8)
    records = [bytes([7, index % 2]) + image.tobytes() for index, image in enumerate(pixels)]
    members = {
        "cifar-100-binary/train.bin": b"".join(records[:3]),
        "cifar-100-binary/test.bin": b"".join(records[3:]),
        "cifar-100-binary/fine_label_names.txt": b"apple\naquarium_fish\n",
    }
    contents = {"archive": ("cifar-100-binary.tar.gz", build.tar(members))}
    write_all(tmp_path, contents)
    settings = build.settings(settings, offline_directory=str(tmp_path))
    data = prepare("cifar100", settings, {"cifar100": build.source("cifar100-binary", contents)}, tmp_path / "a")
    assert data.train_labels.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(data.test_images, pixels[3:])


def test_small_norb(settings, build, tmp_path):
    contents = {}
    for split, instances in (("train", [4, 6, 7, 9]), ("test", [0, 1, 5])):
        facts = np.zeros((len(instances), 4), dtype=np.int32)
        facts[:, 0] = instances
        images = np.full((len(instances), 2, 5, 5), 3, dtype=np.uint8)
        images[:, 1] = 4
        contents |= {
            f"{split}_dat": (f"{split}-dat.mat.gz", build.norb(images)),
            f"{split}_cat": (f"{split}-cat.mat.gz", build.norb(np.arange(len(instances), dtype=np.int32))),
            f"{split}_info": (f"{split}-info.mat.gz", build.norb(facts)),
        }
    write_all(tmp_path / "norb", contents)
    settings = build.settings(settings, offline_directory=str(tmp_path))
    data = prepare("norb", settings, {"norb": build.source("norb", contents)}, tmp_path / "a")
    assert (data.label, data.official, data.train_images.shape) == ("small NORB", True, (4, 2, 5, 5))
    assert data.test_images[2, :, 0, 0].tolist() == [3, 4]
    assert data.train_labels.tolist() == [0, 1, 2, 3]


def test_official_files_of_the_wrong_size_for_the_catalogue(settings, build, mnist_contents, tmp_path):
    write_all(tmp_path, mnist_contents)
    settings = build.settings(settings, offline_directory=str(tmp_path))
    catalog = {"mnist": build.source("idx", mnist_contents, train_size=7)}
    with pytest.raises(DataFormatError, match=r"hold \(6, 4, 1, 4, 4, 2\), the catalogue says \(7, 4, 1, 4, 4, 2\)"):
        prepare("mnist", settings, catalog, tmp_path / "a")


def test_unknown_name(settings, tmp_path):
    with pytest.raises(ValueError, match="unknown data set 'minst'; the catalogue has mnist, cifar10, cifar100, norb"):
        prepare("minst", settings, load_catalog(CATALOG), tmp_path / "a")


def test_status_says_where_a_set_would_come_from(settings, build):
    settings = build.settings(settings, mirrors_first=["https://mirror/"], offline_directory=None)
    rows = {row.name: row for row in data_status(load_catalog(CATALOG), settings)}
    assert [row.state for row in rows.values()] == ["embedded", "embedded", *["missing"] * 4]
    assert rows["cifar10"].source == (
        f"{settings.download_directory}/cifar10, filled from https://mirror/cifar10/, then "
        "https://www.cs.toronto.edu/~kriz/, then https://cave.cs.toronto.edu/kriz/"
    )


def test_importing_the_package_does_not_import_torch_or_mlxtend():
    code = "import sys, dropatlas.data; print([n for n in ('torch', 'mlxtend', 'sklearn') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.skipif(
    not os.environ.get("DROPATLAS_OFFLINE_DIRECTORY"), reason="needs DROPATLAS_OFFLINE_DIRECTORY with the real files"
)
def test_the_real_mnist(tmp_path):
    """The class counts of MNIST are published facts; so are its mean 0.1307 and standard deviation 0.3081."""
    from dropatlas.data import channel_statistics

    settings = DataSettings.resolve({}, os.environ)
    data = prepare("mnist", settings, load_catalog(CATALOG), tmp_path / "mnist.arrays")
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.train_labels).tolist() == counts
    assert np.bincount(data.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    np.testing.assert_allclose(np.concatenate(channel_statistics(data.train_images)), [0.1307, 0.3081], atol=5e-5)


@pytest.mark.skipif(
    not os.environ.get("DROPATLAS_OFFLINE_DIRECTORY"), reason="needs DROPATLAS_OFFLINE_DIRECTORY with the real files"
)
def test_the_real_cifar10(tmp_path):
    """Official or JPEG, the set has 5,000 + 1,000 images per class and the published channel means."""
    from dropatlas.data import channel_statistics

    settings = DataSettings.resolve({}, os.environ)
    data = prepare("cifar10", settings, load_catalog(CATALOG), tmp_path / "cifar10.arrays")
    assert np.bincount(data.train_labels).tolist() == [5000] * 10
    assert np.bincount(data.test_labels).tolist() == [1000] * 10
    assert data.label == ("CIFAR-10" if data.official else "CIFAR-10 (JPEG)")
    mean, std = channel_statistics(data.train_images)
    np.testing.assert_allclose(mean, [0.4914, 0.4822, 0.4465], atol=1e-3)
    np.testing.assert_allclose(std, [0.2470, 0.2435, 0.2616], atol=3e-3)  # JPEG smooths, so less spread
