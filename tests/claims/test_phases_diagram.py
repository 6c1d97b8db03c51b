"""Judge M4 on fabricated evidence: it can confirm, refute and leave open; and rows of the tables it rests on."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.claims.judging import judge_of
from dropatlas.claims.parts import LEVEL
from dropatlas.claims.phases import diagram as judges
from dropatlas.claims.verdicts import Verdict
from dropatlas.phases.comparison import effect_row, limit_rows
from dropatlas.phases.exponents import penalty_slopes
from dropatlas.phases.particles import initial_particles, plane_problem
from dropatlas.phases.rates import MOST_PENALTY, family_rates
from dropatlas.phases.settings import Diagram, Penalty
from dropatlas.stats import mean_p_value
from dropatlas.tasks.phases import diagram as diagram_task
from dropatlas.tasks.phases import penalty as penalty_task

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


def penalty(slopes, spread=0.02, seeds=10, level=0.5, widths=(100, 1000, 10_000)):
    rows = []
    for order, (exponent, slope) in enumerate(slopes.items()):
        for width in widths:
            effect = level * (width / 100) ** slope * np.exp(spread * noise(seeds, order + width))
            rows.append(
                pd.DataFrame({"penalty_effect": effect, "seed": range(seeds)}).assign(
                    family=MOST_PENALTY, exponent=exponent, width=width, movement=1.0, status="ok"
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
        (penalty({0.5: -0.5, 1.0: 0.0}, seeds=3), OPEN),
    ],
)  # fmt: skip
def test_penalty_survives(evidence, verdict):
    assert judged("M4", evidence).verdict == verdict


def test_the_penalty_shown_is_that_which_decides():
    found = judged("M4", penalty({0.5: -0.5, 0.75: 0.0, 1.0: 0.0}))
    assert states(found) == {
        "falls at κ = 0.75, stays from κ = 1 on": "fails",
        "falls at κ = 0.5, stays from κ = 1 on": "holds",
    }
    assert found.measure == "exponent in n of the penalty effect (κ = 0.75)"
    assert (found.effect, found.n) == (pytest.approx(0.0, abs=0.01), 10)
    assert "at most -0.1 required (κ = 0.75, decides among 3)" in found.reason
    assert "mean exponents: -0.50 at κ = 0.5, " in found.reason
    found = judged("M4", penalty({0.5: -0.5, 1.0: 0.0}, level=0.001))
    assert found.measure == "penalty effect over movement (κ = 1, largest n)"
    assert (found.effect, found.n) == (pytest.approx(0.001, rel=0.01), 10)
    assert "at least 0.05 required (κ = 1, largest n, decides among 3)" in found.reason


def test_a_diverged_network_costs_its_seed_the_exponent_and_a_width_over_budget_nobody():
    rows = penalty({0.5: -0.5, 0.75: -0.25, 1.0: 0.0})[judges.PENALTY]
    lost = (rows.exponent == 1) & (rows.width == 10_000) & (rows.seed == 0)
    diverged = rows.assign(status=np.where(lost, "dropout diverged", "ok"))
    slopes = penalty_slopes(diverged)[1.0]
    assert list(slopes.index[slopes.isna()]) == [0]
    found = judged("M4", {judges.PENALTY: diverged})
    assert found.verdict == OPEN  # nine numbers where ten are asked for
    assert "there are too few numbers (κ = 1, one of 3)" in found.reason
    more = penalty({0.5: -0.5}, widths=(100, 1000, 10_000, 20_000))[judges.PENALTY]
    costly = more.assign(status=np.where(more.width == 20_000, "over budget", "ok"))
    assert penalty_slopes(costly)[0.5].mean() == pytest.approx(-0.5, abs=0.02)
    assert penalty_slopes(costly)[0.5].notna().all()


def test_penalties_at_the_threshold_rarely_fail():
    rng, trials = np.random.default_rng(3), 100
    rows = penalty({0.25: -0.1, 0.5: -0.1, 0.75: -0.1, 1.0: 0.5}, spread=0.0)[judges.PENALTY]
    failed = single = 0
    for _ in range(trials):
        noisy = rows.assign(penalty_effect=rows.penalty_effect * np.exp(0.3 * rng.standard_normal(len(rows))))
        failed += "fails" in states(judged("M4", {judges.PENALTY: noisy})).values()
        slopes = penalty_slopes(noisy)
        single += any(mean_p_value(slopes[kappa], -0.1, "greater") <= LEVEL for kappa in (0.25, 0.5, 0.75))
    assert failed / trials <= 0.06 < single / trials


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
    limits = {"points": 20, "largest_updates": 10_000, "largest_reads": 100_000}
    grid_of = {"learning_rates": [1e-3, 1e-2, 9.0], "keep_rates": [0.1, 0.9]}
    relu = PLANE | {"activation": "relu", "bound": 3.0}
    settings = Diagram(bounded=PLANE, relu=relu, width=20, **grid_of, seeds=10, **limits)
    found = diagram_task.tabulate(settings, seed=1, checkpoints=tmp_path)
    assert list(found.columns) == list(diagram_task.MEANINGS)
    assert found.groupby(["activation", "learning_rate", "keep_rate"]).size().tolist() == [50] * 12
    assert set(found.query("learning_rate == 0.001 and keep_rate == 0.9").status) == {"over budget"}
    assert set(found.query("learning_rate == 9 and keep_rate == 0.1").status) == {"no limit"}
    assert found[found.status == "ok"].distance.notna().all()
    assert not found[found.distance > 0].duplicated("distance").any()
    next(tmp_path.glob("*")).unlink()
    pd.testing.assert_frame_equal(diagram_task.tabulate(settings, seed=1, checkpoints=tmp_path), found)


def test_penalty_families_hold_what_they_say():
    for exponent in (0.25, 0.5, 1.0, 1.25):
        for width in (100, 1000, 10_000):
            rate, keep_rate = family_rates(MOST_PENALTY, exponent, width)
            assert rate == pytest.approx(0.002 * (width / 100) ** -exponent)
            assert rate / keep_rate <= 0.1 * (1 + 1e-12)
            assert 1 / (width * keep_rate) <= 0.5 * (1 + 1e-12)
    rate, keep_rate = family_rates("held", 0.5, 10_000)
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
