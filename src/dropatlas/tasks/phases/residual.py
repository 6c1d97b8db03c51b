"""Residual networks: does dropout come nearer to the random metric with the width, and with the depth?

The paper leaves residual networks open (open question 3). Prediction (ours, derived in
`dropatlas.phases.residual_networks`): with a factor 1/L on each of L branches the distance dropout-RaM falls like
(nL)^(-1/2), in n at every depth and in L at every width, while no dropout stays away by O(1). Without the factor the
distance, relative to that of no dropout, grows like (L/n)^(1/2). It would be refuted by an exponent in n or L away from
-1/2, by a distance to no dropout that shrinks as n grows, or by branches without the factor that come nearer, too: then
the factor would explain nothing.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dropatlas.phases.residual_coupling import train_residual
from dropatlas.phases.settings import Residual
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.residual"

MEANINGS = {
    "branch_exponent": "s of the factor L^-s of every branch",
    "depth": "branches L",
    "width": "neurons n of a branch",
    "seed": "number of the seed: teacher and data of its own, the same for all widths and depths",
    "variant": "none, ram, dropout: coupled by start and masks",
    "distance": "RMS distance of the neurons to those of dropout, after the last step",
    "movement": "RMS distance of the neurons from their start",
    "risk": "training risk without masks",
    "risk_ratio": "risk over that at the start",
    "diverged": "whether the risk is not finite",
}


def tabulate(settings: Residual, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network and variant; finished cells are kept in `checkpoints`."""

    def work(exponent: float, depth: int, width: int) -> pd.DataFrame:
        rows = pd.DataFrame(train_residual(settings, seed, exponent, depth, width))
        return rows.assign(branch_exponent=exponent, depth=depth, width=width)

    with torch.inference_mode():
        rows = run_parts(settings.cells(), work, "residual", checkpoints, MODULE, settings, seed)
    rows["diverged"] = ~np.isfinite(rows.risk)
    return rows[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task(MODULE, Residual, MEANINGS, tabulate)
