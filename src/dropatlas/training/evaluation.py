"""Predictions and scores of a model."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from dropatlas.training.inputs import Split, TrainingData


@dataclass(frozen=True)
class Score:
    """Mean loss (cross-entropy in nats, or squared error) and share of correct classes (NaN for regression)."""

    loss: float
    accuracy: float


def losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """Loss of every sample, shape (N,), float32: cross-entropy for labels, squared error for values."""
    if targets.is_floating_point():
        return (outputs.float().squeeze(1) - targets).square()
    return functional.cross_entropy(outputs.float(), targets, reduction="none")


@torch.no_grad()
def predict(
    model: nn.Module,
    split: Split,
    data: TrainingData,
    resize: int | None = None,
    precision: str = "float32",
    batch_size: int = 512,
) -> Tensor:
    """Outputs of a model in the mode it is in (call `model.eval()`, or be inside `monte_carlo_dropping`).

    Args:
        model: The network.
        split: A part of `data`.
        data: Its normalisation.
        resize: Side images are enlarged to.
        precision: "float32" or "bfloat16".
        batch_size: Samples at a time.

    Returns:
        Outputs (N, classes), float32, on the model's device.
    """
    device = next(model.parameters()).device
    outputs = []
    for inputs in split.inputs.split(batch_size):
        batch = data.normalised(inputs.to(device), resize)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            outputs.append(model(batch).float())
    return torch.cat(outputs)


def evaluate(
    model: nn.Module, split: Split, data: TrainingData, resize: int | None = None, precision: str = "float32"
) -> Score:
    """Score of a model in evaluation mode on a split; its mode is as before afterwards."""
    training = model.training
    outputs = predict(model.eval(), split, data, resize, precision)
    model.train(training)
    targets = split.targets.to(outputs.device)
    accuracy = float("nan")
    if data.task == "classification":
        accuracy = (outputs.argmax(1) == targets).double().mean().item()
    return Score(losses(outputs, targets).double().mean().item(), accuracy)
