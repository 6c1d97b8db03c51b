"""What is there of every data set, and where the rest would come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dropatlas.data.catalog import DataSource
from dropatlas.data.downloads import addresses
from dropatlas.data.embedded import EMBEDDED
from dropatlas.data.settings import DataSettings
from dropatlas.data.sources import find_images, find_official


@dataclass(frozen=True)
class Status:
    """State of one data set.

    Attributes:
        name: Name in the configuration.
        title: Name for readers.
        state: "embedded" (needs nothing), "verified" (official files, every checksum agrees), "present" (an image
            folder, which no official checksum covers), "damaged" or "missing".
        found: What was found where, or how much of it.
        source: Where the set is or would be taken from, in the order of trial.
    """

    name: str
    title: str
    state: str
    found: str
    source: str


def data_status(catalog: Mapping[str, DataSource], settings: DataSettings) -> list[Status]:
    """Examine every set of the catalogue and list the embedded ones; reads and hashes files, connects to nothing.

    Args:
        catalog: See `load_catalog`.
        settings: With `offline_directory`, only that folder counts.

    Returns:
        One row per set: the embedded ones, then the catalogue in its order.

    Raises:
        ValueError: the offline directory does not exist, or holds several archives for a set.
        OSError: a file cannot be read.
    """
    if settings.offline_directory is not None and not Path(settings.offline_directory).expanduser().is_dir():
        raise ValueError(f"the offline directory {settings.offline_directory} does not exist or is no folder")
    rows = [Status(name, label, "embedded", "needs no download", "this package") for name, label in EMBEDDED.items()]
    return rows + [_status(name, source, settings) for name, source in catalog.items()]


def _status(name: str, source: DataSource, settings: DataSettings) -> Status:
    offline = settings.offline_directory is not None
    folder = settings.download_directory if settings.offline_directory is None else settings.offline_directory
    directory = Path(folder).expanduser()
    if offline:
        origin = f"offline directory {directory}"
    else:
        first_file = next(iter(source.files.values()))
        places = [urls[0].removesuffix(first_file.name) for urls in addresses(name, first_file, settings)]
        origin = f"{directory / name}, filled from " + ", then ".join(places)

    def row(state: str, found: str) -> Status:
        return Status(name, source.title, state, found, origin)

    paths = find_official(name, source, directory)
    if offline and len(paths) < len(source.files) and (images := find_images(name, source, directory)) is not None:
        return row("present", f"image folder {images.name}, not the official bytes")
    problems = {path.name: source.files[role].problem(path) for role, path in paths.items()}
    if damaged := [f"{file}: {text}" for file, text in problems.items() if text is not None]:
        return row("damaged", "; ".join(damaged))
    found = f"{len(paths)} of {len(source.files)} official files"
    return row("verified" if len(paths) == len(source.files) else "missing", found)
