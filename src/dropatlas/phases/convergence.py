"""Rates of convergence as judges, figures and captions read them off `phases/pathwise` and `phases/weak_rate`."""

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from dropatlas.phases.coupling_settings import GRID, LAW
from dropatlas.phases.exponents import LEAST_WIDTHS

DISTANCES = ["mean_distance", "rms_distance", "clock_distance", "noise_distance"]
PLANNED_BIAS, PLANNED_BIAS_OF_LAW = 0.7, 0.18
"""n times the bias in units of a neuron's spread, the smallest of the test functions in pilots, and of the law."""
LAW_DIRECTIONS = 7.0
"""Over which the noise of a law averages; simulated: at least 7 (noise squared) to 9, whatever the bias looks like."""
MOST_NOISE = 0.5
"""Largest noise of a mean squared bias, over the planned one, at which a width counts."""
TERMS = ["q_factor", "q_exponent", "beta_factor", "beta_exponent"]


def trusted(rows: pd.DataFrame, share: float) -> pd.DataFrame:
    """Rows of `phases/pathwise`; distances that cannot be told are NaN.

    Args:
        rows: Table `phases/pathwise`.
        share: A cell in which the mean error of the limit is more than this share of the mean distance cannot tell;
            nor can a run that diverged.
    """
    cell = rows.groupby(["family", "width", "keep_rate"])[["limit_error", "rms_distance"]].transform("mean")
    tells = (cell.limit_error <= share * cell.rms_distance) & np.isfinite(rows[DISTANCES]).all(axis=1)
    return rows.assign(**{name: rows[name].where(tells) for name in DISTANCES})


