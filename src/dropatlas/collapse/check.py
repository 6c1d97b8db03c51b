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
import random
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import FunctionType

import numpy as np
import torch
from torch import fx, nn
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from dropatlas.layers import (
    DropByWeightLinear,
    DropConnectConv2d,
    DropConnectLinear,
    DropLayer,
    DropoutLinear,
    DynamicDropConnectConv2d,
    DynamicDropConnectLinear,
    StandoutLinear,
)
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
    chain = _read_chain(module)
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


# Numbers: crossing probability, safe width, plan.

Rates = tuple[Sequence[float], Sequence[float]]  # of hidden vertices and of edges, layer by layer


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
        rate_sum=None if learning_rate is None else steps * learning_rate,
        needed_rate_sum=1 / theta if theta > 0 else math.inf,
        theta_at_most=None if is_exact else _crossing(widths, *best_rates)[0],
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
    table, table_key = None, None
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
        if table_key != (key := (rows, width, rate, log_edge)):
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


# Reading modules.

_ELEMENTWISE = (  # each vertex for itself
    *(nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU),
    *(nn.Mish, nn.Softplus, nn.Softsign, nn.Tanh, nn.Tanhshrink, nn.Sigmoid, nn.LogSigmoid, nn.Hardtanh, nn.Hardswish),
    *(nn.Hardsigmoid, nn.Hardshrink, nn.Softshrink, nn.Threshold, nn.modules.batchnorm._BatchNorm),
)
_MIXING = (  # each vertex depends on others of its layer; without any, nothing passes
    *(nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.LocalResponseNorm, nn.CrossMapLRN2d, nn.Softmax, nn.Softmax2d),
    *(nn.Softmin, nn.LogSoftmax, nn.modules.instancenorm._InstanceNorm),
)
_POOLING = (
    *(nn.modules.pooling._MaxPoolNd, nn.modules.pooling._AvgPoolNd, nn.modules.pooling._LPPoolNd),
    *(nn.modules.pooling._AdaptiveMaxPoolNd, nn.modules.pooling._AdaptiveAvgPoolNd),
)
_UNIT_DROPOUT = (nn.Dropout, nn.AlphaDropout)
_CHANNEL_DROPOUT = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.FeatureAlphaDropout)
_HARMLESS_PARTS = (  # hooks and parametrizations that leave every edge in place
    *(WeightNorm, SpectralNorm),
    *(parametrizations._WeightNorm, parametrizations._SpectralNorm, parametrizations._Orthogonal),
)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The same as functions and methods; a trailing underscore (in place) is left out.
_ELEMENTWISE_NAMES = _names(
    "relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish softplus softsign tanh tanhshrink sigmoid "
    "logsigmoid hardtanh hardswish hardsigmoid hardshrink softshrink threshold batch_norm clamp clip abs exp sqrt "
    "square sin cos erf neg contiguous clone to float double half bfloat16 add iadd sub isub mul imul div truediv "
    "itruediv pow"
)
_MIXING_NAMES = _names(
    "layer_norm rms_norm group_norm instance_norm local_response_norm normalize softmax softmin log_softmax"
)
_WITH_PARAMETERS = _MIXING_NAMES | _names("batch_norm prelu")
_POOLING_NAMES = frozenset(
    f"{kind}_pool{size}d" for kind in ("max", "avg", "lp", "adaptive_max", "adaptive_avg") for size in (1, 2, 3)
)
_UNIT_DROPOUT_NAMES = _names("dropout alpha_dropout")
_CHANNEL_DROPOUT_NAMES = _names("dropout1d dropout2d dropout3d feature_dropout feature_alpha_dropout")
_RESHAPING_NAMES = _names("flatten view reshape squeeze unsqueeze permute transpose movedim swapaxes unflatten")
_SIZES = _names("size dim ndimension numel shape ndim device dtype")  # asked of a tensor, not computed


