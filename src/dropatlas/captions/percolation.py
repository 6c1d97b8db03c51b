"""Captions of the percolation report; arguments are the result tables that the figures show."""

import pandas as pd

from dropatlas.percolation.effects import (
    UNCERTAIN,
    deepest,
    exactly_known,
    excess,
    last_thresholds,
    missed,
    one_constant,
)


def crossing_grid(cells: pd.DataFrame) -> str:
    """Of table `percolation/crossing_probability`: in how many intervals the exact value lies."""
    shown = deepest(cells)
    return (
        f"Crossing probability over the removal probability at depth L = {shown.depth.max()}. Lines: exact; bands: the "
        f"published bounds (bond); points: {cells.samples.min()} sampled masks each, with exact 95 % intervals. The "
        f"exact value lies in {(~missed(shown)).mean():.0%} of the {len(shown)} intervals."
    )


def sampling_agreement(cells: pd.DataFrame) -> str:
    """Of table `percolation/crossing_probability`: the largest deviation."""
    low, high = UNCERTAIN
    return (
        f"All {len(cells)} cells of the grid. Left: sampled minus exact value, beside the 95 % band of binomial "
        f"sampling (largest deviation {excess(cells).abs().max():.3f}). Right: the exact p-values of the cells with "
        f"{low:g} < θ < {high:g} spread evenly if the formulas are right."
    )


def required_width(widths: pd.DataFrame) -> str:
    """Of table `percolation/required_width`: both models at the middle p and the largest depth."""
    p = sorted(widths.p.unique())[widths.p.nunique() // 2]
    needed = deepest(widths).query("p == @p").set_index("model").width
    return (
        f"Smallest width with crossing probability at least {widths.target.iloc[0]:g}, by depth. At p = {p:g} and "
        f"L = {widths.depth.max():,} dropout needs W = {needed['site']}, dropconnect W = {needed['bond']}."
    )


def scaling_site(laws: pd.DataFrame) -> str:
    """Of table `percolation/scaling_laws`: the constant and the largest n."""
    return (
        f"Dropout along W = floor((C log n)^τ), C = {one_constant(laws).constant.min():g}: crossing probability up to "
        f"n = 10^{laws.log10_n.max():g}, in log space. The floor makes the curves saw-toothed. Convergence in log n is "
        "slow: the next figure follows the thresholds much further."
    )


def thresholds_site(thresholds: pd.DataFrame) -> str:
    """Of table `percolation/finite_thresholds`: how near the last thresholds at tau = 1 come to their limit."""
    site = thresholds[thresholds.model == "site"]
    last = last_thresholds(site, 1.0)
    distance = f" At τ = 1 the last threshold differs from exp(-1/C) by at most {last.distance.max():.1g}."
    return (
        "Dropout: the removal probability where θ = 1/2 over the depth n, to log10 n = "
        f"{site.log10_n.max():,.0f} (real-valued width). Horizontal lines: the predicted limits 0, exp(-1/C), 1."
        f"{'' if last.empty else distance}"
    )


def scaling_bond(laws: pd.DataFrame) -> str:
    """Of table `percolation/scaling_laws`: the constant."""
    return (
        f"Dropconnect along W = floor((C log n)^τ), C = {one_constant(laws).constant.min():g}: the exact chain inside "
        "the published bounds. Every step up is a vertex more in each layer. In the gap 1/2 < τ < 1 the lower bound "
        "falls to 0 while the exact value follows the upper bound to 1."
    )


def thresholds_bond(thresholds: pd.DataFrame) -> str:
    """Of table `percolation/finite_thresholds`: the last thresholds at tau = 1/2 beside their limits."""
    bond = thresholds[thresholds.model == "bond"]
    reached = "; ".join(
        f"C = {constant:g}: {row.half_probability:.3f} at W = {row.width:.0f}, limit {row.limit:.3f}"
        for constant, row in last_thresholds(bond, 0.5).iterrows()
    )
    return (
        "Dropconnect: the removal probability where θ = 1/2, for the exact chain (solid, points) and the published "
        f"bounds, up to n = 10^{bond[bond.curve == 'exact'].log10_n.max():.0f}. Horizontal lines: limits of our "
        f"theorem; dark: with the finite-width correction.{f' At τ = 1/2: {reached}.' if reached else ''}"
    )


def crossing_boundary(boundary: pd.DataFrame) -> str:
    """Of table `percolation/crossing_boundary`: the probability that is fallen to."""
    return (
        f"Depth at which the crossing probability falls to {boundary.target.iloc[0]:g}, by width: below a curve most "
        "masks leave a path, above it few do. Circles: dropout; squares: dropconnect."
    )


def topologies(rows: pd.DataFrame) -> str:
    """Of table `percolation/topologies`: how many intervals miss the value of a closed form."""
    exact, (low, high) = exactly_known(rows), UNCERTAIN
    off = missed(exact, "known_low")
    misses = (
        f" Of the {len(exact)} cells with an exact value between {low:g} and {high:g}, {off.sum()} intervals miss it "
        f"({off.mean():.0%}; 95 % intervals may miss 5 %)."
    )
    return (
        f"Sampled probability of each event ({rows.samples.min()} masks, exact 95 % intervals) beside its closed form "
        "(thin lines; band where only bounds are known) and the plain network of the same width and depth (dotted)."
        f"{'' if exact.empty else misses}"
    )
