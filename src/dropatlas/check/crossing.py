"""Exact crossing probabilities of chains of layers whose vertices and edges have rates of their own (ours).

Layers are joined completely, so only the number of reached vertices counts: of W vertices, removed with probability v,
behind edges removed with probability p, each is reached from k vertices with probability (1 - v)(1 - p^k),
independently. Followed from the output back to the input, the probabilities to be cut and to cross are sums of positive
terms, both accurate to their own size. With p = 0 everywhere this is Theorem IV.1 of arXiv 2512.13853.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TARGET = 0.99  # crossing probability that counts as safe
WIDEST_SITE = 2**40  # largest width the search for a safe one tries, without dropped edges
WIDEST_BOND = 2**11  # the same with dropped edges, whose chain costs W² a layer
LARGEST_TABLE = 25_000_000  # transition probabilities between two layers: 200 MB, about a second


@dataclass(frozen=True)
class Chain:
    """A chain of layers, neighbours joined completely, and the probabilities with which masks remove their parts.

    Attributes:
        widths: Vertices [W_0, ..., W_{L+1}] of the layers: units, or channels of feature maps.
        vertex_rates: Removal probability of the vertices of every layer, L + 2 of them.
        edge_rates: Removal probability of the edges of every edge layer, L + 1 of them.
    """

    widths: tuple[int, ...]
    vertex_rates: tuple[float, ...]
    edge_rates: tuple[float, ...]

    @property
    def keep_product(self) -> float:
        """Product of the keep probabilities 1 - p of all masked layers."""
        return math.prod(1 - rate for rate in (*self.vertex_rates, *self.edge_rates))

    def crossing(self) -> tuple[float, float]:
        """(θ, 1 - θ) of one mask, both accurate to their own size.

        Raises:
            ValueError: neighbouring layers with dropped edges are too wide.
        """
        # Behind a complete edge layer (rate 0) it no longer matters how many vertices were reached, only that one
        # was. Such layers split the network into parts that are cut independently.
        hazard, start = 0.0, 0
        for layer, edge_rate in enumerate([*self.edge_rates, 0.0]):
            if edge_rate == 0:
                part = slice(start, layer + 1)
                cut, cross = _part_crossing(self.widths[part], self.vertex_rates[part], self.edge_rates[start:layer])
                hazard += -math.log1p(-cut) if cut < 0.5 else -math.log(cross) if cross > 0 else math.inf
                start = layer + 1
        cut = -math.expm1(-hazard)
        return (1 - cut if cut < 0.5 else math.exp(-hazard)), cut

    def safe_width(self) -> int | None:
        """Smallest common width of all hidden layers with θ >= 0.99, all else as it is; None if none is found.

        A wider network contains every narrower one with the same input and output, whatever the rates: θ grows with the
        width, and bisection finds the smallest.
        """
        if len(self.widths) == 2 or 1.0 in (*self.vertex_rates, *self.edge_rates):
            return None
        high = 1
        while not self._reaches_target(high):
            high *= 2
            if high > self._widest:
                return None
        low = high // 2  # does not reach it, or is 0
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._reaches_target(middle) else (middle, high)
        return high

    def why_no_safe_width(self) -> str:
        """Reason for which `safe_width` is None."""
        if len(self.widths) == 2:
            return "there is no hidden layer to widen"
        if 1.0 in (*self.vertex_rates, *self.edge_rates):
            return f"no width reaches theta >= {TARGET:g}: p = 1 removes everything"
        return f"no width of hidden layers reaches theta >= {TARGET:g} up to {self._widest}, where the search ends"

    def _reaches_target(self, width: int) -> bool:
        widths = (self.widths[0], *[width] * (len(self.widths) - 2), self.widths[-1])
        return Chain(widths, self.vertex_rates, self.edge_rates).crossing()[0] >= TARGET

    @property
    def _widest(self) -> int:
        return WIDEST_BOND if any(self.edge_rates) else WIDEST_SITE


def _part_crossing(
    widths: Sequence[int], vertex_rates: Sequence[float], edge_rates: Sequence[float]
) -> tuple[float, float]:
    """Probabilities that no vertex and that some vertex of the last layer is reached, edges into the first complete.

    Args:
        widths: Of n layers.
        vertex_rates: Of n layers.
        edge_rates: Of the n - 1 edge layers between them, each above 0.
    """
    # From j reached vertices of a layer the rest is cut with probability cut[j - 1], and while log_power is not None
    # that is exp(j·log_power), which spares the tables.
    cut, cross = np.zeros(1), np.ones(1)
    log_power: float | None = -math.inf  # in the last layer: never cut if j > 0
    table: np.ndarray | None = None
    table_key: tuple[int, int, float, float] | None = None
    is_whole = vertex_rates[0] == 0  # all vertices of the first layer are there, and only that count is asked for
    for layer in reversed(range(1 if is_whole else 0, len(widths))):
        width, rate = widths[layer], vertex_rates[layer]
        width_before = widths[layer - 1] if layer else 1
        log_edge = math.log(edge_rates[layer - 1]) if layer else -math.inf
        rows = 1 if layer == 1 and is_whole else width_before
        _check_table(rows, 1 if log_power is not None else width, width_before, width)
        counts = np.arange(width_before - rows + 1, width_before + 1, dtype=float)
        missed = rate + (1 - rate) * np.exp(counts * log_edge)  # a vertex is not reached from that many
        reached = (1 - rate) * -np.expm1(counts * log_edge)
        if log_power is not None:
            cut, cross = _after_powers(missed, reached, width, log_power)
            log_power = width * log_edge if log_power == -math.inf and rate == 0 else None
            continue
        key = (rows, width, rate, log_edge)
        if table is None or table_key != key:
            table, table_key = _binomials(missed, reached, width), key
        cut, cross = table[:, 0] + table[:, 1:] @ cut, table[:, 1:] @ cross
    return float(cut[0]), float(cross[0])


def _check_table(rows: int, columns: int, width_before: int, width: int) -> None:
    if rows * columns > LARGEST_TABLE:
        raise ValueError(
            f"neighbouring layers of {width_before} and {width} vertices with dropped edges need {rows * columns:.3g} "
            f"transition probabilities, the limit is {LARGEST_TABLE:.3g}; a narrower network has a smaller theta: "
            f"hidden layers of at most {math.isqrt(LARGEST_TABLE)} vertices give a lower bound"
        )


def _after_powers(
    missed: np.ndarray, reached: np.ndarray, width: int, log_power: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of z^N and of 1 - z^N, N ~ Binomial(width, reached), log z = log_power: (missed + reached·z)^width."""
    gap = reached * -math.expm1(log_power)
    with np.errstate(divide="ignore"):
        log_mean = np.where(gap < 0.5, np.log1p(-np.minimum(gap, 0.5)), np.log(missed + reached * math.exp(log_power)))
    return np.exp(width * log_mean), -np.expm1(width * log_mean)


def _binomials(missed: np.ndarray, reached: np.ndarray, width: int) -> np.ndarray:
    """P(N = j), N ~ Binomial(width, reached), shape (len(reached), width + 1)."""
    j = np.arange(width + 1.0)
    ratios = j[:0:-1].astype(np.longdouble) / j[1:]  # C(n, j) / C(n, j - 1) = (n - j + 1) / j
    with np.errstate(divide="ignore"):
        log_missed, log_reached = (np.maximum(np.log(x), -1e300) for x in (missed, reached))  # 0 times it must be 0
    table = np.multiply.outer(log_reached, j)
    table += np.multiply.outer(log_missed, width - j)
    table += np.concatenate([[0.0], np.cumsum(np.log(ratios))]).astype(float)
    return np.exp(table, out=table)
