"""Minimum cuts of the bond model: how many there are, and what they say of θ where extinction is rare (ours).

**Theorem 1.** A rectangular network with L hidden layers of width W >= 1 has exactly (2^W - 1) L + 1 minimum cuts
(sets of edges whose removal leaves no path, of the smallest size), all of W² edges. Hence 1 - θ = ((2^W - 1) L + 1)
p^(W²) (1 + O(p)) as p -> 0.

*Proof.* Remove a cut and let k_l be the number of reachable vertices of layer l: k_0 = W, k_{L+1} = 0. All edges from
a reachable vertex to an unreachable one of the next layer are in the cut, Σ_{l=0}^{L} k_l (W - k_{l+1}) of them.
Since k_l (W - k_{l+1}) - k_{l+1} (W - k_l) = W (k_l - k_{l+1}), which telescopes to W², this is

    W² + Σ_{l=0}^{L} k_{l+1} (W - k_l) >= W²,

with equality iff every layer after one that is not full is empty. So in a minimum cut the layers are full up to some
layer, one hidden layer holds any proper subset S of its vertices (2^W - 1 of them, the empty one included, in L
layers) or none does (1 way: only the output layer is empty), and all is empty behind it. Two neighbouring layers that
are both partial cost at least one edge more. Each of these is one cut, as the edges into the vertices outside S and
out of those in S are W², and removing them leaves exactly the vertices of S reachable. 1 - θ is a sum over the cuts;
those of more than W² edges are O(p^(W²+1)). ∎

**Theorem 2.** Let p in (0, 1) be fixed, W -> ∞ and L such that x = L 2^W p^(W²) converges in [0, ∞]. Then θ ->
e^(-x), and the number of open minimum cuts (all of whose edges are removed) tends in law to a Poisson number of mean
x if x < ∞.

*Proof, θ from above.* Given that layer l >= 1 is reached, its count N is a binomial number conditioned on N > 0,
whatever the layer before; such numbers increase (in likelihood ratio) with the layer before, and p^(W N) decreases in
N, so that the next layer is missed with at least the probability that follows a full layer,

    h = p^(W²) ((2 - p^W)^W - 1) / (1 - p^(W²)),  θ <= (1 - p^(W²)) (1 - h)^L  at every p, W, L  (`minimum_cut_bound`),

and h / (2^W p^(W²)) -> 1.

*From below.* Let s be the last full layer (layer 0 is one) before extinction, 1 <= k_1, ..., k_{m-1} < W the counts
after it and k_m = 0. With k_0 = W the exponents of p along the way add up, as above, to W² + Σ_{i>=2} k_i (W -
k_{i-1}), so a full layer starts such an excursion with a probability of at most

    ρ = p^(W²) (1 + Σ_j C(W, j) + Σ_{r>=1} u A^r 1),  u_j = C(W, j),  A_jk = C(W, k) p^(k (W - j)),  1 <= j, k < W.

Let g(j) = (1 + p^(W-j))^W - 1 >= (A 1)(j). Then A g <= ε g with ε -> 0: write t = W - j and y = p^t; the bracket in
(A g)(j) = Σ_k C(W, k) p^(kt) ((1 + p^(W-k))^W - 1) is at most e W p^(W-k) if W p^(W-k) <= 1, and there Σ_k C(W, k)
p^(k(t-1)) p^W is at most (p + y)^W, which g(j) exceeds by a factor exponential in W if W y >= 1, since (p + y)/(1 +
y) <= 2p/(1 + p) < 1; if W y < 1 then (A g)(j) = O(W² p^(W-1) y), against g(j) >= W y. For the other k, fewer than log
W / log(1/p) + 1 values near W, the bracket is at most (1 + p)^W, and e^(O(log² W)) (y (1 + p))^W y^(-O(log W)) is as
small against g(j): (y (1 + p) / (1 + y))^W <= p^W if W y >= 1, and y^(W-1) 2^W < W^(1-W) 2^W otherwise. So the last
sum of ρ is at most u g / (1 - ε), and u g = Σ_j C(W, j) ((1 + p^(W-j))^W - 1) = e^(O(log² W)) (1 + p)^W = o(2^W).
Hence ρ <= 2^W p^(W²) (1 + o(1)). At most L + 1 layers are full, each starting a fatal excursion with probability ρ at
most: θ >= (1 - ρ)^(L+1). ∎ for θ.

*Poisson.* Two minimum cuts whose layers differ by at least 2 share no edge. Two in the same layer are both open with
probability p^(W² + W d), d the number of vertices in one of S and S' alone; in neighbouring layers with probability
p^(2W² - s (W - s')). The sums b1 (of products of probabilities) and b2 (of joint probabilities) over neighbouring
pairs tend to 0 in the window: b1 <= 3 x 2^W p^(W²) + o(1); same layer x ((1 + p^W)^W - 1); neighbouring layers, with
t = W - s >= 1, 2 L p^(W²) Σ C(W, t) C(W, s') p^(W t + s s') = 2 L p^(W²) Σ_t C(W, t) p^(W t) (1 + p^s)^W = o(1) x. By
Chen and Stein's method (Arratia, Goldstein and Gordon, 1989, Theorem 1) the total variation distance to the Poisson
law is at most (b1 + b2)(1 - e^(-λ))/λ, λ being the mean (`poisson_distance_bound`). ∎

**At the critical point.** Along W = floor((C log n)^(1/2)), L = n, p = e^(-1/C) one has p^(W²) >= 1/n, so x >= 2^W ->
∞: θ -> 0. In the site model at τ = 1 there is no limit: θ = (1 - e^(-W/C))^n, where n e^(-W/C) = e^((C log n - W)/C)
runs through [1, e^(1/C)) between two whole values of C log n, so θ comes back to e^(-1) (there) and to exp(-e^(1/C))
(just below) again and again.

How fast: the corrections of Theorem 2 are of the order ((1 + p)/2)^W times powers of W^(log W): slow for large p. The
chain N_{l+1} ~ Binomial(W, 1 - p^(N_l)) is the Reed-Frost chain of epidemics (Abbey, 1952; von Bahr and Martin-Löf,
1980).
"""

