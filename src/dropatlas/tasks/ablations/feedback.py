"""Drop frequency of every edge over training, under dense and masked gradients: histograms and measures."""

import logging
import math
from dataclasses import asdict
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.progress import LoggedProgress
from dropatlas.regularisation.ablation_settings import Feedback
from dropatlas.regularisation.feedback import VARIANTS, RecordedDropConnectLinear, concentration, put_recorder
from dropatlas.regularisation.runs import method_layers, regularised_model, run_seed, training_data
from dropatlas.regularisation.settings import Arm
from dropatlas.tasks.runner import run_table_task
from dropatlas.training import TrainingDivergedError, train

logger = logging.getLogger("dropatlas")

MEANINGS = {
    "data": "data the network learns",
    "model": "network",
    "variant": "dense: weight and next mask get the dense gradient; masked: both the chain rule's; dense_judge: the "
    "weight the chain rule's, the next mask the dense one",
    "replica": "number of the seed: equal numbers share split, initial weights and data order",
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


def _window_rows(layer: RecordedDropConnectLinear, window: int, bins: int) -> pd.DataFrame:
    counts = {name: getattr(layer, name).cpu().numpy() for name in ("dropped", "again", "before", "steps")}
    chosen = slice(None) if window == 0 else slice(window - 1, window)
    dropped, again, before, steps = (counts[name][chosen].sum(0) for name in counts)
    frequency = dropped.ravel() / steps
    memory = np.nan
    if window > 1:
        earlier = counts["dropped"][window - 2].ravel()
        memory = float(np.corrcoef(frequency, earlier)[0, 1]) if np.ptp(frequency) and np.ptp(earlier) else np.nan
    # The top edge is inside the last bin. Frequencies are multiples of 1/steps: bins that are not finer show no gaps.
    share = np.histogram(frequency, bins, (0, 1))[0] / frequency.size
    middle = (np.arange(bins) + 0.5) / bins
    found = asdict(concentration(dropped, again, before, int(steps)))
    return pd.DataFrame({"bin": range(bins), "frequency": middle, "share": share}).assign(
        window=window, steps=int(steps), edges=frequency.size, memory=memory, **found
    )


def tabulate(settings: Feedback, seed: int, data: Path | None = None, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per variant, seed, window and bin of frequency."""
    cell, plain, parts = settings.cell, Arm(method="none"), []
    for replica, variant in LoggedProgress(list(product(range(cell.seeds), VARIANTS)), "drop history", unit="run"):
        own_seed = run_seed(seed, replica)
        samples = training_data(cell, data, own_seed)
        model = regularised_model(cell, plain, samples, own_seed)
        name = method_layers(model, plain)[0]
        steps = cell.recipe.epochs * math.ceil(len(samples.train) / cell.recipe.batch_size)
        put_recorder(model, name, variant, settings.windows, math.ceil(steps / settings.windows))
        keep = checkpoints / f"{variant}-{replica}.pt" if checkpoints else None
        about = {"data": samples.label, "model": cell.model, "variant": variant, "replica": replica}
        try:
            result = train(model, samples, cell.recipe, own_seed, checkpoint=keep)
        except TrainingDivergedError as error:
            logger.warning("%s, seed %d diverged: %s", variant, replica, error)
            empty = dict.fromkeys(MEANINGS, np.nan) | dict.fromkeys(("window", "steps", "edges", "bin"), 0)
            parts.append(pd.DataFrame([{**empty, **about, "diverged": True}]))
            continue
        last = result.outcomes.set_index("chosen").loc["last"]
        layer = model.get_submodule(name)
        for window in range(settings.windows + 1):
            rows = _window_rows(layer, window, settings.bins)
            parts.append(
                rows.assign(**about, test_accuracy=last.test_accuracy, test_loss=last.test_loss, diverged=False)
            )
    return pd.concat([part[list(MEANINGS)] for part in parts], ignore_index=True)


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.ablations.feedback", Feedback, MEANINGS, tabulate)
