"""Crossing probability along the scaling laws W = floor((C log n)^tau), L = n."""

import math
from itertools import product

import numpy as np
import pandas as pd

from dropatlas.percolation import (
    MODEL_CURVES,
    critical_probability,
    crossing_probability_at,
    log_n_of_width,
    width_at,
)
from dropatlas.percolation.settings import ScalingLaws
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "model": "site (dropout) or bond (dropconnect)",
    "curve": "exact, or one of the published bounds (bond)",
    "constant": "C of the law",
    "exponent": "tau of the law",
    "p": "removal probability",
    "log10_n": "log10 of the depth n",
    "width": "W(n) = floor((C log n)^tau)",
    "theta": "crossing probability (or its bound)",
    "critical_probability": "p above which theta -> 0 and below which theta -> 1 as n -> infinity",
}


def tabulate(settings: ScalingLaws) -> pd.DataFrame:
    """One row per model, curve, law, removal probability and depth at which the law gives at least one vertex."""
    curves = [(*law, p) for law, p in product(settings.laws(), settings.drop_rates)]
    points = round((settings.largest_log10_depth - 1) * settings.points_per_decade) + 1
    log10_depths = np.linspace(1, settings.largest_log10_depth, points).tolist()
    rows = []
    progress = LoggedProgress(curves, "scaling laws", unit="law")
    for model, curve, constant, exponent, p in progress:
        progress.set_postfix_str(f"{model} {curve} C={constant:g} tau={exponent:g} p={p:g}", refresh=False)
        limit = critical_probability(model, constant, exponent)
        for log10_n in log10_depths:
            log_n = log10_n * math.log(10)
            if log_n < log_n_of_width(1, constant, exponent):
                continue
            theta = crossing_probability_at(MODEL_CURVES[model][curve], p, log_n, constant, exponent)
            width = width_at(log_n, constant, exponent)
            rows.append((model, curve, constant, exponent, p, log10_n, width, theta, limit))
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.percolation.scaling_laws", ScalingLaws, MEANINGS, tabulate)
