"""Crossing probabilities of layered networks in closed form (site) and exactly (bond).

Vertex layers 0..L+1 with all edges between neighbours. In the *site* model every hidden vertex is removed with
probability p (dropout), in the *bond* model every edge (dropconnect). The crossing probability θ is the probability
that some output vertex can be reached from the input layer, the extinction probability is 1 - θ.

Every function works with the hazard H = -log θ, a sum of positive terms: θ = exp(-H) and 1 - θ = -expm1(-H) are then
both accurate to their own size, at extinction probabilities of 1e-300 as at crossing probabilities of 1e-300. Values
below the float range come out as 0.

**The exact bond chain (ours).** The number N_l of reachable vertices in layer l is a Markov chain: N_0 = W_0 and, given
N_l = k, N_{l+1} ~ Binomial(W_{l+1}, 1 - p^k), since a vertex stays unreached only if all its k edges from reachable
vertices are gone. θ = P(N_{L+1} > 0), at W_l W_{l+1} operations a layer, where the published recursion takes
O(L W^L). Conditioned on survival, the state of a rectangular network settles geometrically fast on the
quasi-stationary distribution; from there on every layer has the same hazard, so that a depth of 10^300 costs no more
than a depth of about 100. The state is kept as logarithms, since the rare small counts, through which extinction
happens, have probabilities far below the float range (p^(W²/4) and smaller).
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from .arguments import check_choice, check_integer, check_probability, layer_runs

_MAXIMUM_STEPS = 100_000
_SETTLED = 1e-14  # relative change per layer below which the state counts as quasi-stationary

_NOTHING_LEFT = 800.0  # hazard at which exp(-H) is 0 in floating point


def number_of_edges(width: int | None = None, depth: int | None = None, *, widths: Sequence[int] | None = None) -> int:
    """Edges (weights, without biases) of a layered network: the sum of W_l W_{l+1}, or (L + 1) W² of a rectangle.

    Args:
        width: Vertices per layer W, at least 1.
        depth: Hidden layers L, at least 0; an int of any size.
        widths: Instead of width and depth: [W_0, ..., W_{L+1}], the widths of all layers, input and output included.

    Raises:
        ValueError: an argument out of range, or not exactly one of (width, depth) and widths given.
    """
    return sum(w_in * w_out * layers for w_in, w_out, layers in layer_runs(width, depth, widths))


def site_crossing_probability(
    p: float, width: int | None = None, depth: int | None = None, *, widths: Sequence[int] | None = None
) -> float:
    """Probability that site percolation (dropout) crosses a layered network: the product of 1 - p^W over hidden layers.

    Args:
        p: Probability that a hidden vertex is removed, in [0, 1].
        width: Vertices per layer W, at least 1.
        depth: Hidden layers L, at least 0; an int of any size.
        widths: Instead of width and depth: [W_0, ..., W_{L+1}], the widths of all layers, input and output included.

    Returns:
        θ_site in [0, 1].

    Raises:
        ValueError: an argument out of range, or not exactly one of (width, depth) and widths given.

    Source: arXiv 2512.13853, Theorem IV.1.
    """
    return math.exp(-_site_hazard(p, width, depth, widths))


def site_extinction_probability(
    p: float, width: int | None = None, depth: int | None = None, *, widths: Sequence[int] | None = None
) -> float:
    """1 - θ_site, accurate to its own size also where θ_site rounds to 1 (arguments as `site_crossing_probability`)."""
    return -math.expm1(-_site_hazard(p, width, depth, widths))


def bond_crossing_bounds(
    p: float, width: int | None = None, depth: int | None = None, *, widths: Sequence[int] | None = None
) -> tuple[float, float]:
    """Lower and upper bound of the bond crossing probability.

    (1 - p^W)^(L+1) <= θ_bond <= (1 - p^(W²))^(L+1); with unequal widths the products of 1 - p^W_{l+1} and of
    1 - p^(W_l W_{l+1}) over the edge layers l = 0..L, by the same argument: from any layer that is reached at all,
    between 1 and W_l vertices are reachable.

    Args:
        p: Probability that an edge is removed, in [0, 1].
        width: Vertices per layer W, at least 1.
        depth: Hidden layers L, at least 0; an int of any size.
        widths: Instead of width and depth: [W_0, ..., W_{L+1}], the widths of all layers, input and output included.

    Returns:
        (lower, upper), each in [0, 1].

    Raises:
        ValueError: an argument out of range, or not exactly one of (width, depth) and widths given.

    Source: arXiv 2512.13853, Theorem IV.4; unequal widths ours.
    """
    p, runs = check_probability(p), layer_runs(width, depth, widths)
    lower = sum(_independent_hazard(p, w_out, count) for _, w_out, count in runs)
    upper = sum(_independent_hazard(p, w_in * w_out, count) for w_in, w_out, count in runs)
    return math.exp(-lower), math.exp(-upper)


def crossing_with_bounds(model: str, p: float, width: int, depth: int) -> tuple[float, float, float]:
    """Crossing probability θ of a plain network, and what is published about it: a lower and an upper bound.

    Args:
        model: "site", where θ itself is published, or "bond".
        p: Removal probability in [0, 1].
        width: Vertices per layer W.
        depth: Hidden layers L.
    """
    if check_choice(model, "model", ("site", "bond")) == "site":
        theta = site_crossing_probability(p, width, depth)
        return theta, theta, theta
    return bond_crossing_probability(p, width, depth), *bond_crossing_bounds(p, width, depth)


def bond_crossing_probability(
    p: float, width: int | None = None, depth: int | None = None, *, widths: Sequence[int] | None = None
) -> float:
    """Probability that bond percolation (dropconnect) crosses a layered network, exact up to rounding.

    Args:
        p: Probability that an edge is removed, in [0, 1].
        width: Vertices per layer W, at least 1; time and memory grow as W² (64 MB at W = 2,000).
        depth: Hidden layers L, at least 0; an int of any size.
        widths: Instead of width and depth: [W_0, ..., W_{L+1}], the widths of all layers, input and output included.

    Returns:
        θ_bond in [0, 1], relative error below 1e-10.

    Raises:
        ValueError: an argument out of range, or not exactly one of (width, depth) and widths given.
        ArithmeticError: the chain of a network deeper than 100,000 layers did not settle within so many.

    Source: ours (module text); arXiv 2512.13853 has the bounds (Theorem IV.4) and a recursion of cost O(L W^L).
    """
    return math.exp(-_bond_hazard(p, width, depth, widths))


def bond_extinction_probability(
    p: float, width: int | None = None, depth: int | None = None, *, widths: Sequence[int] | None = None
) -> float:
    """1 - θ_bond, relative error below 1e-10 at any size (arguments as `bond_crossing_probability`)."""
    return -math.expm1(-_bond_hazard(p, width, depth, widths))


def bond_decay_rate(p: float, width: int) -> float:
    """Decay rate per layer of the bond crossing probability of a deep rectangular network: θ ≈ c·exp(-rate·L).

    It is -log λ, λ the leading eigenvalue of the chain restricted to {1..W}. As λ = 1 - ε with ε the probability that
    the quasi-stationary state goes extinct in one layer, the rate is -log1p(-ε), accurate to its own size.

    Args:
        p: Probability that an edge is removed, in [0, 1].
        width: Vertices per layer W, at least 1.

    Returns:
        The rate per layer, in [0, inf]: 0 at p = 0, infinite at p = 1.

    Raises:
        ValueError: p outside [0, 1] or width < 1.
        ArithmeticError: the state did not settle within 100,000 layers.

    Source: ours.
    """
    p, width = check_probability(p), check_integer(width, "width", 1)
    if p in (0.0, 1.0):
        return 0.0 if p == 0.0 else math.inf
    log_transition = _log_transition(p, width, width)
    log_state = _full_layer(width)
    for _ in range(_MAXIMUM_STEPS):
        log_next = _advance(log_transition, log_state)
        if _has_settled(log_next, log_state):
            return math.exp(_log_layer_hazard(p, width, log_next))
        log_state = log_next
    raise ArithmeticError(f"the bond chain did not settle within {_MAXIMUM_STEPS} layers at p={p}, width={width}")


def _site_hazard(p: float, width: int | None, depth: int | None, widths: Sequence[int] | None) -> float:
    p, runs = check_probability(p), layer_runs(width, depth, widths)
    w_in, w_out, count = runs[-1]
    # Every edge layer but the last ends in a hidden layer.
    return sum(_independent_hazard(p, w, n) for _, w, n in [*runs[:-1], (w_in, w_out, count - 1)])


def _independent_hazard(p: float, removals: int, layers: int) -> float:
    """-log of the probability that in none of `layers` layers all of `removals` objects are removed."""
    if p == 0.0 or layers == 0:
        return 0.0
    if p == 1.0:
        return math.inf
    log_cut = removals * math.log(p)
    if log_cut > -0.7:  # p^removals near 1: 1 - p^removals must not be formed by subtraction
        return _repeat(math.log(-math.log(-math.expm1(log_cut))), layers)
    cut = p**removals
    if cut < 1e-290 or layers > 1e300:
        return _repeat(log_cut if cut < 1e-17 else math.log(-math.log1p(-cut)), layers)
    return -layers * math.log1p(-cut)


def _bond_hazard(p: float, width: int | None, depth: int | None, widths: Sequence[int] | None) -> float:
    """-log θ_bond: the hazards of the layers summed along the chain of reachable counts."""
    p, runs = check_probability(p), layer_runs(width, depth, widths)
    if p in (0.0, 1.0):
        return 0.0 if p == 0.0 else math.inf
    hazard = 0.0
    log_state = _full_layer(runs[0][0])
    for w_in, w_out, layers in runs:
        log_transition = _log_transition(p, w_in, w_out)
        for done in range(layers):
            if hazard > _NOTHING_LEFT:
                return hazard
            if done == _MAXIMUM_STEPS:
                raise ArithmeticError(f"the bond chain did not settle within {done} layers at p={p}, width={w_in}")
            log_next = _advance(log_transition, log_state)
            log_hazard = _log_layer_hazard(p, w_out, log_state)
            if w_in == w_out and _has_settled(log_next, log_state):
                hazard += _repeat(log_hazard, layers - done)
                break
            hazard += _repeat(log_hazard, 1)
            log_state = log_next
        log_state = log_next
    return hazard


def _full_layer(width: int) -> np.ndarray:
    """Log-probabilities of the counts 1..width in a layer that is reachable as a whole, shape (width,)."""
    log_state = np.full(width, -np.inf)
    log_state[-1] = 0.0
    return log_state


def _log_transition(p: float, w_in: int, w_out: int) -> np.ndarray:
    """Log of P(N_{l+1} = j | N_l = k) for 0 < p < 1, shape (w_out, w_in), row j - 1, column k - 1 (j, k >= 1)."""
    log_p = math.log(p)
    k = np.arange(1, w_in + 1, dtype=float)
    j = np.arange(1, w_out + 1, dtype=float)[:, None]
    return _log_binomials(w_out)[1:, None] + j * _log1mexp(k * log_p) + (w_out - j) * (k * log_p)


@lru_cache(maxsize=64)
def _log_binomials(n: int) -> np.ndarray:
    """Log of C(n, j), j = 0..n, shape (n + 1,).

    From exact integers: log-gamma differences lose digits that a deep chain would multiply.
    """
    logs, binomial = [0.0], 1
    for j in range(1, n + 1):
        binomial = binomial * (n - j + 1) // j
        logs.append(math.log(binomial))
    return np.array(logs)


def _advance(log_transition: np.ndarray, log_state: np.ndarray) -> np.ndarray:
    """State one layer on, given that this layer is reached: log-probabilities summing to 1, shape (w_out,).

    Normalising in every layer keeps rounding errors of the total from adding up over many layers.
    """
    terms = log_transition + log_state
    peaks = terms.max(axis=1)
    terms -= peaks[:, None]
    np.exp(terms, out=terms)
    log_next = peaks + np.log(terms.sum(axis=1))
    return log_next - _log_sum(log_next)


def _has_settled(log_next: np.ndarray, log_state: np.ndarray) -> bool:
    """Whether the state repeats itself up to rounding; a logarithm of size x carries an error of about x·2^-53."""
    return bool(np.all(np.abs(log_next - log_state) <= _SETTLED + 2e-15 * np.abs(log_next)))


def _log_layer_hazard(p: float, w_out: int, log_state: np.ndarray) -> float:
    """Log of the layer's hazard -log(1 - ε), ε the probability that no vertex of the next layer is reached."""
    log_cut = np.arange(1, len(log_state) + 1) * (w_out * math.log(p))
    log_extinction = _log_sum(log_state + log_cut)
    if log_extinction < -40:
        return log_extinction  # log1p(-ε) = -ε to rounding, and ε may be below the float range
    if log_extinction < -0.7:
        return math.log(-math.log1p(-math.exp(log_extinction)))
    return math.log(-_log_sum(log_state + _log1mexp(log_cut)))  # ε near 1: sum the survival instead


def _repeat(log_hazard: float, layers: int) -> float:
    """`layers` times exp(log_hazard), where either factor alone may be outside the float range."""
    log_total = log_hazard + math.log(layers)
    return math.exp(log_total) if log_total < 709 else math.inf


def _log_sum(logs: np.ndarray) -> float:
    """Log of Σ exp(logs)."""
    peak = logs.max()
    return float(peak + np.log(np.exp(logs - peak).sum()))


def _log1mexp(x: np.ndarray) -> np.ndarray:
    """log(1 - exp(x)) for x < 0, accurate near both ends."""
    near_zero = x > -0.7
    return np.where(
        near_zero, np.log(-np.expm1(np.where(near_zero, x, -1.0))), np.log1p(-np.exp(np.where(near_zero, -1.0, x)))
    )
