"""Which phase of dropout a network is in: the diagram in (log n, -log τ, -log q).

The paper's phases are limits along sequences. For one network the convention here is: a coordinate (τ, α = τ/q or
β = 1/(nq)) below 0.1 counts as → 0, one of at least 10 as → ∞, anything between as finite. Time and risk are of order
one, so that 0.1 means: a step, a neuron's own step, or the penalty is a tenth of what moves. Cells within a factor 2 of
a threshold are boundary cells, about which the asymptotic diagram says nothing.

Source: arXiv 2510.07554, Theorem 1 and Figure 1.
"""

from dataclasses import dataclass

from dropatlas.phases.names import PHASES as PHASES
from dropatlas.phases.rates import check_rates

SMALL = 0.1
LARGE = 10.0
BOUNDARY_FACTOR = 2.0
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
class Phase:
    """Place of one network in the diagram.

    Attributes:
        name: Key of PHASE_NAMES.
        alpha: τ/q, mean time between two updates of a neuron.
        beta: 1/(nq), inverse number of neurons kept in a step.
        margin: Factor (at least 1) between the network and the nearest phase boundary.
        boundary: Whether margin is at most BOUNDARY_FACTOR.
    """

    name: str
    alpha: float
    beta: float
    margin: float
    boundary: bool


def classify_phase(width: int, learning_rate: float, keep_rate: float) -> Phase:
    """Phase of a network by the convention of this module.

    Args:
        width: Neurons n, at least 1.
        learning_rate: τ > 0 (of the mean-field scaling: a parameter moves by n·τ times its gradient).
        keep_rate: q in (0, 1].

    Raises:
        ValueError: an argument outside its range.

    Example:
        >>> classify_phase(1000, 5e-4, 1e-3).name
        'IV'
    """
    check_rates(width, learning_rate, keep_rate)
    tau, alpha, beta = learning_rate, learning_rate / keep_rate, 1 / (width * keep_rate)
    if alpha >= LARGE or beta >= LARGE:
        name, nearest = "degenerate", max(alpha / LARGE, beta / LARGE)
    elif tau >= SMALL:  # then alpha is finite; the limit has keep_rate fixed, so beta is a finite-width effect
        name = "I"
        nearest = 1.0 if beta >= SMALL else min(tau / SMALL, LARGE / alpha, SMALL / beta)
    elif alpha < SMALL:
        name = "II" if beta >= SMALL else "GF"
        nearest = min(SMALL / alpha, _factor(beta, SMALL), LARGE / beta if name == "II" else float("inf"))
    else:
        name = "IV" if beta >= SMALL else "III"
        nearest = min(alpha / SMALL, LARGE / alpha, SMALL / tau, _factor(beta, SMALL), LARGE / beta)
    return Phase(name, alpha, beta, nearest, nearest <= BOUNDARY_FACTOR)


def _factor(value: float, threshold: float) -> float:
    return max(value / threshold, threshold / value)
