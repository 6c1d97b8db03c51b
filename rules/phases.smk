# arXiv 2510.07554: the phase diagram of dropout for two-layer mean-field networks.
REPORT_TABLES["phase_diagram"] = [
    "phases/diagram",
    "phases/diagram_relu",
    "phases/width_trend",
    "phases/penalty",
    "phases/teacher_student",
    "phases/trajectories",
    "phases/digit_pair",
    "phases/curvature",
    "phases/stable_rates",
    "phases/edge_sharpness",
    "phases/precision",
    "phases/depth",
]


rule phases:
    input:
        report_files("phase_diagram"),
    localrule: True
    message:
        "arXiv 2510.07554: phase diagram report with all its tables"


rule tabulate_diagram:
    input:
        code=code_closure("dropatlas.tasks.phases.diagram"),
    output:
        table=results("tables/phases/diagram.parquet"),
    log:
        results("logs/phases/diagram.log"),
    benchmark:
        results("benchmarks/phases/diagram.tsv")
    threads: by_scale(1, paper=8)
    resources:
        mem_mb=by_scale(1500, paper=4000),
        runtime=by_scale(30, standard=120, paper=240),
    params:
        settings=SETTINGS.section("phases.diagram"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/phases/diagram"),
    message:
        "Phase diagram: distance of dropout particles to the five limits"
    shell:
        run_task("phases.diagram", seeded=True, checkpoints=True)


rule tabulate_diagram_relu:
    input:
        code=code_closure("dropatlas.tasks.phases.diagram"),
    output:
        table=results("tables/phases/diagram_relu.parquet"),
    log:
        results("logs/phases/diagram_relu.log"),
    benchmark:
        results("benchmarks/phases/diagram_relu.tsv")
    threads: by_scale(1, paper=8)
    resources:
        mem_mb=by_scale(1500, paper=4000),
        runtime=by_scale(30, standard=60, paper=120),
    params:
        settings=SETTINGS.section("phases.diagram_relu"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/phases/diagram_relu"),
    message:
        "Phase diagram of ReLU neurons with constrained weights"
    shell:
        run_task("phases.diagram", seeded=True, checkpoints=True)


rule tabulate_width_trend:
    input:
        code=code_closure("dropatlas.tasks.phases.width_trend"),
    output:
        table=results("tables/phases/width_trend.parquet"),
    log:
        results("logs/phases/width_trend.log"),
    benchmark:
        results("benchmarks/phases/width_trend.tsv")
    threads: by_scale(1, paper=8)
    resources:
        mem_mb=by_scale(1500, paper=4000),
        runtime=by_scale(30, standard=60, paper=60),
    params:
        settings=SETTINGS.section("phases.width_trend"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/phases/width_trend"),
    message:
        "Distance to the predicted limit over the width, in every phase"
    shell:
        run_task("phases.width_trend", seeded=True, checkpoints=True)


rule tabulate_penalty:
    input:
        code=code_closure("dropatlas.tasks.phases.penalty"),
    output:
        table=results("tables/phases/penalty.parquet"),
    log:
        results("logs/phases/penalty.log"),
    benchmark:
        results("benchmarks/phases/penalty.tsv")
    threads: by_scale(1, paper=8)
    resources:
        mem_mb=by_scale(1500, paper=4000),
        runtime=by_scale(30, standard=60, paper=60),
    params:
        settings=SETTINGS.section("phases.penalty"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/phases/penalty"),
    message:
        "Penalty, propagation noise and random metric one by one over the width"
    shell:
        run_task("phases.penalty", seeded=True, checkpoints=True)


rule tabulate_teacher_student:
    input:
        code=code_closure("dropatlas.tasks.phases.teacher_student"),
    output:
        table=results("tables/phases/teacher_student.parquet"),
    log:
        results("logs/phases/teacher_student.log"),
    benchmark:
        results("benchmarks/phases/teacher_student.tsv")
    threads: by_scale(2, paper=8)
    resources:
        mem_mb=by_scale(2000, paper=4000),
        runtime=by_scale(30, standard=60, paper=60),
    params:
        settings=SETTINGS.section("phases.teacher_student"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/phases/teacher_student"),
    message:
        "Figure 2: teacher-student losses and distances of the coupled variants over the width"
    shell:
        run_task("phases.teacher_student", seeded=True, checkpoints=True)


rule tabulate_trajectories:
    input:
        code=code_closure("dropatlas.tasks.phases.trajectories"),
    output:
        table=results("tables/phases/trajectories.parquet"),
    log:
        results("logs/phases/trajectories.log"),
    benchmark:
        results("benchmarks/phases/trajectories.tsv")
    threads: 1
    resources:
        mem_mb=by_scale(1000, paper=2000),
        runtime=by_scale(10, standard=30, paper=30),
    params:
        settings=SETTINGS.section("phases.trajectories"),
        seed=SETTINGS.seed,
    message:
        "Figure 2: ways of single neurons under the coupled variants"
    shell:
        run_task("phases.trajectories", seeded=True)


rule tabulate_digit_pair:
    input:
        code=code_closure("dropatlas.tasks.phases.digit_pair"),
        data=dataset(SETTINGS.phases.digits),
    output:
        table=results("tables/phases/digit_pair.parquet"),
    log:
        results("logs/phases/digit_pair.log"),
    benchmark:
        results("benchmarks/phases/digit_pair.tsv")
    threads: by_scale(2, paper=10)
    resources:
        mem_mb=by_scale(2000, paper=24000),
        runtime=by_scale(30, standard=60, paper=1440),
    params:
        settings=SETTINGS.section("phases.digit_pair"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/phases/digit_pair"),
    message:
        "Figure 3: five variants of dropout on the digits 4 and 7"
    shell:
        run_task("phases.digit_pair", seeded=True, data=True, checkpoints=True)


rule tabulate_curvature:
    input:
        code=code_closure("dropatlas.tasks.phases.curvature"),
    output:
        table=results("tables/phases/curvature.parquet"),
    log:
        results("logs/phases/curvature.log"),
    benchmark:
        results("benchmarks/phases/curvature.tsv")
    threads: by_scale(1, paper=8)
    resources:
        mem_mb=by_scale(3000, paper=8000),
        runtime=by_scale(30, standard=60, paper=240),
    params:
        settings=SETTINGS.section("phases.curvature"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/phases/curvature"),
    message:
        "B, C and the sharpness along training"
    shell:
        run_task("phases.curvature", seeded=True, checkpoints=True)


rule tabulate_stable_rates:
    input:
        code=code_closure("dropatlas.tasks.phases.stable_rates"),
    output:
        table=results("tables/phases/stable_rates.parquet"),
    log:
        results("logs/phases/stable_rates.log"),
    benchmark:
        results("benchmarks/phases/stable_rates.tsv")
    threads: by_scale(1, paper=8)
    resources:
        mem_mb=by_scale(3000, paper=16000),
        runtime=by_scale(30, standard=120, paper=1440),
    params:
        settings=SETTINGS.section("phases.stable_rates"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/phases/stable_rates"),
    message:
        "largest stable learning rates of gradient descent and random metrics"
    shell:
        run_task("phases.stable_rates", seeded=True, checkpoints=True)


rule tabulate_edge_sharpness:
    input:
        code=code_closure("dropatlas.tasks.phases.edge_sharpness"),
        tables=[results("tables/phases/stable_rates.parquet")],
    output:
        table=results("tables/phases/edge_sharpness.parquet"),
    log:
        results("logs/phases/edge_sharpness.log"),
    benchmark:
        results("benchmarks/phases/edge_sharpness.tsv")
    threads: by_scale(1, paper=8)
    resources:
        mem_mb=by_scale(3000, paper=8000),
        runtime=by_scale(30, standard=60, paper=120),
    params:
        settings=SETTINGS.section("phases.stable_rates"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/phases/edge_sharpness"),
    message:
        "sharpness along training at the edge of stability"
    shell:
        run_task("phases.edge_sharpness", seeded=True, tables=True, checkpoints=True)


rule tabulate_precision:
    input:
        code=code_closure("dropatlas.tasks.phases.precision"),
    output:
        table=results("tables/phases/precision.parquet"),
    log:
        results("logs/phases/precision.log"),
    benchmark:
        results("benchmarks/phases/precision.tsv")
    threads: by_scale(1, paper=8)
    resources:
        mem_mb=by_scale(3000, paper=4000),
        runtime=by_scale(30, standard=60, paper=60),
    params:
        settings=SETTINGS.section("phases.precision"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/phases/precision"),
    message:
        "the critical phase in low floating-point precision"
    shell:
        run_task("phases.precision", seeded=True, checkpoints=True)


rule tabulate_depth:
    input:
        code=code_closure("dropatlas.tasks.phases.depth"),
    output:
        table=results("tables/phases/depth.parquet"),
    log:
        results("logs/phases/depth.log"),
    benchmark:
        results("benchmarks/phases/depth.tsv")
    threads: by_scale(1, paper=8)
    resources:
        mem_mb=by_scale(3000, paper=16000),
        runtime=by_scale(30, standard=60, paper=480),
    params:
        settings=SETTINGS.section("phases.depth"),
        seed=SETTINGS.seed,
        checkpoints=results("checkpoints/phases/depth"),
    message:
        "dropout against the random metric in deeper networks"
    shell:
        run_task("phases.depth", seeded=True, checkpoints=True)
