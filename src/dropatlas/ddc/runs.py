"""Arms of a comparison trained on equal terms: the same split, initial weights and data order for equal seeds."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.data import load
from dropatlas.ddc.columns import RUN_MEANINGS, VALUES
from dropatlas.ddc.settings import Arm, Cell
from dropatlas.layers import apply_method
from dropatlas.models import Network, build_model
from dropatlas.progress import LoggedProgress
from dropatlas.randomness import seed_sequence
from dropatlas.training import TrainingData, TrainingDivergedError, TrainingResult, tabular_data, train

logger = logging.getLogger("dropatlas")


def run_seed(seed: int, number: int) -> int:
    """Root seed of everything random in seed number `number`, the same for every arm and cell."""
    return int(seed_sequence(seed, "regularisation", number).generate_state(1)[0])


def training_data(cell: Cell, path: Path | None, seed: int) -> TrainingData:
    """Data of one seed: the cell's samples, split at random.

    Args:
        cell: Says which data and how many.
        path: Prepared image set; None for a table.
        seed: From `run_seed`.

    Raises:
        ValueError: a size exceeds what there is, or the file of an image set is missing.
    """
    if cell.has_images:
        if path is None:
            raise ValueError(f"{cell.data} is a prepared image set, and no file of it is given")
        return TrainingData.from_images(load(path), seed, train_size=cell.train_size, test_size=cell.test_size)
    return tabular_data(cell.data, seed, **({"samples": cell.train_size} if cell.train_size else {}))


def method_layers(model: Network, arm: Arm) -> list[str]:
    """Names of the layers of `model` an arm acts on: its own, or those of the published protocol."""
    if arm.layers is not None:
        return arm.layers
    return list(model.dropout_layers if arm.method == "dropout" else model.method_layers)


def regularised_model(cell: Cell, arm: Arm, data: TrainingData, seed: int) -> Network:
    """The cell's network with its initial weights (equal for all arms) and the arm's method.

    Raises:
        ValueError: the model has no such layer, or an option is out of range.
        TypeError: the method has no such option.
    """
    shape = data.input_shape
    if cell.recipe.resize and cell.has_images:
        shape = (shape[0], cell.recipe.resize, cell.recipe.resize)
    model = build_model(cell.model, shape, data.outputs, seed)
    return apply_method(model, method_layers(model, arm), arm.method, **arm.options)


@dataclass(frozen=True)
class Run:
    """One finished training run.

    Attributes:
        arm: Name of the arm.
        number: Number of the seed.
        seed: Root seed of the run.
        data: What it learned from.
        model: The network after the last epoch.
        result: Histories and outcomes; None if it diverged.
    """

    arm: str
    number: int
    seed: int
    data: TrainingData
    model: Network
    result: TrainingResult | None


def train_arms(
    cell: Cell, arms: Mapping[str, Arm], seed: int, path: Path | None, checkpoints: Path | None
) -> Iterator[Run]:
    """Train every arm with every seed of the cell, one after the other.

    A run that diverges is kept, marked, and the others go on. Finished runs are not repeated after a kill: their
    checkpoints hold the trained model.

    Args:
        cell: Data, model, training.
        arms: What is compared.
        seed: Root seed of the project's run.
        path: Prepared image set; None for a table.
        checkpoints: Folder to resume from; None: keep none.

    Yields:
        Finished runs, seeds outside, arms inside.
    """
    data, loaded = None, -1
    progress = LoggedProgress(cell.runs(arms), f"{cell.model} on {cell.data}", unit="run")
    for number, name in progress:
        own_seed = run_seed(seed, number)
        if data is None or number != loaded:
            data, loaded = training_data(cell, path, own_seed), number
        model = regularised_model(cell, arms[name], data, own_seed)
        keep = checkpoints and checkpoints / f"{name}-{number}"
        try:
            result = train(model, data, cell.recipe, own_seed, checkpoint=keep)
        except TrainingDivergedError as error:
            logger.warning("%s, seed %d diverged: %s", name, number, error)
            result = None
        yield Run(name, number, own_seed, data, model, result)


def epoch_rows(cell: Cell, arm: Arm, run: Run) -> pd.DataFrame:
    """One row per epoch of a run, columns `RUN_MEANINGS`; one row without values if it diverged."""
    recipe, result = cell.recipe, run.result
    if result is None:
        rows = pd.DataFrame({"epoch": [recipe.epochs]}).assign(**dict.fromkeys(VALUES, np.nan))
        rows["last"] = rows["selected"] = True
    else:
        outcomes = result.outcomes.set_index("chosen")
        rates = result.drop_rates.groupby("epoch").drop_rate.mean()
        rows = result.history.assign(drop_rate=result.history.epoch.map(rates).astype(np.float64))
        rows["last"] = rows.epoch == outcomes.epoch["last"]
        rows["selected"] = rows.epoch == outcomes.epoch["validation"]
        for column, source in (("fitted", "train"), ("test", "test")):
            for measure in ("loss", "accuracy"):
                found = outcomes[f"{source}_{measure}"]
                both = rows["last"].map({True: found["last"], False: np.nan})
                rows[f"{column}_{measure}"] = both.where(~rows["selected"], found["validation"]).astype(np.float64)
    rows = rows.assign(data=run.data.label, model=cell.model, arm=run.arm, method=arm.method)
    rows["layers"] = ", ".join(method_layers(run.model, arm))
    rows["seed"], rows["epochs"] = run.number, recipe.epochs
    rows["train_samples"], rows["diverged"] = len(run.data.train), result is None
    return rows[list(RUN_MEANINGS)]
