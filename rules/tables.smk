# One rule for every result table of the catalogue (src/dropatlas/catalogue): its task, settings, seed and inputs, and
# what its job needs. Tables that share a rule are the values of its wildcard.
for rule_name, made in CATALOGUE.rules().items():

    rule:
        name:
            rule_name
        input:
            **table_inputs(made),
        output:
            table=results(f"tables/{pattern(made)}.parquet"),
        log:
            results(f"logs/{pattern(made)}.log"),
        benchmark:
            results(f"benchmarks/{pattern(made)}.tsv")
        wildcard_constraints:
            table="|".join(table.name for table in made),
        priority: made[0].priority
        localrule: made[0].local
        threads: made[0].threads
        resources:
            mem_mb=made[0].mem_mb,
            runtime=made[0].runtime,
            gpu=made[0].gpu,
        params:
            task=made[0].module,
            settings=by_table(made, lambda table: table.settings),
            options=by_table(made, table_options),
            code=code_mark(made[0].module),
        message:
            made[0].message
            if len(made) == 1
            else f"{made[0].message}: {{wildcards.table}}"
        # evaluated when a job starts, after the loop: nothing here may depend on the loop's variables
        shell:
            f"python -m {{params.task}} --scale {SCALE} --settings {{params.settings:q}} {{params.options}}"
            " --output {output.table:q} --log {log:q} {params.code}"
