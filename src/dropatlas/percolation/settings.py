"""Settings of the percolation tables (arXiv 2512.13853)."""

import math
from itertools import product
from typing import Annotated

from pydantic import AfterValidator, Field

from dropatlas.percolation.events import CONVOLUTIONAL, RESIDUAL
from dropatlas.percolation.scaling import MODEL_CURVES, log_n_of_width, width_at
from dropatlas.settings import Count, Grid, OpenProbability, Positive, Probability, Section

LARGEST_BOND_LOG10_N = 300.0
"""Largest log10 of a depth whose layers the exact chain of dropconnect counts."""

NO_FLOOR, FLOOR = "no floor", "floor, worst n"
"""How the widths of thresholds come about: where the law's is whole, or with the floor where it takes most away."""

HALF, THRESHOLD_TARGETS = 0.5, (0.01, 0.5, 0.99)
"""The θ of the threshold that figures tell, and those between which the curve of θ over p must become a step."""

RARE, WINDOW = "rare extinction", "critical window"
"""Regimes in which minimum cuts are looked at."""

MOST_OPEN_CUTS = 3
"""Numbers of open minimum cuts of a network from here on are counted together."""


def odd(value: int) -> int:
    """Check for an odd number.

    Raises:
        ValueError: value is even.
    """
    if value % 2 == 0:
        raise ValueError("it should be odd, so that zero padding keeps the image")
    return value


def holds(needed: float) -> AfterValidator:
    """Check that a list holds the critical exponent, without which a threshold cannot be judged."""

    def check(values: list[float]) -> list[float]:
        if needed not in values:
            raise ValueError(f"the list should hold the critical exponent {needed:g}")
        return values

    return AfterValidator(check)


class CrossingGrid(Section):
    """Crossing probability of networks over (W, L), theory against sampled masks where θ can tell."""

    targets: Grid[OpenProbability] = Field(
        description="crossing probabilities θ; removal probabilities p are solved for them in every network"
    )
    widths: Grid[Count] = Field(description="vertices per layer W")
    depths: Grid[Count] = Field(description="hidden layers L")
    samples: Count = Field(description="sampled masks per cell of the grid (published: 1000)")

    def cells(self) -> list[tuple[str, int, int, float]]:
        """Model, width, depth and the crossing probability to solve for."""
        return list(product(("site", "bond"), self.widths, self.depths, self.targets))


class RequiredWidth(Section):
    """Smallest width whose crossing probability reaches a target."""

    drop_rates: Grid[Annotated[float, Field(gt=0, le=0.99)]] = Field(description="removal probabilities p")
    depths: Grid[Count] = Field(description="hidden layers L")
    target: OpenProbability = Field(description="crossing probability to reach")


class ScalingLaws(Section):
    """Crossing probability along W = floor((C log n)^tau), L = n, and the thresholds at finite n."""

    constants: Grid[Positive] = Field(description="constants C of the law; thresholds are exp(-1/C)")
    site_exponents: Annotated[Grid[Positive], holds(1.0)] = Field(
        description="exponents tau shown for dropout (critical: 1)"
    )
    bond_exponents: Annotated[Grid[Positive], holds(0.5)] = Field(
        description="exponents tau shown for dropconnect (critical: 1/2)"
    )
    drop_rates: Grid[OpenProbability] = Field(description="removal probabilities p of the curves over n")
    largest_log10_depth: Positive = Field(description="curves run from n = 10 to n = 10^this")
    points_per_decade: Count = Field(description="depths n per factor of ten on the curves")
    site_threshold_log10_depths: Grid[Positive] = Field(
        description="dropout's thresholds are solved at the largest n up to these log10 n at which the width is whole"
    )
    bond_threshold_largest_width: Annotated[int, Field(ge=12)] = Field(
        description="dropconnect's thresholds are solved at the n with (C log n)^tau = 2 ... this, up to n = 10^300"
    )

    def laws(self) -> list[tuple[str, str, float, float]]:
        """Model, curve (a key of `MODEL_CURVES[model]`), constant and exponent."""
        exponents = {"site": self.site_exponents, "bond": self.bond_exponents}
        return [
            (model, *law)
            for model, curves in MODEL_CURVES.items()
            for law in product(curves, self.constants, exponents[model])
        ]

    def threshold_depths(self, model: str, constant: float, exponent: float) -> list[float]:
        """Depths at which thresholds of a law are solved, as log n: all at which (C log n)^tau is whole."""
        if model == "site":
            least = log_n_of_width(1, constant, exponent)
            asked = [log10_n * math.log(10) for log10_n in self.site_threshold_log10_depths]
            widths = sorted({width_at(log_n, constant, exponent) for log_n in asked if log_n >= least})
            return [log_n_of_width(width, constant, exponent) for width in widths]
        wide = range(2, self.bond_threshold_largest_width + 1)
        log_ns = [log_n_of_width(width, constant, exponent) for width in wide]
        return [log_n for log_n in log_ns if log_n <= LARGEST_BOND_LOG10_N * math.log(10)]


