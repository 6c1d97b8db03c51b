"""The configuration files fit the model; wrong values are named with what is allowed."""

import subprocess
import sys
from functools import reduce
from typing import get_args, get_origin

import pytest
import yaml
from pydantic import AfterValidator

from dropatlas.config import CONFIG, SCALES, Config, ConfigError, annotated, load_config
from dropatlas.settings import Section, distinct

DEFAULTS = yaml.safe_load((CONFIG / "config.yaml").read_text(encoding="utf-8"))
FILES = [CONFIG / "config.yaml", *(CONFIG / "scales" / f"{scale}.yaml" for scale in SCALES)]


def leaves(values, prefix=""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_is_complete_and_repeats_no_default(scale):
    assert load_config({**DEFAULTS, "scale": scale}).scale == scale
    sizes = yaml.safe_load((CONFIG / "scales" / f"{scale}.yaml").read_text(encoding="utf-8"))
    assert not set(leaves(DEFAULTS)) & set(leaves(sizes))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_comments_in_the_files_are_the_models_descriptions(path):
    text = path.read_text(encoding="utf-8")
    assert text == annotated(yaml.safe_load(text)) + "\n"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"scale": "huge"}, ["scale", "'huge'", "quick, standard, paper"]),
        ({"sed": 3}, ["sed: unknown key", "did you mean 'seed'", "percolation"]),
        ({"seed": -1}, ["seed", "-1", "greater than or equal to 0"]),
        ({"seed": "many"}, ["seed", "'many'", "integer"]),
        ({"percolation": {"crossing": {"sample": 1}}}, ["percolation.crossing.sample", "did you mean 'samples'"]),
        ({"percolation": {"crossing": {"samples": 0}}}, ["percolation.crossing.samples", "0", "greater than"]),
        ({"percolation": {"crossing": {"samples": "1.5"}}}, ["percolation.crossing.samples", "1.5", "integer"]),
        ({"percolation": {"crossing": {"targets": [0.5, 1.2]}}}, ["targets.1", "1.2", "less than 1"]),
        ({"percolation": {"crossing": {"targets": [float("nan")]}}}, ["targets.0", "nan", "finite"]),
        ({"percolation": {"crossing": {"widths": []}}}, ["percolation.crossing.widths", "[]", "at least 1 item"]),
        ({"percolation": {"boundary": {"target": 1}}}, ["percolation.boundary.target", "1", "less than 1"]),
    ],
)
def test_wrong_values_are_named(change, expected):
    with pytest.raises(ConfigError) as caught:
        load_config({**DEFAULTS, **{key: merged(DEFAULTS.get(key), value) for key, value in change.items()}})
    for part in expected:
        assert part in str(caught.value)


def merged(base, change):
    if not isinstance(change, dict) or not isinstance(base, dict):
        return change
    return {**base, **{key: merged(base.get(key), value) for key, value in change.items()}}


def lists(model, values, path=()):
    """Path of every list in a configuration, and its field in the model."""
    for name, field in model.model_fields.items():
        kinds, value = (field.annotation, *get_args(field.annotation)), getattr(values, name)
        if value is not None and list in map(get_origin, kinds):
            yield (*path, name), field
        sections = value if isinstance(value, dict) else {None: value}
        for key, section in sections.items():
            if isinstance(section, Section):
                yield from lists(type(section), section, (*path, name) if key is None else (*path, name, key))


CONFIGURATION = load_config(DEFAULTS)
LISTS = {".".join(path): field for path, field in lists(Config, CONFIGURATION)}
GRIDS = {path for path, field in LISTS.items() if AfterValidator(distinct) in field.metadata}


def test_lists_that_may_repeat_a_value_are_no_grids():
    # an address tried again, a layer named again: neither counts twice
    assert {path for path in LISTS if path not in GRIDS and not path.endswith(".layers")} == {
        "data.sources.mirrors_first",
        "data.sources.mirrors_last",
    }


@pytest.mark.parametrize("path", sorted(GRIDS))
def test_a_value_that_stands_twice_in_a_grid_is_refused(path):
    *sections, key = path.split(".")
    values = CONFIGURATION.model_dump()
    place = reduce(dict.__getitem__, sections, values)
    repeated = place[key][-1]
    place[key] = [repeated, *place[key]]
    with pytest.raises(ConfigError) as caught:
        load_config(values)
    assert str(caught.value).splitlines()[1:] == [
        f"  {path}: got {place[key]!r}; value error, {repeated!r} stands there twice and would count twice; "
        "remove one of them"
    ]


def test_grids_of_every_topic_and_every_kind_of_item_are_tried():
    assert {path.split(".")[0] for path in GRIDS} == {"data", "percolation", "collapse", "phases", "ddc"}
    values = CONFIGURATION.model_dump()
    items = {type(reduce(dict.__getitem__, path.split("."), values)[0]) for path in GRIDS}
    assert items == {float, int, str, list, dict}  # a list is a pair, a dict a section


def test_a_pair_may_hold_a_value_twice():
    assert [1.0, 1.0] in CONFIGURATION.ddc.regression.scales


def test_all_errors_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        load_config({**DEFAULTS, "seed": -1, "percolation": {}})
    assert "seed: got -1" in str(caught.value)
    assert "percolation.boundary: missing" in str(caught.value)


def test_nested_command_line_values_win_over_the_scale_and_get_their_types():
    # Snakemake hands nested --config values over as strings
    override = merged(DEFAULTS, {"percolation": {"crossing": {"samples": "7", "widths": ["2", "3"]}}})
    crossing = load_config(override).percolation.crossing
    assert crossing.samples == 7
    assert crossing.widths == [2, 3]


def test_a_section_is_canonical_json():
    config = load_config(DEFAULTS)
    shuffled = load_config(dict(reversed(DEFAULTS.items())))
    assert config.section("percolation.boundary") == shuffled.section("percolation.boundary")
    assert config.section("percolation.boundary").startswith('{"drop_rates":[0.1,')


def test_the_configuration_is_read_without_torch():
    # snakemake reads it at every start, and in every job of a cluster
    code = "import sys, dropatlas.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_of_methods_models_and_tables_are_those_of_the_library():
    from dropatlas.ddc import settings
    from dropatlas.layers import METHODS
    from dropatlas.models import MODELS
    from dropatlas.training import TABLES

    assert get_args(settings.MethodName) == tuple(METHODS)
    assert get_args(settings.ModelName) == tuple(MODELS)
    assert get_args(settings.TableName) == tuple(TABLES)
