"""Every way in which a result can be other than it should be is told apart, on a results folder made here."""

import json
import shutil

import pandas as pd
import pyarrow.parquet as pq
import pytest

from dropatlas.tables import UnreadableTableError, read_table
from dropatlas.upkeep.verification import State, Verifier, summary

TABLE = "tables/percolation/required_width.parquet"
NOTEBOOK = "notebooks/percolation.ipynb"
PAGE = "reports/percolation.html"
FIGURE = "figures/percolation/width.svg"


def states(results):
    return {str(path.relative_to(results)): state for path, state, _ in Verifier(results).findings()}


def reason(results, name):
    return next(finding.reason for finding in Verifier(results).findings() if finding.path == results / name)


def test_results_as_they_were_made_are_current(results):
    assert states(results) == dict.fromkeys([FIGURE, NOTEBOOK, PAGE, TABLE], State.CURRENT)
    assert summary(Verifier(results).findings()) == "4 current"


@pytest.mark.parametrize("name", [TABLE, NOTEBOOK, PAGE, FIGURE])
def test_a_file_cut_short_is_noticed(results, name):
    path = results / name
    path.write_bytes(path.read_bytes()[:-4])
    assert states(results)[name] == (State.DAMAGED if name == TABLE else State.EDITED)


def test_a_table_with_another_value_is_refused_everywhere(results):
    table = pq.read_table(results / TABLE)
    edited = table.set_column(0, table.schema.field(0), [[1, 3]])
    pq.write_table(edited.replace_schema_metadata(table.schema.metadata), results / TABLE)
    assert states(results)[TABLE] == State.EDITED
    with pytest.raises(UnreadableTableError, match=r"changed by something other than its task.*rm "):
        read_table(results / TABLE)


def test_a_table_with_another_provenance_is_edited(results):
    table = pq.read_table(results / TABLE)
    provenance = json.loads(table.schema.metadata[b"dropatlas.provenance"]) | {"commit": "0" * 40}
    metadata = table.schema.metadata | {b"dropatlas.provenance": json.dumps(provenance).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), results / TABLE)
    assert states(results)[TABLE] == State.EDITED


def test_a_table_of_another_program_is_unknown(results):
    pd.DataFrame({"depth": [1]}).to_parquet(results / TABLE)
    assert states(results)[TABLE] == State.UNKNOWN


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"settings": '{"drop_rates":[0.1]}'}, "settings are not those in config/"),
        ({"seed": 7}, "seed was 7"),
        ({"scale": "standard"}, "scale was standard"),
        (
            {"task": "dropatlas.tasks.percolation.scaling_laws"},
            "made by dropatlas.tasks.percolation.scaling_laws, not by dropatlas.tasks.percolation.required_width",
        ),
        (
            {"inputs": {"percolation/none": "ab"}},
            "made from other tables or data sets; inputs changed: percolation/none",
        ),
        ({"inputs": {"data/mnist": "ab"}}, "made from other tables or data sets"),
    ],
)
def test_a_table_of_other_settings_seed_scale_task_or_inputs_is_stale(results, make_table, changes, expected):
    make_table(results / TABLE, **changes)
    assert states(results)[TABLE] == State.STALE
    assert reason(results, TABLE) == expected


def test_a_seeded_table_without_a_seed_is_stale(results, make_tables, make_table, catalogue):
    table = catalogue["collapse/decoupling"]
    path = results / "tables" / "collapse" / "decoupling.parquet"
    make_tables(results, [table.name])
    assert states(results)["tables/collapse/decoupling.parquet"] == State.CURRENT
    make_table(path, task=table.module, settings=table.settings, seed=None)
    assert reason(results, "tables/collapse/decoupling.parquet") == "seed was None"


