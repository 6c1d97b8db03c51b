"""The width a network of depth n needs: thresholds along the law W(n) = floor((C log n)^τ), L = n.

Site model (arXiv 2512.13853, Theorem IV.2): θ -> 1 for τ > 1, θ -> 0 for τ < 1, and at τ = 1 the critical removal
probability is p_c = exp(-1/C). For the bond model the paper's bounds leave τ in (1/2, 1) open (its open question 1).

**Theorem (ours).** In the bond model the critical exponent is τ_c = 1/2: for every p in (0, 1), θ -> 1 if τ > 1/2 and
θ -> 0 if τ < 1/2; at τ = 1/2, where W² = C log n, the critical removal probability is p_c = exp(-1/C).

*Proof.* Fix δ in (0, 1) and let r = W p^(δW). Suppose the reachable set dies out, and let s be the last layer with at
least (1-δ)W reachable vertices (layer 0 is one), k_0, k_1, ..., k_{m-1} the counts from layer s on and k_m = 0; so
k_0 >= (1-δ)W and 1 <= k_i < (1-δ)W for 0 < i < m. One step has

    P(k_{i+1} | k_i) = C(W, k_{i+1}) (1 - p^{k_i})^{k_{i+1}} p^{k_i (W - k_{i+1})}
                    <= C(W, k_{i+1}) p^{k_i (W - k_{i+1})}

and the exponents of p along the excursion rearrange, since k_m = 0, to

    Σ_{i=0}^{m-1} k_i (W - k_{i+1}) = k_0 W + Σ_{i=1}^{m-1} k_i (W - k_{i-1}).

Take the sum over all excursions. The first term gives p^{k_0 W} <= p^{(1-δ)W²}. The factor of k_1 is at most
C(W, k_1), with sum at most 2^W - 1. For i >= 2, W - k_{i-1} > δW, so the factor of k_i is at most
(W p^{δW})^{k_i} = r^{k_i}, and its sum over k_i >= 1 at most ρ = r/(1-r), which is below 1 if r < 1/2. Summed over
m >= 1, from any layer s and any k_0,

    P(excursion) <= p^{(1-δ)W²} (1 + (2^W - 1)(1 + ρ + ρ² + ...)) = p^{(1-δ)W²} (1 + (2^W - 1)(1-r)/(1-2r)),

and, as s is one of the layers 0..L,

    1 - θ <= (L+1) p^{(1-δ)W²} (1 + (2^W - 1)(1-r)/(1-2r)) <= (L+1) (3/2) 2^W p^{(1-δ)W²}  (the last for r <= 1/4).

Let L = n -> ∞; then W -> ∞ and r -> 0. If τ > 1/2, W² / log n -> ∞ and the bound tends to 0 for every p < 1. If
τ = 1/2, W = O(sqrt(log n)), so 2^W is n^{o(1)} and the bound is n^{1 - (1-δ) C log(1/p) + o(1)}: it tends to 0 for
every p < exp(-1/C), as δ can be taken small enough. Conversely θ <= (1 - p^{W²})^{n+1} <= exp(-(n+1) p^{W²})
(Theorem IV.4), where p^{W²} is at least n^{-C log(1/p)} if τ = 1/2 and n^{-o(1)} if τ < 1/2: θ -> 0 for every
p > exp(-1/C) and for every p > 0. ∎

Functions take log n instead of n, since nothing of size n is ever held. At τ = 1/2 the bond threshold converges slowly:
2^W·p^(W²) ≈ log(2)/n puts it near exp(-1/C - log(2)/W).
"""

import math
from collections.abc import Callable

from .arguments import check_choice, check_inner_probability, check_integer, check_positive, check_probability
from .theory import (
    bond_crossing_bounds,
    bond_crossing_probability,
    bond_decay_rate,
    bond_extinction_probability,
    site_crossing_probability,
    site_extinction_probability,
)

MODELS = ("site", "bond")
CURVES = ("site", "bond", "bond_lower", "bond_upper")  # the two models and the bounds of Theorem IV.4
MODEL_CURVES = {
    "site": {"exact": "site"},
    "bond": {"exact": "bond", "lower bound": "bond_lower", "upper bound": "bond_upper"},
}
"""Curves of each model, by what they are."""
LARGEST_LOG_N = 700.0  # n itself must be a float to become an integer depth
WIDEST = {"site": 2**53, "bond": 2048}  # the bond chain needs memory of size W²


