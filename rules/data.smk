# Data sets: fetched or generated, checked, prepared as one memory-mapped file each.
EMBEDDED_SETS = ["digits5k", "shapes10"]
shapes10_sizes = (
    f"--train {SETTINGS.data.shapes10_train} --test {SETTINGS.data.shapes10_test}"
)
OFFICIAL_SETS = ["mnist", "cifar10", "cifar100", "norb"]


rule data:
    input:
        [dataset(name) for name in SETTINGS.data.sets],
        results("tables/data/datasets.parquet"),
    localrule: True
    message:
        "Data sets of scale {SCALE}"


rule prepare_embedded:
    output:
        arrays=dataset("{name}"),
    log:
        results("logs/data/{name}.log"),
    benchmark:
        results("benchmarks/data/{name}.tsv")
    wildcard_constraints:
        name="|".join(EMBEDDED_SETS),
    localrule: True
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        seed=SETTINGS.seed,
        sizes=lambda wildcards: shapes10_sizes if wildcards.name == "shapes10" else "",
    message:
        "Data set {wildcards.name}: no download needed"
    shell:
        "python -m dropatlas.tasks.data.prepare_embedded --name {wildcards.name:q} --seed {params.seed}"
        " {params.sizes} --output {output.arrays:q} --log {log:q}"
        f" {code_mark('dropatlas.tasks.data.prepare_embedded')}"


rule prepare_official:
    input:
        catalog="config/data.yaml",
    output:
        arrays=dataset("{name}"),
    log:
        results("logs/data/{name}.log"),
    benchmark:
        results("benchmarks/data/{name}.tsv")
    wildcard_constraints:
        name="|".join(OFFICIAL_SETS),
    localrule: True
    threads: 1
    resources:
        mem_mb=3000,
        runtime=120,
    message:
        "Data set {wildcards.name}: offline directory, mirrors, official hosts"
    shell:
        "python -m dropatlas.tasks.data.prepare_official --name {wildcards.name:q} --catalog {input.catalog:q}"
        " --output {output.arrays:q} --log {log:q}"
        f" {code_mark('dropatlas.tasks.data.prepare_official', files=['config/data.yaml'])}"
