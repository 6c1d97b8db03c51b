"""Judges by name, and the rules that hold for every claim: missing evidence, too small a scale."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import pandas as pd

from dropatlas.claims import (
    collapse_learning,
    collapse_movement,
    collapse_variants,
    ddc_ablations,
    ddc_benchmark,
    meanfield_mechanisms,
    meanfield_variants,
    percolation,
    phase_diagram,
)
from dropatlas.claims.ledger import SCALE_ORDER, Claim, LedgerError
from dropatlas.claims.verdicts import Judgement, Verdict, undecided

Judge = Callable[[Mapping[str, pd.DataFrame], Mapping[str, float]], Judgement]

JUDGES: dict[str, Judge] = {
    "site_formula": percolation.judge_site_formula,
    "bond_bounds_and_chain": percolation.judge_bond_bounds_and_chain,
    "site_trichotomy": percolation.judge_site_trichotomy,
    "bond_gap_closes": percolation.judge_bond_gap_closes,
    "decoupling": collapse_movement.judge_decoupling,
    "drift_bound": collapse_movement.judge_drift_bound,
    "movement_boundary": collapse_movement.judge_movement_boundary,
    "crossings_and_success": collapse_learning.judge_crossings_and_success,
    "learning_time": collapse_learning.judge_learning_time,
    "modified_dropout": collapse_variants.judge_modified_dropout,
    "breakdown_with_biases": collapse_variants.judge_breakdown_with_biases,
    "topologies": collapse_variants.judge_topologies,
    "coupling_exponent": meanfield_variants.judge_coupling_exponent,
    "same_losses": meanfield_variants.judge_same_losses,
    "nearest_limit": phase_diagram.judge_nearest_limit,
    "penalty_survives": phase_diagram.judge_penalty_survives,
    "same_risk_on_digits": meanfield_variants.judge_digit_pair,
    "curvature": meanfield_mechanisms.judge_curvature,
    "stable_rates": meanfield_mechanisms.judge_stable_rates,
    "constrained_relu": phase_diagram.judge_constrained_relu,
    "precision": meanfield_mechanisms.judge_precision,
    "depth": meanfield_mechanisms.judge_depth,
    "ddc_on_mnist": ddc_benchmark.judge_mnist,
    "ddc_on_alexnet": ddc_benchmark.judge_alexnet,
    "ddc_on_vgg": ddc_benchmark.judge_vgg,
    "ddc_on_harder_sets": ddc_benchmark.judge_harder_sets,
    "step_time": ddc_benchmark.judge_step_time,
    "ddc_on_other_architectures": ddc_benchmark.judge_other_architectures,
    "two_parameter_regression": ddc_ablations.judge_regression,
    "formula_ablation": ddc_ablations.judge_formula,
    "calibration": ddc_ablations.judge_calibration,
    "sensitivity": ddc_ablations.judge_sensitivity,
    "learned_rates": ddc_ablations.judge_learned_rates,
    "monte_carlo": ddc_ablations.judge_monte_carlo,
    "feedback": ddc_ablations.judge_feedback,
}


def judge(claim: Claim, tables: Mapping[str, pd.DataFrame], scale: str) -> Judgement:
    """Judge one claim.

    Args:
        claim: Entry of the ledger.
        tables: Result tables by name; those of `claim.evidence` that are missing were not run.
        scale: Scale of the run; below `claim.min_scale` the verdict is inconclusive, whatever the numbers say. So it
            is if a number is not finite, or the judge cannot make sense of the tables.

    Raises:
        LedgerError: the claim names a judge that is not registered.
    """
    if claim.test not in JUDGES:
        raise LedgerError(f"claim {claim.id}: unknown test {claim.test!r}; registered: {', '.join(JUDGES)}")
    missing = [name for name in claim.evidence if name not in tables]
    if missing:
        reason = f"no table {', '.join(missing)}"
        return Judgement(Verdict.NOT_RUN, "none", math.nan, math.nan, math.nan, 0, reason)
    try:
        found = JUDGES[claim.test](tables, claim.criterion)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # one broken table must not cost the verdicts on all other claims
        found = undecided("none", 0, f"the evidence cannot be judged ({type(error).__name__}: {error})")
    if found.verdict == Verdict.INCONCLUSIVE:
        return found
    if SCALE_ORDER.index(scale) < SCALE_ORDER.index(claim.min_scale):
        reason = f"needs scale {claim.min_scale} to decide; so far: {found.reason}"
        return replace(found, verdict=Verdict.INCONCLUSIVE, reason=reason)
    if not all(map(math.isfinite, (found.effect, found.low, found.high))):
        reason = f"the evidence holds values that are no numbers ({found.reason})"
        return replace(found, verdict=Verdict.INCONCLUSIVE, reason=reason)
    return found
