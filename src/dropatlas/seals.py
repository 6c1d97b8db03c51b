"""Origin and seal of notebooks, pages and figures: what they were made from, and whether they are as they were made.

A document carries its origin and a hash of everything else in it. Like the seal of a table this guards against
mistakes, not against forgers.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from dropatlas.files import sha256_of_file, sha256_of_text

CHECKSUMS = "SHA256SUMS"


class Origin(BaseModel):
    """What a document is and what it was made from: its name, hash of the code, hashes of the inputs by name."""

    name: str
    code_hash: str
    inputs: dict[str, str]


class BrokenSealError(ValueError):
    """A document carries no seal, or is not as it was made."""


def seal_notebook(notebook: dict[str, Any], origin: Origin) -> None:
    """Put origin and seal into the metadata of a notebook (in place)."""
    notebook["metadata"]["dropatlas"] = {"origin": origin.model_dump()}
    notebook["metadata"]["dropatlas"]["seal"] = _notebook_hash(notebook)


def _notebook_hash(notebook: dict[str, Any]) -> str:
    unsealed = {"origin": notebook["metadata"]["dropatlas"]["origin"]}
    bare = notebook | {"metadata": notebook["metadata"] | {"dropatlas": unsealed}}
    return sha256_of_text(json.dumps(bare, sort_keys=True))


def sealed_notebook(path: Path) -> dict[str, Any]:
    """An executed notebook as it was made.

    Raises:
        BrokenSealError: The notebook is damaged, carries no seal, was changed after it was executed, or is another
            notebook than its name says.
    """
    way_out = f"remove it and run `snakemake` again: rm {path}"
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BrokenSealError(f"{path} is cut short or not a notebook; {way_out}") from error
    try:
        seal, origin = (notebook["metadata"]["dropatlas"][key] for key in ("seal", "origin"))
        Origin.model_validate(origin)
    except (KeyError, TypeError, ValidationError) as error:
        raise BrokenSealError(f"{path} carries no seal: not made by this project; {way_out}") from error
    if seal != _notebook_hash(notebook):
        raise BrokenSealError(f"{path} was changed after it was made; {way_out}")
    if origin["name"] != path.stem:
        raise BrokenSealError(f"{path} is the notebook {origin['name']} under another name; {way_out}")
    return notebook


def notebook_origin(path: Path) -> Origin:
    """Origin of an executed notebook (errors as `sealed_notebook`)."""
    return Origin.model_validate(sealed_notebook(path)["metadata"]["dropatlas"]["origin"])


def sealed_page(page: str, origin: Origin) -> str:
    """The page with a last line, invisible to readers, that holds origin and seal."""
    body = page.rstrip("\n") + "\n"
    # JSON of hashes and names: no "--" that would end the comment, as names are file and table names
    line = json.dumps({"origin": origin.model_dump(), "seal": sha256_of_text(body + origin.model_dump_json())})
    return f"{body}<!-- dropatlas {line} -->\n"


def page_origin(path: Path) -> Origin:
    """Origin of a page.

    Raises:
        BrokenSealError: The page is cut short, carries no seal, was changed after it was made, or is another page than
            its name says.
    """
    body, mark, line = path.read_text(encoding="utf-8", errors="replace").rpartition("<!-- dropatlas ")
    if not mark or not line.endswith(" -->\n"):
        raise BrokenSealError("cut short, or carries no seal: not made by this project")
    try:
        found = json.loads(line.removesuffix(" -->\n"))
        origin, seal = Origin.model_validate(found["origin"]), found["seal"]
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenSealError("carries no seal: not made by this project") from error
    if seal != sha256_of_text(body + origin.model_dump_json()):
        raise BrokenSealError("changed after it was made")
    if origin.name != path.stem:
        raise BrokenSealError(f"the page {origin.name} under another name")
    return origin


def write_checksums(folder: Path) -> None:
    """List every file of `folder` in a file that `sha256sum --check` reads."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != CHECKSUMS)
    lines = [f"{sha256_of_file(path)}  {path.name}\n" for path in files]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def read_checksums(folder: Path) -> dict[str, str]:
    """SHA-256 by file name of what `write_checksums` found in `folder`; empty if it wrote nothing there."""
    path = folder / CHECKSUMS
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
