"""What a practitioner takes from arXiv 2512.13853: will masks cut this network, and what does that cost?

Only what the percolation theory says. A network that passes can still fail to train under dropout: without rescaling,
a signal shrinks by about sqrt(1 - p) per masked layer, which in deep networks bites long before paths run out (the
training collapse report).

**One chain for all masks (ours).** Layers are joined completely, so only the number of reached vertices counts: of W
vertices, removed with probability v, behind edges removed with probability p, each is reached from k vertices with
probability (1 - v)(1 - p^k), independently. Followed from the output back to the input, the probabilities to be cut and
to cross are sums of positive terms, both accurate to their own size. With p = 0 everywhere this is Theorem IV.1.
"""

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from dropatlas.collapse.chains import Rates, read_chain
from dropatlas.percolation.arguments import (
    check_choice,
    check_integer,
    check_positive,
    check_probability,
    layer_widths,
)

TARGET = 0.99  # crossing probability that counts as safe
BUDGET_FACTOR = 10.0  # Σα should exceed 1/θ by at least this to count as "much larger"
WIDEST_SITE = 2**40  # largest width the search for a safe one tries, without dropped edges
WIDEST_BOND = 2**11  # the same with dropped edges, whose chain costs W² a layer
LARGEST_TABLE = 25_000_000  # transition probabilities between two layers: 200 MB, about a second


class PercolationWarning(UserWarning):
    """A network's masks are likely to cut every path, or the numbers leave some of its masks or paths out."""


@dataclass(frozen=True)
class NetworkCheck:
    """What masks do to a network.

    Attributes:
        widths: [W_0, ..., W_{L+1}].
        vertex_rates: Removal probability of the vertices of every hidden layer, L of them.
        edge_rates: Removal probability of the edges of every edge layer, L + 1 of them.
        model: "site" (vertices are removed), "bond" (edges) or "mixed" (both).
        theta: Crossing probability θ of one mask; a lower bound if `theta_at_most` is given.
        cut_probability: 1 - θ, accurate also where θ rounds to 1.
        steps: Planned steps, None if not given.
        learning_rate: Planned constant rate, None if not given.
        useless_steps: Expected steps whose mask has no path, of `steps`; None if not given.
        safe_width: Smallest common width of all hidden layers with θ >= 0.99, input, output and rates as they are; None
            if there is none (`no_safe_width` says why).
        rate_sum: Σα of the plan, None if not given.
        needed_rate_sum: 1/θ, which Σα has to exceed by far (Theorem V.3).
        theta_at_most: Upper bound of θ where masks have no single rate; None if θ is exact.
        notes: What the numbers leave out, one sentence each.
    """

    widths: tuple[int, ...]
    vertex_rates: tuple[float, ...]
    edge_rates: tuple[float, ...]
    model: str
    theta: float
    cut_probability: float
    steps: int | None
    learning_rate: float | None
    useless_steps: float | None
    safe_width: int | None
    rate_sum: float | None
    needed_rate_sum: float
    theta_at_most: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def drop_rates(self) -> tuple[float, ...]:
        """`vertex_rates` (site), `edge_rates` (bond), or the former and then the latter (mixed)."""
        return {"site": self.vertex_rates, "bond": self.edge_rates}.get(
            self.model, (*self.vertex_rates, *self.edge_rates)
        )

    @property
    def no_safe_width(self) -> str | None:
        """Why there is no safe width; None if there is one."""
        if self.safe_width is not None:
            return None
        if len(self.widths) == 2:
            return "there is no hidden layer to widen"
        if 1.0 in self.drop_rates:
            return f"no width reaches theta >= {TARGET:g}: p = 1 removes everything"
        return f"no width reaches theta >= {TARGET:g} up to {_widest(self.edge_rates)}, where the search ends"

    @property
    def warnings(self) -> list[str]:
        """What is wrong, in plain words; empty if nothing is."""
        found = list(self.notes)
        if self.theta < TARGET:
            theta = f"{self.theta:.3g} only"
            if self.theta_at_most is not None:
                theta = (
                    f"between {self.theta:.3g} and {self.theta_at_most:.3g}, as rates or kernels allow no exact value"
                )
            remedy = self.no_safe_width or f"hidden layers of width {self.safe_width} would have one in 99 %"
            found.append(f"a mask has a path from input to output with probability {theta}; {remedy}")
        if self.rate_sum is not None and self.rate_sum < BUDGET_FACTOR * self.needed_rate_sum:
            found.append(
                f"the sum of learning rates is {self.rate_sum:.3g}, not much larger than 1/theta = "
                f"{self.needed_rate_sum:.3g}: weights may not leave their initialisation"
            )
        return found


