"""Does dropping reinforce itself? The drop history of every edge under dense and masked gradients.

Three variants of Dynamic DropConnect differ in who gets to know of the mask:

    dense:        weight and next mask get the gradient of the masked weight as it is (the authors' code)
    masked:       both get the chain rule's gradient, exactly zero for a dropped edge
    dense_judge:  the weight gets the chain rule's gradient, the next mask is made from the dense one: training as in
                  "masked", with the feedback cut

Prediction, written down before the runs: with masked gradients a dropped edge has v = 0, below the mean, so q > τ and
it is dropped again with p + p_g q > p. Being dropped is then positively correlated from step to step, and drop
frequencies split into two groups; with dense gradients only slow changes of the gradients correlate steps. The
published rates bound this: no edge is dropped with more than p + p_g = 0.8 in a step, a dropped edge comes back
within a few steps and is judged anew, so that the correlation cannot exceed about p_g q ≈ 0.3 and no edge should be
lost for good. Refuted by a correlation that is the same for "masked" and "dense" (no feedback), or, for the two
groups, by frequencies with one mode.
"""

import logging
import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dropatlas.ddc.rules import VARIANTS
from dropatlas.ddc.runs import method_layers, regularised_model, run_seed, training_data
from dropatlas.ddc.settings import Arm, Feedback
from dropatlas.layers import DynamicDropConnectLinear, replace_linear
from dropatlas.training import TrainingData, TrainingDivergedError, TrainingResult, train

logger = logging.getLogger("dropatlas")


