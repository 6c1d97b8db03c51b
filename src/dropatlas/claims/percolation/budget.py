"""Judge of P18: width against depth at a fixed number of weights (arXiv 2512.13853, the design trade-off)."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import ANYWHERE, exact_check, no_number
from dropatlas.claims.parts import Check, Part, decide
from dropatlas.claims.verdicts import Judgement
from dropatlas.percolation.effects import budget_rises, growth_ratios, width_exponents

BUDGET, WIDTHS = "percolation/parameter_budget", "percolation/required_width"
LEAST_RISE = 1e-9


def _rises(rows: pd.DataFrame) -> list[Check]:
    """Smallest rise of the log odds of θ from one width to the next, in every (model, p, budget)."""
    checks = []
    for (model, p, budget), cells in rows.groupby(["model", "p", "budget"]):
        where, steps = f"{model}, p = {p:g}, {budget:,} weights", budget_rises(cells)
        if np.isnan(cells[["theta", "extinction"]].to_numpy()).any() or not len(steps):
            checks.append(no_number(where, (LEAST_RISE, np.inf)))
        else:
            checks.append(exact_check(where, float(steps.min()), (LEAST_RISE, np.inf), len(steps)))
    return checks


def _steps(rows: pd.DataFrame) -> tuple[int, int]:
    """Steps from one width to the next, and how many of them have a number."""
    groups = [cells for _, cells in rows.groupby(["model", "p", "budget"])]
    return sum(len(cells) - 1 for cells in groups), sum(len(budget_rises(cells)) for cells in groups)


def judge_p18(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P18: at a fixed number of weights wider is safer; and deeper asks for exponentially more width.

    Two parts. θ must rise from every width to the next. The exponent a of W ~ L^a, between the smallest depth from
    `from_depth` on and the largest, fails below `least_exponent`: a width that grows exponentially with the depth beats
    every power, one that grows like log L has a near 0. A power of at least 1 is not exponential yet: the part holds
    only if log W also grows like L, its rise per layer in the later depths over that in the earlier ones being at least
    `least_growth_ratio`; or else it is open.
    """
    from_depth = criterion["from_depth"]
    growth = [
        exact_check(f"{model}, p = {p:g}", exponent, (criterion["least_exponent"], np.inf))
        for (model, p), exponent in width_exponents(tables[WIDTHS], from_depth).items()
    ]
    growth += [
        replace(
            exact_check(
                f"{model}, p = {p:g}", ratio, (criterion["least_growth_ratio"], np.inf), fails_outside=ANYWHERE
            ),
            measure="rise of log W per layer, later depths over earlier ones,",
        )
        for (model, p), ratio in growth_ratios(tables[WIDTHS], from_depth).items()
    ]
    steps, told = _steps(tables[BUDGET])
    return decide(
        [
            Part(
                "at a fixed number of weights θ rises with the width",
                "least rise of log θ/(1 − θ)",
                _rises(tables[BUDGET]),
            ),
            Part(
                "deeper networks need exponentially more width",
                "exponent a of the width needed, W ~ L^a,",
                growth,
                why_open="too few depths",
            ),
        ],
        f"{steps - told} of {steps} steps of the width lie below the float range and are left out",
    )
