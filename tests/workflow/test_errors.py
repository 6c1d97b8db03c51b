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
        (['percolation={"crossing": {"drop_rates": [1.5]}}'], ["drop_rates.0: got 1.5", "less than or equal to 1"]),
    ],
)
def test_a_wrong_configuration_stops_before_any_job(checkout, arguments, expected):
    output = checkout.snakemake("--config", *arguments, expect=1)
    assert "Traceback" not in output
    assert "rule" not in output.lower().replace("rules/", "")
    for part in expected:
        assert part in output


def test_a_broken_claim_ledger_stops_before_any_job(project):
    project.edit("config/claims.yaml", "kind: theorem", "kind: hope")
    output = project.snakemake(expect=1)
    assert "entry 0 (P1), kind" in output
    assert "got 'hope'" in output
    project.edit("config/claims.yaml", "kind: hope", "kind: theorem")


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
    assert "reproduced at scale quick" in project.dropatlas("claim", "P1").stdout
    unknown = project.dropatlas("claim", "P99")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("error: unknown claim id 'P99'; the ledger has P1")
    assert "run `snakemake` to make it" in project.dropatlas("claim", "P1", "--scale", "paper").stderr