class _Chain:
    """The layers of vertices that a module amounts to, taken in one step after the other.

    Attributes:
        widths: Of the layers that are complete: [W_0, ..., W_{L+1}] in the end.
        vertex_rates: (worst, best) rate of the hidden layers that are complete.
        edge_rates: (worst, best) rate of the edge layers.
        notes: What is not counted.
    """

    def __init__(self) -> None:
        self.widths: list[int] = []
        self.vertex_rates: list[tuple[float, float]] = []
        self.edge_rates: list[tuple[float, float]] = []
        self.notes: list[str] = []
        self._has_masks = False
        self._is_partial = False  # a reached channel may lack positions, as kernel entries before it are dropped
        self._begin_layer("the input", 0, 0)

    def _begin_layer(self, place: str, width: int, dimensions: int) -> None:
        """The layer of vertices that follows `place`: channels of feature maps of that many dimensions, or units."""
        self._place, self._width, self._dimensions = place, width, dimensions
        self._is_flat = False
        self._unfollowed: str | None = None  # a change of shape this check does not follow
        self._mixing: str | None = None
        self._channel_rate = self._unit_rate = 0.0
        self._unit_places: list[str] = []

    @property
    def is_before_weights(self) -> bool:
        """Whether the signal still is the input."""
        return not self.edge_rates

    @property
    def worst_rates(self) -> Rates:
        """Largest rates the masks can have."""
        return [rate for rate, _ in self.vertex_rates], [rate for rate, _ in self.edge_rates]

    @property
    def best_rates(self) -> Rates:
        """Smallest rates the masks can have."""
        return [rate for _, rate in self.vertex_rates], [rate for _, rate in self.edge_rates]

    def connect(self, place: str, w_in: int, w_out: int, rates: tuple[float, float]) -> None:
        """A Linear; `rates` are the largest and the smallest drop rate of its edges."""
        positions = 1
        if not self.is_before_weights:
            if self._dimensions and not self._is_flat:
                raise _no_chain(f"{place} acts on one dimension of the feature maps of {self._place}")
            is_fitting = w_in % self._width == 0 if self._is_flat else w_in == self._width
            self._check_fit(place, w_in, is_fitting)
            positions = w_in // self._width
        self._end_layer(place, w_in, rates, positions)
        self._is_partial = False
        self._begin_layer(place, w_out, 0)

    def convolve(
        self,
        place: str,
        w_in: int,
        w_out: int,
        dimensions: int,
        rates: tuple[float, float],
        taps: int,
        is_anchored: bool,
    ) -> None:
        """A convolution of that many taps per pair of channels; `rates` are those of its kernel entries.

        `is_anchored`: one tap joins the first position to the first. Following these taps alone, masks of kernel
        entries are masks of edges between channels, which bounds θ from below. From above, two channels are joined
        if any tap is kept, at every position.
        """
        if not self.is_before_weights:
            if self._is_flat or self._dimensions != dimensions:
                raise _no_chain(f"{place} is no convolution of what {self._place} gives")
            self._check_fit(place, w_in, w_in == self._width)
            self._leave_units_out()
        is_partial = self._is_partial or rates[0] > 0
        if is_partial and not is_anchored:
            raise _not_read(place, "drops kernel entries, or follows a layer that does, and pads between its taps")
        self._end_layer(place, w_in, (rates[0], rates[1] ** taps))
        self._is_partial = is_partial
        self._begin_layer(place, w_out, dimensions)

    def _check_fit(self, place: str, w_in: int, is_fitting: bool) -> None:
        if self._unfollowed:
            raise _not_read(self._unfollowed, f"changes the shape before {place} in a way this check does not follow")
        if not is_fitting:
            raise _no_chain(f"{place} takes {w_in} features, {self._place} gives {self._width}")

    def _end_layer(self, place: str, w_in: int, rates: tuple[float, float], positions: int = 1) -> None:
        """Complete the layer of vertices before the weights at `place`, and add their edges."""
        if self.is_before_weights:
            self.widths.append(w_in)
            self.edge_rates.append(rates)
            return
        worst, best = rates
        width, channel, unit = self._width, self._channel_rate, self._unit_rate
        if self._mixing and sum(map(bool, (self.edge_rates[-1][0], channel or unit, worst))) > 1:
            self.notes.append(
                f"{self._mixing} mixes the vertices of a layer: its paths are not counted, can only raise theta"
            )
        if channel == 0 and not self._is_partial and (unit or worst):  # its single units are the vertices
            width *= positions
            self.vertex_rates.append((unit, unit))
            self.edge_rates.append(rates)
        else:  # the vertices are channels, cut off with all their positions
            if unit and worst and positions > 1:
                raise _not_read(place, "drops edges of channels that have lost single units")
            surely = 1 if self._is_partial else positions
            self.vertex_rates.append(tuple(channel + (1 - channel) * unit**count for count in (surely, positions)))
            self.edge_rates.append((worst**surely, best**positions))
        self.widths.append(width)

    def drop_units(self, place: str, rate: float) -> None:
        """Dropout of every unit, or of every position of every channel, for itself."""
        if self._counts(place, rate):
            self._unit_rate = 1 - (1 - self._unit_rate) * (1 - rate)
            self._unit_places.append(place)

    def drop_channels(self, place: str, rate: float, dimensions: int | None) -> None:
        """Dropout of whole channels."""
        if self._counts(place, rate):
            self._check_maps(place, dimensions)
            self._channel_rate = 1 - (1 - self._channel_rate) * (1 - rate)

    def _counts(self, place: str, rate: float) -> bool:
        if rate == 0:
            return False
        self._has_masks = True
        if self.is_before_weights:
            self.notes.append(f"{place} drops inputs, which the theory keeps: not counted, can only lower theta")
        return not self.is_before_weights

    def _check_maps(self, place: str, dimensions: int | None) -> None:
        if not self._dimensions or self._is_flat or dimensions not in (None, self._dimensions):
            kind = f"{self._dimensions}-dimensional feature maps" if self._dimensions and not self._is_flat else "units"
            raise _not_read(place, f"is not made for the {kind} it gets from {self._place}")

    def _leave_units_out(self) -> None:
        if self._unit_rate > 0:
            places = " and ".join(self._unit_places)
            self.notes.append(f"{places} drops single units of a convolution: not counted, can only lower theta")
            self._unit_rate, self._unit_places = 0.0, []

    def mix(self, place: str) -> None:
        """A normalisation over the vertices of a layer."""
        self._mixing = place

    def pool(self, place: str, dimensions: int | None) -> None:
        """Pooling of feature maps."""
        if not self.is_before_weights:
            self._check_maps(place, dimensions)
            self._leave_units_out()

    def average(self, place: str, dimensions: object) -> None:
        """Mean over all positions of feature maps, which leaves one unit for each channel."""
        if self.is_before_weights:
            return
        self._check_maps(place, None)
        given = dimensions if isinstance(dimensions, (tuple, list)) else [dimensions]
        rank = self._dimensions + 2
        if {each + rank if isinstance(each, int) and each < 0 else each for each in given} != set(range(2, rank)):
            raise _not_read(place, f"takes the mean over other dimensions than the positions ({dimensions})")
        self._leave_units_out()
        self._dimensions = 0

    def reshape(self, place: str, is_flattening: bool) -> None:
        """A change of shape: to one row of all units for each sample, or another one."""
        if self.is_before_weights:
            return
        if not is_flattening:
            self._unfollowed = place
        elif self._dimensions:
            self._is_flat = True

    def finish(self) -> None:
        """Complete the output layer.

        Raises:
            ValueError: there is no hidden layer.
        """
        if len(self.edge_rates) < 2:
            raise ValueError(
                f"module must have at least 2 weight layers (Linear or Conv) in its forward, got {len(self.edge_rates)}"
            )
        self.widths.append(self._width)
        if self._channel_rate or self._unit_rate:
            self.notes.append("dropout after the last weight layer drops outputs: not counted, can only lower theta")
        if not self._has_masks and not any(self.worst_rates[1]):
            self.notes.append("forward drops nothing: theta = 1 is that of a network without masks")


