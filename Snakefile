# Dropout Atlas: every table, figure and report is a target of this one DAG. See README.md.
from snakemake.utils import min_version

min_version("9.19")


configfile: "config/config.yaml"


# used with --software-deployment-method apptainer only; workflow/dropatlas.def says how it is built
container: "workflow/dropatlas.sif"


report: "workflow/report/workflow.rst"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/tables.smk"
include: "rules/reports.smk"


rule all:
    default_target: True
    input:
        rules.reports.input,
    localrule: True
    message:
        "Everything at scale {SCALE}"


onsuccess:
    print(scorecard_summary())
    if Path(results("reports/index.html")).exists():
        print(f"Done. Open {results('reports/index.html')} in a browser.")


onerror:
    show_what_is_there()
    print(scorecard_summary())
    print(
        f"Some jobs failed; the rest is kept. Each message above names its log; all logs: {results('logs')}/"
    )
