"""Removal probabilities at which networks of different width have the same θ, or the same decay of θ with depth."""

import math

from scipy.optimize import brentq

from dropatlas.collapse.members import Member, Shape
from dropatlas.percolation import bond_decay_rate


def drop_rate_for(theta: float, variant: str, width: int, shape: Shape) -> float:
    """Removal probability at which a network has the given crossing probability.

    Args:
        theta: In (0, 1]; 1 is no removal.
        variant: "dropout" or "dropconnect".
        width: Vertices per hidden layer W.
        shape: The network.

    Raises:
        ValueError: theta is not in (0, 1].
    """
    if not 0 < theta <= 1:
        raise ValueError(f"theta must be in (0, 1], got {theta}")
    if theta == 1:
        return 0.0

    def excess(p: float) -> float:
        return Member(width, p, variant, 1.0, "plain", 0).theta(shape) - theta

    return float(brentq(excess, 0.0, 1 - 1e-9, xtol=1e-12))


def decay_rate(model: str, p: float, width: int) -> float:
    """Decay rate per layer of the crossing probability of a deep network of constant width: θ ≈ c·exp(-rate·L).

    Args:
        model: "site" or "bond".
        p: Removal probability in [0, 1).
        width: Vertices per layer W.

    Returns:
        -log(1 - p^W) for dropout (Theorem IV.1 of arXiv 2512.13853; c = 1), `bond_decay_rate` for dropconnect (ours).
    """
    return bond_decay_rate(p, width) if model == "bond" else -math.log1p(-(p**width))


def drop_rate_decaying(rate: float, model: str, width: int) -> float:
    """Removal probability at which θ decays by a given rate per layer (inverse of `decay_rate`)."""
    return float(brentq(lambda p: decay_rate(model, p, width) - rate, 1e-6, 1 - 1e-6, xtol=1e-12))
