"""What every task has in common: its command line, log, errors as messages, and the table it writes."""

import argparse
import logging
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pandas as pd

from dropatlas.files import sha256_of_files
from dropatlas.provenance import record, task_code
from dropatlas.settings import Section
from dropatlas.tables import content_hash, read_table, table_name, write_table

logger = logging.getLogger("dropatlas")
S = TypeVar("S", bound=Section)


def _log_to(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        handlers=[logging.StreamHandler(), logging.FileHandler(path, mode="w", encoding="utf-8")],
    )


def guarded(log: Path, work: Callable[[], None], expected: tuple[type[Exception], ...] = ()) -> None:
    """Run `work` with log lines on the terminal and in `log`; an error ends the process with its message.

    Bad values, files that cannot be read or written, and the further `expected` errors show as their message; anything
    else is a defect of the project and shows with its traceback and a last line that says so.
    """
    told: tuple[type[Exception], ...] = (ValueError, OSError, *expected)
    try:
        _log_to(log)
        work()
    except told as error:
        logger.error("error: %s", error)
        sys.exit(1)
    except Exception as error:
        logger.exception("error: unexpected %s: %s (full log: %s)", type(error).__name__, error, log)
        sys.exit(1)


def task_parser(module: str, **options: Callable[[str], object]) -> argparse.ArgumentParser:
    """Command line of a task: the required `options` with their types, `--output` and `--log`."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    for name, kind in {**options, "output": Path, "log": Path}.items():
        parser.add_argument(f"--{name}", type=kind, required=True)
    return parser


def run_table_task(
    module: str,
    settings_model: type[S],
    meanings: dict[str, str],
    tabulate: Callable[..., pd.DataFrame],
) -> None:
    """Make one result table from the command line a rule gives.

    Args:
        module: The task's module name, whose code closure goes into the provenance.
        settings_model: Section of the configuration the task uses.
        meanings: Columns of the table and what they mean.
        tabulate: Called as `tabulate(settings, seed=..., tables=..., data=..., sets=..., checkpoints=...)` and returns
            the rows, only with what the rule passes: `tables` are input tables under their names, such as
            `percolation/crossing_probability`, `data` is the file of a prepared data set and `sets` are those of
            several, `checkpoints` is a folder that a killed job resumes from, removed once the table is written.
    """
    parser = task_parser(module, scale=str, settings=str)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--tables", type=Path, nargs="+", help="input tables")
    parser.add_argument("--data", type=Path, help="prepared data set")
    parser.add_argument("--sets", type=Path, nargs="+", help="prepared data sets")
    parser.add_argument("--checkpoints", type=Path, help="folder that a killed job resumes from")
    arguments = parser.parse_args()

    def work() -> None:
        started, code_hash = datetime.now(UTC), task_code(module)  # before the work: files may change while it goes on
        settings = settings_model.model_validate_json(arguments.settings)
        inputs = {table_name(path): read_table(path) for path in arguments.tables or []}
        optional = {name: getattr(arguments, name) for name in ("seed", "data", "sets", "checkpoints")}
        optional["tables"] = inputs or None
        sets = [*(arguments.sets or []), *([arguments.data] if arguments.data else [])]
        images = {f"data/{path.stem}": sha256_of_files([path]) for path in sets}
        frame = tabulate(settings, **{name: value for name, value in optional.items() if value is not None})
        provenance = record(
            task=module,
            scale=arguments.scale,
            settings=arguments.settings,
            seed=arguments.seed,
            inputs={name: content_hash(table) for name, table in inputs.items()} | images,
            started=started,
            code_hash=code_hash,
        )
        write_table(frame, arguments.output, meanings, provenance)
        if arguments.checkpoints:
            shutil.rmtree(arguments.checkpoints, ignore_errors=True)
        logger.info("wrote %s: %d rows in %.1f s", arguments.output, len(frame), provenance.wall_seconds)

    guarded(arguments.log, work)
