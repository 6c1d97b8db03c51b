"""Dynamic DropConnect over a grid of base rate, gradient rate and threshold: one row per setting and seed."""

from pathlib import Path

import pandas as pd

from dropatlas.ddc.columns import RUN_MEANINGS
from dropatlas.ddc.runs import epoch_rows, train_arms
from dropatlas.ddc.settings import Sensitivity
from dropatlas.tasks.runner import run_table_task

KEPT = ["data", "model", "seed", "validation_loss", "validation_accuracy", "test_loss", "test_accuracy", "diverged"]
MEANINGS = {
    "base_rate": "base rate p",
    "gradient_rate": "gradient rate p_g; with 0 the threshold does nothing",
    "threshold": "threshold τ",
    **{name: RUN_MEANINGS[name] for name in KEPT},
    "drop_rate": "share of edges dropped, mean over the last epoch's steps",
}


def tabulate(
    settings: Sensitivity, seed: int, data: Path | None = None, checkpoints: Path | None = None
) -> pd.DataFrame:
    """The last epoch of every run."""
    arms, parts = settings.arms, []
    for run in train_arms(settings.cell, arms, seed, data, checkpoints):
        rows = epoch_rows(settings.cell, arms[run.arm], run)
        parts.append(rows[rows["last"]].assign(**arms[run.arm].options))
    return pd.concat(parts, ignore_index=True)[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.ddc.sensitivity", Sensitivity, MEANINGS, tabulate)