def width_at(log_n: float, constant: float, exponent: float) -> int:
    """Width floor((C log n)^τ) of the scaling law at depth n.

    A value within rounding of an integer counts as that integer: `width_at(log_n_of_width(W, C, τ), C, τ)` is W.

    Args:
        log_n: Natural logarithm of the depth n, above 0.
        constant: C, above 0.
        exponent: τ, above 0.

    Returns:
        W(n), at least 1.

    Raises:
        ValueError: an argument out of range, or the width is 0 at this n.

    Source: arXiv 2512.13853, Theorem IV.2.
    """
    real_width = _real_width(log_n, constant, exponent)
    nearest = round(real_width)
    width = nearest if math.isclose(real_width, nearest, rel_tol=1e-12) else math.floor(real_width)
    if width < 1:
        least = log_n_of_width(1, constant, exponent)
        raise ValueError(f"log_n must be >= {least:.6g} for a width of at least 1, got {log_n!r}")
    return width


def log_n_of_width(width: int, constant: float, exponent: float) -> float:
    """Logarithm of the depth n at which (C log n)^τ reaches `width` exactly: width^(1/τ) / C.

    On a grid of such n the floor of the law leaves no steps.

    Args:
        width: W, at least 1.
        constant: C, above 0.
        exponent: τ, above 0.

    Returns:
        log n, above 0.

    Raises:
        ValueError: an argument out of range.
    """
    width = check_integer(width, "width", 1)
    return width ** (1 / check_positive(exponent, "exponent")) / check_positive(constant, "constant")


def critical_probability(model: str, constant: float, exponent: float) -> float:
    """Removal probability at which θ jumps from 1 (below) to 0 (above) as n -> ∞ along W = floor((C log n)^τ), L = n.

    Args:
        model: "site" or "bond".
        constant: C, above 0.
        exponent: τ, above 0.

    Returns:
        p_c: 1 above the model's critical exponent (τ_c = 1 for sites, 1/2 for bonds), 0 below it, exp(-1/C) at it.

    Raises:
        ValueError: an argument out of range.

    Source: arXiv 2512.13853, Theorem IV.2 (site); ours (bond, proof in the module text).
    """
    critical_exponent = {"site": 1.0, "bond": 0.5}[check_choice(model, "model", MODELS)]
    constant, exponent = check_positive(constant, "constant"), check_positive(exponent, "exponent")
    if exponent == critical_exponent:
        return math.exp(-1 / constant)
    return 1.0 if exponent > critical_exponent else 0.0


def crossing_probability_at(curve: str, p: float, log_n: float, constant: float, exponent: float) -> float:
    """Crossing probability of the network of depth n on the law W = floor((C log n)^τ).

    Args:
        curve: "site", "bond" (both exact), "bond_lower" or "bond_upper" (the bounds of Theorem IV.4).
        p: Removal probability in [0, 1].
        log_n: Natural logarithm of the depth, in (0, 700]; the depth is the integer nearest to n.
        constant: C, above 0.
        exponent: τ, above 0.

    Returns:
        θ (or its bound) in [0, 1].

    Raises:
        ValueError: an argument out of range, or the width is 0 at this n.
    """
    return _curve(curve)(check_probability(p), width_at(log_n, constant, exponent), _depth(log_n))


def half_crossing_probability(
    curve: str, log_n: float, constant: float, exponent: float, *, continuous: bool = False
) -> float:
    """Removal probability at which θ = 1/2 at depth n on the law W = floor((C log n)^τ): the finite-n threshold.

    Args:
        curve: "site", "bond" (both exact), "bond_lower" or "bond_upper" (the bounds of Theorem IV.4).
        log_n: Natural logarithm of the depth, above 0; for "bond" at most 700.
        constant: C, above 0.
        exponent: τ, above 0.
        continuous: Take the real number (C log n)^τ as the width, without the floor and its steps; not for "bond",
            whose chain needs whole vertices (choose n by `log_n_of_width` instead).

    Returns:
        The threshold in (0, 1); the bond model's to about 1e-12.

    Raises:
        ValueError: an argument out of range, the width is 0 at this n, or continuous with curve "bond".
    """
    width = _real_width(log_n, constant, exponent) if continuous else width_at(log_n, constant, exponent)
    return removal_probability(curve, 0.5, width, log_n)


