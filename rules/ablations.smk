# arXiv 2502.19948: ablations and mechanisms of Dynamic DropConnect.
# Their tables come before the benchmarks' arms (priority 1): their page takes twice as long to draw as the benchmarks'.
ABLATIONS = SETTINGS.ablations
REPORT_TABLES["ddc_ablations"] = [
    "ablations/regression",
    "ablations/regression_paths",
    "ablations/formula",
    "ablations/placement",
    "ablations/sensitivity_images",
    "ablations/sensitivity_table",
    "ablations/learned_search",
    "ablations/learned_rates",
    "ablations/monte_carlo",
    "ablations/activations",
    "ablations/feedback",
]


rule ablations:
    input:
        report_files("ddc_ablations"),
    localrule: True
    message:
        "arXiv 2502.19948: ablation report with all its tables"


rule tabulate_regression:
    input:
        code=code_closure("dropatlas.tasks.ablations.regression"),
    output:
        table=results("tables/ablations/regression.parquet"),
    log:
        results("logs/ablations/regression.log"),
    benchmark:
        results("benchmarks/ablations/regression.tsv")
    priority: 2
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        settings=SETTINGS.section("ablations.regression"),
        seed=SETTINGS.seed,
    message:
        "Linear regression with two parameters: convergence and drops"
    shell:
        run_task("ablations.regression", seeded=True)


rule tabulate_regression_paths:
    input:
        code=code_closure("dropatlas.tasks.ablations.regression_paths"),
    output:
        table=results("tables/ablations/regression_paths.parquet"),
    log:
        results("logs/ablations/regression_paths.log"),
    benchmark:
        results("benchmarks/ablations/regression_paths.tsv")
    priority: 2
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=SETTINGS.section("ablations.regression"),
        seed=SETTINGS.seed,
    message:
        "Linear regression with two parameters: paths"
    shell:
        run_task("ablations.regression_paths", seeded=True)


rule train_ablation_arms:
    input:
        code=code_closure("dropatlas.tasks.ddc.arm"),
        data=lambda wildcards: cell_data(getattr(ABLATIONS, wildcards.table).cell),
    output:
        table=results("tables/ablations/{table}.parquet"),
    log:
        results("logs/ablations/{table}.log"),
    benchmark:
        results("benchmarks/ablations/{table}.tsv")
    wildcard_constraints:
        table="formula|placement",
    priority: 2
    threads: by_scale(1, paper=4)
    resources:
        mem_mb=by_scale(3000, paper=12000),
        runtime=by_scale(60, paper=2880),
        gpu=by_scale(0, paper=1),
    params:
        settings=lambda wildcards: SETTINGS.section(f"ablations.{wildcards.table}"),
        seed=SETTINGS.seed,
        data=lambda wildcards: data_option(getattr(ABLATIONS, wildcards.table).cell),
        checkpoints=results("checkpoints/ablations/{table}"),
    message:
        "Ablation {wildcards.table}: all arms and seeds"
    shell:
        run_task("ddc.arm", "{params.data}", seeded=True, checkpoints=True)


rule tabulate_sensitivity:
    input:
        code=code_closure("dropatlas.tasks.ablations.sensitivity"),
        data=lambda wildcards: cell_data(getattr(ABLATIONS, wildcards.table).cell),
    output:
        table=results("tables/ablations/{table}.parquet"),
    log:
        results("logs/ablations/{table}.log"),
    benchmark:
        results("benchmarks/ablations/{table}.tsv")
    wildcard_constraints:
        table="sensitivity_images|sensitivity_table",
    priority: 2
    threads: by_scale(1, paper=4)
    resources:
        mem_mb=by_scale(3000, paper=12000),
        runtime=by_scale(60, paper=2880),
        gpu=by_scale(0, paper=1),
    params:
        settings=lambda wildcards: SETTINGS.section(f"ablations.{wildcards.table}"),
        seed=SETTINGS.seed,
        data=lambda wildcards: data_option(getattr(ABLATIONS, wildcards.table).cell),
        checkpoints=results("checkpoints/ablations/{table}"),
    message:
        "Grid of base rate, gradient rate and threshold: {wildcards.table}"
    shell:
        run_task(
            "ablations.sensitivity", "{params.data}", seeded=True, checkpoints=True
        )


