"""A learned map from an edge's gradient to its drop rate, in the place of the fixed formula.

The map takes the z-score of |gradient| (as the published formula does) to a drop rate: linear between a few knots,
constant outside, and of any shape. It is found by evolution on validation loss; test data play no part. Prediction,
written down before the runs: the validation loss is flat around the published map, so a learned one is at best
marginally better. Refuted by a gain in test accuracy on fresh seeds whose interval excludes zero.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from dropatlas.ddc.runs import method_layers, regularised_model, run_seed, training_data
from dropatlas.ddc.settings import Arm, Cell, LearnedSearch
from dropatlas.layers import DynamicDropConnectLinear, replace_linear
from dropatlas.layers.probabilities import z_scores
from dropatlas.models import Network
from dropatlas.randomness import generator
from dropatlas.training import TrainingData, TrainingDivergedError, TrainingResult, train

logger = logging.getLogger("dropatlas")

SEARCH_SEEDS = 1000
"""Number of the search's first seed: the comparison counts its own from 0."""


def interpolated(z: Tensor, knots: Tensor, rates: Tensor) -> Tensor:
    """Piecewise linear map of `z` through (knots, rates), constant outside.

    Args:
        z: Any shape.
        knots: Increasing, shape (k,), k >= 2.
        rates: Shape (k,).
    """
    right = torch.bucketize(z, knots).clamp(1, len(knots) - 1)
    share = ((z - knots[right - 1]) / (knots[right] - knots[right - 1])).clamp(0, 1)
    return rates[right - 1] + share * (rates[right] - rates[right - 1])


class GradientMapLinear(DynamicDropConnectLinear):
    """`nn.Linear` whose edges are dropped at a rate that a piecewise linear map makes of the last gradient's z-score.

    Args:
        in_features: Size of the last dimension of the input.
        out_features: Size of the last dimension of the output.
        bias: Whether a bias is added.
        knots: z-scores, increasing.
        rates: Drop rate at each knot, in [0, 1).
        device: As in `nn.Linear`.

    Raises:
        ValueError: knots do not increase, or a rate is out of range.
        FloatingPointError: (backward) the gradient of the weight is not finite.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        knots: Sequence[float],
        rates: Sequence[float],
        device: torch.device | str | None = None,
    ) -> None:
        if len(knots) != len(rates) or not all(a < b for a, b in pairwise(knots)):
            raise ValueError(f"knots must increase and have one rate each, got {list(knots)} and {list(rates)}")
        if not all(0 <= rate < 1 for rate in rates):
            raise ValueError(f"rates must be in [0, 1), got {list(rates)}")
        super().__init__(in_features, out_features, bias, device=device)
        self.knots, self.rates = tuple(map(float, knots)), tuple(map(float, rates))

    @torch.no_grad()
    def _take_gradient(self, gradient: Tensor) -> None:
        if not self.training:
            return
        if not torch.isfinite(gradient).all():
            raise FloatingPointError(f"GradientMapLinear, weight {tuple(self.weight.shape)}: gradient is not finite")
        knots, rates = (gradient.new_tensor(values) for values in (self.knots, self.rates))
        self.edge_drop_probability.copy_(interpolated(z_scores(gradient.abs()), knots, rates))

    def extra_repr(self) -> str:
        """Sizes and the map, as `repr` shows them."""
        return f"{nn.Linear.extra_repr(self)}, knots={self.knots}, rates={self.rates}"


def put_map(model: nn.Module, layers: Sequence[str], knots: Sequence[float], rates: Sequence[float]) -> nn.Module:
    """Put a gradient-to-rate map into linear layers of a model, in place; parameters stay the same objects."""
    for name in layers:
        replace_linear(model, name, partial(GradientMapLinear, knots=knots, rates=rates))
    return model


def published_rates(knots: Sequence[float]) -> np.ndarray:
    """Drop rates of the published formula (p = 0.3, p_g = 0.5, τ = 0.5) at z-scores."""
    z = torch.tensor(knots, dtype=torch.float64)
    q = torch.sigmoid(-z)
    return (0.3 + 0.5 * torch.where(q > 0.5, q, 0.0)).numpy()


@dataclass(frozen=True)
class MapRun:
    """One training run with a map: its data, network, outcome (None if it diverged)."""

    data: TrainingData
    model: Network
    result: TrainingResult | None


def train_map(
    cell: Cell, knots: Sequence[float], rates: Sequence[float], seed: int, path: Path | None, checkpoint: Path | None
) -> MapRun:
    """Train the cell's network with a map in its method layers.

    Args:
        cell: Data, model, training.
        knots: z-scores.
        rates: Drop rates there.
        seed: Of the run, from `run_seed`.
        path: Prepared image set; None for a table.
        checkpoint: File to resume from.
    """
    plain, data = Arm(method="none"), training_data(cell, path, seed)
    model = regularised_model(cell, plain, data, seed)
    put_map(model, method_layers(model, plain), knots, rates)
    try:
        return MapRun(data, model, train(model, data, cell.recipe, seed, checkpoint=checkpoint))
    except TrainingDivergedError as error:
        logger.warning("rates %s diverged: %s", rates, error)
        return MapRun(data, model, None)


@dataclass(frozen=True)
class Candidate:
    """A map that was tried: its place in the search, rates, and validation loss of every search seed."""

    generation: int
    number: int
    rates: tuple[float, ...]
    validation_losses: tuple[float, ...]

    @property
    def score(self) -> float:
        """Mean validation loss; infinite if a run diverged."""
        return float(np.mean(self.validation_losses))


def search(settings: LearnedSearch, seed: int, path: Path | None, checkpoints: Path | None) -> Iterator[Candidate]:
    """Evolve a map: every generation changes the rates of the two best so far by Gaussian noise.

    All candidates see the same seeds (initial weights, data order). The first generation holds the published formula at
    the knots, a constant rate of one half, and changes of both.

    Yields:
        Candidates as they are tried.
    """
    draws = generator(seed, "learned rates")
    parents = [published_rates(settings.knots), np.full(len(settings.knots), 0.5)]
    tried: list[Candidate] = []
    for generation, number in settings.maps():
        if number == 0 and tried:
            parents = [np.array(best.rates) for best in sorted(tried, key=lambda one: one.score)[:2]]
        values = parents[number % 2]
        if generation > 0 or number >= 2:
            values = values + settings.deviation * 0.5**generation * draws.standard_normal(len(values))
        rates = tuple(float(rate) for rate in np.clip(values, 0.0, settings.highest_rate).round(4))
        losses = []
        for index in range(settings.cell.seeds):
            keep = checkpoints and checkpoints / f"{generation}-{number}-{index}"
            own_seed = run_seed(seed, SEARCH_SEEDS + index)
            run = train_map(settings.cell, settings.knots, rates, own_seed, path, keep)
            losses.append(float(run.result.history.validation_loss.iloc[-1]) if run.result else np.inf)
        tried.append(Candidate(generation, number, rates, tuple(losses)))
        yield tried[-1]


def best_map(candidates: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Knots and rates of the candidate with the lowest mean validation loss.

    Args:
        candidates: One row per candidate, search seed and knot: generation, candidate, seed, validation_loss, knot,
            rate.
    """
    scores = candidates.groupby(["generation", "candidate"]).validation_loss.mean()
    generation, candidate = scores.idxmin()
    best = candidates[(candidates.generation == generation) & (candidates.candidate == candidate)]
    points = best[best.seed == 0].sort_values("knot")
    return points.knot.tolist(), points.rate.tolist()
