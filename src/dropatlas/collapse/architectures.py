"""Residual and convolutional networks by name, beside plain ones: their crossing probabilities, and which are trained.

Nothing here needs torch: settings and forecasts list the networks of an experiment with it.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from pydantic import Field

from dropatlas.collapse.members import TOPOLOGIES
from dropatlas.collapse.settings import Seeds, Training, Width
from dropatlas.percolation import residual_crossing_probability, site_crossing_probability
from dropatlas.settings import Count, Grid, OpenProbability, Positive, Section

STREAM = "residual stream"
"""Residual networks in which dropout acts on the stream, after every addition, so that a mask can cut them."""

ARCHITECTURES = (*TOPOLOGIES, STREAM)


class StackedMember(NamedTuple):
    """One network and how it is trained.

    Attributes:
        seed: Number of the seed: members of equal seed share initial weights, data order and the random words of masks.
        drop_rate: Removal probability p; 0 removes nothing, 1 everything.
        learning_rate: α, constant.
        gain: "plain" or "compensated" initial matrices behind masks (`members`); residual networks always start plain.
        modified: Whether a step whose mask leaves no path changes nothing.
    """

    seed: int
    drop_rate: float
    learning_rate: float
    gain: str = "plain"
    modified: bool = False


class Crossing(NamedTuple):
    """Crossing probabilities of one network.

    Attributes:
        plain: θ of the plain network of this depth and width.
        own: That some path is open (1 with dropout inside residual branches: the identity always is).
        branch: That some path other than the identity is open; otherwise `own`.
    """

    plain: float
    own: float
    branch: float


def crossing_of(architecture: str, drop_rate: float, width: int, depth: int) -> Crossing:
    """Crossing probabilities of a network of one of `ARCHITECTURES` (exact: `percolation.topologies`)."""
    plain = site_crossing_probability(drop_rate, width, depth)
    if architecture != "residual":
        return Crossing(plain, plain, plain)
    branches = residual_crossing_probability("site", drop_rate, width, 1, depth)
    return Crossing(plain, 1.0, branches.non_identity_path)


class Layer(Section):
    """Width and removal probability of the masked layers."""

    width: Width = Field(description="vertices or channels W")
    drop_rate: OpenProbability = Field(description="removal probability p")


class OtherTopologies(Section):
    """Experiment 6: residual and convolutional networks beside plain ones."""

    depth: Count = Field(description="hidden layers or residual blocks L")
    convolutions: Grid[Layer] = Field(description="channels and removal probabilities of the convolutions")
    residuals: Grid[Layer] = Field(description="width of the stream and removal probabilities in the branches")
    steps: Count = Field(description="training steps T")
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    training: Training = Field(description="seeds, batch, learning rate, test samples")

    def layers(self, topology: str) -> dict[int, list[float]]:
        """Removal probabilities by width; plain networks stand beside both others."""
        masked = {"convolution": self.convolutions, "residual": self.residuals}
        found: dict[int, list[float]] = {}
        for layer in masked.get(topology, [*self.convolutions, *self.residuals]):
            found.setdefault(layer.width, []).append(layer.drop_rate)
        return {width: list(dict.fromkeys(rates)) for width, rates in found.items()}

    def jobs(self) -> list[tuple[str, int]]:
        """Topology and width of the networks that are trained as one."""
        return [(topology, width) for topology in TOPOLOGIES for width in self.layers(topology)]

    def networks(self, topology: str, width: int) -> list[tuple[str, StackedMember]]:
        """Variant and network: the control "none", dropout at every gain, and residual networks' "identity" alone."""
        gains = ("plain",) if topology == "residual" else ("plain", "compensated")
        kinds = [("none", 0.0, "plain")]
        kinds += [("identity", 1.0, "plain")] if topology == "residual" else []
        kinds += [("dropout", p, gain) for p in self.layers(topology)[width] for gain in gains]
        return [
            (variant, StackedMember(i, p, self.training.learning_rate, gain))
            for variant, p, gain in kinds
            for i in range(self.training.seeds)
        ]


class Stacked(Section):
    """One architecture under one removal probability."""

    architecture: Literal["plain", "convolution", "residual stream"] = Field(description="kind of network")
    width: Width = Field(description="vertices or channels W")
    drop_rate: OpenProbability = Field(description="removal probability p")


class ModifiedTopologies(Section):
    """Experiment 7: modified dropout on several architectures, with biases and without."""

    depth: Count = Field(description="hidden layers or residual blocks L")
    cells: Grid[Stacked] = Field(description="networks; masks must cut some steps and spare others")
    learning_rates: Grid[Positive] = Field(description="learning rates alpha, constant")
    steps: Count = Field(
        description="training steps T; losses are means over the last half and over the quarter before it"
    )
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    seeds: Seeds = Field(description="networks with biases per cell and learning rate")
    bias_free: Seeds = Field(description="pairs of networks without biases per cell, at the first learning rate")
    batch_size: Count = Field(description="samples per step, drawn with replacement")
    samples: Count = Field(description="test samples, and as many training samples, used at every measurement")

    def measured_steps(self) -> list[int]:
        """Ends of the two windows over which losses are averaged: (T/4, T/2] and (T/2, T]."""
        return [max(1, self.steps // 2), self.steps]

    def jobs(self) -> Iterable[tuple[Stacked, bool]]:
        """Cell, and whether there are biases, of the networks that are trained as one."""
        return [(cell, biases) for cell in self.cells for biases in (True, False)]

    def networks(self, cell: Stacked, biases: bool) -> list[tuple[str, StackedMember]]:
        """Variant and network: without biases only the two that must be equal."""
        rates = self.learning_rates if biases else self.learning_rates[:1]
        kinds = [("dropout", cell.drop_rate), ("modified", cell.drop_rate)]
        kinds += [("none", 0.0)] if biases else []
        gain = "plain" if cell.architecture == STREAM else "compensated"
        return [
            (variant, StackedMember(i, p, rate, gain if p else "plain", variant == "modified"))
            for rate in rates
            for variant, p in kinds
            for i in range(self.seeds if biases else self.bias_free)
        ]
