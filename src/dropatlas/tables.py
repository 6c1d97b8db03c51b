"""Result tables: tidy Parquet files that carry the meaning of every column and their own provenance."""

import hashlib
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from dropatlas.files import whole_file
from dropatlas.provenance import Provenance

PROVENANCE_KEY = b"dropatlas.provenance"
MEANING_KEY = b"meaning"


class UnreadableTableError(ValueError):
    """A result table is missing, cut short or not written by this project."""


def content_hash(frame: pd.DataFrame) -> str:
    """SHA-256 of column names, types and values in order, independent of provenance and file layout."""
    digest = hashlib.sha256(repr([(name, str(frame[name].dtype)) for name in frame.columns]).encode())
    digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def write_table(frame: pd.DataFrame, path: Path, meanings: dict[str, str], provenance: Provenance) -> None:
    """Write a table whole or not at all.

    Args:
        frame: One row per observation; its columns are exactly the keys of `meanings`, in that order.
        path: Target file, `.parquet`.
        meanings: What each column means, with its unit.
        provenance: Origin of the table.

    Raises:
        ValueError: the columns of `frame` are not those of `meanings`, or there is no row.
        OSError: the target cannot be written.
    """
    if list(frame.columns) != list(meanings):
        raise ValueError(f"{path.name}: columns {list(frame.columns)} differ from the described {list(meanings)}")
    if frame.empty:
        raise ValueError(f"{path.name}: the table has no rows; the grid in the settings is empty")
    table = pa.Table.from_pandas(frame, preserve_index=False)
    fields = [field.with_metadata({MEANING_KEY: meanings[field.name]}) for field in table.schema]
    schema = pa.schema(fields, {**table.schema.metadata, PROVENANCE_KEY: provenance.model_dump_json()})
    with whole_file(path) as part:
        parquet.write_table(table.cast(schema), part)


def _open(path: Path) -> parquet.ParquetFile:
    way_out = f"remove it and run `snakemake` again: rm {path}"
    try:
        file = parquet.ParquetFile(path)
    except FileNotFoundError as error:
        raise UnreadableTableError(f"no table {path}: run `snakemake` to make it") from error
    except (pa.ArrowException, OSError) as error:
        raise UnreadableTableError(f"{path} is cut short or not a Parquet file; {way_out}") from error
    if PROVENANCE_KEY not in (file.schema_arrow.metadata or {}):
        raise UnreadableTableError(f"{path} carries no provenance: not written by this project; {way_out}")
    return file


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a result table.

    Raises:
        UnreadableTableError: the file is missing, cut short or of unknown origin.
    """
    path = Path(path)
    with _open(path) as file:
        try:
            return file.read().to_pandas()
        except (pa.ArrowException, OSError) as error:
            raise UnreadableTableError(f"{path} is damaged; remove it and run `snakemake` again: rm {path}") from error


def read_provenance(path: str | Path) -> Provenance:
    """Origin of a result table (errors as `read_table`)."""
    with _open(Path(path)) as file:
        return Provenance.model_validate_json(file.schema_arrow.metadata[PROVENANCE_KEY])


def read_meanings(path: str | Path) -> dict[str, str]:
    """Meaning of every column of a result table (errors as `read_table`)."""
    with _open(Path(path)) as file:
        return {field.name: field.metadata[MEANING_KEY].decode() for field in file.schema_arrow}
