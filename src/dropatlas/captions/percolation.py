"""Captions of the percolation report; arguments are the result tables that the figures show."""

from collections.abc import Mapping

import pandas as pd

from dropatlas.percolation.effects import (
    UNCERTAIN,
    budget_rises,
    deepest,
    exactly_known,
    excess,
    last_thresholds,
    missed,
    one_constant,
    rare,
    ratio,
    standard_error,
    width_exponents,
    window,
    window_distance,
)


def crossing_grid(cells: pd.DataFrame) -> str:
    """Of table `percolation/crossing_probability`: in how many intervals the exact value lies."""
    shown = deepest(cells)
    return (
        f"Crossing probability over the removal probability at depth L = {shown.depth.max()}. Lines: exact; bands: the "
        f"published bounds (bond); points: {cells.samples.min()} sampled masks each, at p solved for θ between "
        f"{cells.theta.min():.1f} and {cells.theta.max():.1f}, with exact 95 % intervals. The exact value lies in "
        f"{(~missed(shown)).mean():.0%} of the {len(shown)} intervals."
    )


def sampling_agreement(cells: pd.DataFrame, margin: float) -> str:
    """Of table `percolation/crossing_probability`: the largest deviation beside the margin."""
    largest = (excess(cells) / standard_error(cells)).abs().max()
    return (
        f"All {len(cells)} cells, {cells.samples.min()} masks each. Left: sampled minus exact value in "
        "standard errors, "
        f"with exact 95 % intervals; no interval may reach beyond the margin of {margin:g} (dashed; largest excess "
        f"{largest:.1f}, grey: 95 % of samples). Cells of one θ stand side by side. Right: the exact p-values spread "
        "evenly if the formulas are right."
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


def thresholds_site(thresholds: pd.DataFrame, tolerances: Mapping[str, float]) -> str:
    """Of table `percolation/finite_thresholds`: how near the last thresholds at tau = 1 come to their limit."""
    site = thresholds[thresholds.model == "site"]
    last = last_thresholds(site, 1.0)
    distance = f" At τ = 1 the last threshold with θ = 1/2 differs from exp(-1/C) by at most {last.distance.max():.1g}."
    return (
        "Dropout: the removal probability where θ = 1/2 over the depth n, to log10 n = "
        f"{site.log10_n.max():,.0f}; circles: n of whole widths, squares: W = floor((C log n)^τ) just below the next "
        "width; thin lines: θ = 0.01 and 0.99, judged as well. Horizontal lines: the predicted limits 0, exp(-1/C), 1. "
        "Below: distance to the limit, which must end "
        f"below the dashed line, {tolerances['critical_tolerance']:g} at τ = 1 and {tolerances['outer_tolerance']:g} "
        f"otherwise.{'' if last.empty else distance}"
    )


def scaling_bond(laws: pd.DataFrame) -> str:
    """Of table `percolation/scaling_laws`: the constant."""
    return (
        f"Dropconnect along W = floor((C log n)^τ), C = {one_constant(laws).constant.min():g}: the exact chain inside "
        "the published bounds. Every step up is a vertex more in each layer. In the gap 1/2 < τ < 1 the lower bound "
        "falls to 0 while the exact value follows the upper bound to 1."
    )


def thresholds_bond(thresholds: pd.DataFrame, tolerances: Mapping[str, float]) -> str:
    """Of table `percolation/finite_thresholds`: the last thresholds at tau = 1/2 beside their limits."""
    bond = thresholds[thresholds.model == "bond"]
    reached = "; ".join(
        f"C = {constant:g}: {row.threshold:.3f} at W = {row.width:.0f}, limit {row.limit:.3f}"
        for constant, row in last_thresholds(bond, 0.5).iterrows()
    )
    return (
        "Dropconnect: the removal probability where θ = 1/2, for the exact chain at whole widths (points), with the "
        "floor just below the next width (squares), and for the published bounds; thin lines: the chain at θ = 0.01 "
        "and 0.99, judged as well; up to n = "
        f"10^{bond[bond.curve == 'exact'].log10_n.max():.0f}. Horizontal lines: limits of our theorem. Below: distance "
        f"to the limit, which must end below the dashed line, {tolerances['outer_tolerance']:g}; at τ = "
        "1/2 that of the "
        f"threshold extrapolated to infinite width (stars, small for θ = 0.01 and 0.99, with the "
        "farthest of six fits) below "
        f"{tolerances['critical_tolerance']:g}.{f' At τ = 1/2, θ = 1/2: {reached}.' if reached else ''}"
    )


def critical_point(thresholds: pd.DataFrame) -> str:
    """Of table `percolation/finite_thresholds`: between which values theta oscillates under dropout."""
    site = thresholds[thresholds.model == "site"].dropna(subset="theta_at_limit")
    ends = site.sort_values("log10_n").groupby(["constant", "rounding"]).theta_at_limit.last().unstack()
    told = "; ".join(f"C = {constant:g}: {row.min():.4f} and {row.max():.4f}" for constant, row in ends.iterrows())
    return (
        "θ at p = exp(-1/C) itself, over the depth n. Left: dropout at τ = 1 comes back to 1/e (dotted) "
        "where C log n is "
        "whole, and to exp(-e^(1/C)) just below"
        f"{f' ({told})' if told else ''}: it has no limit. Right: dropconnect at τ = 1/2 goes to 0 "
        "(curves leave below)."
    )


def minimum_cuts(networks: pd.DataFrame, tolerances: Mapping[str, float]) -> str:
    """Of table `percolation/minimum_cuts`: the largest distances, at the smallest p and at the largest width."""
    small, critical = rare(networks), window(networks)
    off = (ratio(small[small.p == small.p.min()]) - 1).abs().max()
    widest = critical[critical.width == critical.width.max()]
    return (
        "Left: extinction over its first term, the number of minimum cuts times p^(W²), for the deepest networks; at "
        f"p = {small.p.min():g} every network must be within {tolerances['ratio_tolerance']:g} of 1 (largest distance "
        f"{off:.2g}). Middle: distance of θ to e^(-x) in the critical window, which must end below "
        f"{tolerances['window_tolerance']:g} at W = {critical.width.max()} (largest "
        f"{window_distance(widest).max():.2g}; "
        "values below 1e-8 are drawn there). Right: decay rate of θ per layer over 2^W p^(W²), as far as p^(W²) is a "
        "float. Colours of the middle panel as in the right one."
    )


def open_cuts(rows: pd.DataFrame, margin: float) -> str:
    """Of table `percolation/open_cuts`: the largest distance of a share to its Poisson probability."""
    largest = (rows.share - rows.poisson).abs().max()
    return (
        f"Open minimum cuts of {rows.samples.min():,} sampled networks per cell, counted one by one "
        "(points, exact 95 % "
        "intervals), beside the Poisson law of the exact mean (lines). Every interval must lie in the light band, "
        f"±{margin:g} (largest distance {largest:.3f}); beyond the dark one, the bound of Chen and Stein, it would "
        "refute the theorem."
    )


def parameter_budget(rows: pd.DataFrame, widths: pd.DataFrame, least_exponent: float, from_depth: float) -> str:
    """Of tables `percolation/parameter_budget` and `percolation/required_width`: least rise and largest exponent."""
    rises = [budget_rises(cells) for _, cells in rows.groupby(["model", "p", "budget"])]
    least = min((rise.min() for rise in rises if len(rise)), default=float("nan"))
    exponents = [a for a in width_exponents(widths, from_depth).values() if a == a]
    largest = f" (largest {max(exponents):.2f})" if exponents else ""
    return (
        "Left and middle: odds of θ over the width at fixed numbers of weights; every step to the right must rise"
        f"{f' (least rise of the natural logarithm: {least:.2g})' if least == least else ''}. Right: exponent a with "
        f"which the width that keeps θ at {widths.target.iloc[0]:g} grows from L = {from_depth:g} to "
        f"L = {widths.depth.max():,}, beside the least that exponential growth asks for, {least_exponent:g}{largest}."
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
