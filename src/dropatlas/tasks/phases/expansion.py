"""The third term of the second-order expansion: do masks cost Var(m)·C, or Var(m)·(C + S/n)?

Ours: at finite width the expansion of the mean risk after a step of the random metric is

    E[R_next] = R - τ G + (τ²/2) (B + E[m²] C + Var(m) S/n),

with a third term that the paper's limit does not have (`dropatlas.phases.curvature`). Measured is what masks cost, the
mean risk over all masks (few neurons) or over sampled ones minus the risk without masks (`dropatlas.phases.expansion`).
Prediction: with the third term the expansion agrees with the measurement, without it it does not, and relative to B
the term falls like 1/n. It would be refuted by a measured cost without such a term, or with one of another size, or by
a term that falls slower or faster.
"""

from pathlib import Path

import pandas as pd

from dropatlas.phases.expansion import costs_along_training
from dropatlas.phases.settings import Expansion
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.expansion"

MEANINGS = {
    "activation": "sigma",
    "loss": "squared, or logistic on the sign of the teacher",
    "width": "neurons n",
    "seed": "number of the seed: its own teacher, data, start and masks",
    "step": "training steps done (random metric) before the measured step",
    "keep_rate": "q of the measured step",
    "all_masks": "whether the mean is over all masks; else over sampled ones",
    "risk": "R before the measured step",
    "gauss_newton": "B",
    "measured": "mean risk with masks minus risk without, over τ²/2: what masks cost",
    "by_curvature": "Var(m) C: the cost without the third term",
    "by_itself": "Var(m) S/n: the third term",
}


def tabulate(settings: Expansion, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network, stage of training and keep rate; finished kinds of networks are kept in `checkpoints`."""

    def work(width: int, activation: str, loss: str) -> pd.DataFrame:
        rows = pd.DataFrame(costs_along_training(settings, seed, width, activation, loss))
        return rows.assign(width=width, activation=activation, loss=loss)

    return run_parts(settings.kinds(), work, "expansion", checkpoints, MODULE, settings, seed)[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task(MODULE, Expansion, MEANINGS, tabulate)
