"""Captions of the percolation report name the right numbers, on tables small enough to check by hand."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.captions import percolation as captions
from dropatlas.percolation.settings import FLOOR, HALF, NO_FLOOR, RARE, WINDOW

CELLS = pd.DataFrame(
    [
        ("site", 10, 0.50, 0.53, 0.49, 0.57),
        ("bond", 10, 0.80, 0.76, 0.72, 0.79),  # misses, by the largest deviation
        ("site", 1, 0.90, 0.90, 0.88, 0.92),
    ],
    columns=["model", "depth", "theta", "estimate", "interval_low", "interval_high"],
).assign(samples=500)
WIDTHS = pd.DataFrame(
    [(model, p, depth) for model in ("site", "bond") for p in (0.1, 0.5, 0.9) for depth in (10, 1000)],
    columns=["model", "p", "depth"],
).assign(width=range(1, 13), target=0.99)
LAWS = pd.DataFrame({"constant": [2.0, 1.0], "log10_n": [5.0, 12.0]})
THRESHOLDS = pd.DataFrame(
    [
        ("site", "exact", 1.0, 1.0, NO_FLOOR, 100.0, 7.0, 0.30, 0.37, 0.36),
        ("site", "exact", 1.0, 1.0, NO_FLOOR, 2000.0, 9.0, 0.36, 0.37, 0.37),
        ("site", "exact", 1.0, 1.0, FLOOR, 2000.0, 9.0, 0.33, 0.37, 0.0659),
        ("site", "exact", 2.0, 1.0, NO_FLOOR, 2000.0, 9.0, 0.59, 0.61, 0.37),
        ("bond", "exact", 1.0, 0.5, NO_FLOOR, 20.0, 5.0, 0.25, 0.37, 1e-9),
        ("bond", "exact", 1.0, 0.5, NO_FLOOR, 80.0, 9.0, 0.33, 0.37, 0.0),
        ("bond", "upper bound", 1.0, 0.5, NO_FLOOR, 90.0, 9.0, 0.40, 0.37, np.nan),
    ],
    columns=["model", "curve", "constant", "exponent", "rounding", "log10_n", "width", "threshold", "limit"]
    + ["theta_at_limit"],
).assign(target=HALF)
CUTS = pd.DataFrame(
    [
        (RARE, 2, 0.1, 0.3, 0.2, 0.8, np.nan),
        (RARE, 2, 0.01, 0.103, 0.1, 0.9, np.nan),  # off by 3 %
        (WINDOW, 8, 0.3, 0.7, np.nan, 0.30, 0.37),
        (WINDOW, 16, 0.3, 0.7, np.nan, 0.35, 0.37),
    ],
    columns=["regime", "width", "p", "extinction", "rare_extinction", "theta", "window_theta"],
)
OPEN = pd.DataFrame({"samples": 8000, "share": [0.61, 0.30], "poisson": [0.607, 0.303]})
BUDGET = pd.DataFrame(
    {"model": "site", "p": 0.3, "budget": 1000, "width": [1, 2, 3]}
    | {"theta": [0.1, 0.5, 0.9], "extinction": [0.9, 0.5, 0.1]}
)
AGREEMENT = {"critical_tolerance": 0.001, "outer_tolerance": 0.1}
TOPOLOGIES = pd.DataFrame(
    [
        (0.5, 0.5, 0.4, 0.6),
        (0.5, 0.5, 0.6, 0.7),  # missed from above
        (0.2, 0.2, 0.1, 0.15),  # and from below
        (0.8, 0.8, 0.7, 0.9),
        (0.2, 0.4, 0.5, 0.6),  # bounds alone say nothing
        (1.0, 1.0, 0.9, 0.95),  # nor does what is certain
    ],
    columns=["known_low", "known_high", "interval_low", "interval_high"],
).assign(samples=200)
TABLES = {
    "crossing_grid": (CELLS,),
    "sampling_agreement": (CELLS, 5.2),
    "required_width": (WIDTHS,),
    "parameter_budget": (BUDGET, WIDTHS, 1.0, 10),
    "scaling_site": (LAWS,),
    "thresholds_site": (THRESHOLDS, AGREEMENT),
    "scaling_bond": (LAWS,),
    "thresholds_bond": (THRESHOLDS, AGREEMENT),
    "critical_point": (THRESHOLDS,),
    "minimum_cuts": (CUTS, {"ratio_tolerance": 0.02, "window_tolerance": 0.01}),
    "open_cuts": (OPEN, 0.05),
    "crossing_boundary": (pd.DataFrame({"target": [0.5, 0.5]}),),
    "topologies": (TOPOLOGIES,),
}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("crossing_grid", "at depth L = 10. "),
        ("crossing_grid", "500 sampled masks each, at p solved for θ between 0.5 and 0.9,"),
        ("crossing_grid", "lies in 50% of the 2 intervals."),
        ("sampling_agreement", "All 3 cells, 500 masks each"),
        ("sampling_agreement", "margin of 5.2 (dashed; largest excess 2.2,"),  # 0.04 / sqrt(0.16 / 500)
        (
            "required_width",
            "0.99, by depth. At p = 0.5 and L = 1,000 dropout needs W = 4, dropconnect W = 10.",
        ),
        ("parameter_budget", "(least rise of the natural logarithm: 2.2)"),  # log 9
        (
            "parameter_budget",
            "from L = 10 to L = 1,000, beside the least that exponential growth asks for, 1 (largest 0.",
        ),
        ("scaling_site", "C = 1: crossing probability up to n = 10^12,"),
        ("thresholds_site", "to log10 n = 2,000;"),
        ("thresholds_site", "0.001 at τ = 1 and 0.1 otherwise"),
        ("thresholds_site", "At τ = 1 the last threshold with θ = 1/2 differs from exp(-1/C) by at most 0.02."),
        ("scaling_bond", "C = 1: "),
        ("thresholds_bond", "up to n = 10^80. "),
        ("thresholds_bond", "At τ = 1/2, θ = 1/2: C = 1: 0.330 at W = 9, limit 0.370."),
        ("critical_point", "C = 1: 0.0659 and 0.3700; C = 2: 0.3700 and 0.3700"),
        ("minimum_cuts", "at p = 0.01 every network must be within 0.02 of 1 (largest distance 0.03)"),
        ("minimum_cuts", "below 0.01 at W = 16 (largest 0.02;"),
        ("open_cuts", "of 8,000 sampled networks per cell"),
        ("open_cuts", "±0.05 (largest distance 0.003)"),
        ("crossing_boundary", "falls to 0.5, "),
        ("topologies", "(200 masks, "),
        ("topologies", "Of the 4 cells with an exact value between 0.001 and 0.999, 2 intervals miss it (50%; "),
    ],
)
def test_a_caption_names_the_number(name, told):
    assert told in getattr(captions, name)(*TABLES[name])


@pytest.mark.parametrize(
    ("name", "rows", "left_out"),
    [
        *((name, rows[0], "nan") for name, rows in TABLES.items()),
        ("thresholds_site", THRESHOLDS.assign(exponent=0.8), "At τ = 1"),
        ("thresholds_bond", THRESHOLDS.assign(exponent=0.4), "At τ = 1/2"),
        ("topologies", TOPOLOGIES[TOPOLOGIES.known_low != TOPOLOGIES.known_high], "intervals miss it"),
    ],
)
def test_a_caption_says_nothing_of_what_is_not_there(name, rows, left_out):
    caption = getattr(captions, name)(rows, *TABLES[name][1:])
    assert left_out not in caption
    assert "nan" not in caption
    assert caption.endswith(".")
