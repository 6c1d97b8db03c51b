# Claims judged, notebooks executed, pages rendered: the same three steps for every report, and for the scorecard of all.
wildcard_constraints:
    report="|".join(notebook_pages()),
    paper="|".join(PAPERS),


rule judge_claims:
    input:
        code=code_closure("dropatlas.tasks.judge_claims"),
        tables=lambda wildcards: evidence_of(
            LEDGER.docket(wildcards.report, SCALE).claims
        ),
    output:
        table=results("tables/{report}/claims.parquet"),
    log:
        results("logs/{report}/claims.log"),
    benchmark:
        results("benchmarks/{report}/claims.tsv")
    localrule: True
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


rule tabulate_scorecard:
    input:
        code=code_closure("dropatlas.tasks.scorecard"),
        tables=evidence_of(LEDGER),
    output:
        table=results("tables/scorecard.parquet"),
    log:
        results("logs/scorecard/table.log"),
    benchmark:
        results("benchmarks/scorecard/table.tsv")
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=LEDGER.full_docket(SCALE).model_dump_json(),
    message:
        "Verdicts on all claims of the ledger"
    shell:
        run_task("scorecard", tables=True)


rule export_scorecard:
    input:
        code=code_closure("dropatlas.tasks.export_csv"),
        table=results("tables/scorecard.parquet"),
    output:
        table=report(
            results("tables/scorecard.csv"),
            caption="../workflow/report/scorecard.rst",
            category="Scorecard",
            labels={"report": "scorecard", "result": "verdicts", "kind": "table"},
        ),
    log:
        results("logs/scorecard/csv.log"),
    benchmark:
        results("benchmarks/scorecard/csv.tsv")
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "The scorecard as CSV"
    shell:
        export_command()


rule execute_notebook:
    input:
        code=code_closure("dropatlas.tasks.execute_notebook"),
        imports=notebook_code,
        notebook="notebooks/{report}.ipynb",
        tables=lambda wildcards: [
            results(f"tables/{name}.parquet") for name in page_tables(wildcards.report)
        ],
    output:
        notebook=results("notebooks/{report}.ipynb"),
        figures=report(
            directory(results("figures/{report}")),
            patterns=["{figure}.svg"],
            caption="../workflow/report/figure.rst",
            category=paper_of,
            labels=kind_of_file(result="{figure}", kind="figure"),
        ),
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
        notebook_command()


rule render_report:
    input:
        code=code_closure("dropatlas.tasks.render_report"),
        templates=page_templates(),
        notebook=results("notebooks/{report}.ipynb"),
    output:
        page=report(
            results("reports/{report}.html"),
            caption="../workflow/report/page.rst",
            category=paper_of,
            labels=kind_of_file(result="all of it", kind="page"),
        ),
    log:
        results("logs/{report}/page.log"),
    benchmark:
        results("benchmarks/{report}/page.tsv")
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "HTML page of the {wildcards.report} report"
    shell:
        page_command()


rule render_paper:
    input:
        code=code_closure("dropatlas.tasks.render_paper"),
        templates=page_templates(),
        claims=lambda wildcards: expand(
            results("tables/{report}/claims.parquet"), report=reports_on(wildcards)
        ),
        notebooks=lambda wildcards: expand(
            results("notebooks/{report}.ipynb"), report=reports_on(wildcards)
        ),
    output:
        page=report(
            results(f"reports/{paper_page('{paper}')}.html"),
            caption="../workflow/report/paper.rst",
            category=lambda wildcards: PAPERS[wildcards.paper],
            labels={"report": "the paper", "result": "all statements", "kind": "page"},
        ),
    log:
        results(f"logs/{paper_page('{paper}')}/page.log"),
    benchmark:
        results(f"benchmarks/{paper_page('{paper}')}/page.tsv")
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        reports=reports_on,
    message:
        "HTML page of arXiv {wildcards.paper}"
    shell:
        paper_command()


rule render_index:
    input:
        code=code_closure("dropatlas.tasks.render_index"),
        templates=page_templates(),
        scorecard=results("tables/scorecard.parquet"),
        notebooks=[results(f"notebooks/{page}.ipynb") for page in notebook_pages()],
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


rule scorecard:
    input:
        report_files("scorecard"),
        results("tables/scorecard.csv"),
        results("reports/index.html"),
        [results(f"reports/{page}.html") for page in all_pages()],
    localrule: True
    message:
        "Which published statements replicate: the scorecard with the pages it leads to"


rule reports:
    input:
        [report_files(report) for report in REPORT_TABLES],
        rules.scorecard.input,
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


rule published:
    input:
        rules.reports.input,
    log:
        results("logs/published.log"),
    localrule: True
    message:
        "The committed snapshot of this run: results/published/ and the README's scorecard"
    shell:
        f"dropatlas snapshot {results('').rstrip('/')} 2>&1 | tee {{log:q}}"
