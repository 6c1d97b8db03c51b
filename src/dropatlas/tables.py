"""Result tables: tidy Parquet files that carry the meaning of every column, their own provenance, and a seal.

The seal is a hash of everything else in the file; a table whose values, meanings or provenance were changed by anything
but this module is refused wherever it would be read. It guards against mistakes, not against forgers.
"""

import hashlib
import json
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from dropatlas.files import whole_file
from dropatlas.provenance import Provenance

PROVENANCE_KEY = b"dropatlas.provenance"
MEANING_KEY = b"meaning"
SEAL_KEY = b"dropatlas.seal"


class UnreadableTableError(ValueError):
    """A result table is missing, cut short, edited or not written by this project: `state` says which."""

    def __init__(self, message: str, state: Literal["missing", "damaged", "edited", "unknown"]) -> None:
        super().__init__(message)
        self.state = state


def content_hash(frame: pd.DataFrame) -> str:
    """SHA-256 of column names, types and values in order, independent of provenance and file layout."""
    digest = hashlib.sha256(repr([(name, str(frame[name].dtype)) for name in frame.columns]).encode())
    digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _seal(frame: pd.DataFrame, meanings: dict[str, str], provenance: str) -> str:
    return hashlib.sha256(json.dumps([content_hash(frame), meanings, provenance]).encode()).hexdigest()


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
    origin = provenance.model_dump_json()
    seal = _seal(table.to_pandas(), meanings, origin)  # of the values as they will be read
    schema = pa.schema(fields, {**table.schema.metadata, PROVENANCE_KEY: origin, SEAL_KEY: seal})
    with whole_file(path) as part:
        parquet.write_table(table.cast(schema), part)


def _way_out(path: Path) -> str:
    return f"remove it and run `snakemake` again: rm {path}"


def _open(path: Path) -> parquet.ParquetFile:
    try:
        file = parquet.ParquetFile(path)
    except FileNotFoundError as error:
        raise UnreadableTableError(f"no table {path}: run `snakemake` to make it", "missing") from error
    except (pa.ArrowException, OSError) as error:
        message = f"{path} is cut short or not a Parquet file; {_way_out(path)}"
        raise UnreadableTableError(message, "damaged") from error
    if not {PROVENANCE_KEY, SEAL_KEY} <= set(file.schema_arrow.metadata or {}):
        message = f"{path} carries no provenance: not written by this project; {_way_out(path)}"
        raise UnreadableTableError(message, "unknown")
    return file


def _meanings(file: parquet.ParquetFile) -> dict[str, str]:
    return {field.name: (field.metadata or {}).get(MEANING_KEY, b"").decode() for field in file.schema_arrow}


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a result table.

    Raises:
        UnreadableTableError: the file is missing, cut short, of unknown origin, or was changed since it was written.
    """
    path = Path(path)
    with _open(path) as file:
        metadata = file.schema_arrow.metadata
        try:
            frame = file.read().to_pandas()
        except (pa.ArrowException, OSError) as error:
            raise UnreadableTableError(f"{path} is damaged; {_way_out(path)}", "damaged") from error
        if _seal(frame, _meanings(file), metadata[PROVENANCE_KEY].decode()) != metadata[SEAL_KEY].decode():
            message = f"{path} was changed by something other than its task; {_way_out(path)}"
            raise UnreadableTableError(message, "edited")
        return frame


def read_provenance(path: str | Path) -> Provenance:
    """Origin of a result table (errors as `read_table`, the seal is not looked at)."""
    with _open(Path(path)) as file:
        return Provenance.model_validate_json(file.schema_arrow.metadata[PROVENANCE_KEY])


def read_meanings(path: str | Path) -> dict[str, str]:
    """Meaning of every column of a result table (errors as `read_provenance`)."""
    with _open(Path(path)) as file:
        return _meanings(file)
