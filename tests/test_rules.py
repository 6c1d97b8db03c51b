"""Every rule says what its job needs, so that a cluster can be asked for it."""

import re

import pytest

from dropatlas.config import SCALES
from dropatlas.provenance import ROOT

FILES = sorted((ROOT / "rules").glob("*.smk"))
RULES = {
    match[1]: match[2]
    for path in FILES
    for match in re.finditer(r"^rule (\w+):\n((?:[ ].*\n|\n)+)", path.read_text(encoding="utf-8"), flags=re.M)
}
JOBS = {name: text for name, text in RULES.items() if "    benchmark:" in text}
LOCAL = {name for name, text in RULES.items() if "localrule: True" in text}


def test_all_rules_that_compute_are_timed_and_logged():
    assert len(JOBS) > 35
    assert {name for name, text in RULES.items() if "    shell:" in text} == set(JOBS) | {"verify", "published"}
    for name, text in JOBS.items():
        assert "    log:" in text, name


@pytest.mark.parametrize("name", JOBS)
def test_a_job_states_threads_memory_and_minutes(name):
    asked = re.search(r"^    threads: (.+)\n    resources:\n((?:        .+\n)+)", JOBS[name], flags=re.M)
    assert asked, name
    assert {"mem_mb", "runtime"} <= set(re.findall(r"(\w+)=", asked[2]))


def test_data_verdicts_and_pages_are_made_where_snakemake_runs():
    assert {"prepare_embedded", "prepare_official", "describe_datasets", "judge_claims", "render_index"} <= LOCAL


def test_what_is_asked_by_scale_names_scales():
    given = re.findall(r"by_scale\((.+?)\)", "".join(RULES.values()))
    assert len(given) > 30
    for arguments in given:
        _, *others = arguments.split(", ")
        assert {other.split("=")[0] for other in others} <= set(SCALES), arguments
