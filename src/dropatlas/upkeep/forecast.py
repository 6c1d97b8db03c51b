"""What a scale costs before anyone starts it: hours, memory and disk of every table, from recorded runs.

Snakemake records time and memory of every job. A table's recorded time, less the start of the process, is scaled by its
work at the wanted scale over that of the recorded run (`dropatlas.upkeep.work`). Of several recorded runs the one of
most work counts. A table without a record or without a count of its work is unknown, never zero.
"""

from collections.abc import Iterable
from math import isnan, nan
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml

from dropatlas.claims import load_ledger
from dropatlas.config import CONFIG, SCALES, Config, load_config
from dropatlas.data import load_catalog
from dropatlas.upkeep.work import WORK

START_SECONDS = 3.0
"""Importing the libraries, which no setting changes."""

BYTES_PER_NUMBER = 16
"""A number with its gradient or a copy in double precision."""

GPU_TOPICS = ("ddc", "ablations")
"""Topics whose networks `dropatlas.training` trains: on a GPU where there is one."""

NO_TABLES = ("claims", "notebook", "page")
"""Records of the steps of a report, seconds at every scale."""


class Record(NamedTuple):
    """One finished job: wall time times threads, peak memory, size of its table."""

    scale: str
    core_seconds: float
    memory_mb: float
    bytes_on_disk: int


class Estimate(NamedTuple):
    """What one table will take; `basis` is the scale it is estimated from. Unknown: NaN, and why as `basis`."""

    name: str
    core_hours: float
    memory_gb: float
    disk_mb: float
    basis: str

    @property
    def known(self) -> bool:
        """Whether there is an estimate."""
        return not isnan(self.core_hours)

    @property
    def on_gpu(self) -> bool:
        """Whether it runs on a GPU where there is one."""
        return self.name.startswith(GPU_TOPICS)


def configuration(scale: str) -> Config:
    """The configuration in `config/` at a scale."""
    values = yaml.safe_load((CONFIG / "config.yaml").read_text(encoding="utf-8"))
    return load_config(values | {"scale": scale})


def recorded_jobs(results: Path) -> dict[str, list[Record]]:
    """Finished jobs of all scales below `results`, by the name of their table, such as `collapse/movement`."""
    found: dict[str, list[Record]] = {}
    for scale in SCALES:
        folder = results / scale / "benchmarks"
        for path in sorted(folder.rglob("*.tsv")):
            name = path.relative_to(folder).with_suffix("").as_posix()
            table = results / scale / "tables" / f"{name}.parquet"
            row = pd.read_csv(path, sep="\t", na_values="-").iloc[-1]
            size = table.stat().st_size if table.exists() else 0
            job = Record(scale, float(row.s) * int(row.threads), float(row.max_rss), size)
            found.setdefault(name, []).append(job)
    return found


def estimate(name: str, wanted: Config, records: Iterable[Record]) -> Estimate:
    """Cost of one table at the scale of `wanted`.

    Args:
        name: Name of the table, such as `collapse/movement`.
        wanted: Configuration of the run to come.
        records: Finished runs of this table.

    Returns:
        The estimate; unknown if there is no record or the table's work cannot be counted.
    """
    unknown = Estimate(name, nan, nan, nan, "")
    records = list(records)
    if not records:
        return unknown._replace(basis="never timed")
    if name not in WORK:
        return unknown._replace(basis="its work is not counted in dropatlas.upkeep.work")
    work = {record: WORK[name](configuration(record.scale)) for record in records}
    base = max(records, key=lambda record: work[record].operations)
    before, after = work[base], WORK[name](wanted)
    start = min(START_SECONDS, base.core_seconds)
    seconds = start + (base.core_seconds - start) * after.operations / before.operations
    memory = base.memory_mb + BYTES_PER_NUMBER * max(0.0, after.numbers - before.numbers) / 1e6
    disk = base.bytes_on_disk * after.rows / before.rows
    return Estimate(name, seconds / 3600, memory / 1e3, disk / 1e6, base.scale)


def forecast(scale: str, results: Path) -> list[Estimate]:
    """Estimates of all tables of a scale: those that were timed, whose work is counted, or that a claim rests on.

    Args:
        scale: The scale to come.
        results: Folder that holds the results of recorded runs, one folder for each scale.
    """
    records = recorded_jobs(results)
    tables = {name for name in records if "/" in name and not name.startswith("data/")}
    tables = {name for name in tables if not name.endswith(NO_TABLES)}
    judged = {table for claim in load_ledger() for table in claim.evidence}
    wanted = configuration(scale)
    return [estimate(name, wanted, records.get(name, [])) for name in sorted(tables | set(WORK) | judged)]


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
        f"GPU: {gpu:.1f} of these core hours are trained on a GPU where there is one, and on the CPU otherwise",
        f"memory: up to {memory.memory_gb:.1f} GB in one job ({memory.name})",
        f"disk: {disk:.0f} MB of tables, {data_megabytes(configuration(scale)):.0f} MB of data sets",
    ]
    if unknown:
        lines.append(f"not included, because unknown: {len(unknown)} tables")
    return "\n".join(lines)
