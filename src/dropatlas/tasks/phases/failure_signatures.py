"""Failure signatures: does the distance to the predicted limit show a wrong code, and do neurons cluster at small β?

The paper's summary: "incorrect mean-field scaling causes dynamics mismatch; wrong dropout mask distribution breaks
equivalence; neurons clustering/diverging indicates β too small". Predictions (ours): a wrong scaling shows in every
phase, a wrong mask in every phase whose limit depends on what is wrong (`wrong_codes.HARMLESS` names the others), the
right code in none; and neurons neither cluster nor diverge at small β: there the limit is that of Poisson jumps, in
which nothing attracts or repels neurons that gradient flow does not. A mistake that stays within the tolerance would
refute the first; networks of small β whose neurons are clearly nearer to one another or clearly longer than those of
gradient flow (β = 0) from the same start would speak for the last, by either. Against networks of large β they are
longer anyway: there the penalty pulls neurons in.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.phases.comparison import DROPOUT_DIVERGED, OK, diverged, mean_movement
from dropatlas.phases.limits import simulate_limit
from dropatlas.phases.names import CODES
from dropatlas.phases.particles import Problem, initial_particles, risk
from dropatlas.phases.plane import draw_problem, streams
from dropatlas.phases.rates import Network
from dropatlas.phases.settings import FailureSignatures
from dropatlas.phases.transport import wasserstein_1
from dropatlas.phases.wrong_codes import RIGHT, neighbour_distance, root_mean_square, train_with
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.phases.plane import NETWORK_MEANINGS, named
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.failure_signatures"

MEANINGS = {
    "experiment": "codes (wrong codes against the predicted limit) or small beta (right code, watched for clusters)",
    "code": "right, or the mistake in it",
    "cell": "experiment codes: phase whose limit is predicted; otherwise empty",
    **NETWORK_MEANINGS,
    "seed": "number of the seed: its own data, initial particles, masks and clocks",
    "status": "ok; dropout diverged (the code did)",
    "distance": "W1 of the particles of the code and of the predicted limit at time T",
    "floor": "W1 of two independent copies of the limit",
    "dropout_floor": "W1 of two independent runs of the code",
    "movement": "mean distance of a neuron of the gradient flow from its start",
    "neighbour": "mean distance of a particle to its nearest neighbour",
    "flow_neighbour": "the same of gradient flow from the same start",
    "size": "root mean square length of the particles (a, w)",
    "flow_size": "the same of gradient flow from the same start",
}


def tabulate(settings: FailureSignatures, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per code, network and seed; finished networks are kept in `checkpoints`."""

    def part(cell: str, width: int, learning_rate: float, keep_rate: float, steps: int) -> pd.DataFrame:
        network, rows = Network(width, learning_rate, keep_rate, steps), []
        codes = CODES if cell else (RIGHT,)
        for number in range(settings.seeds):
            problem = draw_problem(settings.problem, seed, number)
            stream = streams(seed, number, "failure signatures", cell, width, learning_rate, keep_rate)
            start = initial_particles(stream("start"), width)
            setting = (problem, start, learning_rate, keep_rate, steps)
            flow = simulate_limit("GF", problem, start, steps, learning_rate, keep_rate, stream("flow"))
            limits = [
                simulate_limit(cell, problem, start, steps, learning_rate, keep_rate, stream("limit", copy))
                for copy in ("first", "second")
                if cell
            ]
            about = {"experiment": "codes" if cell else "small beta", "cell": cell, **named(problem, network)}
            for code in codes:
                runs = [train_with(code, *setting, stream(code, copy)) for copy in ("first", "second")]
                rows.append(
                    {**about, "code": code, "seed": number}
                    | {"movement": mean_movement(problem, start, flow)}
                    | {"flow_neighbour": neighbour_distance(flow), "flow_size": root_mean_square(flow)}
                    | _measured(problem, start, runs, limits, settings.points)
                )
        return pd.DataFrame(rows)[list(MEANINGS)]

    parts = [(cell, *network) for cell, network in settings.networks()]
    return run_parts(parts, part, "failure signatures", checkpoints, MODULE, settings, seed)


def _measured(
    problem: Problem, start: np.ndarray, runs: list[np.ndarray], limits: list[np.ndarray], points: int
) -> dict[str, object]:
    """What two runs of a code are like, and how far they are from two copies of a limit (none: not compared)."""
    values = ("distance", "floor", "dropout_floor", "neighbour", "size")
    with np.errstate(over="ignore", invalid="ignore"):  # of a run that diverged
        lost = any(diverged(problem, run, risk(problem, start)) for run in runs)
    if lost:
        return {"status": DROPOUT_DIVERGED, **dict.fromkeys(values, np.nan)}
    first, second = (run[:points] for run in runs)
    distances: dict[str, object] = dict.fromkeys(values[:3], np.nan)
    if limits:
        limit, copy = (found[:points] for found in limits)
        pairs = ((first, limit), (limit, copy), (first, second))
        distances = {name: wasserstein_1(*pair) for name, pair in zip(values[:3], pairs, strict=True)}
    return {"status": OK, **distances, "neighbour": neighbour_distance(runs[0]), "size": root_mean_square(runs[0])}


if __name__ == "__main__":
    run_table_task(MODULE, FailureSignatures, MEANINGS, tabulate)
