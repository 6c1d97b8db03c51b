"""The tables of a run by name, with those of the verdicts, checked against tasks, settings, ledger and judges."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from types import ModuleType
from typing import get_args

from dropatlas.catalogue import collapse, datasets, ddc, percolation, phases
from dropatlas.catalogue.figures import figure_cell
from dropatlas.catalogue.judges import judge_place
from dropatlas.catalogue.table import CatalogueError, Table
from dropatlas.claims import Claim, Ledger
from dropatlas.claims.ledger import SCALE_ORDER
from dropatlas.closure import module_file
from dropatlas.config import Config, canonical, stored_config
from dropatlas.data.choice import SetName
from dropatlas.reports.pages import SCORECARD
from dropatlas.settings import Section

TOPICS: dict[str, ModuleType] = {"percolation": percolation, "collapse": collapse, "phases": phases, "ddc": ddc}
"""Parts of the project by name; each has its tables, its claims, its notebook and its page."""


class Catalogue:
    """All tables of one run.

    Args:
        config: The configuration of the run.
        ledger: The claims that are judged.

    Raises:
        CatalogueError: two tables of one name; a table without task or settings, or from tables that are not made; a
            claim of an unknown part, without a judge, or without the evidence that its scale should have.
    """

    def __init__(self, config: Config, ledger: Ledger) -> None:
        self.config, self.ledger = config, ledger
        self._tables: dict[str, Table] = {}
        for table in self._records():
            if table.name in self._tables:
                raise CatalogueError(f"two tables are called {table.name!r}: give one of them another name")
            self._tables[table.name] = table
        for table in self:
            self._check(table)
        for claim in ledger:
            self._check_claim(claim)

    def __getitem__(self, name: str) -> Table:
        if name not in self._tables:
            raise CatalogueError(f"no table {name!r} at scale {self.config.scale}; there are {', '.join(self._tables)}")
        return self._tables[name]

    def __contains__(self, name: str) -> bool:
        return name in self._tables

    def __iter__(self) -> Iterator[Table]:
        return iter(self._tables.values())

    @property
    def parts(self) -> list[str]:
        """Parts of the project by name, in reading order; each has a page."""
        return list(TOPICS)

    def rules(self) -> dict[str, list[Table]]:
        """Tables by the name of the Snakemake rule that makes them."""
        found = defaultdict(list)
        for table in self:
            found[table.rule].append(table)
        return dict(found)

    def of_page(self, page: str) -> list[str]:
        """Names of the tables that the notebook of a page shows: its topic's with the verdicts, or the scorecard."""
        if page == SCORECARD:
            return [SCORECARD]
        return [table.name for table in self if table.topic == page and table.shown]

    def evidence(self, claims: Iterable[Claim]) -> list[str]:
        """Names of the tables that claims rest on, as far as this scale makes them, sorted."""
        return sorted({name for claim in claims for name in claim.evidence if name in self})

    def _records(self) -> Iterator[Table]:
        for topic, module in TOPICS.items():
            for table in module.tables(self.config):
                yield self._complete(table)
            yield self._verdicts(topic)
        yield self._complete(datasets.table(self.config))
        yield self._scorecard()

    def _complete(self, table: Table) -> Table:
        """The record with what its name says of it."""
        dotted = table.name.replace("/", ".")
        section = table.section or dotted
        return replace(
            table,
            task=table.task or dotted,
            section=section,
            settings=table.settings or canonical(self._section(table.name, section)),
            rule=table.rule or f"tabulate_{table.name.replace('/', '_')}",
        )

    def _section(self, name: str, path: str) -> Section:
        found: object = self.config
        for key in path.split("."):
            found = getattr(found, key, None)
        if not isinstance(found, Section):
            raise CatalogueError(f"table {name}: the configuration has no section {path!r}")
        return found

    def _verdicts(self, topic: str) -> Table:
        """The judged claims of a topic."""
        docket = self.ledger.docket(topic, self.config.scale)
        return Table(
            name=f"{topic}/claims",
            message=f"Verdicts on the claims of {topic}",
            task="judge_claims",
            section="claims.yaml",
            settings=docket.model_dump_json(),
            tables=tuple(self.evidence(self.ledger.of_report(topic))),
            rule=f"judge_{topic}",
            seeded=False,
            resumable=False,
            local=True,
            mem_mb=1000,
            runtime=10,
        )

    def _scorecard(self) -> Table:
        """The judged claims of all topics."""
        return Table(
            name=SCORECARD,
            message="Verdicts on all claims of the ledger",
            task="scorecard",
            section="claims.yaml",
            settings=self.ledger.full_docket(self.config.scale).model_dump_json(),
            tables=tuple(self.evidence(self.ledger)),
            rule="judge_all",
            seeded=False,
            resumable=False,
            local=True,
            shown=False,
            mem_mb=1000,
            runtime=10,
        )

    def _check(self, table: Table) -> None:
        file = module_file(table.module)
        if not file.is_file() or file.name == "__init__.py":
            raise CatalogueError(f"table {table.name}: no task {table.module}: write {file}")
        if missing := [name for name in table.tables if name not in self]:
            raise CatalogueError(f"table {table.name}: it reads {', '.join(missing)}, which no record makes")
        if table.name in table.tables:
            raise CatalogueError(f"table {table.name}: it reads itself")
        if unknown := sorted({table.data, *table.sets} - {"", *get_args(SetName)}):
            raise CatalogueError(f"table {table.name}: unknown data set {', '.join(unknown)}")
        asked = ("task", "threads", "mem_mb", "runtime", "gpu", "priority", "seeded", "resumable", "local", "message")
        first = next(other for other in self if other.rule == table.rule)
        if differs := [name for name in asked if getattr(first, name) != getattr(table, name)]:
            raise CatalogueError(
                f"tables {first.name} and {table.name} share the rule {table.rule}, but not {', '.join(differs)}"
            )

    def _check_claim(self, claim: Claim) -> None:
        if claim.report not in TOPICS:
            raise CatalogueError(f"claim {claim.id}: unknown part {claim.report!r}; there are {', '.join(TOPICS)}")
        judge_place(claim)
        figure_cell(claim.report, claim.figure)
        due = SCALE_ORDER.index(self.config.scale) >= SCALE_ORDER.index(claim.min_scale)
        scale = self.config.scale if due else claim.min_scale
        lacking = [name for name in claim.evidence if name not in self]
        if missing := [name for name in lacking if due or name not in _names_at(scale)]:
            raise CatalogueError(
                f"claim {claim.id}: it rests on {', '.join(missing)}, which no record makes at scale {scale}, though "
                f"it is to be decided from scale {claim.min_scale} on"
            )


@cache
def _names_at(scale: str) -> set[str]:
    """Names of the tables of a scale, as the files in `config/` say."""
    config = stored_config(scale)
    return {table.name for module in TOPICS.values() for table in module.tables(config)}
