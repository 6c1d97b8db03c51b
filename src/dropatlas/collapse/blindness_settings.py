"""Settings of the table on blindness: networks, optimisers and horizons (torch-free, as forecasts list them)."""

import math
from itertools import product
from typing import Annotated, Literal

from pydantic import Field

from dropatlas.percolation import bond_crossing_probability, site_crossing_probability
from dropatlas.settings import Count, Grid, OpenProbability, Positive, Section

OPTIMISERS = ("SGD", "momentum", "Adam", "AdamW")
"""Momentum 0.9, with weight decay 0.01 in AdamW: those of `torch.optim`."""

INPUTS = {"regression": (8, 1), "digits": (49, 10)}
"""Dimensions of inputs and outputs of the problems."""


class MaskedNetwork(Section):
    """A network and how it is masked."""

    problem: Literal["regression", "digits"] = Field(description="what is learned")
    model: Literal["site", "bond"] = Field(description="dropout or dropconnect")
    masks: Literal["step", "sample"] = Field(description="one mask per step, or one per sample (dropout alone)")
    activation: Literal["tanh", "sigmoid", "gelu"] = Field(description="activation of the hidden layers")
    biases: bool = Field(description="whether every layer has biases")
    depth: Count = Field(description="hidden layers L")
    width: Count = Field(description="vertices per layer W")
    drop_rate: OpenProbability = Field(description="removal probability p")

    def widths(self) -> list[int]:
        """Widths of all layers, input and output included."""
        inputs, outputs = INPUTS[self.problem]
        return [inputs, *[self.width] * self.depth, outputs]

    def crossing_probability(self, batch: int) -> float:
        """Probability that a step has a path: θ, or 1 - (1 - θ)^batch with a mask for every sample."""
        crossing = bond_crossing_probability if self.model == "bond" else site_crossing_probability
        theta = crossing(self.drop_rate, widths=self.widths())
        return theta if self.masks == "step" else -math.expm1(batch * math.log1p(-theta))


class Blindness(Section):
    """Coupled pairs of runs: the same masks and labels, different inputs."""

    networks: Grid[MaskedNetwork] = Field(description="networks, from hardly ever crossed to often")
    learning_rates: Grid[Annotated[float, Field(gt=0, le=1)]] = Field(description="learning rates alpha, constant")
    pairs: Annotated[int, Field(ge=10)] = Field(description="coupled pairs per network, optimiser and learning rate")
    batch_size: Count = Field(description="samples per step, drawn with replacement")
    early: OpenProbability = Field(description="the first horizon: the step at which the bound is nearest to this")
    late: OpenProbability = Field(description="the second horizon, at which training ends, likewise")
    spread: Positive = Field(description="standard deviation of the initial biases")

    def kinds(self) -> list[tuple[str, float]]:
        """Optimiser and learning rate."""
        return list(product(OPTIMISERS, self.learning_rates))

    def horizons(self, network: MaskedNetwork) -> tuple[int, int]:
        """Steps at which the bound 1 - (1 - θ)^T is nearest to `early` and to `late`."""
        one = math.log1p(-network.crossing_probability(self.batch_size))
        early, late = (max(1, round(math.log1p(-bound) / one)) for bound in (self.early, self.late))
        return early, late