import math
from fractions import Fraction

import numpy as np

from ..randomness import generator
from .arguments import check_inner_probability, check_integer, check_positive
from .sampling import batches, draw_bits, reachable

MOST_EDGES = 20
"""Of a network all of whose edge sets are enumerated."""


def number_of_minimum_cuts(width: int, depth: int) -> int:
    """Minimum cuts of a rectangular network under bond percolation: (2^W - 1) L + 1, each of W² edges.

    Args:
        width: Vertices per layer W, at least 1.
        depth: Hidden layers L, at least 0.

    Raises:
        ValueError: an argument out of range.

    Source: ours; Theorem 1 of the module text.
    """
    return (2 ** check_integer(width, "width", 1) - 1) * check_integer(depth, "depth", 0) + 1


def minimum_cut_extinction(p: float, width: int, depth: int) -> float:
    """What 1 - θ_bond comes to as p -> 0: the number of minimum cuts times p^(W²), the mean number of open ones.

    Args:
        p: Probability that an edge is removed, in (0, 1).
        width: Vertices per layer W, at least 1.
        depth: Hidden layers L, at least 0, an int of any size.

    Returns:
        λ, infinite beyond the float range.

    Raises:
        ValueError: an argument out of range.

    Source: ours; Theorem 1 of the module text.
    """
    return _exp(math.log(number_of_minimum_cuts(width, depth)) + width**2 * _log(p))


def window_parameter(p: float, width: int, depth: int) -> float:
    """The x = L 2^W p^(W²): where it stays fixed as W grows, θ_bond -> e^(-x) (arguments as `minimum_cut_extinction`).

    Source: ours; Theorem 2 of the module text.
    """
    width, depth = check_integer(width, "width", 1), check_integer(depth, "depth", 0)
    return _exp(math.log(depth) + width * math.log(2) + width**2 * _log(p)) if depth else 0.0


def depth_in_window(p: float, width: int, x: float) -> int:
    """Depth L at which L 2^W p^(W²) comes nearest to x; at least 1, an int of any size.

    Args:
        p: Probability that an edge is removed, in (0, 1).
        width: Vertices per layer W, at least 1.
        x: The window's parameter, above 0.

    Raises:
        ValueError: an argument out of range.
    """
    p, width, x = check_inner_probability(p, "p"), check_integer(width, "width", 1), check_positive(x, "x")
    return max(1, round(Fraction(x) / (2**width * Fraction(p) ** width**2)))


