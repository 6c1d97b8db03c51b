"""One command leads from a claim to everything behind its verdict."""

import json
import re

import pytest

from dropatlas.catalogue import Catalogue, CatalogueError
from dropatlas.catalogue.figures import figure_cell
from dropatlas.claims import load_ledger
from dropatlas.config import stored_config
from dropatlas.provenance import ROOT
from dropatlas.tasks.judge_claims import tabulate
from dropatlas.upkeep.route import function_line, route


@pytest.fixture(scope="module")
def standard():
    return Catalogue(stored_config("standard"), load_ledger())


@pytest.mark.parametrize("claim", list(load_ledger()), ids=lambda claim: claim.id)
def test_every_place_on_the_way_of_a_claim_is_there(claim, standard, tmp_path):
    told = route(claim, standard, tmp_path)
    assert claim.statement in told
    places = re.findall(r"(src/dropatlas/\S+\.py):(\d+) \((\w+)\)", told)
    assert places[0][2] == f"judge_{claim.id.lower()}"
    assert len(places) == 2  # the judge and the plot
    for file, line, name in places:
        assert (ROOT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1].startswith(f"def {name}(")
    notebook, number = re.search(r"(notebooks/\w+\.ipynb), cell (\d+)", told).groups()
    cell = json.loads((ROOT / notebook).read_text(encoding="utf-8"))["cells"][int(number)]
    assert f'"{claim.figure}"' in "".join(cell["source"])
    for task in re.findall(r"task +(\S+)", told):
        assert (ROOT / task).is_file()
    made = [name for name in claim.evidence if name in standard]
    assert re.findall(r"^ +rule +(\w+)$", told, flags=re.M) == [standard[name].rule for name in made]
    assert told.splitlines()[-1].startswith("  run again  snakemake --config scale=")


def test_the_command_makes_the_evidence_anew_with_what_it_is_made_from(standard, tmp_path):
    command = route(load_ledger()["D10"], standard, tmp_path).splitlines()[-1]
    assert command.endswith(" -- ddc")
    assert re.findall(r"tables/(\S+)\.parquet", command) == ["ddc/learned_search", "ddc/learned_rates"]
    arms = re.findall(r"tables/(\S+)\.parquet", route(load_ledger()["D1"], standard, tmp_path).splitlines()[-1])
    assert arms[0] == "ddc/mnist_simple_cnn1"
    assert "ddc/mnist_simple_cnn1-ddc" in arms


def test_a_claim_without_tables_at_this_scale_says_so_and_names_the_scale_that_has_them(standard, tmp_path):
    told = route(load_ledger()["D4"], standard, tmp_path)
    assert "not made   ddc/cifar100_vgg13 (scale standard)" in told
    assert told.endswith("run again  snakemake --config scale=paper ddc")


def test_without_a_run_the_way_is_told_and_with_one_the_verdict_and_its_parts(
    standard, tmp_path, make_table, monkeypatch
):
    claim = load_ledger()["P1"]
    assert "verdict    none yet: no table " in route(claim, standard, tmp_path)
    rows = tabulate(load_ledger().docket("percolation", "standard"), {})
    part = {"state": "holds", "sentence": "masks agree with θ"}
    found = {"verdict": "reproduced", "measure": "|x|", "effect": 0.5, "interval_low": 0.25, "interval_high": 0.75}
    rows.loc[0, [*found, "n", "parts"]] = [*found.values(), 7, json.dumps([part])]
    make_table(tmp_path / "tables" / "percolation" / "claims.parquet", rows)
    told = route(claim, standard, tmp_path)
    assert "verdict    reproduced (scale standard; to be decided from quick on)" in told
    assert "number     0.5 [0.25, 0.75]: |x|, n = 7" in told
    assert "parts      holds: masks agree with θ" in told


def test_a_claim_that_is_newer_than_the_verdicts_is_not_judged_yet(standard, tmp_path, make_table):
    rows = tabulate(load_ledger().docket("percolation", "standard"), {}).iloc[1:]
    make_table(tmp_path / "tables" / "percolation" / "claims.parquet", rows)
    assert "claims.parquet was made before the claim; run `snakemake` to judge it" in route(
        load_ledger()["P1"], standard, tmp_path
    )


def test_a_figure_or_function_that_is_nowhere_is_named():
    with pytest.raises(CatalogueError, match=r"no cell of notebooks/collapse\.ipynb shows a figure 'nothing'"):
        figure_cell("collapse", "nothing")
    with pytest.raises(CatalogueError, match=r"src/dropatlas/plots/percolation\.py defines no function nothing"):
        function_line("dropatlas.plots.percolation", "nothing")
