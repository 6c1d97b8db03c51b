"""Settings of the training-collapse tables (arXiv 2512.13853, Section V)."""

from itertools import product
from typing import Annotated, Literal

from pydantic import Field

from dropatlas.collapse.members import MASKED, Member, grouped_by_kind
from dropatlas.settings import Count, Grid, OpenProbability, Positive, Section
from dropatlas.steps import log_spaced_steps

Seeds = Annotated[int, Field(ge=10)]  # fewer carry no interval
Width = Annotated[int, Field(ge=1, le=1024)]  # more would not fit beside each other
ProblemName = Literal["digits", "regression"]

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
