"""The committed snapshot: whole, small, and never by hand."""

import json
import shutil

import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.files import sha256_of_file
from dropatlas.provenance import ROOT
from dropatlas.seals import read_checksums, write_checksums
from dropatlas.tables import content_hash, read_table
from dropatlas.tasks.judge_claims import tabulate
from dropatlas.upkeep import snapshot as module
from dropatlas.upkeep.snapshot import (
    BEGIN,
    END,
    OUTDATED,
    SnapshotError,
    read_origins,
    readme_scorecard,
    report_names,
    snapshot,
    with_scorecard,
)

PUBLISHED = ROOT / "results" / "published"
TASK = "dropatlas.tasks.judge_claims"


@pytest.fixture(scope="session")
def finish(make_table, make_tables, make_report, catalogue):
    """Writes a finished report: its evidence, verdicts of which the first has this effect, a figure, notebook, page."""

    def make(results, report, effect):
        docket = load_ledger().docket(report, "quick")
        judged = catalogue[f"{report}/claims"]
        make_tables(results, list(judged.tables))
        inputs = {name: content_hash(read_table(results / "tables" / f"{name}.parquet")) for name in judged.tables}
        rows = tabulate(docket, {})
        found = {"verdict": "reproduced", "effect": effect, "interval_low": 0.25, "interval_high": 0.75}
        rows.loc[0, [*found, "measure"]] = [*found.values(), "|x|"]
        path = results / "tables" / f"{judged.name}.parquet"
        make_table(path, rows, task=TASK, settings=judged.settings, inputs=inputs)
        make_tables(results, ["percolation/required_width"])
        folder = results / "figures" / report
        folder.mkdir(exist_ok=True, parents=True)
        (folder / f"{docket.claims[0].figure}.svg").write_text("longer " * 10)
        (folder / f"{docket.claims[0].figure}.png").write_text(f"{effect}")
        write_checksums(folder)
        make_report(results, report, ["percolation/required_width", f"{report}/claims"])

    return make


@pytest.fixture(scope="session")
def finished(tmp_path_factory, finish):
    """A finished run of all reports, and a README."""
    project = tmp_path_factory.mktemp("finished")
    for report in report_names():
        finish(project / "results" / "quick", report, 0.5)
    (project / "README.md").write_text(f"# Atlas\n\n{BEGIN}\nthe last one\n{END}\n\nMore.\n")
    return project


@pytest.fixture
def run(tmp_path, finished):
    """A copy of the finished run."""
    shutil.copytree(finished, tmp_path / "project")
    return tmp_path / "project" / "results" / "quick"


def test_a_snapshot_holds_scorecard_key_figures_and_provenance(run):
    folder = snapshot(run)
    assert folder == run.parent / "published"
    figures = {f"{name}-{load_ledger().docket(name, 'quick').claims[0].figure}.png" for name in report_names()}
    names = {"scorecard.csv", "verdicts.svg", "provenance.json", "SHA256SUMS"}
    assert {path.name for path in folder.iterdir()} == figures | names  # the PNG is the smaller one here
    rows = pd.read_csv(folder / "scorecard.csv")
    assert list(rows.id) == [claim.id for claim in load_ledger()]
    assert rows.verdict.value_counts().to_dict() == {"reproduced": 4, "not run": len(rows) - 4}
    origins = json.loads((folder / "provenance.json").read_text())
    assert origins["outdated"] == []
    assert list(origins["reports"]) == sorted(report_names())
    behind = origins["reports"]["percolation"]
    evidence = {name for claim in load_ledger().of_report("percolation") for name in claim.evidence}
    assert set(behind) == {"percolation/claims", "percolation/required_width"} | evidence
    assert behind["percolation/claims"]["task"] == TASK


def test_the_readme_shows_the_picture_and_a_line_per_claim(run):
    snapshot(run)
    text = (run.parents[1] / "README.md").read_text()
    assert text.startswith("# Atlas\n\n<!-- scorecard")
    assert text.endswith(f"{END}\n\nMore.\n")
    assert "the last one" not in text
    assert "](results/published/verdicts.svg)" in text
    others = sum(claim.paper == "2512.13853" for claim in load_ledger()) - 2
    assert f"arXiv 2512.13853: 2 reproduced, {others} not run" in text
    assert "(percolation, collapse, phases, ddc)" in text
    link = "[reproduced](results/published/percolation-sampling_agreement.png)"
    assert f"(Theorem IV.1) | a theorem | 0.5 [0.25, 0.75]: &#124;x&#124; | {link} |" in text
    assert text.count("\n| ") == 2 + len(load_ledger())


def test_a_second_snapshot_replaces_the_first(run):
    folder = snapshot(run)
    (folder / "mine.txt").write_text("by hand")
    before = (run.parents[1] / "README.md").read_text()
    snapshot(run)
    assert not (folder / "mine.txt").exists()
    assert (run.parents[1] / "README.md").read_text() == before


