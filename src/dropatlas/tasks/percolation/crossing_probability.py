"""Crossing probability where sampled masks can tell: theory, bounds and sampled masks with exact intervals."""

import math

import pandas as pd

from dropatlas.percolation import crossing_with_bounds, removal_probability, sample_crossings
from dropatlas.percolation.settings import CrossingGrid
from dropatlas.progress import LoggedProgress
from dropatlas.stats import binomial_interval, binomial_p_value
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "model": "site (dropout: hidden vertices removed) or bond (dropconnect: edges removed)",
    "p": "removal probability, solved for a planned crossing probability and rounded to six decimals",
    "width": "vertices per layer W",
    "depth": "hidden layers L",
    "theta": "exact crossing probability",
    "lower_bound": "published lower bound (bond), theta itself (site)",
    "upper_bound": "published upper bound (bond), theta itself (site)",
    "samples": "sampled masks",
    "crossings": "masks with a path from input to output",
    "estimate": "crossings / samples",
    "interval_low": "lower end of the exact 95 % interval of the estimate",
    "interval_high": "upper end of the exact 95 % interval of the estimate",
    "p_value": "two-sided exact binomial p-value of theta",
}


def tabulate(settings: CrossingGrid, seed: int) -> pd.DataFrame:
    """One row per model and cell of the grid."""
    rows = []
    progress = LoggedProgress(settings.cells(), "crossing probability")
    for model, width, depth, target in progress:
        p = round(removal_probability(model, target, width, math.log(depth)), 6)
        progress.set_postfix_str(f"{model} W={width} L={depth} p={p:g}", refresh=False)
        theta, lower, upper = crossing_with_bounds(model, p, width, depth)
        crossings = sample_crossings(model, p, width, depth, settings.samples, seed)
        interval = binomial_interval(crossings, settings.samples)
        p_value = binomial_p_value(crossings, settings.samples, theta)
        rows.append(
            (model, p, width, depth, theta, lower, upper, settings.samples, crossings)
            + (interval.estimate, interval.low, interval.high, p_value)
        )
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.percolation.crossing_probability", CrossingGrid, MEANINGS, tabulate)
