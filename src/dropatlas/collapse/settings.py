"""Settings of the training-collapse tables (arXiv 2512.13853, Section V)."""

import math
from itertools import product
from typing import Annotated, Literal

from pydantic import Field

from dropatlas.collapse.members import MASKED, Member, grouped_by_kind
from dropatlas.collapse.steps import evenly_spaced_steps
from dropatlas.settings import Count, Grid, OpenProbability, Positive, Section
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

TRAINED = ("none", "dropout", "modified", "dropconnect", "modified_dropconnect", "inverted")
"""Variants of experiment 2."""

GOALS = ("loss", "movement")
"""What the steps of experiment 4 are counted to."""


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


class Variants(Section):
    """Experiment 2: no dropout, dropout, modified dropout, inverted dropout and dropconnect."""

    cells: Grid[Cell] = Field(description="networks; from easily crossed to cut in nearly every step")
    problems: Grid[ProblemName] = Field(description="what is learned")
    steps: Count = Field(description="training steps T")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step")
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    offset: Positive = Field(description="constant in the regression targets of networks with biases")
    training: Training = Field(description="seeds, batch, learning rate, test samples")

    def measured_steps(self) -> list[int]:
        """Steps after which every network is measured."""
        return log_spaced_steps(self.steps, self.measurements)

    def ensembles(self) -> list[tuple[ProblemName, bool, Cell, list[Member]]]:
        """Problem, whether there are biases, cell, and the networks that are trained as one."""
        alpha, numbers = self.training.learning_rate, range(self.training.seeds)
        return [
            (problem, biases, cell, members)
            for problem, biases, cell in product(self.problems, (False, True), self.cells)
            for members in grouped_by_kind(
                [Member(cell.width, cell.drop_rate, kind, alpha, "plain", i) for kind, i in product(TRAINED, numbers)]
            )
        ]


class LearningTime(Section):
    """Experiment 4: steps needed to learn against 1/theta."""

    depth: Count = Field(description="hidden layers L")
    widths: Grid[Width] = Field(description="vertices per layer W")
    thetas: Grid[OpenProbability] = Field(description="crossing probabilities; p is solved for")
    path_steps: Count = Field(description="training goes on until this many steps with a path are expected")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step")
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    movement: Positive = Field(description="relative weight movement that counts as having left the initialisation")
    training: Training = Field(description="seeds, batch, learning rate, test samples")

    def conditions(self) -> list[tuple[str, float]]:
        """Model and crossing probability, the shortest runs first."""
        return list(product(MASKED, sorted(self.thetas, reverse=True)))

    def networks(self) -> list[tuple[int, int]]:
        """Width and number of the seed of the networks of every condition, and of their controls without dropout."""
        return list(product(self.widths, range(self.training.seeds)))

    def measured_steps(self, theta: float) -> list[int]:
        """Steps after which networks of one crossing probability are measured; the last one is the horizon."""
        horizon = round(self.path_steps / theta)
        # the grid scales with 1/θ, so that its resolution is the same everywhere
        return log_spaced_steps(horizon, self.measurements, first=max(1, round(horizon / self.path_steps)))


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
