"""Settings of the training-collapse tables (arXiv 2512.13853, Section V)."""

import math
from itertools import product
from typing import Annotated, Literal

from pydantic import Field

from dropatlas.collapse.members import MASKED, Member
from dropatlas.collapse.steps import evenly_spaced_steps
from dropatlas.settings import Count, Grid, OpenProbability, Section
from dropatlas.steps import log_spaced_steps

Seeds = Annotated[int, Field(ge=10)]  # fewer carry no interval
Width = Annotated[int, Field(ge=1, le=1024)]  # more would not fit beside each other
ProblemName = Literal["digits", "regression"]

NETWORKS = {
    "tanh": ("tanh", False),
    "relu": ("relu", False),
    "tanh with biases": ("tanh", True),
    "sigmoid": ("sigmoid", False),
}
"""Activation, and whether there are biases, of the networks of experiment 5; Assumption V.2 holds for the first two."""


class Training(Section):
    """What all runs of one experiment share."""

    seeds: Seeds = Field(description="networks per cell, each with its own initialisation, data order and masks")
    batch_size: Count = Field(description="samples per step, drawn with replacement")
    learning_rate: Annotated[float, Field(gt=0, le=10)] = Field(description="learning rate alpha, constant")
    test_samples: Annotated[int, Field(ge=10, le=1000)] = Field(description="test samples used at every measurement")


class Decoupling(Section):
    """Random masked networks with and without a path."""

    networks: Annotated[int, Field(ge=10)] = Field(description="random networks per case")
    largest_width: Annotated[int, Field(ge=2)] = Field(description="layer widths are drawn from 1 to this")
    largest_depth: Annotated[int, Field(ge=1)] = Field(description="hidden layers are drawn from 1 to this")

    def cases(self) -> list[tuple[str, str, bool]]:
        """Model, activation and whether there are biases."""
        return list(product(MASKED, ("tanh", "relu", "sigmoid"), (False, True)))


class Movement(Section):
    """Experiment 1: how far weights leave their initialisation, W = ceil(C log L)."""

    depths: Grid[Annotated[int, Field(ge=2)]] = Field(description="hidden layers L")
    constants: Grid[Annotated[float, Field(gt=0, le=100)]] = Field(description="constants C of W = ceil(C log L)")
    drop_rate: OpenProbability = Field(description="removal probability p")
    steps: Count = Field(description="training steps T")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step")
    training: Training = Field(description="seeds, batch, learning rate, test samples")

    def measured_steps(self) -> list[int]:
        """Steps after which every network is measured."""
        return log_spaced_steps(self.steps, self.measurements)

    def widths(self, depth: int) -> dict[float, int]:
        """Width by constant; two constants may share one."""
        return {constant: math.ceil(constant * math.log(depth)) for constant in self.constants}

    def members(self, depth: int) -> list[Member]:
        """Networks of one depth: every width without dropout, with it, and with it and a compensated gain."""
        return [
            Member(width, 0.0 if variant == "none" else self.drop_rate, variant, self.training.learning_rate, gain, i)
            for width in sorted(set(self.widths(depth).values()))
            for variant, gain in (("none", "plain"), ("dropout", "plain"), ("dropout", "compensated"))
            for i in range(self.training.seeds)
        ]


class Cell(Section):
    """One network under one removal probability."""

    depth: Count = Field(description="hidden layers L")
    width: Width = Field(description="vertices per layer W")
    drop_rate: OpenProbability = Field(description="removal probability p")


class WidthDepth(Section):
    """Experiment 3: crossings met in training, against theta and training success."""

    depths: Grid[Count] = Field(description="hidden layers L (published: 100)")
    widths: Grid[Width] = Field(description="vertices per layer W")
    drop_rates: Grid[OpenProbability] = Field(description="removal probabilities p")
    steps: Count = Field(description="training steps T")
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    training: Training = Field(description="seeds, batch, learning rate, test samples")

    def cells(self) -> list[tuple[int, int]]:
        """Depth and width."""
        return list(product(self.depths, self.widths))

    def members(self, width: int) -> list[Member]:
        """Networks of one width: without dropout, and with every drop rate at both gains."""
        kinds = [(0.0, "none", "plain")]
        kinds += [(p, "dropout", gain) for p, gain in product(self.drop_rates, ("plain", "compensated"))]
        return [
            Member(width, p, variant, self.training.learning_rate, gain, i)
            for p, variant, gain in kinds
            for i in range(self.training.seeds)
        ]


class DriftBound(Section):
    """Experiment 5: measured movement against M theta sum(alpha)."""

    cells: Grid[Cell] = Field(description="networks and removal probabilities")
    steps: Count = Field(description="training steps T")
    intervals: Count = Field(description="M is the largest mean gradient norm, given a path, over this many intervals")
    training: Training = Field(description="seeds, batch, learning rate, test samples")

    def measured_steps(self) -> list[int]:
        """Ends of the intervals."""
        return evenly_spaced_steps(self.steps, self.intervals)

    def ensembles(self) -> list[tuple[str, str, Cell, list[Member]]]:
        """Name in `NETWORKS`, model, cell, and the networks that are trained as one."""
        return [
            (
                network,
                model,
                cell,
                [
                    Member(cell.width, cell.drop_rate, MASKED[model], self.training.learning_rate, "compensated", i)
                    for i in range(self.training.seeds)
                ],
            )
            for network, model, cell in product(NETWORKS, MASKED, self.cells)
        ]


class OtherTopologies(Section):
    """Experiment 6: residual and convolutional networks beside plain ones."""

    depth: Count = Field(description="hidden layers or residual blocks L")
    widths: Grid[Width] = Field(description="vertices or channels W; at 1 a mask cuts or spares everything")
    drop_rates: Grid[OpenProbability] = Field(description="removal probabilities p")
    steps: Count = Field(description="training steps T")
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    training: Training = Field(description="seeds, batch, learning rate, test samples")

    def networks(self, topology: str) -> list[tuple[float, str, int]]:
        """Removal probability (0: the control), gain and number of the seed of the networks of one width."""
        gains = ("plain",) if topology == "residual" else ("plain", "compensated")
        kinds = [(0.0, "plain"), *product(self.drop_rates, gains)]
        return [(p, gain, i) for p, gain in kinds for i in range(self.training.seeds)]
