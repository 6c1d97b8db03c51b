"""Outcomes of cells and judges M3, M4, M8 on fabricated evidence: each can confirm, refute and leave open."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.claims import phase_diagram as judges
from dropatlas.claims.bands import sides_of
from dropatlas.claims.judging import judge
from dropatlas.claims.verdicts import Verdict, of_parts
from dropatlas.meanfield.agreement import HIT, MISS, NOTHING, TIE, cell_outcomes
from dropatlas.meanfield.comparison import effect_row, limit_rows
from dropatlas.meanfield.particles import initial_particles, plane_problem
from dropatlas.meanfield.phases import CONTAINS, PHASES
from dropatlas.meanfield.settings import Diagram, Penalty
from dropatlas.tasks.phases import diagram as diagram_task
from dropatlas.tasks.phases import penalty as penalty_task

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
LEDGER = load_ledger()


def judged(identifier, tables, scale="standard"):
    return judge(LEDGER[identifier], tables, scale)


def noise(count, seed=0):
    values = np.random.default_rng(seed).standard_normal(count)
    return (values - values.mean()) / values.std()


def cell(phase, near, number=0, replicas=10, spread=0.005, boundary=False, far=0.9, status="ok"):
    """Distances of one cell: 0.2 (the noise floor) to the limits in `near`, `far` to the others."""
    rows = []
    for limit in PHASES:
        base = near.get(limit, far) if isinstance(near, dict) else (0.2 if limit in near else far)
        distance = base + spread * noise(replicas, 10 * number + PHASES.index(limit))
        rows.append(pd.DataFrame({"limit": limit, "replica": range(replicas), "distance": distance}))
    frame = pd.concat(rows).assign(learning_rate=0.1 * (number + 1), keep_rate=0.5, alpha=1.0, beta=1.0, phase=phase)
    frame = frame.assign(boundary=boundary, status=status, floor=0.2, dropout_floor=0.2)
    if status != "ok":
        frame[["distance", "floor", "dropout_floor"]] = np.nan
    return frame


def near_of(phase):
    """What the theory says: the limit itself, and those that have it as a limiting case."""
    return [phase, *(limit for limit in PHASES if phase in CONTAINS[limit])]


@pytest.mark.parametrize("phase", PHASES)
def test_a_cell_as_predicted_is_a_hit_in_every_phase(phase):
    assert cell_outcomes(cell(phase, near_of(phase))).outcome.item() == HIT


@pytest.mark.parametrize(
    ("phase", "near", "outcome"),
    [
        ("GF", {"GF": 0.9, "II": 0.2, "IV": 0.2}, MISS),  # another limit is far nearer
        ("III", {"III": 0.2, "GF": 0.2, "IV": 0.2, "I": 0.2}, TIE),  # the simpler limit is as near
        ("III", {"III": 0.3, "IV": 0.2, "I": 0.3}, TIE),  # nearer, but within the noise floor
        ("IV", {"IV": 0.2, "II": 0.25}, HIT),
        ("I", {"I": 0.2, "III": 0.1}, TIE),
        ("II", {"II": 0.2, "IV": 0.19}, HIT),  # within the margin of the limit that contains it
    ],
)
def test_outcomes(phase, near, outcome):
    assert cell_outcomes(cell(phase, near)).outcome.item() == outcome


def test_noise_makes_a_tie_and_missing_values_no_comparison():
    assert cell_outcomes(cell("IV", {"IV": 0.2, "II": 0.3}, spread=1.0)).outcome.item() == TIE
    rows = cell("IV", ["IV"])
    assert cell_outcomes(rows[rows.replica == 0]).outcome.item() == TIE
    for status in ("over budget", "dropout diverged"):
        found = cell_outcomes(cell("IV", ["IV"], status=status)).iloc[0]
        assert (found.outcome, found.status) == (NOTHING, status)


def test_a_limit_over_budget_is_no_evidence_and_a_diverged_one_is_farther():
    rows = cell("IV", ["IV"])
    lost = rows.limit == "II"
    rows.loc[lost, ["distance", "floor"]] = np.nan
    assert cell_outcomes(rows.assign(status=np.where(lost, "over budget", "ok"))).outcome.item() == TIE
    assert cell_outcomes(rows.assign(status=np.where(lost, "limit diverged", "ok"))).outcome.item() == HIT


def grid(cells, name=judges.DIAGRAM):
    return {name: pd.concat([cell(*arguments, number=i) for i, arguments in enumerate(cells)])}


def trend(excess=0.0, spread=0.005, replicas=10):
    rows = []
    for order, sequence in enumerate(PHASES):
        for width in (100, 1000):
            distance = 0.2 * (1 + excess) + spread * noise(replicas, order)
            rows.append(
                pd.DataFrame({"distance": distance, "replica": range(replicas)}).assign(
                    sequence=sequence, width=width, floor=0.2, dropout_floor=0.2
                )
            )
    return {judges.WIDTH_TREND: pd.concat(rows)}


AGREES = [(phase, near_of(phase)) for phase in PHASES] * 3
WRONG = [(phase, [other]) for phase, other in zip(PHASES, ("IV", "III", "II", "GF", "II"), strict=True)] * 3


@pytest.mark.parametrize(
    ("cells", "trends", "verdict"),
    [
        (AGREES, trend(), REPRODUCED),
        (WRONG, trend(excess=0.5), REFUTED),
        (WRONG, trend(spread=0.5), REFUTED),  # whether the floor is reached is open
        (WRONG, trend(), PARTLY),
        ([(phase, PHASES) for phase in ("II", "III", "IV", "I")] * 4, trend(excess=0.5), REFUTED),
        (AGREES[:5], trend(), OPEN),
        (AGREES, {judges.WIDTH_TREND: trend()[judges.WIDTH_TREND].query("sequence != 'II'")}, OPEN),
        (AGREES, {judges.WIDTH_TREND: trend()[judges.WIDTH_TREND].assign(distance=np.nan)}, OPEN),
        ([(phase, PHASES) for phase in ("II", "III", "IV", "I")] * 4, trend(), OPEN),  # nothing can be told apart
        ([c for c in AGREES if c[0] != "IV"] + [("IV", ["II"])] , trend(), PARTLY),
        (AGREES, trend(excess=0.5), PARTLY),
        (AGREES, trend(spread=0.5), OPEN),
        (AGREES, trend(replicas=3), OPEN),
    ],
)  # fmt: skip
def test_nearest_limit(cells, trends, verdict):
    assert judged("M3", grid(cells) | trends).verdict == verdict


def test_the_phase_or_trend_that_decides_is_shown():
    cells = [c for c in AGREES if c[0] != "IV"] + [("IV", ["II"])] * 3
    found = judged("M3", grid(cells) | trend())
    assert found.measure == f"{judges.MEASURE}, critical (IV)"
    assert (found.effect, found.n) == (0, 3)
    assert found.reason.startswith(f"{found.measure}: 0 [0, 0.708], wanted at least 0.7; 12 hits, 3 misses and 0 ties")
    assert "only misses in critical (IV); misses: II instead of IV at τ = 1.3, q = 0.5 and " in found.reason
    found = judged("M3", grid(AGREES) | trend(excess=0.5))
    assert found.measure.startswith("W₁ to the predicted limit beyond the noise floor, as a share of it, ")
    assert found.effect == pytest.approx(0.5)
    assert "wanted at most 0.1; 15 hits" in found.reason
    assert "W₁ within 10% of the noise floor at the largest width: refuted in gradient flow (GF), " in found.reason
    assert found.n == 10


def test_many_misses_are_counted_not_listed():
    assert "at τ = 0.3, q = 0.5 and 12 more; " in judged("M3", grid(WRONG) | trend()).reason


def test_trends_at_the_allowed_excess_are_rarely_refuted():
    rng, trials, rows = np.random.default_rng(1), 100, trend()[judges.WIDTH_TREND]
    criterion = LEDGER["M3"].criterion
    refuted = single = 0
    for _ in range(trials):
        excess = 0.1 + 0.3 * rng.standard_normal(len(rows))
        checks = judges._trend(rows.assign(distance=0.2 * (1 + excess)), criterion)
        refuted += of_parts(sides_of(checks, criterion["alpha"])) in (PARTLY, REFUTED)
        single += any(check.interval.low > 0.1 for check in checks)
    assert refuted / trials <= 0.08 < single / trials


def test_boundary_cells_and_few_replicas_do_not_count():
    rows = grid(AGREES)[judges.DIAGRAM]
    for changed in (rows.assign(boundary=True), rows[rows.replica < 5]):
        assert judged("M3", {judges.DIAGRAM: changed} | trend()).verdict == OPEN


@pytest.mark.parametrize(
    ("cells", "bounded", "verdict"),
    [
        (AGREES, AGREES, REPRODUCED),
        (WRONG, AGREES, REFUTED),
        (WRONG, WRONG, PARTLY),  # as with tanh, but not as predicted
        (AGREES[:4], AGREES, OPEN),
        (AGREES, [(phase, PHASES) for phase in ("II", "III", "IV", "I")], OPEN),  # nothing to compare with
    ],
)
def test_constrained_relu(cells, bounded, verdict):
    tables = grid(bounded) | grid(cells, judges.DIAGRAM_RELU)
    assert judged("M8", tables).verdict == verdict


def test_a_contradiction_of_both_diagrams_is_not_full_agreement():
    tables = grid([WRONG[0], *AGREES[1:]]) | grid(AGREES, judges.DIAGRAM_RELU)
    found = judged("M8", tables)
    assert found.verdict == PARTLY
    assert found.measure == "share of cells that decide in both diagrams with the same outcome"
    assert (found.effect, found.n) == (14 / 15, 15)


@pytest.mark.parametrize("empty", [judges.DIAGRAM, judges.DIAGRAM_RELU, judges.WIDTH_TREND])
def test_empty_diagrams_and_trends_decide_nothing(empty):
    tables = grid(AGREES) | grid(AGREES, judges.DIAGRAM_RELU) | trend()
    tables[empty] = tables[empty][:0]
    for identifier in ("M3", "M8"):
        if empty in LEDGER[identifier].evidence:
            found = judged(identifier, tables)
            assert found.verdict == OPEN
            assert "cannot be judged" not in found.reason
    emptied = {name: rows[:0] for name, rows in tables.items()}
    assert "cannot be judged" not in judged("M3", emptied).reason


def test_a_limit_that_was_not_compared_confirms_nothing():
    rows = grid(AGREES)[judges.DIAGRAM]
    assert judged("M3", {judges.DIAGRAM: rows[rows.limit != "IV"]} | trend()).verdict == OPEN


def penalty(slopes, spread=0.02, replicas=10, level=0.5):
    rows = []
    for order, (exponent, slope) in enumerate(slopes.items()):
        for width in (100, 1000, 10_000):
            effect = level * (width / 100) ** slope * np.exp(spread * noise(replicas, order + width))
            rows.append(
                pd.DataFrame({"penalty_effect": effect, "replica": range(replicas)}).assign(
                    family="most penalty", exponent=exponent, width=width, movement=1.0, status="ok"
                )
            )
    return {judges.PENALTY: pd.concat(rows)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (penalty({0.5: -0.5, 0.75: -0.25, 1.0: 0.0}), REPRODUCED),
        (penalty({0.5: 0.0, 0.75: 0.0, 1.0: 0.0}), REFUTED),
        (penalty({0.5: -0.5, 1.0: -0.4}), REFUTED),
        (penalty({0.5: -0.5, 1.0: 0.0}, level=0.001), REFUTED),
        (penalty({0.25: -0.7, 0.5: -0.5, 0.75: 0.0, 1.0: 0.0}), PARTLY),
        (penalty({0.5: -0.5, 0.75: -0.1, 1.0: -0.4}, spread=0.5), REFUTED),  # falls everywhere
        (penalty({0.5: -0.5, 1.0: -0.1}, spread=0.5), OPEN),
        ({judges.PENALTY: penalty({0.5: -0.5, 1.0: 0.0})[judges.PENALTY].assign(status="over budget")}, OPEN),
        ({judges.PENALTY: penalty({0.5: -0.5, 1.0: 0.0})[judges.PENALTY][:0]}, OPEN),
        (penalty({0.5: -0.12, 1.0: 0.0}, spread=0.5), OPEN),
        (penalty({0.5: -0.5, 0.75: -0.25}), OPEN),
        (penalty({0.5: -0.5, 1.0: 0.0}, replicas=3), OPEN),
    ],
)  # fmt: skip
def test_penalty_survives(evidence, verdict):
    found = judged("M4", evidence)
    assert found.verdict == verdict
    assert "cannot be judged" not in found.reason


def test_the_penalty_shown_is_that_which_decides_with_its_networks():
    found = judged("M4", penalty({0.5: -0.5, 0.75: -0.25, 1.0: 0.0}))
    assert found.measure == "exponent in n of the penalty effect at κ = 0.75"
    assert found.n == 30  # three widths, ten replicas, one κ
    assert found.reason.startswith(f"{found.measure}: -0.25 [")
    assert "wanted at most -0.1; exponents (below -0.1 wanted for κ < 1, above it from 1 on): -0.50 at" in found.reason
    found = judged("M4", penalty({0.5: -0.5, 1.0: 0.0}, level=0.001))
    assert found.measure == "penalty effect over movement at κ = 1, n = 10000"
    assert (found.effect, found.n) == (pytest.approx(0.001, rel=0.01), 10)
    assert "(at least 0.05 wanted): 0.001 (refuted)" in found.reason


def test_a_width_with_too_few_networks_does_not_count():
    rows = penalty({0.5: -0.5, 0.75: -0.25, 1.0: 0.0})[judges.PENALTY]
    lost = (rows.exponent == 1) & (rows.width == 10_000) & (rows.replica == 0)
    found = judged("M4", {judges.PENALTY: rows.assign(status=np.where(lost, "dropout diverged", "ok"))})
    assert found.verdict == OPEN
    assert "-0.25 at κ = 0.75, unknown at κ = 1 (open)" in found.reason


def test_penalties_at_the_threshold_are_rarely_refuted():
    rng, trials, exponents = np.random.default_rng(3), 150, (0.25, 0.5, 0.75)
    rows = penalty(dict.fromkeys(exponents, -0.1), spread=0.0)[judges.PENALTY]
    parts = [part.assign(share=part.penalty_effect) for _, part in rows.groupby("exponent")]
    refuted = single = 0
    for _ in range(trials):
        noisy = [part.assign(share=part.share * np.exp(0.3 * rng.standard_normal(len(part)))) for part in parts]
        checks = [judges._slope_check(*cell, (-np.inf, -0.1)) for cell in zip(exponents, noisy, strict=True)]
        refuted += -1 in sides_of(checks, 0.05)
        single += any(check.p_value < 0.05 for check in checks)
    assert refuted / trials <= 0.08 < single / trials


# the evidence itself, small


def streams(*names):
    return np.random.default_rng([len(str(name)) for name in names])


def test_rows_of_a_network_that_diverges_or_costs_too_much_say_so():
    problem = plane_problem(np.random.default_rng(0), activation="relu")
    start = initial_particles(np.random.default_rng(1), 30)
    rows = limit_rows(problem, start, 40, 50.0, 0.5, streams)
    assert {row["status"] for row in rows} == {"dropout diverged"}
    assert all(np.isnan(row["distance"]) for row in rows)
    assert effect_row(problem, start, 40, 50.0, 0.5, streams)["status"] == "dropout diverged"
    rows = limit_rows(problem, start, 10, 0.01, 0.5, streams, ("GF", "IV"), largest_reads=1.0)
    assert [row["status"] for row in rows] == ["ok", "over budget"]


PLANE = {"activation": "tanh", "bound": None, "samples": 8, "teachers": 3, "scale": 2.0, "time": 1.0}


def test_the_diagram_marks_cells_over_budget_and_resumes_to_the_same_table(tmp_path):
    limits = {"largest_steps": 2000, "largest_updates": 10_000, "largest_reads": 100_000}
    grid_of = {"learning_rates": [1e-4, 1e-2], "keep_rates": [0.05, 0.9]}
    settings = Diagram(problem=PLANE, width=20, **grid_of, seeds=10, **limits)
    found = diagram_task.tabulate(settings, seed=1, checkpoints=tmp_path)
    assert list(found.columns) == list(diagram_task.MEANINGS)
    assert found.groupby(["learning_rate", "keep_rate"]).size().tolist() == [50] * 4
    assert set(found[found.learning_rate == 1e-4].status) == {"over budget"}
    assert found[found.status == "ok"].distance.notna().all()
    assert not found.dropna(subset="distance").duplicated("distance").any()
    next(tmp_path.glob("*")).unlink()
    pd.testing.assert_frame_equal(diagram_task.tabulate(settings, seed=1, checkpoints=tmp_path), found)


def test_penalty_families_hold_what_they_say():
    for exponent in (0.25, 0.5, 1.0, 1.25):
        for width in (100, 1000, 10_000):
            rate, keep_rate = penalty_task.family_rates("most penalty", exponent, width)
            assert rate == pytest.approx(0.002 * (width / 100) ** -exponent)
            assert rate / keep_rate <= 0.1 * (1 + 1e-12)
            assert 1 / (width * keep_rate) <= 0.5 * (1 + 1e-12)
    rate, keep_rate = penalty_task.family_rates("held", 0.5, 10_000)
    assert 1 / (10_000 * keep_rate) == pytest.approx(0.5)
    assert rate / keep_rate == pytest.approx(1.0)


def test_the_penalty_table_has_a_row_per_network_and_replica():
    settings = Penalty(
        problem=PLANE, widths=[20, 40], exponents=[0.5, 1.0], seeds=10, points=20, largest_updates=100_000
    )
    found = penalty_task.tabulate(settings, seed=1)
    assert list(found.columns) == list(penalty_task.MEANINGS)
    assert len(found) == 10 * 2 * (5 + 2 + 1 + 1)
    ok = found[found.status == "ok"]
    assert (ok.penalty_effect > 0).all()
    assert np.isfinite(ok.penalised_distance).all()
