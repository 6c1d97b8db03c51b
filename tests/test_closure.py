"""The code closure lists what a task executes: no more, no less."""

import json
import subprocess
import sys

import pytest

from dropatlas.closure import SOURCE, imported_modules, module_closure, notebook_imports

TASKS = sorted(
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
    for path in (SOURCE / "tasks").rglob("*.py")
    if path.name not in ("__init__.py", "runner.py")
)


IMPORTED = """
import importlib, json, sys
found = {}
for task in json.loads(sys.argv[1]):
    importlib.import_module(task)
    found[task] = [name for name in sys.modules if name.partition(".")[0] == "dropatlas"]
    for name in found[task]:
        del sys.modules[name]
print(json.dumps(found))
"""
"""Imports every task anew, but only once the libraries that they share."""


@pytest.fixture(scope="module")
def really_imported():
    command = [sys.executable, "-c", IMPORTED, json.dumps(TASKS)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("task", TASKS)
def test_closure_equals_what_python_really_imports(task, really_imported):
    assert imported_modules(task) == set(really_imported[task])


def test_closure_is_transitive_and_keeps_unrelated_modules_out():
    closure = module_closure("dropatlas.tasks.percolation.required_width")
    names = {path.relative_to(SOURCE).as_posix() for path in closure}
    assert {"tasks/runner.py", "percolation/theory.py", "files.py", "__init__.py"} <= names
    assert not {name for name in names if name.startswith(("plots/", "reports/", "claims/"))}


def test_unknown_module_is_an_error():
    with pytest.raises(ValueError, match=r"no module 'dropatlas\.nothing'"):
        imported_modules("dropatlas.nothing")


def test_notebook_imports_are_found_in_all_forms(tmp_path):
    cells = [
        "import dropatlas.stats as s",
        "from dropatlas.plots import style\nimport os",
        "from dropatlas.files import whole_file",
    ]
    notebook = {"cells": [{"cell_type": "code", "source": [cell]} for cell in cells]}
    notebook["cells"].append({"cell_type": "markdown", "source": ["import dropatlas.config"]})
    (tmp_path / "n.ipynb").write_text(json.dumps(notebook))
    assert notebook_imports(tmp_path / "n.ipynb") == {
        "dropatlas.stats",
        "dropatlas.plots",
        "dropatlas.plots.style",
        "dropatlas.files",
    }
