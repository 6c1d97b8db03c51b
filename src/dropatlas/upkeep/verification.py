"""Is every file below `results/<scale>` what the present code and configuration would make, and as it was made?

Tables, notebooks and pages carry their origin and a seal (`dropatlas.tables`, `dropatlas.seals`); figures are listed in
a checksum file. Nothing is computed again: hashes of code, settings, data and inputs are compared.
"""

from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple

from dropatlas.catalogue import Catalogue
from dropatlas.claims import PAPERS, load_ledger
from dropatlas.closure import notebook_code, page_code
from dropatlas.config import SCALES, stored_config
from dropatlas.data import DataFormatError, content_sha256, load
from dropatlas.files import sha256_of_file, sha256_of_files
from dropatlas.provenance import ROOT, Provenance, task_code
from dropatlas.reports.export import csv_text
from dropatlas.reports.pages import SCORECARD, paper_page
from dropatlas.seals import CHECKSUMS, BrokenSealError, notebook_origin, page_origin, read_checksums
from dropatlas.tables import UnreadableTableError, content_hash, read_provenance, read_table

WORKING_FOLDERS = ("logs", "benchmarks", "checkpoints")
"""Folders whose files are no results."""

BOOKKEEPING = (CHECKSUMS, ".snakemake_timestamp")
"""Files beside results that are none themselves; Snakemake marks folders it made."""


PAPER_PAGES = [paper_page(paper) for paper in PAPERS]


class State(StrEnum):
    """What verification says of a file."""

    CURRENT = "current"
    STALE = "stale"
    EDITED = "edited"
    DAMAGED = "damaged"
    MISSING = "missing"
    UNKNOWN = "unknown"


class Finding(NamedTuple):
    """One file below the results folder: its state, and why where it is not current."""

    path: Path
    state: State
    reason: str = ""


@cache
def _code_hash(task: str) -> str | None:
    try:
        return task_code(task)
    except ValueError:  # a task that is no more
        return None


