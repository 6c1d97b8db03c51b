# The configuration of this run, where results go, and how a rule calls its task.
import json
import os
import shlex
from pathlib import Path
from tempfile import TemporaryFile

from snakemake.exceptions import WorkflowError

try:
    from dropatlas.catalogue import Catalogue
    from dropatlas.claims import PAPERS, load_ledger
    from dropatlas.claims.scorecard import summary
    from dropatlas.closure import PAGE_TEMPLATES, module_closure, notebook_imports
    from dropatlas.config import load_config
    from dropatlas.files import sha256_of_files
    from dropatlas.interpreter import use_this_python
    from dropatlas.reports.pages import SCORECARD, paper_page, reading_order
    from dropatlas.tables import read_table
except ModuleNotFoundError as error:
    raise WorkflowError(
        f"the Python that runs snakemake lacks {error.name!r}: run `make reproduce`, or activate the environment (README)"
    ) from None

try:
    SETTINGS = load_config(config)
    LEDGER = load_ledger()
    CATALOGUE = Catalogue(SETTINGS, LEDGER)
    SETTINGS.data.sources.hand_over()
except ValueError as error:
    raise WorkflowError(str(error)) from None

SCALE = SETTINGS.scale
PARTS = list(CATALOGUE.parts)
ROOT = Path(workflow.basedir)

use_this_python()


def results(path):
    """A path below the results of this scale."""
    return f"results/{SCALE}/{path}"


def tables(names):
    """Files of result tables."""
    return [results(f"tables/{name}.parquet") for name in names]


def dataset(name):
    """Prepared file of a data set."""
    return results(f"data/{name}.arrays")


def code_mark(*modules, files=()):
    """Comment at the end of a command: what the code of all first-party modules is that `modules` import.

    Snakemake runs a job again when its command or its parameters change; so code counts by content, not by time stamps,
    and a job has few input files: the scheduler looks at those of all waiting jobs again and again.
    """
    paths = [*module_closure(*modules), *(ROOT / name for name in files)]
    return f"# code {sha256_of_files(paths)[:16]}"


def page_templates():
    """Templates and style of the report pages."""
    return sorted(
        os.path.relpath(path, ROOT)
        for path in PAGE_TEMPLATES.rglob("*")
        if path.is_file()
    )


def by_table(made, value):
    """What stands for the table of a rule; for several tables a function of the wildcard."""
    values = {table.name: value(table) for table in made}
    return (
        values[made[0].name]
        if len(made) == 1
        else lambda wildcards: values[wildcards.table]
    )


def pattern(made):
    """Name of the table that a rule makes, or its wildcard."""
    return made[0].name if len(made) == 1 else "{table}"


def table_inputs(made):
    """Files a table is made from: prepared data sets and other tables."""
    sets = lambda table: [dataset(name) for name in (table.data, *table.sets) if name]
    return {
        "data": by_table(made, sets),
        "tables": by_table(made, lambda table: tables(table.tables)),
    }


def table_options(table):
    """What its task is told besides the settings; the seed only where it counts, so that another leaves all else."""
    return shlex.join(
        [
            *(["--seed", str(SETTINGS.seed)] if table.seeded else []),
            *(["--tables", *tables(table.tables)] if table.tables else []),
            *(["--data", dataset(table.data)] if table.data else []),
            *(["--sets", *map(dataset, table.sets)] if table.sets else []),
            *(
                ["--checkpoints", results(f"checkpoints/{table.name}")]
                if table.resumable
                else []
            ),
        ]
    )


def notebook_mark(wildcards):
    """Mark of a notebook and the modules it imports."""
    notebook = ROOT / "notebooks" / f"{wildcards.page}.ipynb"
    return code_mark(*notebook_imports(notebook), files=[notebook])


def page_tables(wildcards):
    """Files of the tables that a notebook shows."""
    return tables(CATALOGUE.of_page(wildcards.page))


def page_files(page):
    """Everything a page consists of; a target that asks for all of it remakes whatever is missing."""
    return [
        results(f"reports/{page}.html"),
        results(f"notebooks/{page}.ipynb"),
        results(f"figures/{page}"),
        *tables(CATALOGUE.of_page(page)),
    ]


def parts_on(wildcards):
    """Parts of the project that show the evidence on a paper."""
    return LEDGER.reports()[wildcards.paper]


def paper_of(wildcards):
    """Title of the paper a page is about: its category in `snakemake --report`."""
    claims = LEDGER.of_report(wildcards.page)
    return PAPERS[claims[0].paper] if claims else "Scorecard"


def kind_of_file(**labels):
    """Labels of a result in `snakemake --report`, with the page it belongs to."""
    return lambda wildcards: {"report": wildcards.page, **labels}


def navigation():
    """Option of a command that renders a page: the pages it links to."""
    return "--pages " + " ".join(reading_order(LEDGER.reports()))


def show_what_is_there():
    """After a failure: scorecard and start page from the tables that can be read; the rest is marked "not run"."""
    shell(
        f"python -m dropatlas.upkeep.unfinished --results {results('').rstrip('/')} --scale {SCALE}"
    )


def scorecard_summary():
    """Counts of verdicts, if the scorecard is there and no older than what it rests on."""
    scorecard = Path(results("tables/scorecard.parquet"))
    found = [Path(path) for path in tables(CATALOGUE.evidence(LEDGER))]
    found = [path for path in [*found, scorecard] if path.exists()]
    newest = max(found, key=lambda path: path.stat().st_mtime, default=None)
    return summary(read_table(scorecard)) if newest == scorecard else ""


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
