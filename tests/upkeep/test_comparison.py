"""Two runs side by side, on tables made here: what changed is named, what did not is not."""

import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.tables import UnreadableTableError
from dropatlas.tasks.judge_claims import tabulate
from dropatlas.upkeep.comparison import compare_tables, compare_verdicts, comparison

TABLE = "percolation/required_width"


def scorecard(**changes):
    """All claims not run, but for the (verdict, effect, low, high) given by id."""
    rows = tabulate(load_ledger().full_docket("quick"), {}).set_index("id")
    rows = rows.astype({"n": int, "measure": str})
    for identifier, numbers in changes.items():
        rows.loc[identifier, ["verdict", "effect", "interval_low", "interval_high"]] = numbers
    return rows.reset_index()


@pytest.fixture
def runs(tmp_path, make_table):
    """Makes two runs from their scorecards; further tables are made by the tests."""

    def make(first, second):
        folders = tmp_path / "first", tmp_path / "second"
        for folder, rows in zip(folders, (first, second), strict=True):
            make_table(folder / "tables" / "scorecard.parquet", frame=rows)
        return folders

    return make


def test_a_run_is_the_same_as_itself(runs, make_table):
    rows = scorecard(P1=("reproduced", 0.1, 0.0, 0.2))
    first, second = runs(rows, rows)
    for folder in (first, second):
        make_table(folder / "tables" / f"{TABLE}.parquet")
    assert [change.state for change in compare_tables(first, second)] == ["same"]
    assert set(compare_verdicts(first, second).change) == {""}
    text = comparison(first, second)
    assert f"0 of {len(rows)} verdicts changed; of the others 0 have intervals that do not overlap" in text
    assert text.endswith("1 of 1 tables are the same")


def test_changed_verdicts_and_effects_apart_are_told(runs):
    first, second = runs(
        scorecard(
            P1=("reproduced", 0.1, 0.0, 0.2), P2=("partly", 1, 0.9, 1.1), P3=("partly", 2, 2, 2), P4=("partly", 1, 0, 2)
        ),
        scorecard(
            P1=("partly", 0.1, 0.0, 0.2), P2=("partly", 2, 1.9, 2.1), P3=("partly", 3, 3, 3), P4=("partly", 2, 1, 3)
        ),
    )
    found = compare_verdicts(first, second).change
    assert found[["P1", "P2", "P3", "P4", "P5"]].tolist() == ["verdict", "effect", "effect", "", ""]
    lines = comparison(first, second).splitlines()
    assert " ".join(lines[1].split()) == "P1 reproduced 0.1 [0, 0.2] partly 0.1 [0, 0.2] verdict"
    assert lines[2].endswith("intervals apart")
    assert f"1 of {len(found)} verdicts changed; of the others 2 have" in comparison(first, second)


def test_numbers_of_different_things_are_not_compared(runs):
    first, second = (scorecard(P2=("partly", effect, effect, effect)) for effect in (1, 2))
    second.loc[second.id == "P2", "measure"] = "another number"
    assert compare_verdicts(*runs(first, second)).change["P2"] == "measure"


def test_a_verdict_under_other_thresholds_is_told_with_them(runs):
    first, second = scorecard(P3=("partly", 2, 2, 2)), scorecard(P3=("reproduced", 2, 2, 2))
    second.loc[second.id == "P3", ["criterion", "min_scale"]] = ['{"critical_tolerance": 1.0}', "paper"]
    (line,) = (line for line in comparison(*runs(first, second)).splitlines() if line.startswith("P3"))
    assert 'verdict; criterion {"critical_tolerance": 0.001' in line
    assert line.endswith('→ {"critical_tolerance": 1.0}; min_scale quick → paper')


def test_claims_of_one_run_only_are_told(runs):
    rows = scorecard(P1=("reproduced", 0.1, 0.0, 0.2))
    first, second = runs(rows, rows[rows.id != "P1"])
    assert compare_verdicts(first, second).change["P1"] == "verdict"
    assert "no such claim" in comparison(first, second)
    assert compare_verdicts(second, first).index[-1] == "P1"


@pytest.mark.parametrize(
    ("frame", "changes", "expected"),
    [
        (None, {"settings": '{"drop_rates":[0.1]}'}, "settings.drop_rates: "),
        (None, {"seed": 7}, "seed: None → 7"),
        (None, {"inputs": {"data/mnist": "ab"}}, "inputs: data/mnist"),
        (None, {}, "same origin: the computation is not repeatable"),
        (pd.DataFrame({"depth": [1, 2], "p": [0.5, None], "model": ["site", "x"]}), {}, "1 of 2 rows differ, in model"),
        (pd.DataFrame({"depth": [1]}), {}, "columns differ: model, p"),
        (pd.DataFrame({"depth": [1], "p": [0.5], "model": ["site"]}), {}, "2 rows against 1"),
    ],
)
def test_a_table_that_differs_says_how_much_and_why(runs, make_table, frame, changes, expected):
    first, second = runs(scorecard(), scorecard())
    make_table(first / "tables" / f"{TABLE}.parquet")
    other = pd.DataFrame({"depth": [1, 3], "p": [0.5, None], "model": ["site", "bond"]}) if frame is None else frame
    make_table(second / "tables" / f"{TABLE}.parquet", frame=other, **changes)
    (change,) = compare_tables(first, second)
    assert change.state == "differs"
    assert any(reason.startswith(expected) for reason in change.reasons), change.reasons
    assert f"  {TABLE}: differs" in comparison(first, second).splitlines()


def test_tables_of_one_run_only_are_told(runs, make_table):
    first, second = runs(scorecard(), scorecard())
    make_table(first / "tables" / "percolation" / "a.parquet")
    make_table(second / "tables" / "percolation" / "b.parquet")
    assert [change.state for change in compare_tables(first, second)] == ["only in first", "only in second"]


def test_what_cannot_be_compared_is_named(runs, tmp_path):
    first, second = runs(scorecard(), scorecard())
    with pytest.raises(ValueError, match="nowhere holds no tables: give two results folders"):
        comparison(first, tmp_path / "nowhere")
    _, older = runs(scorecard(), scorecard().drop(columns="criterion"))
    with pytest.raises(ValueError, match=r"scorecard\.parquet has no column criterion: another version"):
        comparison(first, older)
    (second / "tables" / "scorecard.parquet").unlink()
    with pytest.raises(UnreadableTableError, match=r"no table .*scorecard\.parquet: run `snakemake`"):
        comparison(first, second)
