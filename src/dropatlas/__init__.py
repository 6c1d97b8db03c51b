"""Dropout Atlas: replications of three papers on dropout, from one Snakemake DAG."""
