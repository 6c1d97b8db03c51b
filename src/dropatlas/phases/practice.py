"""From an ordinary learning rate to the τ of the phase diagram, as far as that can be said.

q and β = 1/(nq) need no learning rate: n is the number of units that are dropped together. τ is the step of a neuron
over its gradient, and only mean-field networks have one τ:

| parametrisation | output | learning rate η of all weights | output weights move with | input weights with |
| --- | --- | --- | --- | --- |
| mean field | (1/n) Σ a_i σ(w_i z) | η = nτ | τ = η/n | τ = η/n |
| ntk | n^(-1/2) Σ a_i σ(w_i z) | η | η/√n | η/√n |
| standard | Σ a_i σ(w_i z), a_i = O(n^(-1/2)) | η | η√n | η/√n |

The last two rows compare a neuron's movement with ∇_x⟨φ(x), residual⟩, with a scaled to order one; heavy-ball momentum
m lengthens steps to η/(1 - m) in the long run. What cannot be mapped: outputs of order √n times the mean (the theorem's
neurons move by order one, those of ntk networks by n^(-1/2)), more than two layers, layers that share weights, Adam and
its like (a step is about η whatever the gradient is, so η over the size of a weight stands for τ at most as an order of
magnitude), minibatches, and masks per sample: a batch averages over as many masks as it has samples, where the theory
has one mask a step.

Source: arXiv 2510.07554, Section 2; the other rows are the chain rule.
"""

import math
from typing import NamedTuple

from dropatlas.phases.rates import check_rates

PARAMETRISATIONS = ("mean field", "ntk", "standard")


class ParticleRates(NamedTuple):
    """τ of the output weights and of the input weights of a neuron."""

    output: float
    input: float


def particle_rates(
    learning_rate: float, width: int, parametrisation: str = "standard", momentum: float = 0.0
) -> ParticleRates:
    """By how much of its gradient a neuron's two kinds of weights move in a step of plain gradient descent.

    Args:
        learning_rate: η, the rate given to the optimiser.
        width: Neurons n.
        parametrisation: One of PARAMETRISATIONS; "standard" is PyTorch's.
        momentum: Heavy-ball momentum m in [0, 1).

    Raises:
        ValueError: a value outside its range, or an unknown parametrisation.

    Example:
        >>> from dropatlas.phases import classify_phase, particle_rates
        >>> rates = particle_rates(0.01, width=4096, momentum=0.9)
        >>> [classify_phase(4096, rate, keep_rate=0.5).name for rate in sorted(rates)]
        ['GF', 'I']
    """
    check_rates(width, learning_rate, 1.0)
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum must be in [0, 1), got {momentum}")
    rate, root = learning_rate / (1 - momentum), math.sqrt(width)
    match parametrisation:
        case "mean field":
            return ParticleRates(rate / width, rate / width)
        case "ntk":
            return ParticleRates(rate / root, rate / root)
        case "standard":
            return ParticleRates(rate * root, rate / root)
    raise ValueError(f"parametrisation must be one of {', '.join(PARAMETRISATIONS)}, got {parametrisation!r}")