def check_network(
    widths: Sequence[int],
    drop_rate: float,
    model: str = "site",
    steps: int | None = None,
    learning_rate: float | None = None,
) -> NetworkCheck:
    """Check a fully connected network against the percolation theory.

    Args:
        widths: [W_0, ..., W_{L+1}], input and output included, at least 2.
        drop_rate: Removal probability p in [0, 1].
        model: "site" (dropout after every hidden layer) or "bond" (dropconnect on every layer).
        steps: Planned training steps, in [1, 10^18].
        learning_rate: Planned constant learning rate, above 0; needs `steps`.

    Returns:
        The check; its `warnings` say what is wrong.

    Raises:
        ValueError: an argument out of range, or, in the bond model, layers too wide for the exact chain: the product of
            the widths of neighbouring hidden layers, the last pair excepted, is limited to 25 million (5,000 x 5,000).
            The message names the value and the way out.

    Source: arXiv 2512.13853, Theorems IV.1 and V.3; bond model: our exact chain.
    """
    check_choice(model, "model", ("site", "bond"))
    p, layers = check_probability(drop_rate, "drop_rate"), layer_widths(None, None, widths)
    depth = len(layers) - 2
    rates = ([p] * depth, [0.0] * (depth + 1)) if model == "site" else ([0.0] * depth, [p] * (depth + 1))
    return _checked(layers, *rates, model, steps, learning_rate)