rule search_rate_map:
    input:
        code=code_closure("dropatlas.tasks.ablations.learned_search"),
        data=cell_data(ABLATIONS.learned_search.cell),
    output:
        table=results("tables/ablations/learned_search.parquet"),
    log:
        results("logs/ablations/learned_search.log"),
    benchmark:
        results("benchmarks/ablations/learned_search.tsv")
    priority: 3  # another training waits for its map
    threads: by_scale(1, paper=4)
    resources:
        mem_mb=by_scale(3000, paper=12000),
        runtime=by_scale(60, paper=2880),
        gpu=by_scale(0, paper=1),
    params:
        settings=SETTINGS.section("ablations.learned_search"),
        seed=SETTINGS.seed,
        data=data_option(ABLATIONS.learned_search.cell),
        checkpoints=results("checkpoints/ablations/learned_search"),
    message:
        "Search for a gradient-to-rate map"
    shell:
        run_task(
            "ablations.learned_search", "{params.data}", seeded=True, checkpoints=True
        )


rule compare_rate_map:
    input:
        code=code_closure("dropatlas.tasks.ablations.learned_rates"),
        data=cell_data(ABLATIONS.learned_rates.cell),
        tables=[results("tables/ablations/learned_search.parquet")],
    output:
        table=results("tables/ablations/learned_rates.parquet"),
    log:
        results("logs/ablations/learned_rates.log"),
    benchmark:
        results("benchmarks/ablations/learned_rates.tsv")
    priority: 2
    threads: by_scale(1, paper=4)
    resources:
        mem_mb=by_scale(3000, paper=12000),
        runtime=by_scale(60, paper=2880),
        gpu=by_scale(0, paper=1),
    params:
        settings=SETTINGS.section("ablations.learned_rates"),
        seed=SETTINGS.seed,
        data=data_option(ABLATIONS.learned_rates.cell),
        checkpoints=results("checkpoints/ablations/learned_rates"),
    message:
        "The learned gradient-to-rate map against fixed rates"
    shell:
        run_task(
            "ablations.learned_rates",
            "{params.data}",
            seeded=True,
            tables=True,
            checkpoints=True,
        )


rule tabulate_monte_carlo:
    input:
        code=code_closure("dropatlas.tasks.ablations.monte_carlo"),
        data=cell_data(ABLATIONS.monte_carlo.cell),
    output:
        table=results("tables/ablations/monte_carlo.parquet"),
    log:
        results("logs/ablations/monte_carlo.log"),
    benchmark:
        results("benchmarks/ablations/monte_carlo.tsv")
    priority: 2
    threads: by_scale(1, paper=4)
    resources:
        mem_mb=by_scale(3000, paper=12000),
        runtime=by_scale(60, paper=2880),
        gpu=by_scale(0, paper=1),
    params:
        settings=SETTINGS.section("ablations.monte_carlo"),
        seed=SETTINGS.seed,
        data=data_option(ABLATIONS.monte_carlo.cell),
        checkpoints=results("checkpoints/ablations/monte_carlo"),
    message:
        "Predictions averaged over masks"
    shell:
        run_task(
            "ablations.monte_carlo", "{params.data}", seeded=True, checkpoints=True
        )


rule tabulate_activations:
    input:
        code=code_closure("dropatlas.tasks.ablations.activations"),
        data=cell_data(ABLATIONS.activations.cell),
    output:
        table=results("tables/ablations/activations.parquet"),
    log:
        results("logs/ablations/activations.log"),
    benchmark:
        results("benchmarks/ablations/activations.tsv")
    priority: 2
    threads: by_scale(1, paper=4)
    resources:
        mem_mb=by_scale(3000, paper=12000),
        runtime=by_scale(60, paper=2880),
        gpu=by_scale(0, paper=1),
    params:
        settings=SETTINGS.section("ablations.activations"),
        seed=SETTINGS.seed,
        data=data_option(ABLATIONS.activations.cell),
        checkpoints=results("checkpoints/ablations/activations"),
    message:
        "Output of the masked layer in training and evaluation"
    shell:
        run_task(
            "ablations.activations", "{params.data}", seeded=True, checkpoints=True
        )


rule tabulate_feedback:
    input:
        code=code_closure("dropatlas.tasks.ablations.feedback"),
        data=cell_data(ABLATIONS.feedback.cell),
    output:
        table=results("tables/ablations/feedback.parquet"),
    log:
        results("logs/ablations/feedback.log"),
    benchmark:
        results("benchmarks/ablations/feedback.tsv")
    priority: 2
    threads: by_scale(1, paper=4)
    resources:
        mem_mb=by_scale(3000, paper=12000),
        runtime=by_scale(60, paper=2880),
        gpu=by_scale(0, paper=1),
    params:
        settings=SETTINGS.section("ablations.feedback"),
        seed=SETTINGS.seed,
        data=data_option(ABLATIONS.feedback.cell),
        checkpoints=results("checkpoints/ablations/feedback"),
    message:
        "Drop frequency of every edge over training"
    shell:
        run_task("ablations.feedback", "{params.data}", seeded=True, checkpoints=True)
