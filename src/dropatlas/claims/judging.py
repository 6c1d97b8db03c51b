"""The judge of every claim, found by its id, and the rules that hold for all: missing evidence, too small a scale."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import pandas as pd

from dropatlas.claims.collapse import (
    blindness,
    drift,
    gradients,
    learning_time,
    modified,
    topologies,
    tradeoffs,
    trainability,
)
from dropatlas.claims.ddc import ablations, benchmarks
from dropatlas.claims.ledger import SCALE_ORDER, LedgerError, Statement
from dropatlas.claims.percolation import budget, crossing, cuts, thresholds
from dropatlas.claims.phases import (
    coupling,
    curvature,
    depth,
    diagram,
    digits,
    penalty,
    precision,
    stability,
    students,
)
from dropatlas.claims.verdicts import SO_FAR, Judgement, Verdict, undecided

Judge = Callable[[Mapping[str, pd.DataFrame], Mapping[str, float]], Judgement]

MODULES = (
    crossing,
    thresholds,
    cuts,
    budget,
    blindness,
    drift,
    gradients,
    trainability,
    learning_time,
    modified,
    topologies,
    tradeoffs,
    students,
    depth,
    diagram,
    penalty,
    curvature,
    stability,
    digits,
    precision,
    coupling,
    ablations,
    benchmarks,
)


def judge_of(claim: Statement) -> Judge:
    """The function `judge_<id>` in one of the modules of judges, such as `judge_p7` for P7.

    Raises:
        LedgerError: there is none, or more than one.
    """
    name = f"judge_{claim.id.lower()}"
    found = [getattr(module, name) for module in MODULES if hasattr(module, name)]
    if len(found) != 1:
        raise LedgerError(f"claim {claim.id}: {len(found)} functions {name} in dropatlas.claims, one is needed")
    return found[0]


def judge(claim: Statement, tables: Mapping[str, pd.DataFrame], scale: str) -> Judgement:
    """Judge one claim.

    Args:
        claim: Entry of the ledger.
        tables: Result tables by name; those of `claim.evidence` that are missing were not run.
        scale: Scale of the run; below `claim.min_scale` the verdict is inconclusive, whatever the numbers say. So it
            is if a number is not finite, or the judge cannot make sense of the tables.

    Raises:
        LedgerError: the claim has no judge.
    """
    judge_claim = judge_of(claim)
    missing = [name for name in claim.evidence if name not in tables]
    if missing:
        reason = f"no table {', '.join(missing)}"
        return Judgement(Verdict.NOT_RUN, "none", math.nan, math.nan, math.nan, 0, reason)
    try:
        found = judge_claim(tables, claim.criterion)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # one broken table must not cost the verdicts on all other claims
        found = undecided("none", 0, f"the evidence cannot be judged ({type(error).__name__}: {error})")
    if found.verdict == Verdict.INCONCLUSIVE:
        return found
    if SCALE_ORDER.index(scale) < SCALE_ORDER.index(claim.min_scale):
        reason = f"needs scale {claim.min_scale} to decide{SO_FAR} {found.reason}"
        return replace(found, verdict=Verdict.INCONCLUSIVE, reason=reason, p_value=math.nan)
    return replace(found, verdict=found.verdict.for_group(claim.group))
