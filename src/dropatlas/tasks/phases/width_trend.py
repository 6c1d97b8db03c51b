"""Width trend: along a sequence of widths in every phase, does W₁ to the predicted limit fall to the noise floor?

Paper (Theorem 1): the law of the neurons converges to the limit of the phase. Prediction: W₁ to the limit falls with n,
down to the distance of two independent copies. It would be refuted by a distance that stays above the floor.

Sequences, with ν = n/100: GF τ = 0.1 ν^(-1/2), q = 1/2; II β = 1/2, α = 0.2 ν^(-1/2); III α = 1/2, β = 0.2 ν^(-1/2);
IV α = β = 1/2; I τ = q = 1/2. Where a coordinate tends to 0, the limit is that of the phase, without it.
"""

from itertools import product
from pathlib import Path

import pandas as pd

from dropatlas.meanfield.comparison import limit_rows
from dropatlas.meanfield.particles import initial_particles, step_count
from dropatlas.meanfield.settings import WidthTrend
from dropatlas.tasks.phases.diagram import MEANINGS as DIAGRAM_MEANINGS
from dropatlas.tasks.phases.parts import identity, run_parts
from dropatlas.tasks.phases.plane import draw_problem, network, streams
from dropatlas.tasks.runner import run_table_task

SEQUENCES = ("GF", "II", "III", "IV", "I")

MEANINGS = {
    "sequence": "phase whose sequence this is",
    **DIAGRAM_MEANINGS,
    "points": "particles whose laws are compared",
}


def rates(sequence: str, width: int) -> tuple[float, float]:
    """Learning rate τ and keep rate q of a phase's sequence at one width."""
    decay = (width / 100) ** -0.5
    match sequence:
        case "GF":
            return 0.1 * decay, 0.5
        case "II":
            alpha, beta = 0.2 * decay, 0.5
        case "III":
            alpha, beta = 0.5, 0.2 * decay
        case "IV":
            alpha, beta = 0.5, 0.5
        case "I":
            return 0.5, 0.5
        case _:
            raise ValueError(f"sequence must be one of {', '.join(SEQUENCES)}, got {sequence!r}")
    keep_rate = min(1.0, 1 / (beta * width))
    return alpha * keep_rate, keep_rate


def tabulate(settings: WidthTrend, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per sequence, width and replica; finished parts are kept in `checkpoints` and not run again."""
    problem = draw_problem(settings.problem, seed)
    run = identity("dropatlas.tasks.phases.width_trend", settings.model_dump_json(), seed)

    def part(width: int, sequence: str) -> pd.DataFrame:
        learning_rate, keep_rate = rates(sequence, width)
        steps, points = step_count(settings.problem.time, learning_rate), min(width, settings.points)
        named = network(problem, width, learning_rate, keep_rate, steps)
        rows = []
        for replica in range(settings.seeds):
            stream = streams(seed, replica, "width trend", problem.activation, sequence, width)
            particles = initial_particles(stream("start"), width)
            setting = (problem, particles, steps, learning_rate, keep_rate, stream)
            for row in limit_rows(*setting, (sequence,), points, settings.largest_reads):
                rows.append({"sequence": sequence, **named, "replica": replica, **row, "points": points})
        return pd.DataFrame(rows)[list(MEANINGS)]

    return run_parts(
        list(product(sorted(settings.widths, reverse=True), SEQUENCES)),
        lambda cell: part(*cell),
        lambda cell: f"{cell[1]}-{cell[0]}-{run}",
        "width trend",
        checkpoints,
    )


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.phases.width_trend", WidthTrend, MEANINGS, tabulate)
