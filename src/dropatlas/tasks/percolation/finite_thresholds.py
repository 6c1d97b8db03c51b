"""The removal probabilities at which theta is 0.01, 1/2 and 0.99 at finite n, on their way to the critical one."""

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
from dropatlas.percolation.settings import (
    FLOOR,
    HALF,
    LARGEST_BOND_LOG10_N,
    NO_FLOOR,
    THRESHOLD_TARGETS,
    ScalingLaws,
)
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "model": "site (dropout) or bond (dropconnect)",
    "curve": "exact, or one of the published bounds (bond)",
    "constant": "C of the law W = (C log n)^tau, L = n",
    "exponent": "tau of the law",
    "rounding": f"{NO_FLOOR}: n at which (C log n)^tau is whole, so that the floor takes nothing; {FLOOR}: "
    "W = floor((C log n)^tau) just below the n at which the law reaches W + 1, where the floor takes most away",
    "log10_n": "log10 of the depth n",
    "width": "width W",
    "target": "theta at the threshold",
    "threshold": "removal probability at which theta is the target",
    "limit": "critical probability, its limit as n -> infinity",
    "theta_at_limit": "theta at p = exp(-1/C) itself (exact curves, critical exponent; told at target 1/2 alone)",
}


def _points(
    settings: ScalingLaws, model: str, curve: str, constant: float, exponent: float
) -> Iterator[tuple[str, float, int]]:
    """Rounding, log n and width of every threshold of a law; the floor for the exact curves alone."""
    log_ns = settings.threshold_depths(model, constant, exponent)
    for log_n in log_ns:
        yield NO_FLOOR, log_n, width_at(log_n, constant, exponent)
    for log_n in log_ns if curve == "exact" else ():
        width = width_at(log_n, constant, exponent)
        worst = log_n_of_width(width + 1, constant, exponent)
        if model == "site" or worst <= LARGEST_BOND_LOG10_N * math.log(10):
            yield FLOOR, worst, width


def tabulate(settings: ScalingLaws) -> pd.DataFrame:
    """One row per model, curve, law, rounding, depth and target."""
    rows = []
    progress = LoggedProgress(settings.laws(), "finite thresholds", unit="law")
    for model, curve, constant, exponent in progress:
        progress.set_postfix_str(f"{model} {curve} C={constant:g} tau={exponent:g}", refresh=False)
        limit, name = critical_probability(model, constant, exponent), MODEL_CURVES[model][curve]
        for rounding, log_n, width in _points(settings, model, curve, constant, exponent):
            there = math.nan
            if curve == "exact" and 0 < limit < 1:
                if model == "site":
                    there = deep_site_crossing(limit, width, log_n)
                else:
                    there = bond_crossing_probability(limit, width, round(math.exp(log_n)))
            law = (model, curve, constant, exponent, rounding)
            for target in THRESHOLD_TARGETS:
                threshold = removal_probability(name, target, width, log_n)
                at_limit = there if target == HALF else math.nan
                rows.append((*law, log_n / math.log(10), width, target, threshold, limit, at_limit))
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.percolation.finite_thresholds", ScalingLaws, MEANINGS, tabulate)
