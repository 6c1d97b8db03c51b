"""The first-party code a task or notebook runs: what decides whether its results are up to date.

Snakemake notices a changed command or parameter, not a changed module behind it. Every job is therefore told a hash of
the files of all `dropatlas` modules that its task imports, directly or not.
"""

import ast
import json
from functools import cache
from pathlib import Path

import grimp

PACKAGE = "dropatlas"
SOURCE = Path(__file__).parent
PAGE_TEMPLATES = SOURCE / "reports" / "templates"


@cache
def _import_graph() -> grimp.ImportGraph:
    return grimp.build_graph(PACKAGE, cache_dir=None)


def module_file(module: str) -> Path:
    """File of a first-party module, whether it is there or not."""
    path = SOURCE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imported_modules(*modules: str) -> set[str]:
    """Every first-party module that importing `modules` executes, themselves included.

    Importing a.b.c also executes a and a.b, so parent packages count, with all that they import.

    Raises:
        ValueError: one of `modules` does not exist in the package.
    """
    graph = _import_graph()
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        if module not in graph.modules:
            raise ValueError(f"no module {module!r} in {PACKAGE}")
        found.add(module)
        waiting.extend(graph.find_modules_directly_imported_by(module))
        if "." in module:
            waiting.append(module.rpartition(".")[0])
    return found


def module_closure(*modules: str) -> list[Path]:
    """Files of `imported_modules`, sorted."""
    return sorted(module_file(module) for module in imported_modules(*modules))


def notebook_imports(notebook: Path) -> set[str]:
    """First-party modules that the code cells of a notebook import by name."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    source = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    known = _import_graph().modules
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names & known


def notebook_code(notebook: Path) -> list[Path]:
    """The notebook and the files of all modules that running it as a report executes."""
    return [notebook, *module_closure("dropatlas.tasks.execute_notebook", *notebook_imports(notebook))]


def page_code(task: str) -> list[Path]:
    """Files that decide how `task` turns notebooks into a page: its modules, the templates and the style."""
    return [*module_closure(task), *sorted(path for path in PAGE_TEMPLATES.rglob("*") if path.is_file())]
