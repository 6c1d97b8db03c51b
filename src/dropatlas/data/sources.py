"""Where a set is taken from: the offline directory when there is one, otherwise the download directory."""

import logging
from dataclasses import dataclass
from pathlib import Path

from dropatlas.data.catalog import DataSource
from dropatlas.data.downloads import DataUnavailableError, Failure, download
from dropatlas.data.images import MODES
from dropatlas.data.settings import DataSettings

logger = logging.getLogger("dropatlas")


@dataclass(frozen=True)
class OfficialFiles:
    """The publisher's files by role."""

    paths: dict[str, Path]


@dataclass(frozen=True)
class ImageFiles:
    """A directory or archive with `train/<class>/*` and `test/<class>/*`."""

    path: Path


def find_official(name: str, source: DataSource, directory: Path) -> dict[str, Path]:
    """Official files by role that lie in `directory` or its subfolder `name`, not yet verified."""
    found = {}
    for role, file in source.files.items():
        for candidate in (directory / name / file.name, directory / file.name):
            if candidate.is_file():
                found[role] = candidate
                break
    return found


def find_images(name: str, source: DataSource, directory: Path) -> Path | None:
    """Image folder or archive of one for the set `name` in `directory`.

    Looked for as `<directory>/<name>/train`, as an archive `<directory>/<name>-*.tar.*`, and as `<directory>/train`
    when its class folders are those of the set.

    Raises:
        ValueError: several archives fit.
    """
    if source.image_shape[0] not in MODES:
        return None
    if (directory / name / "train").is_dir():
        return directory / name
    archives = sorted(path for path in directory.glob(f"{name}-*.tar.*") if path.is_file())
    if len(archives) > 1:
        listed = ", ".join(path.name for path in archives)
        raise ValueError(f"{directory}: several archives hold {source.title}: {listed}; leave only one")
    if archives:
        return archives[0]
    classes = {path.name for path in (directory / "train").glob("*") if path.is_dir()}
    return directory if classes == set(source.class_names) else None


def obtain(name: str, source: DataSource, settings: DataSettings) -> OfficialFiles | ImageFiles:
    """Find a set offline or download it.

    Args:
        name: Name of the set.
        source: Its catalogue entry.
        settings: With `offline_directory`, only that folder is looked at and no connection is attempted.

    Returns:
        Verified official files, or an image folder, which stands in when official files are missing.

    Raises:
        DataUnavailableError: the set is nowhere, or an official file is damaged.
        ValueError: the offline directory holds several archives for the set.
        OSError: a folder cannot be read or written.
    """
    if settings.offline_directory is None:
        return OfficialFiles(download(name, source, settings))
    directory = Path(settings.offline_directory).expanduser()
    if not directory.is_dir():
        raise DataUnavailableError(name, source, [Failure(str(directory), "the offline directory does not exist")])
    found = find_official(name, source, directory)
    if len(found) == len(source.files):
        problems = {role: source.files[role].problem(path) for role, path in found.items()}
        if failures := [Failure(str(found[role]), text) for role, text in problems.items() if text is not None]:
            raise DataUnavailableError(name, source, failures)
        return OfficialFiles(found)
    if (images := find_images(name, source, directory)) is not None:
        logger.info("%s: using the image folder %s", source.title, images)
        return ImageFiles(images)
    missing = ", ".join(file.name for role, file in source.files.items() if role not in found)
    reason = f"lacks {missing} and an image folder {name}/train/<class>/* or archive {name}-*.tar.*"
    raise DataUnavailableError(name, source, [Failure(f"{directory} (offline directory; no connection tried)", reason)])
