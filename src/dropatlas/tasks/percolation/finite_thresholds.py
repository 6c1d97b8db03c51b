"""The removal probability at which theta = 1/2 at finite n, on its way to the critical probability."""

import math
from itertools import product

import pandas as pd

from dropatlas.percolation import critical_probability, half_crossing_probability, log_n_of_width
from dropatlas.percolation.settings import ScalingLaws
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.percolation.scaling_laws import CURVES
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
LARGEST_BOND_LOG10_N = 300.0  # the exact chain counts layers up to here


def _depths(model: str, settings: ScalingLaws, constant: float, exponent: float) -> list[float]:
    if model == "site":
        return [log10_n * math.log(10) for log10_n in settings.site_threshold_log10_depths]
    widths = range(2, settings.bond_threshold_largest_width + 1)
    log_ns = [log_n_of_width(width, constant, exponent) for width in widths]
    return [log_n for log_n in log_ns if log_n <= LARGEST_BOND_LOG10_N * math.log(10)]


def tabulate(settings: ScalingLaws) -> pd.DataFrame:
    """One row per model, curve, law and depth."""
    exponents = {"site": settings.site_exponents, "bond": settings.bond_exponents}
    laws = [
        (model, curve, constant, exponent)
        for model, curves in CURVES.items()
        for curve, constant, exponent in product(curves, settings.constants, exponents[model])
    ]
    rows = []
    progress = LoggedProgress(laws, "finite thresholds", unit="law")
    for model, curve, constant, exponent in progress:
        progress.set_postfix_str(f"{model} {curve} C={constant:g} tau={exponent:g}", refresh=False)
        limit = critical_probability(model, constant, exponent)
        for log_n in _depths(model, settings, constant, exponent):
            half = half_crossing_probability(
                CURVES[model][curve], log_n, constant, exponent, continuous=model == "site"
            )
            width = (constant * log_n) ** exponent
            rows.append((model, curve, constant, exponent, log_n / math.log(10), width, half, limit))
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.percolation.finite_thresholds", ScalingLaws, MEANINGS, tabulate)
