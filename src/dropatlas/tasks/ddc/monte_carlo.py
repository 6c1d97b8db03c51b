"""Predictions averaged over masks against deterministic ones: scores and reliability of every run."""

from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.ddc.predictive import class_probabilities, predictive_scores
from dropatlas.ddc.runs import Run, train_arms
from dropatlas.ddc.settings import MonteCarlo
from dropatlas.tasks.runner import run_table_task

SCORES = ("accuracy", "log_loss", "brier", "calibration_error")
MEANINGS = {
    "data": "data the networks learned",
    "model": "network",
    "arm": "side of the comparison",
    "seed": "number of the seed: equal numbers share split, initial weights and data order",
    "prediction": "deterministic, or monte carlo: mean of probabilities over masks",
    "masks": "masks averaged over; 0: deterministic",
    "accuracy": "share of test samples whose most probable class is right",
    "log_loss": "mean negative log-likelihood of the true class on test samples, in nats",
    "brier": "mean squared distance of probabilities and the one-hot class on test samples",
    "calibration_error": "expected calibration error on test samples over the bins",
    "bin": "number of the bin of confidence; the scores above are repeated in each",
    "bin_samples": "test samples in the bin",
    "bin_confidence": "mean confidence in the bin; NaN if empty",
    "bin_accuracy": "share of right classes in the bin; NaN if empty",
    "diverged": "whether training stopped because loss or gradient was not finite (one row without values)",
}


def _rows(settings: MonteCarlo, run: Run, masks: int | None) -> pd.DataFrame:
    about = {
        "data": run.data.label,
        "model": settings.cell.model,
        "arm": run.arm,
        "seed": run.number,
        "prediction": "deterministic" if masks is None else "monte carlo",
        "masks": masks or 0,
        "diverged": run.result is None,
    }
    if run.result is None:
        missing = dict.fromkeys([*SCORES, "bin_confidence", "bin_accuracy"], np.nan)
        return pd.DataFrame([{**about, **missing, "bin": 0, "bin_samples": 0}])[list(MEANINGS)]
    probabilities = class_probabilities(run.model, run.data.test, run.data, masks, run.seed)
    found = predictive_scores(probabilities, run.data.test.targets.numpy(), settings.bins)
    bins = {name: getattr(found, name) for name in ("bin_samples", "bin_confidence", "bin_accuracy")}
    scores = {name: getattr(found, name) for name in SCORES}
    return pd.DataFrame({"bin": range(settings.bins), **bins}).assign(**about, **scores)[list(MEANINGS)]


def tabulate(settings: MonteCarlo, seed: int, data: Path, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per arm, seed, kind of prediction and bin; a network that drops nothing has no masks to average over."""
    parts = []
    for run in train_arms(settings.cell, settings.arms, seed, data, checkpoints):
        parts += [_rows(settings, run, masks) for masks in settings.predictions(run.arm)]
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.ddc.monte_carlo", MonteCarlo, MEANINGS, tabulate)
