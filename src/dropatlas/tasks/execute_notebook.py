"""Run a report notebook with its parameters; figures and the executed notebook are the result."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import papermill
from papermill.exceptions import PapermillExecutionError

from dropatlas.closure import notebook_code
from dropatlas.files import sha256_of_files, whole_file
from dropatlas.seals import Origin, seal_notebook, write_checksums
from dropatlas.tables import content_hash, read_table, table_name
from dropatlas.tasks.runner import guarded, task_parser


def execute(notebook: Path, output: Path, results: Path, tables: list[Path], log: Path) -> None:
    """Run `notebook` on the `tables` below `results`; seal the executed copy and list the checksums of its figures.

    On failure the executed copy is kept beside `log`, where the failing cell can be read.

    Raises:
        ValueError: a cell raised; the message names the cell, the error and the kept copy.
    """
    origin = Origin(
        name=notebook.stem,
        code_hash=sha256_of_files(notebook_code(notebook.resolve())),
        inputs={table_name(path): content_hash(read_table(path)) for path in tables},
    )
    failed = log.with_suffix(".failed.ipynb")
    failed.unlink(missing_ok=True)
    shutil.rmtree(results / "figures" / notebook.stem, ignore_errors=True)  # nothing of an earlier run may stay in it
    with tempfile.TemporaryDirectory() as private, whole_file(output) as part:
        # A user's own IPython start-up files and matplotlib settings must not change a report.
        os.environ.update(IPYTHONDIR=private, MPLCONFIGDIR=private, JUPYTER_RUNTIME_DIR=private, MPLBACKEND="agg")
        profile = Path(private, "profile_default")
        profile.mkdir()
        (profile / "ipython_kernel_config.py").write_text("get_config().IPKernelApp.log_level = 40\n")  # errors only
        try:
            papermill.execute_notebook(
                str(notebook),
                str(part),
                {"results": str(results), "tables": list(origin.inputs)},
                kernel_name="python3",
                progress_bar=False,
            )
        except PapermillExecutionError as error:
            part.replace(failed)
            raise ValueError(
                f"notebook {notebook}, cell {error.exec_count}: {error.ename}: {error.evalue} (executed copy: {failed})"
            ) from error
        executed = json.loads(part.read_text(encoding="utf-8"))
        seal_notebook(executed, origin)
        part.write_text(json.dumps(executed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        write_checksums(results / "figures" / notebook.stem)


if __name__ == "__main__":
    parser = task_parser("dropatlas.tasks.execute_notebook", notebook=Path, results=Path)
    parser.add_argument("--tables", type=Path, nargs="+", required=True, help="the tables the report shows")
    arguments = parser.parse_args()
    guarded(
        arguments.log,
        lambda: execute(arguments.notebook, arguments.output, arguments.results, arguments.tables, arguments.log),
    )
