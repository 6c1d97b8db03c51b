# arXiv 2502.19948: Dynamic DropConnect against other methods; a job trains one arm of a benchmark or all (ddc.job).
BENCHMARKS = SETTINGS.ddc.benchmarks
ARM_JOBS = {
    job: runs for name in BENCHMARKS for job, runs in SETTINGS.ddc.jobs(name).items()
}
REPORT_TABLES["ddc_benchmark"] = [
    *[f"ddc/{benchmark}" for benchmark in BENCHMARKS],
    "ddc/step_time",
]


rule ddc:
    input:
        report_files("ddc_benchmark"),
    localrule: True
    message:
        "arXiv 2502.19948: benchmark report with all its tables"


rule train_arms:
    input:
        code=code_closure("dropatlas.tasks.ddc.arm"),
        data=lambda wildcards: cell_data(ARM_JOBS[wildcards.job].cell),
    output:
        table=results("tables/ddc_runs/{job}.parquet"),
    log:
        results("logs/ddc/{job}.log"),
    benchmark:
        results("benchmarks/ddc_runs/{job}.tsv")
    wildcard_constraints:
        job="|".join(ARM_JOBS),
    priority: 1  # long jobs: late ones would run alone
    threads: by_scale(1, paper=4)
    resources:
        mem_mb=by_scale(5000, paper=12000),
        runtime=by_scale(30, standard=60, paper=2880),
        gpu=by_scale(0, paper=1),
    params:
        settings=lambda wildcards: canonical(ARM_JOBS[wildcards.job]),
        seed=SETTINGS.seed,
        data=lambda wildcards: data_option(ARM_JOBS[wildcards.job].cell),
        checkpoints=results("checkpoints/ddc/{job}"),
    message:
        "{wildcards.job}: all seeds"
    shell:
        run_task("ddc.arm", "{params.data}", seeded=True, checkpoints=True)


rule gather_arms:
    input:
        code=code_closure("dropatlas.tasks.ddc.benchmark"),
        tables=lambda wildcards: [
            results(f"tables/{name}.parquet")
            for name in SETTINGS.ddc.gathering(wildcards.benchmark).tables
        ],
    output:
        table=results("tables/ddc/{benchmark}.parquet"),
    log:
        results("logs/ddc/{benchmark}.log"),
    benchmark:
        results("benchmarks/ddc/{benchmark}.tsv")
    wildcard_constraints:
        benchmark="|".join(BENCHMARKS),
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=lambda wildcards: canonical(
            SETTINGS.ddc.gathering(wildcards.benchmark)
        ),
    message:
        "{wildcards.benchmark}: all arms in one table"
    shell:
        run_task("ddc.benchmark", tables=True)


rule tabulate_step_time:
    input:
        code=code_closure("dropatlas.tasks.ddc.step_time"),
    output:
        table=results("tables/ddc/step_time.parquet"),
    log:
        results("logs/ddc/step_time.log"),
    benchmark:
        results("benchmarks/ddc/step_time.tsv")
    threads: by_scale(2, quick=1)
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=SETTINGS.section("ddc.step_time"),
    message:
        "Time of a training step with each method"
    shell:
        run_task("ddc.step_time")
