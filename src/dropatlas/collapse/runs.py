"""Histories of ensembles: train to given steps, measure there, keep a checkpoint, resume after a kill."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dropatlas.checkpoints import Checkpoint
from dropatlas.collapse.ensemble import Ensemble, Measurement
from dropatlas.collapse.members import PLAIN_DESCENT, Descent, Member, Shape
from dropatlas.collapse.problems import Problem
from dropatlas.files import sha256_of_text

logger = logging.getLogger("dropatlas")

FIELDS = [name for name in Measurement.__dataclass_fields__ if name not in ("step", "diverged")]


def history(ensemble: Ensemble, steps: Sequence[int], checkpoints: Path | None = None) -> pd.DataFrame:
    """Train an ensemble and measure it at given steps.

    Args:
        ensemble: At step 0.
        steps: Steps to measure at, rising, the last one ends the training.
        checkpoints: Folder to keep checkpoints in and to resume from; None: keep none.

    Returns:
        One row per step and member, members varying fastest: `step`, `row` (position in the list the ensemble was
        given), the fields of `Measurement`, and `diverged`.
    """
    networks = (ensemble.shape, ensemble.given, ensemble.problem.name, ensemble.descent)
    path = checkpoints and checkpoints / sha256_of_text(repr(networks))[:16]  # a job has several ensembles
    trained = (ensemble.problem, ensemble.batch_size, ensemble.seed, ensemble.track_gradients, list(steps))
    checkpoint = Checkpoint(path, [__name__], *networks, *trained)
    records = np.full((len(steps), len(FIELDS) + 1, len(ensemble.given)), np.nan)
    done = 0
    if (kept := checkpoint.kept()) is not None:
        done = kept.pop("done")
        records[:done] = kept.pop("records").numpy()
        if done < len(steps):
            ensemble.restore(kept)
        logger.info("resumed at step %d of %d", steps[done - 1], steps[-1])
    for number in range(done, len(steps)):
        ensemble.advance(steps[number])
        measured = ensemble.measure()
        records[number] = [*(getattr(measured, name) for name in FIELDS), measured.diverged]
        finished = number + 1 == len(steps)
        if finished or checkpoint.due:
            so_far = {"done": number + 1, "records": torch.from_numpy(records[: number + 1].copy())}
            checkpoint.keep(so_far if finished else so_far | ensemble.state())
    members = len(ensemble.given)
    frame = pd.DataFrame(
        {"step": np.repeat(np.asarray(steps), members), "row": np.tile(np.arange(members), len(steps))}
    )
    for column, name in enumerate(FIELDS):
        frame[name] = records[:, column].reshape(-1)
    frame["diverged"] = records[:, -1].reshape(-1) > 0
    return frame


def describe(
    frame: pd.DataFrame, shape: Shape, members: Sequence[Member], trivial_loss: float, descent: Descent = PLAIN_DESCENT
) -> pd.DataFrame:
    """Add to a history what each member was and the ratios the experiments share.

    Args:
        frame: From `history`.
        shape: The networks.
        members: In the order the ensemble was given them.
        trivial_loss: Loss of the best constant output.
        descent: How they were trained.

    Returns:
        The frame with `depth`, `width`, `drop_rate`, `variant`, `gain`, `member`, `learning_rate`, `theta`,
        `rate_sum`, `relative_movement`, `loss_ratio` (the lower of scaled and full test loss over the trivial loss) and
        `path_loss_ratio`.
    """
    table = pd.DataFrame(
        {
            "width": [member.width for member in members],
            "drop_rate": [0.0 if member.variant == "none" else member.drop_rate for member in members],
            "variant": [member.variant for member in members],
            "gain": [member.gain for member in members],
            "seed": [member.seed for member in members],
            "learning_rate": [member.learning_rate for member in members],
            "theta": [member.theta(shape) for member in members],
        }
    )
    known = table.iloc[frame.row.to_numpy()].reset_index(drop=True)
    joined = pd.concat([known, frame.drop(columns="row")], axis=1)
    joined.insert(0, "depth", shape.depth)
    joined["rate_sum"] = joined.learning_rate * descent.rate_sum(joined.step.to_numpy())
    joined["relative_movement"] = joined.weight_distance / joined.initial_norm
    joined["loss_ratio"] = joined[["scaled_loss", "full_loss"]].min(axis=1, skipna=False) / trivial_loss
    joined["path_loss_ratio"] = joined.path_loss / trivial_loss
    return joined


def run_ensemble(
    shape: Shape,
    members: list[Member],
    problem: Problem,
    batch_size: int,
    seed: int,
    steps: Sequence[int],
    checkpoints: Path | None,
    track_gradients: bool = False,
    descent: Descent = PLAIN_DESCENT,
) -> pd.DataFrame:
    """Train networks side by side and describe every measurement: `history` and `describe` of one `Ensemble`."""
    ensemble = Ensemble(shape, members, problem, batch_size, seed, track_gradients, descent)
    return describe(history(ensemble, steps, checkpoints), shape, members, problem.trivial_loss, descent)
