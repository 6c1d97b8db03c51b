"""Minimum cuts of the bond model: counted exactly, and what they say of rare extinction and the critical window."""

import math
from functools import cache
from itertools import product

import numpy as np
import pandas as pd

from dropatlas.percolation import (
    bond_crossing_probability,
    bond_decay_rate,
    bond_extinction_probability,
    cuts_by_size,
    depth_in_window,
    enumerated_extinction,
    lowest_extinction_term,
    minimum_cut_extinction,
    number_of_edges,
    number_of_minimum_cuts,
    window_parameter,
)
from dropatlas.percolation.cuts import MOST_EDGES
from dropatlas.percolation.settings import RARE, WINDOW, MinimumCuts
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "regime": f"{RARE}: small networks, cuts counted; {WINDOW}: L = x / (2^W p^(W^2))",
    "width": "vertices per layer W",
    "log10_depth": "log10 of the hidden layers L",
    "p": "removal probability of an edge",
    "cuts": "number of minimum cuts by our formula, (2^W - 1) L + 1 (none in the window)",
    "counted_power": "lowest power of p in the extinction polynomial, in exact integers (none in the window)",
    "counted_cuts": "its coefficient: the number of minimum cuts (none in the window)",
    "enumerated_power": f"size of the smallest cut among all edge sets (networks of at most {MOST_EDGES} edges)",
    "enumerated_cuts": "number of cuts of this size among all edge sets (same networks)",
    "enumerated_extinction": "1 - theta summed over all edge sets (same networks)",
    "extinction": "1 - theta by the exact chain",
    "rare_extinction": "number of minimum cuts times p^(W^2)",
    "planned_x": "value of x that the depth was chosen for (in the window)",
    "x": "L 2^W p^(W^2)",
    "theta": "crossing probability by the exact chain",
    "window_theta": "its limit in the window, e^(-x)",
    "rate_ratio": "decay rate of theta per layer over 2^W p^(W^2) (none where p^(W^2) is below the float range)",
}


@cache
def _counts(width: int, depth: int) -> tuple[float, float, float, float, float]:
    power, counted = lowest_extinction_term(width, depth)
    if number_of_edges(width, depth) > MOST_EDGES:
        return number_of_minimum_cuts(width, depth), power, counted, math.nan, math.nan
    sizes = cuts_by_size(width, depth)
    smallest = next(size for size, count in enumerate(sizes) if count)
    return number_of_minimum_cuts(width, depth), power, counted, smallest, sizes[smallest]


def _row(regime: str, p: float, width: int, depth: int, planned_x: float) -> tuple[str | float, ...]:
    small = regime == RARE and number_of_edges(width, depth) <= MOST_EDGES
    x, cut = window_parameter(p, width, depth), 2.0**width * p**width**2
    return (
        *(regime, width, math.log10(depth), p),
        *(_counts(width, depth) if regime == RARE else (math.nan,) * 5),
        enumerated_extinction(p, width, depth) if small else math.nan,
        bond_extinction_probability(p, width, depth),
        minimum_cut_extinction(p, width, depth),
        planned_x,
        x,
        bond_crossing_probability(p, width, depth),
        math.exp(-x),
        bond_decay_rate(p, width) / cut if cut > np.finfo(float).tiny else math.nan,
    )


def tabulate(settings: MinimumCuts) -> pd.DataFrame:
    """One row per small network and p, then one per p, x and width of the critical window."""
    rows = []
    networks = LoggedProgress(list(product(settings.widths, settings.depths)), "minimum cuts")
    for width, depth in networks:
        networks.set_postfix_str(f"W={width} L={depth}", refresh=False)
        rows += [_row(RARE, p, width, depth, math.nan) for p in settings.drop_rates]
    window = list(product(settings.window_drop_rates, settings.window_parameters, settings.window_widths))
    cells = LoggedProgress(window, "critical window")
    for p, x, width in cells:
        cells.set_postfix_str(f"p={p:g} x={x:g} W={width}", refresh=False)
        rows.append(_row(WINDOW, p, width, depth_in_window(p, width, x), x))
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.percolation.minimum_cuts", MinimumCuts, MEANINGS, tabulate)
