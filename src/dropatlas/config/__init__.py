"""The configuration: its model, its files, and errors that name key, value and what is allowed.

`config/config.yaml` says what to run, `config/scales/<scale>.yaml` how large; values given on the command line
(`--config`) win over both.
"""

import difflib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from functools import reduce
from typing import Any, get_args, get_origin

import yaml
from pydantic import Field, ValidationError

from dropatlas.closure import SOURCE
from dropatlas.config.parts import CollapseSettings, DDCSettings, PercolationSettings, PhasesSettings
from dropatlas.data.choice import DataChoice
from dropatlas.settings import Scale, Section

CONFIG = SOURCE.parents[1] / "config"


class ConfigError(ValueError):
    """The configuration is wrong; the message names every wrong key, its value and what is allowed."""


class Config(Section):
    """Everything a run depends on besides code and data."""

    scale: Scale = Field(description="size of every experiment: quick, standard or paper")
    seed: int = Field(ge=0, description="root seed; every random stream is derived from it by name")
    data: DataChoice = Field(description="data sets and where they come from")
    percolation: PercolationSettings = Field(description="arXiv 2512.13853: crossing probabilities and scaling laws")
    collapse: CollapseSettings = Field(description="arXiv 2512.13853: deep networks trained under dropout")
    phases: PhasesSettings = Field(description="arXiv 2510.07554: dropout of two-layer mean-field networks")
    ddc: DDCSettings = Field(description="arXiv 2502.19948: Dynamic DropConnect against other methods, and taken apart")

    def section(self, path: str) -> str:
        """Canonical JSON of one section, such as `percolation.crossing`."""
        return canonical(reduce(getattr, path.split("."), self))


def canonical(section: Section) -> str:
    """JSON of a section that depends on its values alone."""
    return json.dumps(section.model_dump(), sort_keys=True, separators=(",", ":"))


SCALES: tuple[Scale, ...] = get_args(Scale)


def load_config(values: Mapping[str, Any]) -> Config:
    """Validate the configuration of a run.

    Args:
        values: `config/config.yaml` merged with what the command line gave.

    Raises:
        ConfigError: unknown scale or key, wrong type or range.
    """
    scale = values.get("scale")
    if scale not in SCALES:
        raise ConfigError(f"wrong configuration:\n  scale: got {scale!r}; allowed: {', '.join(SCALES)}")
    sizes = yaml.safe_load((CONFIG / "scales" / f"{scale}.yaml").read_text(encoding="utf-8"))
    merged = _merged(sizes, values)
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        _give_types(merged, error)
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def stored_config(scale: str) -> Config:
    """The configuration in `config/` at a scale (errors as `load_config`)."""
    values = yaml.safe_load((CONFIG / "config.yaml").read_text(encoding="utf-8"))
    return load_config(values | {"scale": scale})


def _give_types(values: dict[str, Any], error: ValidationError) -> None:
    """Read strings as YAML where the model wants another type: Snakemake makes strings of nested `--config` values."""
    for item in error.errors():
        place: Any = values
        *path, last = item["loc"]
        with suppress(KeyError, IndexError, TypeError, yaml.YAMLError):  # what stays a string is told as an error
            for key in path:
                place = place[key]
            if isinstance(place[last], str):
                place[last] = yaml.safe_load(place[last])


def _merged(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    merged = deepcopy(dict(base))
    for key, value in override.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else deepcopy(value)
    return merged


def _keys_at(location: tuple[int | str, ...]) -> list[str]:
    """Keys a section may have."""
    model: Any = Config
    for key in location:
        if get_origin(model) is dict:
            model = get_args(model)[1]
        else:
            field = getattr(model, "model_fields", {}).get(key)
            model = field.annotation if field else None
    return list(getattr(model, "model_fields", ()))


def _explain(error: ValidationError) -> str:
    lines = ["wrong configuration:"]
    for item in error.errors():
        location = item["loc"]
        key = ".".join(str(part) for part in location)
        if item["type"] == "extra_forbidden":
            allowed = _keys_at(location[:-1])
            close = difflib.get_close_matches(str(location[-1]), allowed, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            lines.append(f"  {key}: unknown key{hint}; allowed here: {', '.join(allowed)}")
        elif item["type"] == "missing":
            lines.append(f"  {key}: missing; the files in config/ give its default")
        else:
            lines.append(f"  {key}: got {item['input']!r}; {item['msg'][0].lower()}{item['msg'][1:]}")
    return "\n".join(lines)


def annotated(values: Mapping[str, Any], model: Any = Config, indent: int = 0, comments: bool = True) -> str:
    """YAML of `values` with the model's description above every key: the form of the files in `config/`.

    Of entries by name, such as benchmarks, the first one shows the descriptions.
    """
    lines = []
    for number, (key, value) in enumerate(values.items()):
        named = get_origin(model) is dict
        kind = get_args(model)[1] if named else model.model_fields[key].annotation
        margin = "  " * indent
        if comments and not named:
            lines.append(f"{margin}# {model.model_fields[key].description}")
        described = comments and not (named and number)
        if isinstance(value, Mapping) and _holds_sections(kind):
            lines += [f"{margin}{key}:", annotated(value, kind, indent + 1, described)]
        else:
            # YAML takes 2e-05 for a text; with a point it is a number
            text = re.sub(r"\b(\d+)e(?=[+-])", r"\1.0e", json.dumps(value))
            lines.append(f"{margin}{key}: {text}")
    return "\n".join(lines)


def _holds_sections(kind: Any) -> bool:
    """Whether a value of this type is a section, or sections by name."""
    kind = get_args(kind)[1] if get_origin(kind) is dict else kind
    return isinstance(kind, type) and issubclass(kind, Section)
