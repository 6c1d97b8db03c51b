"""What a user sees when something is wrong: the value, what is allowed, the way out, and nothing half-written."""

import subprocess

import pytest

pytestmark = pytest.mark.workflow


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["scale=huge"], ["scale: got 'huge'", "allowed: quick, standard, paper"]),
        (["sede=1"], ["sede: unknown key", "did you mean 'seed'"]),
        (['percolation={"crossing": {"samples": -3}}'], ["percolation.crossing.samples: got -3", "greater than"]),
        (['percolation={"crossing": {"targets": [1.5]}}'], ["targets.0: got 1.5", "less than 1"]),
    ],
)
def test_a_wrong_configuration_stops_before_any_job(checkout, arguments, expected):
    output = checkout.snakemake("--config", *arguments, expect=1)
    assert "Traceback" not in output
    assert "rule" not in output.lower().replace("rules/", "")
    for part in expected:
        assert part in output


def test_a_broken_claim_ledger_stops_before_any_job(project):
    project.edit("config/claims.yaml", "group: published", "group: hoped")
    output = project.snakemake(expect=1)
    assert "entry 0 (P1), group" in output
    assert "got 'hoped'" in output
    project.edit("config/claims.yaml", "group: hoped", "group: published")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("config/claims.yaml", "report: percolation", "report: maps", "claim P1: unknown part 'maps'; there are perc"),
        ("config/claims.yaml", "- id: P1\n", "- id: P99\n", "claim P99: one function judge_p99 is needed in dropatlas"),
        (
            "src/dropatlas/catalogue/collapse.py",
            'name="collapse/decoupling"',
            'name="collapse/movement"',
            "two tables are called 'collapse/movement'",
        ),
        (
            "src/dropatlas/catalogue/collapse.py",
            'name="collapse/movement"',
            'name="collapse/moved"',
            "table collapse/moved: the configuration has no section 'collapse.moved'",
        ),
    ],
)
def test_a_wrong_record_stops_before_any_job_and_names_the_place(project, name, old, new, message):
    project.edit(name, old, new)
    try:
        output = project.snakemake(expect=1)
        assert message in output
        assert "Traceback" not in output
    finally:
        project.edit(name, new, old)


def test_a_results_folder_that_cannot_be_written_is_named(project):
    results, away = project.path / "results", project.path / "results-away"
    results.rename(away)
    try:
        results.write_text("a file in the way")
        output = project.snakemake(expect=1)
        assert f"cannot write to {results}" in output
        assert "replace results/ by a link" in output
        assert "Traceback" not in output
    finally:
        results.unlink()
        away.rename(results)


def test_a_table_cut_short_is_named_with_the_way_out(project):
    table = project.path / "results/quick/tables/percolation/crossing_boundary.parquet"
    table.write_bytes(table.read_bytes()[:1000])
    output = project.snakemake(expect=1)
    assert "crossing_boundary.parquet is cut short" in output
    assert "rm results/quick/tables/percolation/crossing_boundary.parquet" in output
    assert "is cut short" in (project.path / "results/quick/logs/percolation/notebook.log").read_text(encoding="utf-8")
    assert not (project.path / "results/quick/notebooks/percolation.ipynb").exists()
    table.unlink()
    project.snakemake()


@pytest.mark.parametrize("target", ["reproduce", "test"])
def test_make_names_a_missing_python(checkout, target):
    run = subprocess.run(
        ["make", target, "PYTHON=no-such-python"],
        cwd=checkout.path,
        env=checkout.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "error: 'no-such-python' is missing or older than Python 3.11" in run.stderr
    assert f"make PYTHON=python3.12 {target}" in run.stderr
    assert not (checkout.path / ".venv").exists()


def test_dropatlas_claim_answers_and_names_unknown_ids(project):
    told = project.dropatlas("claim", "P1").stdout
    assert "verdict    reproduced (scale quick; to be decided from quick on)" in told
    assert "parts      holds: " in told
    assert "run again  snakemake --config scale=quick --forcerun " in told
    unknown = project.dropatlas("claim", "P99")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("error: unknown claim id 'P99'; the ledger has P1")
    assert "none yet: no table" in project.dropatlas("claim", "P1", "--scale", "paper").stdout
