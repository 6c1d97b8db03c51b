"""Exact crossing probability and published bounds as fine curves over p, for every (W, L) of the sampled grid."""

from itertools import product

import numpy as np
import pandas as pd

from dropatlas.percolation import crossing_with_bounds
from dropatlas.percolation.settings import CrossingGrid
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "model": "site (dropout: hidden vertices removed) or bond (dropconnect: edges removed)",
    "p": "removal probability",
    "width": "vertices per layer W",
    "depth": "hidden layers L",
    "theta": "exact crossing probability",
    "lower_bound": "published lower bound (bond), theta itself (site)",
    "upper_bound": "published upper bound (bond), theta itself (site)",
}
STEPS = 200


def tabulate(settings: CrossingGrid) -> pd.DataFrame:
    """One row per model, width, depth and p = 0, 1/200, ..., 1."""
    rows = []
    progress = LoggedProgress(list(product(settings.widths, settings.depths)), "crossing curves", unit="curve")
    for width, depth in progress:
        progress.set_postfix_str(f"W={width} L={depth}", refresh=False)
        for p in np.linspace(0, 1, STEPS + 1).tolist():
            for model in ("site", "bond"):
                rows.append((model, p, width, depth, *crossing_with_bounds(model, p, width, depth)))
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.percolation.crossing_curves", CrossingGrid, MEANINGS, tabulate)
