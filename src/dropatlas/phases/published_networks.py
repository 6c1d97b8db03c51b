"""Where published networks lie in the phase diagram.

β = 1/(nq) is known exactly. τ is not: outside mean-field networks it lies somewhere between the rates of the two kinds
of weights (`practice`). With Adam a step is about η, so that η over the size of a weight stands for τ, an order of
magnitude at most: η for input weights of order one, η√n for output weights of order n^(-1/2).

Convolutional layers are left out: they share weights over thousands of dropped units, and no τ is theirs.
"""

import math
from typing import NamedTuple

import pandas as pd

from dropatlas.phases.classification import classify_phase
from dropatlas.phases.practice import particle_rates

SGD, ADAM = "SGD", "Adam"


class PublishedNetwork(NamedTuple):
    """A dropped layer of a published network.

    Attributes:
        name: Network and layer.
        width: Units dropped together, n.
        keep_rate: q.
        learning_rate: Largest published η (of the paper's own networks: nτ).
        momentum: Heavy-ball momentum; 0 without, or where the gradient is multiplied by one less it.
        optimiser: SGD or Adam.
        parametrisation: One of PARAMETRISATIONS.
        source: Where the numbers stand.
    """

    name: str
    width: int
    keep_rate: float
    learning_rate: float
    momentum: float
    optimiser: str
    parametrisation: str
    source: str


PUBLISHED = (
    # Δw = mΔw - (1 - m)η∇: what momentum adds in the long run is taken off beforehand
    PublishedNetwork("MLP on MNIST", 800, 0.5, 10.0, 0.0, SGD, "standard", "Hinton et al. 2012, appendix A"),
    PublishedNetwork("AlexNet, fc", 4096, 0.5, 0.01, 0.9, SGD, "standard", "Krizhevsky et al. 2012, section 5"),
    PublishedNetwork("VGG, fc", 4096, 0.5, 0.01, 0.9, SGD, "standard", "Simonyan, Zisserman 2015, section 3.1"),
    PublishedNetwork("LSTM, medium", 650, 0.5, 1.0, 0.0, SGD, "standard", "Zaremba et al. 2014, section 4.1"),
    PublishedNetwork("LSTM, large", 1500, 0.35, 1.0, 0.0, SGD, "standard", "Zaremba et al. 2014, section 4.1"),
    PublishedNetwork("Transformer base, model", 512, 0.9, 7e-4, 0.0, ADAM, "standard", "Vaswani et al. 2017, 5.3, 5.4"),
    PublishedNetwork("GPT, model", 768, 0.9, 2.5e-4, 0.0, ADAM, "standard", "Radford et al. 2018, section 4.1"),
    PublishedNetwork("BERT base, model", 768, 0.9, 1e-4, 0.0, ADAM, "standard", "Devlin et al. 2019, appendix A.2"),
    PublishedNetwork("Figure 2, narrowest", 200, 0.7, 100.0, 0.0, SGD, "mean field", "arXiv 2510.07554"),
    PublishedNetwork("Figure 2, widest", 5000, 0.7, 2500.0, 0.0, SGD, "mean field", "arXiv 2510.07554"),
    PublishedNetwork("Figure 3, p = 0.4", 4000, 0.6, 1000.0, 0.0, SGD, "mean field", "arXiv 2510.07554"),
)
"""Published hyperparameters, the largest learning rate of each schedule."""


def _rates(network: PublishedNetwork) -> tuple[float, float]:
    """Lowest and highest τ."""
    if network.optimiser == ADAM:
        return network.learning_rate, network.learning_rate * math.sqrt(network.width)
    rates = particle_rates(network.learning_rate, network.width, network.parametrisation, network.momentum)
    return min(rates), max(rates)


def published_places() -> pd.DataFrame:
    """Every published network in the diagram.

    Returns:
        One row per network: network, n, q, neurons kept nq, β, lowest and highest τ, the phases at both, source.
    """
    rows = []
    for network in PUBLISHED:
        low, high = _rates(network)
        phases = [classify_phase(network.width, rate, network.keep_rate).name for rate in (low, high)]
        rows.append(
            {
                "network": network.name,
                "n": network.width,
                "q": network.keep_rate,
                "nq": network.width * network.keep_rate,
                "β": 1 / (network.width * network.keep_rate),
                "lowest τ": low,
                "highest τ": high,
                "phase": " to ".join(dict.fromkeys(phases)),
                "optimiser": network.optimiser,
                "source": network.source,
            }
        )
    return pd.DataFrame(rows)
