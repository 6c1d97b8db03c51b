"""Every result table of a run, said once, for rules, verification, forecast, notebooks, claims and the command line.

A table is added with one record in the module of its topic (docs/develop.md). Nothing here imports a task or torch at
the start of Snakemake, and no task imports the catalogue: an edited message must not make a result stale.
"""

from dropatlas.catalogue.catalogue import Catalogue
from dropatlas.catalogue.table import CatalogueError, Table, Work

__all__ = ["Catalogue", "CatalogueError", "Table", "Work"]
