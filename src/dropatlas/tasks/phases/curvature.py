"""What masks cost along training: is the Gauss-Newton part B much larger than what the masks multiply, |C| and S/n?

Paper: a random metric with multipliers of variance Var(m) changes the mean of the next risk by Var(m)·C only (and not
by Var(m)·B), so where B >> |C|, as the paper assumes, single neurons may step far beyond 2/sharpness. Ours: at finite
width Var(m)·S/n adds to it (`dropatlas.phases.curvature`), and a negative C costs nothing, so that what the bypass
needs is Var(m)·(C+ + S/n) << B. Predictions: B is at least ten times |C|, and this extra cost at most a tenth of B, in
the mean over the risk's decrease, for every activation, loss, width and depth. Ratios that are clearly worse refute
them.

For deeper networks the full form minus the curvature of single neurons takes the place of B
(`dropatlas.phases.deep_networks`), which is the same number for two layers; single weights between two masks would add
a term with Var(m)^2 there, of order 1/n, which is not counted.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.phases.settings import Curvature, NetworkKind
from dropatlas.phases.training_curvature import terms_along_training
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.curvature"

MEANINGS = {
    "activation": "sigma",
    "loss": "squared, or logistic on the sign of the teacher",
    "depth": "hidden layers L; 1: the two-layer network of the paper",
    "width": "neurons per layer n",
    "keep_rate": "q of the random metric in training; the terms are those of the full gradient",
    "seed": "number of the seed: its own teacher, data, start and masks",
    "step": "training steps done",
    "risk": "training risk R without masks",
    "gradient": "G: fall of R per unit of the master rate; depth 1: mean squared mean-field gradient of a neuron",
    "gauss_newton": "B: Gauss-Newton part of the second derivative along the gradient",
    "whole": "second derivative along the gradient; depth 1: B + C",
    "curved": "C: sum over neurons of the curvature of their own block, without its Gauss-Newton part",
    "blocks": "block-diagonal form, with it; depth 1: C + S/n",
    "diverged": "whether the risk is not finite",
}


def tabulate(settings: Curvature, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network and measured step; finished kinds of networks are kept in `checkpoints`."""

    def work(depth: int, width: int, activation: str, loss: str) -> pd.DataFrame:
        kind = NetworkKind(depth, width, activation, loss)
        return pd.DataFrame(terms_along_training(kind, settings, seed)).assign(**kind._asdict())

    rows = run_parts(settings.kinds(), work, "curvature", checkpoints, MODULE, settings, seed)
    rows = rows.assign(keep_rate=settings.keep_rate, diverged=~np.isfinite(rows.risk.astype(float)))
    return rows[list(MEANINGS)].astype({"step": np.int64, "seed": np.int64})


if __name__ == "__main__":
    run_table_task(MODULE, Curvature, MEANINGS, tabulate)
