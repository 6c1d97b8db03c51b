"""Notebooks are clean sources; pages are self-contained, with formulas that need no script."""

import ast
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dropatlas.claims import PAPERS, load_ledger
from dropatlas.provenance import ROOT, Provenance, record
from dropatlas.reports.html import Site, describe, index_html, markdown_to_html, report_html
from dropatlas.reports.judges import judges
from dropatlas.reports.notebook import Report
from dropatlas.reports.pages import page_label, reading_order
from dropatlas.reports.papers import SUMMARIES, figures_of, paper_html
from dropatlas.reports.verdicts import glance, verdict_table
from dropatlas.seals import BrokenSealError, Origin, seal_notebook
from dropatlas.tables import write_table
from dropatlas.tasks.judge_claims import tabulate

TABLES = ["topic/numbers", "topic/again"]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_a_clean_parameterised_source(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert [cell for cell in code if cell.metadata.get("tags") == ["parameters"]] == code[:1]
    assert notebook.metadata.language_info.name == "python"
    assert len(describe(path.stem, notebook).summary) > 80


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_formula_of_a_notebook_becomes_mathml(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            rendered = markdown_to_html(cell.source)
            assert "$" not in re.sub(r"<code>.*?</code>", "", rendered)
            assert rendered.count("<math") >= cell.source.count("$$") // 2


@pytest.mark.parametrize("claim", list(load_ledger()), ids=lambda claim: claim.id)
def test_the_figure_of_a_claim_is_drawn_by_its_report(claim):
    notebook = nbformat.read(ROOT / "notebooks" / f"{claim.report}.ipynb", as_version=4)
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert claim.figure in figures_shown(source)


def write_executed(cells: list, path: Path) -> None:
    """An executed notebook, sealed as its task would."""
    notebook = nbformat.v4.new_notebook(cells=cells)
    seal_notebook(notebook, Origin(name=path.stem, code_hash="c0de" * 16, inputs={}))
    path.write_text(json.dumps(notebook))


def figures_shown(source: str) -> set[str]:
    """Names that the calls `report.show(figure, name, ...)` of some code give."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return {call.args[1].value for call in calls if ast.unparse(call.func) == "report.show"}


def test_formulas_are_mathml_inline_and_block():
    rendered = markdown_to_html("Inline $p^W$ and\n\n$$\\theta \\le 1$$\n\nwith `$code$`.")
    assert rendered.count("<math") == 2
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">' in rendered
    assert "<code>$code$</code>" in rendered


@pytest.fixture
def results(tmp_path):
    provenance = record("dropatlas.tables", "quick", "{}", 3, {}, datetime.now(UTC))
    frame = pd.DataFrame({"x": [1, 2]})
    write_table(frame, tmp_path / "tables" / "topic" / "numbers.parquet", {"x": "number"}, provenance)
    return tmp_path


def test_a_figure_is_stamped_saved_with_provenance_and_shown_with_its_caption(results):
    report = Report("topic", results, TABLES)
    report.table("topic/numbers")
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    shown = report.show(figure, "line", "A <line> from 1 to 2.", source="topic/numbers").data
    assert "A &lt;line&gt; from 1 to 2.</figcaption>" in shown
    assert shown.count("A &lt;line&gt; from 1 to 2.") == 2  # the caption is the alternative text, too
    image = Image.open(results / "figures" / "topic" / "line.png")
    assert Provenance.model_validate_json(image.text["Description"]) == report.sources["topic/numbers"]
    svg = (results / "figures" / "topic" / "line.svg").read_text(encoding="utf-8")
    assert "dropatlas.tables" in svg
    assert figure.texts[-1].get_text() == report.sources["topic/numbers"].stamp
    folder = results / "figures" / "topic"
    assert (folder / "line.pdf").read_bytes().startswith(b"%PDF-")
    assert (folder / "topic-numbers.csv").read_text(encoding="utf-8") == "x\n1\n2\n"
    saved = {"line.pdf", "line.png", "line.svg", "topic-numbers.csv"}
    assert {path.name for path in folder.iterdir()} == saved
    assert set(re.findall(r'href="\.\./figures/topic/([^"]+)" download', shown)) == saved


def test_the_stamp_lies_below_all_that_is_drawn(results):
    report = Report("topic", results, TABLES)
    report.table("topic/numbers")
    figure, axes = plt.subplots()
    axes.plot([1, 2], label="a legend below the axes, where the stamp goes")
    figure.legend(loc="outside lower right", labelcolor="red")
    report.show(figure, "line", "Caption.", source="topic/numbers")
    picture = np.asarray(Image.open(results / "figures/topic/line.png").convert("RGB"), dtype=int)
    end_of_legend = np.flatnonzero((picture[..., 0] - picture[..., 1] > 10).any(axis=1))[-1]
    inked = (picture < 240).any(axis=(1, 2))[end_of_legend + 1 :]
    assert not inked[:3].any()
    assert inked[3:].any()


def test_the_data_of_a_figure_are_the_table_as_it_is_on_disk(results):
    report = Report("topic", results, TABLES)
    frame = report.table("topic/numbers")
    frame["x"] = 0  # a notebook may change its copy
    report.show(plt.figure(), "line", "Caption.", source="topic/numbers")
    assert (results / "figures" / "topic" / "topic-numbers.csv").read_text(encoding="utf-8") == "x\n1\n2\n"


def test_a_figure_of_several_tables_links_to_the_data_of_each(results):
    provenance = record("dropatlas.tables", "quick", "{}", 3, {}, datetime.now(UTC))
    write_table(pd.DataFrame({"x": [3]}), results / "tables/topic/again.parquet", {"x": "number"}, provenance)
    report = Report("topic", results, TABLES)
    names = ["topic/numbers", "topic/again"]
    for name in names:
        report.table(name)
    shown = report.show(plt.figure(), "line", "Caption.", source=names).data
    links = re.findall(r'href="\.\./figures/topic/([^"]+\.csv)" download', shown)
    assert links == ["topic-numbers.csv", "topic-again.csv"]
    assert all((results / "figures" / "topic" / link).exists() for link in links)


def test_a_figure_of_an_unread_table_is_refused(results):
    figure, _ = plt.subplots()
    with pytest.raises(KeyError, match="topic/numbers"):
        Report("topic", results, TABLES).show(figure, "line", "Caption.", source="topic/numbers")
    plt.close(figure)


def test_the_provenance_footer_names_every_table(results):
    report = Report("topic", results, TABLES)
    report.table("topic/numbers")
    footer = report.provenance().data
    origin = report.sources["topic/numbers"]
    for part in ("topic/numbers", origin.code_hash[:12], origin.commit[:9], "scale quick".capitalize(), "torch"):
        assert part in footer


@pytest.fixture
def verdicts():
    """Two claims as they are judged, the first with fabricated numbers, the second without evidence."""
    rows = tabulate(load_ledger().full_docket("quick"), {}).head(2).copy()
    found = {"statement": "θ < 1", "verdict": "not reproduced", "measure": "largest |x|", "n": 1200, "reason": "x > y"}
    numbers = {"effect": 0.5, "interval_low": 0.25, "interval_high": 0.75}
    rows.loc[0, [*found, *numbers]] = [*found.values(), *numbers.values()]
    return rows


def test_verdicts_are_escaped_and_coloured_by_class(verdicts):
    table = verdict_table(verdicts, "percolation")
    assert "θ &lt; 1" in table
    assert '<span class="verdict not-reproduced">not reproduced</span>' in table
    assert "x &gt; y" in table
    assert "0.5 [0.25, 0.75] <span" in table
    assert "n = 1,200" in table
    assert "nan" not in table


def test_every_verdict_leads_to_what_decided_it(verdicts):
    here, there = verdict_table(verdicts, "percolation"), verdict_table(verdicts, "scorecard")
    assert 'href="#sampling_agreement"' in here
    assert 'href="scorecard.html#judge-P1"' in here
    assert 'href="percolation.html#sampling_agreement"' in there
    assert 'href="#judge-P1"' in there
    assert 'href="../tables/percolation/crossing_probability.parquet"' in there
    assert there.count(">figure</a>") == 1  # nothing to see of a claim that was not run
    assert 'id="judge-P1"' in judges(verdicts)
    assert "def judge_p1(" in judges(verdicts)
    assert "Thresholds: margin = 5.8." in judges(verdicts)


def test_tiles_tell_verdicts_apart_without_colour_and_link_only_where_there_is_a_page(verdicts):
    tiles = glance(verdicts, ["scorecard"])
    assert "arXiv 2512.13853: 1 not reproduced, 1 not run" in tiles
    assert 'aria-label="P1, not reproduced: θ &lt; 1" href="scorecard.html#P1">P1 <span aria-hidden="true">✗' in tiles
    assert "arxiv-2512.13853.html" not in tiles
    assert '<h3><a href="arxiv-2512.13853.html">Dropout' in glance(verdicts)
    assert "href" not in glance(verdicts, [])


def test_pages_need_no_network_and_no_script(tmp_path, verdicts):
    cells = [
        nbformat.v4.new_markdown_cell("# Title $p$\n\nSummary of it.\n\n## What is $x$?"),
        nbformat.v4.new_code_cell("results = 1", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(
            "shown()", outputs=[nbformat.v4.new_output("display_data", {"text/html": "<b>x</b>"})]
        ),
    ]
    path = tmp_path / "topic.ipynb"
    write_executed(cells, path)
    site, origin = (
        Site("quick", ["scorecard", "topic"]),
        Origin(name="topic", code_hash="c0de" * 16, inputs={"notebook": "1" * 64}),
    )
    page = report_html("topic", path, site, origin)
    shown = verdict_table(verdicts, "topic") + glance(verdicts)
    index = index_html([describe("topic", nbformat.read(path, as_version=4))], shown, site, origin)
    for text in (page, index):
        assert "<script" not in text
        assert not re.findall(r'(?:src|href)="(?!data:|#|[\w.-]+\.html|\.\./(?:tables|figures)/)', text)
        assert "@import" not in text
        assert text.count("<main>") == 1
        assert "code <code>c0dec0dec0de</code> and notebook <code>111111111111</code>." in text
    assert "<b>x</b>" in page
    assert "shown" in page
    assert "results =" not in page  # parameter cells stay out of the page
    assert 'href="topic.html" aria-current="page">Topic</a>' in page
    assert '<li><a href="#section-what-is-x">What is <math' in page
    assert '<h2 id="section-what-is-x">' in page
    assert 'href="topic.html">Topic</a>' in index


def test_pages_are_called_by_their_subject():
    pages = reading_order({"2502.19948": ["collapse", "ddc"]})
    labels = ["Scorecard", "arXiv 2502.19948", "Collapse", "DDC"]
    assert [page_label(name) for name in pages] == labels


def test_every_paper_is_introduced():
    assert list(SUMMARIES) == list(PAPERS)


@pytest.fixture
def executed(tmp_path):
    """An executed notebook of the percolation report with two figures, of which claims rest on the first."""
    figure = '<figure id="{0}"><div><img alt="{0}" src="data:,"></div></figure>'
    outputs = [
        nbformat.v4.new_output("display_data", {"text/html": figure.format(name)})
        for name in ("sampling_agreement", "required_width")
    ]
    cells = [
        nbformat.v4.new_markdown_cell("# Percolation\n\nWhen masks cut."),
        *(nbformat.v4.new_code_cell("show()", outputs=[output]) for output in outputs),
    ]
    path = tmp_path / "percolation.ipynb"
    write_executed(cells, path)
    return path


def test_the_page_of_a_paper_shows_each_statement_with_the_figure_that_decides_it_once(verdicts, executed):
    verdicts.loc[1, "verdict"] = "partly"  # P2 is decided by the same figure as P1
    pages = reading_order({"2512.13853": ["percolation"]})
    origin = Origin(name="percolation", code_hash="c0de" * 16, inputs={})
    page = paper_html("2512.13853", verdicts, [executed], Site("quick", pages), origin)
    assert "<h1>Dropout Neural Network Training Viewed from a Percolation Perspective</h1>" in page
    assert "At scale quick: 1 partly, 1 not reproduced." in page
    assert page.index('<h3 id="P1">') < page.index('<figure id="sampling_agreement">') < page.index('<h3 id="P2">')
    assert page.count("<figure") == 1
    assert page.count('href="#sampling_agreement"') == 2
    assert 'href="scorecard.html#judge-P1"' in page
    assert '<a href="percolation.html">Percolation</a><p>When masks cut.</p>' in page
    assert 'href="arxiv-2512.13853.html" aria-current="page"' in page


def test_what_was_not_run_has_no_figure_and_a_figure_that_is_missing_is_named(verdicts, executed):
    site, origin = Site("quick", []), Origin(name="percolation", code_hash="c0de" * 16, inputs={})
    assert "<figure" not in paper_html("2512.13853", verdicts.tail(1), [executed], site, origin)
    verdicts.loc[0, "figure"] = "nowhere"
    with pytest.raises(KeyError, match="nowhere"):
        paper_html("2512.13853", verdicts, [executed], site, origin)


def test_an_executed_notebook_edited_by_hand_is_refused_by_its_page_and_the_page_of_its_paper(verdicts, executed):
    """Changed text, a changed output, another origin, no seal at all."""
    whole = executed.read_text()
    site, origin = Site("quick", []), Origin(name="percolation", code_hash="c0de" * 16, inputs={})
    unsealed = json.loads(whole)
    del unsealed["metadata"]["dropatlas"]
    edits = [
        whole.replace("When masks cut.", "Proved."),
        whole.replace("required_width", "needed_width"),
        whole.replace("c0de", "beef"),
        json.dumps(unsealed),
        whole[:-20],
    ]
    other = executed.with_name("phases.ipynb")
    other.write_text(whole)
    with pytest.raises(BrokenSealError, match="is the notebook percolation under another name; remove it"):
        report_html("phases", other, site, origin)
    for edited in edits:
        assert edited != whole
        executed.write_text(edited)
        for page in (
            lambda: report_html("percolation", executed, site, origin),
            lambda: paper_html("2512.13853", verdicts, [executed], site, origin),
        ):
            with pytest.raises(
                BrokenSealError, match=r"percolation\.ipynb .*; remove it and run `snakemake` again: rm "
            ):
                page()


def test_a_report_reads_none_but_its_own_tables(results):
    report = Report("topic", results, ["topic/again"])
    with pytest.raises(KeyError, match="topic/numbers is none of the tables of the topic report: topic/again"):
        report.table("topic/numbers")


def test_tables_are_found_by_the_task_that_made_them(results):
    provenance = record("dropatlas.tasks.ddc.benchmark", "quick", "{}", None, {}, datetime.now(UTC))
    write_table(pd.DataFrame({"x": [1]}), results / "tables/topic/again.parquet", {"x": "number"}, provenance)
    assert Report("topic", results, TABLES).made_by("ddc.benchmark") == ["topic/again"]


def test_the_conclusion_on_a_claim_tells_its_parts_by_state(results):
    rows = tabulate(load_ledger().docket("percolation", "quick"), {})
    parts = [{"state": "holds", "sentence": "a < b"}, {"state": "fails", "sentence": "c is 3"}]
    reason = "needs scale standard to decide; so far: fails: c is 3; holds: a < b; and more"
    found = {"verdict": "partly", "parts": json.dumps(parts), "reason": reason, "context": "and more"}
    rows.loc[0, list(found)] = list(found.values())
    provenance = record("dropatlas.tasks.judge_claims", "quick", "{}", None, {}, datetime.now(UTC))
    write_table(rows, results / "tables/percolation/claims.parquet", dict.fromkeys(rows, "x"), provenance)
    told = Report("percolation", results, ["percolation/claims"]).conclusion("P1", "P2").data
    places = [told.index(text) for text in ("so far:</p>", "c is 3", "a &lt; b", "<p>and more</p>")]
    assert places == sorted(places)
    assert told.count("c is 3") == 1
    assert "✗" in told
    assert '<strong>P2</strong> <span class="verdict not-run">not run</span>' in told
    assert "no table percolation/crossing_probability" in told


def test_figures_are_found_with_all_that_belongs_to_them(executed):
    figures = figures_of(nbformat.read(executed, as_version=4))
    assert list(figures) == ["sampling_agreement", "required_width"]
    assert figures["required_width"] == (
        '<figure id="required_width"><div><img alt="required_width" src="data:,"></div></figure>'
    )


def test_figures_of_one_paper_that_decide_have_names_of_their_own():
    decide = {(claim.paper, claim.report, claim.figure) for claim in load_ledger()}
    assert len({(paper, figure) for paper, _, figure in decide}) == len(decide)


def test_a_notebook_without_title_or_summary_is_named(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("No heading")])
    with pytest.raises(ValueError, match=r"notebook topic: the first cell must be Markdown"):
        describe("topic", notebook)


def test_notebook_json_ends_with_a_newline_and_is_stable():
    for path in NOTEBOOKS:
        text = path.read_text(encoding="utf-8")
        assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"
