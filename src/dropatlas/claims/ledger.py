"""The claim ledger: which published statements are judged, on what evidence, by which function."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from dropatlas.claims.verdicts import Group
from dropatlas.settings import Grid, Scale, Section

LEDGER = Path(__file__).parents[3] / "config" / "claims.yaml"
SCALE_ORDER: tuple[Scale, ...] = get_args(Scale)
Paper = Literal["2512.13853", "2510.07554", "2502.19948"]
PAPERS = {
    "2512.13853": "Dropout Neural Network Training Viewed from a Percolation Perspective",
    "2510.07554": "Phase Diagram of Dropout for Two-Layer Neural Networks in the Mean-Field Regime",
    "2502.19948": "Dynamic DropConnect: Enhancing Neural Network Robustness through Adaptive Edge Dropping Strategies",
}
"""Title by arXiv identifier, in reading order."""


class LedgerError(ValueError):
    """The ledger is wrong, or a claim is asked for that it does not have."""


class Plan(Section):
    """What was planned before the evidence of a claim was computed; what was not planned says so."""

    estimand: str = Field(min_length=1, description="the number that decides")
    cells: str = Field(min_length=1, description="networks it is read in")
    seeds: str = Field(min_length=1, description="independent repetitions at the smallest scale that can decide")
    margin: str = Field(min_length=1, description="threshold, and why that one")
    power: str = Field(min_length=1, description="probability to hold and to fail at the margin, as planned")


class Change(Section):
    """One change of a claim after it was first judged."""

    date: str = Field(pattern=r"20[0-9]{2}-[01][0-9]-[0-3][0-9]", description="day of the change")
    commit: str = Field(pattern=r"[0-9a-f]{9}", description="commit that made it")
    what: str = Field(min_length=1, description="what was changed")
    why: str = Field(min_length=1, description="for which reason")
    before: str = Field(min_length=1, description="verdict before")
    after: str = Field(min_length=1, description="verdict after")


class Statement(Section):
    """One published (or own) statement and how it is judged."""

    id: str = Field(pattern=r"[PMD][1-9][0-9]?", description="identifier, such as P1")
    paper: Paper = Field(description="arXiv identifier")
    where: str = Field(description="theorem, figure, table or section of the statement")
    statement: str = Field(description="the statement in one sentence, our words")
    published: str = Field(min_length=1, max_length=60, description="what the paper reports, in a few words")
    group: Group = Field(description="whose statement it is: published, suggested, open or ours")
    report: str = Field(description="report that shows the evidence")
    figure: str = Field(description="figure of that report, without suffix, that shows the deciding evidence")
    evidence: Grid[str] = Field(description="result tables the judge reads, as topic/table")
    criterion: dict[str, float] = Field(description="thresholds handed to the judge")
    min_scale: Scale = Field(description="smallest scale that can decide the claim")


class Claim(Statement):
    """A statement with its plan and its history."""

    plan: Plan = Field(description="what was planned before the evidence was computed")
    history: list[Change] = Field(description="changes of statement, criterion, judge, cells or seeds, oldest first")

    def statement_alone(self) -> Statement:
        """What a judge is told: neither plan nor history, so that a word in them makes no verdict stale."""
        return Statement.model_validate(self.model_dump(include=set(Statement.model_fields)))


class Docket(Section):
    """Claims to judge, at the scale of a run."""

    scale: Scale
    claims: list[Statement]


class Ledger:
    """All claims in ledger order.

    Args:
        claims: The entries.

    Raises:
        LedgerError: two entries share an id.
    """

    def __init__(self, claims: list[Claim]) -> None:
        self._claims = {claim.id: claim for claim in claims}
        if len(self._claims) < len(claims):
            ids = [claim.id for claim in claims]
            raise LedgerError(f"claim ids appear twice: {sorted({name for name in ids if ids.count(name) > 1})}")

    def __getitem__(self, identifier: str) -> Claim:
        if identifier not in self._claims:
            raise LedgerError(f"unknown claim id {identifier!r}; the ledger has {', '.join(self._claims)}")
        return self._claims[identifier]

    def __iter__(self) -> Iterator[Claim]:
        return iter(self._claims.values())

    def __len__(self) -> int:
        return len(self._claims)

    def of_report(self, report: str) -> list[Claim]:
        """Claims whose evidence `report` shows, in ledger order."""
        return [claim for claim in self if claim.report == report]

    def docket(self, report: str, scale: Scale) -> Docket:
        """What a judge is told of the claims whose evidence `report` shows, in ledger order."""
        return Docket(scale=scale, claims=[claim.statement_alone() for claim in self.of_report(report)])

    def reports(self) -> dict[str, list[str]]:
        """Reports that show the evidence on every paper, in reading order."""
        return {paper: list(dict.fromkeys(c.report for c in self if c.paper == paper)) for paper in PAPERS}

    def full_docket(self, scale: Scale) -> Docket:
        """All claims, in ledger order."""
        return Docket(scale=scale, claims=[claim.statement_alone() for claim in self])


def load_ledger(path: Path = LEDGER) -> Ledger:
    """Read and check the ledger.

    Raises:
        LedgerError: an entry does not fit the schema; the message names entry, key, value.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise LedgerError(f"wrong claim ledger {path.name}: it is no YAML: {error}") from None
    if not entries or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise LedgerError(f"wrong claim ledger {path.name}: it must be a list of entries with keys, such as `- id: P1`")
    try:
        return Ledger(TypeAdapter(list[Claim]).validate_python(entries))
    except ValidationError as error:
        lines = [
            f"  entry {item['loc'][0]} ({entries[int(item['loc'][0])].get('id', 'no id')}), "
            f"{'.'.join(map(str, item['loc'][1:]))}: {item['msg']}, got {item['input']!r}"
            for item in error.errors()
        ]
        raise LedgerError("\n".join([f"wrong claim ledger {path.name}:", *lines])) from None
