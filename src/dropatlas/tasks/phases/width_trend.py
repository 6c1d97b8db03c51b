"""Width trend: along a sequence of widths in every phase, does W₁ to the predicted limit fall to the noise floor?

Paper (Theorem 1): the law of the neurons converges to the limit of the phase. Prediction: at the largest width W₁ to
the limit is no larger than what the randomness of both makes it (`agreement.debiased`), while the limits that it has as
limiting cases (control) are clearly farther. It would be refuted by a distance that stays above that floor. Where a
limiting case is as near, noise hides what is to be seen, and the width cannot tell.

The same for ReLU with constrained weights; its distances should fall at the same rate. Sequences:
`dropatlas.phases.rates`.
"""

from pathlib import Path

import pandas as pd

from dropatlas.phases.classification import CONTAINS
from dropatlas.phases.comparison import limit_rows
from dropatlas.phases.names import PHASES
from dropatlas.phases.particles import initial_particles
from dropatlas.phases.plane import draw_problem, streams
from dropatlas.phases.rates import Network
from dropatlas.phases.settings import WidthTrend
from dropatlas.tasks.phases.diagram import MEANINGS as DIAGRAM_MEANINGS
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.phases.plane import named
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.width_trend"

MEANINGS = {
    "sequence": "phase whose sequence this is",
    **DIAGRAM_MEANINGS,
    "limit": "limit compared with: that of the phase and, at the largest width, those that it has as limiting cases",
    "points": "particles whose laws are compared",
}


def tabulate(settings: WidthTrend, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per kind of neurons, sequence, width, seed and limit; finished parts are kept in `checkpoints`."""

    def part(kind: str, sequence: str, width: int, learning_rate: float, keep_rate: float, steps: int) -> pd.DataFrame:
        network = Network(width, learning_rate, keep_rate, steps)
        cases = CONTAINS[sequence] if width == max(settings.widths) else frozenset()
        limits = [limit for limit in PHASES if limit == sequence or limit in cases]
        points, rows = min(width, settings.points), []
        for number in range(settings.seeds):
            problem = draw_problem(settings.problem(kind), seed, number)
            stream = streams(seed, number, "width trend", problem.activation, sequence, width)
            particles = initial_particles(stream("start"), width)
            setting = (problem, particles, steps, learning_rate, keep_rate, stream)
            for row in limit_rows(*setting, limits, points, settings.largest_reads):
                about = {"sequence": sequence, **named(problem, network), "seed": number}
                rows.append({**about, **row, "points": points})
        return pd.DataFrame(rows)[list(MEANINGS)]

    parts = [(kind, sequence, *network) for kind, sequence, network in settings.networks()]
    return run_parts(parts, part, "width trend", checkpoints, MODULE, settings, seed)


if __name__ == "__main__":
    run_table_task(MODULE, WidthTrend, MEANINGS, tabulate)
