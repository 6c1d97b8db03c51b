"""Phase diagram: which limit describes the dropout particles of a network, over a (τ, q) grid at one width?

Paper (Theorem 1, Figure 1): as n → ∞ the law of the neurons tends to one of five limits, by α = τ/q and β = 1/(nq).
Prediction: in every cell away from the boundaries W₁ at time T, less what the randomness of both sides adds to it
(`agreement.debiased`), is smaller to the predicted limit than to any other by more than the tolerance, except to
limits that have it as a limiting case, from which it differs by less. It would be refuted by a cell whose particles are
as near to a limit that does not contain the predicted one, or nearer by more to one that does.

The same for ReLU with constrained weights, where the theorems' assumption of bounded neurons holds only by projection.
Every seed has a teacher and inputs of its own. Cells in which α or β counts as infinite have no limit and are not run.
"""

from functools import partial
from pathlib import Path

import pandas as pd

from dropatlas.phases.classification import classify_phase
from dropatlas.phases.comparison import NO_LIMIT, NO_VALUES, OVER_BUDGET, limit_rows
from dropatlas.phases.limits import LIMITS
from dropatlas.phases.particles import initial_particles, risk
from dropatlas.phases.plane import draw_problem, streams
from dropatlas.phases.rates import Network
from dropatlas.phases.settings import Diagram
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.phases.plane import NETWORK_MEANINGS, named
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.diagram"

MEANINGS = {
    **NETWORK_MEANINGS,
    "seed": "number of the seed: its own data, initial particles, masks and clocks",
    "limit": "limit compared with: GF, II, III, IV or I, with the same initial particles",
    "status": "ok; no limit or over budget (not run: alpha or beta too large; too many updates or reads); dropout "
    "diverged; limit diverged",
    "distance": "W1 of dropout particles and limit particles at time T",
    "floor": "W1 of two independent copies of the limit (0 for the deterministic GF and II)",
    "dropout_floor": "W1 of two independent runs of dropout",
    "movement": "mean distance of a neuron of the gradient flow from its start",
    "dropout_risk": "risk of the dropout particles without masks",
    "limit_risk": "risk of the limit particles",
    "start_risk": "risk of the initial particles",
}


def _cell(
    settings: Diagram, seed: int, kind: str, width: int, learning_rate: float, keep_rate: float, steps: int
) -> pd.DataFrame:
    network, rows = Network(width, learning_rate, keep_rate, steps), []
    no_limit = classify_phase(width, learning_rate, keep_rate).name not in LIMITS
    for number in range(settings.seeds):
        problem = draw_problem(settings.problem(kind), seed, number)
        stream = streams(seed, number, "diagram", problem.activation, width, learning_rate, keep_rate)
        particles = initial_particles(stream("start"), width)
        if no_limit or settings.over_budget(network):
            status = NO_LIMIT if no_limit else OVER_BUDGET
            empty = {"status": status, "start_risk": risk(problem, particles), **NO_VALUES}
            found = [{"limit": limit, **empty} for limit in LIMITS]
        else:
            setting = (problem, particles, steps, learning_rate, keep_rate, stream)
            found = limit_rows(*setting, points=settings.points, largest_reads=settings.largest_reads)
        rows += [{**named(problem, network), "seed": number, **row} for row in found]
    return pd.DataFrame(rows)[list(MEANINGS)]


def tabulate(settings: Diagram, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per kind of neurons, cell, seed and limit; finished cells are kept in `checkpoints`."""
    parts = [(kind, *network) for kind, network in settings.cells()]
    return run_parts(parts, partial(_cell, settings, seed), "phase diagram", checkpoints, MODULE, settings, seed)


if __name__ == "__main__":
    run_table_task(MODULE, Diagram, MEANINGS, tabulate)
