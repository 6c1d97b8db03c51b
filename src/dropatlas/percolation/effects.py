"""Selections and numbers of the percolation tables that figures, captions and verdicts share."""

import numpy as np
import pandas as pd

from dropatlas.percolation.settings import HALF, NO_FLOOR, RARE, WINDOW

UNCERTAIN = (0.001, 0.999)
"""Probabilities between which sampled masks can tell whether a formula is right; beyond them nearly all agree."""


def deepest(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the largest depth L."""
    return rows[rows.depth == rows.depth.max()]


def one_constant(laws: pd.DataFrame) -> pd.DataFrame:
    """Rows of the smallest constant C of W = floor((C log n)^tau); the others look alike."""
    return laws[laws.constant == laws.constant.min()]


def uncertain(rows: pd.DataFrame, probability: str = "theta") -> pd.DataFrame:
    """Rows whose exact `probability` (a column) lies within `UNCERTAIN`."""
    low, high = UNCERTAIN
    return rows[(rows[probability] > low) & (rows[probability] < high)]


def excess(cells: pd.DataFrame) -> pd.Series:
    """Sampled minus exact crossing probability of every cell of `percolation/crossing_probability`."""
    return cells.estimate - cells.theta


def missed(rows: pd.DataFrame, probability: str = "theta") -> pd.Series:
    """Whether the interval of the sampled masks misses the exact `probability` (a column), by row."""
    return (rows.interval_low > rows[probability]) | (rows.interval_high < rows[probability])


def exactly_known(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of `percolation/topologies` with a closed form, not only bounds, whose value is `uncertain`."""
    return uncertain(rows[rows.known_low == rows.known_high], "known_low")


def standard_error(cells: pd.DataFrame) -> pd.Series:
    """Standard error sqrt(θ(1 - θ)/n) of a share of masks whose probability is θ, by row."""
    theta = cells.theta.clip(0, 1)  # rounding may push it out
    return np.sqrt(theta * (1 - theta) / cells.samples)


def rare(networks: pd.DataFrame) -> pd.DataFrame:
    """Rows of `percolation/minimum_cuts` on small networks as p -> 0."""
    return networks[networks.regime == RARE]


def window(networks: pd.DataFrame) -> pd.DataFrame:
    """Rows of `percolation/minimum_cuts` in the critical window."""
    return networks[networks.regime == WINDOW]


def ratio(networks: pd.DataFrame) -> pd.Series:
    """1 - θ over the number of minimum cuts times p^(W²), by row."""
    return networks.extinction / networks.rare_extinction


def window_distance(networks: pd.DataFrame) -> pd.Series:
    """|θ - e^(-x)|, by row."""
    return (networks.theta - networks.window_theta).abs()


def budget_rises(cells: pd.DataFrame) -> np.ndarray:
    """Rise of the log odds of θ from one width to the next.

    Of one (model, p, budget) of `percolation/parameter_budget`. Steps from or to a width at which θ or 1 - θ is below
    the float range are left out.
    """
    cells = cells.sort_values("width")
    with np.errstate(divide="ignore", invalid="ignore"):
        rises = np.diff(np.log(cells.theta.to_numpy()) - np.log(cells.extinction.to_numpy()))
    return rises[np.isfinite(rises)]


def width_exponents(widths: pd.DataFrame, from_depth: float) -> dict[tuple[str, float], float]:
    """Exponent a of W ~ L^a between the smallest depth from `from_depth` on and the largest, by model and p."""
    found = {}
    for (model, p), rows in widths[widths.depth >= from_depth].groupby(["model", "p"]):
        rows = rows.sort_values("depth")
        first, last = rows.iloc[0], rows.iloc[-1]
        several = last.depth > first.depth
        found[model, p] = np.log(last.width / first.width) / np.log(last.depth / first.depth) if several else np.nan
    return found


def growth_ratios(widths: pd.DataFrame, from_depth: float) -> dict[tuple[str, float], float]:
    """Rise of log W per layer in the later half of the depths over that in the earlier half, by model and p.

    It is 1 if W grows exponentially with L, whatever the factor before it, and well below for any power of L. The
    halves part at the middle one of the depths from `from_depth` on. NaN with fewer than three, or no rise at first.
    """
    found = {}
    for (model, p), rows in widths[widths.depth >= from_depth].groupby(["model", "p"]):
        rows = rows.sort_values("depth")
        halves = rows.iloc[[0, len(rows) // 2, -1]]
        with np.errstate(divide="ignore", invalid="ignore"):
            early, late = np.diff(np.log(halves.width.to_numpy(float))) / np.diff(halves.depth.to_numpy(float))
        found[model, p] = late / early if len(rows) >= 3 and early > 0 else np.nan
    return found


def last_thresholds(rows: pd.DataFrame, exponent: float) -> pd.DataFrame:
    """Thresholds (the p where theta = 1/2) of the exact curves at whole widths, at the largest n, for one exponent.

    Args:
        rows: Rows of one model of `percolation/finite_thresholds`.
        exponent: tau of W = (C log n)^tau.

    Returns:
        One row per constant C (index), with `distance`, that of the threshold to its limit; none if tau was not run.
    """
    exact = (rows.curve == "exact") & (rows.rounding == NO_FLOOR) & (rows.target == HALF)
    curves = rows[exact & (rows.exponent == exponent)]
    last = curves.sort_values("log10_n").groupby("constant").last()
    return last.assign(distance=(last.threshold - last.limit).abs())


def extrapolated_threshold(curve: pd.DataFrame) -> tuple[float, float, float]:
    """Threshold as W -> infinity: intercept of log p against 1/W, with its spread over reasonable fits.

    n 2^W p^(W²) = -log θ has log(-log θ)/W² in log p, so that a straight line in 1/W leaves out a known term.

    Args:
        curve: Rows of one curve of `percolation/finite_thresholds`, at one target.

    Returns:
        The quadratic fit over the wider half of the widths; the lowest and the highest of the fits of degree 2 and
        3 over the wider quarter, half and three quarters. NaN with fewer than 8 widths, or values without a logarithm.
    """
    curve = curve.sort_values("width")
    if len(curve) < 8 or not (np.isfinite(curve.threshold) & (curve.threshold > 0)).all():
        return np.nan, np.nan, np.nan

    def intercept(degree: int, share: float) -> float:
        wide = curve.tail(max(degree + 2, int(len(curve) * share)))
        return float(np.exp(np.polyfit(1 / wide.width.to_numpy(), np.log(wide.threshold.to_numpy()), degree)[-1]))

    fits = [intercept(degree, share) for degree in (2, 3) for share in (0.25, 0.5, 0.75)]
    return intercept(2, 0.5), min(fits), max(fits)
