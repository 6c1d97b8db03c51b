"""The committed snapshot: whole, small, and never by hand."""

import json

import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.files import sha256_of_file
from dropatlas.provenance import ROOT
from dropatlas.reports.export import csv_text
from dropatlas.seals import read_checksums, write_checksums
from dropatlas.tasks.judge_claims import tabulate
from dropatlas.upkeep import snapshot as module
from dropatlas.upkeep.snapshot import BEGIN, END, SnapshotError, readme_scorecard, snapshot, with_scorecard

PUBLISHED = ROOT / "results" / "published"


@pytest.fixture
def run(results, make_table):
    """A finished run with a scorecard in which P1 is judged, and a README."""
    ledger = load_ledger()
    rows = tabulate(ledger.full_docket("quick"), {})
    found = {"verdict": "reproduced", "effect": 0.5, "interval_low": 0.25, "interval_high": 0.75, "measure": "|x|"}
    rows.loc[0, list(found)] = list(found.values())
    task = {"task": "dropatlas.tasks.scorecard", "settings": ledger.full_docket("quick").model_dump_json()}
    make_table(results / "tables" / "scorecard.parquet", frame=rows, **task)
    (results / "tables" / "scorecard.csv").write_text(csv_text(rows))
    for name in ("scorecard/verdicts.svg", "percolation/sampling_agreement.svg", "percolation/sampling_agreement.png"):
        path = results / "figures" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("longer " * 10 if path.suffix == ".svg" else "short")
        write_checksums(path.parent)
    (results.parents[1] / "README.md").write_text(f"# Atlas\n\n{BEGIN}\nthe last one\n{END}\n\nMore.\n")
    return results


def test_a_snapshot_holds_scorecard_key_figures_and_provenance(run):
    folder = snapshot(run)
    assert folder == run.parent / "published"
    names = {"scorecard.csv", "verdicts.svg", "percolation-sampling_agreement.png", "provenance.json", "SHA256SUMS"}
    assert {path.name for path in folder.iterdir()} == names  # the PNG is the smaller one here
    assert (folder / "scorecard.csv").read_bytes() == (run / "tables" / "scorecard.csv").read_bytes()
    origins = json.loads((folder / "provenance.json").read_text())
    assert origins["scorecard"]["task"] == "dropatlas.tasks.scorecard"
    assert set(origins) == {"scorecard", "percolation/required_width"}


def test_the_readme_shows_the_picture_and_a_line_per_claim(run):
    snapshot(run)
    text = (run.parents[1] / "README.md").read_text()
    assert text.startswith("# Atlas\n\n<!-- scorecard")
    assert text.endswith(f"{END}\n\nMore.\n")
    assert "the last one" not in text
    assert "](results/published/verdicts.svg)" in text
    assert "arXiv 2512.13853: 1 reproduced, 11 not run" in text
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


def spoil_currency(run, monkeypatch):
    (run / "figures" / "percolation" / "width.svg").write_text("<svg>nicer</svg>")


def spoil_scorecard(run, monkeypatch):
    (run / "tables" / "scorecard.csv").unlink()


def spoil_size(run, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 100)


def spoil_marks(run, monkeypatch):
    (run.parents[1] / "README.md").write_text(f"{END}\n{BEGIN}\n")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_currency, r"(?s)until everything is current.*edited +.*width\.svg"),
        (spoil_scorecard, "has no scorecard; run `snakemake scorecard`"),
        (spoil_size, "at most 0.0001 MB may be committed"),
        (spoil_marks, "README.md needs the two lines"),
    ],
)
def test_what_cannot_be_published_leaves_everything_as_it_was(run, monkeypatch, spoil, message):
    folder = snapshot(run)
    spoil(run, monkeypatch)
    before = {path: sha256_of_file(path) for path in [*folder.iterdir(), run.parents[1] / "README.md"]}
    with pytest.raises(SnapshotError, match=message):
        snapshot(run)
    assert {path: sha256_of_file(path) for path in before} == before
    assert sorted(path.name for path in run.parent.iterdir()) == ["published", "quick"]


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
