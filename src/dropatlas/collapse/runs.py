"""Histories of ensembles: train to given steps, measure there, keep a checkpoint, resume after a kill."""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dropatlas.checkpoints import keep_state, kept_state
from dropatlas.closure import module_closure
from dropatlas.collapse.ensemble import Ensemble, Measurement, Replica
from dropatlas.collapse.networks import Shape
from dropatlas.files import sha256_of_files

logger = logging.getLogger("dropatlas")

FIELDS = [name for name in Measurement.__dataclass_fields__ if name not in ("step", "diverged")]
CHECKPOINT_SECONDS = 30.0  # a killed job loses at most this much of one ensemble's work


def log_spaced_steps(last: int, count: int, first: int = 1) -> list[int]:
    """About `count` different steps from `first` to `last`, evenly spaced in the logarithm, both ends included.

    Raises:
        ValueError: not 1 <= first <= last, or count < 1.
    """
    if not 1 <= first <= last or count < 1:
        raise ValueError(f"steps must satisfy 1 <= first <= last and count >= 1, got {first=}, {last=}, {count=}")
    return sorted({round(step) for step in np.geomspace(first, last, count)} | {first, last})


class Checkpoint:
    """The file that a killed run of one ensemble resumes from.

    Its name is a hash of everything the run depends on (code, settings, seed), so that a checkpoint of other code or
    settings is never picked up.

    Args:
        folder: Folder of the checkpoints of one job; None: keep none.
        identity: Text that tells this run from every other.
    """

    def __init__(self, folder: Path | None, identity: str) -> None:
        code = sha256_of_files(module_closure("dropatlas.collapse.runs")) if folder else ""
        name = hashlib.sha256(f"{code} {identity}".encode()).hexdigest()[:24]
        self._path = folder / f"{name}.pt" if folder else None
        self._saved = time.monotonic()

    def load(self) -> dict[str, torch.Tensor] | None:
        """What was kept, None if nothing (readable) was."""
        return None if self._path is None else kept_state(self._path)

    def save(self, tensors: dict[str, torch.Tensor], finished: bool) -> None:
        """Keep `tensors` if the run has finished or the last save is long ago."""
        if self._path is None or not (finished or time.monotonic() - self._saved >= CHECKPOINT_SECONDS):
            return
        keep_state(self._path, tensors)
        self._saved = time.monotonic()


def history(ensemble: Ensemble, steps: Sequence[int], checkpoints: Path | None = None) -> pd.DataFrame:
    """Train an ensemble and measure it at given steps.

    Args:
        ensemble: At step 0.
        steps: Steps to measure at, rising, the last one ends the training.
        checkpoints: Folder to keep checkpoints in and to resume from; None: keep none.

    Returns:
        One row per step and replica, replicas varying fastest: `step`, `row` (position in the list the ensemble was
        given), the fields of `Measurement`, and `diverged`.
    """
    described = (ensemble.shape, ensemble.given, ensemble.problem.name, ensemble.batch_size, ensemble.seed)
    checkpoint = Checkpoint(checkpoints, repr((described, ensemble.problem.fingerprint, list(steps))))
    records = np.full((len(steps), len(FIELDS) + 1, len(ensemble.given)), np.nan)
    done = 0
    kept = checkpoint.load()
    if kept is not None:
        done = int(kept.pop("done"))
        records[:done] = kept.pop("records").numpy()
        if done < len(steps):
            ensemble.restore(kept)
        logger.info("resumed at step %d of %d", steps[done - 1], steps[-1])
    for number in range(done, len(steps)):
        ensemble.advance(steps[number])
        measured = ensemble.measure()
        records[number] = [*(getattr(measured, name) for name in FIELDS), measured.diverged]
        finished = number + 1 == len(steps)
        state = {} if finished else ensemble.state()
        done_so_far = {"done": torch.tensor(number + 1), "records": torch.from_numpy(records[: number + 1].copy())}
        checkpoint.save(state | done_so_far, finished)
    replicas = len(ensemble.given)
    frame = pd.DataFrame(
        {"step": np.repeat(np.asarray(steps), replicas), "row": np.tile(np.arange(replicas), len(steps))}
    )
    for column, name in enumerate(FIELDS):
        frame[name] = records[:, column].reshape(-1)
    frame["diverged"] = records[:, -1].reshape(-1) > 0
    return frame


def describe(frame: pd.DataFrame, shape: Shape, replicas: Sequence[Replica], trivial_loss: float) -> pd.DataFrame:
    """Add to a history what each replica was and the ratios the experiments share.

    Args:
        frame: From `history`.
        shape: The networks.
        replicas: In the order the ensemble was given them.
        trivial_loss: Loss of the best constant output.

    Returns:
        The frame with `depth`, `width`, `drop_rate`, `variant`, `gain`, `replica`, `learning_rate`, `theta`,
        `rate_sum`, `relative_movement`, `loss_ratio` (the lower of scaled and full test loss over the trivial loss) and
        `path_loss_ratio`.
    """
    table = pd.DataFrame(
        {
            "width": [replica.width for replica in replicas],
            "drop_rate": [0.0 if replica.variant == "none" else replica.drop_rate for replica in replicas],
            "variant": [replica.variant for replica in replicas],
            "gain": [replica.gain for replica in replicas],
            "replica": [replica.index for replica in replicas],
            "learning_rate": [replica.learning_rate for replica in replicas],
            "theta": [replica.theta(shape) for replica in replicas],
        }
    )
    known = table.iloc[frame.row.to_numpy()].reset_index(drop=True)
    joined = pd.concat([known, frame.drop(columns="row")], axis=1)
    joined.insert(0, "depth", shape.depth)
    joined["rate_sum"] = joined.learning_rate * joined.step
    joined["relative_movement"] = joined.weight_distance / joined.initial_norm
    joined["loss_ratio"] = joined[["scaled_loss", "full_loss"]].min(axis=1, skipna=False) / trivial_loss
    joined["path_loss_ratio"] = joined.path_loss / trivial_loss
    return joined


def first_step_where(frame: pd.DataFrame, reached: Callable[[pd.DataFrame], pd.Series], keys: list[str]) -> pd.Series:
    """First measured step of every run at which a condition holds.

    Args:
        frame: Rows of many runs, several steps each.
        reached: Condition, as a boolean series over the rows of `frame`.
        keys: Columns that tell runs apart.

    Returns:
        Step by run; NaN (censored) where the condition never held.
    """
    steps = frame.step.where(reached(frame))
    return steps.groupby([frame[key] for key in keys], sort=False).min()
