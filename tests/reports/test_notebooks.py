"""Notebooks are thin: numbers come from tested functions, and what a run says comes from its verdicts."""

import ast
import importlib
import re

import nbformat
import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.provenance import ROOT
from dropatlas.reports.notebook import Report

REPORTS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))

LONGEST_CELL = 12


@pytest.fixture(params=REPORTS)
def notebook(request):
    return nbformat.read(ROOT / "notebooks" / f"{request.param}.ipynb", as_version=4)


def code_of(notebook) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def calls(notebook, function: str) -> list[ast.Call]:
    """Calls of a function, written as in "report.show", in the order of the cells."""
    nodes = ast.walk(ast.parse("\n".join(code_of(notebook))))
    return [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == function]


def called_function(notebook, node: ast.expr) -> tuple[str, str]:
    """Module and name of the function that an expression calls as `module.function(...)`; empty for anything else."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return "", ""
    modules = {
        alias.asname or alias.name: f"{statement.module}.{alias.name}"
        for statement in ast.walk(ast.parse("\n".join(code_of(notebook))))
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    return modules.get(ast.unparse(node.func.value), ""), node.func.attr


def test_cells_are_short_and_compose_no_text(notebook):
    for source in code_of(notebook):
        assert len(source.splitlines()) <= LONGEST_CELL, source
        assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.JoinedStr)], source


def test_a_figure_is_shown_by_a_plot_a_literal_name_and_the_caption_of_that_name(notebook):
    shown = calls(notebook, "report.show")
    assert shown
    for call in shown:
        figure, name, caption = call.args
        assert isinstance(name, ast.Constant), ast.unparse(name)
        for node, package in ((figure, "dropatlas.plots."), (caption, "dropatlas.captions.")):
            module, function = called_function(notebook, node)
            assert module.startswith(package), ast.unparse(node)
            assert callable(getattr(importlib.import_module(module), function, None)), ast.unparse(node)
        assert called_function(notebook, caption)[1] == name.value


@pytest.mark.parametrize("report", REPORTS)
def test_the_prose_leaves_what_a_run_says_to_its_verdicts(report):
    notebook = nbformat.read(ROOT / "notebooks" / f"{report}.ipynb", as_version=4)
    concluded = [argument.value for call in calls(notebook, "report.conclusion") for argument in call.args]
    assert sorted(concluded) == sorted(claim.id for claim in load_ledger().of_report(report))
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "What we see" not in prose
    for seen in re.findall(r"we saw \(.*?(?=\n\n|\Z)", prose, flags=re.S):
        assert not re.search(r"\d %|\d\.\d|\d times|\d of \d|\[\d", re.sub(r"\$[^$]*\$|\([^)]*\)", "", seen)), seen


def test_a_listing_shows_tables_of_text_under_their_headings():
    frame = pd.DataFrame({"arm": ["a < b"], "steps": ["12 (3 of 4)"]})
    alone = Report.listing(frame).data
    assert "<h3>" not in alone
    assert "<td>a &lt; b</td>" in alone
    several = Report.listing({"L > 1": frame, "L = 1": frame}).data
    assert several == f"<h3>L &gt; 1</h3>{alone}<h3>L = 1</h3>{alone}"
