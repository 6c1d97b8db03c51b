"""Result tables: tidy Parquet files that carry the meaning of every column, their own provenance, and a seal.

The seal is a hash of everything else in the file, the table's name among it; a table whose values, meanings or
provenance were changed by anything but this module, or that lies under another table's name, is refused wherever it
would be read. It guards against mistakes, not against forgers.
"""

import hashlib
import json
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd
import pyarrow as pa
from pyarrow import parquet
from pydantic import ValidationError

from dropatlas.files import whole_file
from dropatlas.provenance import Provenance

PROVENANCE_KEY = b"dropatlas.provenance"
MEANING_KEY = b"meaning"
SEAL_KEY = b"dropatlas.seal"
NAME_KEY = b"dropatlas.name"


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


def table_name(path: Path) -> str:
    """Name of the table in a file: its path below the folder `tables`, such as `collapse/movement`."""
    parts = path.with_suffix("").parts
    below = parts[len(parts) - parts[::-1].index("tables") :] if "tables" in parts else parts[-1:]
    return "/".join(below)


def _seal(frame: pd.DataFrame, meanings: dict[str, str], provenance: str, name: str) -> str:
    return hashlib.sha256(json.dumps([content_hash(frame), meanings, provenance, name]).encode()).hexdigest()


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
    name = table_name(path)
    seal = _seal(table.to_pandas(), meanings, origin, name)  # of the values as they will be read
    schema = pa.schema(fields, {**table.schema.metadata, PROVENANCE_KEY: origin, NAME_KEY: name, SEAL_KEY: seal})
    with whole_file(path) as part:
        parquet.write_table(table.cast(schema), part)


def _way_out(path: Path) -> str:
    return f"remove it and run `snakemake` again: rm {path}"


class _Sealed(NamedTuple):
    """What a table file holds, as it was written."""

    frame: pd.DataFrame
    meanings: dict[str, str]
    provenance: Provenance


def _read(path: Path) -> _Sealed:
    """A table file with all its checks (errors as `read_table`)."""
    try:
        with parquet.ParquetFile(path) as file:
            metadata = dict(file.schema_arrow.metadata or {})
            if PROVENANCE_KEY not in metadata:
                message = f"{path} carries no provenance: not written by this project; {_way_out(path)}"
                raise UnreadableTableError(message, "unknown")
            if not {SEAL_KEY, NAME_KEY} <= set(metadata):
                message = f"{path} is not sealed as by this version of the project; {_way_out(path)}"
                raise UnreadableTableError(message, "unknown")
            frame = file.read().to_pandas()
            meanings = {
                field.name: (field.metadata or {}).get(MEANING_KEY, b"").decode() for field in file.schema_arrow
            }
        origin, name, seal = (metadata[key].decode() for key in (PROVENANCE_KEY, NAME_KEY, SEAL_KEY))
    except FileNotFoundError as error:
        raise UnreadableTableError(f"no table {path}: run `snakemake` to make it", "missing") from error
    except UnreadableTableError:
        raise
    except (pa.ArrowException, ArithmeticError, LookupError, OSError, TypeError, ValueError) as error:
        # a changed bit may break anything between the file and the data frame
        message = f"{path} is cut short, damaged or not a Parquet file; {_way_out(path)}"
        raise UnreadableTableError(message, "damaged") from error
    if _seal(frame, meanings, origin, name) != seal:
        message = f"{path} was changed by something other than its task; {_way_out(path)}"
        raise UnreadableTableError(message, "edited")
    if name != table_name(path):
        message = f"{path} holds the table {name} under another name; {_way_out(path)}"
        raise UnreadableTableError(message, "edited")
    try:
        return _Sealed(frame, meanings, Provenance.model_validate_json(origin))
    except ValidationError as error:
        message = f"{path} was written by another version of this project; {_way_out(path)}"
        raise UnreadableTableError(message, "unknown") from error


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a result table.

    Raises:
        UnreadableTableError: the file is missing, cut short, of unknown origin, was changed since it was written, or is
            another table than its name says.
    """
    return _read(Path(path)).frame


def read_provenance(path: str | Path) -> Provenance:
    """Origin of a result table (errors as `read_table`)."""
    return _read(Path(path)).provenance


def read_meanings(path: str | Path) -> dict[str, str]:
    """Meaning of every column of a result table (errors as `read_table`)."""
    return _read(Path(path)).meanings
