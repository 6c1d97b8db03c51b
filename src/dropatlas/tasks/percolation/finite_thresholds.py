"""The removal probability at which theta = 1/2 at finite n, on its way to the critical probability."""

import math
from collections.abc import Iterator

import pandas as pd

from dropatlas.percolation import (
    MODEL_CURVES,
    bond_crossing_probability,
    critical_probability,
    deep_site_crossing,
    log_n_of_width,
    removal_probability,
    width_at,
)
from dropatlas.percolation.settings import FLOOR, LARGEST_BOND_LOG10_N, NO_FLOOR, ScalingLaws
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "model": "site (dropout) or bond (dropconnect)",
    "curve": "exact, or one of the published bounds (bond)",
    "constant": "C of the law W = (C log n)^tau, L = n",
    "exponent": "tau of the law",
    "rounding": f"{NO_FLOOR}: real-valued width (site), or n at which (C log n)^tau is whole (bond); {FLOOR}: "
    "W = floor((C log n)^tau) just below the n at which the law reaches W + 1, where the floor takes most away",
    "log10_n": "log10 of the depth n",
    "width": "width W",
    "half_probability": "removal probability at which theta = 1/2",
    "limit": "critical probability, its limit as n -> infinity",
    "theta_at_limit": "theta at p = exp(-1/C) itself (exact curves, critical exponent only)",
}


def _points(
    settings: ScalingLaws, model: str, curve: str, constant: float, exponent: float
) -> Iterator[tuple[str, float, float]]:
    """Rounding, log n and width of every threshold of a law; the floor for the exact curves alone."""
    log_ns = settings.threshold_depths(model, constant, exponent)
    for log_n in log_ns:
        yield (
            NO_FLOOR,
            log_n,
            (constant * log_n) ** exponent if model == "site" else width_at(log_n, constant, exponent),
        )
    for log_n in log_ns if curve == "exact" else ():
        if log_n >= log_n_of_width(1, constant, exponent):
            width = width_at(log_n, constant, exponent)
            worst = log_n_of_width(width + 1, constant, exponent)
            if model == "site" or worst <= LARGEST_BOND_LOG10_N * math.log(10):
                yield FLOOR, worst, width


def tabulate(settings: ScalingLaws) -> pd.DataFrame:
    """One row per model, curve, law, rounding and depth."""
    rows = []
    progress = LoggedProgress(settings.laws(), "finite thresholds", unit="law")
    for model, curve, constant, exponent in progress:
        progress.set_postfix_str(f"{model} {curve} C={constant:g} tau={exponent:g}", refresh=False)
        limit, name = critical_probability(model, constant, exponent), MODEL_CURVES[model][curve]
        for rounding, log_n, width in _points(settings, model, curve, constant, exponent):
            half, there = removal_probability(name, 0.5, width, log_n), math.nan
            if curve == "exact" and 0 < limit < 1:
                if model == "site":
                    there = deep_site_crossing(limit, width, log_n)
                else:
                    there = bond_crossing_probability(limit, int(width), round(math.exp(log_n)))
            law = (model, curve, constant, exponent, rounding)
            rows.append((*law, log_n / math.log(10), width, half, limit, there))
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.percolation.finite_thresholds", ScalingLaws, MEANINGS, tabulate)
