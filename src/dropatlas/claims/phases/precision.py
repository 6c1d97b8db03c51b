"""Judge of the claim on floating-point precision, M9 (arXiv 2510.07554); intervals over seeds."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from dropatlas.claims.checks import mean_check, one_of
from dropatlas.claims.parts import LEVEL, Check, Part, decide, one_part_open
from dropatlas.claims.verdicts import Judgement
from dropatlas.phases.exponents import seed_slopes
from dropatlas.phases.precision_errors import ORDERS, final_errors

PRECISION = "phases/precision"


def judge_m9(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M9: in the critical phase (learning rates of order 1/n) floating-point errors become a problem.

    A precision has a problem if in one of the two orders of operations its final error at the largest width exceeds
    `tolerance` of the movement (geometric mean; a network that has diverged counts with all of it), or grows with the
    width with an exponent above `growth`. Two parts: float32 has one, and some precision has. Nothing fails unless all
    numbers are known and gradient flow in bfloat16, the control, is shown to have a problem in both orders at learning
    rates that the critical phase has, too: without it the test might not see one.
    """
    final = final_errors(tables[PRECISION])
    critical = final[(final.regime == "critical") & (final.precision != "float64")]
    arms = set(zip(critical.precision, critical.order, strict=True))
    needed = product(("float32", "float16", "bfloat16"), ORDERS)
    lacking = [" ".join(arm) for arm in needed if arm not in arms]
    measure = "error over movement"
    if lacking:
        return one_part_open("float32 has a problem", measure, f"not run in the critical phase: {', '.join(lacking)}")
    found = {arm: _errors(part, criterion) for arm, part in critical.groupby(["precision", "order"], sort=False)}
    flow = final[(final.regime == "gradient_flow") & (final.precision == "bfloat16")]
    control = [_errors(flow[flow.order == order], criterion) for order in ORDERS]
    every = [check for pair in found.values() for check in pair]
    single = [check for (name, _), pair in found.items() for check in pair if name == "float32"]
    sighted = all(one_of(pair).p_holds <= LEVEL for pair in control)
    tells = sighted and all(check.known for check in every)
    parts = [
        Part(name, measure, [one if tells else replace(one, p_fails=1.0)])
        for name, one in (
            ("float32 has a problem", one_of(single)),
            ("a precision has a problem", one_of(every)),
        )
    ]
    told = "; ".join(f"{name}, {order} {_told(pair)}" for (name, order), pair in found.items())
    sight = "a problem, so the test can see one" if sighted else "no clear problem, so the test may be blind"
    seen = "; ".join(_told(pair) for pair in control)
    context = f"error, exponent in n: {told}; gradient flow at such a learning rate in bfloat16 {seen} ({sight})"
    return decide(parts, context)


def _errors(part: pd.DataFrame, criterion: Mapping[str, float]) -> tuple[Check, Check]:
    """Error at the largest width and its exponent over the width, of one arm: numbers of a problem."""
    name = f"{part.precision.iloc[0]}, {part.order.iloc[0]}" if len(part) else "not run"
    finite = part if np.isfinite(part.relative_error).all() else part[:0]  # what failed must not vanish from a mean
    largest = finite.relative_error[finite.width == part.width.max()]
    error = mean_check(f"{name}, n = {part.width.max()}", largest, (criterion["tolerance"], np.inf), log=True)
    growth = mean_check(name, seed_slopes(finite, "relative_error"), (criterion["growth"], np.inf))
    return error, replace(growth, measure="exponent in n of the error over movement")


def _told(pair: tuple[Check, Check]) -> str:
    return f"{pair[0].value.estimate:.1e}, {pair[1].value.estimate:z.2f}"
