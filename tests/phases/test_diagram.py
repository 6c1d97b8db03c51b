"""Rows of the diagram's tables: what diverges, costs too much or is interrupted."""

import numpy as np
import pandas as pd

from dropatlas.phases.comparison import limit_rows
from dropatlas.phases.particles import initial_particles, plane_problem
from dropatlas.phases.settings import Diagram
from dropatlas.tasks.phases import diagram as diagram_task


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
