"""The quick scale from an empty results folder: every result is there, whole, and says where it comes from."""

import json
import re
from collections import Counter
from html.parser import HTMLParser

import pandas as pd
import pytest

from dropatlas.catalogue import Catalogue
from dropatlas.catalogue.table import FIXED
from dropatlas.claims import load_ledger
from dropatlas.config import stored_config
from dropatlas.tables import read_meanings, read_provenance, read_table

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="session")
def results(checkout, quick_output):
    return checkout.path / "results" / "quick"


def test_the_run_ends_with_the_scorecard_and_where_to_look(quick_output):
    assert f"Which published statements hold? {len(load_ledger())} claims at scale quick:" in quick_output
    assert re.search(r"^arXiv 2512\.13853 +5 +4 +1 +1 ", quick_output, flags=re.M)
    assert re.search(r"^arXiv 2510\.07554 +2 +1 +1 +0 ", quick_output, flags=re.M)
    assert "Done. Open results/quick/reports/index.html in a browser." in quick_output


def test_a_second_run_has_nothing_to_do(checkout, quick_output):
    assert checkout.run() == Counter()


def test_every_table_is_described_and_knows_its_origin(results):
    tables = sorted((results / "tables").rglob("*.parquet"))
    assert len(tables) >= 8
    for path in tables:
        frame, provenance = read_table(path), read_provenance(path)
        assert len(frame) > 0
        assert all(read_meanings(path).values())
        assert provenance.scale == "quick"
        assert re.fullmatch(r"[0-9a-f]{40}", provenance.commit)
        assert not provenance.dirty
        json.loads(provenance.settings)


def test_every_table_has_as_many_rows_as_the_catalogue_foretells(results):
    config = stored_config("quick")
    for table in Catalogue(config, load_ledger()):
        work = table.work(config) if table.work else FIXED
        if work != FIXED:
            assert len(read_table(results / "tables" / f"{table.name}.parquet")) == work.rows, table.name


def test_the_forecast_of_a_larger_scale_then_knows_every_table(checkout, quick_output):
    found = checkout.dropatlas("forecast", "--scale", "standard")
    assert found.returncode == 0, found.stderr
    assert "about" in found.stdout
    assert "unknown" not in found.stdout


def test_long_jobs_log_their_progress(results):
    log = (results / "logs" / "percolation" / "crossing_probability.log").read_text()
    assert re.search(r"crossing probability: \d+/180 cells, \d+:\d+ elapsed, .* to go", log)