class _Tracer(fx.Tracer):
    """Takes the layers of torch and of this package as single steps and looks into everything else."""

    def is_leaf_module(self, layer: nn.Module, name: str) -> bool:
        if isinstance(layer, nn.Sequential) or "forward" in vars(layer):
            return False
        return type(layer).forward.__module__.startswith(("torch.nn.modules.", "dropatlas.layers."))


def _trace(module: nn.Module) -> fx.Graph:
    """What `forward` does in training mode, step by step; the module has the name "0".

    Raises:
        ValueError: torch.fx cannot follow it, or it decides something by random numbers that are not masks of a layer.
    """
    drawn_before = _random_states()
    # Tracing runs forward, which may store things in the module: whatever it has stored is taken back.
    before = [(part, part.training, dict(vars(part))) for part in module.modules()]
    try:
        for part, _, _ in before:
            part.training = True
        graph = _Tracer().trace(nn.Sequential(module))
    except Exception as error:  # whatever the user's forward raises when it is given no data
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"{type(module).__name__} cannot be traced without data, so there are no numbers "
            f"({type(error).__name__}: {reason}); give the widths to check_network"
        ) from error
    finally:
        for part, training, attributes in before:
            part.training = training
            vars(part).clear()
            vars(part).update(attributes)
    if _random_states() != drawn_before:
        raise _not_read(type(module).__name__, "draws random numbers in forward outside of layers")
    return graph


