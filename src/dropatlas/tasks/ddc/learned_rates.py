"""The learned gradient-to-rate map against fixed rates, on seeds the search has not seen: one row per run and epoch."""

from pathlib import Path

import pandas as pd

from dropatlas.ddc.columns import RUN_MEANINGS
from dropatlas.ddc.learned_rates import best_map, train_map
from dropatlas.ddc.runs import Run, epoch_rows, run_seed, train_arms
from dropatlas.ddc.settings import LEARNED, Arm, ArmGroup
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.runner import run_table_task

SEARCH = "ddc/learned_search"


def tabulate(
    settings: ArmGroup,
    seed: int,
    tables: dict[str, pd.DataFrame],
    data: Path | None = None,
    checkpoints: Path | None = None,
) -> pd.DataFrame:
    """Fixed arms of the settings and the arm `learned`."""
    cell = settings.cell
    knots, rates = best_map(tables[SEARCH])
    runs = train_arms(cell, settings.arms, seed, data, checkpoints)
    parts = [epoch_rows(cell, settings.arms[run.arm], run) for run in runs]
    for number, arm in LoggedProgress(cell.runs([LEARNED]), "learned map", unit="run"):
        own_seed = run_seed(seed, number)
        keep = checkpoints and checkpoints / f"{arm}-{number}"
        run = train_map(cell, knots, rates, own_seed, data, keep)
        learned = Run(arm, number, own_seed, run.data, run.model, run.result)
        parts.append(epoch_rows(cell, Arm(method="ddc"), learned))
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.ddc.learned_rates", ArmGroup, RUN_MEANINGS, tabulate)
