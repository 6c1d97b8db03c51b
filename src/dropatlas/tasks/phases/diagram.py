"""Phase diagram: which limit are the dropout particles of a network nearest to, over a (τ, q) grid at one width?

Paper (Theorem 1, Figure 1): as n → ∞ the law of the neurons tends to one of five limits, by α = τ/q and β = 1/(nq).
Prediction: away from the boundaries W₁ at time T is smallest to the predicted limit, or to one that has it as its
limiting case and cannot be told from it. It would be refuted by a cell whose particles are nearer to another limit by
more than the noise floor allows.

The same task makes the diagram for ReLU with constrained weights, where the theorems' assumption of bounded neurons
holds only by projection.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.phases.comparison import OVER_BUDGET, limit_rows
from dropatlas.phases.limits import LIMITS
from dropatlas.phases.particles import Problem, initial_particles, risk
from dropatlas.phases.plane import draw_problem, streams
from dropatlas.phases.rates import Network
from dropatlas.phases.settings import Diagram
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.phases.plane import NETWORK_MEANINGS, named
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.diagram"

MEANINGS = {
    **NETWORK_MEANINGS,
    "seed": "number of the seed: its own initial particles, masks and clocks",
    "limit": "limit compared with: GF, II, III, IV or I, with the same initial particles",
    "status": "ok; over budget (not run: too many steps, updates or reads); dropout diverged; limit diverged",
    "distance": "W1 of dropout particles and limit particles at time T",
    "floor": "W1 of two independent copies of the limit (0 for the deterministic GF and II)",
    "dropout_floor": "W1 of two independent runs of dropout",
    "dropout_risk": "risk of the dropout particles without masks",
    "limit_risk": "risk of the limit particles",
    "start_risk": "risk of the initial particles",
}


def _cell(
    problem: Problem, settings: Diagram, seed: int, width: int, learning_rate: float, keep_rate: float, steps: int
) -> pd.DataFrame:
    network, rows = Network(width, learning_rate, keep_rate, steps), []
    for number in range(settings.seeds):
        stream = streams(seed, number, "diagram", problem.activation, width, learning_rate, keep_rate)
        particles = initial_particles(stream("start"), width)
        if settings.over_budget(network):
            empty = dict.fromkeys(("distance", "floor", "dropout_floor", "dropout_risk", "limit_risk"), np.nan)
            start = {"status": OVER_BUDGET, "start_risk": risk(problem, particles)}
            found = [{"limit": limit, **start, **empty} for limit in LIMITS]
        else:
            reads = settings.largest_reads
            found = limit_rows(problem, particles, steps, learning_rate, keep_rate, stream, largest_reads=reads)
        rows += [{**named(problem, network), "seed": number, **row} for row in found]
    return pd.DataFrame(rows)[list(MEANINGS)]


def tabulate(settings: Diagram, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per cell, seed and limit; finished cells are kept in `checkpoints` and not run again."""
    work = partial(_cell, draw_problem(settings.problem, seed), settings, seed)
    return run_parts(settings.networks(), work, "phase diagram", checkpoints, MODULE, settings, seed)


if __name__ == "__main__":
    run_table_task(MODULE, Diagram, MEANINGS, tabulate)