class Page(HTMLParser):
    """Collects what the tests ask a page for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.images, self.references = Counter(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        values = dict(attributes)
        if tag == "img":
            self.images.append(values)
        self.references += [values[name] for name in ("src", "href") if name in values]


def test_report_pages_are_self_contained_with_figures_and_formulas(results):
    for path in (results / "reports").glob("*.html"):
        page = Page(path.read_text(encoding="utf-8"))
        assert page.tags["script"] == 0
        for reference in page.references:
            file = reference.partition("#")[0]
            assert reference.startswith(("data:", "#")) or (path.parent / file).is_file(), reference
        assert all(image["alt"] and image["src"].startswith("data:image/svg+xml") for image in page.images)
        drawn = results / "figures" / path.stem
        if drawn.exists():
            assert page.tags["figure"] == page.tags["figcaption"] == len(list(drawn.glob("*.svg"))) > 0
            assert page.tags["math"] > 10 or path.stem == "scorecard"


def test_the_page_of_a_paper_shows_every_figure_that_decides_one_of_its_statements(results):
    for paper, rows in read_table(results / "tables" / "scorecard.parquet").groupby("paper"):
        text = (results / "reports" / f"arxiv-{paper}.html").read_text(encoding="utf-8")
        assert all(f'<h3 id="{identifier}">' in text for identifier in rows.id)
        deciding = set(rows[rows.verdict != "not run"].figure)
        assert sorted(re.findall(r'<figure id="([^"]+)">', text)) == sorted(deciding)
        assert f'href="arxiv-{paper}.html"' in (results / "reports" / "index.html").read_text(encoding="utf-8")


def test_the_start_page_lists_reports_and_verdicts(results):
    text = (results / "reports" / "index.html").read_text(encoding="utf-8")
    assert 'href="percolation.html"' in text
    for row in read_table(results / "tables" / "scorecard.parquet").itertuples():
        assert f'aria-label="{row.id}, {row.verdict}: ' in text
        assert f'href="scorecard.html#{row.id}"' in text


def test_the_scorecard_holds_every_claim_once_and_agrees_with_the_reports(results):
    scorecard = read_table(results / "tables" / "scorecard.parquet")
    assert scorecard.id.tolist() == [claim.id for claim in load_ledger()]
    judged = pd.concat(read_table(path) for path in sorted((results / "tables").glob("*/claims.parquet")))
    alone = scorecard.drop(columns="q_value").set_index("id")  # of the whole ledger
    pd.testing.assert_frame_equal(judged.set_index("id").loc[scorecard.id], alone)
    decided = scorecard.p_value.notna()
    assert (scorecard.q_value[decided] >= scorecard.p_value[decided]).all()
    assert scorecard.q_value[~decided].isna().all()
    exported = pd.read_csv(results / "tables" / "scorecard.csv", dtype={"paper": str})
    for column in ("id", "paper", "verdict"):
        assert exported[column].tolist() == scorecard[column].tolist()


def test_the_percolation_theorems_hold(results):
    verdicts = read_table(results / "tables" / "percolation" / "claims.parquet").set_index("id").verdict
    assert verdicts.to_dict() == {
        **dict.fromkeys(["P1", "P2", "P3"], "reproduced"),
        **dict.fromkeys(["P4", "P14"], "supported"),
        "P18": "partly",
    }


def test_a_quick_run_decides_of_collapse_what_minutes_can(results):
    verdicts = read_table(results / "tables" / "collapse" / "claims.parquet").set_index("id").verdict
    decided = {"P5": "reproduced", "P6": "reproduced", "P9": "supported", "P11": "supported", "P22": "not supported"}
    assert verdicts[list(decided)].to_dict() == decided
    assert set(verdicts.drop(list(decided))) == {"inconclusive"}


def test_a_quick_run_decides_of_the_phase_diagram_what_minutes_can(results):
    verdicts = read_table(results / "tables" / "phases" / "claims.parquet").set_index("id")
    assert verdicts.index.tolist() == [f"M{number}" for number in range(1, 20)]
    decided = {"M1": "reproduced", "M4": "reproduced", "M13": "partly", "M15": "supported"}
    assert verdicts.verdict[list(decided)].to_dict() == decided
    assert set(verdicts.verdict.drop(list(decided))) == {"inconclusive"}
    assert verdicts.reason.str.startswith("needs scale standard to decide; so far: ").any()
    unmeasured = {"M5", "M12", "M16", "M17"}  # steps and widths of a larger scale
    assert set(verdicts.index[verdicts.effect.isna()]) == unmeasured


def test_a_quick_run_decides_the_feedback_of_dropconnect_and_leaves_comparisons_open(results):
    verdicts = read_table(results / "tables" / "ddc" / "claims.parquet").set_index("id")
    assert verdicts.index.tolist() == [f"D{number}" for number in range(1, 14)]
    assert verdicts.verdict["D13"] in {"supported", "partly", "not supported"}
    assert verdicts.verdict["D4"] == "not run"
    assert "cifar100" in verdicts.reason["D4"]
    assert set(verdicts.verdict.drop(["D4", "D13"])) == {"inconclusive"}


def test_every_part_of_a_judged_claim_is_told_with_its_number_and_threshold(results):
    for row in read_table(results / "tables" / "scorecard.parquet").itertuples():
        parts = json.loads(row.parts)
        assert bool(parts) == (row.verdict != "not run"), row.id
        for part in parts:
            assert part["state"] in {"holds", "fails", "open"}
            assert part["sentence"].startswith(part["name"])
            assert part["sentence"] in row.reason
            if part["state"] != "open":
                assert part["low"] <= part["estimate"] <= part["high"]
