"""Time of a training step with each method against the plain one, in turns. Times differ from run to run."""

import pandas as pd

from dropatlas.ddc.settings import StepTime
from dropatlas.ddc.step_time import step_times
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "model": "network",
    "method": "regularisation method in the layers of the published protocol",
    "batch_size": "images per step",
    "round": "number of the round: all methods take one step each",
    "wall_ms": "time of the step in ms",
    "processor_ms": "processor time of the step in ms, all threads",
}


def tabulate(settings: StepTime) -> pd.DataFrame:
    """One row per model, method and round."""
    parts = [
        step_times(model, settings.batch_size, settings.rounds).assign(model=model, batch_size=settings.batch_size)
        for model in LoggedProgress(settings.models, "step time", unit="model")
    ]
    return pd.concat(parts, ignore_index=True)[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.ddc.step_time", StepTime, MEANINGS, tabulate)
