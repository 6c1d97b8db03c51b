"""The catalogue says every table once, and refuses what cannot be made, read or judged, naming the place."""

import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from dropatlas.catalogue import Catalogue, CatalogueError, catalogue, collapse
from dropatlas.catalogue import judges as judge_places
from dropatlas.catalogue.judges import judge_place
from dropatlas.claims import Ledger, load_ledger
from dropatlas.claims.judging import judge_of
from dropatlas.closure import SOURCE
from dropatlas.config import SCALES, stored_config
from dropatlas.provenance import ROOT


@pytest.fixture(scope="module", params=SCALES)
def tables(request):
    return Catalogue(stored_config(request.param), load_ledger())


def test_every_page_shows_the_tables_its_claims_rest_on(tables):
    for claim in load_ledger():
        shown = {*tables.of_page(claim.report)}
        assert {name for name in claim.evidence if name in tables} <= shown, claim.id
        assert f"{claim.report}/claims" in shown
    assert tables.of_page("scorecard") == ["scorecard"]


def test_every_job_states_what_it_needs_and_scales_never_ask_for_less_at_paper(tables):
    quick = Catalogue(stored_config("quick"), load_ledger())
    for table in tables:
        assert table.message
        assert table.mem_mb >= 500
        assert table.runtime >= 10
        assert table.threads >= 1
        if table.name in quick and tables.config.scale == "paper":
            assert table.runtime >= quick[table.name].runtime, table.name


def test_tables_of_one_rule_ask_for_the_same():
    train = Catalogue(stored_config("standard"), load_ledger()).rules()["train_ddc_arms"]
    assert len(train) > 20
    assert {(table.mem_mb, table.runtime, table.threads, table.module) for table in train} == {
        (5000, 60, 1, "dropatlas.tasks.ddc.arm")
    }


def test_every_claim_finds_its_judge_without_importing_it_and_by_importing_it():
    for claim in load_ledger():
        place, judge = judge_place(claim), judge_of(claim)
        assert place.function == judge.__name__ == f"judge_{claim.id.lower()}"
        assert place.line == judge.__code__.co_firstlineno
        assert str(place.file) == judge.__code__.co_filename


def test_reading_the_catalogue_imports_no_task_no_judge_and_no_torch():
    script = (
        "import sys\n"
        "from dropatlas.catalogue import Catalogue\n"
        "from dropatlas.claims import load_ledger\n"
        "from dropatlas.config import stored_config\n"
        "Catalogue(stored_config('paper'), load_ledger())\n"
        "print([name for name in sys.modules if name == 'torch' or name.startswith('dropatlas.tasks')"
        " or name.startswith('dropatlas.claims.p')])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() in ("[]", "['dropatlas.claims.parts']")


@pytest.fixture
def spoilt(monkeypatch):
    """A catalogue of scale quick whose collapse tables, or whose claims, are changed."""

    def make(change_table=None, change_claim=None):
        if change_table:
            made, first = collapse.tables, ("collapse/decoupling", "collapse/movement")
            changed = SimpleNamespace(
                tables=lambda config: change_table(
                    sorted(made(config), key=lambda table: first.index(table.name) if table.name in first else 2)
                )
            )
            monkeypatch.setitem(catalogue.TOPICS, "collapse", changed)
        claims = list(load_ledger())
        return Catalogue(stored_config("quick"), Ledger(change_claim(claims) if change_claim else claims))

    return make


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tables: [*tables, tables[0]], "two tables are called 'collapse/decoupling'"),
        (
            lambda tables: [replace(tables[0], task="collapse.nothing"), *tables[1:]],
            r"table collapse/decoupling: no task dropatlas\.tasks\.collapse\.nothing: write .*/collapse/nothing\.py",
        ),
        (
            lambda tables: [replace(tables[0], section="collapse.nothing"), *tables[1:]],
            r"table collapse/decoupling: the configuration has no section 'collapse\.nothing'",
        ),
        (
            lambda tables: [replace(tables[0], section="collapse.digits"), *tables[1:]],
            r"table collapse/decoupling: the configuration has no section 'collapse\.digits'",
        ),
        (
            lambda tables: [replace(tables[0], task="collapse"), *tables[1:]],
            r"table collapse/decoupling: no task dropatlas\.tasks\.collapse: write ",
        ),
        (
            lambda tables: [replace(tables[0], tables=("collapse/decoupling",)), *tables[1:]],
            "table collapse/decoupling: it reads itself",
        ),
        (
            lambda tables: [replace(tables[0], data="imagenet"), *tables[1:]],
            "table collapse/decoupling: unknown data set imagenet",
        ),
        (
            lambda tables: [replace(tables[0], tables=("collapse/nothing",)), *tables[1:]],
            "table collapse/decoupling: it reads collapse/nothing, which no record makes",
        ),
        (
            lambda tables: [replace(tables[0], rule="one"), replace(tables[1], rule="one"), *tables[2:]],
            "tables collapse/decoupling and collapse/movement share the rule one, but not task, ",
        ),
        (
            lambda tables: tables[1:],
            "claim P5: it rests on collapse/decoupling, which no record makes at scale quick",
        ),
    ],
)
def test_a_wrong_record_is_refused_by_name(spoilt, change, message):
    with pytest.raises(CatalogueError, match=message):
        spoilt(change_table=change)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"report": "nowhere"}, "claim P1: unknown part 'nowhere'; there are percolation, collapse, phases, ddc"),
        ({"id": "P99"}, r"claim P99: one function judge_p99 is needed in dropatlas\.claims, found: none"),
        ({"evidence": ["percolation/nothing"]}, "claim P1: it rests on percolation/nothing, which no record makes"),
        (
            {"evidence": ["percolation/nothing"], "min_scale": "standard"},
            "claim P1: it rests on percolation/nothing, which no record makes at scale standard",
        ),
        ({"figure": "nothing"}, r"no cell of notebooks/percolation\.ipynb shows a figure 'nothing'"),
    ],
)
def test_a_claim_of_an_unknown_part_without_judge_or_evidence_is_refused(spoilt, changes, message):
    with pytest.raises(CatalogueError, match=message):
        spoilt(change_claim=lambda claims: [claims[0].model_copy(update=changes), *claims[1:]])


def test_two_judges_of_one_claim_are_refused_with_their_places(monkeypatch):
    claim = load_ledger()["P1"]
    place = judge_place(claim)
    monkeypatch.setattr(judge_places, "_judges", lambda: {"judge_p1": [place, place]})
    where = f"dropatlas/claims/percolation/crossing.py:{place.line}"
    with pytest.raises(CatalogueError, match=f"found: {where}, {where}"):
        judge_place(claim)


def test_a_judge_in_a_module_that_nobody_asks_is_refused(monkeypatch):
    place = judge_place(load_ledger()["P1"])._replace(file=SOURCE / "claims" / "elsewhere.py")
    monkeypatch.setattr(judge_places, "_judges", lambda: {"judge_p1": [place]})
    with pytest.raises(CatalogueError, match=r"enter dropatlas\.claims\.elsewhere, with judge_p1, in MODULES of"):
        judge_place(load_ledger()["P1"])


def test_a_claim_that_is_not_due_may_rest_on_tables_of_a_larger_scale():
    quick = Catalogue(stored_config("quick"), load_ledger())
    assert "ddc/cifar100_vgg13" in load_ledger()["D4"].evidence
    assert "ddc/cifar100_vgg13" not in quick
    with pytest.raises(CatalogueError, match="no table 'ddc/cifar100_vgg13' at scale quick; there are percolation/"):
        quick["ddc/cifar100_vgg13"]
