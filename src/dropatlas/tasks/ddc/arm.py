"""Arms of a comparison trained with all seeds: one row per run and epoch.

Protocol: `dropatlas.ddc.runs`. Test samples decide nothing: the last epoch and the epoch chosen on
validation are both scored on them at the end.
"""

from pathlib import Path

import pandas as pd

from dropatlas.ddc.columns import RUN_MEANINGS
from dropatlas.ddc.runs import epoch_rows, train_arms
from dropatlas.ddc.settings import ArmRuns
from dropatlas.tasks.runner import run_table_task

MEANINGS = RUN_MEANINGS


def tabulate(settings: ArmRuns, seed: int, data: Path | None = None, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per arm, seed and epoch; finished seeds are kept in `checkpoints` and not trained again."""
    runs = train_arms(settings.cell, settings.arms, seed, data, checkpoints)
    return pd.concat([epoch_rows(settings.cell, settings.arms[run.arm], run) for run in runs], ignore_index=True)


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.ddc.arm", ArmRuns, MEANINGS, tabulate)