def _random_states() -> tuple:
    """Where the global random generators are: tracing runs no layer, so that only forward itself can move them."""
    _, words, position, *_ = np.random.get_state()
    return random.getstate(), torch.get_rng_state().numpy().tobytes(), words.tobytes(), position


def _read_chain(module: nn.Module) -> _Chain:
    """The chain of layers that a module is.

    Raises:
        ValueError: it is none, or has a layer or operation this check does not read.
    """
    graph = _trace(module)
    layers = dict(nn.Sequential(module).named_modules(remove_duplicate=False))
    chain = _Chain()
    signal: set[fx.Node] = set()  # steps whose result is the signal on its way from input to output
    sizes: set[fx.Node] = set()  # steps whose result is a size or a number made from sizes
    for node in graph.nodes:
        sources = [source for source in node.all_input_nodes if source in signal]
        others = [source for source in node.all_input_nodes if source not in signal and source not in sizes]
        if node.op == "output":
            if node.args[0] not in signal:
                raise _no_chain("forward returns something else than one tensor made from its input")
            break
        if _asks_size(node) or (_is_operator(node) and not sources and not others):
            sizes.add(node)
            continue
        if not sources and node.op != "placeholder":
            continue
        place = _place(node, layers)
        if len(sources) > 1:
            raise _no_chain(f"{place} joins {' and '.join(_place(source, layers) for source in sources)}")
        signal.add(node)
        users = [_place(user, layers) for user in node.users if not _asks_size(user)]
        if len(users) > 1:
            raise _no_chain(f"the network branches, {place} feeds {' and '.join(users)}")
        if node.op == "call_module":
            _read_layer(chain, layers[node.target], place)
        elif node.op != "placeholder":
            _read_operation(chain, node, place, len(others) > 0)
    chain.finish()
    return chain


def _place(node: fx.Node, layers: dict[str, nn.Module]) -> str:
    """A step as messages name it: "fc1 (Linear)", "dropout() in block.0 (Block)"."""
    if node.op in ("placeholder", "output"):
        return f"the {'input' if node.op == 'placeholder' else 'output'}"
    if node.op == "call_module":
        return _named(node.target, layers)
    owners = [path for path, _ in node.meta.get("nn_module_stack", {}).values()]
    return f"{_function(node)}() in {_named(owners[-1] if owners else '0', layers)}"


