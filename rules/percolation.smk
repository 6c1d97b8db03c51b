# arXiv 2512.13853, the static half: crossing probabilities of masked networks.
REPORT_TABLES["percolation"] = [
    "percolation/crossing_probability",
    "percolation/crossing_curves",
    "percolation/required_width",
    "percolation/scaling_laws",
    "percolation/finite_thresholds",
    "percolation/crossing_boundary",
    "percolation/topologies",
]


rule percolation:
    input:
        report_files("percolation"),
    localrule: True
    message:
        "arXiv 2512.13853: percolation report with all its tables"


rule tabulate_crossing_probability:
    input:
        code=code_closure("dropatlas.tasks.percolation.crossing_probability"),
    output:
        table=results("tables/percolation/crossing_probability.parquet"),
    log:
        results("logs/percolation/crossing_probability.log"),
    benchmark:
        results("benchmarks/percolation/crossing_probability.tsv")
    threads: 1
    resources:
        mem_mb=1000,
        runtime=by_scale(30, paper=60),
    params:
        settings=SETTINGS.section("percolation.crossing"),
        seed=SETTINGS.seed,
    message:
        "Crossing probability: theory, bounds and sampled masks"
    shell:
        run_task("percolation.crossing_probability", seeded=True)


rule tabulate_crossing_curves:
    input:
        code=code_closure("dropatlas.tasks.percolation.crossing_curves"),
    output:
        table=results("tables/percolation/crossing_curves.parquet"),
    log:
        results("logs/percolation/crossing_curves.log"),
    benchmark:
        results("benchmarks/percolation/crossing_curves.tsv")
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=SETTINGS.section("percolation.crossing"),
    message:
        "Crossing probability: exact curves and bounds"
    shell:
        run_task("percolation.crossing_curves")


rule tabulate_required_width:
    input:
        code=code_closure("dropatlas.tasks.percolation.required_width"),
    output:
        table=results("tables/percolation/required_width.parquet"),
    log:
        results("logs/percolation/required_width.log"),
    benchmark:
        results("benchmarks/percolation/required_width.tsv")
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=SETTINGS.section("percolation.required_width"),
    message:
        "Width needed for a given crossing probability"
    shell:
        run_task("percolation.required_width")


rule tabulate_scaling_laws:
    input:
        code=code_closure("dropatlas.tasks.percolation.scaling_laws"),
    output:
        table=results("tables/percolation/scaling_laws.parquet"),
    log:
        results("logs/percolation/scaling_laws.log"),
    benchmark:
        results("benchmarks/percolation/scaling_laws.tsv")
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=SETTINGS.section("percolation.scaling"),
    message:
        "Scaling laws W = floor((C log n)^tau), L = n"
    shell:
        run_task("percolation.scaling_laws")


rule tabulate_finite_thresholds:
    input:
        code=code_closure("dropatlas.tasks.percolation.finite_thresholds"),
    output:
        table=results("tables/percolation/finite_thresholds.parquet"),
    log:
        results("logs/percolation/finite_thresholds.log"),
    benchmark:
        results("benchmarks/percolation/finite_thresholds.tsv")
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=SETTINGS.section("percolation.scaling"),
    message:
        "Finite-n thresholds of the scaling laws"
    shell:
        run_task("percolation.finite_thresholds")


rule tabulate_crossing_boundary:
    input:
        code=code_closure("dropatlas.tasks.percolation.crossing_boundary"),
    output:
        table=results("tables/percolation/crossing_boundary.parquet"),
    log:
        results("logs/percolation/crossing_boundary.log"),
    benchmark:
        results("benchmarks/percolation/crossing_boundary.tsv")
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=SETTINGS.section("percolation.boundary"),
    message:
        "Crossing boundary in the plane of width and depth"
    shell:
        run_task("percolation.crossing_boundary")


rule tabulate_topologies:
    input:
        code=code_closure("dropatlas.tasks.percolation.topologies"),
    output:
        table=results("tables/percolation/topologies.parquet"),
    log:
        results("logs/percolation/topologies.log"),
    benchmark:
        results("benchmarks/percolation/topologies.tsv")
    threads: 1
    resources:
        mem_mb=2000,
        runtime=by_scale(30, paper=180),
    params:
        settings=SETTINGS.section("percolation.topologies"),
        seed=SETTINGS.seed,
    message:
        "Residual and convolutional networks under masks"
    shell:
        run_task("percolation.topologies", seeded=True)