def test_a_table_copied_over_another_is_named_and_refused_everywhere(results, make_tables):
    """Of another task, and of the same task with the settings of another table: each is current under its own name."""
    folder = results / "tables"
    names = ["percolation/scaling_laws", "percolation/finite_thresholds", "ddc/formula", "ddc/placement"]
    make_tables(results, names)
    assert {states(results)[f"tables/{name}.parquet"] for name in names} == {State.CURRENT}
    for source, target in zip(names[::2], names[1::2], strict=True):
        shutil.copy(folder / f"{source}.parquet", folder / f"{target}.parquet")
        assert states(results)[f"tables/{target}.parquet"] == State.EDITED
        assert f"holds the table {source} under another name" in reason(results, f"tables/{target}.parquet")
        with pytest.raises(UnreadableTableError, match=f"holds the table {source} under another name; remove it"):
            read_table(folder / f"{target}.parquet")


def test_a_notebook_or_page_under_another_name_is_named(results):
    for folder, suffix in (("notebooks", "ipynb"), ("reports", "html")):
        shutil.copy(results / folder / f"percolation.{suffix}", results / folder / f"phases.{suffix}")
    found = states(results)
    assert found["notebooks/phases.ipynb"] == found["reports/phases.html"] == State.EDITED
    assert "is the notebook percolation under another name" in reason(results, "notebooks/phases.ipynb")
    assert reason(results, "reports/phases.html") == "the page percolation under another name"


def test_what_has_a_name_that_no_rule_makes_is_unknown(results):
    shutil.copytree(results / "figures" / "percolation", results / "figures" / "mine")
    shutil.copy(results / PAGE, results / "reports" / "mine.html")
    (results / "tables" / "percolation" / "required_width.csv").write_text("depth\n1\n")
    (results / "data").mkdir()
    (results / "data" / "mine.arrays").write_text("x")
    names = ["figures/mine/width.svg", "reports/mine.html", "tables/percolation/required_width.csv", "data/mine.arrays"]
    found = states(results)
    assert {name: found[name] for name in names} == dict.fromkeys(names, State.UNKNOWN)


def test_a_table_that_no_rule_makes_is_named(results, make_table):
    make_table(results / "tables" / "percolation" / "my_own.parquet")
    assert states(results)["tables/percolation/my_own.parquet"] == State.UNKNOWN
    assert "no rule makes a table of this name" in reason(results, "tables/percolation/my_own.parquet")


def test_a_table_of_other_code_is_stale(results, make_table, monkeypatch):
    monkeypatch.setattr("dropatlas.provenance.module_closure", lambda task: [])
    make_table(results / TABLE)
    assert reason(results, TABLE) == "code of dropatlas.tasks.percolation.required_width changed"


def test_a_changed_table_makes_notebook_stale_and_a_changed_notebook_its_page(results, make_table):
    make_table(results / TABLE, frame=pd.DataFrame({"depth": [5]}))
    assert reason(results, NOTEBOOK) == "tables changed: percolation/required_width"
    notebook = json.loads((results / NOTEBOOK).read_text())
    (results / NOTEBOOK).write_text(json.dumps(notebook))  # another layout of the same content keeps the seal
    assert states(results)[NOTEBOOK] == State.STALE
    assert reason(results, PAGE) == f"changed since: {NOTEBOOK}"


def test_an_edited_page_or_figure_is_noticed(results):
    page = results / PAGE
    page.write_text(page.read_text().replace("<html>", "<html>proved"))
    (results / FIGURE).write_text("<svg>proved</svg>")
    assert states(results) == {FIGURE: "edited", NOTEBOOK: "current", PAGE: "edited", TABLE: "current"}


def test_a_lost_figure_is_missing_and_a_strange_file_unknown(results):
    (results / FIGURE).unlink()
    (results / "tables" / "notes.txt").write_text("mine")
    (results / "logs").mkdir()
    (results / "logs" / "any.log").write_text("kept")
    found = states(results)
    assert found.pop("tables/notes.txt") == State.UNKNOWN
    assert found == {FIGURE: "missing", NOTEBOOK: "current", PAGE: "current", TABLE: "current"}


def test_what_is_no_results_folder_is_named(tmp_path):
    for folder in (tmp_path / "quick", tmp_path):
        with pytest.raises(ValueError, match="is no results folder: give results/<scale>, scale one of quick, "):
            Verifier(folder)