def _named(path: str, layers: dict[str, nn.Module]) -> str:
    name, kind = path.removeprefix("0").removeprefix("."), type(layers[path]).__name__
    return f"{name} ({kind})" if name else kind


def _function(node: fx.Node) -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", repr(node.target))


def _is_operator(node: fx.Node) -> bool:
    return node.op == "call_function" and getattr(node.target, "__module__", None) == "_operator"


def _asks_size(node: fx.Node) -> bool:
    """Whether a step asks for a tensor's size or type."""
    if node.op == "call_function" and node.target is getattr:
        return node.args[1] in _SIZES
    return node.op == "call_method" and node.target in _SIZES


def _no_chain(found: str) -> ValueError:
    return ValueError(
        f"{found}: not a chain of layers, so there are no numbers; give the widths of each chain in it to "
        "check_network (residual blocks: dropatlas.percolation.residual_crossing_probability)"
    )


def _not_read(place: str, why: str) -> ValueError:
    return ValueError(f"{place} {why}, so there are no numbers; leave it out or give the widths to check_network")


def _read_layer(chain: _Chain, layer: nn.Module, place: str) -> None:
    """Take one layer of torch or of this package into the chain."""
    if isinstance(layer, nn.modules.lazy.LazyModuleMixin):  # an ordinary layer after its first batch
        raise ValueError(f"{place} has no size before its first batch: run the module on one, then check it")
    if parts := _unknown_parts(layer):
        chain.notes.append(
            f"{place} has {', '.join(parts)}, which this check does not read: the numbers hold if it removes nothing"
        )
    if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        _read_weights(chain, layer, place)
    elif isinstance(layer, _UNIT_DROPOUT):
        chain.drop_units(place, layer.p)
    elif isinstance(layer, _CHANNEL_DROPOUT):
        chain.drop_channels(place, layer.p, _dimensions(_kinds(layer)))
    elif isinstance(layer, _MIXING):
        chain.mix(place)
    elif isinstance(layer, _POOLING):
        chain.pool(place, _dimensions(_kinds(layer)))
    elif isinstance(layer, nn.Flatten):
        chain.reshape(place, (layer.start_dim, layer.end_dim) == (1, -1))
    elif not isinstance(layer, _ELEMENTWISE):
        has_weights = any(True for _ in layer.parameters())
        if has_weights or not chain.is_before_weights:
            raise _not_read(place, f"{'has weights' if has_weights else 'is a layer'} this check does not read")


def _read_weights(chain: _Chain, layer: nn.Module, place: str) -> None:
    if layer.weight.numel() == 0:
        raise _not_read(place, "has no features")
    rates = _edge_rates(layer, place)
    if isinstance(layer, nn.Linear):
        chain.connect(place, layer.in_features, layer.out_features, rates)
    else:
        if layer.groups != 1:
            raise _not_read(place, f"joins channels in groups only (groups={layer.groups})")
        starts = layer._reversed_padding_repeated_twice[-2::-2]  # padding before the first position
        steps = list(zip(starts, layer.dilation, layer.kernel_size, strict=True))
        if any(start > dilation * (size - 1) for start, dilation, size in steps):
            raise _not_read(place, f"pads by more (padding={layer.padding}) than its kernel spans")
        is_anchored = all(start % dilation == 0 for start, dilation, _ in steps)
        dimensions, taps = len(layer.kernel_size), math.prod(layer.kernel_size)
        chain.convolve(place, layer.in_channels, layer.out_channels, dimensions, rates, taps, is_anchored)
    if isinstance(layer, DropoutLinear):
        chain.drop_units(place, layer.drop_rate)
    elif isinstance(layer, StandoutLinear):
        if layer.alpha != 0:
            raise _not_read(place, f"drops units with a probability that follows their input (alpha={layer.alpha})")
        chain.drop_units(place, 1 / (1 + math.exp(min(layer.beta, 700.0))))


