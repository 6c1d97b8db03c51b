"""Networks by name: which there are, how their masks are named, and what tells one from the other.

Nothing here needs torch: settings and forecasts list the networks of an experiment with it.
"""

import math
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from dropatlas.percolation import bond_crossing_probability, site_crossing_probability

ACTIVATIONS = ("tanh", "relu", "sigmoid")
VANISHING_AT_ZERO = ("tanh", "relu")  # σ(0) = 0: what Assumption V.2 of the paper needs besides missing biases
GAINS = ("plain", "compensated")
TOPOLOGIES = ("plain", "residual", "convolution")

OPTIMISERS = ("sgd", "momentum", "adam")

KINDS = {
    "none": "vertex",
    "dropout": "vertex",
    "modified": "vertex",
    "rescaled": "vertex",
    "dropconnect": "edge",
    "modified_dropconnect": "edge",
    "sample": "sample",
    "inverted": "sample",
}
"""What each variant's masks remove: vertices, edges, or vertices for each sample."""

RESCALED = ("rescaled", "inverted")
"""Variants that divide kept activations by q."""

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
        normalised: Whether the masked activations of every hidden layer are divided by their root mean square over the
            layer, for each sample (a layer without any stays zero).
    """

    inputs: int
    depth: int
    outputs: int
    activation: str = "tanh"
    biases: bool = False
    normalised: bool = False

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


@dataclass(frozen=True)
class Descent:
    """How members follow their gradients.

    Attributes:
        optimiser: One of `OPTIMISERS`: plain descent, heavy ball (0.9), or Adam (0.9, 0.999).
        decay: t_0 of the learning rate α_t = α t_0 / (t_0 + t), t = 0, 1, ...; infinite: constant.
        every_step: Compute steps of plain descent, too, of which theory says that they change nothing.
    """

    optimiser: str = "sgd"
    decay: float = math.inf
    every_step: bool = False

    def __post_init__(self) -> None:
        if self.optimiser not in OPTIMISERS:
            raise ValueError(f"optimiser must be one of {', '.join(OPTIMISERS)}, got {self.optimiser!r}")
        if not self.decay > 0:
            raise ValueError(f"decay must be > 0, got {self.decay}")

    @property
    def may_skip(self) -> bool:
        """Whether a step that changes nothing may be left out: others change momentum, and the weights through it."""
        return self.optimiser == "sgd" and not self.every_step

    def factor(self, steps: np.ndarray) -> np.ndarray:
        """α_t / α at every given step t."""
        return np.ones(len(steps)) if math.isinf(self.decay) else self.decay / (self.decay + steps)

    def rate_sum(self, steps: np.ndarray) -> np.ndarray:
        """Σ α_t / α of the first steps, for every given number of them."""
        return np.concatenate([[0.0], np.cumsum(self.factor(np.arange(max(steps, default=0))))])[steps]


PLAIN_DESCENT = Descent()


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
        gain: "plain" or "compensated" initialisation (`networks`); what is not masked or rescaled always starts plain.
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
        return 1.0 if self.variant in ("none", *RESCALED) else gain_of(self.gain, self.drop_rate)

    @property
    def scale(self) -> float:
        """Factor of kept activations."""
        return 1 / (1 - self.drop_rate) if self.variant in RESCALED else 1.0

    def theta(self, shape: Shape) -> float:
        """Probability that a mask of this member has a path (1 for "none"; per sample for "sample" and "inverted")."""
        if self.variant == "none":
            return 1.0
        crossing = bond_crossing_probability if KINDS[self.variant] == "edge" else site_crossing_probability
        return crossing(self.drop_rate, widths=shape.widths(self.width))

    def skips(self, shape: Shape) -> bool:
        """Whether a step without a path changes nothing, by theorem or by definition of the variant."""
        if self.variant.startswith("modified"):
            return True
        return shape.decouples and self.variant in ("dropout", "dropconnect", "rescaled")


def grouped_by_kind(members: list[Member]) -> list[list[Member]]:
    """Members that one ensemble can hold: of one kind of mask and one scale of kept activations."""

    def group(member: Member) -> tuple[str, float]:
        return KINDS[member.variant], member.scale

    return [list(found) for _, found in groupby(sorted(members, key=group), key=group)]
