"""A page per paper: what it says, and statement by statement the verdict with the figure that decides it."""

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from markupsafe import Markup
from nbformat import NotebookNode

from dropatlas.claims import PAPERS, Verdict
from dropatlas.reports.html import ReportPage, Site, describe, executed_notebook, markdown_to_html
from dropatlas.reports.pages import paper_page
from dropatlas.reports.verdicts import counted, legend, statement, tiles
from dropatlas.seals import Origin

SUMMARIES = {
    "2512.13853": """
Dropout removes neurons, DropConnect single weights; now and then nothing connects input and output any more. The paper
computes how likely that is for $L$ hidden layers of width $W$, concludes how wide a deep network must be, and proves
that training moves the weights no further than the share $\\theta$ of steps with a path allows. It has no experiments:
what it proposes to measure and what it leaves open is judged here beside its theorems.
""",
    "2510.07554": """
A two-layer network with very many neurons is described by the law of its neurons. The paper shows that dropout then has
five different limits, by how width, learning rate and keep rate go to their extremes together, and names the one of
practice: *masks on the gradient alone* (a random metric), with no penalty on the loss. It trains such networks on a
teacher's data and on two digits of MNIST. The limits, both experiments and the steps its argument rests on are judged
here.
""",
    "2502.19948": """
Dynamic DropConnect drops every weight at a rate of its own, the more the smaller its gradient is, and adds no
parameter. The paper reports that this beats no regularisation, dropout, DropConnect and standout on image data, and
that each of its choices matters. The benchmarks, the ablations and what the paper does not say (what it costs, whether
the rates settle) are judged here.
""",
}
"""What a paper is about and what of it is judged, Markdown, by arXiv identifier."""


def figures_of(notebook: NotebookNode) -> dict[str, str]:
    """The figures that an executed report notebook shows, as HTML with caption and downloads, by name."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = "\n".join(output.get("data", {}).get("text/html", "") for output in outputs)
    return {figure[1]: figure[0] for figure in re.finditer(r'<figure id="([^"]+)">.*?</figure>', shown, flags=re.S)}


def paper_html(paper: str, rows: pd.DataFrame, notebooks: Iterable[Path], site: Site, origin: Origin) -> str:
    """Sealed HTML page of a paper.

    Args:
        paper: Its arXiv identifier.
        rows: Its judged claims, in the order of the ledger.
        notebooks: Executed notebooks of the reports that show the evidence; named after the report.
        site: The pages it is one of.
        origin: What it is made from.

    Raises:
        KeyError: a judged claim names a figure that its report does not show.
        BrokenSealError: a notebook is not as it was executed.
    """
    reports: list[ReportPage] = []
    figures: dict[tuple[str, str], str] = {}
    for path in notebooks:
        node = executed_notebook(path)
        reports.append(describe(path.stem, node))
        figures |= {(path.stem, name): figure for name, figure in figures_of(node).items()}
    return site.render(
        "paper.html.j2",
        paper_page(paper),
        origin,
        title=PAPERS[paper],
        paper=paper,
        summary=Markup(markdown_to_html(SUMMARIES[paper])),
        counts=counted(rows),
        verdicts=Markup(legend() + tiles(rows, paper_page(paper))),
        reports=[(report, Markup(markdown_to_html(report.summary))) for report in reports],
        statements=Markup("".join(_statements(rows, figures))),
    )


def _statements(rows: pd.DataFrame, figures: dict[tuple[str, str], str]) -> Iterable[str]:
    """HTML of every claim, a figure below the first claim it decides."""
    shown = set()
    for row in rows.itertuples():
        yield statement(row, paper_page(row.paper))
        decided_by = (row.report, row.figure)
        if row.verdict != Verdict.NOT_RUN and decided_by not in shown:
            shown.add(decided_by)
            yield figures[decided_by]
