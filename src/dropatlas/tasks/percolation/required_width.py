"""Smallest width whose crossing probability reaches a target, by depth."""

from itertools import product

import pandas as pd

from dropatlas.percolation import bond_crossing_probability, required_width, site_crossing_probability
from dropatlas.percolation.settings import RequiredWidth
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "model": "site (dropout) or bond (dropconnect)",
    "p": "removal probability",
    "depth": "hidden layers L",
    "target": "crossing probability to reach",
    "width": "smallest width W that reaches it",
    "theta": "crossing probability at this width",
}


def tabulate(settings: RequiredWidth) -> pd.DataFrame:
    """One row per model, removal probability and depth."""
    cells = list(product(("site", "bond"), settings.drop_rates, settings.depths))
    crossing = {"site": site_crossing_probability, "bond": bond_crossing_probability}
    rows = []
    progress = LoggedProgress(cells, "required width")
    for model, p, depth in progress:
        progress.set_postfix_str(f"{model} p={p:g} L={depth}", refresh=False)
        width = required_width(model, p, depth, settings.target)
        rows.append((model, p, depth, settings.target, width, crossing[model](p, width, depth)))
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.percolation.required_width", RequiredWidth, MEANINGS, tabulate)
