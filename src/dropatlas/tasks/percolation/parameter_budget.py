"""Width against depth: exact crossing probability of the networks that one number of weights allows."""

from itertools import product

import pandas as pd

from dropatlas.percolation import (
    bond_crossing_probability,
    bond_extinction_probability,
    number_of_edges,
    site_crossing_probability,
    site_extinction_probability,
)
from dropatlas.percolation.settings import ParameterBudget
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "model": "site (dropout) or bond (dropconnect)",
    "p": "removal probability",
    "budget": "weights that a network may have",
    "width": "vertices per layer W",
    "depth": "hidden layers L, as many as the budget allows",
    "weights": "weights of the network, (L + 1) W^2",
    "theta": "exact crossing probability",
    "extinction": "1 - theta, accurate to its own size",
}
MODELS = {
    "site": (site_crossing_probability, site_extinction_probability),
    "bond": (bond_crossing_probability, bond_extinction_probability),
}


def tabulate(settings: ParameterBudget) -> pd.DataFrame:
    """One row per model, removal probability, budget and width."""
    cells = [(*cell, *network) for cell in product(MODELS, settings.drop_rates) for network in settings.networks()]
    rows = []
    progress = LoggedProgress(cells, "parameter budget")
    for model, p, budget, width, depth in progress:
        progress.set_postfix_str(f"{model} p={p:g} budget={budget} W={width}", refresh=False)
        crossing, extinction = MODELS[model]
        weights = number_of_edges(width, depth)
        rows.append((model, p, budget, width, depth, weights, crossing(p, width, depth), extinction(p, width, depth)))
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.percolation.parameter_budget", ParameterBudget, MEANINGS, tabulate)