class RecordedDropConnectLinear(DynamicDropConnectLinear):
    """`DynamicDropConnectLinear` that counts, for every edge and window of training, how often it was dropped.

    Args:
        in_features: Size of the last dimension of the input.
        out_features: Size of the last dimension of the output.
        bias: Whether a bias is added.
        variant: One of `VARIANTS`.
        windows: Parts of training.
        window_steps: Steps per window; further steps count as the last window's.
        device: As in `nn.Linear`.

    Attributes:
        dropped: Drops per window and edge, (windows, out, in) int32. Like the other counts part of `state_dict`, so
            that a resumed run goes on counting.
        again: Of these, drops that followed a drop in the step before.
        before: Drops in the step before each step of the window (the previous window's last one, too).
        steps: Steps per window, (windows,).
    """

    dropped: Tensor
    again: Tensor
    before: Tensor
    steps: Tensor
    last: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        variant: str,
        windows: int,
        window_steps: int,
        device: torch.device | str | None = None,
    ) -> None:
        if variant not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, got {variant!r}")
        self.windows = windows  # before nn.Linear is set up, which makes the counts
        super().__init__(
            in_features, out_features, bias, gradient="masked" if variant == "masked" else "dense", device=device
        )
        self.variant, self.window_steps = variant, window_steps

    def _start_state(self) -> None:
        super()._start_state()
        shape = (self.windows, *self.weight.shape)
        for name in ("dropped", "again", "before"):
            self.register_buffer(name, torch.zeros(shape, dtype=torch.int32, device=self.weight.device))
        self.register_buffer("steps", torch.zeros(self.windows, dtype=torch.int64, device=self.weight.device))
        self.register_buffer("last", torch.zeros_like(self.weight, dtype=torch.bool).detach())

    def masked_weight(self, samples: int | None = None) -> Tensor:
        """Draw a mask, count it and apply it (see `EdgeDropping.masked_weight`)."""
        masked = super().masked_weight(samples)
        with torch.no_grad():
            now = (masked == 0) & (self.weight != 0)
            window = min(int(self.steps.sum()) // self.window_steps, self.windows - 1)
            self.steps[window] += 1
            self.dropped[window] += now
            self.again[window] += now & self.last
            self.before[window] += self.last
            self.last.copy_(now)
            self._factor = ~now / (1 - self.realised_drop_rate.clamp_max(self.max_drop))
        return masked

    @torch.no_grad()
    def _take_gradient(self, gradient: Tensor) -> None:
        super()._take_gradient(gradient)
        if self.training and self.variant == "dense_judge":
            gradient.mul_(self._factor)  # judged by the dense gradient; the optimiser sees the chain rule's

    def extra_repr(self) -> str:
        """Sizes and options, as `repr` shows them."""
        return f"{super().extra_repr()}, variant={self.variant!r}, windows={self.windows}"


def put_recorder(
    model: nn.Module, layer: str, variant: str, windows: int, window_steps: int
) -> RecordedDropConnectLinear:
    """Put a recording layer in the place of a linear layer of a model; parameters stay the same objects."""
    build = partial(RecordedDropConnectLinear, variant=variant, windows=windows, window_steps=window_steps)
    return replace_linear(model, layer, build)


@dataclass(frozen=True)
class Concentration:
    """What the drop history of a layer's edges over some steps says.

    Attributes:
        mean_rate: Share of edges dropped, mean over steps.
        persistence: Correlation over steps between being dropped and being dropped in the step before, within edges
            (covariances and variances are summed over edges, so that differences between edges do not count), corrected
            by 1/steps for its bias.
        gini: Gini coefficient of the edges' drop frequencies; 0: all equal.
        excess_deviation: Standard deviation of frequencies beyond what independent draws at the mean rate give.
        often: Share of edges dropped in more than 90 % of the steps.
        bimodality: (skewness² + 1) / kurtosis of the frequencies: 1/3 for a normal, 5/9 for a uniform law, 1 for two
            points; above 5/9 speaks for two groups.
    """

    mean_rate: float
    persistence: float
    gini: float
    excess_deviation: float
    often: float
    bimodality: float


def concentration(dropped: np.ndarray, again: np.ndarray, before: np.ndarray, steps: int) -> Concentration:
    """Measures of a drop history.

    Args:
        dropped: Drops of each edge, any shape.
        again: Drops that followed a drop, same shape.
        before: Drops in the step before each step, same shape.
        steps: Steps counted, at least 2.

    Raises:
        ValueError: fewer than two steps.
    """
    if steps < 2:
        raise ValueError(f"a drop history needs at least 2 steps, got {steps}")
    now, prior = dropped.ravel() / steps, before.ravel() / steps
    covariance = again.ravel() / steps - now * prior
    variance = np.sqrt(now * (1 - now) * prior * (1 - prior)).sum()
    mean, deviation = now.mean(), now.std()
    ordered = np.sort(now)
    ranks = np.arange(1, len(now) + 1)
    gini = (2 * (ranks * ordered).sum() / ordered.sum() - (len(now) + 1)) / len(now) if mean > 0 else 0.0
    chance = mean * (1 - mean) / steps
    centred = (now - mean) / deviation if deviation > 0 else np.zeros_like(now)
    kurtosis = (centred**4).mean()
    return Concentration(
        mean_rate=float(mean),
        persistence=float(covariance.sum() / variance + 1 / steps) if variance > 0 else np.nan,
        gini=float(gini),
        excess_deviation=float(np.sqrt(max(deviation**2 - chance, 0.0))),
        often=float((now > 0.9).mean()),
        bimodality=float(((centred**3).mean() ** 2 + 1) / kurtosis) if kurtosis > 0 else np.nan,
    )


@dataclass(frozen=True)
class WindowHistory:
    """Drop history of a layer's edges over one window of training.

    Attributes:
        steps: Training steps in the window.
        frequency: Drop frequency of every edge, (edges,).
        memory: Correlation over edges of drop frequencies with the window before; NaN without one, or if all edges were
            dropped equally often.
        concentration: Measures.
    """

    steps: int
    frequency: np.ndarray
    memory: float
    concentration: Concentration


def window_history(layer: RecordedDropConnectLinear, window: int) -> WindowHistory:
    """What a layer recorded in one window, counted from 1; 0: in all of training."""
    counts = {name: getattr(layer, name).cpu().numpy() for name in ("dropped", "again", "before", "steps")}
    chosen = slice(None) if window == 0 else slice(window - 1, window)
    dropped, again, before, steps = (counts[name][chosen].sum(0) for name in counts)
    frequency, memory = dropped.ravel() / steps, np.nan
    if window > 1:
        earlier = counts["dropped"][window - 2].ravel()
        memory = float(np.corrcoef(frequency, earlier)[0, 1]) if np.ptp(frequency) and np.ptp(earlier) else np.nan
    return WindowHistory(int(steps), frequency, memory, concentration(dropped, again, before, int(steps)))


@dataclass(frozen=True)
class RecordedRun:
    """One run whose drops were recorded: its data, recording layer, and outcome (None if it diverged)."""

    data: TrainingData
    layer: RecordedDropConnectLinear
    result: TrainingResult | None


def record_run(
    settings: Feedback, variant: str, number: int, seed: int, path: Path | None, checkpoint: Path | None
) -> RecordedRun:
    """Train the cell's network with a recording layer in the place of its first method layer.

    Args:
        settings: What is trained, and windows.
        variant: One of `rules.VARIANTS`.
        number: Number of the seed.
        seed: Root seed of the project's run.
        path: Prepared image set; None for a table.
        checkpoint: File to resume from.
    """
    cell, plain, own_seed = settings.cell, Arm(method="none"), run_seed(seed, number)
    data = training_data(cell, path, own_seed)
    model = regularised_model(cell, plain, data, own_seed)
    name = method_layers(model, plain)[0]
    steps = cell.recipe.epochs * math.ceil(len(data.train) / cell.recipe.batch_size)
    layer = put_recorder(model, name, variant, settings.windows, math.ceil(steps / settings.windows))
    result = None
    try:
        result = train(model, data, cell.recipe, own_seed, checkpoint=checkpoint)
    except TrainingDivergedError as error:
        logger.warning("%s, seed %d diverged: %s", variant, number, error)
    return RecordedRun(data, layer, result)
