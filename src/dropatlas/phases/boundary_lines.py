"""Lines through the boundaries of the phase diagram, each from the region of a limit to that of one that contains it.

Source: arXiv 2510.07554, first experiments (3): fixed n = 1000, τ and q varied across the boundaries.
"""

from collections.abc import Callable
from typing import NamedTuple

from dropatlas.phases.rates import rates_at


class Line(NamedTuple):
    """A line through a boundary.

    Attributes:
        simple: Limit before the boundary.
        rich: Limit behind it, which contains the simple one.
        coordinate: What grows along the line: α, β or q.
        threshold: Where the convention puts the boundary.
        fixed: What stays, in words.
        rates: τ and q at a width and a coordinate.
    """

    simple: str
    rich: str
    coordinate: str
    threshold: float
    fixed: str
    rates: Callable[[int, float], tuple[float, float]]


LINES = {
    "GF to II": Line("GF", "II", "β", 0.1, "α = 0.02", lambda n, beta: rates_at(n, 0.02, beta)),
    "GF to III": Line("GF", "III", "α", 0.1, "q = 0.1", lambda n, alpha: (0.1 * alpha, 0.1)),
    "II to IV": Line("II", "IV", "α", 0.1, "β = 0.5", lambda n, alpha: rates_at(n, alpha, 0.5)),
    "III to IV": Line("III", "IV", "β", 0.1, "α = 0.5", lambda n, beta: rates_at(n, 0.5, beta)),
    "III to I": Line("III", "I", "q", 0.5, "α = 1", lambda n, q: (q, q)),
}
"""Lines by name."""
