"""Judges of the open questions on convergence, M11 and M12 (arXiv 2510.07554); intervals over seeds."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import mean_check, ratio_check
from dropatlas.claims.parts import Band, Check, Part, decide
from dropatlas.claims.verdicts import Judgement
from dropatlas.phases.convergence import (
    floor_pairs,
    floor_ratio,
    grid_exponents,
    jackknifed_exponents,
    squared_means,
    trusted,
)
from dropatlas.phases.coupling_settings import FIXED_RATE, FUNCTIONS, LAW, OWN_CLOCKS, SERIES
from dropatlas.phases.exponents import LEAST_WIDTHS, plateau_shares, seed_slopes
from dropatlas.phases.labels import QUANTITY_LABELS

PATHWISE = "phases/pathwise"
WEAK_RATE = "phases/weak_rate"
ROOT = 0.5
"""Exponent of q and of β in the root mean square distance of coupled paths."""
RATE, SCATTER = -1.0, -0.5
"""Exponents in n of the bias, and of what single runs differ by."""

AVERAGES = {"mean_distance": "mean over neurons", "rms_distance": "root mean square"}
CONTROLS = {OWN_CLOCKS: "clocks of its own", FIXED_RATE: "fixed q"}


def _around(centre: float, margin: float) -> Band:
    return centre - margin, centre + margin


def judge_m11(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M11: coupled paths of dropout and of the Poisson limit converge, like sqrt(q) and sqrt(β) in root mean square.

    Four parts. Along q ∝ n^(-1/2) mean and root mean square of the largest distances fall at least like n^(`falls`),
    and of their square at the largest width less than the share `lasts` is left (fit of d² = A n^(-1/2) + D²).
    The two terms have exponents 1/2 ± `margin`: in the fit of the whole distance over the grid, and each in the
    distance that it makes alone, where the forward noise does not depend on q, either. Both controls have an exponent
    of at least `stays`. Where the limit's own error is more than `own_error` of a distance, the cell cannot tell.
    """
    rows = trusted(tables[PATHWISE], criterion["own_error"])
    grid = grid_exponents(rows)
    band = _around(ROOT, criterion["margin"])

    def falls(family: str, where: str, column: str, band: Band) -> Check:
        return mean_check(where, seed_slopes(rows[rows.family == family], column), band)

    def of_grid(where: str, column: str, band: Band) -> Check:
        return mean_check(where, grid[column], band)

    series = rows[rows.family == SERIES]
    together = [falls(SERIES, where, column, (-np.inf, criterion["falls"])) for column, where in AVERAGES.items()]
    left = "share of the last squared distance that lasts as n → ∞"
    together += [
        replace(mean_check(where, shares, (-np.inf, criterion["lasts"])), measure=left)
        for column, where in AVERAGES.items()
        for shares in [plateau_shares(series, column, ROOT)]
    ]
    apart = [falls(family, where, "rms_distance", (criterion["stays"], np.inf)) for family, where in CONTROLS.items()]
    clocks = [of_grid("fit of both terms", "q_exponent", band), of_grid("clocks alone", "clock_by_q", band)]
    level = of_grid("noise alone", "noise_by_q", _around(0.0, criterion["margin"]))
    noise = [
        of_grid("fit of both terms", "beta_exponent", band),
        of_grid("noise alone", "noise_by_beta", band),
        replace(level, measure="exponent in q of the RMS distance"),
    ]
    why = "too few seeds, widths or rates at which the limit is known well enough"
    of_width = "exponent in n of the largest distance over time"
    parts = [
        Part("paths come together", of_width, together, why_open=why),
        Part("clocks cost √q", "exponent in q of the RMS distance", clocks, why_open=why),
        Part("forward noise costs √β", "exponent in β of the RMS distance", noise, why_open=why),
        Part("only with common clocks and falling q", f"{of_width} of a control", apart, why_open=why),
    ]
    means = series.groupby("width").mean_distance.mean()
    told = ", ".join(f"{distance:.3f} at n = {width}" for width, distance in means.items())
    return decide(parts, f"mean largest distance along q = 2 n^(-1/2): {told}")


def judge_m12(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M12: in the critical phase the bias against limit IV vanishes like 1/n, while single runs scatter like n^(-1/2).

    Five parts, each over the test functions and the law. The bias (root of the mean square, jackknifed over seeds)
    falls at least like n^(`falls`), with an exponent of -1 ± `margin`; of the bias at the largest width less than
    the share `lasts` is a floor: its square at the two widest widths is smaller than with such a floor, beside c/n
    read off the narrower ones. What single runs differ by has -1/2 ± `scatter`; the bias against limit III has at least
    `stays`. Widths at which the noise predicted for the planned bias is too large are left out.
    """
    rows = tables[WEAK_RATE]
    quantities = [*FUNCTIONS, LAW]
    measure = "exponent in n of the bias"
    rate = {name: _exponent(rows, name, "squared_bias", _around(RATE, criterion["margin"])) for name in quantities}
    vanishes = [_exponent(rows, name, "squared_bias", (-np.inf, criterion["falls"])) for name in quantities]
    stays = [_exponent(rows, name, "control_squared", (criterion["stays"], np.inf)) for name in quantities]
    scatter = [
        mean_check(
            QUANTITY_LABELS[name],
            seed_slopes(rows[rows.quantity == name], "scatter"),
            _around(SCATTER, criterion["scatter"]),
        )
        for name in quantities
    ]
    why = f"fewer than {LEAST_WIDTHS} widths at which the noise predicted is small against the planned bias"
    floors = [_floor(rows, name, criterion["lasts"]) for name in quantities]
    parts = [
        Part("the bias vanishes", measure, vanishes, why_open=why),
        Part("like 1/n", measure, list(rate.values()), why_open=why),
        Part("no floor is left", "squared bias at the widest widths over that of c/n", floors, why_open=why),
        Part("runs scatter like n^(−1/2)", "exponent in n of the scatter of runs", scatter),
        Part("limit III leaves a bias", f"{measure} against limit III", stays, why_open=why),
    ]
    told = ", ".join(f"{check.where} {check.value.estimate:.2f}" for check in rate.values() if check.known)
    return decide(parts, f"exponents of the bias: {told or 'none known'}")


def _exponent(rows: pd.DataFrame, quantity: str, column: str, band: Band) -> Check:
    """Exponent of a bias over the widths at which it can be told."""
    squared = squared_means(rows, quantity, column)
    return mean_check(QUANTITY_LABELS[quantity], jackknifed_exponents(squared), band)


def _floor(rows: pd.DataFrame, quantity: str, share: float) -> Check:
    """Squared bias at the two widest widths over that expected from the narrower ones; with a floor it is larger."""
    squared = squared_means(rows, quantity, "squared_bias")
    widest = squared.columns.to_numpy(dtype=float)[-2:]
    band = (-np.inf, floor_ratio(widest, share) if len(widest) else np.inf)
    pairs = floor_pairs(squared)
    return ratio_check(QUANTITY_LABELS[quantity], pairs[:, 0], pairs[:, 1], band)
