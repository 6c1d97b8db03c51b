"""Removal probabilities at which networks of different width have the same crossing probability."""

from scipy.optimize import brentq

from dropatlas.collapse.members import Member, Shape


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
