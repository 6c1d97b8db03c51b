"""What a scale costs before anyone starts it: hours, memory and disk of every table, from recorded runs.

Snakemake records time and memory of every job. A table's recorded time, less the start of the process, is scaled by its
work at the wanted scale over that of the recorded run (`dropatlas.catalogue`). Of several recorded runs the one of
most work counts. A table without a record is unknown, never zero.
"""

from collections.abc import Sequence
from functools import cache
from math import isnan, nan
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from dropatlas.catalogue import Catalogue, Work
from dropatlas.claims import load_ledger
from dropatlas.config import CONFIG, SCALES, Config, stored_config
from dropatlas.data import load_catalog

START_SECONDS = 3.0
"""Importing the libraries, which no setting changes."""

BYTES_PER_NUMBER = 16
"""A number with its gradient or a copy in double precision."""

SAMPLED_SECONDS = 300.0
"""From here on the processor time counts, which Snakemake samples every half minute; below, wall time times threads."""


class Record(NamedTuple):
    """One finished job: its table, time of all its cores, peak memory, size of the table."""

    name: str
    scale: str
    core_seconds: float
    memory_mb: float
    bytes_on_disk: int


class Estimate(NamedTuple):
    """What one table will take; `basis` is what it is estimated from. Unknown: NaN, and why as `basis`."""

    name: str
    core_hours: float
    memory_gb: float
    disk_mb: float
    basis: str
    on_gpu: bool = False

    @property
    def known(self) -> bool:
        """Whether there is an estimate."""
        return not isnan(self.core_hours)


def recorded_jobs(results: Path) -> list[Record]:
    """Finished jobs that made tables, of all scales below `results`."""
    found = []
    for scale in SCALES:
        folder = results / scale / "benchmarks"
        for name, path in ((name, folder / f"{name}.tsv") for name in work_at(scale)):
            if not path.exists():
                continue
            table = results / scale / "tables" / f"{name}.parquet"
            size = table.stat().st_size if table.exists() else 0
            row = pd.read_csv(path, sep="\t", na_values="-").iloc[-1]
            seconds = row.cpu_time if row.s >= SAMPLED_SECONDS else row.s * row.threads
            found.append(Record(name, scale, float(seconds), float(row.max_rss), size))
    return found


@cache
def work_at(scale: str) -> dict[str, Work]:
    """Work of every table at a scale, but for those made in seconds at every scale: verdicts, descriptions."""
    config = stored_config(scale)
    return {table.name: table.work(config) for table in Catalogue(config, load_ledger()) if table.work}


def estimate(name: str, scale: str, records: Sequence[Record]) -> Estimate:
    """Cost of one table.

    Args:
        name: Name of the table, such as `collapse/movement`.
        scale: The scale to come.
        records: Finished runs of all tables.

    Returns:
        The estimate; unknown if there is no record.
    """
    unknown = Estimate(name, nan, nan, nan, "")
    own = [record for record in records if record.name == name]
    work = {record: work_at(record.scale)[record.name] for record in records}
    after = work_at(scale)[name]
    # a trained table that was never timed is estimated from another
    usable = own or [record for record in records if after.trained and work[record].trained]
    if not usable:
        return unknown._replace(basis="never timed")
    base = max(usable, key=lambda record: work[record].operations)
    before = work[base]
    start = min(START_SECONDS, base.core_seconds)
    seconds = start + (base.core_seconds - start) * after.operations / before.operations
    memory = base.memory_mb + BYTES_PER_NUMBER * max(0.0, after.numbers - before.numbers) / 1e6
    disk = base.bytes_on_disk * after.rows / before.rows
    basis = base.scale if own else f"{base.scale}, {base.name}"
    return Estimate(name, seconds / 3600, memory / 1e3, disk / 1e6, basis, after.trained)


def forecast(scale: str, results: Path) -> list[Estimate]:
    """Estimates of all tables of a scale.

    Args:
        scale: The scale to come.
        results: Folder that holds the results of recorded runs, one folder for each scale.
    """
    records = recorded_jobs(results)
    return [estimate(name, scale, records) for name in sorted(work_at(scale))]


def data_megabytes(config: Config) -> float:
    """Disk space of the data sets of a scale: downloads, and one byte per channel and pixel once prepared."""
    catalog = load_catalog(CONFIG / "data.yaml")
    total = 0.0
    for name in set(config.data.sets) & set(catalog):
        source = catalog[name]
        channels, rows, columns = source.image_shape
        total += sum(file.size for file in source.files.values())
        total += (source.train_size + source.test_size) * channels * rows * columns
    total += (config.data.shapes10_train + config.data.shapes10_test) * 3 * 32 * 32
    return total / 1e6


def summary(scale: str, estimates: list[Estimate], cores: int) -> str:
    """The forecast as text: one line per table, then the totals.

    Args:
        scale: The scale to come.
        estimates: From `forecast`.
        cores: Cores that the run may use.
    """
    lines = [f"{'table':34} {'core hours':>10} {'GB memory':>10} {'MB on disk':>10}  estimated from"]
    known = [one for one in estimates if one.known]
    for one in sorted(known, key=lambda one: -one.core_hours):
        lines.append(f"{one.name:34} {one.core_hours:10.2f} {one.memory_gb:10.1f} {one.disk_mb:10.1f}  {one.basis}")
    unknown = [one for one in estimates if not one.known]
    lines += [f"{one.name:34} {'unknown':>10} {'unknown':>10} {'unknown':>10}  {one.basis}" for one in unknown]
    if not known:
        return "\n".join([*lines, "No recorded run: `snakemake` at scale quick takes minutes and records one."])
    total, longest = sum(one.core_hours for one in known), max(known, key=lambda one: one.core_hours)
    memory, disk = max(known, key=lambda one: one.memory_gb), sum(one.disk_mb for one in known)
    hours = max(total / cores, longest.core_hours)
    gpu = sum(one.core_hours for one in known if one.on_gpu)
    lines += [
        "",
        f"scale {scale}: {total:.1f} core hours; about {hours:.1f} hours on {cores} cores; longest job: {longest.name}",
        f"GPU: {gpu:.1f} of these core hours are trained on a GPU where there is one",
        f"memory: up to {memory.memory_gb:.1f} GB in one job ({memory.name})",
        f"disk: {disk:.0f} MB of tables, {data_megabytes(stored_config(scale)):.0f} MB of data sets",
    ]
    if unknown:
        lines.append(f"not included, because unknown: {len(unknown)} tables")
    return "\n".join(lines)
