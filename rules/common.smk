# The configuration of this run, where results go, and how a rule calls its task.
import json
import os
import shlex
from pathlib import Path
from tempfile import TemporaryFile
from types import SimpleNamespace as Named

from snakemake.exceptions import WorkflowError

try:
    from dropatlas.claims import PAPERS, load_ledger
    from dropatlas.claims.scorecard import summary
    from dropatlas.closure import PAGE_TEMPLATES, module_closure, notebook_imports
    from dropatlas.config import canonical, load_config
    from dropatlas.files import sha256_of_files
    from dropatlas.interpreter import use_this_python
    from dropatlas.reports.pages import SCORECARD, paper_page, reading_order
    from dropatlas.tables import UnreadableTableError, read_table
except ModuleNotFoundError as error:
    raise WorkflowError(
        f"the Python that runs snakemake lacks {error.name!r}: run `make reproduce`, or activate the environment (README)"
    ) from None

try:
    SETTINGS = load_config(config)
    LEDGER = load_ledger()
    SETTINGS.data.sources.hand_over()
except ValueError as error:
    raise WorkflowError(str(error)) from None

SCALE = SETTINGS.scale
ROOT = Path(workflow.basedir)

use_this_python()


def results(path):
    """A path below the results of this scale."""
    return f"results/{SCALE}/{path}"


def dataset(name):
    """Prepared file of a data set."""
    return results(f"data/{name}.arrays")


def by_scale(usual, **other):
    """What a job asks for (threads, memory in MB, minutes, GPUs): `usual`, or what is given for the present scale."""
    return other.get(SCALE, usual)


def code_closure(*modules):
    """Source files, relative to the project, of all first-party modules that `modules` import."""
    return [os.path.relpath(path, ROOT) for path in module_closure(*modules)]


def code_mark(*modules, files=()):
    """Comment at the end of a command: what the code is. Time stamps can lie, after a clock has jumped for instance."""
    paths = [*module_closure(*modules), *(ROOT / name for name in files)]
    return f" # code {sha256_of_files(paths)[:16]}"


def page_templates():
    """Templates and style of the report pages."""
    return sorted(
        os.path.relpath(path, ROOT)
        for path in PAGE_TEMPLATES.rglob("*")
        if path.is_file()
    )


def cell_data(cell):
    """The prepared image set that networks of a cell learn from; none where the data are made in memory."""
    return [dataset(cell.data)] if cell.has_images else []


def data_option(cell):
    """Option of a task that takes the data set of a cell, where there is one."""
    return " ".join(f"--data {shlex.quote(path)}" for path in cell_data(cell))


def run_task(task, *options, seeded=False, tables=False, data=False, checkpoints=False):
    """Shell command of a table task: with the root seed, input tables, a data set, a folder to resume from."""
    return " ".join(
        [
            f"python -m dropatlas.tasks.{task}",
            f"--scale {SCALE}",
            "--settings {params.settings:q}",
            *(["--seed {params.seed}"] if seeded else []),
            *(["--tables {input.tables:q}"] if tables else []),
            *(["--data {input.data:q}"] if data else []),
            *(["--checkpoints {params.checkpoints:q}"] if checkpoints else []),
            *options,
            "--output {output.table:q} --log {log:q}",
            code_mark(f"dropatlas.tasks.{task}"),
        ]
    )


def evidence_of(claims):
    """Tables that claims rest on, as far as this scale makes them."""
    made = {name for tables in REPORT_TABLES.values() for name in tables}
    return sorted(
        {
            results(f"tables/{name}.parquet")
            for claim in claims
            for name in made.intersection(claim.evidence)
        }
    )


def notebook_code(wildcards):
    """Source files of the modules a report notebook imports."""
    return code_closure(
        *notebook_imports(ROOT / "notebooks" / f"{wildcards.report}.ipynb")
    )


def notebook_mark(wildcards):
    """Mark of a report notebook and the modules it imports."""
    notebook = ROOT / "notebooks" / f"{wildcards.report}.ipynb"
    return code_mark(*notebook_imports(notebook), files=[notebook])


def require_writable_results():
    """Stop before any job if some folder of the results cannot be written."""
    top = ROOT / "results" / SCALE
    try:
        top.mkdir(parents=True, exist_ok=True)
        for folder in [top, *(path for path in top.rglob("*") if path.is_dir())]:
            with TemporaryFile(dir=folder) as probe:
                probe.write(bytes(4096))
    except OSError as error:
        raise WorkflowError(
            f"cannot write to {error.filename or folder}: {error.strerror}; free space or make it writable, remove a "
            f"file that is in the way, or replace results/ by a link to a folder that is writable"
        ) from None


require_writable_results()


# Tables each report shows, by report; every paper's rules add theirs.
REPORT_TABLES = {}


def page_tables(page):
    """Tables that the notebook of a page shows."""
    return (
        [SCORECARD] if page == SCORECARD else [*REPORT_TABLES[page], f"{page}/claims"]
    )


def notebook_pages():
    """Pages made from a notebook of their own."""
    return [SCORECARD, *REPORT_TABLES]


