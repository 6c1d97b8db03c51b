"""Where the judge of a claim stands, without importing it."""

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

from dropatlas.catalogue.table import CatalogueError
from dropatlas.claims import Claim
from dropatlas.closure import SOURCE, imported_modules


class Place(NamedTuple):
    """A function in the library."""

    function: str
    file: Path
    line: int


@cache
def _judges() -> dict[str, list[Place]]:
    """All functions called `judge_<id>`, by name."""
    found: dict[str, list[Place]] = {}
    for file in sorted((SOURCE / "claims").rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("judge_"):
                found.setdefault(node.name, []).append(Place(node.name, file, node.lineno))
    return found


def judge_place(claim: Claim) -> Place:
    """Where the function that judges a claim is defined.

    Raises:
        CatalogueError: there is none, more than one, or `dropatlas.claims.judging` does not know its module.
    """
    name = f"judge_{claim.id.lower()}"
    found = _judges().get(name, [])
    if len(found) != 1:
        places = ", ".join(f"{place.file.relative_to(SOURCE.parent)}:{place.line}" for place in found) or "none"
        raise CatalogueError(f"claim {claim.id}: one function {name} is needed in dropatlas.claims, found: {places}")
    module = ".".join(found[0].file.relative_to(SOURCE.parent).with_suffix("").parts)
    if module not in imported_modules("dropatlas.claims.judging"):
        raise CatalogueError(f"claim {claim.id}: enter {module}, with {name}, in MODULES of dropatlas.claims.judging")
    return found[0]
