"""Outcomes of cells and judges M3, M4, M8 on fabricated evidence: each can confirm, refute and leave open."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import phase_diagram as judges
from dropatlas.claims.verdicts import Verdict
from dropatlas.meanfield.agreement import HIT, MISS, NOTHING, TIE, cell_outcomes
from dropatlas.meanfield.comparison import effect_row, limit_rows
from dropatlas.meanfield.particles import initial_particles, plane_problem
from dropatlas.meanfield.phases import CONTAINS, PHASES
from dropatlas.meanfield.settings import Diagram, Penalty
from dropatlas.tasks.phases import diagram as diagram_task
from dropatlas.tasks.phases import penalty as penalty_task

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
CRITERION = {"margin": 0.1, "confidence": 0.99, "share": 0.7, "excess": 0.1, "least_replicas": 10}


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
        (WRONG, trend(), REFUTED),
        (AGREES[:5], trend(), OPEN),
        ([(phase, PHASES) for phase in ("II", "III", "IV", "I")] * 4, trend(), OPEN),  # nothing can be told apart
        ([c for c in AGREES if c[0] != "IV"] + [("IV", ["II"])] , trend(), PARTLY),
        (AGREES, trend(excess=0.5), PARTLY),
        (AGREES, trend(spread=0.5), OPEN),
        (AGREES, trend(replicas=3), OPEN),
    ],
)  # fmt: skip
def test_nearest_limit(cells, trends, verdict):
    assert judges.judge_nearest_limit(grid(cells) | trends, CRITERION).verdict == verdict


def test_boundary_cells_and_few_replicas_do_not_count():
    rows = grid(AGREES)[judges.DIAGRAM]
    for changed in (rows.assign(boundary=True), rows[rows.replica < 5]):
        assert judges.judge_nearest_limit({judges.DIAGRAM: changed} | trend(), CRITERION).verdict == OPEN


@pytest.mark.parametrize(("cells", "verdict"), [(AGREES, REPRODUCED), (WRONG, REFUTED), (AGREES[:4], OPEN)])
def test_constrained_relu(cells, verdict):
    tables = grid(AGREES) | grid(cells, judges.DIAGRAM_RELU)
    assert judges.judge_constrained_relu(tables, CRITERION).verdict == verdict


def test_a_contradiction_of_both_diagrams_is_not_full_agreement():
    tables = grid([WRONG[0], *AGREES[1:]]) | grid(AGREES, judges.DIAGRAM_RELU)
    assert judges.judge_constrained_relu(tables, CRITERION).verdict == PARTLY


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
        (penalty({0.5: -0.12, 1.0: 0.0}, spread=0.5), OPEN),
        (penalty({0.5: -0.5, 0.75: -0.25}), OPEN),
        (penalty({0.5: -0.5, 1.0: 0.0}, replicas=3), OPEN),
    ],
)  # fmt: skip
def test_penalty_survives(evidence, verdict):
    criterion = {"flat": 0.1, "least": 0.05, "least_replicas": 10}
    assert judges.judge_penalty_survives(evidence, criterion).verdict == verdict


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
