"""The scorecard of a real run: after a failure, in Snakemake's own report, compared, as committed snapshot."""

import re
import shutil
import zipfile
from collections import Counter

import pandas as pd
import pytest

from dropatlas.claims import PAPERS, load_ledger
from dropatlas.tables import read_table

pytestmark = pytest.mark.workflow

SCORECARD = "results/quick/tables/scorecard.parquet"


def test_what_a_failed_experiment_was_to_decide_is_not_run_and_the_rest_is_judged(project):
    name, old, new = "src/dropatlas/tasks/percolation/finite_thresholds.py", "    rows = []\n", "    rows = 1 / 0\n"
    before = read_table(project.path / SCORECARD).set_index("id")
    project.edit(name, old, new)
    output = project.snakemake(expect=1)
    after = read_table(project.path / SCORECARD).set_index("id")
    lost = ["P3", "P4", "P14"]
    assert after.verdict[lost].tolist() == 3 * ["not run"]
    assert after.verdict.drop(lost).equals(before.verdict.drop(lost))
    assert re.search(r"^arXiv 2512\.13853 .* 3$", output, flags=re.M)  # the last column counts what was not run
    reports = project.path / "results/quick/reports"
    assert 'aria-label="P3, not run: ' in (reports / "index.html").read_text(encoding="utf-8")
    assert "no table percolation/finite_thresholds" in (reports / "scorecard.html").read_text(encoding="utf-8")
    shown = pd.read_csv(project.path / "results/quick/figures/scorecard/scorecard.csv").set_index("id")
    assert shown.verdict[lost].tolist() == 3 * ["not run"]  # nothing of the run before
    project.edit(name, new, old)
    scorecard = ["judge_all", "export_scorecard", "execute_notebook", "render_page"]
    report = ["tabulate_percolation_finite_thresholds", "judge_percolation", "execute_notebook", "render_page"]
    pages = ["render_paper", "render_index"]
    assert project.run() == Counter([*report, *pages, *scorecard])
    assert read_table(project.path / SCORECARD).set_index("id").equals(before)


def test_the_scorecard_comes_with_every_page_it_leads_to(project):
    pages = project.path / "results/quick/reports"
    names = {path.name for path in pages.iterdir()}
    shutil.rmtree(pages)
    done = project.run("scorecard")
    assert {path.name for path in pages.iterdir()} == names
    assert done == Counter(render_page=len(names) - len(PAPERS) - 1, render_paper=len(PAPERS), render_index=1)


def test_snakemakes_own_report_sorts_pages_and_figures_by_paper(project, tmp_path):
    project.snakemake("--report", str(tmp_path / "report.zip"))
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        text = archive.read("report/report.html").decode()
        names = {name.rpartition("/")[2] for name in archive.namelist()}
    claims = list(load_ledger())
    assert {f"{claim.figure}.svg" for claim in claims} | {"verdicts.svg", "scorecard.csv", "scorecard.html"} <= names
    for title in {PAPERS[claim.paper] for claim in claims} | {"Scorecard"}:
        assert f'"{title}"' in text
    assert "of the collapse report" in text  # a caption with its wildcards filled in


def test_a_run_compared_with_itself_has_no_changes(project):
    done = project.dropatlas("compare", "results/quick", "results/quick")
    assert done.returncode == 0, done.stderr
    assert f"0 of {len(load_ledger())} verdicts changed" in done.stdout
    assert re.search(r"^(\d+) of \1 tables are the same$", done.stdout, flags=re.M)


def test_the_snapshot_of_a_finished_run_fills_in_the_readme(project):
    readme = project.path / "README.md"
    before = readme.read_text(encoding="utf-8")
    folder = project.path / "results/published"
    away = project.path / "results/published-away"
    if folder.exists():
        folder.rename(away)
    try:
        assert "README.md shows its scorecard" in project.snakemake("snapshot")
        assert {"scorecard.csv", "verdicts.svg", "provenance.json"} <= {path.name for path in folder.iterdir()}
        text = readme.read_text(encoding="utf-8")
        assert "Scale `quick`: " in text
        assert all(f"| {claim.id}: " in text for claim in load_ledger())
    finally:
        readme.write_text(before, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        if away.exists():
            away.rename(folder)
