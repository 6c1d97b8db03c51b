"""The table that describes the prepared data sets of a run."""

from dropatlas.catalogue.table import Table
from dropatlas.config import Config


def table(config: Config) -> Table:
    """Sizes, origin and normalisation constants of all sets."""
    return Table(
        name="data/datasets",
        message="Sizes, origin and normalisation constants of the data sets",
        section="data.sets",
        settings="{}",
        sets=tuple(config.data.sets),
        seeded=False,
        resumable=False,
        local=True,
        shown=False,
        mem_mb=2000,
        runtime=10,
    )
