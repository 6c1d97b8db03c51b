"""Rates of convergence as judges, figures and captions read them off `phases/pathwise` and `phases/weak_rate`."""

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from dropatlas.phases.coupling_settings import GRID
from dropatlas.phases.exponents import LEAST_WIDTHS

DISTANCES = ["mean_distance", "rms_distance", "clock_distance", "noise_distance"]
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


def squared_means(rows: pd.DataFrame, quantity: str, column: str) -> pd.DataFrame:
    """Squared biases of a quantity by seed (rows) and width (columns), where its limit is exact enough.

    A width cannot tell where the mean squared bias is below what the limit's own error adds to it by chance: the
    product of two independent errors, averaged over the seeds.

    Args:
        rows: Table `phases/weak_rate`.
        quantity: One of FUNCTIONS or LAW.
        column: squared_bias or control_squared.
    """
    part = rows[rows.quantity == quantity]
    table = part.pivot(index="seed", columns="width", values=column).astype(float)
    own = part.groupby("width").limit_squared.mean()
    return table.loc[:, table.mean() > own / np.sqrt(max(1, len(table)))]


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
