# arXiv 2512.13853, the dynamical half: deep networks trained under masks that may cut every path.
REPORT_TABLES["training_collapse"] = [
    "collapse/decoupling",
    "collapse/movement",
    "collapse/variants",
    "collapse/width_depth",
    "collapse/learning_time",
    "collapse/drift_bound",
    "collapse/topologies",
]


rule collapse:
    input:
        report_files("training_collapse"),
    localrule: True
    message:
        "arXiv 2512.13853: training collapse report with all its tables"


rule tabulate_decoupling:
    input:
        code=code_closure("dropatlas.tasks.collapse.decoupling"),
    output:
        table=results("tables/collapse/decoupling.parquet"),
    log:
        results("logs/collapse/decoupling.log"),
    benchmark:
        results("benchmarks/collapse/decoupling.tsv")
    threads: 1
    resources:
        mem_mb=1000,
        runtime=by_scale(10, paper=60),
    params:
        settings=SETTINGS.section("collapse.decoupling"),
        seed=SETTINGS.seed,
    message:
        "Masks without a path: outputs and gradients of random networks"
    shell:
        run_task("collapse.decoupling", seeded=True)


rule tabulate_movement:
    input:
        code=code_closure("dropatlas.tasks.collapse.movement"),
    output:
        table=results("tables/collapse/movement.parquet"),
    log:
        results("logs/collapse/movement.log"),
    benchmark:
        results("benchmarks/collapse/movement.tsv")
    threads: 1
    resources:
        mem_mb=by_scale(3000, paper=8000),
        runtime=by_scale(30, standard=120, paper=2880),
    params:
        settings=SETTINGS.section("collapse.movement"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/collapse/movement"),
    message:
        "Experiment 1: movement from initialisation over depth and width"
    shell:
        run_task("collapse.movement", seeded=True, checkpoints=True)


rule tabulate_variants:
    input:
        code=code_closure("dropatlas.tasks.collapse.variants"),
        data=dataset(SETTINGS.collapse.digits),
    output:
        table=results("tables/collapse/variants.parquet"),
    log:
        results("logs/collapse/variants.log"),
    benchmark:
        results("benchmarks/collapse/variants.tsv")
    threads: 1
    resources:
        mem_mb=3000,
        runtime=by_scale(30, standard=60, paper=240),
    params:
        settings=SETTINGS.section("collapse.variants"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/collapse/variants"),
    message:
        "Experiment 2: dropout, modified dropout and no dropout, with and without biases"
    shell:
        run_task("collapse.variants", seeded=True, data=True, checkpoints=True)


rule tabulate_width_depth:
    input:
        code=code_closure("dropatlas.tasks.collapse.width_depth"),
    output:
        table=results("tables/collapse/width_depth.parquet"),
    log:
        results("logs/collapse/width_depth.log"),
    benchmark:
        results("benchmarks/collapse/width_depth.tsv")
    threads: 1
    resources:
        mem_mb=by_scale(3000, paper=6000),
        runtime=by_scale(30, standard=120, paper=2880),
    params:
        settings=SETTINGS.section("collapse.width_depth"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/collapse/width_depth"),
    message:
        "Experiment 3: crossings and training success over width and drop rate"
    shell:
        run_task("collapse.width_depth", seeded=True, checkpoints=True)


rule tabulate_learning_time:
    input:
        code=code_closure("dropatlas.tasks.collapse.learning_time"),
    output:
        table=results("tables/collapse/learning_time.parquet"),
    log:
        results("logs/collapse/learning_time.log"),
    benchmark:
        results("benchmarks/collapse/learning_time.tsv")
    threads: 1
    resources:
        mem_mb=3000,
        runtime=by_scale(30, standard=60, paper=240),
    params:
        settings=SETTINGS.section("collapse.learning_time"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/collapse/learning_time"),
    message:
        "Experiment 4: steps to learn against 1/theta"
    shell:
        run_task("collapse.learning_time", seeded=True, checkpoints=True)


rule tabulate_drift_bound:
    input:
        code=code_closure("dropatlas.tasks.collapse.drift_bound"),
    output:
        table=results("tables/collapse/drift_bound.parquet"),
    log:
        results("logs/collapse/drift_bound.log"),
    benchmark:
        results("benchmarks/collapse/drift_bound.tsv")
    threads: 1
    resources:
        mem_mb=2000,
        runtime=by_scale(30, standard=60, paper=120),
    params:
        settings=SETTINGS.section("collapse.drift_bound"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/collapse/drift_bound"),
    message:
        "Experiment 5: measured movement against the drift bound"
    shell:
        run_task("collapse.drift_bound", seeded=True, checkpoints=True)


rule tabulate_collapse_topologies:
    input:
        code=code_closure("dropatlas.tasks.collapse.topologies"),
        data=dataset(SETTINGS.collapse.digits),
    output:
        table=results("tables/collapse/topologies.parquet"),
    log:
        results("logs/collapse/topologies.log"),
    benchmark:
        results("benchmarks/collapse/topologies.tsv")
    threads: 1
    resources:
        mem_mb=by_scale(2000, standard=3000, paper=16000),
        runtime=by_scale(30, standard=60, paper=1440),
    params:
        settings=SETTINGS.section("collapse.topologies"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/collapse/topologies"),
    message:
        "Experiment 6: residual and convolutional networks under dropout"
    shell:
        run_task("collapse.topologies", seeded=True, data=True, checkpoints=True)
