"""Judge of P14: minimum cuts of the bond model, what they say of extinction, and θ at the critical point (ours)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dropatlas.claims.checks import exact_check, no_number, share_check
from dropatlas.claims.parts import Check, Part, decide
from dropatlas.claims.verdicts import Judgement
from dropatlas.percolation.effects import rare, ratio, window, window_distance
from dropatlas.percolation.settings import FLOOR, NO_FLOOR

CUTS, OPEN, THRESHOLDS = "percolation/minimum_cuts", "percolation/open_cuts", "percolation/finite_thresholds"


def _network(row: pd.Series) -> str:
    return f"W = {row.width:g}, L = {10**row.log10_depth:.0f}"


def _counted(networks: pd.DataFrame) -> list[Check]:
    """Cuts found minus cuts of the formula, and their size minus W², by both ways of counting; all must be 0."""
    checks = []
    for _, row in networks.drop_duplicates(["width", "log10_depth"]).iterrows():
        found = {"polynomial": (row.counted_power, row.counted_cuts)}
        if np.isfinite(row.enumerated_power):
            found["enumeration"] = (row.enumerated_power, row.enumerated_cuts)
        for way, (power, cuts) in found.items():
            checks.append(exact_check(f"{_network(row)}, {way}", cuts - row.cuts, (0.0, 0.0)))
            checks.append(exact_check(f"{_network(row)}, {way}, edges of a cut", power - row.width**2, (0.0, 0.0)))
    return checks


def _falling(where: str, distances: np.ndarray, tolerance: float, since: int) -> Check:
    """That distances fall, from the one with number `since` on, and end within the tolerance; else it fails."""
    band = (-np.inf, tolerance)
    if len(distances) <= since + 1 or not np.isfinite(distances).all():
        return no_number(where, band)
    rises = bool((np.diff(distances[since:]) > 1e-9).any())
    if rises:
        return exact_check(f"{where}, rises", float(np.diff(distances[since:]).max()), (-np.inf, 1e-9), len(distances))
    return exact_check(where, float(distances[-1]), band, len(distances))


def _rare_limits(networks: pd.DataFrame, tolerance: float) -> list[Check]:
    """That 1 - θ over (number of minimum cuts)·p^(W²) goes to 1 as p falls, in every network."""
    checks = []
    for _, rows in networks.groupby(["width", "log10_depth"]):
        rows = rows.sort_values("p", ascending=False)
        distances = (ratio(rows) - 1).abs().to_numpy()
        checks.append(
            _falling(f"{_network(rows.iloc[-1])}, p = {rows.p.min():g}", distances, tolerance, len(distances) // 2)
        )
    return checks


def _window_limits(networks: pd.DataFrame, tolerance: float) -> list[Check]:
    """That θ goes to e^(-x) as W grows with x fixed; at small W it may move away first."""
    checks = []
    for (p, x), rows in networks.groupby(["p", "planned_x"]):
        rows = rows.sort_values("width")
        where = f"p = {p:g}, x = {x:g}, W = {rows.width.max():g}"
        checks.append(_falling(where, window_distance(rows).to_numpy(), tolerance, len(rows) // 2))
    return checks


def _open_cuts(rows: pd.DataFrame, margin: float) -> list[Check]:
    """That the numbers of open minimum cuts are Poisson, of their exact mean (not of x).

    Beyond the bound of Chen and Stein they refute it. A cell whose bound is not below the margin cannot tell.
    """
    checks = []
    for _, row in rows.iterrows():
        number = f"{row.open_cuts:g}{' or more' if row.more else ''}"
        where = f"{number} open cuts, p = {row.p:g}, W = {row.width:g}, L = {row.depth:g}"
        inside = (max(0.0, row.poisson - margin), min(1.0, row.poisson + margin))
        if not np.isfinite([row.poisson, row.bound, row.networks]).all() or row.bound >= margin:
            checks.append(no_number(where, inside))
            continue
        outside = (max(0.0, row.poisson - row.bound), min(1.0, row.poisson + row.bound))
        checks.append(share_check(where, int(row.networks), int(row.samples), inside, fails_outside=outside))
    return checks


def _dropout_at_the_threshold(curves: pd.DataFrame, tolerance: float) -> list[Check]:
    """That θ at τ = 1, p = exp(-1/C) comes to e^(-1) at whole widths and to exp(-e^(1/C)) just below them."""
    checks = []
    for (constant, rounding), rows in curves.query("model == 'site'").groupby(["constant", "rounding"]):
        goal = {NO_FLOOR: np.exp(-1), FLOOR: np.exp(-np.exp(1 / constant))}[rounding]
        distances = (rows.sort_values("log10_n").theta_at_limit - goal).abs().to_numpy()
        where = f"C = {constant:g}, {rounding}: {goal:.4f}"
        checks.append(_falling(where, distances, tolerance, len(distances) // 2))
    both = set(curves.query("model == 'site'").rounding) == {NO_FLOOR, FLOOR}
    return checks if both else [*checks, no_number("both ends of the oscillation", (-np.inf, tolerance))]


def _dropconnect_at_the_threshold(curves: pd.DataFrame, tolerance: float) -> list[Check]:
    """That θ at τ = 1/2, p = exp(-1/C) goes to 0."""
    return [
        _falling(f"C = {constant:g}, {rounding}", rows.sort_values("width").theta_at_limit.to_numpy(), tolerance, 0)
        for (constant, rounding), rows in curves.query("model == 'bond'").groupby(["constant", "rounding"])
    ]


def judge_p14(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P14 (ours): minimum cuts, rare extinction, the critical window, and θ at p_c.

    Six parts. Criterion: `ratio_tolerance` (of 1 - θ over its first term, at the smallest p), `window_tolerance` (of
    |θ - e^(-x)| at the largest W), `share_margin` (of a probability of the Poisson law), `point_tolerance` (of θ at
    p_c).
    """
    networks, points = rare(tables[CUTS]), tables[THRESHOLDS].dropna(subset="theta_at_limit")
    at_window = _window_limits(window(tables[CUTS]), criterion["window_tolerance"])
    return decide(
        [
            Part("there are (2^W − 1)L + 1 minimum cuts of W² edges", "found minus predicted", _counted(networks)),
            Part(
                "1 − θ comes to their number times p^(W²)",
                "relative difference at the smallest p",
                _rare_limits(networks, criterion["ratio_tolerance"]),
            ),
            Part("θ goes to e^(−x) in the critical window", "|θ − e^(−x)| at the largest width", at_window),
            Part(
                "the number of open minimum cuts is Poisson",
                "share of sampled networks",
                _open_cuts(tables[OPEN], criterion["share_margin"]),
            ),
            Part(
                "dropconnect's θ goes to 0 at p_c",
                "θ at the largest n",
                _dropconnect_at_the_threshold(points, criterion["point_tolerance"]),
            ),
            Part(
                "dropout's θ at p_c keeps coming back to e^(−1) and to exp(−e^(1/C))",
                "distance of θ at the largest n",
                _dropout_at_the_threshold(points, criterion["point_tolerance"]),
            ),
        ]
    )
