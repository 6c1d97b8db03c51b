"""Drop frequency of every edge over training, under dense and masked gradients: histograms and measures."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.ddc.feedback import WindowHistory, record_run, window_history
from dropatlas.ddc.settings import Feedback
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "data": "data the network learns",
    "model": "network",
    "variant": "dense: weight and next mask get the dense gradient; masked: both the chain rule's; dense_judge: the "
    "weight the chain rule's, the next mask the dense one",
    "seed": "number of the seed: equal numbers share split, initial weights and data order",
    "window": "part of training, from 1; 0: all of it",
    "steps": "training steps in the window",
    "edges": "edges of the layer",
    "mean_rate": "share of edges dropped, mean over the window",
    "persistence": "correlation between being dropped and having been dropped in the step before, within edges",
    "memory": "correlation over edges of drop frequencies with the window before; NaN for windows 0 and 1",
    "gini": "Gini coefficient of the edges' drop frequencies",
    "excess_deviation": "standard deviation of drop frequencies beyond independent draws at the mean rate",
    "often": "share of edges dropped in more than 90 % of the steps",
    "bimodality": "(skewness^2 + 1)/kurtosis of drop frequencies; above 5/9 speaks for two groups",
    "test_accuracy": "share of correct test samples after the last epoch; NaN in regression",
    "test_loss": "loss on test samples after the last epoch",
    "bin": "number of the bin of drop frequency; the measures above are repeated in each",
    "frequency": "middle of the bin",
    "share": "share of edges whose drop frequency lies in the bin",
    "diverged": "whether training stopped because loss or gradient was not finite (one row without values)",
}


def _window_rows(history: WindowHistory, bins: int) -> pd.DataFrame:
    # The top edge is inside the last bin. Frequencies are multiples of 1/steps: bins that are not finer show no gaps.
    share = np.histogram(history.frequency, bins, (0, 1))[0] / history.frequency.size
    middle = (np.arange(bins) + 0.5) / bins
    return pd.DataFrame({"bin": range(bins), "frequency": middle, "share": share}).assign(
        steps=history.steps,
        edges=history.frequency.size,
        memory=history.memory,
        **asdict(history.concentration),
    )


def tabulate(settings: Feedback, seed: int, data: Path | None = None, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per variant, seed, window and bin of frequency."""
    parts = []
    for number, variant in LoggedProgress(settings.runs(), "drop history", unit="run"):
        run = record_run(settings, variant, number, seed, data, checkpoints and checkpoints / f"{variant}-{number}")
        about = {"data": run.data.label, "model": settings.cell.model, "variant": variant, "seed": number}
        if run.result is None:
            empty = dict.fromkeys(MEANINGS, np.nan) | dict.fromkeys(("window", "steps", "edges", "bin"), 0)
            parts.append(pd.DataFrame([{**empty, **about, "diverged": True}]))
            continue
        last = run.result.outcomes.set_index("chosen").loc["last"]
        about |= {"test_accuracy": last.test_accuracy, "test_loss": last.test_loss, "diverged": False}
        for window in range(settings.windows + 1):
            parts.append(_window_rows(window_history(run.layer, window), settings.bins).assign(window=window, **about))
    return pd.concat([part[list(MEANINGS)] for part in parts], ignore_index=True)


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.ddc.feedback", Feedback, MEANINGS, tabulate)
