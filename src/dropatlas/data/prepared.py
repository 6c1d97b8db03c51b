"""From official files or an image folder to the prepared form."""

from collections.abc import Mapping
from pathlib import Path

from dropatlas.data.archives import DataFormatError
from dropatlas.data.catalog import DataSource
from dropatlas.data.dataset import DataSet, load, save
from dropatlas.data.formats import Split, read_cifar, read_mnist_split, read_norb_split
from dropatlas.data.images import read_image_folder
from dropatlas.data.settings import DataSettings
from dropatlas.data.sources import ImageFiles, OfficialFiles, obtain


def _read_official(source: DataSource, paths: Mapping[str, Path]) -> tuple[Split, Split, list[str]]:
    match source.format:
        case "idx":
            train = read_mnist_split(paths["train_images"], paths["train_labels"])
            return train, read_mnist_split(paths["test_images"], paths["test_labels"]), source.class_names
        case "cifar10-binary":
            batches = [f"data_batch_{index}.bin" for index in range(1, 6)]
            return read_cifar(
                paths["archive"], "cifar-10-batches-bin", batches, "test_batch.bin", "batches.meta.txt", label_bytes=1
            )
        case "cifar100-binary":
            return read_cifar(
                paths["archive"], "cifar-100-binary", ["train.bin"], "test.bin", "fine_label_names.txt", label_bytes=2
            )
        case "norb":
            train = read_norb_split(paths["train_dat"], paths["train_cat"], paths["train_info"], "train")
            test = read_norb_split(paths["test_dat"], paths["test_cat"], paths["test_info"], "test")
            return train, test, source.class_names


def _official_data(name: str, source: DataSource, paths: Mapping[str, Path]) -> DataSet:
    train, test, class_names = _read_official(source, paths)
    found = (len(train.images), len(test.images), *train.images.shape[1:], len(class_names))
    expected = (source.train_size, source.test_size, *source.image_shape, len(source.class_names))
    if found != expected:
        raise DataFormatError(
            f"{source.title}: the files hold {found}, the catalogue says {expected} (training images, test images, "
            "channels, rows, columns, classes)"
        )
    files = [file.model_dump(include={"name", "size", "sha256", "md5"}) for file in source.files.values()]
    return DataSet(
        name=name,
        label=source.title,
        official=True,
        class_names=tuple(class_names),
        train_images=train.images,
        train_labels=train.labels,
        test_images=test.images,
        test_labels=test.labels,
        provenance={"files": files, "licence": source.licence, "citation": source.citation},
    )


def _image_data(name: str, source: DataSource, path: Path) -> DataSet:
    channels, rows, columns = source.image_shape
    folder = read_image_folder(path, source.class_names, (channels, rows, columns))
    sizes = (len(folder.train.images), len(folder.test.images))
    kind = ", ".join(folder.encodings)
    if sizes != (source.train_size, source.test_size):
        kind += f", {sizes[0]:,} + {sizes[1]:,} images"
    return DataSet(
        name=name,
        label=f"{source.title} ({kind})",
        official=False,
        class_names=tuple(source.class_names),
        train_images=folder.train.images,
        train_labels=folder.train.labels,
        test_images=folder.test.images,
        test_labels=folder.test.labels,
        provenance={
            "files": [{"name": "train/<class>/*, test/<class>/*", "count": sum(sizes), "sha256": folder.sha256}],
            "licence": source.licence,
            "citation": source.citation,
        },
    )


def prepare(name: str, settings: DataSettings, catalog: Mapping[str, DataSource], output_path: Path) -> DataSet:
    """Obtain a set of the catalogue and write its prepared form.

    Args:
        name: Name in the catalogue.
        settings: Mirrors, folders and timeouts.
        catalog: See `load_catalog`.
        output_path: File to write.

    Returns:
        The prepared set, loaded from `output_path`. It is labelled with the set's title when it was read from
        verified official files, otherwise with the title, the encoding and, for a part of the set, its size.

    Raises:
        ValueError: unknown name, or an ambiguous offline directory.
        DataUnavailableError: the set cannot be had; the message says what to do.
        DataFormatError: the files are not what they should be.
        OSError: a file cannot be read or written.
    """
    if name not in catalog:
        raise ValueError(f"unknown data set {name!r}; the catalogue has {', '.join(catalog)}")
    source = catalog[name]
    match obtain(name, source, settings):
        case OfficialFiles(paths):
            data = _official_data(name, source, paths)
        case ImageFiles(path):
            data = _image_data(name, source, path)
    save(data, output_path)
    return load(output_path)
