"""Search for a gradient-to-rate map: every map that was tried, with its validation loss."""

from pathlib import Path

import pandas as pd

from dropatlas.ddc.learned_rates import search
from dropatlas.ddc.settings import LearnedSearch
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "generation": "generation of the search",
    "candidate": "number within the generation; in the first, 0 is the published formula and 1 a constant half",
    "seed": "number of the search's seed, shared by all candidates",
    "validation_loss": "loss on held-out training samples after the last epoch; infinite if the run diverged",
    "knot": "z-score of |gradient|",
    "rate": "drop rate there",
}


def tabulate(
    settings: LearnedSearch, seed: int, data: Path | None = None, checkpoints: Path | None = None
) -> pd.DataFrame:
    """One row per candidate, search seed and knot."""
    total = len(settings.maps())
    candidates = LoggedProgress(search(settings, seed, data, checkpoints), "search", unit="map", total=total)
    rows = [
        (one.generation, one.number, number, loss, float(knot), rate)
        for one in candidates
        for number, loss in enumerate(one.validation_losses)
        for knot, rate in zip(settings.knots, one.rates, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.ddc.learned_search", LearnedSearch, MEANINGS, tabulate)