def check_module(module: nn.Module, steps: int | None = None, learning_rate: float | None = None) -> NetworkCheck:
    """Check the masks of a feed-forward module, in the order in which its `forward` applies them.

    `forward` is traced once without data (`torch.fx`), so that layers used several times count each time and functional
    dropout counts too. What is read: Linear and Conv1d-3d; Dropout, Dropout1d-3d, AlphaDropout, FeatureAlphaDropout and
    their functional forms; the dropping layers of `dropatlas.layers`; activations, normalisation, pooling, flattening.
    Anything else, and anything but a chain, is an error: there are no numbers then.

    - Vertices are the units of a Linear and the channels of a convolution. Dropout of single units counts behind a
      Linear and where feature maps are flattened into one; `Dropout2d` and the like drop channels.
    - Rates are read as they act in training, also from a module in evaluation mode, where dropout does nothing.
    - Where edges have no single rate (Dynamic DropConnect) or drop as kernel entries, `theta` is a lower bound and
      `theta_at_most` an upper one.
    - Inputs have one row per sample: (batch, features) or (batch, channels, ...). A Linear on sequences acts on every
      position alike; the check is then that of one position.

    Args:
        module: The network; nothing in it is changed.
        steps: Planned training steps, in [1, 10^18].
        learning_rate: Planned constant learning rate, above 0; needs `steps`.

    Returns:
        The check, layers without dropout at rate 0. Its `notes` say which masks or paths are not counted.

    Raises:
        TypeError: module is no `nn.Module`.
        ValueError: the module cannot be traced or is no chain of layers this check reads (the message names the layer
            or operation), has fewer than two weight layers or too wide ones (see `check_network`), or the plan is out
            of range.

    Warns:
        PercolationWarning: each of the check's `warnings`.

    Source: arXiv 2512.13853, Theorems IV.1 and V.3; convolutions, dropped edges and mixtures ours.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"module must be a torch.nn.Module, got {type(module).__name__}; "
            "nn.Sequential(*layers) makes one from a list of layers"
        )
    chain = read_chain(module)
    vertex_rates, edge_rates = chain.worst_rates
    has_vertices, has_edges = any(vertex_rates), any(edge_rates)
    model = "mixed" if has_vertices and has_edges else "bond" if has_edges else "site"
    found = _checked(chain.widths, vertex_rates, edge_rates, model, steps, learning_rate, chain.best_rates, chain.notes)
    for text in found.warnings:
        warnings.warn(text, PercolationWarning, stacklevel=2)
    return found


def format_check(check: NetworkCheck) -> str:
    """The check as text for a terminal."""
    depth = len(check.widths) - 2
    masks = []
    if check.model != "bond":
        masks.append(f"hidden vertices (dropout), p = {_listed(check.vertex_rates)}")
    if check.model != "site":
        masks.append(f"edges (dropconnect), p = {_listed(check.edge_rates)}")
    exact = check.theta_at_most is None
    theta = f"{check.theta:.6g}" if exact else f"{check.theta:.6g} to {check.theta_at_most:.6g}"
    bound = "" if exact else "at most "
    lines = [
        f"network      {'-'.join(map(str, check.widths))}, {depth} hidden layer{'s' if depth != 1 else ''}",
        f"masks        remove {' and '.join(masks)}",
        f"theta        {theta}  (probability that a mask has a path)",
        f"1 - theta    {bound}{check.cut_probability:.6g}",
    ]
    if check.useless_steps is not None:
        lines.append(
            f"useless      {bound}{check.useless_steps:.4g} of {check.steps} steps are expected to have no path"
        )
    if check.no_safe_width:
        lines.append(f"safe width   none ({check.no_safe_width})")
    else:
        lines.append(f"safe width   {check.safe_width}  (smallest for all hidden layers alike: theta >= {TARGET:g})")
    plan = f"; planned {check.rate_sum:.4g}" if check.rate_sum is not None else ""
    lines.append(
        f"budget       sum of learning rates must be much larger than 1/theta = {check.needed_rate_sum:.4g}{plan}"
    )
    lines += [f"warning      {text}" for text in check.warnings] or [
        "verdict      paths are no problem for this network"
    ]
    return "\n".join(lines)


def _listed(rates: Iterable[float]) -> str:
    return ", ".join(f"{rate:g}" for rate in sorted(set(rates))) or "none"


def _checked(
    widths: Sequence[int],
    vertex_rates: Sequence[float],
    edge_rates: Sequence[float],
    model: str,
    steps: int | None,
    learning_rate: float | None,
    best_rates: Rates | None = None,
    notes: Iterable[str] = (),
) -> NetworkCheck:
    """The check at the given rates, and θ at the best ones where the truth lies between."""
    if steps is not None:
        steps = check_integer(steps, "steps", 1)
    if learning_rate is not None:
        learning_rate = check_positive(learning_rate, "learning_rate")
        if steps is None:
            raise ValueError(f"learning_rate needs steps: give both or steps alone, got {learning_rate=} without steps")
    theta, cut = _crossing(widths, vertex_rates, edge_rates)
    is_exact = best_rates is None or best_rates == (vertex_rates, edge_rates)
    return NetworkCheck(
        widths=tuple(widths),
        vertex_rates=tuple(vertex_rates),
        edge_rates=tuple(edge_rates),
        model=model,
        theta=theta,
        cut_probability=cut,
        steps=steps,
        learning_rate=learning_rate,
        useless_steps=None if steps is None else steps * cut,
        safe_width=_safe_width(widths, vertex_rates, edge_rates),
        rate_sum=None if steps is None or learning_rate is None else steps * learning_rate,
        needed_rate_sum=1 / theta if theta > 0 else math.inf,
        theta_at_most=None if best_rates is None or is_exact else _crossing(widths, *best_rates)[0],
        notes=tuple(notes),
    )


def _safe_width(widths: Sequence[int], vertex_rates: Sequence[float], edge_rates: Sequence[float]) -> int | None:
    """Smallest common width of the hidden layers that reaches the target; None if none up to the limit does.

    A wider network contains every narrower one with the same input and output, whatever the rates: θ grows with the
    width, and bisection finds the smallest.
    """

    def reaches(width: int) -> bool:
        layers = [widths[0], *[width] * len(vertex_rates), widths[-1]]
        return _crossing(layers, vertex_rates, edge_rates)[0] >= TARGET

    if not vertex_rates or 1.0 in (*vertex_rates, *edge_rates):
        return None
    high = 1
    while not reaches(high):
        high *= 2
        if high > _widest(edge_rates):
            return None
    low = high // 2  # does not reach it, or is 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high


def _widest(edge_rates: Iterable[float]) -> int:
    return WIDEST_BOND if any(edge_rates) else WIDEST_SITE


def _crossing(widths: Sequence[int], vertex_rates: Sequence[float], edge_rates: Sequence[float]) -> tuple[float, float]:
    """(θ, 1 - θ), both accurate to their own size.

    Behind a complete edge layer (rate 0) it no longer matters how many vertices were reached, only that one was. Such
    layers split the network into parts that are cut independently.
    """
    vertex_rates = [0.0, *vertex_rates, 0.0]
    hazard, start = 0.0, 0
    for layer, edge_rate in enumerate([*edge_rates, 0.0]):
        if edge_rate == 0:
            part = slice(start, layer + 1)
            cut, cross = _part_crossing(widths[part], vertex_rates[part], edge_rates[start:layer])
            hazard += -math.log1p(-cut) if cut < 0.5 else -math.log(cross) if cross > 0 else math.inf
            start = layer + 1
    cut = -math.expm1(-hazard)
    return (1 - cut if cut < 0.5 else math.exp(-hazard)), cut


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
