"""The rules themselves: what is timed, logged, asked for; one rule for every table, whatever the loop stands at."""

import re
import subprocess
import sys

import pytest

from dropatlas.catalogue import Catalogue
from dropatlas.claims import load_ledger
from dropatlas.config import stored_config
from dropatlas.provenance import ROOT

FILES = sorted((ROOT / "rules").glob("*.smk"))
RULES = {
    match[1]: match[2]
    for path in FILES
    for match in re.finditer(r"^rule (\w+):\n((?:[ ].*\n|\n)+)", path.read_text(encoding="utf-8"), flags=re.M)
}
JOBS = {name: text for name, text in RULES.items() if "    benchmark:" in text}
ALWAYS_LOCAL = {
    "prepare_embedded",
    "prepare_official",
    "export_scorecard",
    "render_page",
    "render_paper",
    "render_index",
}


def test_all_rules_that_compute_are_timed_and_logged():
    assert set(JOBS) == ALWAYS_LOCAL | {"execute_notebook"}
    assert {name for name, text in RULES.items() if "    shell:" in text} == set(JOBS) | {"verify", "snapshot"}
    for name, text in JOBS.items():
        assert "    log:" in text, name


@pytest.mark.parametrize("name", JOBS)
def test_a_job_states_threads_memory_and_minutes(name):
    asked = re.search(r"^    threads: (.+)\n    resources:\n((?:        .+\n)+)", JOBS[name], flags=re.M)
    assert asked, name
    assert {"mem_mb", "runtime"} <= set(re.findall(r"(\w+)=", asked[2]))


def test_data_verdicts_and_pages_are_made_where_snakemake_runs():
    assert {name for name, text in JOBS.items() if "localrule: True" in text} == ALWAYS_LOCAL
    local = {table.rule for table in Catalogue(stored_config("quick"), load_ledger()) if table.local}
    verdicts = {"judge_percolation", "judge_collapse", "judge_phases", "judge_ddc", "judge_all"}
    assert local == verdicts | {"gather_ddc_arms", "tabulate_data_datasets"}


def test_the_command_of_a_table_depends_on_nothing_that_a_loop_changes():
    """Snakemake evaluates it when the job starts: a variable of the loop would be that of the last rule."""
    text = (ROOT / "rules" / "tables.smk").read_text(encoding="utf-8")
    command = text[text.index("        shell:") :]
    assert set(re.findall(r"(?<!\{)\{(\w+)\}", command)) == {"SCALE"}
    assert not re.findall(r"\b(made|rule_name)\b", command)


def test_every_target_and_rule_is_listed_by_name():
    listed = subprocess.run(
        [sys.executable, "-m", "snakemake", "--list-rules"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    targets = {"all", "data", "percolation", "collapse", "phases", "ddc", "scorecard", "reports", "verify", "snapshot"}
    tables = Catalogue(stored_config("quick"), load_ledger()).rules()
    assert set(listed) >= targets | set(tables) | set(JOBS)
