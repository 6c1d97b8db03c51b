"""Tables are whole or absent, describe their columns, and carry their provenance."""

import sys
from contextlib import suppress
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from dropatlas import provenance as provenance_module
from dropatlas.files import whole_file
from dropatlas.provenance import device_used, record
from dropatlas.settings import Section
from dropatlas.tables import (
    NAME_KEY,
    SEAL_KEY,
    UnreadableTableError,
    content_hash,
    read_meanings,
    read_provenance,
    read_table,
    write_table,
)
from dropatlas.tasks import runner

FRAME = pd.DataFrame({"p": [0.1, 0.2, np.nan], "width": [1, 2, 3], "model": ["site", "bond", "θ"]})
MEANINGS = {"p": "removal probability", "width": "vertices", "model": "which"}


@pytest.fixture
def provenance():
    return record("dropatlas.tables", "quick", '{"a":1}', 7, {"percolation/x": "ab"}, datetime.now(UTC))


def test_round_trip_keeps_values_meanings_and_provenance(tmp_path, provenance):
    path = tmp_path / "deep" / "table.parquet"
    write_table(FRAME, path, MEANINGS, provenance)
    pd.testing.assert_frame_equal(read_table(path), FRAME)
    assert read_meanings(path) == MEANINGS
    assert read_provenance(path) == provenance
    assert [file.name for file in path.parent.iterdir()] == ["table.parquet"]


def test_a_table_says_whether_it_was_computed_on_a_gpu(provenance, monkeypatch):
    assert provenance.device == "cpu"
    for name, value in {"is_available": True, "max_memory_allocated": 4096, "get_device_name": "GPU 7"}.items():
        monkeypatch.setattr(f"torch.cuda.{name}", lambda value=value: value)
    assert device_used() == "GPU 7"
    monkeypatch.setattr("torch.cuda.max_memory_allocated", lambda: 0)  # one is there, and was not used
    assert device_used() == "cpu"


def test_provenance_names_its_origin(provenance):
    assert provenance.seed == 7
    assert provenance.libraries["numpy"] == np.__version__
    assert provenance.wall_seconds >= 0
    assert f"scale quick · commit {provenance.commit[:9]}" in provenance.stamp
    other = record("dropatlas.stats", "quick", '{"a":2}', 7, {}, datetime.now(UTC))
    assert provenance.code_hash != other.code_hash
    assert provenance.settings_hash != other.settings_hash


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_a_file_cut_short_is_named_with_the_way_out(tmp_path, provenance, size):
    path = tmp_path / "table.parquet"
    write_table(FRAME, path, MEANINGS, provenance)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UnreadableTableError, match=r"table\.parquet is cut short.*rm "):
        read_table(path)


def test_damage_in_the_middle_is_noticed(tmp_path, provenance):
    path = tmp_path / "table.parquet"
    write_table(FRAME, path, MEANINGS, provenance)
    content = bytearray(path.read_bytes())
    content[4:30] = bytes(26)
    path.write_bytes(content)
    with pytest.raises(UnreadableTableError, match="rm "):
        read_table(path)


def test_every_changed_bit_is_either_noticed_or_changes_nothing(tmp_path, provenance):
    """Whatever it breaks on the way, from the footer to the names of columns: one kind of error, with the file."""
    path = tmp_path / "tables" / "topic" / "t.parquet"
    write_table(FRAME, path, MEANINGS, provenance)
    whole, noticed = path.read_bytes(), 0
    for place in range(0, len(whole), 11):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :])
        found = [None, None]
        for number, read in enumerate((read_table, read_provenance)):
            with suppress(UnreadableTableError):
                found[number] = read(path)
        if found[0] is None:
            noticed += 1
            assert found[1] is None
        else:
            pd.testing.assert_frame_equal(found[0], FRAME)
            assert found[1] == provenance
    assert noticed > 100


