# Notebooks executed, pages rendered: the same steps for every part of the project, and for the scorecard of all.
wildcard_constraints:
    page="|".join([SCORECARD, *PARTS]),
    paper="|".join(PAPERS),


rule export_scorecard:
    input:
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
        "python -m dropatlas.tasks.export_csv --table {input.table:q} --output {output.table:q} --log {log:q}"
        f" {code_mark('dropatlas.tasks.export_csv')}"


rule execute_notebook:
    input:
        notebook="notebooks/{page}.ipynb",
        tables=page_tables,
    output:
        notebook=results("notebooks/{page}.ipynb"),
        figures=report(
            directory(results("figures/{page}")),
            patterns=["{figure}.svg"],
            caption="../workflow/report/figure.rst",
            category=paper_of,
            labels=kind_of_file(result="{figure}", kind="figure"),
        ),
    log:
        results("logs/{page}/notebook.log"),
    benchmark:
        results("benchmarks/{page}/notebook.tsv")
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        results=lambda wildcards, output: str(Path(output.notebook).parents[1]),
        mark=notebook_mark,  # of wildcards alone: Snakemake ignores changes of parameters made from inputs
    message:
        "Figures and text of the {wildcards.page} page"
    shell:
        "python -m dropatlas.tasks.execute_notebook --notebook {input.notebook:q} --results {params.results:q}"
        " --tables {input.tables:q} --output {output.notebook:q} --log {log:q} {params.mark}"
        f" {code_mark('dropatlas.tasks.execute_notebook')}"


rule render_page:
    input:
        templates=page_templates(),
        notebook=results("notebooks/{page}.ipynb"),
    output:
        page=report(
            results("reports/{page}.html"),
            caption="../workflow/report/page.rst",
            category=paper_of,
            labels=kind_of_file(result="all of it", kind="page"),
        ),
    log:
        results("logs/{page}/page.log"),
    benchmark:
        results("benchmarks/{page}/page.tsv")
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "HTML page of {wildcards.page}"
    shell:
        "python -m dropatlas.tasks.render_page --name {wildcards.page:q} --notebook {input.notebook:q}"
        f" --scale {SCALE} {navigation()} --output {{output.page:q}} --log {{log:q}}"
        f" {code_mark('dropatlas.tasks.render_page', files=page_templates())}"


rule render_paper:
    input:
        templates=page_templates(),
        claims=lambda wildcards: tables(
            f"{part}/claims" for part in parts_on(wildcards)
        ),
        notebooks=lambda wildcards: expand(
            results("notebooks/{part}.ipynb"), part=parts_on(wildcards)
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
        parts=parts_on,
    message:
        "HTML page of arXiv {wildcards.paper}"
    shell:
        "python -m dropatlas.tasks.render_paper --paper {wildcards.paper} --reports {params.parts:q}"
        f" --results {results('').rstrip('/')} --scale {SCALE} {navigation()}"
        " --output {output.page:q} --log {log:q}"
        f" {code_mark('dropatlas.tasks.render_paper', files=page_templates())}"


rule render_index:
    input:
        templates=page_templates(),
        scorecard=results("tables/scorecard.parquet"),
        notebooks=[results(f"notebooks/{page}.ipynb") for page in [SCORECARD, *PARTS]],
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
    params:
        papers=json.dumps(LEDGER.reports()),
    message:
        "Start page of all reports"
    shell:
        f"python -m dropatlas.tasks.render_index --results {results('').rstrip('/')} --scale {SCALE}"
        " --papers {params.papers:q} --output {output.page:q} --log {log:q}"
        f" {code_mark('dropatlas.tasks.render_index', files=page_templates())}"


rule percolation:
    input:
        page_files("percolation"),
    localrule: True
    message:
        "arXiv 2512.13853: crossing probabilities, with all tables"


rule collapse:
    input:
        page_files("collapse"),
    localrule: True
    message:
        "arXiv 2512.13853: training collapse, with all tables"


rule phases:
    input:
        page_files("phases"),
    localrule: True
    message:
        "arXiv 2510.07554: the phase diagram, with all tables"


rule ddc:
    input:
        page_files("ddc"),
    localrule: True
    message:
        "arXiv 2502.19948: Dynamic DropConnect, with all tables"


rule scorecard:
    input:
        page_files(SCORECARD),
        results("tables/scorecard.csv"),
        results("reports/index.html"),
        [results(f"reports/{page}.html") for page in reading_order(LEDGER.reports())],
    localrule: True
    message:
        "Which published statements replicate: the scorecard with the pages it leads to"


rule reports:
    input:
        [page_files(part) for part in PARTS],
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


rule snapshot:
    input:
        rules.reports.input,
    log:
        results("logs/snapshot.log"),
    localrule: True
    message:
        "The committed snapshot of this run: results/published/ and the README's scorecard"
    shell:
        f"dropatlas snapshot {results('').rstrip('/')} 2>&1 | tee {{log:q}}"
