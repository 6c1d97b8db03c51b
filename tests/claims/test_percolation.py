"""Judges P1-P4 on fabricated evidence: true, false, half true, undecidable and missing."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import LedgerError, Verdict, load_ledger
from dropatlas.claims.judging import judge
from dropatlas.claims.ledger import Ledger
from dropatlas.percolation.settings import FLOOR, HALF, NO_FLOOR, THRESHOLD_TARGETS
from dropatlas.randomness import generator

LEDGER = load_ledger()
HOLDS = {"P1": Verdict.REPRODUCED, "P2": Verdict.REPRODUCED, "P3": Verdict.REPRODUCED, "P4": Verdict.SUPPORTED}
FAILS = dict.fromkeys(["P1", "P2", "P3"], Verdict.NOT_REPRODUCED) | {"P4": Verdict.NOT_SUPPORTED}
CROSSING, THRESHOLDS = "percolation/crossing_probability", "percolation/finite_thresholds"
CUTS = "percolation/minimum_cuts"
SUMMED = pd.DataFrame(
    {"p": 0.1, "width": 2, "log10_depth": [0.0, 0.3], "extinction": 0.2, "enumerated_extinction": [0.2, np.nan]}
)
"""Small networks whose chain is the sum over all masks, where all were walked through."""


def judged(identifier, crossing):
    return judge(LEDGER[identifier], {CROSSING: crossing, CUTS: SUMMED}, "quick")


def crossing_table(model="site", samples=1000, shift=0.0, bound_gap=0.1, cells=60):
    """Cells whose masks really cross with probability theta + shift in one cell and theta in all others."""
    rng = generator(5, "claims", model, samples, shift)
    theta = rng.uniform(0.05, 0.85, cells)
    truth = theta + np.where(np.arange(cells) == 7, shift, 0.0)
    crossings = rng.binomial(samples, truth)
    return pd.DataFrame(
        {
            "model": model,
            "p": 0.3,
            "width": 4,
            "depth": 10,
            "theta": theta,
            "lower_bound": theta - bound_gap,
            "upper_bound": theta + bound_gap,
            "samples": samples,
            "crossings": crossings,
        }
    )


def thresholds_table(model, critical, reverse=False, shift=0.0, wrong=None):
    """Thresholds of all targets alike that approach their limits like 1/W; false ones on request.

    `reverse` makes them run away, `shift` moves the critical limit they reach; `wrong` = (exponent, p) makes those of
    one exponent go to p instead of their limit.
    """
    rows = []
    exponents = {"site": (0.8, 1.0, 1.2), "bond": (0.4, 0.5, 0.75)}[model]
    for constant in (1.0, 2.0):
        for exponent in exponents:
            limit = np.exp(-1 / constant) if exponent == critical else float(exponent > critical)
            for step, width in enumerate(np.linspace(2, 40, 12)):
                distance = (0.001 if exponent == critical and model == "site" else 0.05) * 2 / width
                if reverse:
                    distance = 0.001 * (step + 1)
                goal = limit + shift * (exponent == critical)
                if wrong and exponent == wrong[0]:
                    goal = wrong[1]
                half = goal + (distance if limit == 0 else -distance)
                curves = {"exact": half, "lower bound": 0.3 / width, "upper bound": half}
                for curve in curves if model == "bond" else ["exact"]:
                    rows.append((model, curve, constant, exponent, float(step), width, curves[curve], limit))
    columns = ["model", "curve", "constant", "exponent", "log10_n", "width", "threshold", "limit"]
    table = pd.DataFrame(rows, columns=columns).assign(rounding=NO_FLOOR)
    table = pd.concat([table, table[table.curve == "exact"].assign(rounding=FLOOR)], ignore_index=True)
    return pd.concat([table.assign(target=target) for target in THRESHOLD_TARGETS], ignore_index=True)


@pytest.mark.parametrize(("identifier", "model"), [("P1", "site"), ("P2", "bond")])
class TestAgreementWithSampling:
    def test_true_formula_is_reproduced(self, identifier, model):
        found = judged(identifier, crossing_table(model))
        assert found.verdict == Verdict.REPRODUCED
        assert -6 < found.low <= found.effect <= found.high < 6
        assert found.n == 1000  # masks of the cell that decides
        assert found.parts[0].threshold == (-5.8, 5.8)

    def test_one_wrong_cell_refutes(self, identifier, model):
        found = judged(identifier, crossing_table(model, shift=0.1))
        # the other part of P2, that θ lies between its bounds, still holds
        assert found.verdict == {"P1": Verdict.NOT_REPRODUCED, "P2": Verdict.PARTLY}[identifier]
        assert found.reason.startswith(
            "fails: sampled masks agree with θ: share of masks with a path in excess of θ, in standard errors, is "
        )
        assert "sampling rejects θ" in found.reason
        assert 0 < found.low <= found.effect <= found.high
        assert 4 < found.effect < 16  # 0.1 over a standard error of 0.007 to 0.016

    def test_a_small_but_clear_deviation_refutes(self, identifier, model):
        found = judged(identifier, crossing_table(model, samples=100_000, shift=0.01))
        assert found.verdict == {"P1": Verdict.NOT_REPRODUCED, "P2": Verdict.PARTLY}[identifier]
        assert 3 < found.effect < 10  # standard errors

    def test_few_masks_decide_nothing(self, identifier, model):
        found = judged(identifier, crossing_table(model, samples=50))
        assert found.verdict == Verdict.INCONCLUSIVE

    @pytest.mark.parametrize("column", ["theta", "samples", "crossings"])
    def test_one_cell_without_numbers_neither_refutes_nor_confirms(self, identifier, model, column):
        table = crossing_table(model).astype({column: float})
        table.loc[3, column] = np.nan
        assert judged(identifier, table).verdict == Verdict.INCONCLUSIVE
        wrong = crossing_table(model, shift=0.1).astype({column: float})
        wrong.loc[3, column] = np.nan
        found = judged(identifier, wrong)
        assert found.verdict in (Verdict.NOT_REPRODUCED, Verdict.PARTLY)
        assert "nan" not in found.reason

    @pytest.mark.parametrize("theta", [0.0, 0.005, 0.995, 1.0, 1.0 + 1e-15])
    def test_a_theta_next_to_certainty_cannot_tell(self, identifier, model, theta):
        table = crossing_table(model)
        table.loc[3, ["theta", "lower_bound", "upper_bound"]] = theta
        table.loc[3, "crossings"] = round(1000 * theta)
        assert judged(identifier, table).verdict == Verdict.INCONCLUSIVE
        alone = judged(identifier, table.iloc[[3]])
        assert "open: sampled masks agree with θ: no sampled masks that can tell" in alone.reason

    def test_without_its_rows_nothing_is_decided(self, identifier, model):
        table = crossing_table({"site": "bond", "bond": "site"}[model])
        found = judged(identifier, table)
        assert found.verdict == Verdict.INCONCLUSIVE
        assert found.reason.startswith("open: sampled masks agree with θ: no sampled masks that can tell")

    def test_missing_table_is_not_run(self, identifier, model):
        found = judge(LEDGER[identifier], {THRESHOLDS: crossing_table(model)}, "quick")
        assert found.verdict == Verdict.NOT_RUN
        assert CROSSING in found.reason


def test_false_alarms_of_the_sampling_judge_stay_below_its_level():
    rng = generator(9, "false alarms")
    theta = rng.uniform(0.05, 0.95, 15)
    alarms = 0
    for _ in range(80):
        table = crossing_table(cells=15).assign(theta=theta, samples=200, crossings=rng.binomial(200, theta))
        alarms += judged("P1", table).verdict == Verdict.NOT_REPRODUCED
    assert alarms <= 9  # 4 expected at a level of 5 %; more than 9 has probability 0.7 %


def test_a_theta_outside_the_published_bounds_refutes_that_part_of_p2():
    found = judged("P2", crossing_table("bond", bound_gap=-0.001))
    assert found.verdict == Verdict.PARTLY  # the chain still matches the masks
    assert found.reason.startswith("fails: θ lies between its bounds: relative excess of θ over its bounds is 0.0")
    table = crossing_table("bond", bound_gap=-0.001)
    assert found.effect == pytest.approx((0.001 / table.theta).max())  # of the cell farthest beyond


@pytest.mark.parametrize("end", ["lower_bound", "upper_bound"])
def test_either_bound_can_fail(end):
    table = crossing_table("bond")
    table.loc[4, end] = table.theta[4] + (0.01 if end == "lower_bound" else -0.01)
    assert judged("P2", table).verdict == Verdict.PARTLY


def test_p2_is_not_reproduced_if_nothing_of_it_holds():
    table = crossing_table("bond", bound_gap=-0.001, shift=0.1)
    assert judged("P2", table).verdict == Verdict.PARTLY  # the chain is still the sum over all masks
    evidence = {CROSSING: table, CUTS: SUMMED.assign(extinction=0.21)}
    assert judge(LEDGER["P2"], evidence, "quick").verdict == Verdict.NOT_REPRODUCED


def test_a_chain_that_is_not_the_sum_over_all_masks_refutes_that_part_of_p2():
    evidence = {CROSSING: crossing_table("bond"), CUTS: SUMMED.assign(extinction=0.2 * (1 + 1e-11))}
    found = judge(LEDGER["P2"], evidence, "quick")
    assert found.verdict == Verdict.PARTLY
    assert found.reason.startswith("fails: the chain is the sum over all masks: relative difference of 1 − θ is 1e-11")
    evidence[CUTS] = SUMMED.assign(enumerated_extinction=np.nan)
    assert judge(LEDGER["P2"], evidence, "quick").verdict == Verdict.INCONCLUSIVE


def test_a_bound_that_is_no_number_neither_refutes_nor_confirms_p2():
    table = crossing_table("bond")
    table.loc[3, "lower_bound"] = np.nan
    assert judged("P2", table).verdict == Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("identifier", "model", "critical"), [("P3", "site", 1.0), ("P4", "bond", 0.5)])
class TestScalingLaws:
    def test_thresholds_that_reach_their_limits(self, identifier, model, critical):
        found = judge(LEDGER[identifier], {THRESHOLDS: thresholds_table(model, critical)}, "quick")
        assert found.verdict == HOLDS[identifier]

    def test_thresholds_that_run_away_refute(self, identifier, model, critical):
        found = judge(LEDGER[identifier], {THRESHOLDS: thresholds_table(model, critical, reverse=True)}, "quick")
        assert found.verdict == FAILS[identifier]
        assert found.reason.count("not approached") == 4  # once for each part

    def test_another_critical_probability_refutes_that_part(self, identifier, model, critical):
        table = thresholds_table(model, critical, shift=-0.05)
        found = judge(LEDGER[identifier], {THRESHOLDS: table}, "quick")
        assert found.verdict == Verdict.PARTLY  # the limits 0 and 1 still hold
        assert found.effect == pytest.approx(0.05, abs=0.01)
        assert found.reason.startswith("fails: thresholds go to e^(−1/C)")

    def test_one_step_away_from_the_limit_refutes_that_part(self, identifier, model, critical):
        table = thresholds_table(model, critical)
        own = (table.curve == "exact") & (table.constant == 1.0) & (table.exponent == critical)
        own &= (table.rounding == NO_FLOOR) & (table.target == HALF)
        before = table.threshold[own & (table.log10_n == 7)].item()
        table.loc[own & (table.log10_n == 8), "threshold"] = before - 1e-6
        found = judge(LEDGER[identifier], {THRESHOLDS: table}, "quick")
        assert found.verdict == Verdict.PARTLY
        assert found.reason.startswith("fails: thresholds go to e^(−1/C)")
        assert "not approached" in found.reason

    def test_thresholds_that_approach_but_end_elsewhere_refute_that_part(self, identifier, model, critical):
        table = thresholds_table(model, critical)
        own = (table.curve == "exact") & (table.exponent == critical)
        missed = {"site": 0.6 / table.width, "bond": 0.02 + 0.3 / table.width}[model]  # the latter ends 0.02 away
        table.loc[own, "threshold"] = (table.limit - missed)[own]
        found = judge(LEDGER[identifier], {THRESHOLDS: table}, "quick")
        assert found.verdict == Verdict.PARTLY
        assert found.reason.startswith("fails: thresholds go to e^(−1/C)")
        assert "not approached" not in found.reason

    @pytest.mark.parametrize("outer", ["below", "above"])
    def test_another_limit_off_the_critical_exponent_refutes_that_part(self, identifier, model, critical, outer):
        exponent = {("site", "below"): 0.8, ("site", "above"): 1.2, ("bond", "below"): 0.4, ("bond", "above"): 0.75}
        for goal in (0.3, 0.5, 0.7):
            table = thresholds_table(model, critical, wrong=(exponent[model, outer], goal))
            found = judge(LEDGER[identifier], {THRESHOLDS: table}, "quick")
            assert found.verdict == Verdict.PARTLY
            assert found.reason.startswith("fails: thresholds go to 0 for τ")
            assert "not approached" in found.reason
            assert found.effect == pytest.approx(goal if outer == "below" else 1 - goal, abs=0.01)

    def test_wrong_limits_at_and_off_the_critical_exponent_refute(self, identifier, model, critical):
        wrong = {"site": 1.2, "bond": 0.75}[model]
        table = thresholds_table(model, critical, shift=-0.05, wrong=(wrong, 0.5))
        assert judge(LEDGER[identifier], {THRESHOLDS: table}, "quick").verdict == FAILS[identifier]

    @pytest.mark.parametrize("at_critical", [True, False])
    def test_one_threshold_that_is_no_number_neither_refutes_nor_confirms(
        self, identifier, model, critical, at_critical
    ):
        table = thresholds_table(model, critical)
        chosen = (table.curve == "exact") & ((table.exponent == critical) == at_critical) & (table.log10_n == 5)
        table.loc[chosen.idxmax(), "threshold"] = np.nan
        assert judge(LEDGER[identifier], {THRESHOLDS: table}, "quick").verdict == Verdict.INCONCLUSIVE

    def test_thresholds_that_are_still_far_from_0_or_1_decide_nothing(self, identifier, model, critical):
        table = thresholds_table(model, critical)
        outer = table.exponent > critical
        table.loc[outer, "threshold"] = 1 - 0.3 * (2 / table.width[outer]) ** 0.2
        found = judge(LEDGER[identifier], {THRESHOLDS: table}, "quick")
        assert found.verdict == Verdict.INCONCLUSIVE
        assert found.reason.startswith("open: thresholds go to 0 for τ")
        assert found.effect > found.parts[1].threshold[1]

    @pytest.mark.parametrize("side", ["below", "above"])
    def test_thresholds_are_needed_on_both_sides(self, identifier, model, critical, side):
        table = thresholds_table(model, critical)
        kept = table.exponent <= critical if side == "below" else table.exponent >= critical
        found = judge(LEDGER[identifier], {THRESHOLDS: table[kept]}, "quick")
        assert found.verdict == Verdict.INCONCLUSIVE
        assert f"τ {'above' if side == 'below' else 'below'} {critical:g}" in found.reason

    def test_evidence_without_numbers_decides_nothing(self, identifier, model, critical):
        table = thresholds_table(model, critical).assign(threshold=np.nan)
        found = judge(LEDGER[identifier], {THRESHOLDS: table}, "quick")
        assert found.verdict == Verdict.INCONCLUSIVE

    def test_evidence_without_the_critical_exponent_decides_nothing(self, identifier, model, critical):
        table = thresholds_table(model, critical).query("exponent != @critical")
        found = judge(LEDGER[identifier], {THRESHOLDS: table}, "quick")
        assert found.verdict == Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("identifier", "model", "critical"), [("P3", "site", 1.0), ("P4", "bond", 0.5)])
class TestFloor:
    @pytest.mark.parametrize("at_critical", [True, False])
    def test_other_limits_with_the_floor_alone_refute_that_part(self, identifier, model, critical, at_critical):
        table = thresholds_table(model, critical)
        wrong = thresholds_table(model, critical, shift=-0.05 * at_critical, wrong=None if at_critical else (0.8, 0.3))
        if not at_critical and model == "bond":
            wrong = thresholds_table(model, critical, wrong=(0.4, 0.3))
        floor = table.rounding == FLOOR
        found = judge(LEDGER[identifier], {THRESHOLDS: pd.concat([table[~floor], wrong[floor]])}, "quick")
        assert found.verdict == Verdict.PARTLY
        assert [part.state for part in found.parts].count("fails") == 1
        assert "with the floor, at the worst n: " in found.reason.split(";")[0]

    def test_without_the_floor_nothing_is_decided(self, identifier, model, critical):
        table = thresholds_table(model, critical)
        found = judge(LEDGER[identifier], {THRESHOLDS: table[table.rounding == NO_FLOOR]}, "quick")
        assert found.verdict == Verdict.INCONCLUSIVE

    @pytest.mark.parametrize("target", THRESHOLD_TARGETS)
    def test_every_target_is_needed(self, identifier, model, critical, target):
        table = thresholds_table(model, critical)
        found = judge(LEDGER[identifier], {THRESHOLDS: table[table.target != target]}, "quick")
        assert [part.state for part in found.parts] == ["open"] * 4
        assert f"θ = {target:g}" in found.reason

    @pytest.mark.parametrize("target", THRESHOLD_TARGETS)
    def test_one_target_that_goes_elsewhere_refutes(self, identifier, model, critical, target):
        table, wrong = thresholds_table(model, critical), thresholds_table(model, critical, shift=-0.05)
        own = table.target == target
        found = judge(LEDGER[identifier], {THRESHOLDS: pd.concat([table[~own], wrong[own]])}, "quick")
        assert [part.state for part in found.parts] == ["fails", "holds"] * 2

    def test_the_first_widths_need_not_be_monotone(self, identifier, model, critical):
        table = thresholds_table(model, critical)
        early = table.log10_n == 0
        table.loc[early, "threshold"] = table.limit[early]
        assert judge(LEDGER[identifier], {THRESHOLDS: table}, "quick").verdict == HOLDS[identifier]


def test_p4_needs_enough_widths_to_extrapolate():
    table = thresholds_table("bond", 0.5)
    few = table[table.groupby(["curve", "constant", "exponent", "rounding", "target"]).cumcount() % 3 == 0]
    assert judge(LEDGER["P4"], {THRESHOLDS: few}, "quick").verdict == Verdict.INCONCLUSIVE


def test_p4_is_open_while_some_fits_are_within_the_tolerance_and_others_beyond():
    tolerance = LEDGER["P4"].criterion["critical_tolerance"]
    found = judge(LEDGER["P4"], {THRESHOLDS: thresholds_table("bond", 0.5, shift=-tolerance)}, "quick")
    assert found.low < tolerance < found.high
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "range over six fits" in found.measure


def test_p4_is_open_without_a_gap_of_the_published_bounds():
    table = thresholds_table("bond", 0.5).query("curve != 'lower bound'")
    found = judge(LEDGER["P4"], {THRESHOLDS: table}, "quick")
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "a gap of the published bounds" in found.reason


def test_cells_without_numbers_do_not_confirm():
    table = crossing_table().assign(crossings=np.nan)
    assert judged("P1", table).verdict == Verdict.INCONCLUSIVE


def test_below_its_scale_a_claim_is_never_decided():
    claim = LEDGER["P1"].model_copy(update={"min_scale": "standard"})
    for table in (crossing_table(), crossing_table(shift=0.1)):
        assert judge(claim, {CROSSING: table}, "quick").verdict == Verdict.INCONCLUSIVE
        assert judge(claim, {CROSSING: table}, "standard").verdict != Verdict.INCONCLUSIVE


def test_unknown_names_are_told_with_what_there_is(tmp_path):
    with pytest.raises(LedgerError, match=r"unknown claim id 'P99'; the ledger has P1, P2"):
        LEDGER["P99"]
    with pytest.raises(LedgerError, match=r"claim P99: 0 functions judge_p99 in dropatlas\.claims, one is needed"):
        judge(LEDGER["P1"].model_copy(update={"id": "P99"}), {}, "quick")
    with pytest.raises(LedgerError, match=r"twice: \['P1'\]"):
        Ledger([LEDGER["P1"], LEDGER["P1"]])
    (tmp_path / "claims.yaml").write_text("- {id: P1, paper: '1', group: hope}\n")
    with pytest.raises(LedgerError) as caught:
        load_ledger(tmp_path / "claims.yaml")
    assert "entry 0 (P1), group: Input should be 'published'" in str(caught.value)


def test_every_claim_of_the_ledger_has_a_judge():
    assert len(LEDGER) >= 4
    for claim in LEDGER:
        assert judge(claim, {}, "quick").verdict == Verdict.NOT_RUN  # one without a judge would raise
