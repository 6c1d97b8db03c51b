"""Settings of the training-collapse tables (arXiv 2512.13853, Section V)."""

from typing import Annotated, Literal

from pydantic import Field

from dropatlas.settings import Count, OpenProbability, Positive, Section, at_least_one

Seeds = Annotated[int, Field(ge=10)]  # fewer carry no interval
Width = Annotated[int, Field(ge=1, le=1024)]  # more would not fit beside each other
ProblemName = Literal["digits", "regression"]


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


class Movement(Section):
    """Experiment 1: how far weights leave their initialisation, W = ceil(C log L)."""

    depths: at_least_one(Annotated[int, Field(ge=2)]) = Field(description="hidden layers L")
    constants: at_least_one(Annotated[float, Field(gt=0, le=100)]) = Field(
        description="constants C of W = ceil(C log L)"
    )
    drop_rate: OpenProbability = Field(description="removal probability p")
    steps: Count = Field(description="training steps T")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step")
    training: Training = Field(description="seeds, batch, learning rate, test samples")


class Cell(Section):
    """One network under one removal probability."""

    depth: Count = Field(description="hidden layers L")
    width: Width = Field(description="vertices per layer W")
    drop_rate: OpenProbability = Field(description="removal probability p")


class Variants(Section):
    """Experiment 2: no dropout, dropout, modified dropout, inverted dropout and dropconnect."""

    cells: at_least_one(Cell) = Field(description="networks; from easily crossed to cut in nearly every step")
    problems: at_least_one(ProblemName) = Field(description="what is learned")
    steps: Count = Field(description="training steps T")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step")
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    offset: Positive = Field(description="constant in the regression targets of networks with biases")
    training: Training = Field(description="seeds, batch, learning rate, test samples")


class WidthDepth(Section):
    """Experiment 3: crossings met in training, against theta and training success."""

    depths: at_least_one(Count) = Field(description="hidden layers L (published: 100)")
    widths: at_least_one(Width) = Field(description="vertices per layer W")
    drop_rates: at_least_one(OpenProbability) = Field(description="removal probabilities p")
    steps: Count = Field(description="training steps T")
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    training: Training = Field(description="seeds, batch, learning rate, test samples")


class LearningTime(Section):
    """Experiment 4: steps needed to learn against 1/theta."""

    depth: Count = Field(description="hidden layers L")
    widths: at_least_one(Width) = Field(description="vertices per layer W")
    thetas: at_least_one(OpenProbability) = Field(description="crossing probabilities; p is solved for")
    path_steps: Count = Field(description="training goes on until this many steps with a path are expected")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step")
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    movement: Positive = Field(description="relative weight movement that counts as having left the initialisation")
    training: Training = Field(description="seeds, batch, learning rate, test samples")


class DriftBound(Section):
    """Experiment 5: measured movement against M theta sum(alpha)."""

    cells: at_least_one(Cell) = Field(description="networks and removal probabilities")
    steps: Count = Field(description="training steps T")
    intervals: Count = Field(description="M is the largest mean gradient norm, given a path, over this many intervals")
    training: Training = Field(description="seeds, batch, learning rate, test samples")


class OtherTopologies(Section):
    """Experiment 6: residual and convolutional networks beside plain ones."""

    depth: Count = Field(description="hidden layers or residual blocks L")
    widths: at_least_one(Width) = Field(description="vertices or channels W; at 1 a mask cuts or spares everything")
    drop_rates: at_least_one(OpenProbability) = Field(description="removal probabilities p")
    steps: Count = Field(description="training steps T")
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    training: Training = Field(description="seeds, batch, learning rate, test samples")


class CollapseSettings(Section):
    """All training-collapse experiments."""

    digits: Literal["digits5k", "mnist"] = Field(description="digits the networks learn")
    decoupling: Decoupling = Field(description="Theorem V.7: masks without a path")
    movement: Movement = Field(description="experiment 1: movement over depth and width")
    variants: Variants = Field(description="experiment 2: dropout, modified dropout, no dropout")
    width_depth: WidthDepth = Field(description="experiment 3: width, drop rate and training success")
    learning_time: LearningTime = Field(description="experiment 4: steps to learn against 1/theta")
    drift_bound: DriftBound = Field(description="experiment 5: the drift bound of Theorem V.3")
    topologies: OtherTopologies = Field(description="experiment 6: residual and convolutional networks")
