"""The user's settings for obtaining data: mirrors, offline directory, patience."""

import os
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from dropatlas.settings import Count, Positive, Section

HANDED_OVER = "DROPATLAS_DATA_SOURCES"
Mirror = Annotated[str, Field(pattern="^(https?|file)://")]


class DataSettings(Section):
    """Where data may come from and how long to try. Nothing here changes what the data are."""

    mirrors_first: list[Mirror] = Field(
        default=[],
        description="base addresses (https://... or file://...) tried before the official hosts; a file is looked for "
        "at <mirror>/<set>/<file>, then at <mirror>/<file>",
    )
    mirrors_last: list[Mirror] = Field(default=[], description="base addresses tried after the official hosts")
    offline_directory: str | None = Field(
        default=None,
        description="folder that holds the official files (at its root or in <set>/), an image folder "
        "(train/<class>/*, test/<class>/*, at its root or in <set>/) or an archive of one (<set>-*.tar.*); "
        "when given, no connection is attempted",
    )
    download_directory: str = Field(
        default="results/downloads", description="folder that keeps downloaded files, one subfolder per set"
    )
    connect_timeout_s: Positive = Field(default=10.0, description="seconds to wait for a connection")
    read_timeout_s: Positive = Field(default=30.0, description="seconds without data after which a transfer is stalled")
    attempts: Count = Field(default=4, description="tries at each address before the next one")
    backoff_s: Annotated[float, Field(ge=0)] = Field(
        default=1.0, description="pause before the second try in seconds; doubles with each further one"
    )

    def hand_over(self) -> None:
        """Hand these settings, with what the environment adds, to the jobs of this run through the environment.

        They say where data are looked for, not what they are (checksums do): they must not decide what reruns, as a
        rule's parameters would.
        """
        os.environ[HANDED_OVER] = self.resolve(self.model_dump(), os.environ).model_dump_json()

    @classmethod
    def handed_over(cls) -> "DataSettings":
        """The settings that `hand_over` left in the environment, or the defaults."""
        return cls.model_validate_json(os.environ.get(HANDED_OVER, "{}"))

    @classmethod
    def resolve(
        cls,
        config: Mapping[str, Any],
        environment: Mapping[str, str],
        command_line: Mapping[str, Any] | None = None,
    ) -> "DataSettings":
        """Combine the three places a setting can come from: command line over environment over configuration.

        Args:
            config: The `data` section of the configuration; missing keys take their defaults.
            environment: `os.environ` or a part of it. `DROPATLAS_OFFLINE_DIRECTORY` sets `offline_directory`,
                `DROPATLAS_MIRRORS` (separated by commas) sets `mirrors_first`; empty means not set.
            command_line: Settings given for this run only.

        Raises:
            ValueError: unknown key, wrong type or range or a mirror that is no address.
        """
        values = dict(config)
        if directory := environment.get("DROPATLAS_OFFLINE_DIRECTORY", "").strip():
            values["offline_directory"] = directory
        if mirrors := environment.get("DROPATLAS_MIRRORS", "").strip():
            values["mirrors_first"] = [mirror.strip() for mirror in mirrors.split(",") if mirror.strip()]
        try:
            settings = cls.model_validate({**values, **(command_line or {})})
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, item['loc']))}: got {item['input']!r}, {item['msg']}" for item in error.errors()
            )
            raise ValueError(
                f"wrong data source (data.sources, DROPATLAS_OFFLINE_DIRECTORY or DROPATLAS_MIRRORS): {problems}"
            ) from None
        return settings
