"""The pages of the site by name: the scorecard, then every paper followed by its reports."""

from collections.abc import Iterable, Mapping

SCORECARD = "scorecard"


def paper_page(paper: str) -> str:
    """Name of the page of a paper, given its arXiv identifier."""
    return f"arxiv-{paper}"


def reading_order(papers: Mapping[str, Iterable[str]]) -> list[str]:
    """Names of all pages besides the start page, given the reports of every paper."""
    return [SCORECARD, *(page for paper, reports in papers.items() for page in (paper_page(paper), *reports))]


def page_label(name: str) -> str:
    """What the navigation calls a page: "Training collapse", "DDC benchmark", "arXiv 2512.13853"."""
    if name.startswith(paper_page("")):
        return f"arXiv {name.removeprefix(paper_page(''))}"
    first, *others = name.split("_")
    return " ".join([first.upper() if len(first) <= 3 else first.capitalize(), *others])
