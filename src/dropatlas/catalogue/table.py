"""What is said once of every result table: how it is made, from what, what its job needs, how much work it is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from dropatlas.config import Config

CALL = 1e5
"""Multiply-adds that take as long as starting one small tensor operation (10 µs at 10 billion a second)."""

DIGITS = {"digits5k": (400, 100), "mnist": (6000, 1000)}
"""Training and test images of a class, about."""


class CatalogueError(ValueError):
    """The catalogue is wrong; the message names the table or claim and the place to mend."""


class Work(NamedTuple):
    """Size of one table: operations, numbers of the largest arrays held at once, rows.

    Within one table operations are proportional to time; across tables their units differ, but for those that are
    `trained`: by `dropatlas.training`, on a GPU where there is one. Operations and numbers are counted from the inner
    loops to the accuracy a plan needs; rows are exact where no run diverges or stops early.
    """

    operations: float
    numbers: float
    rows: float
    trained: bool = False


FIXED = Work(1, 0, 1)
"""Of a table that has one size at all scales."""


def joined(parts: Iterable[Work]) -> Work:
    """Parts of one table, done one after the other."""
    operations, numbers, rows, trained = zip(*parts, strict=True)
    return Work(sum(operations), max(numbers), sum(rows), any(trained))


@dataclass(frozen=True, kw_only=True)
class Table:
    """One result table of a run.

    Attributes:
        name: Topic and name, such as `collapse/movement`: the file below `tables/`, and the page that shows it.
        message: What its job does, for the terminal.
        mem_mb: Memory its job may use.
        runtime: Minutes it may take.
        work: How much work it is under a configuration; None: seconds at every scale. May import torch, so that a
            forecast alone asks.
        threads: Threads of its job.
        gpu: GPUs it takes if there are any.
        priority: Jobs of higher priority start first.
        task: Module below `dropatlas.tasks` that makes it; by default the name with a dot.
        section: Section of the configuration it is made from; by default the name with a dot.
        settings: Canonical JSON of what the task is told; filled in from `section` where it is empty.
        seeded: Whether it depends on the root seed.
        resumable: Whether a killed job goes on from checkpoints.
        data: Prepared data set it reads.
        sets: Prepared data sets that it describes.
        tables: Names of the tables it reads.
        rule: Name of the Snakemake rule; tables that share one share a job type and its resources.
        local: Whether it is made where Snakemake runs, also on a cluster.
        shown: Whether the page of its topic shows it.
    """

    name: str
    message: str
    mem_mb: int
    runtime: int
    work: Callable[[Config], Work] | None = None
    threads: int = 1
    gpu: int = 0
    priority: int = 0
    task: str = ""
    section: str = ""
    settings: str = ""
    seeded: bool = True
    resumable: bool = True
    data: str = ""
    sets: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    rule: str = ""
    local: bool = False
    shown: bool = True

    @property
    def topic(self) -> str:
        """The part of the project it belongs to, such as `collapse`."""
        return self.name.partition("/")[0]

    @property
    def module(self) -> str:
        """Full name of the module that makes it."""
        return f"dropatlas.tasks.{self.task}"


class ByScale(NamedTuple):
    """What a job asks for at one scale: `at(30, standard=120)` is 120 at scale standard and 30 at the others."""

    scale: str

    def __call__(self, usual: int, **other: int) -> int:
        """`usual`, or what is given for the present scale."""
        return other.get(self.scale, usual)


def by_scale(config: Config) -> ByScale:
    """What a job asks for, at the scale of a configuration."""
    return ByScale(config.scale)