def removal_probability(curve: str, target: float, width: float, log_n: float) -> float:
    """Removal probability at which the crossing probability of a network of width W and depth n is the target.

    For sites and for the bounds it is (1 - target^(1/m))^(1/v), with m the independent layers (n for sites, n + 1 edge
    layers for bonds) and v = W or W² the removals that cut one. For the bond model it is solved on the exact chain,
    whose log(-log θ) is nearly a straight line over log p.

    Args:
        curve: "site", "bond" (both exact), "bond_lower" or "bond_upper" (the bounds of Theorem IV.4).
        target: θ, in (0, 1).
        width: W, above 0; for "bond" whole.
        log_n: Natural logarithm of the depth, at least 0; for "bond" at most 700.

    Returns:
        p in (0, 1); the bond model's to about 1e-12.

    Raises:
        ValueError: an argument out of range.
    """
    check_choice(curve, "curve", CURVES)
    target, width = check_inner_probability(target, "target"), check_positive(width, "width")
    if curve == "bond" and width != int(width):
        raise ValueError(f"width must be whole for curve 'bond', got {width!r} (choose log_n by log_n_of_width)")
    if curve != "bond" and log_n > LARGEST_LOG_N:
        log_cut = math.log(-math.log(target)) - log_n  # 1 - target^(1/n) = -log(target)/n to rounding
    else:
        layers = _depth(log_n) + (curve != "site")
        log_cut = math.log(-math.expm1(math.log(target) / layers))  # log of the probability of one layer's cut
    if curve != "bond":
        return math.exp(log_cut / (width**2 if curve == "bond_upper" else width))
    # θ of the two bounds encloses that of the chain
    return math.exp(_bond_root(target, int(width), _depth(log_n), log_cut / width, log_cut / width**2))


def _bond_root(target: float, width: int, depth: int, low: float, high: float) -> float:
    """The log p in [low, high] at which θ_bond is the target: the Illinois method on log(-log θ)."""

    def excess(log_p: float) -> float:
        extinction = bond_extinction_probability(math.exp(log_p), width, depth)
        hazard = -math.log1p(-extinction) if extinction < 1 else math.inf
        return (
            math.log(hazard) - math.log(-math.log(target)) if 0 < hazard < math.inf else math.copysign(800, hazard - 1)
        )

    below, above, side = excess(low), excess(high), 0
    while high - low > 1e-13 * abs(low) and below < 0 < above:
        middle = min(max((low * above - high * below) / (above - below), low), high)
        found = excess(middle)
        if abs(found) < 1e-13 or middle in (low, high):
            return middle
        if found > 0:
            high, above, below, side = middle, found, below / 2 if side == 1 else below, 1
        else:
            low, below, above, side = middle, found, above / 2 if side == -1 else above, -1
    return low if abs(below) < abs(above) else high


def deep_site_crossing(p: float, width: float, log_n: float) -> float:
    """Crossing probability θ = (1 - p^W)^n of dropout at a depth n of any size, width and depth real numbers.

    Args:
        p: Removal probability in (0, 1).
        width: W, above 0.
        log_n: Natural logarithm of the depth.

    Raises:
        ValueError: an argument out of range.
    """
    log_cut = check_positive(width, "width") * math.log(check_inner_probability(p, "p"))
    log_hazard = log_n + (math.log(-math.log1p(-math.exp(log_cut))) if log_cut > -36 else log_cut)
    return math.exp(-math.exp(min(log_hazard, 700.0)))


def required_width(model: str, p: float, depth: int, target: float = 0.99) -> int:
    """Smallest width whose network of depth L is crossed with at least the target probability.

    Args:
        model: "site" or "bond".
        p: Removal probability in [0, 1].
        depth: Hidden layers L, at least 0.
        target: Required θ, in (0, 1).

    Returns:
        W >= 1.

    Raises:
        ValueError: an argument out of range, or no width up to the limit (2^53 for sites, 2,048 for bonds) suffices,
            as at p = 1.

    Source: inverts Theorem IV.1 of arXiv 2512.13853 (site) and the exact chain (bond, ours).
    """
    check_choice(model, "model", MODELS)
    p, depth = check_probability(p), check_integer(depth, "depth", 0)
    target = check_inner_probability(target, "target")
    # The closed-form upper bound excludes narrow networks without running their chains.
    least = 1 if model == "site" else _smallest_width("bond_upper", p, depth, target, 1, WIDEST[model])
    return _smallest_width(model, p, depth, target, least, WIDEST[model])


