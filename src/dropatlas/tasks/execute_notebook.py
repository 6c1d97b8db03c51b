"""Run a report notebook with its parameters; figures and the executed notebook are the result."""

import os
import tempfile
from pathlib import Path

import papermill
from papermill.exceptions import PapermillExecutionError

from dropatlas.files import whole_file
from dropatlas.tasks.runner import guarded, task_parser


def execute(notebook: Path, output: Path, parameters: dict[str, str], log: Path) -> None:
    """Run `notebook`; on failure keep the executed copy beside `log`, where the failing cell can be read.

    Raises:
        ValueError: a cell raised; the message names the cell, the error and the kept copy.
    """
    failed = log.with_suffix(".failed.ipynb")
    failed.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as private, whole_file(output) as part:
        # A user's own IPython start-up files and matplotlib settings must not change a report.
        os.environ.update(IPYTHONDIR=private, MPLCONFIGDIR=private, JUPYTER_RUNTIME_DIR=private, MPLBACKEND="agg")
        profile = Path(private, "profile_default")
        profile.mkdir()
        (profile / "ipython_kernel_config.py").write_text("get_config().IPKernelApp.log_level = 40\n")  # errors only
        try:
            papermill.execute_notebook(
                str(notebook), str(part), parameters=parameters, kernel_name="python3", progress_bar=False
            )
        except PapermillExecutionError as error:
            part.replace(failed)
            raise ValueError(
                f"notebook {notebook}, cell {error.exec_count}: {error.ename}: {error.evalue} (executed copy: {failed})"
            ) from error


if __name__ == "__main__":
    arguments = task_parser("dropatlas.tasks.execute_notebook", notebook=Path, results=str).parse_args()
    guarded(
        arguments.log,
        lambda: execute(arguments.notebook, arguments.output, {"results": arguments.results}, arguments.log),
    )
