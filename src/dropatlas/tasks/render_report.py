"""An executed report notebook as one self-contained HTML page."""

from pathlib import Path

from dropatlas.files import whole_file
from dropatlas.reports.html import report_html
from dropatlas.tasks.runner import guarded, task_parser


def render(name: str, notebook: Path, scale: str, output: Path) -> None:
    """Write the page of report `name`."""
    with whole_file(output) as part:
        part.write_text(report_html(name, notebook, scale), encoding="utf-8")


if __name__ == "__main__":
    arguments = task_parser("dropatlas.tasks.render_report", name=str, notebook=Path, scale=str).parse_args()
    guarded(arguments.log, lambda: render(arguments.name, arguments.notebook, arguments.scale, arguments.output))
