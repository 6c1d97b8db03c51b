"""environment.yml, pyproject.toml and the lock describe one environment."""

import re
import tomllib

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from rattler import MatchSpec

from dropatlas.provenance import ROOT

LOCK = {
    requirement.name: requirement
    for requirement in map(Requirement, (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines())
}
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_lock_pins_every_package_exactly():
    assert len(LOCK) > 100
    for requirement in LOCK.values():
        assert re.fullmatch(r"==[^*]+", str(requirement.specifier)), requirement


def test_the_lock_satisfies_the_project():
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    for requirement in map(Requirement, wanted):
        pinned = next(iter(LOCK[requirement.name].specifier)).version
        assert requirement.specifier.contains(pinned), requirement


def test_conda_packages_parse_and_python_fits_the_project():
    specs = {spec.name.normalized: spec for spec in map(MatchSpec, conda_packages())}
    assert set(specs) == {"python", "pip", "git", "make"}
    version = str(specs["python"].version).removeprefix("==").removesuffix(".*")
    assert SpecifierSet(PROJECT["requires-python"]).contains(version)
    assert ENVIRONMENT["channels"] == ["conda-forge", "nodefaults"]


def test_pip_packages_of_the_conda_environment_are_those_of_the_lock():
    (pip,) = [entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict)]
    options = [entry for entry in pip if entry.startswith("-")]
    assert options == ["--requirement requirements.lock", "--editable ."]
    named = [Requirement(entry) for entry in pip if not entry.startswith("-")]
    assert {"snakemake", "torch", "torchvision", "pandas", "seaborn", "papermill", "jupyter"} == {r.name for r in named}
    for requirement in named:
        assert requirement.specifier == LOCK[requirement.name].specifier, requirement


def conda_packages():
    return [entry for entry in ENVIRONMENT["dependencies"] if isinstance(entry, str)]