def test_a_table_under_another_name_and_one_of_another_version_are_refused(tmp_path, provenance, monkeypatch):
    path = tmp_path / "tables" / "topic" / "t.parquet"
    write_table(FRAME, path, MEANINGS, provenance)
    moved = tmp_path / "elsewhere" / "tables" / "topic" / "t.parquet"
    other = tmp_path / "tables" / "topic" / "other.parquet"
    for target in (moved, other):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    assert read_table(moved).equals(read_table(path))  # results may be moved as a whole
    for read in (read_table, read_provenance, read_meanings):
        with pytest.raises(UnreadableTableError, match=r"other\.parquet holds the table topic/t under another name"):
            read(other)

    class Older:
        def model_dump_json(self):
            return '{"task": "t"}'

    write_table(FRAME, path, MEANINGS, Older())
    with pytest.raises(UnreadableTableError, match="was written by another version of this project; remove it"):
        read_table(path)


def test_the_code_of_a_table_is_that_with_which_its_task_started(tmp_path, monkeypatch):
    """A module edited while its task is at work must not be taken for the code that made the table."""
    codes = iter(["before", "after"])
    monkeypatch.setattr(runner, "task_code", lambda task: next(codes))
    output = tmp_path / "tables" / "topic" / "t.parquet"
    arguments = ["--scale", "quick", "--settings", "{}", "--output", str(output), "--log", str(tmp_path / "log")]
    monkeypatch.setattr(sys, "argv", ["task", *arguments])

    def tabulate(settings):
        monkeypatch.setattr(provenance_module, "task_code", lambda task: "edited")
        return FRAME

    runner.run_table_task("dropatlas.tables", Section, MEANINGS, tabulate)
    assert read_provenance(output).code_hash == "before"


def test_missing_and_foreign_tables_are_told_apart(tmp_path):
    with pytest.raises(UnreadableTableError, match="run `snakemake` to make it"):
        read_table(tmp_path / "none.parquet")
    FRAME.to_parquet(tmp_path / "foreign.parquet")
    with pytest.raises(UnreadableTableError, match="no provenance"):
        read_table(tmp_path / "foreign.parquet")


def test_a_table_with_provenance_but_without_seal_or_name_is_not_called_foreign(tmp_path, provenance):
    path = tmp_path / "t.parquet"
    write_table(FRAME, path, MEANINGS, provenance)
    table = parquet.read_table(path)
    for key in (SEAL_KEY, NAME_KEY):
        metadata = {name: value for name, value in table.schema.metadata.items() if name != key}
        parquet.write_table(table.replace_schema_metadata(metadata), path)
        with pytest.raises(UnreadableTableError, match="not sealed as by this version of the project; remove it"):
            read_table(path)


def test_undescribed_columns_and_empty_tables_are_refused(tmp_path, provenance):
    with pytest.raises(ValueError, match="differ from the described"):
        write_table(FRAME, tmp_path / "t.parquet", {"p": "x"}, provenance)
    with pytest.raises(ValueError, match="no rows"):
        write_table(FRAME[:0], tmp_path / "t.parquet", MEANINGS, provenance)
    assert list(tmp_path.iterdir()) == []


def test_content_hash_sees_values_names_types_and_order_only():
    assert content_hash(FRAME) == content_hash(FRAME.copy())
    different = [
        FRAME.assign(width=[1, 2, 4]),
        FRAME.rename(columns={"p": "q"}),
        FRAME.astype({"width": float}),
        FRAME[::-1],
        FRAME[["width", "p", "model"]],
    ]
    assert len({content_hash(frame) for frame in [FRAME, *different]}) == 6


def test_whole_file_leaves_the_old_file_and_no_part_when_writing_fails(tmp_path):
    target = tmp_path / "result.txt"
    target.write_text("old")

    def fail_half_way():
        with whole_file(target) as part:
            part.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert target.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["result.txt"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"), whole_file(tmp_path / "file" / "x.txt") as part:
        part.write_text("never")


def test_a_full_disk_is_named_with_the_way_out(tmp_path):
    with (
        pytest.raises(OSError, match=r"cannot write .*result\.txt: the disk is full"),
        whole_file(tmp_path / "result.txt"),
        open("/dev/full", "w") as full,  # noqa: PTH123 - the device that is always full
    ):
        full.write("x")
    assert list(tmp_path.iterdir()) == []