def critical_depth(model: str, p: float, width: int, target: float = 0.5) -> int:
    """Smallest depth at which the crossing probability has fallen to the target.

    Args:
        model: "site" or "bond".
        p: Removal probability in (0, 1]; at p = 0 a network is crossed at every depth.
        width: Vertices per layer W, at least 1.
        target: θ to fall to, in (0, 1).

    Returns:
        L >= 0. Above 2^40 only the leading 12 digits are meaningful, as neighbouring depths have equal θ to rounding.

    Raises:
        ValueError: an argument out of range, or the depth exceeds 10^300.

    Source: inverts Theorem IV.1 of arXiv 2512.13853 (site) and the exact chain (bond, ours).
    """
    crossing = _curve(check_choice(model, "model", MODELS))
    p, width = check_probability(p), check_integer(width, "width", 1)
    target = check_inner_probability(target, "target")
    if crossing(p, width, 0) <= target:
        return 0
    if crossing(p, width, 10**300) > target:
        raise ValueError(f"the {model} model at {p=}, {width=} stays above {target=} up to depth 1e300")
    # A first guess: high for sites, as -log(1 - x) > x, and low for bonds, whose first layers are cut less often.
    rate = bond_decay_rate(p, width) if model == "bond" else site_extinction_probability(p, width, 1)
    low, high = 0, max(1, int(min(-math.log(target) / max(rate, 1e-300), 1e300)))
    while crossing(p, width, high) > target:
        low, high = high, 2 * high
    while high - low > max(1, low >> 45):
        middle = (low + high) // 2
        if crossing(p, width, middle) > target:
            low = middle
        else:
            high = middle
    return high


def bond_extinction_upper_bound(p: float, width: int, depth: int, delta: float) -> float:
    """Upper bound of 1 - θ_bond that closes the gap of Theorem IV.4: (L+1) p^((1-δ)W²) (1 + (2^W - 1)(1-r)/(1-2r)).

    Here r = W p^(δW); where r >= 1/2 the argument says nothing and the bound is 1.

    Args:
        p: Probability that an edge is removed, in [0, 1].
        width: Vertices per layer W, at least 1.
        depth: Hidden layers L, at least 0.
        delta: δ in (0, 1); a layer counts as large with at least (1-δ)W reachable vertices.

    Returns:
        A bound of 1 - θ_bond(p, W, L) in [0, 1].

    Raises:
        ValueError: an argument out of range.

    Source: ours; proof in the module text.
    """
    p, width, depth = check_probability(p), check_integer(width, "width", 1), check_integer(depth, "depth", 0)
    delta = check_inner_probability(delta, "delta")
    if p == 0.0:
        return 0.0
    r = width * p ** (delta * width)
    if r >= 0.5:
        return 1.0
    # 1 + (2^W - 1) c = exp(W log 2)·(c + (1 - c) 2^-W)
    c = (1 - r) / (1 - 2 * r)
    log_paths = width * math.log(2) + math.log(c + (1 - c) * 0.5**width)
    log_bound = math.log(depth + 1) + (1 - delta) * width**2 * math.log(p) + log_paths
    return math.exp(min(0.0, log_bound))


def _curve(curve: str) -> Callable[[float, int, int], float]:
    return {
        "site": site_crossing_probability,
        "bond": bond_crossing_probability,
        "bond_lower": lambda p, width, depth: bond_crossing_bounds(p, width, depth)[0],
        "bond_upper": lambda p, width, depth: bond_crossing_bounds(p, width, depth)[1],
    }[check_choice(curve, "curve", CURVES)]


def _smallest_width(curve: str, p: float, depth: int, target: float, least: int, most: int) -> int:
    """Smallest width in [least, most] whose crossing probability, increasing in the width, reaches the target."""
    crossing = _curve(curve)
    low, high = least - 1, least  # low is too narrow
    while crossing(p, high, depth) < target:
        if high == most:
            raise ValueError(f"no width up to {most} reaches {target=} at {p=}, {depth=}")
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        if crossing(p, middle, depth) >= target:
            high = middle
        else:
            low = middle
    return high


def _real_width(log_n: float, constant: float, exponent: float) -> float:
    log_n = check_positive(log_n, "log_n")
    return (check_positive(constant, "constant") * log_n) ** check_positive(exponent, "exponent")


def _depth(log_n: float) -> int:
    if log_n > LARGEST_LOG_N:
        raise ValueError(f"log_n must be in (0, {LARGEST_LOG_N:g}], got {log_n!r}")
    return round(math.exp(log_n))
