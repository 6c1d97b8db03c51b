"""Where a figure is shown and by what it is drawn, without running the notebook."""

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from dropatlas.catalogue.table import CatalogueError
from dropatlas.closure import SOURCE

NOTEBOOKS = SOURCE.parents[1] / "notebooks"


class FigureCell(NamedTuple):
    """The notebook cell that shows a figure, and the function that draws it."""

    notebook: Path
    number: int
    module: str
    function: str


def figure_cell(report: str, figure: str) -> FigureCell:
    """Where a report shows a figure.

    Args:
        report: Name of the notebook.
        figure: Name of the figure in it.

    Raises:
        CatalogueError: no cell of the notebook shows it.
    """
    notebook = NOTEBOOKS / f"{report}.ipynb"
    found = _figures(notebook).get(figure)
    if found is None:
        raise CatalogueError(f"no cell of notebooks/{notebook.name} shows a figure {figure!r}")
    return found


@cache
def _figures(notebook: Path) -> dict[str, FigureCell]:
    """Cells `report.show(<plot>(...), "<figure>", ...)` of a notebook by the name of the figure."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = {number: "".join(cell["source"]) for number, cell in enumerate(cells) if cell["cell_type"] == "code"}
    code = {number: ast.parse(source) for number, source in sources.items()}
    modules = {name: module for tree in code.values() for name, module in _imported_modules(tree)}
    found = {}
    for number, tree in code.items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if ast.unparse(call.func) != "report.show" or len(call.args) < 2:
                continue
            drawn, name = call.args[:2]
            if isinstance(name, ast.Constant) and isinstance(drawn, ast.Call) and isinstance(drawn.func, ast.Attribute):
                module = modules[ast.unparse(drawn.func.value)]
                found[str(name.value)] = FigureCell(notebook, number, module, drawn.func.attr)
    return found


def _imported_modules(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Names under which a cell imports modules, with the modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
