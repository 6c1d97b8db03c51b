"""A result table as CSV."""

from pathlib import Path

from dropatlas.files import whole_file
from dropatlas.reports.export import csv_text
from dropatlas.tables import read_table
from dropatlas.tasks.runner import guarded, task_parser


def export(table: Path, output: Path) -> None:
    """Write the rows of `table`, whole or not at all."""
    with whole_file(output) as part:
        part.write_text(csv_text(read_table(table)), encoding="utf-8")


if __name__ == "__main__":
    arguments = task_parser("dropatlas.tasks.export_csv", table=Path).parse_args()
    guarded(arguments.log, lambda: export(arguments.table, arguments.output))
