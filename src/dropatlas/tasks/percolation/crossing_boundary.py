"""The boundary in the (W, L) plane: how deep a network of width W may be before theta falls to a target."""

import math
from itertools import product

import pandas as pd

from dropatlas.percolation import critical_depth
from dropatlas.percolation.settings import CrossingBoundary
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "model": "site (dropout) or bond (dropconnect)",
    "p": "removal probability",
    "width": "vertices per layer W",
    "target": "crossing probability on the boundary",
    "log10_depth": "log10 of the smallest depth L with theta <= target (-inf for L = 0)",
}
DEEPEST_LOG10 = 12.0  # deeper boundaries are of no practical use and are left out


def tabulate(settings: CrossingBoundary) -> pd.DataFrame:
    """One row per model, removal probability and width, up to the depth 10^12."""
    rows = []
    progress = LoggedProgress(list(product(("site", "bond"), settings.drop_rates)), "crossing boundary", unit="curve")
    for model, p in progress:
        progress.set_postfix_str(f"{model} p={p:g}", refresh=False)
        for width in range(1, settings.largest_width + 1):
            depth = critical_depth(model, p, width, settings.target)
            log10_depth = math.log10(depth) if depth else -math.inf
            if log10_depth > DEEPEST_LOG10:
                break
            rows.append((model, p, width, settings.target, log10_depth))
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.percolation.crossing_boundary", CrossingBoundary, MEANINGS, tabulate)
