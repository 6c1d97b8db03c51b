"""The removal probability at which theta = 1/2 at finite n, on its way to the critical probability."""

import math

import pandas as pd

from dropatlas.percolation import MODEL_CURVES, critical_probability, half_crossing_probability
from dropatlas.percolation.settings import ScalingLaws
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "model": "site (dropout, real-valued width) or bond (dropconnect, n where (C log n)^tau is the integer width)",
    "curve": "exact, or one of the published bounds (bond)",
    "constant": "C of the law W = (C log n)^tau, L = n",
    "exponent": "tau of the law",
    "log10_n": "log10 of the depth n",
    "width": "(C log n)^tau",
    "half_probability": "removal probability at which theta = 1/2",
    "limit": "critical probability, its limit as n -> infinity",
}


def tabulate(settings: ScalingLaws) -> pd.DataFrame:
    """One row per model, curve, law and depth."""
    rows = []
    progress = LoggedProgress(settings.laws(), "finite thresholds", unit="law")
    for model, curve, constant, exponent in progress:
        progress.set_postfix_str(f"{model} {curve} C={constant:g} tau={exponent:g}", refresh=False)
        limit = critical_probability(model, constant, exponent)
        for log_n in settings.threshold_depths(model, constant, exponent):
            name = MODEL_CURVES[model][curve]
            half = half_crossing_probability(name, log_n, constant, exponent, continuous=model == "site")
            width = (constant * log_n) ** exponent
            rows.append((model, curve, constant, exponent, log_n / math.log(10), width, half, limit))
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.percolation.finite_thresholds", ScalingLaws, MEANINGS, tabulate)