def test_one_report_is_renewed_and_the_others_stay(run, finish):
    """A run of one report is enough; of the others neither tables nor figures need to be there."""
    folder = snapshot(run)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    origins = read_origins(folder)
    for place in ("tables", "figures", "notebooks", "reports"):
        shutil.rmtree(run / place)
    finish(run, "percolation", 0.125)
    snapshot(run, ["percolation"])
    lines = before["scorecard.csv"].decode().splitlines()
    renewed = (folder / "scorecard.csv").read_text().splitlines()
    assert [number for number, pair in enumerate(zip(lines, renewed, strict=True)) if len(set(pair)) > 1] == [1]
    assert "0.125" in renewed[1]
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    changed = {"scorecard.csv", "verdicts.svg", "provenance.json", "percolation-sampling_agreement.png", "SHA256SUMS"}
    assert {name for name in before if after[name] != before[name]} == changed
    assert after.keys() == before.keys()
    kept = {name: tables for name, tables in read_origins(folder).items() if name != "percolation"}
    assert kept == {name: tables for name, tables in origins.items() if name != "percolation"}
    assert "0.125 [0.25, 0.75]" in (run.parents[1] / "README.md").read_text()


def spoil_table(run, monkeypatch):
    path = run / "tables" / "percolation" / "required_width.parquet"
    path.write_bytes(path.read_bytes()[:-1])


def spoil_figure(run, monkeypatch):
    (run / "figures" / "percolation" / "sampling_agreement.svg").write_text("<svg>nicer</svg>")


def spoil_report(run, monkeypatch):
    (run / "notebooks" / "phases.ipynb").unlink()


def spoil_size(run, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 100)


def spoil_marks(run, monkeypatch):
    (run.parents[1] / "README.md").write_text(f"{END}\n{BEGIN}\n")


@pytest.mark.parametrize(
    ("spoil", "reports", "message"),
    [
        (spoil_table, [], r"(?s)until percolation is current.*damaged +.*required_width\.parquet"),
        (spoil_figure, ["percolation"], r"(?s)until percolation is current.*edited +.*sampling_agreement\.svg"),
        (spoil_report, [], "has no phases report; run it first"),
        (spoil_size, [], "at most 0.0001 MB may be committed"),
        (spoil_marks, [], "README.md needs the two lines"),
        (lambda run, monkeypatch: None, ["percolation", "everything"], "unknown report everything; there are percol"),
    ],
)
def test_what_cannot_be_published_leaves_everything_as_it_was(run, monkeypatch, spoil, reports, message):
    folder = snapshot(run)
    spoil(run, monkeypatch)
    before = {path: sha256_of_file(path) for path in [*folder.iterdir(), run.parents[1] / "README.md"]}
    with pytest.raises(SnapshotError, match=message):
        snapshot(run, reports)
    assert {path: sha256_of_file(path) for path in before} == before
    assert sorted(path.name for path in run.parent.iterdir()) == ["published", "quick"]


def test_a_report_is_not_kept_that_was_never_published(run):
    with pytest.raises(SnapshotError, match=r"renew collapse, ddc, phases, too: not published at scale"):
        snapshot(run, ["percolation"])
    folder = snapshot(run)
    rows = pd.read_csv(folder / "scorecard.csv")
    rows[rows.id != "M3"].to_csv(folder / "scorecard.csv", index=False)
    with pytest.raises(SnapshotError, match="renew phases, too: not published at scale quick with all claims"):
        snapshot(run, ["percolation"])


def test_a_kept_report_that_may_come_out_differently_is_named(run):
    folder = snapshot(run)
    readme = run.parents[1] / "README.md"
    assert OUTDATED not in readme.read_text()
    described = json.loads((folder / "provenance.json").read_text())
    described["reports"]["phases"]["percolation/required_width"]["settings"] = "{}"
    (folder / "provenance.json").write_text(json.dumps(described))
    snapshot(run, ["percolation"])
    assert f"{OUTDATED} phases.\n" in readme.read_text()
    snapshot(run, ["phases"])
    assert OUTDATED not in readme.read_text()


def test_this_readme_has_the_marks():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert with_scorecard(text, f"{BEGIN}\n{END}").count(BEGIN) == 1


@pytest.mark.skipif(not PUBLISHED.exists(), reason="no snapshot is committed")
def test_the_committed_snapshot_is_as_it_was_made():
    digests = read_checksums(PUBLISHED)
    assert {path.name: sha256_of_file(path) for path in PUBLISHED.iterdir() if path.name in digests} == digests
    assert {path.name for path in PUBLISHED.iterdir()} == {*digests, "SHA256SUMS"}
    assert sum(path.stat().st_size for path in PUBLISHED.iterdir()) <= module.LARGEST
    assert readme_scorecard(PUBLISHED) in (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(pd.read_csv(PUBLISHED / "scorecard.csv").scale) == {"standard"}
    assert set(read_origins(PUBLISHED)) == set(report_names())
