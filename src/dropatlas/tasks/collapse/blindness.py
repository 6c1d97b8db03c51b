"""Blindness on real training code: when pairs of runs with the same masks and labels and other inputs part.

Theory (ours, `dropatlas.collapse.blindness`): they are equal bit for bit until the first step with a path, so that they
differ by step T with probability 1 - (1 - θ)^T at most; with biases parameters move meanwhile. Refuted: by one pair
that differs earlier.
"""

from pathlib import Path

import pandas as pd
import torch

from dropatlas.collapse.blindness import coupled_runs
from dropatlas.collapse.blindness_settings import INPUTS, Blindness
from dropatlas.collapse.problems import digits_problem, regression_problem
from dropatlas.data import load
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import small_products
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "problem": "regression (half the squared error, with an offset) or digits (cross-entropy)",
    "model": "site (dropout) or bond (dropconnect)",
    "masks": "one mask per step, or one per sample",
    "activation": "activation of the hidden layers",
    "biases": "whether the layers have biases",
    "depth": "hidden layers L",
    "width": "vertices per hidden layer W",
    "drop_rate": "removal probability p",
    "theta": "probability that a step has a path (with a mask per sample: that one of its samples has)",
    "early": "steps of the first horizon",
    "late": "steps of the second horizon, at which training ends",
    "optimiser": "SGD, momentum (0.9), Adam, or AdamW (weight decay 0.01)",
    "learning_rate": "learning rate alpha",
    "pair": "number of the pair: its start, data order, labels and masks are those of both runs",
    "first_crossed": "first step with a path, from 1; 0: none in training",
    "first_different": "first step after which parameters or optimiser state of the two runs differ; 0: never",
    "movement": "norm of (w_T - w_0) over norm of w_0 in the first run, all parameters, at the second horizon",
}


@small_products()
def tabulate(settings: Blindness, seed: int, data: Path) -> pd.DataFrame:
    """One row per coupled pair."""
    problems = {
        "regression": regression_problem(seed, *INPUTS["regression"], offset=1.0, dtype=torch.float64),
        "digits": digits_problem(load(data), seed, 10, dtype=torch.float64),
    }
    parts = []
    for network in LoggedProgress(settings.networks, "blindness"):
        early, late = settings.horizons(network)
        theta = network.crossing_probability(settings.batch_size)
        pairs = coupled_runs(network, settings, problems[network.problem], seed)
        parts.append(pairs.assign(**network.model_dump(), theta=theta, early=early, late=late))
    return pd.concat(parts, ignore_index=True)[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.blindness", Blindness, MEANINGS, tabulate)
