"""The catalogue of data sets: official files, their hosts and checks, licences and citations (`config/data.yaml`)."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, TypeAdapter, field_validator, model_validator

from dropatlas.settings import Count, NonEmpty, Section

ROLES = {
    "idx": ("train_images", "train_labels", "test_images", "test_labels"),
    "cifar10-binary": ("archive",),
    "cifar100-binary": ("archive",),
    "norb": ("train_dat", "train_cat", "train_info", "test_dat", "test_cat", "test_info"),
}
"""The files each format consists of."""


class DataFile(Section):
    """One official file."""

    name: str = Field(description="official file name", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    size: Count = Field(description="bytes")
    sha256: str | None = Field(default=None, description="SHA-256 of the file", pattern="^[0-9a-f]{64}$")
    md5: str | None = Field(default=None, description="MD5 of the file", pattern="^[0-9a-f]{32}$")
    urls: NonEmpty[Annotated[str, Field(pattern="^https?://")]] = Field(description="official hosts, first first")

    @model_validator(mode="after")
    def _has_a_checksum(self) -> "DataFile":
        if self.sha256 is None and self.md5 is None:
            raise ValueError(f"{self.name}: state sha256 or md5, so that a damaged file is noticed")
        return self

    def problem(self, path: Path) -> str | None:
        """What is wrong with the copy at `path`, or None when size and every stated checksum agree.

        Raises:
            OSError: the file cannot be read.
        """
        size = path.stat().st_size
        if size != self.size:
            return f"size is {size:,} bytes, expected {self.size:,}"
        for algorithm, expected in (("sha256", self.sha256), ("md5", self.md5)):
            if expected is None:
                continue
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, algorithm).hexdigest()
            if found != expected:
                return f"{algorithm} is {found}, expected {expected}"
        return None


class DataSource(Section):
    """One data set: what it holds and where it comes from."""

    title: str = Field(description="name in tables, figures and reports")
    format: Literal["idx", "cifar10-binary", "cifar100-binary", "norb"] = Field(description="format of the files")
    image_shape: Annotated[list[Count], Field(min_length=3, max_length=3)] = Field(
        description="channels, rows and columns of an image"
    )
    train_size: Count = Field(description="images in the official training set")
    test_size: Count = Field(description="images in the official test set")
    class_names: Annotated[list[str], Field(min_length=2)] = Field(description="class names in the order of the labels")
    homepage: str = Field(description="the publisher's page")
    licence: str = Field(description="terms of use")
    citation: str = Field(description="publication to cite")
    files: dict[str, DataFile] = Field(description="official files by role")

    @field_validator("class_names")
    @classmethod
    def _names_are_folders(cls, names: list[str]) -> list[str]:
        if len(set(names)) < len(names) or any("/" in name or name in {"", ".", ".."} for name in names):
            raise ValueError(f"class names must differ and be usable as folder names, got {names}")
        return names

    @model_validator(mode="after")
    def _has_every_role(self) -> "DataSource":
        roles = ROLES[self.format]
        if set(self.files) != set(roles):
            raise ValueError(f"format {self.format} needs the files {', '.join(roles)}, got {', '.join(self.files)}")
        return self


def load_catalog(path: Path) -> dict[str, DataSource]:
    """Read and validate `config/data.yaml`.

    Args:
        path: YAML file that maps a set's name (such as `mnist`) to its entry.

    Returns:
        Sources by name, in the order of the file.

    Raises:
        OSError: the file cannot be read.
        pydantic.ValidationError: an entry is incomplete or wrong; the message names key and value.
    """
    return TypeAdapter(dict[str, DataSource]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