def minimum_cut_bound(p: float, width: int, depth: int) -> float:
    """Upper bound of θ_bond: (1 - p^(W²)) (1 - h)^L, h the chance to die out in the second layer after a full one.

    It is below the published (1 - p^(W²))^(L+1) by the factor 2^W in the exponent, and sharp in the critical window.

    Args:
        p: Probability that an edge is removed, in (0, 1).
        width: Vertices per layer W, at least 1.
        depth: Hidden layers L, at least 0, an int of any size.

    Raises:
        ValueError: an argument out of range.

    Source: ours; Theorem 2 of the module text.
    """
    width, depth = check_integer(width, "width", 1), check_integer(depth, "depth", 0)
    log_cut = width**2 * _log(p)
    # (2 - p^W)^W - 1 = expm1(W log1p(1 - p^W)) with 1 - p^W from expm1
    log_ways = math.log(math.expm1(width * math.log1p(-math.expm1(width * _log(p)))))
    cut = math.exp(log_cut)
    hazard = math.exp(log_cut + log_ways - math.log1p(-cut))
    if hazard >= 1:
        return 0.0 if depth else 1 - cut
    log_hazard = math.log(-math.log1p(-hazard)) if hazard > 1e-17 else log_cut + log_ways
    layers = _exp(log_hazard + math.log(depth)) if depth else 0.0
    return (1 - cut) * math.exp(-layers)


def lowest_extinction_term(width: int, depth: int) -> tuple[int, int]:
    """Lowest term of 1 - θ_bond as a polynomial in p: its power and its coefficient, in exact integers.

    The power is the size of a minimum cut and the coefficient the number of such cuts. The chain of reachable counts is
    followed with polynomials in place of numbers; terms beyond p^(W²) cannot matter and are dropped.

    Args:
        width: Vertices per layer W, at least 1.
        depth: Hidden layers L, at least 0.

    Raises:
        ValueError: an argument out of range.
    """
    width, depth = check_integer(width, "width", 1), check_integer(depth, "depth", 0)
    degree = width**2
    state = np.zeros((width + 1, degree + 1), dtype=object)  # Python integers: no overflow
    state[width, 0] = 1
    for _ in range(depth + 1):
        following = np.zeros_like(state)
        following[0] = state[0]
        for k in range(1, width + 1):
            for j in range(width + 1):
                for power, coefficient in _transition_terms(width, k, j):
                    if power <= degree:
                        following[j, power:] += coefficient * state[k, : degree + 1 - power]
        state = following
    power = int(np.flatnonzero(state[0])[0])
    return power, int(state[0, power])


def _transition_terms(width: int, k: int, j: int) -> list[tuple[int, int]]:
    """P(N_{l+1} = j | N_l = k) = C(W, j) (1 - p^k)^j p^(k (W - j)), as (power of p, coefficient)."""
    ways = math.comb(width, j)
    return [(k * (width - j + i), ways * math.comb(j, i) * (-1) ** i) for i in range(j + 1)]


def cuts_by_size(width: int, depth: int) -> list[int]:
    """Number of cuts of every size, by walking through all edge sets.

    Args:
        width: Vertices per layer W, at least 1.
        depth: Hidden layers L, at least 0.

    Returns:
        Item k: how many sets of k edges leave no path when they are removed, k = 0 ... (L + 1) W².

    Raises:
        ValueError: an argument out of range, or more than 20 edges.
    """
    width, depth = check_integer(width, "width", 1), check_integer(depth, "depth", 0)
    edges = (depth + 1) * width**2
    if edges > MOST_EDGES:
        raise ValueError(f"width {width} and depth {depth} make {edges} edges, more than {MOST_EDGES} to enumerate")
    removed = (np.arange(2**edges)[:, None] >> np.arange(edges) & 1).astype(bool)
    layers = removed.reshape(-1, depth + 1, width, width)
    crossed = reachable("bond", [~layers[:, index] for index in range(depth + 1)], [width] * (depth + 2)).crossed
    return np.bincount(removed[~crossed].sum(axis=1), minlength=edges + 1).tolist()


def enumerated_extinction(p: float, width: int, depth: int) -> float:
    """1 - θ_bond as the sum over all edge sets (arguments and errors as `cuts_by_size`, p in (0, 1))."""
    p, cuts = check_inner_probability(p, "p"), cuts_by_size(width, depth)
    return math.fsum(count * p**size * (1 - p) ** (len(cuts) - 1 - size) for size, count in enumerate(cuts))


