"""Learning rates τ and keep rates q: what they cost, and how they go along sequences of widths.

Sequences of the phases, with ν = n/100: GF τ = 0.1 ν^(-1/2), q = 1/2; II β = 1/2, α = 0.2 ν^(-1/2); III α = 1/2,
β = 0.2 ν^(-1/2); IV α = β = 1/2; I τ = 0.8, q = 0.95. Where a coordinate tends to 0, the limit is that of the phase,
without it.

Families τ = c n^(-κ) that tell the penalty apart, which enters with β = 1/(nq):
    most penalty      q as small as a limit allows (α <= 0.1, β <= 0.5).
    held              β = 0.5 whatever κ is; then α = τ n β → ∞ for κ < 1.
    fixed keep rate   q = 1/2; then β = 2/n.

Source: arXiv 2510.07554, Theorem 1 and Section 4.4; the constants are ours.
"""

from typing import NamedTuple

from dropatlas.phases.names import PHASES

FLOW_STEPS = 40
"""Runge-Kutta steps of a gradient flow that is not stiff."""
DESCENT_FROM = 0.01
"""Below this τ gradient descent is replaced by its flow (they differ by O(τ)), at a fraction of the cost."""

MOST_PENALTY, HELD, FIXED = "most penalty", "held", "fixed keep rate"
LARGEST_ALPHA, LARGEST_BETA, FIRST_WIDTH = 0.1, 0.5, 100


def check_rates(width: int, learning_rate: float, keep_rate: float) -> None:
    """Refuse values without a meaning.

    Raises:
        ValueError: width < 1, learning_rate not positive and finite, or keep_rate outside (0, 1].
    """
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width}")
    if not 0 < learning_rate < float("inf"):
        raise ValueError(f"learning_rate must be positive and finite, got {learning_rate}")
    if not 0 < keep_rate <= 1:
        raise ValueError(f"keep_rate must be in (0, 1], got {keep_rate}")


def step_count(time: float, learning_rate: float) -> int:
    """Steps until `time`, at least one: T/τ to the nearest integer."""
    return max(1, round(time / learning_rate))


def critical_cost(width: int, time: float, learning_rate: float, keep_rate: float) -> float:
    """Expected number of neurons read in the forward passes of limit IV: (n T/α)·(1/β)."""
    check_rates(width, learning_rate, keep_rate)
    return width * time * keep_rate / learning_rate * width * keep_rate


def rates_at(width: int, alpha: float, beta: float) -> tuple[float, float]:
    """Learning rate τ and keep rate q with τ/q = α and 1/(nq) = β; q = 1 where β is less than 1/n."""
    keep_rate = min(1.0, 1 / (width * beta))
    return alpha * keep_rate, keep_rate


class Network(NamedTuple):
    """One network of the phase diagram and how long it is trained: n, τ, q, steps."""

    width: int
    learning_rate: float
    keep_rate: float
    steps: int

    @property
    def updates(self) -> float:
        """Expected number of neurons that a run updates."""
        return self.steps * self.width * self.keep_rate

    @property
    def reads(self) -> float:
        """Expected number of neurons that limit IV reads in a run."""
        return critical_cost(self.width, self.steps * self.learning_rate, self.learning_rate, self.keep_rate)


def sequence_rates(sequence: str, width: int) -> tuple[float, float]:
    """Learning rate τ and keep rate q of a phase's sequence at one width.

    Raises:
        ValueError: no such phase.
    """
    decay = (width / 100) ** -0.5
    match sequence:
        case "GF":
            return 0.1 * decay, 0.5
        case "II":
            alpha, beta = 0.2 * decay, 0.5
        case "III":
            alpha, beta = 0.5, 0.2 * decay
        case "IV":
            alpha, beta = 0.5, 0.5
        case "I":
            return 0.8, 0.95
        case _:
            raise ValueError(f"sequence must be one of {', '.join(PHASES)}, got {sequence!r}")
    return rates_at(width, alpha, beta)


def family_rates(family: str, exponent: float, width: int) -> tuple[float, float]:
    """Learning rate τ = c n^(-κ) and keep rate q; at width 100 all exponents of a family coincide.

    Raises:
        ValueError: no such family.
    """
    shrink = (width / FIRST_WIDTH) ** -exponent
    learning_rate = LARGEST_ALPHA / (LARGEST_BETA * FIRST_WIDTH) * shrink
    least = 1 / (LARGEST_BETA * width)
    match family:
        case "most penalty":
            return learning_rate, max(learning_rate / LARGEST_ALPHA, least)
        case "held":
            return learning_rate, least
        case "fixed keep rate":
            return LARGEST_ALPHA * shrink, 0.5
    raise ValueError(f"family must be {MOST_PENALTY}, {HELD} or {FIXED}, got {family!r}")