class CrossingBoundary(Section):
    """Depth at which the crossing probability falls to a target, for every width."""

    drop_rates: Grid[OpenProbability] = Field(description="removal probabilities p")
    largest_width: Count = Field(description="widths W run from 1 to this, as far as the boundary is below L = 10^12")
    target: OpenProbability = Field(description="crossing probability on the boundary")


class MinimumCuts(Section):
    """Minimum cuts of the bond model: their number, extinction as p -> 0, and the critical window."""

    widths: Grid[Count] = Field(description="vertices per layer W of the networks whose cuts are counted")
    depths: Grid[Count] = Field(description="hidden layers L of these networks")
    drop_rates: Grid[OpenProbability] = Field(description="removal probabilities p at which extinction is compared")
    window_widths: Annotated[Grid[Count], Field(min_length=4)] = Field(
        description="vertices per layer W in the critical window; their depths follow from p and x"
    )
    window_drop_rates: Grid[OpenProbability] = Field(description="removal probabilities p in the critical window")
    window_parameters: Grid[Positive] = Field(description="parameters x = L 2^W p^(W^2) of the critical window")


class WindowCell(Section):
    """One network in the critical window."""

    width: Annotated[int, Field(ge=1, le=8)] = Field(description="vertices per layer W")
    drop_rate: OpenProbability = Field(description="removal probability p of an edge")
    parameter: Positive = Field(description="x = L 2^W p^(W^2), which sets the depth L")


class OpenCuts(Section):
    """Open minimum cuts of sampled networks in the critical window, counted one by one."""

    cells: Grid[WindowCell] = Field(description="networks; wide or sparse enough for their Poisson bound to be small")
    samples: Count = Field(description="sampled networks per cell")


class ParameterBudget(Section):
    """Crossing probability of networks of one number of weights, by their width."""

    budgets: Grid[Count] = Field(description="weights (L + 1) W^2 of a network, at most")
    drop_rates: Grid[OpenProbability] = Field(description="removal probabilities p")
    widths: Grid[Count] = Field(description="vertices per layer W; those with at least one hidden layer are taken")

    def networks(self) -> list[tuple[int, int, int]]:
        """Budget, width and the depth that the budget leaves."""
        pairs = product(self.budgets, self.widths)
        found = [(budget, width, budget // width**2 - 1) for budget, width in pairs]
        return [network for network in found if network[2] >= 1]


class Topologies(Section):
    """Residual and convolutional networks, by sampling."""

    drop_rates: Grid[Probability] = Field(description="removal probabilities p")
    samples: Count = Field(description="sampled masks per cell")
    residual_blocks: Grid[Count] = Field(description="residual blocks B of a network")
    residual_widths: Grid[Count] = Field(description="units W of each hidden layer of a branch")
    branch_depth: Count = Field(description="hidden layers d of a branch")
    channels: Grid[Count] = Field(description="channels C of a convolutional network")
    convolution_depths: Grid[Count] = Field(description="hidden layers L of a convolutional network")
    kernel_size: Annotated[int, Field(ge=1), AfterValidator(odd)] = Field(description="kernel side k, odd")
    image_size: Count = Field(description="image side h in pixels")

    def cells(self) -> list[tuple[str, int, int, float]]:
        """Topology, width (or channels), depth (or blocks) and removal probability."""
        residual = product(self.residual_widths, self.residual_blocks, self.drop_rates)
        convolutional = product(self.channels, self.convolution_depths, self.drop_rates)
        found = [(topology, *size) for size in residual for topology in RESIDUAL]
        return found + [(topology, *size) for size in convolutional for topology in CONVOLUTIONAL]
