"""Boundary scan: along lines through the boundaries, where does the simpler limit stop to describe dropout?

Paper (Figure 1) and the summary's experiment 3: at n = 1000, τ and q are varied across the boundaries, and W₁ is
measured to the limits of both sides. Prediction: the richer limit describes dropout along the whole line, the simpler
one until about the threshold of the convention (`classification`). It would be refuted by a crossing more than a factor
of three away.
"""

from pathlib import Path

import pandas as pd

from dropatlas.phases.boundary_lines import LINES
from dropatlas.phases.comparison import limit_rows
from dropatlas.phases.particles import initial_particles
from dropatlas.phases.plane import draw_problem, streams
from dropatlas.phases.rates import Network
from dropatlas.phases.settings import BoundaryScan
from dropatlas.tasks.phases.diagram import MEANINGS as DIAGRAM_MEANINGS
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.phases.plane import named
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.boundary_scan"

MEANINGS = {
    "line": "line, by the limits on its two sides",
    "coordinate": "alpha, beta or q along the line",
    **DIAGRAM_MEANINGS,
    "limit": "limit compared with",
    "side": "simple (the limit before the boundary) or rich (behind it)",
}


def tabulate(settings: BoundaryScan, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per line, place, seed and limit; finished places are kept in `checkpoints`."""

    def place(
        name: str, coordinate: float, width: int, learning_rate: float, keep_rate: float, steps: int
    ) -> pd.DataFrame:
        line, network, rows = LINES[name], Network(width, learning_rate, keep_rate, steps), []
        for number in range(settings.seeds):
            problem = draw_problem(settings.problem, seed, number)
            stream = streams(seed, number, "boundary scan", name, coordinate)
            particles = initial_particles(stream("start"), width)
            setting = (problem, particles, steps, learning_rate, keep_rate, stream)
            for side, row in zip(
                ("simple", "rich"), limit_rows(*setting, (line.simple, line.rich), settings.points), strict=True
            ):
                about = {"line": name, "coordinate": coordinate, **named(problem, network), "seed": number}
                rows.append({**about, **row, "side": side})
        return pd.DataFrame(rows)[list(MEANINGS)]

    parts = [(name, value, *network) for name, value, network in settings.networks()]
    return run_parts(parts, place, "boundary scan", checkpoints, MODULE, settings, seed)


if __name__ == "__main__":
    run_table_task(MODULE, BoundaryScan, MEANINGS, tabulate)
