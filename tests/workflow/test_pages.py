"""The pages of a real run in a real browser: links, console, network, layout on a phone, formulas, headings."""

import pytest

from .browser import defects, start_browser

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def browser():
    browser = start_browser()
    yield browser
    browser.quit()


@pytest.fixture(scope="module")
def pages(checkout, quick_output):
    return sorted((checkout.path / "results" / "quick" / "reports").glob("*.html"))


def test_nobody_trips_over_a_page(browser, pages):
    assert {page.stem for page in pages} >= {"index", "scorecard", "percolation", "collapse", "phases"}
    for page in pages:
        assert defects(browser, page) == [], page.name


def test_every_kind_of_defect_would_be_seen(browser, tmp_path):
    page = tmp_path / "bad page.html"
    page.write_text(
        """<!DOCTYPE html><html lang="en"><title>Bad</title><link rel="icon" href="data:,">
        <h1>One</h1><h3>Three</h3><p style="width: 2000px">wide</p><p>$x$ and \\theta</p>
        <math style="display: none"><mi>x</mi></math><img src="data:," alt="empty">
        <a href="missing.html">a</a><a href="#nowhere">b</a><a href="https://localhost/">c</a>
        <script>console.error("broken")</script><img alt="far" src="http://localhost:9/far.png">"""
    )
    found = "\n".join(defects(browser, page))
    for part in (
        "px wide in a window of 400",
        "px wide in a window of 1280",
        "formula not rendered: x",
        "raw formula: $x$ and \\theta",
        "image without picture or text: empty",
        "heading out of order: Three",
        "request of http://localhost:9/far.png",
        "broken",
        "link to file://" + str(tmp_path) + "/missing.html",
        "#nowhere",
        "link to https://localhost/",
    ):
        assert part in found, part