def all_pages():
    """Names of all pages besides the start page, in reading order."""
    return reading_order(LEDGER.reports())


def navigation():
    """Option of a command that renders a page: the pages it links to."""
    return "--pages " + " ".join(all_pages())


def report_files(report):
    """Everything a report consists of; a target that asks for all of it remakes whatever is missing."""
    return [
        results(f"reports/{report}.html"),
        results(f"notebooks/{report}.ipynb"),
        results(f"figures/{report}"),
        *[results(f"tables/{name}.parquet") for name in page_tables(report)],
    ]


def reports_on(wildcards):
    """Reports that show the evidence on a paper."""
    return LEDGER.reports()[wildcards.paper]


def paper_of(wildcards):
    """Title of the paper a report is about: its category in `snakemake --report`."""
    claims = LEDGER.docket(wildcards.report, SCALE).claims
    return PAPERS[claims[0].paper] if claims else "Scorecard"


def kind_of_file(**labels):
    """Labels of a result in `snakemake --report`, with the report it belongs to."""
    return lambda wildcards: {"report": wildcards.report.replace("_", " "), **labels}


def readable(table):
    """Whether a result table is there and whole."""
    try:
        read_table(table)
    except UnreadableTableError:
        return False
    return True


def export_command():
    """Shell command that writes a table as CSV."""
    return (
        "python -m dropatlas.tasks.export_csv --table {input.table:q} --output {output.table:q} --log {log:q}"
        f"{code_mark('dropatlas.tasks.export_csv')}"
    )


def notebook_command():
    """Shell command that executes the notebook of a page."""
    return (
        "python -m dropatlas.tasks.execute_notebook --notebook {input.notebook:q} --results {params.results:q}"
        " --tables {input.tables:q} --output {output.notebook:q} --log {log:q} {params.mark}"
        f"{code_mark('dropatlas.tasks.execute_notebook')}"
    )


def page_command():
    """Shell command that renders the page of an executed notebook."""
    return (
        "python -m dropatlas.tasks.render_report --name {wildcards.report:q} --notebook {input.notebook:q}"
        f" --scale {SCALE} {navigation()} --output {{output.page:q}} --log {{log:q}}"
        f"{code_mark('dropatlas.tasks.render_report', files=page_templates())}"
    )


def paper_command():
    """Shell command that renders the page of a paper."""
    return (
        "python -m dropatlas.tasks.render_paper --paper {wildcards.paper} --reports {params.reports:q}"
        f" --results {results('').rstrip('/')} --scale {SCALE} {navigation()}"
        " --output {output.page:q} --log {log:q}"
        f"{code_mark('dropatlas.tasks.render_paper', files=page_templates())}"
    )


def index_command(page):
    """Shell command that makes the start page from what is there and up to date of the reports."""
    papers = json.dumps(
        {
            paper: {report: page_tables(report) for report in reports}
            for paper, reports in LEDGER.reports().items()
        }
    )
    return " ".join(
        [
            "python -m dropatlas.tasks.render_index",
            f"--results {results('').rstrip('/')} --scale {SCALE}",
            f"--papers {shlex.quote(papers)}".replace("{", "{{").replace("}", "}}"),
            f"--output {page} --log {results('logs/index.log')}",
            code_mark("dropatlas.tasks.render_index", files=page_templates()),
        ]
    )


def show_what_is_there():
    """After a failure: scorecard and start page from the tables that can be read; the rest is marked "not run"."""
    evidence = evidence_of(LEDGER)
    tables = [path for path in evidence if readable(path)]
    if not tables:
        return
    scorecard = results("tables/scorecard.parquet")
    if tables != evidence or not Path(scorecard).exists():
        wildcards = Named(report="scorecard")
        settings = Named(settings=LEDGER.full_docket(SCALE).model_dump_json())
        notebook = Named(notebook="notebooks/scorecard.ipynb", tables=[scorecard])
        drawn = Named(results=results("").rstrip("/"), mark=notebook_mark(wildcards))
        executed = Named(notebook=results("notebooks/scorecard.ipynb"))
        table, csv = Named(table=scorecard), Named(
            table=results("tables/scorecard.csv")
        )
        page = Named(page=results("reports/scorecard.html"))
        for step, command, source, params, target in (
            (
                "table",
                run_task("scorecard", tables=True),
                Named(tables=tables),
                settings,
                table,
            ),
            ("csv", export_command(), table, None, csv),
            ("notebook", notebook_command(), notebook, drawn, executed),
            ("page", page_command(), executed, None, page),
        ):
            shell(
                command,
                wildcards=wildcards,
                input=source,
                params=params,
                output=target,
                log=results(f"logs/scorecard/{step}.log"),
            )
    shell(index_command(results("reports/index.html")))


def scorecard_summary():
    """Counts of verdicts, if the scorecard is there and no older than what it rests on."""
    scorecard = Path(results("tables/scorecard.parquet"))
    found = [
        Path(path) for path in [*evidence_of(LEDGER), scorecard] if Path(path).exists()
    ]
    newest = max(found, key=lambda path: path.stat().st_mtime, default=None)
    return summary(read_table(scorecard)) if newest == scorecard else ""
