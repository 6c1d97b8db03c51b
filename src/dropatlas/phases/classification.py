"""Which phase of dropout a network is in: the diagram in (log n, -log τ, -log q).

The paper's phases are limits along sequences. For one network the convention here is: a coordinate (α = τ/q or
β = 1/(nq)) below 0.1 counts as → 0, one of at least 10 as → ∞, anything between as finite. Time and risk are of order
one, so that 0.1 means: a neuron's own step, or the penalty, is a tenth of what moves. Where α is finite, τ and q tend
to 0 together (III, IV) or stay (I). Clocks that tick with probability q a step are as regular as their variance, 1 - q
times Poisson's, says: from q = 1/2 on, where less than half of it is left, q counts as staying.

Within a factor of three (half a power of ten) of a threshold (of q = 1/2: q or 1 - q three times as large as at a clear
case) the asymptotic diagram says nothing: such networks are boundary cells.

Source: arXiv 2510.07554, Theorem 1 and Figure 1; the numbers are ours.
"""

from dataclasses import dataclass

from dropatlas.phases.names import PHASES as PHASES
from dropatlas.phases.rates import check_rates

PHASE_NAMES = {
    "GF": "gradient flow",
    "II": "penalised gradient flow",
    "III": "Poisson jumps",
    "IV": "critical",
    "I": "Bernoulli steps",
    "degenerate": "no limit (α or β → ∞)",
}
CONTAINS = {
    "GF": frozenset(),
    "II": frozenset({"GF"}),
    "III": frozenset({"GF"}),
    "IV": frozenset({"GF", "II", "III"}),
    "I": frozenset({"GF", "III"}),
}
"""Limiting cases of each limit: II → GF and IV → III as β → 0; III → GF and IV → II as α → 0; I → III as τ, q → 0."""


@dataclass(frozen=True)
class Convention:
    """Where finite numbers count as limits.

    Attributes:
        small: α or β below it counts as → 0.
        large: From here on it counts as → ∞.
        discrete: From this q on τ and q count as staying where α does.
        factor: Within this factor of a threshold the diagram says nothing.
    """

    small: float = 0.1
    large: float = 10.0
    discrete: float = 0.5
    factor: float = 3.0


CONVENTION = Convention()


@dataclass(frozen=True)
class Phase:
    """Place of one network in the diagram.

    Attributes:
        name: Key of PHASE_NAMES.
        alpha: τ/q, mean time between two updates of a neuron.
        beta: 1/(nq), inverse number of neurons kept in a step.
        margin: Factor (at least 1) between the network and the nearest phase boundary.
        boundary: Whether margin is at most the factor of the convention.
    """

    name: str
    alpha: float
    beta: float
    margin: float
    boundary: bool


def classify_phase(width: int, learning_rate: float, keep_rate: float, convention: Convention = CONVENTION) -> Phase:
    """Phase of a network by the convention of this module.

    Args:
        width: Neurons n, at least 1.
        learning_rate: τ > 0 of the mean-field scaling, output (1/n) Σ and a parameter that moves by n·τ times its
            gradient; for other scalings see `dropatlas.phases.practice.particle_rates`.
        keep_rate: q in (0, 1].
        convention: Thresholds.

    Raises:
        ValueError: an argument outside its range.

    Example:
        >>> from dropatlas.phases import classify_phase
        >>> phase = classify_phase(1000, 5e-4, 1e-3)
        >>> phase.name, phase.alpha, phase.beta, phase.boundary
        ('IV', 0.5, 1.0, False)
    """
    check_rates(width, learning_rate, keep_rate)
    small, large = convention.small, convention.large
    alpha, beta, discrete = learning_rate / keep_rate, 1 / (width * keep_rate), keep_rate >= convention.discrete
    if alpha >= large or beta >= large:
        name, nearest = "degenerate", max(alpha / large, beta / large)
    elif alpha < small:
        name = "II" if beta >= small else "GF"
        nearest = min(small / alpha, _factor(beta, small), large / beta)
    else:
        name = "I" if discrete else "IV" if beta >= small else "III"
        nearest = min(alpha / small, large / alpha, _factor(beta, small), large / beta)
        rest = (1 - convention.discrete) / (1 - keep_rate) if keep_rate < 1 else float("inf")
        nearest = min(nearest, rest if discrete else convention.discrete / keep_rate)
        if discrete and beta >= small:  # a handful of neurons: the limit has β → 0
            nearest = 1.0
    return Phase(name, alpha, beta, nearest, nearest <= convention.factor)


def _factor(value: float, threshold: float) -> float:
    return max(value / threshold, threshold / value)
