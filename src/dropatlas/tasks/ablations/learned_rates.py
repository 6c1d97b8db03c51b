"""The learned gradient-to-rate map against fixed rates, on seeds the search has not seen: one row per run and epoch."""

from pathlib import Path

import pandas as pd

from dropatlas.progress import LoggedProgress
from dropatlas.regularisation.ablation_settings import ArmGroup
from dropatlas.regularisation.columns import RUN_MEANINGS
from dropatlas.regularisation.learned_rates import train_map
from dropatlas.regularisation.runs import Replica, epoch_rows, run_seed, train_arms
from dropatlas.regularisation.settings import Arm
from dropatlas.tasks.runner import run_table_task

SEARCH = "ablations/learned_search"


def best_map(candidates: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Knots and rates of the candidate with the lowest mean validation loss."""
    scores = candidates.groupby(["generation", "candidate"]).validation_loss.mean()
    generation, candidate = scores.idxmin()
    best = candidates[(candidates.generation == generation) & (candidates.candidate == candidate)]
    points = best[best.replica == 0].sort_values("knot")
    return points.knot.tolist(), points.rate.tolist()


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
    for number in LoggedProgress(range(cell.seeds), "learned map", unit="run"):
        own_seed = run_seed(seed, number)
        keep = checkpoints / f"learned-{number}.pt" if checkpoints else None
        run = train_map(cell, knots, rates, own_seed, data, keep)
        replica = Replica("learned", number, own_seed, run.data, run.model, run.result)
        parts.append(epoch_rows(cell, Arm(method="ddc"), replica))
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.ablations.learned_rates", ArmGroup, RUN_MEANINGS, tabulate)
