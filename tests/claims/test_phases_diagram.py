"""Outcomes of cells and judges M3, M8 on fabricated evidence: each can confirm, refute and leave open."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.claims.judging import judge_of
from dropatlas.claims.parts import LEVEL
from dropatlas.claims.phases import diagram as judges
from dropatlas.claims.verdicts import Verdict
from dropatlas.phases.agreement import HIT, MISS, NOTHING, TIE, cell_outcomes, excess_over_floor
from dropatlas.phases.classification import CONTAINS, PHASES
from dropatlas.phases.comparison import limit_rows
from dropatlas.phases.particles import initial_particles, plane_problem
from dropatlas.phases.settings import Diagram
from dropatlas.stats import mean_p_value
from dropatlas.tasks.phases import diagram as diagram_task

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
LEDGER = load_ledger()


def judged(identifier, tables):
    return judge_of(LEDGER[identifier])(tables, LEDGER[identifier].criterion)


def states(found):
    """State of every part, by its name."""
    return {part.name: str(part.state) for part in found.parts}


def noise(count, seed=0):
    values = np.random.default_rng(seed).standard_normal(count)
    return (values - values.mean()) / values.std()


def cell(phase, near, number=0, seeds=10, spread=0.005, boundary=False, far=0.9, status="ok"):
    """Distances of one cell: 0.2 (the noise floor) to the limits in `near`, `far` to the others."""
    rows = []
    for limit in PHASES:
        base = near.get(limit, far) if isinstance(near, dict) else (0.2 if limit in near else far)
        distance = base + spread * noise(seeds, 10 * number + PHASES.index(limit))
        rows.append(pd.DataFrame({"limit": limit, "seed": range(seeds), "distance": distance}))
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
    assert cell_outcomes(rows[rows.seed == 0]).outcome.item() == TIE
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


def trend(excess=0.0, spread=0.005, seeds=10):
    rows = []
    for order, sequence in enumerate(PHASES):
        for width in (100, 1000):
            distance = 0.2 * (1 + excess) + spread * noise(seeds, order)
            rows.append(
                pd.DataFrame({"distance": distance, "seed": range(seeds)}).assign(
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
        (AGREES, trend(seeds=3), OPEN),
    ],
)  # fmt: skip
def test_nearest_limit(cells, trends, verdict):
    assert judged("M3", grid(cells) | trends).verdict == verdict


@pytest.mark.parametrize(
    ("cells", "trends", "fails"),
    [
        (WRONG, trend(), {"most cells agree", "every phase is found"}),
        ([c for c in AGREES if c[0] != "IV"] + [("IV", ["II"])], trend(), {"every phase is found"}),
        (AGREES, trend(excess=0.5), {"the limit is reached"}),
    ],
)
def test_each_part_of_the_nearest_limit_fails_alone(cells, trends, fails):
    found = states(judged("M3", grid(cells) | trends))
    assert {name for name, state in found.items() if state == "fails"} == fails


def test_the_phase_or_trend_that_decides_is_shown():
    cells = [c for c in AGREES if c[0] != "IV"] + [("IV", ["II"])] * 3
    found = judged("M3", grid(cells) | trend())
    assert found.measure == "share of its decided cells in the predicted phase (critical (IV))"
    assert (found.effect, found.n) == (0, 3)
    measure = "share of its decided cells in the predicted phase"
    assert f"{measure} is 0%, exactly 100% required (critical (IV), decides among 5)" in found.reason
    assert "15 cells: 12 hit, 3 miss, 0 tie; the predicted limit is the very nearest in " in found.reason
    assert "misses: II instead of IV at τ = 1.3, q = 0.5 and " in found.reason
    found = judged("M3", grid(AGREES) | trend(excess=0.5))
    assert found.measure.startswith("W₁ to the predicted limit beyond the noise floor at the largest width")
    assert found.effect == pytest.approx(0.5)
    assert "at most 10% required (gradient flow (GF), decides among 5)" in found.reason
    assert found.n == 10


def test_many_misses_are_counted_not_listed():
    assert judged("M3", grid(WRONG) | trend()).reason.endswith("at τ = 0.3, q = 0.5 and 12 more")


def test_trends_at_the_allowed_excess_rarely_fail():
    rng, trials, rows = np.random.default_rng(1), 100, trend()[judges.WIDTH_TREND]
    cells = grid(AGREES[:5])
    failed = single = 0
    for _ in range(trials):
        noisy = rows.assign(distance=0.2 * (1.1 + 0.3 * rng.standard_normal(len(rows))))
        failed += states(judged("M3", cells | {judges.WIDTH_TREND: noisy}))["the limit is reached"] == "fails"
        single += any(mean_p_value(excess, 0.1, "greater") <= LEVEL for excess in excess_over_floor(noisy).values())
    assert failed / trials <= 0.06 < single / trials


def test_the_excess_is_over_the_larger_floor_of_a_seed():
    rows = trend(excess=0.5)[judges.WIDTH_TREND].assign(floor=0.1)
    assert excess_over_floor(rows)["II"].mean() == pytest.approx(0.5)
    assert excess_over_floor(rows.assign(floor=0.4))["II"].mean() == pytest.approx(-0.25)


def test_boundary_cells_and_few_replicas_do_not_count():
    rows = grid(AGREES)[judges.DIAGRAM]
    for changed in (rows.assign(boundary=True), rows[rows.seed < 5]):
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
    assert found.measure == "share of the cells that decide in both diagrams with the same outcome"
    assert (found.effect, found.n) == (14 / 15, 15)
    assert list(states(found).values()) == ["holds", "holds", "fails"]


@pytest.mark.parametrize("empty", [judges.DIAGRAM, judges.DIAGRAM_RELU, judges.WIDTH_TREND])
def test_empty_diagrams_and_trends_decide_nothing(empty):
    tables = grid(AGREES) | grid(AGREES, judges.DIAGRAM_RELU) | trend()
    tables[empty] = tables[empty][:0]
    for identifier in ("M3", "M8"):
        if empty in LEDGER[identifier].evidence:
            assert judged(identifier, tables).verdict == OPEN
    assert judged("M3", {name: rows[:0] for name, rows in tables.items()}).verdict == OPEN


def test_a_limit_that_was_not_compared_confirms_nothing():
    rows = grid(AGREES)[judges.DIAGRAM]
    assert judged("M3", {judges.DIAGRAM: rows[rows.limit != "IV"]} | trend()).verdict == OPEN


# the evidence itself, small


def streams(*names):
    return np.random.default_rng([len(str(name)) for name in names])


def test_rows_of_a_network_that_diverges_or_costs_too_much_say_so():
    problem = plane_problem(np.random.default_rng(0), activation="relu")
    start = initial_particles(np.random.default_rng(1), 30)
    rows = limit_rows(problem, start, 40, 50.0, 0.5, streams)
    assert {row["status"] for row in rows} == {"dropout diverged"}
    assert all(np.isnan(row["distance"]) for row in rows)
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
