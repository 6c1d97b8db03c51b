"""An executed report notebook as one self-contained HTML page."""

from pathlib import Path

from dropatlas.closure import page_code
from dropatlas.files import sha256_of_file, sha256_of_files, whole_file
from dropatlas.reports.html import Site, report_html
from dropatlas.seals import Origin
from dropatlas.tasks.runner import guarded, task_parser


def render(name: str, notebook: Path, site: Site, output: Path) -> None:
    """Write the page of report `name`."""
    origin = Origin(
        name=name,
        code_hash=sha256_of_files(page_code("dropatlas.tasks.render_page")),
        inputs={f"notebooks/{notebook.name}": sha256_of_file(notebook)},
    )
    with whole_file(output) as part:
        part.write_text(report_html(name, notebook, site, origin), encoding="utf-8")


if __name__ == "__main__":
    parser = task_parser("dropatlas.tasks.render_page", name=str, notebook=Path, scale=str)
    parser.add_argument("--pages", nargs="+", required=True, help="names of all pages, for the navigation")
    arguments = parser.parse_args()
    site = Site(arguments.scale, arguments.pages)
    guarded(arguments.log, lambda: render(arguments.name, arguments.notebook, site, arguments.output))
