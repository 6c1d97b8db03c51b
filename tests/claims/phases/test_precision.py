"""Judge of M9 on fabricated evidence, and on what the task makes of the true world and of wrong ones."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.claims.judging import judge_of
from dropatlas.claims.phases.precision import PRECISION
from dropatlas.claims.verdicts import Verdict
from dropatlas.phases import precision as science
from dropatlas.phases.precision_errors import typical_errors
from dropatlas.phases.settings import FloatingPoint
from dropatlas.tasks.phases import precision as task

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
CLAIM = load_ledger()["M9"]
FLOAT32, ANY = "float32 has a problem", "a precision has a problem"


def judged(rows):
    return judge_of(CLAIM)({PRECISION: rows}, CLAIM.criterion)


def states(found):
    """State of every part, by its name."""
    return {part.name: str(part.state) for part in found.parts}


def precision(float32=1e-7, bfloat16=5e-3, float16=6e-4, growth=0.0, reference=0.5, seeds=10):
    """Errors in the plain order; in the folded one float32, bfloat16 and float16 are fine."""
    rows = []
    sizes = {("critical", "float64", "folded"): 0}
    for name, plain, folded in (("float32", float32, 1e-7), ("bfloat16", bfloat16, 5e-3), ("float16", float16, 6e-4)):
        sizes |= {("critical", name, "plain"): plain, ("critical", name, "folded"): folded}
    sizes |= {("gradient_flow", "bfloat16", "folded"): 0.5, ("gradient_flow", "bfloat16", "plain"): reference}
    for ((regime, name, order), size), width, seed, step in product(
        sizes.items(), (64, 128, 256), range(seeds), (1, 2)
    ):
        grown = (width / 256) ** (growth if regime == "critical" else 0.0)
        wiggle = 0.02 * np.random.default_rng(seed * 7 + width).standard_normal()
        error = size * grown * np.exp(wiggle) * (1 if step == 2 else 1e9)
        rows.append({"regime": regime, "precision": name, "order": order, "width": width, "seed": seed, "step": step})
        rows[-1]["relative_error"] = error
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (precision(), REFUTED),
        (precision(float32=0.2), REPRODUCED),
        (precision(float32=np.nan), OPEN),
        (precision(bfloat16=np.nan), OPEN),
        (precision(bfloat16=0.2), PARTLY),
        (precision(float16=np.inf), PARTLY),  # all have diverged
        (precision(float32=np.inf), REPRODUCED),
        (precision(growth=0.5), REPRODUCED),
        (precision(reference=1e-3), OPEN),
        (precision(bfloat16=0.05), REFUTED),  # float32 is fine, whatever bfloat16 is
        (precision(seeds=2), OPEN),
    ],
)
def test_precision(evidence, verdict):
    assert judged(evidence).verdict == verdict


def test_each_part_of_the_precision_fails_and_holds():
    assert states(judged(precision())) == {FLOAT32: "fails", ANY: "fails"}
    assert states(judged(precision(bfloat16=0.2))) == {FLOAT32: "fails", ANY: "holds"}
    assert states(judged(precision(float32=0.2))) == {FLOAT32: "holds", ANY: "holds"}
    assert states(judged(precision(reference=1e-3))) == {FLOAT32: "open", ANY: "open"}


def test_the_number_that_comes_nearest_to_a_problem_is_shown():
    evidence = precision(bfloat16=0.047)
    found = judged(evidence)
    shown = found.parts[1]
    assert shown.measure == "error over movement"
    assert shown.n == 10
    assert shown.estimate == pytest.approx(0.047, rel=0.02)
    assert shown.estimate == pytest.approx(typical_errors(evidence)["critical", "bfloat16", "plain"])
    assert "at least 0.05 required (bfloat16, plain, n = 256); error, exponent in n: float32, plain 1.0e-07, " in (
        found.reason
    )
    assert "(a problem, so the test can see one)" in found.reason
    growing = judged(precision(growth=0.5))
    assert growing.measure == "exponent in n of the error over movement (float32, plain)"
    assert "so the test may be blind" in judged(precision(reference=1e-3)).reason


@pytest.mark.parametrize("lost", ["float32 plain", "float16 folded", "bfloat16 plain"])
def test_a_precision_that_was_not_run_is_not_fine(lost):
    rows = precision()
    found = judged(rows[rows.precision + " " + rows.order != lost])
    assert found.verdict == OPEN
    assert found.reason.endswith(f"not run in the critical phase: {lost}")
    assert "critical phase: float32 folded, float32 plain, float16 folded, " in judged(rows[:0]).reason
    assert judged(rows[rows.regime == "critical"]).verdict == OPEN  # no reference


def test_single_networks_that_diverge_count_with_the_whole_movement():
    rows = precision()
    struck = (rows.precision == "float16") & (rows.order == "plain") & (rows.width == 256) & (rows.step == 2)
    few = rows.assign(relative_error=rows.relative_error.mask(struck & (rows.seed < 2), np.inf))
    assert states(judged(few)) == {FLOAT32: "fails", ANY: "open"}
    many = rows.assign(relative_error=rows.relative_error.mask(struck & (rows.seed < 9), np.inf))
    assert states(judged(many)) == {FLOAT32: "fails", ANY: "holds"}


def test_a_problem_in_lower_precisions_needs_float32_to_be_fine_to_be_partial():
    assert judged(precision(float32=0.05, bfloat16=0.2)).verdict == OPEN


# ---------------------------------------------------------------- the task, in the true world and in wrong ones

SETTINGS = FloatingPoint(
    alpha=0.45,
    beta=0.2,
    penalised_share=0.25,
    widths=[60, 180, 540],
    other_widths=[100],
    time=0.6,
    measurements=1,
    samples=12,
    seeds=10,
)


def measured():
    return task.tabulate(SETTINGS, 990001)


def test_the_true_world_refutes_the_fear():
    assert states(judged(measured())) == {FLOAT32: "fails", ANY: "fails"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"float32": (2.0**-3, 2.0**-126, np.inf)}, {FLOAT32: "holds", ANY: "holds"}),  # a float32 of four bits
        ({"bfloat16": (2.0**-3, 2.0**-126, np.inf)}, {FLOAT32: "fails", ANY: "holds"}),
        ({"bfloat16": (2.0**-23, 2.0**-126, np.inf)}, {FLOAT32: "open", ANY: "open"}),  # the control errs no more
    ],
)
def test_types_of_other_lengths_turn_the_claim(changed, expected, monkeypatch):
    monkeypatch.setattr(science, "KINDS", science.KINDS | changed)
    assert states(judged(measured())) == expected


NARROW = {"float16": (2.0**-10, 2.0**-14, 300.0)}
"""A float16 that ends at 300 meets at n = 540 what the true one meets at some 100,000."""


def test_the_range_of_a_type_turns_the_claim_in_the_plain_order_only(monkeypatch):
    monkeypatch.setattr(science, "KINDS", science.KINDS | NARROW)
    assert states(judged(measured())) == {FLOAT32: "fails", ANY: "holds"}
    factors_of = science.factors_of
    monkeypatch.setattr(science, "factors_of", lambda _, *others: factors_of("folded", *others))
    assert states(judged(measured())) == {FLOAT32: "fails", ANY: "fails"}


def test_steps_of_order_tau_turn_the_claim(monkeypatch):
    """The fear would be right if kept neurons moved by τ of order 1/n, as in gradient flow."""
    rates = FloatingPoint.rates

    def all_move(self, width, regime):
        return rates(self, width, "gradient_flow")

    def every_neuron(_rng, width, _keep_rate, steps):
        return science.all_kept(width, steps)

    monkeypatch.setattr(FloatingPoint, "rates", all_move)
    monkeypatch.setattr(science, "sample_masks", every_neuron)
    narrow = SETTINGS.model_copy(update={"widths": [32, 64, 128]})
    assert states(judged(task.tabulate(narrow, 990001)))[ANY] == "holds"


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_errors_that_grow_with_the_width_turn_the_claim(name, monkeypatch):
    train = science.train

    def worse(precision, problem, particles, *others):
        found = train(precision, problem, particles, *others)
        if precision.stored != name:
            return found
        exact = train(science.PRECISIONS["float64"], problem, particles, *others).particles
        return found._replace(particles=exact + (found.particles - exact) * (len(particles) / 64) ** 0.4)

    monkeypatch.setattr(science, "train", worse)
    assert states(judged(measured())) == {FLOAT32: "holds" if name == "float32" else "fails", ANY: "holds"}
