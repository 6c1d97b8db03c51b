"""Settings of the training-collapse tables (arXiv 2512.13853, Section V)."""

import math
from itertools import product
from typing import Annotated
from typing import Literal
from pydantic import Field
from dropatlas.collapse.members import MASKED
from dropatlas.collapse.members import Member
from dropatlas.collapse.members import grouped_by_kind
from dropatlas.collapse.steps import evenly_spaced_steps
from dropatlas.settings import Count
from dropatlas.settings import Grid
from dropatlas.settings import OpenProbability
from dropatlas.settings import Positive
from dropatlas.settings import Section
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