def poisson_distance_bound(p: float, width: int, depth: int) -> float:
    """Bound of the total variation distance between the law of the number of open minimum cuts and its Poisson law.

    Args:
        p: Probability that an edge is removed, in (0, 1).
        width: Vertices per layer W, at least 1.
        depth: Hidden layers L, at least 1.

    Returns:
        (b1 + b2)(1 - e^(-λ))/λ: the largest difference of the probabilities of any event is at most this.

    Raises:
        ValueError: an argument out of range.

    Source: ours; Theorem 2 of the module text, by Arratia, Goldstein and Gordon (1989), Theorem 1.
    """
    mean, products, joint = _cut_moments(p, width, depth)
    return (products + joint) * -math.expm1(-mean) / mean


def open_cut_variance(p: float, width: int, depth: int) -> float:
    """Exact variance λ + b2 - b1 of the number of open minimum cuts (arguments as `poisson_distance_bound`)."""
    mean, products, joint = _cut_moments(p, width, depth)
    return mean + joint - products


def _cut_moments(p: float, width: int, depth: int) -> tuple[float, float, float]:
    """Mean number of open minimum cuts; sums of the products and joint probabilities of pairs that share layers."""
    p, width = check_inner_probability(p, "p"), check_integer(width, "width", 1)
    depth = check_integer(depth, "depth", 1)
    ways = [math.comb(width, s) for s in range(width)]  # of a proper subset, by its size
    proper, cut = sum(ways), p**width**2
    same = (proper - 1) * math.expm1(width * math.log1p(p**width))  # over ordered pairs, in units of p^(W²)
    neighbouring = sum(
        ways[s] * ways[other] * p ** (width**2 - s * (width - other)) for s in range(width) for other in range(width)
    )
    last = sum(ways[s] * p ** (width**2 - s * width) for s in range(width))
    products = cut**2 * (depth * proper**2 + 1 + 2 * (depth - 1) * proper**2 + 2 * proper)
    joint = cut * (depth * same + 2 * (depth - 1) * neighbouring + 2 * last)
    return cut * (proper * depth + 1), products, joint


def open_minimum_cuts(removed: np.ndarray) -> np.ndarray:
    """Number of minimum cuts all of whose edges are removed.

    A vertex of a hidden layer may lie outside a cut's set S if all its incoming edges are gone, in S if all its
    outgoing ones are: the sets whose cut is open are as many as the choices, vertex by vertex; S = all is the cut of
    the next layer with S empty, and counts there.

    Args:
        removed: Removed edges, shape (samples, L + 1, W, W), bool; axis 1 is the edge layer, axis 2 the vertex that an
            edge leaves, axis 3 the one that it enters.

    Returns:
        Shape (samples,), int64.
    """
    # hidden vertices, shape (samples, L, W)
    unfed, dead = np.asarray(removed[:, :-1].all(axis=2)), np.asarray(removed[:, 1:].all(axis=3))
    sets, full = (unfed[..., 0].astype(np.int32) + dead[..., 0]), dead[..., 0].astype(np.int32)
    for vertex in range(1, removed.shape[-1]):
        sets *= unfed[..., vertex].astype(np.int32) + dead[..., vertex]
        full *= dead[..., vertex]
    return (sets - full).sum(axis=1) + removed[:, -1].all(axis=(1, 2))


def sample_open_minimum_cuts(p: float, width: int, depth: int, samples: int, seed: int) -> np.ndarray:
    """Count the open minimum cuts of networks with explicitly drawn edge masks.

    Args:
        p: Probability that an edge is removed, in (0, 1).
        width: Vertices per layer W, at least 1.
        depth: Hidden layers L, at least 1; a network's masks are held at once.
        samples: Networks to draw, at least 1.
        seed: Root seed, at least 0; equal arguments give equal counts.

    Returns:
        Open minimum cuts of every network, shape (samples,), int64.

    Raises:
        ValueError: an argument out of range.
    """
    p, width = check_inner_probability(p, "p"), check_integer(width, "width", 1)
    depth, samples = check_integer(depth, "depth", 1), check_integer(samples, "samples", 1)
    rng = generator(check_integer(seed, "seed", 0), "open minimum cuts", p, width, depth)
    bits, counts = width**2 * (depth + 1), []
    for batch in batches(samples, bits):
        # drawn with the networks innermost: "all edges of a vertex" is then a few operations on long rows
        kept = draw_bits(p, (width, width, batch, depth + 1), rng)
        counts.append(open_minimum_cuts(~kept.transpose(2, 3, 0, 1)))
    return np.concatenate(counts)


def _log(p: float) -> float:
    return math.log(check_inner_probability(p, "p"))


def _exp(log_value: float) -> float:
    return math.exp(log_value) if log_value < 709 else math.inf
