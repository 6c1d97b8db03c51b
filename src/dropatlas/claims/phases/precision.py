"""Judge of the claim on floating-point precision, M9 (arXiv 2510.07554); intervals over seeds."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import mean_check, one_of
from dropatlas.claims.parts import LEVEL, Check, Part, decide, one_part_open
from dropatlas.claims.verdicts import Judgement
from dropatlas.phases.exponents import seed_slopes
from dropatlas.phases.precision_errors import final_errors

PRECISION = "phases/precision"


def judge_m9(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M9: in the critical phase (learning rates of order 1/n) floating-point errors become a problem.

    A precision has a problem if its final error at the largest width exceeds `tolerance` of the movement (geometric
    mean), or grows with the width with an exponent above `growth`. Two parts: float32 has one, and some precision has.
    Nothing fails unless all numbers are known and gradient flow in bfloat16, the control, is shown to have a problem at
    learning rates that the critical phase has, too: without it the test might not see one.
    """
    final = final_errors(tables[PRECISION])
    critical = final[(final.regime == "critical") & (final.precision != "float64")]
    lacking = [name for name in ("float32", "bfloat16") if name not in set(critical.precision)]
    measure = "error over movement"
    if lacking:
        return one_part_open("float32 has a problem", measure, f"not run in the critical phase: {', '.join(lacking)}")
    found = {name: _errors(part, criterion) for name, part in critical.groupby("precision", sort=False)}
    control = _errors(final[(final.regime == "gradient_flow") & (final.precision == "bfloat16")], criterion)
    every = [check for pair in found.values() for check in pair]
    sighted = one_of(control).p_holds <= LEVEL
    tells = sighted and all(check.known for check in every)
    parts = [
        Part(name, measure, [one if tells else replace(one, p_fails=1.0)])
        for name, one in (
            ("float32 has a problem", one_of(found["float32"])),
            ("a precision has a problem", one_of(every)),
        )
    ]
    told = ", ".join(f"{name} {_told(pair)}" for name, pair in found.items())
    sight = "a problem, so the test can see one" if sighted else "no clear problem, so the test may be blind"
    context = (
        f"error, exponent in n: {told}; gradient flow at such a learning rate in bfloat16 {_told(control)} ({sight})"
    )
    return decide(parts, context)


def _errors(part: pd.DataFrame, criterion: Mapping[str, float]) -> tuple[Check, Check]:
    """Error at the largest width and its exponent over the width, of one precision: numbers of a problem."""
    name = part.precision.iloc[0] if len(part) else "not run"
    finite = part if np.isfinite(part.relative_error).all() else part[:0]  # what failed must not vanish from a mean
    largest = finite.relative_error[finite.width == part.width.max()]
    error = mean_check(f"{name}, n = {part.width.max()}", largest, (criterion["tolerance"], np.inf), log=True)
    growth = mean_check(name, seed_slopes(finite, "relative_error"), (criterion["growth"], np.inf))
    return error, replace(growth, measure="exponent in n of the error over movement")


def _told(pair: tuple[Check, Check]) -> str:
    return f"{pair[0].value.estimate:.1e}, {pair[1].value.estimate:z.2f}"
