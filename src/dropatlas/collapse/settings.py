"""Settings of the training-collapse tables (arXiv 2512.13853, Section V)."""

from itertools import product
from typing import Annotated

from pydantic import Field

from dropatlas.collapse.members import MASKED
from dropatlas.settings import Count, OpenProbability, Section

Seeds = Annotated[int, Field(ge=10)]  # fewer carry no interval
Width = Annotated[int, Field(ge=1, le=1024)]  # more would not fit beside each other


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
