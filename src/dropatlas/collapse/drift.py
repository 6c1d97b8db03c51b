"""How far weights move from their initialisation, and how far they may: experiments 1 and 5.

The drift bound (arXiv 2512.13853, Theorem V.3) is E‖w_T - w_0‖ <= M θ Σα, where M bounds E[‖f ⊙ g‖ | path]. Its proof
adds up α_t θ E[‖f_t ⊙ g_t‖ | path] over the steps, so with a constant rate it gives the sharper bound in which M is the
*mean* over the steps. That mean needs no maximum of noisy numbers, and what stays below it stays below M, too: it
decides that the bound holds. The bound fails only if movement exceeds it with M, the largest mean of an interval of
steps.

Movement and gradients are of *different seeds*: on the same ones the bound were the triangle inequality, true of
whatever they do. The first half of the seeds estimates M, the movement of the others is judged.

The theorem holds for every initial w_0, and so for those networks that have a gradient at w_0 at all: networks that are
dead without any mask (ReLU) can be left out by what w_0 says.
"""

import math
from itertools import product
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from dropatlas.collapse.members import Member
from dropatlas.collapse.settings import Training, Width
from dropatlas.collapse.steps import evenly_spaced_steps
from dropatlas.settings import Count, Grid, OpenProbability, Section
from dropatlas.steps import log_spaced_steps

NETWORKS = {
    "tanh": ("tanh", False),
    "relu": ("relu", False),
    "tanh with biases": ("tanh", True),
    "sigmoid": ("sigmoid", False),
}
"""Activation, and whether there are biases; Assumption V.2 holds for the first two."""

LEAST_STEPS = 20
"""Steps with a path that the mean of an interval needs."""


def estimates_gradients(seed: pd.Series, seeds: int) -> pd.Series:
    """Whether each seed is one of the first half, which estimates M; the movement of the others is judged."""
    return seed < seeds // 2


class DriftNetworks(Section):
    """Networks of one kind under masks with given crossing probabilities."""

    network: Literal["tanh", "relu", "tanh with biases", "sigmoid"] = Field(description="activation and biases")
    models: Grid[Literal["site", "bond"]] = Field(description="site (dropout) or bond (dropconnect)")
    depth: Count = Field(description="hidden layers L")
    width: Width = Field(description="vertices per layer W")
    gain: Literal["plain", "compensated"] = Field(description="initial gain")
    thetas: Grid[OpenProbability] = Field(description="crossing probabilities; p is solved for")


class DriftBound(Section):
    """Experiment 5: measured movement against M theta sum(alpha)."""

    networks: Grid[DriftNetworks] = Field(description="kinds of networks, and crossing probabilities")
    steps: Count = Field(description="training steps T; at least 10 of them should have a path")
    intervals: Count = Field(description="M is the largest mean gradient norm, given a path, over this many intervals")
    training: Training = Field(description="seeds, batch, learning rate, test samples")

    def measured_steps(self) -> list[int]:
        """Ends of the intervals."""
        return evenly_spaced_steps(self.steps, self.intervals)

    def ensembles(self) -> list[tuple[DriftNetworks, str]]:
        """Kind of networks and model of those that are trained as one."""
        return [(kind, model) for kind in self.networks for model in kind.models]


class Run(Section):
    """All networks of one depth."""

    depth: Annotated[int, Field(ge=2)] = Field(description="hidden layers L")
    steps: Count = Field(description="training steps T")
    learning_rates: Grid[Annotated[float, Field(gt=0, le=10)]] = Field(description="learning rates alpha, constant")


class Threshold(Section):
    """Networks around the width at which paths run out."""

    depth: Count = Field(description="hidden layers L")
    widths: Grid[Width] = Field(description="vertices per layer W")
    learning_rate: Annotated[float, Field(gt=0, le=10)] = Field(description="learning rate alpha, constant")
    steps: Count = Field(description="training steps T")
    seeds: Annotated[int, Field(ge=10)] = Field(description="networks per width; half of them estimate M")

    def members(self, drop_rate: float) -> list[Member]:
        """All networks, at the compensated gain."""
        return [
            Member(width, drop_rate, "dropout", self.learning_rate, "compensated", i)
            for width in self.widths
            for i in range(self.seeds)
        ]


class Movement(Section):
    """Experiment 1: how far weights leave their initialisation, W = ceil(C log L)."""

    runs: Grid[Run] = Field(description="depths L, how long their networks are trained and at which learning rates")
    constants: Grid[Annotated[float, Field(gt=0, le=100)]] = Field(description="constants C of W = ceil(C log L)")
    drop_rate: OpenProbability = Field(description="removal probability p")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step")
    seeds: Annotated[int, Field(ge=10)] = Field(description="networks per cell; half of them estimate M")
    batch_size: Count = Field(description="samples per step, drawn with replacement")
    test_samples: Annotated[int, Field(ge=10, le=1000)] = Field(description="test samples used at every measurement")
    threshold: Threshold = Field(description="networks near the critical width, measured against the bound")

    def measured_steps(self, steps: int) -> list[int]:
        """Steps after which every network of a run is measured."""
        return log_spaced_steps(steps, self.measurements)

    def widths(self, depth: int) -> list[int]:
        """Widths W = ceil(C log L), each once."""
        return sorted({math.ceil(constant * math.log(depth)) for constant in self.constants})

    def members(self, run: Run) -> list[Member]:
        """Networks of one depth: every width and rate without dropout, with it, and with it and a compensated gain."""
        return [
            Member(width, 0.0 if variant == "none" else self.drop_rate, variant, rate, gain, i)
            for rate, width in product(run.learning_rates, self.widths(run.depth))
            for variant, gain in (("none", "plain"), ("dropout", "plain"), ("dropout", "compensated"))
            for i in range(self.seeds)
        ]


class PooledGradients(NamedTuple):
    """Norm of the filtered gradient over steps with a path, pooled over the networks of a cell.

    Attributes:
        largest: Largest mean of an interval: the estimate of M = sup E[‖f ⊙ g‖ | path].
        mean: Mean of all these steps; NaN if there is none.
    """

    largest: float
    mean: float


def pooled_gradients(history: pd.DataFrame, least: int = LEAST_STEPS) -> PooledGradients:
    """Pool the gradient norms of all networks of one cell.

    Args:
        history: Rows of `runs.history`, with `step`, `path_gradient` and `crossed_steps` (both since the start).
        least: Intervals between measured steps with fewer crossed steps are joined with the following ones.
    """
    totals = (history.path_gradient * history.crossed_steps).fillna(0.0).groupby(history.step).sum()
    counts = history.crossed_steps.groupby(history.step).sum()
    if counts.empty:
        return PooledGradients(np.nan, np.nan)
    largest, sum_before, count_before = 0.0, 0.0, 0.0
    for total, count in zip(totals, counts, strict=True):
        if count - count_before >= least:
            largest = max(largest, (total - sum_before) / (count - count_before))
            sum_before, count_before = total, count
    mean = totals.iloc[-1] / counts.iloc[-1] if counts.iloc[-1] else np.nan
    return PooledGradients(largest or mean, mean)
