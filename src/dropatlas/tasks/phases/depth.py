"""Deeper networks: does dropout stay close to the random metric, at a distance of n^(-1/2)?

The paper's theorems are on two layers; deeper networks are its open question 3. Prediction (ours): yes. Propagation
noise averages out in every layer as n^(-1/2), so that coupled dropout and RaM networks stay within O(n^(-1/2)) of
each other at a fixed number of steps, at every depth, while no dropout stays away by O(1). It would be refuted by an
exponent away from -1/2, or by a distance to no dropout that shrinks, too: of d² = D² + c/n less than half lasts.

Read at a fixed early step, as in the two-layer case: from some step on, and the earlier the deeper the network, coupled
networks part at a rate of their own. Only networks that learn decide: with independent centred weights the signals of
inner layers vanish as n grows, and nothing moves (`dropatlas.phases.deep_networks`).
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dropatlas.phases.deep_coupling import train_coupled
from dropatlas.phases.settings import Depth
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.depth"

MEANINGS = {
    "depth": "hidden layers L; 1: the two-layer network of the paper",
    "width": "neurons per layer n",
    "seed": "number of the seed: teacher and data of its own, the same for all widths and depths",
    "variant": "none, ram, dropout: coupled by start and masks",
    "step": "training steps done",
    "distance": "RMS distance of the weights to those of dropout",
    "movement": "RMS distance of the weights from their start",
    "risk": "training risk without masks",
    "risk_ratio": "risk over that at the start",
    "diverged": "whether the risk is not finite",
}


def tabulate(settings: Depth, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network, variant and measured step; finished cells are kept in `checkpoints`."""

    def work(depth: int, width: int) -> pd.DataFrame:
        parts = [
            pd.DataFrame(train_coupled(settings, seed, number, depth, width)).assign(seed=number)
            for number in range(settings.seeds)
        ]
        return pd.concat(parts, ignore_index=True).assign(depth=depth, width=width)

    with torch.inference_mode():
        rows = run_parts(settings.cells(), work, "depth", checkpoints, MODULE, settings, seed)
    rows["diverged"] = ~np.isfinite(rows.risk)
    return rows[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task(MODULE, Depth, MEANINGS, tabulate)
