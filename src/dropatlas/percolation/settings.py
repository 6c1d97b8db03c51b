"""Settings of the percolation tables (arXiv 2512.13853)."""

from typing import Annotated

from pydantic import AfterValidator, Field

from dropatlas.settings import Count, OpenProbability, Positive, Probability, Section, at_least_one


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
    """Crossing probability over a (p, W, L) grid, theory against sampled masks."""

    drop_rates: at_least_one(Probability) = Field(description="removal probabilities p")
    widths: at_least_one(Count) = Field(description="vertices per layer W")
    depths: at_least_one(Count) = Field(description="hidden layers L")
    samples: Count = Field(description="sampled masks per cell of the grid (published: 1000)")


class RequiredWidth(Section):
    """Smallest width whose crossing probability reaches a target."""

    drop_rates: at_least_one(Annotated[float, Field(gt=0, le=0.99)]) = Field(description="removal probabilities p")
    depths: at_least_one(Count) = Field(description="hidden layers L")
    target: OpenProbability = Field(description="crossing probability to reach")


class ScalingLaws(Section):
    """Crossing probability along W = floor((C log n)^tau), L = n, and the thresholds at finite n."""

    constants: at_least_one(Positive) = Field(description="constants C of the law; thresholds are exp(-1/C)")
    site_exponents: Annotated[at_least_one(Positive), holds(1.0)] = Field(
        description="exponents tau shown for dropout (critical: 1)"
    )
    bond_exponents: Annotated[at_least_one(Positive), holds(0.5)] = Field(
        description="exponents tau shown for dropconnect (critical: 1/2)"
    )
    drop_rates: at_least_one(OpenProbability) = Field(description="removal probabilities p of the curves over n")
    largest_log10_depth: Positive = Field(description="curves run from n = 10 to n = 10^this")
    points_per_decade: Count = Field(description="depths n per factor of ten on the curves")
    site_threshold_log10_depths: at_least_one(Positive) = Field(
        description="log10 of the depths n at which dropout's finite-n thresholds are solved (in log space)"
    )
    bond_threshold_largest_width: Annotated[int, Field(ge=12)] = Field(
        description="dropconnect's thresholds are solved at the n with (C log n)^tau = 2 ... this, up to n = 10^300"
    )


class CrossingBoundary(Section):
    """Depth at which the crossing probability falls to a target, for every width."""

    drop_rates: at_least_one(OpenProbability) = Field(description="removal probabilities p")
    largest_width: Count = Field(description="widths W run from 1 to this, as far as the boundary is below L = 10^12")
    target: OpenProbability = Field(description="crossing probability on the boundary")


class Topologies(Section):
    """Residual and convolutional networks, by sampling."""

    drop_rates: at_least_one(Probability) = Field(description="removal probabilities p")
    samples: Count = Field(description="sampled masks per cell")
    residual_blocks: at_least_one(Count) = Field(description="residual blocks B of a network")
    residual_widths: at_least_one(Count) = Field(description="units W of each hidden layer of a branch")
    branch_depth: Count = Field(description="hidden layers d of a branch")
    channels: at_least_one(Count) = Field(description="channels C of a convolutional network")
    convolution_depths: at_least_one(Count) = Field(description="hidden layers L of a convolutional network")
    kernel_size: Annotated[int, Field(ge=1), AfterValidator(odd)] = Field(description="kernel side k, odd")
    image_size: Count = Field(description="image side h in pixels")


class PercolationSettings(Section):
    """All percolation experiments."""

    crossing: CrossingGrid = Field(description="crossing probability over a (p, W, L) grid")
    required_width: RequiredWidth = Field(description="width needed for a given crossing probability")
    scaling: ScalingLaws = Field(description="scaling laws W = floor((C log n)^tau), L = n")
    boundary: CrossingBoundary = Field(description="crossing boundary in the (W, L) plane")
    topologies: Topologies = Field(description="residual and convolutional networks")