def _edge_rates(layer: nn.Module, place: str) -> tuple[float, float]:
    """Largest and smallest drop rate of a layer's edges."""
    if isinstance(layer, (DropConnectLinear, DropConnectConv2d)):
        return layer.drop_rate, layer.drop_rate
    if isinstance(layer, (DynamicDropConnectLinear, DynamicDropConnectConv2d)):
        return layer.base_rate + layer.gradient_rate, layer.base_rate
    if isinstance(layer, DropByWeightLinear):
        return layer.base_rate + layer.weight_rate, layer.base_rate
    if isinstance(layer, DropLayer) and not isinstance(layer, (DropoutLinear, StandoutLinear)):
        raise _not_read(place, "drops edges in a way this check does not know")
    return 0.0, 0.0


def _unknown_parts(layer: nn.Module) -> list[str]:
    """Names of hooks and parametrizations that may change what a layer computes."""
    parts = [*layer._forward_pre_hooks.values(), *layer._forward_hooks.values()]
    if parametrize.is_parametrized(layer):
        parts += [part for steps in layer.parametrizations.values() for part in steps]
    return [getattr(part, "__name__", type(part).__name__) for part in parts if not isinstance(part, _HARMLESS_PARTS)]


def _kinds(layer: nn.Module) -> str:
    return " ".join(kind.__name__ for kind in type(layer).__mro__)


def _dimensions(name: str) -> int | None:
    """Dimensions of the feature maps that a layer or function is made for, from its name: 2 for `MaxPool2d`."""
    return next((dimensions for dimensions in (1, 2, 3) if f"{dimensions}d" in name), None)


def _read_operation(chain: _Chain, node: fx.Node, place: str, takes_tensors: bool) -> None:
    """Take one function or method into the chain; `takes_tensors`: others than the signal."""
    name = _function(node).removesuffix("_")
    if isinstance(node.target, FunctionType) and not node.target.__module__.startswith("torch."):
        name = ""  # of the user's own, whatever it is called
    if name in _UNIT_DROPOUT_NAMES | _CHANNEL_DROPOUT_NAMES:
        rate, acts = _argument(node, 1, ("p",)), _argument(node, 2, ("training", "train"))
        if not isinstance(rate, (int, float)) or not isinstance(acts, bool):
            raise _not_read(place, "has a rate that is no number while tracing")
        if acts and name in _UNIT_DROPOUT_NAMES:
            chain.drop_units(place, rate)
        elif acts:
            chain.drop_channels(place, rate, _dimensions(name))
    elif name in _RESHAPING_NAMES:
        chain.reshape(place, _is_flattening(node, name))
    elif name in _POOLING_NAMES:
        chain.pool(place, _dimensions(name))
    elif name == "mean":
        chain.average(place, _argument(node, 1, ("dim",)))
    elif name in _MIXING_NAMES:
        chain.mix(place)
    elif name in _ELEMENTWISE_NAMES and (not takes_tensors or name in _WITH_PARAMETERS or chain.is_before_weights):
        pass
    elif takes_tensors or not chain.is_before_weights:
        raise _not_read(place, f"{'takes tensors' if takes_tensors else 'is an operation'} this check does not read")


def _argument(node: fx.Node, position: int, names: Sequence[str], default: object = None) -> object:
    """An argument of a function or method, given by position or by one of its names."""
    given = [node.kwargs[name] for name in names if name in node.kwargs]
    return given[0] if given else node.args[position] if position < len(node.args) else default


def _is_flattening(node: fx.Node, name: str) -> bool:
    """Whether a change of shape leaves one row of all units for each sample."""
    if name == "flatten":
        return (_argument(node, 1, ("start_dim",), 0), _argument(node, 2, ("end_dim",), -1)) == (1, -1)
    if name not in ("view", "reshape"):
        return False
    sizes = node.args[1:] or tuple(node.kwargs.values())
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = sizes[0]
    # The first size is -1 or that of the signal before: x.size(0), x.shape[0].
    return len(sizes) == 2 and (sizes[0] == -1 or (isinstance(sizes[0], fx.Node) and sizes[0].args[-1:] == (0,)))