def two_terms(keep_rates: np.ndarray, betas: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Least squares fit, in logarithms, of distance² = (A q^a)² + (B β^b)².

    Args:
        keep_rates: q, shape (m,).
        betas: β, shape (m,).
        distances: Shape (m,).

    Returns:
        A, a, B, b; NaN where a distance is no positive number.
    """
    if not (np.isfinite(distances).all() and (distances > 0).all()):
        return np.full(len(TERMS), np.nan)
    x, z, y = np.log(keep_rates), np.log(betas), np.log(distances)

    def misfit(parameters: np.ndarray) -> np.ndarray:
        log_a, a, log_b, b = parameters
        return np.logaddexp(2 * (log_a + a * x), 2 * (log_b + b * z)) / 2 - y

    found = least_squares(misfit, [y.mean() - 0.5 * x.mean(), 0.5, y.mean() - 0.5 * z.mean(), 0.5]).x
    return np.array([np.exp(found[0]), found[1], np.exp(found[2]), found[3]])


def grid_exponents(rows: pd.DataFrame) -> pd.DataFrame:
    """What the grid says, seed by seed.

    Args:
        rows: Table `phases/pathwise`, distances that cannot be told as NaN.

    Returns:
        By seed, NaN where unknown: TERMS of the root mean square distance (`two_terms`); exponents of its two parts in
        q and β, fitted together: clock_by_q, noise_by_q, noise_by_beta. Empty with fewer than three q or β.
    """
    grid, found = rows[rows.family == GRID], {}
    for seed, cells in grid.groupby("seed"):
        if cells.keep_rate.nunique() < LEAST_WIDTHS or np.log(cells.beta).round(1).nunique() < LEAST_WIDTHS:
            continue
        design = np.column_stack([np.ones(len(cells)), np.log(cells.keep_rate), np.log(cells.beta)])
        clock, noise = (
            np.linalg.lstsq(design, np.log(cells[name].where(cells[name] > 0)), rcond=None)[0]
            if (cells[name] > 0).all()
            else np.full(3, np.nan)
            for name in ("clock_distance", "noise_distance")
        )
        terms = two_terms(cells.keep_rate.to_numpy(), cells.beta.to_numpy(), cells.rms_distance.to_numpy())
        found[seed] = [*terms, clock[1], noise[1], noise[2]]
    return pd.DataFrame.from_dict(found, orient="index", columns=[*TERMS, "clock_by_q", "noise_by_q", "noise_by_beta"])


def predicted_noise(rows: pd.DataFrame, planned: float, directions: float = 1.0) -> pd.Series:
    """Noise of the mean squared bias over the squared bias that a plan expects, by width; no measured bias enters.

    With b the planned bias and σ² the variance of one half's bias, of its runs and of its limit, the product of two
    halves has a variance of σ⁴ + 2 b² σ², which the mean over seeds divides by their number. In units of a neuron's
    spread σ² is one over the neurons of the runs plus one over the particles of the limit.

    Args:
        rows: Table `phases/weak_rate`, of one quantity.
        planned: n times the bias, in units of a neuron's spread.
        directions: In how many independent directions noise is averaged: one for a number, more for a law.
    """
    design = rows.groupby("width").agg(runs=("runs", "min"), particles=("particles", "min"), seeds=("seed", "nunique"))
    bias = (planned / design.index.to_numpy()) ** 2
    variance = 1 / (design.runs * design.index) + 1 / design.particles
    return np.sqrt((variance**2 + 2 * bias * variance) / directions / design.seeds) / bias


def squared_means(rows: pd.DataFrame, quantity: str, column: str) -> pd.DataFrame:
    """Squared biases of a quantity by seed (rows) and width (columns).

    Against limit IV only those widths at which the noise predicted for the bias of the plan is small enough.

    Args:
        rows: Table `phases/weak_rate`.
        quantity: One of FUNCTIONS or LAW.
        column: squared_bias or control_squared.
    """
    part = rows[rows.quantity == quantity]
    table = part.pivot(index="seed", columns="width", values=column).astype(float)
    if column != "squared_bias":
        return table
    noise = (
        predicted_noise(part, PLANNED_BIAS_OF_LAW, LAW_DIRECTIONS)
        if quantity == LAW
        else predicted_noise(part, PLANNED_BIAS)
    )
    return table.loc[:, noise.index[noise <= MOST_NOISE]]


def floor_pairs(squared: pd.DataFrame) -> np.ndarray:
    """What is left of the squared bias at the widest widths, and what c/n would leave, read off the narrower ones.

    Args:
        squared: Squared biases, seeds by widths (`squared_means`).

    Returns:
        One row per seed, shape (m, 2): c² at the two widest, and c² at all narrower ones, each the sum of squared
        biases over the sum of n^(-2). Empty with fewer than three widths. Their ratio is 1 for a bias c/n.
    """
    if squared.shape[1] < LEAST_WIDTHS:
        return np.empty((0, 2))
    parts = squared.iloc[:, -2:], squared.iloc[:, :-2]
    return np.column_stack([part.sum(axis=1) / (part.columns.to_numpy(float) ** -2).sum() for part in parts])


def floor_ratio(widths: np.ndarray, share: float) -> float:
    """The ratio of `floor_pairs` for a bias c/n + D of which D makes up a share at the largest width.

    Args:
        widths: The two widest, ascending.
        share: Of D in the bias at the larger one.
    """
    lasting = share / (1 - share) * widths / widths[-1]
    weights = widths.astype(float) ** -2
    return float(weights @ (1 + lasting) ** 2 / weights.sum())


def bias_exponent(squared: np.ndarray, widths: np.ndarray) -> float:
    """Exponent in n of the bias, from the mean over seeds of its square.

    With as many neurons at every width the noise of a bias is the same at all of them, so that that of the logarithm of
    a bias like 1/n grows like n: weights of n^(-2).

    Args:
        squared: Squared biases, shape (seeds, widths); single ones may be negative.
        widths: n, shape (widths,).

    Returns:
        Half the slope of the logarithms, weighted; NaN where a mean is not positive, or with fewer than three widths.
    """
    if not len(squared) or len(widths) < LEAST_WIDTHS or not ((means := squared.mean(axis=0)) > 0).all():
        return float("nan")
    x, weights = np.log(widths), np.asarray(widths, dtype=float) ** -2
    x = x - np.average(x, weights=weights)
    return float((weights * x) @ np.log(means) / ((weights * x) @ x) / 2)


def jackknifed_exponents(squared: pd.DataFrame) -> np.ndarray:
    """Exponent of the bias as one pseudo-value per seed, whose mean and spread over seeds carry a t interval.

    Args:
        squared: Squared biases, seeds by widths (`squared_means`).

    Returns:
        Jackknife pseudo-values m·γ - (m - 1)·γ without the seed, shape (m,); NaN where an exponent is unknown.
    """
    values, widths = squared.to_numpy(), squared.columns.to_numpy(dtype=float)
    seeds = len(values)
    without = np.array([bias_exponent(np.delete(values, seed, axis=0), widths) for seed in range(seeds)])
    return seeds * bias_exponent(values, widths) - (seeds - 1) * without
