"""The training loop."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from dropatlas.checkpoints import Checkpoint
from dropatlas.closure import PACKAGE
from dropatlas.layers import DropLayer
from dropatlas.randomness import generator, seed_sequence
from dropatlas.recipes import Recipe
from dropatlas.training.augmentation import augment
from dropatlas.training.evaluation import Score, evaluate, losses
from dropatlas.training.inputs import TrainingData

logger = logging.getLogger("dropatlas")

STEPS_BETWEEN_LOOKS = 50  # on a GPU, looking at the loss waits for it


class TrainingDivergedError(FloatingPointError):
    """The loss or a gradient stopped being finite."""


@dataclass(frozen=True)
class TrainingResult:
    """What a run gave.

    Attributes:
        history: One row per epoch: `epoch` (from 1), `learning_rate` (of the last step), `train_loss` and
            `train_accuracy` (means over the epoch's steps, with masks and augmentation), `validation_loss`,
            `validation_accuracy` (evaluation mode, after the epoch).
        drop_rates: One row per epoch and drop layer: `epoch`, `layer`, `drop_rate` (mean over steps).
        outcomes: Two rows, `chosen` = "last" (epoch) and "validation" (the epoch with the highest validation accuracy,
            ties by loss; regression: lowest loss): `epoch`, and loss and accuracy on `train`, `validation`, `test`,
            all in evaluation mode without augmentation.
        selected_state: The model's state at the epoch chosen on validation; the model itself is at the last epoch.
        train_seconds: Wall time of the training steps, evaluations excluded; the only part that differs between
            repetitions.
        train_samples: Samples that were trained on in this time.
    """

    history: pd.DataFrame
    drop_rates: pd.DataFrame
    outcomes: pd.DataFrame
    selected_state: dict[str, Tensor]
    train_seconds: float
    train_samples: int


@dataclass
class _Progress:
    """Everything but model and optimiser that a resumed run needs."""

    epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    drop_rates: list[dict[str, Any]] = field(default_factory=list)
    best: list[float] = field(default_factory=lambda: [math.inf, math.inf])  # lower is better
    selected_epoch: int = 0
    selected_state: dict[str, Tensor] = field(default_factory=dict)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    train_seconds: float = 0.0
    train_samples: int = 0


_PROGRESS = [kept.name for kept in fields(_Progress)]


def _stream(seed: int, *names: str | int) -> int:
    """Seed for torch of the stream called `names`."""
    return int(seed_sequence(seed, "training", *names).generate_state(1)[0])


class _Run:
    """One training run: its parts, and an epoch of it."""

    def __init__(self, model: nn.Module, data: TrainingData, recipe: Recipe, seed: int, device: torch.device) -> None:
        self.model = model.to(device=device)
        if len(data.input_shape) == 3:
            self.model.to(memory_format=torch.channels_last)
        self.data, self.recipe, self.seed, self.device = data.to(device), recipe, seed, device
        self.optimiser = torch.optim.SGD(
            model.parameters(), recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay
        )
        self.drop_layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, DropLayer)}
        self.progress = _Progress()

    def batches(self) -> list[Tensor]:
        """Indices of the epoch's minibatches; every sample once, in an order that the seed and the epoch decide."""
        order = generator(self.seed, "training", "order", self.progress.epoch).permutation(len(self.data.train))
        batches = torch.from_numpy(order).to(self.device).split(self.recipe.batch_size)
        # Batch normalisation cannot normalise a single sample.
        return list(batches[:-1] if len(batches) > 1 and len(batches[-1]) == 1 else batches)

    def step(self, rows: Tensor, changes: torch.Generator) -> tuple[Tensor, Tensor]:
        """One step of SGD; sum of losses and number of correct classes of the minibatch."""
        recipe, targets = self.recipe, self.data.train.targets[rows]
        inputs = self.data.train.inputs[rows]
        if inputs.dim() == 4 and not recipe.augmentation.nothing:
            inputs = augment(inputs, recipe.augmentation, changes)
        batch = self.data.normalised(inputs, recipe.resize)
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
            outputs = self.model(batch)
        each = losses(outputs, targets)
        each.mean().backward()
        self.optimiser.step()
        correct = (outputs.detach().argmax(1) == targets).sum() if self.data.task == "classification" else torch.nan
        return each.detach().sum(), torch.as_tensor(correct, device=self.device)

    def train_epoch(self) -> dict[str, Any]:
        """All steps of the next epoch; its row of the history so far."""
        epoch, recipe = self.progress.epoch, self.recipe
        batches = self.batches()
        look = STEPS_BETWEEN_LOOKS if self.device.type == "cuda" else 1
        # Masks come from the default generator, seeded anew for every epoch: nothing of it needs to be kept.
        torch.manual_seed(_stream(self.seed, "masks", epoch))
        changes = torch.Generator().manual_seed(_stream(self.seed, "augmentation", epoch))
        loss, correct = (torch.zeros((), dtype=torch.float64, device=self.device) for _ in range(2))
        dropped = {name: torch.zeros((), device=self.device) for name in self.drop_layers}
        self.model.train()
        for number, rows in enumerate(batches):
            rate = recipe.learning_rate_at(epoch + number / len(batches))
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            place = f"epoch {epoch + 1}, step {number + 1} of {len(batches)} (learning rate {rate:.3g})"
            try:
                step_loss, step_correct = self.step(rows, changes)
            except FloatingPointError as error:
                raise TrainingDivergedError(f"{place}: {error}") from error
            loss += step_loss
            correct += step_correct
            for name, layer in self.drop_layers.items():
                dropped[name] += layer.realised_drop_rate
            if (number % look == 0 or number + 1 == len(batches)) and not torch.isfinite(loss):
                raise TrainingDivergedError(
                    f"{place}: the loss is not finite; lower learning_rate, lengthen warmup_epochs or check the inputs"
                )
        samples = sum(map(len, batches))
        self.progress.train_samples += samples
        self.progress.drop_rates += [
            {"epoch": epoch + 1, "layer": name, "drop_rate": total.item() / len(batches)}
            for name, total in dropped.items()
        ]
        means = {"train_loss": loss.item() / samples, "train_accuracy": correct.item() / samples}
        return {"epoch": epoch + 1, "learning_rate": rate, **means}

    def score(self, part: str) -> Score:
        """Score on a part of the data in evaluation mode."""
        recipe = self.recipe
        return evaluate(self.model, getattr(self.data, part), self.data, recipe.resize, recipe.precision)

    def finish_epoch(self, row: dict[str, Any]) -> dict[str, Any]:
        """Score on validation, remember the best epoch; the completed row."""
        progress, found = self.progress, self.score("validation")
        row |= {"validation_loss": found.loss, "validation_accuracy": found.accuracy}
        progress.epoch += 1
        progress.history.append(row)
        quality = [found.loss] if math.isnan(found.accuracy) else [-found.accuracy, found.loss]
        if quality < progress.best[: len(quality)]:
            progress.best = quality
            progress.selected_epoch = progress.epoch
            state = self.model.state_dict()
            progress.selected_state = {name: value.detach().cpu().clone() for name, value in state.items()}
        return row

    def outcome(self, chosen: str, epoch: int) -> dict[str, Any]:
        """Scores of the model as it is on all parts."""
        row: dict[str, Any] = {"chosen": chosen, "epoch": epoch}
        for part in ("train", "validation", "test"):
            found = self.score(part)
            row |= {f"{part}_loss": found.loss, f"{part}_accuracy": found.accuracy}
        return row

    def finish(self) -> None:
        """Score the last and the selected epoch; the model is at the last one afterwards."""
        progress = self.progress
        progress.outcomes = [self.outcome("last", progress.epoch)]
        last = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(progress.selected_state)
        progress.outcomes.append(self.outcome("validation", progress.selected_epoch))
        self.model.load_state_dict(last)

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs; a finished one needs no optimiser, which is as large as the model."""
        kept = {"model": self.model.state_dict()}
        if not self.progress.outcomes:
            kept["optimiser"] = self.optimiser.state_dict()
        return kept | {"progress": {name: getattr(self.progress, name) for name in _PROGRESS}}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.model.load_state_dict(state["model"])
        if "optimiser" in state:
            self.optimiser.load_state_dict(state["optimiser"])
        self.progress = _Progress(**state["progress"])


def train(
    model: nn.Module,
    data: TrainingData,
    recipe: Recipe,
    seed: int,
    checkpoint: Path | None = None,
    after_epoch: Callable[[dict[str, Any]], None] | None = None,
    device: torch.device | str | None = None,
) -> TrainingResult:
    """Train a model with SGD and a cosine learning rate; report the last epoch and the one chosen on validation.

    Equal arguments give equal results, bit for bit on the same machine with the same number of threads, whether or not
    the run was interrupted: the order of samples, augmentation and masks of an epoch depend on the seed and the epoch
    alone. Runs of different methods with one seed see the same data in the same order, so their results are paired.
    Test data are scored twice at the end and decide nothing.

    Args:
        model: With its initial weights; it is moved to the device and trained in place.
        data: What to learn from.
        recipe: How.
        seed: Root seed of order, augmentation and masks (not of the weights: see `build_model`).
        checkpoint: File to keep the state in, at most every half minute and at the end, and to resume from when it
            belongs to the very same run; None: keep none.
        after_epoch: Called with every new row of the history.
        device: Where to train; None: the GPU if there is one.

    Returns:
        Histories and outcomes (see `TrainingResult`).

    Raises:
        TrainingDivergedError: loss or gradients stopped being finite; the message says where.
    """
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    logger.info("training on %s", device if device.type == "cuda" else "the CPU: no GPU asked for or none found")
    layers = {type(module).__module__ for module in model.modules()}
    code = [__name__, *(name for name in layers if name.startswith(f"{PACKAGE}."))]
    keeper = Checkpoint(checkpoint, code, recipe, seed, data, repr(model), model.state_dict())
    run = _Run(model, data, recipe, seed, device)
    if (kept := keeper.kept()) is not None:
        run.restore(kept)
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device.type == "cuda" else []):
        while run.progress.epoch < recipe.epochs:
            started = time.perf_counter()
            row = run.train_epoch()
            run.progress.train_seconds += time.perf_counter() - started
            row = run.finish_epoch(row)
            if after_epoch is not None:
                after_epoch(row)
            if keeper.due and run.progress.epoch < recipe.epochs:
                keeper.keep(run.state())
        if not run.progress.outcomes:
            run.finish()
            keeper.keep(run.state())
    progress = run.progress
    return TrainingResult(
        history=pd.DataFrame(progress.history),
        drop_rates=pd.DataFrame(progress.drop_rates, columns=["epoch", "layer", "drop_rate"]),
        outcomes=pd.DataFrame(progress.outcomes),
        selected_state=progress.selected_state,
        train_seconds=progress.train_seconds,
        train_samples=progress.train_samples,
    )
