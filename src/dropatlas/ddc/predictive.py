"""Predictive distributions and how far they can be trusted: calibration error, log-likelihood, Brier score."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from dropatlas.layers import monte_carlo_dropping
from dropatlas.models import SimpleCNN1
from dropatlas.training import Split, TrainingData


@dataclass(frozen=True)
class PredictiveScores:
    """Scores of predicted class probabilities on labelled samples.

    Attributes:
        accuracy: Share of samples whose most probable class is right.
        log_loss: Mean of -log p(true class), in nats.
        brier: Mean squared distance between probabilities and the one-hot class, in [0, 2].
        calibration_error: Expected calibration error, Σ_bins (n_b/n) |accuracy_b - confidence_b|.
        bin_samples: Samples per equal bin of confidence (largest probability), (bins,).
        bin_confidence: Mean confidence per bin; NaN where empty.
        bin_accuracy: Share of right classes per bin; NaN where empty.
    """

    accuracy: float
    log_loss: float
    brier: float
    calibration_error: float
    bin_samples: np.ndarray
    bin_confidence: np.ndarray
    bin_accuracy: np.ndarray


def predictive_scores(probabilities: np.ndarray, labels: np.ndarray, bins: int) -> PredictiveScores:
    """Score class probabilities.

    Args:
        probabilities: (samples, classes), rows add up to 1.
        labels: (samples,), class numbers.
        bins: Equal bins of confidence in [0, 1].

    Source: expected calibration error as in Guo et al., On calibration of modern neural networks, ICML 2017.
    """
    rows = np.arange(len(labels))
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    true = probabilities[rows, labels]
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(place, confidence, bins) / counts
        mean_accuracy = np.bincount(place, right, bins) / counts
    gaps = np.abs(np.bincount(place, right, bins) - np.bincount(place, confidence, bins))
    return PredictiveScores(
        accuracy=float(right.mean()),
        log_loss=float(-np.log(np.maximum(true, np.finfo(float).tiny)).mean()),
        brier=float(((probabilities**2).sum(1) - 2 * true + 1).mean()),
        calibration_error=float(gaps.sum() / len(labels)),
        bin_samples=counts,
        bin_confidence=mean_confidence,
        bin_accuracy=mean_accuracy,
    )


@torch.no_grad()
def class_probabilities(
    model: nn.Module, split: Split, data: TrainingData, masks: int | None, seed: int, batch_size: int = 512
) -> np.ndarray:
    """Predicted class probabilities of a SimpleCNN1, deterministic or averaged over masks.

    Convolutions drop nothing here and are computed once; each mask costs the two fully connected layers alone.

    Args:
        model: Trained network with a method in its fully connected layers; evaluation mode afterwards.
        split: A part of `data`.
        data: Its normalisation.
        masks: Masks averaged over (one mask serves all samples of a pass); None: without masks.
        seed: Of the masks.
        batch_size: Samples at a time.

    Returns:
        (samples, classes), float64.

    Raises:
        ValueError: masks are asked of a network that drops nothing, or it is no SimpleCNN1.
    """
    if not isinstance(model, SimpleCNN1):
        raise ValueError(f"model must be a SimpleCNN1, got a {type(model).__name__}")
    model.eval()
    device = next(model.parameters()).device
    batches = split.inputs.split(batch_size)
    features = torch.cat([model.features(data.normalised(batch.to(device))).flatten(1) for batch in batches])
    head = nn.Sequential(model.fc1, nn.ReLU(), model.fc2)
    if masks is None:
        return head(features).double().softmax(1).cpu().numpy()
    with torch.random.fork_rng(), monte_carlo_dropping(head):
        torch.manual_seed(seed)
        mean = sum(head(features).double().softmax(1) for _ in range(masks)) / masks
    return mean.cpu().numpy()
