"""Networks by name: which there are, how their masks are named, and what tells one from the other.

Nothing here needs torch: settings and forecasts list the networks of an experiment with it.
"""

import math
from dataclasses import dataclass
from itertools import groupby

from dropatlas.percolation import bond_crossing_probability, site_crossing_probability

ACTIVATIONS = ("tanh", "relu", "sigmoid")
VANISHING_AT_ZERO = ("tanh", "relu")  # σ(0) = 0: what Assumption V.2 of the paper needs besides missing biases
GAINS = ("plain", "compensated")
TOPOLOGIES = ("plain", "residual", "convolution")

KINDS = {
    "none": "vertex",
    "dropout": "vertex",
    "modified": "vertex",
    "dropconnect": "edge",
    "modified_dropconnect": "edge",
    "inverted": "sample",
}
"""What each variant's masks remove: vertices, edges, or vertices for each sample."""

MASKED = {"site": "dropout", "bond": "dropconnect"}
"""Variant of each model of percolation."""


@dataclass(frozen=True)
class Shape:
    """What all members of an ensemble share.

    Attributes:
        inputs: Input dimension.
        depth: Hidden layers L, at least 1.
        outputs: Output dimension.
        activation: "tanh", "relu" or "sigmoid", after every hidden layer.
        biases: Whether every layer has biases (starting at zero).
    """

    inputs: int
    depth: int
    outputs: int
    activation: str = "tanh"
    biases: bool = False

    def __post_init__(self) -> None:
        for name in ("inputs", "depth", "outputs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}")

    @property
    def decouples(self) -> bool:
        """Whether a mask without a path makes every gradient exactly zero (Theorems V.5-V.8): no biases, σ(0) = 0."""
        return not self.biases and self.activation in VANISHING_AT_ZERO

    def widths(self, width: int) -> list[int]:
        """Widths of all layers, input and output included."""
        return [self.inputs, *[width] * self.depth, self.outputs]


def gain_of(name: str, drop_rate: float) -> float:
    """Factor of the hidden matrices: 1 ("plain") or 1/sqrt(1 - drop_rate) ("compensated").

    Raises:
        ValueError: unknown name.
    """
    if name not in GAINS:
        raise ValueError(f"gain must be one of {', '.join(GAINS)}, got {name!r}")
    return 1.0 if name == "plain" else 1 / math.sqrt(1 - drop_rate)


@dataclass(frozen=True)
class Member:
    """One network and how it is trained.

    Attributes:
        width: Vertices per hidden layer W, at least 1.
        drop_rate: Removal probability p in [0, 1); ignored by the variant "none".
        variant: A key of `KINDS`.
        learning_rate: α, constant over the steps, above 0.
        gain: "plain" or "compensated" initialisation (`networks`); "none" and "inverted" always start plain.
        seed: Number of the seed: members of equal width, depth and seed share initial weights, data order and, per kind
            of mask, the random words behind the masks.
    """

    width: int
    drop_rate: float
    variant: str
    learning_rate: float
    gain: str
    seed: int

    def __post_init__(self) -> None:
        if self.variant not in KINDS:
            raise ValueError(f"variant must be one of {', '.join(KINDS)}, got {self.variant!r}")
        if self.width < 1:
            raise ValueError(f"width must be at least 1, got {self.width}")
        if not 0 <= self.drop_rate < 1:
            raise ValueError(f"drop_rate must be in [0, 1), got {self.drop_rate}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be > 0, got {self.learning_rate}")
        gain_of(self.gain, self.drop_rate)

    @property
    def weight_gain(self) -> float:
        """Factor of the initial matrices behind masked layers."""
        return 1.0 if self.variant in ("none", "inverted") else gain_of(self.gain, self.drop_rate)

    def theta(self, shape: Shape) -> float:
        """Probability that a mask of this member has a path (1 for "none"; per sample for "inverted")."""
        if self.variant == "none":
            return 1.0
        crossing = bond_crossing_probability if KINDS[self.variant] == "edge" else site_crossing_probability
        return crossing(self.drop_rate, widths=shape.widths(self.width))

    def skips(self, shape: Shape) -> bool:
        """Whether a step without a path changes nothing, by theorem or by definition of the variant."""
        return self.variant.startswith("modified") or (self.variant.startswith("drop") and shape.decouples)


def grouped_by_kind(members: list[Member]) -> list[list[Member]]:
    """Members that one ensemble can hold: one kind of mask, and one drop rate where masks are per sample."""

    def group(member: Member) -> tuple[str, float]:
        kind = KINDS[member.variant]
        return kind, member.drop_rate if kind == "sample" else 0.0

    return [list(found) for _, found in groupby(sorted(members, key=group), key=group)]
