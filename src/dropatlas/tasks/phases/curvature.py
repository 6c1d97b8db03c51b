"""Curvature along training: is the Gauss-Newton part B much larger than the curvature |C| of single neurons?

Paper: a random metric with multipliers of variance Var(m) changes the mean of the next risk by Var(m)·C only (and not
by Var(m)·B), so where B >> |C|, as the authors see in their runs, single neurons may step far beyond 2/sharpness.
Prediction: B/|C| is large at every measured step, for every activation, loss, width and depth. It would be refuted by
ratios near or below one. Ours: at finite width Var(m)·S/n adds to the cost (`dropatlas.phases.curvature`), so
B/|C + S/n| is measured beside it; for deeper networks the full form minus the curvature of single neurons takes the
place of B (`dropatlas.phases.deep_networks`), which is the same number for two layers.
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
    "variant": "none (gradient descent) or ram (random metric) in training; the terms are those of the full gradient",
    "depth": "hidden layers L; 1: the two-layer network of the paper",
    "width": "neurons per layer n",
    "seed": "number of the seed: its own teacher, data, start and masks",
    "step": "training steps done",
    "risk": "training risk R without masks",
    "risk_ratio": "R over R at step 0",
    "gradient": "G: mean squared mean-field gradient of a neuron (depth 1; else missing)",
    "gauss_newton": "B: Gauss-Newton part of the second derivative along the gradient",
    "whole": "second derivative along the gradient; depth 1: B + C",
    "curved": "C: sum over neurons of the curvature of their own block, without its Gauss-Newton part",
    "blocks": "block-diagonal form, with it; depth 1: C + S/n",
    "ratio": "|whole - curved|/|curved|; depth 1: B/|C|",
    "finite_ratio": "|whole - blocks|/|blocks|; depth 1: |B - S/n|/|C + S/n|",
    "sharpness": "largest eigenvalue of the Hessian in the mean-field metric (depth 1; else missing)",
    "diverged": "whether the risk is not finite",
}


def tabulate(settings: Curvature, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network and measured step; finished kinds of networks are kept in `checkpoints`."""

    def work(depth: int, width: int, activation: str, loss: str, variant: str) -> pd.DataFrame:
        kind = NetworkKind(depth, width, activation, loss, variant)
        parts = [
            pd.DataFrame(terms_along_training(kind, settings, seed, number)).assign(seed=number)
            for number in range(settings.seeds)
        ]
        return pd.concat(parts, ignore_index=True).assign(**kind._asdict())

    rows = run_parts(settings.kinds(), work, "curvature", checkpoints, MODULE, settings, seed)
    rows = rows.reindex(columns=list(MEANINGS))
    network = [*NetworkKind._fields, "seed"]
    start = rows[rows.step == 0].set_index(network).risk
    rows["risk_ratio"] = rows.risk / start.reindex(pd.MultiIndex.from_frame(rows[network])).to_numpy()
    rows["ratio"] = ((rows.whole - rows.curved) / rows.curved).abs()
    rows["finite_ratio"] = ((rows.whole - rows.blocks) / rows.blocks).abs()
    rows["diverged"] = ~np.isfinite(rows.risk.astype(float))
    return rows.astype({"step": np.int64, "seed": np.int64})


if __name__ == "__main__":
    run_table_task(MODULE, Curvature, MEANINGS, tabulate)
