# Claims judged, notebooks executed, pages rendered: the same three steps for every report.
wildcard_constraints:
    report="|".join(REPORT_TABLES),


rule judge_claims:
    input:
        code=code_closure("dropatlas.tasks.judge_claims"),
        tables=evidence,
    output:
        table=results("tables/{report}/claims.parquet"),
    log:
        results("logs/{report}/claims.log"),
    benchmark:
        results("benchmarks/{report}/claims.tsv")
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=lambda wildcards: LEDGER.docket(
            wildcards.report, SCALE
        ).model_dump_json(),
    message:
        "Verdicts on the claims of the {wildcards.report} report"
    shell:
        run_task("judge_claims", tables=True)


rule execute_notebook:
    input:
        code=code_closure("dropatlas.tasks.execute_notebook"),
        imports=notebook_code,
        notebook="notebooks/{report}.ipynb",
        tables=lambda wildcards: [
            results(f"tables/{name}.parquet")
            for name in REPORT_TABLES[wildcards.report]
        ],
        claims=results("tables/{report}/claims.parquet"),
    output:
        notebook=results("notebooks/{report}.ipynb"),
        figures=directory(results("figures/{report}")),
    log:
        results("logs/{report}/notebook.log"),
    benchmark:
        results("benchmarks/{report}/notebook.tsv")
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        results=lambda wildcards, output: str(Path(output.notebook).parents[1]),
        mark=notebook_mark,  # of wildcards alone: Snakemake ignores changes of parameters made from inputs
    message:
        "Figures and text of the {wildcards.report} report"
    shell:
        "python -m dropatlas.tasks.execute_notebook --notebook {input.notebook:q} --results {params.results:q}"
        " --tables {input.tables:q} {input.claims:q}"
        " --output {output.notebook:q} --log {log:q} {params.mark}"
        f"{code_mark('dropatlas.tasks.execute_notebook')}"


rule render_report:
    input:
        code=code_closure("dropatlas.tasks.render_report"),
        templates=page_templates(),
        notebook=results("notebooks/{report}.ipynb"),
    output:
        page=results("reports/{report}.html"),
    log:
        results("logs/{report}/page.log"),
    benchmark:
        results("benchmarks/{report}/page.tsv")
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "HTML page of the {wildcards.report} report"
    shell:
        "python -m dropatlas.tasks.render_report --name {wildcards.report:q} --notebook {input.notebook:q}"
        f" --scale {SCALE} --output {{output.page:q}} --log {{log:q}}"
        f"{code_mark('dropatlas.tasks.render_report', files=page_templates())}"


rule render_index:
    input:
        code=code_closure("dropatlas.tasks.render_index"),
        templates=page_templates(),
        ledger="config/claims.yaml",
        notebooks=[results(f"notebooks/{report}.ipynb") for report in REPORT_TABLES],
        tables=[
            results(f"tables/{table}.parquet")
            for tables in REPORT_TABLES.values()
            for table in tables
        ],
    output:
        page=results("reports/index.html"),
    log:
        results("logs/index.log"),
    benchmark:
        results("benchmarks/index.tsv")
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Start page of all reports"
    shell:
        index_command("{output.page:q}")


rule reports:
    input:
        [report_files(report) for report in REPORT_TABLES],
        results("reports/index.html"),
    localrule: True
    message:
        "All reports and the start page"


rule verify:
    log:
        results("logs/verify.log"),
    localrule: True
    message:
        "Whether every result of scale {SCALE} is current and as it was made"
    shell:
        f"dropatlas verify {results('').rstrip('/')} 2>&1 | tee {{log:q}}"
