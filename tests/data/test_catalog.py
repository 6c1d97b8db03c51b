"""The catalogue and the settings: what is in them, and what is refused."""

import hashlib
import importlib.util
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from dropatlas.data import DataFile, DataSettings, load_catalog

CATALOG = Path(__file__).parents[2] / "config" / "data.yaml"


def test_catalogue_holds_the_four_sets():
    catalog = load_catalog(CATALOG)
    shapes = {name: (source.image_shape, len(source.class_names)) for name, source in catalog.items()}
    assert shapes == {
        "mnist": ([1, 28, 28], 10),
        "cifar10": ([3, 32, 32], 10),
        "cifar100": ([3, 32, 32], 100),
        "norb": ([2, 96, 96], 5),
    }


def test_urls_end_in_the_official_names_and_hosts_come_in_one_order():
    for source in load_catalog(CATALOG).values():
        hosts = [[url.removesuffix(file.name) for url in file.urls] for file in source.files.values()]
        assert all(host.endswith("/") for host in hosts[0])
        assert all(other == hosts[0] for other in hosts)
        assert len(hosts[0]) >= 2


def test_mnist_agrees_with_torchvision():
    """Its source is read, not imported, which would take seconds. It has no check for the binary version of CIFAR."""
    spec = importlib.util.find_spec("torchvision")
    torchvision = (Path(spec.origin).parent / "datasets" / "mnist.py").read_text(encoding="utf-8")
    for file in load_catalog(CATALOG)["mnist"].files.values():
        assert f'("{file.name}", "{file.md5}")' in torchvision
        assert f'"{file.urls[0].removesuffix(file.name)}"' in torchvision


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("mnist", "licence"), None, "mnist.licence"),
        (("mnist", "colour"), "grey", "mnist.colour"),
        (("mnist", "files", "train_images", "md5"), "abc", "md5"),
        (("mnist", "files", "train_images", "urls"), [], "urls"),
        (("mnist", "files", "train_images", "urls"), ["ftp://x/y"], "urls"),
        (("mnist", "files", "train_images", "name"), "../x", "name"),
        (("mnist", "files", "train_images", "size"), 0, "size"),
        (("mnist", "files", "extra"), {"name": "x", "size": 1, "md5": "0" * 32, "urls": ["https://x"]}, "needs the fi"),
        (("mnist", "class_names"), ["a", "a"], "must differ"),
        (("mnist", "class_names"), ["a", ".."], "usable as folder names"),
    ],
)
def test_wrong_entries_are_refused(tmp_path, path, value, message):
    catalog = yaml.safe_load(CATALOG.read_text(encoding="utf-8"))
    entry = catalog
    for key in path[:-1]:
        entry = entry[key]
    entry[path[-1]] = value
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(catalog), encoding="utf-8")
    with pytest.raises(ValidationError, match=message):
        load_catalog(tmp_path / "data.yaml")


def test_a_file_without_any_checksum_is_refused():
    with pytest.raises(ValidationError, match="state sha256 or md5"):
        DataFile(name="x", size=1, urls=["https://x/x"])


def test_every_stated_check_counts(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    good = {"sha256": hashlib.sha256(b"abc").hexdigest(), "md5": hashlib.md5(b"abc").hexdigest()}

    def problem(**changes):
        return DataFile(**{"name": "x", "size": 3, "urls": ["https://x/x"], **good, **changes}).problem(tmp_path / "x")

    assert problem() is None
    assert problem(sha256=None) is None
    assert problem(md5=None) is None
    assert problem(size=4) == "size is 3 bytes, expected 4"
    assert problem(md5="0" * 32) == f"md5 is {good['md5']}, expected {'0' * 32}"
    assert problem(sha256="0" * 64).startswith("sha256 is")


def test_settings_precedence():
    """Command line over environment over configuration; an empty variable means not set."""
    config = {"offline_directory": "/config", "mirrors_first": ["https://config"], "attempts": 2}
    environment = {"DROPATLAS_OFFLINE_DIRECTORY": "/environment", "DROPATLAS_MIRRORS": "https://a, file:///b c,"}
    assert DataSettings.resolve({}, {}) == DataSettings()
    assert DataSettings.resolve(config, {"DROPATLAS_OFFLINE_DIRECTORY": " "}).offline_directory == "/config"
    found = DataSettings.resolve(config, environment)
    assert (found.offline_directory, found.mirrors_first) == ("/environment", ["https://a", "file:///b c"])
    found = DataSettings.resolve(config, environment, {"offline_directory": "/line", "mirrors_first": []})
    assert (found.offline_directory, found.mirrors_first, found.attempts) == ("/line", [], 2)


@pytest.mark.parametrize(
    "values",
    [
        {"mirrors": []},
        {"mirrors_first": ["ftp://x"]},
        {"mirrors_last": ["/folder"]},
        {"attempts": 0},
        {"read_timeout_s": 0.0},
        {"backoff_s": -1.0},
    ],
)
def test_wrong_settings_are_refused(values):
    with pytest.raises(ValueError, match=rf"wrong data source .*{next(iter(values))}"):
        DataSettings.resolve(values, {})