class Verifier:
    """Compares the files of one scale with the present code, configuration and ledger.

    Args:
        results: Folder `results/<scale>`; the scale is its name.

    Raises:
        ValueError: The folder is missing, or its name is no scale.
    """

    def __init__(self, results: Path) -> None:
        if not results.is_dir() or results.resolve().name not in SCALES:
            raise ValueError(f"{results} is no results folder: give results/<scale>, scale one of {', '.join(SCALES)}")
        self.results = results
        self.config = stored_config(results.resolve().name)
        self.catalogue = Catalogue(self.config, load_ledger())
        self.sets = {name for table in self.catalogue for name in (table.data, *table.sets)}
        self._content: dict[str, str | None] = {}

    def findings(self) -> list[Finding]:
        """One finding per file that is there, or is listed as a figure, in order of path."""
        found = [
            *(self._table(path) for path in self._files("tables", "*.parquet")),
            *(self._export(path) for path in self._files("tables", "*.csv")),
            *(self._notebook(path) for path in self._files("notebooks", "*.ipynb")),
            *(self._page(path) for path in self._files("reports", "*.html")),
            *(finding for folder in sorted(self.results.glob("figures/*")) for finding in self._figures(folder)),
            *(self._data(path) for path in self._files("data", "*.arrays")),
        ]
        known = {finding.path for finding in found}
        strange = [
            Finding(path, State.UNKNOWN, "not a result of this project")
            for path in self.results.rglob("*")
            if path.is_file() and path.relative_to(self.results).parts[0] not in WORKING_FOLDERS
            if path not in known and path.name not in BOOKKEEPING
        ]
        return sorted([*found, *strange])

    def _files(self, folder: str, pattern: str) -> list[Path]:
        return sorted((self.results / folder).rglob(pattern))

    def _content_of(self, name: str) -> str | None:
        """Content hash of a table or data file by its name in a provenance; None if it is not there or unreadable."""
        if name not in self._content:
            topic, _, stem = name.partition("/")
            try:
                if topic == "data" and (path := self.results / "data" / f"{stem}.arrays").exists():
                    self._content[name] = sha256_of_files([path])
                else:
                    self._content[name] = content_hash(read_table(self.results / "tables" / f"{name}.parquet"))
            except UnreadableTableError:
                self._content[name] = None
        return self._content[name]

    def _changed_inputs(self, inputs: dict[str, str]) -> list[str]:
        """Inputs that are there with another content; prepared data may be absent, as in restored results."""
        now = {name: self._content_of(name) for name in inputs}
        absent_data = {name for name in inputs if name.startswith("data/") and now[name] is None}
        return sorted(name for name in inputs if name not in absent_data and now[name] != inputs[name])

    def _table(self, path: Path) -> Finding:
        name = path.relative_to(self.results / "tables").with_suffix("").as_posix()
        if name not in self.catalogue:
            return Finding(path, State.UNKNOWN, "no rule makes a table of this name; no page shows it")
        try:
            read_table(path)
            provenance = read_provenance(path)
        except UnreadableTableError as error:
            return Finding(path, State(error.state), str(error))
        changed = self._changed_inputs(provenance.inputs)
        reasons = self.outdated(name, provenance) + ([f"inputs changed: {', '.join(changed)}"] if changed else [])
        return Finding(path, State.STALE if reasons else State.CURRENT, "; ".join(reasons))

    def _export(self, path: Path) -> Finding:
        """The scorecard as CSV, beside the table it repeats."""
        if path != self.results / "tables" / f"{SCORECARD}.csv":
            return Finding(path, State.UNKNOWN, "no rule makes it")
        try:
            current = path.read_text(encoding="utf-8") == csv_text(read_table(path.with_suffix(".parquet")))
        except (UnreadableTableError, UnicodeDecodeError):
            current = False
        return Finding(path, State.CURRENT) if current else Finding(path, State.EDITED, "differs from its table")

    def outdated(self, name: str, provenance: Provenance) -> list[str]:
        """Why a table of this origin is not what present code and configuration make as `name`, inputs left aside.

        Raises:
            CatalogueError: no table of this name is made.
        """
        table = self.catalogue[name]
        seed = self.config.seed if table.seeded else None
        expected = {*table.tables, *(f"data/{data}" for data in (table.data, *table.sets) if data)}
        return [
            *([f"made by {provenance.task}, not by {table.module}"] if provenance.task != table.module else []),
            *([f"code of {provenance.task} changed"] if _code_hash(provenance.task) != provenance.code_hash else []),
            *(["settings are not those in config/"] if provenance.settings != table.settings else []),
            *([f"seed was {provenance.seed}"] if provenance.seed != seed else []),
            *([f"scale was {provenance.scale}"] if provenance.scale != self.config.scale else []),
            *(["made from other tables or data sets"] if set(provenance.inputs) != expected else []),
        ]

    def _notebook(self, path: Path) -> Finding:
        source = ROOT / "notebooks" / path.name
        if not source.exists():
            return Finding(path, State.UNKNOWN, f"no notebook {source}")
        try:
            origin = notebook_origin(path)
        except BrokenSealError as error:
            return Finding(path, State.EDITED, str(error))
        changed = self._changed_inputs(origin.inputs)
        if origin.code_hash != sha256_of_files(notebook_code(source)):
            return Finding(path, State.STALE, "the notebook or code that it imports changed")
        if changed:
            return Finding(path, State.STALE, f"tables changed: {', '.join(changed)}")
        return Finding(path, State.CURRENT)

    def _page(self, path: Path) -> Finding:
        if path.stem not in ("index", SCORECARD, *PAPER_PAGES, *self.catalogue.parts):
            return Finding(path, State.UNKNOWN, "no rule makes a page of this name")
        kind = "index" if path.stem == "index" else "paper" if path.stem in PAPER_PAGES else "page"
        task = f"dropatlas.tasks.render_{kind}"
        try:
            origin = page_origin(path)
        except BrokenSealError as error:
            return Finding(path, State.EDITED, str(error))
        files = {name: self.results / name for name in origin.inputs}
        changed = [
            name for name, file in files.items() if not file.exists() or sha256_of_file(file) != origin.inputs[name]
        ]
        if origin.code_hash != sha256_of_files(page_code(task)):
            return Finding(path, State.STALE, "templates, style or code of the page changed")
        if changed:
            return Finding(path, State.STALE, f"changed since: {', '.join(changed)}")
        return Finding(path, State.CURRENT)

    def _data(self, path: Path) -> Finding:
        if path.stem not in self.sets:
            return Finding(path, State.UNKNOWN, "no table is made from a data set of this name")
        try:
            data = load(path)
        except DataFormatError as error:
            return Finding(path, State.DAMAGED, str(error))
        intact = data.provenance.get("content_sha256") == content_sha256(data)
        return (
            Finding(path, State.CURRENT) if intact else Finding(path, State.EDITED, "content is not what was prepared")
        )

    def _figures(self, folder: Path) -> list[Finding]:
        if folder.name not in (SCORECARD, *self.catalogue.parts):
            return [Finding(path, State.UNKNOWN, "no page has this name") for path in folder.iterdir()]
        listed = read_checksums(folder)
        if not listed:
            return [Finding(folder / CHECKSUMS, State.MISSING, "remove the folder and run `snakemake` again")]
        found = []
        for name, digest in listed.items():
            path = folder / name
            if not path.exists():
                found.append(Finding(path, State.MISSING, "remove the folder and run `snakemake` again"))
            elif sha256_of_file(path) != digest:
                found.append(Finding(path, State.EDITED, "cut short or changed after it was drawn"))
            else:
                found.append(Finding(path, State.CURRENT))
        return found


def summary(findings: list[Finding]) -> str:
    """What a reader needs of the findings: every file that is not current, and the counts."""
    lines = [
        f"{finding.state:8} {finding.path}: {finding.reason}" for finding in findings if finding.state != "current"
    ]
    counts = {state: sum(finding.state == state for finding in findings) for state in State}
    lines.append(", ".join(f"{count} {state}" for state, count in counts.items() if count) or "no results")
    return "\n".join(lines)
