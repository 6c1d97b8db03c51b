"""Output of the masked layer in training against evaluation, before and after training, by calibration."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.ddc.activations import OutputRatios, ratios_before_and_after
from dropatlas.ddc.runs import train_arms
from dropatlas.ddc.settings import Activations
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "data": "data the network learns",
    "model": "network",
    "arm": "side of the comparison",
    "seed": "number of the seed: equal numbers share split, initial weights and data order",
    "stage": "start: initial weights, drop rates from one gradient; end: after training",
    "mean_ratio": "slope of the masked pre-activations' mean over masks on those without masks (biases left out)",
    "variance_ratio": "variance of pre-activations over samples and masks over that without masks",
    "activation_ratio": "mean of relu(pre-activation) over masks and samples over that without masks",
    "drop_rate": "mean share of dropped edges",
    "masks": "masks averaged over",
    "diverged": "whether training stopped because loss or gradient was not finite (no values at the end)",
}


def tabulate(
    settings: Activations, seed: int, data: Path | None = None, checkpoints: Path | None = None
) -> pd.DataFrame:
    """One row per arm, seed and stage, of the method's first layer."""
    rows, missing = [], OutputRatios(np.nan, np.nan, np.nan, np.nan)
    for run in train_arms(settings.cell, settings.arms, seed, data, checkpoints):
        about = {"data": run.data.label, "model": settings.cell.model, "arm": run.arm, "seed": run.number}
        about |= {"masks": settings.masks, "diverged": run.result is None}
        found = ratios_before_and_after(settings, run)
        rows += [{**about, "stage": stage, **asdict(ratios or missing)} for stage, ratios in found.items()]
    return pd.DataFrame(rows)[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.ddc.activations", Activations, MEANINGS, tabulate)
