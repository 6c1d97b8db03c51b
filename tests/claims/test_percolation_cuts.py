"""Judges P14 and P18 on fabricated evidence: what cannot tell stays open, what is missing decides nothing."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import Verdict, load_ledger
from dropatlas.claims.judging import judge
from dropatlas.percolation.settings import FLOOR, NO_FLOOR, RARE, WINDOW

LEDGER = load_ledger()
CUTS, OPEN, THRESHOLDS = "percolation/minimum_cuts", "percolation/open_cuts", "percolation/finite_thresholds"
BUDGET, WIDTHS = "percolation/parameter_budget", "percolation/required_width"


def cut_tables():
    """Evidence on which every part of P14 holds."""
    counted = {"cuts": 4.0, "counted_power": 4.0, "counted_cuts": 4.0, "enumerated_power": 4.0, "enumerated_cuts": 4.0}
    drop_rates, widths = np.array([0.1, 0.01, 0.001, 0.0001]), np.array([2, 4, 8, 16])
    rare = pd.DataFrame({"regime": RARE, "width": 2, "log10_depth": 0.0, "p": drop_rates} | counted)
    rare = rare.assign(rare_extinction=4 * rare.p**4, extinction=4 * rare.p**4 * (1 + rare.p))
    window = pd.DataFrame({"regime": WINDOW, "width": widths, "p": 0.3, "planned_x": 1.0, "x": 1.0})
    window = window.assign(theta=0.3679 - 0.1 / window.width**2, window_theta=0.3679)
    cuts = pd.concat([rare, window], ignore_index=True)
    poisson = np.array([0.607, 0.303, 0.076, 0.014])
    opened = pd.DataFrame({"width": 2, "p": 0.1, "depth": 1250, "bound": 0.01, "open_cuts": range(4)})
    opened = opened.assign(more=opened.open_cuts == 3, poisson=poisson, samples=8000, networks=8000 * poisson)
    points = [("site", 1.0, rounding) for rounding in (NO_FLOOR, FLOOR)] + [("bond", 1.0, NO_FLOOR)]
    ends = {("site", NO_FLOOR): np.exp(-1), ("site", FLOOR): np.exp(-np.e), ("bond", NO_FLOOR): 0.0}
    rows = [
        (model, constant, rounding, step, step, ends[model, rounding] + 0.1 * 4.0**-step)
        for model, constant, rounding in points
        for step in range(1, 7)
    ]
    columns = ["model", "constant", "rounding", "log10_n", "width", "theta_at_limit"]
    return {CUTS: cuts, OPEN: opened, THRESHOLDS: pd.DataFrame(rows, columns=columns)}


def states(tables, identifier="P14"):
    return [str(part.state) for part in judge(LEDGER[identifier], tables, "quick").parts]


def test_all_parts_hold():
    assert judge(LEDGER["P14"], cut_tables(), "quick").verdict == Verdict.SUPPORTED
    assert states(cut_tables()) == ["holds"] * 6


@pytest.mark.parametrize(
    ("table", "rows", "column", "value", "part", "state"),
    [
        (CUTS, 3, "counted_cuts", 5.0, 0, "fails"),
        (CUTS, 0, "enumerated_cuts", 3.0, 0, "fails"),
        (CUTS, 0, "counted_power", 3.0, 0, "fails"),
        (CUTS, 0, "cuts", np.nan, 0, "open"),
        (CUTS, 3, "extinction", 4.2e-16, 1, "fails"),  # 5 % off at the smallest p
        (CUTS, 2, "extinction", np.nan, 1, "open"),
        (CUTS, 7, "theta", 0.34, 2, "fails"),  # moves away at the largest width
        (CUTS, 5, "theta", np.nan, 2, "open"),
        (OPEN, 1, "networks", 3000, 3, "fails"),  # a share of 0.375 in the place of 0.303
        (OPEN, 1, "networks", np.nan, 3, "open"),
        (OPEN, 2, "bound", 0.06, 3, "open"),  # its own bound is no better than the margin
        (THRESHOLDS, 17, "theta_at_limit", 0.05, 4, "fails"),
        (THRESHOLDS, 5, "theta_at_limit", 0.40, 5, "fails"),
        (THRESHOLDS, 11, "theta_at_limit", 0.36, 5, "fails"),
    ],
)
def test_each_part_fails_or_stays_open_alone(table, rows, column, value, part, state):
    tables = cut_tables()
    changed = tables[table].astype({column: float})
    changed.loc[rows if column != "counted_cuts" else list(range(4)), column] = value
    tables[table] = changed
    expected = ["holds"] * 6
    expected[part] = state
    assert states(tables) == expected


def test_without_the_floor_no_oscillation_is_seen():
    tables = cut_tables()
    tables[THRESHOLDS] = tables[THRESHOLDS].query("rounding == @NO_FLOOR")
    assert states(tables)[5] == "open"


def test_without_rows_nothing_is_decided():
    found = judge(LEDGER["P14"], {name: rows.iloc[:0] for name, rows in cut_tables().items()}, "quick")
    assert found.verdict == Verdict.INCONCLUSIVE


def budget_tables(odds=(-3.0, -1.0, 2.0), widths=(4, 40, 4000)):
    theta = 1 / (1 + np.exp(-np.array(odds)))
    budget = pd.DataFrame({"model": "site", "p": 0.3, "budget": 1000, "width": [1, 2, 4]})
    needed = pd.DataFrame({"model": "site", "p": 0.3, "depth": [100, 1000, 2800], "width": widths})
    return {BUDGET: budget.assign(theta=theta, extinction=1 - theta), WIDTHS: needed}


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        (budget_tables(), ["holds", "holds"]),
        (budget_tables(widths=(4, 6, 7)), ["holds", "fails"]),
        (budget_tables(odds=(-3.0, 2.0, 1.0)), ["fails", "holds"]),
        (budget_tables(odds=(-3.0, 2.0, 2.0)), ["fails", "holds"]),
        (budget_tables(odds=(-3.0, np.nan, 2.0)), ["open", "holds"]),
        (budget_tables(widths=(4, 40, np.nan)), ["holds", "open"]),
        (budget_tables(widths=(4, 40, 112)), ["holds", "open"]),  # W = L/25: a power of the depth
        (budget_tables(widths=(4, 4, 4000)), ["holds", "open"]),
    ],
)
def test_the_design_rule_part_by_part(tables, expected):
    assert states(tables, "P18") == expected


def test_one_depth_shows_no_growth():
    tables = budget_tables()
    tables[WIDTHS] = tables[WIDTHS].iloc[:1]
    assert states(tables, "P18") == ["holds", "open"]
