"""What the distances to all limits say about a network's phase, for the paper's theory and its rivals.

W₁ between two finite samples is made larger by the randomness of both. If dropout and a limit had the same law given
the initial particles, two runs of dropout, two copies of the limit and one of each would be equally far apart. So

    D(L) = W₁(dropout, L) - ½ W₁(dropout, its copy) - ½ W₁(L, its copy)

has mean 0 for a limit that describes dropout, at any width, and a limit without randomness gains nothing by having
none. It is measured in mean movements of a neuron under gradient flow, the same unit for all limits and all theories.

A theory says of a network which limit P is its own. Limits contain one another (`classification.CONTAINS`); with a
tolerance x, planned beforehand,

- a limit that has P as a limiting case must be nearer by less than x: D(P) - D(L) < x, so that P is enough;
- every other limit must be farther by more than x: D(L) - D(P) > x, so that P is needed.

At most one limit meets both. Every network counts: where limits tie, a theory that wanted them apart does not agree.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from dropatlas.phases.classification import CONTAINS, CONVENTION, PHASES, Convention, classify_phase
from dropatlas.phases.comparison import LIMIT_DIVERGED, OK, OVER_BUDGET

CELL = ["learning_rate", "keep_rate"]
GIVEN = [*CELL, "width", "alpha", "beta", "phase", "boundary"]
FARTHEST = 1.0
"""D of a limit that diverged where dropout did not."""
DECIDING = ("II", "III", "IV", "I")
"""Phases that tell theories apart: every limit contains gradient flow."""

Theory = Callable[[str], str]
THEORIES: Mapping[str, Theory] = {
    "the paper": lambda phase: phase,
    "everything is phase IV": lambda phase: "IV",
    "no dropout (everything is GF)": lambda phase: "GF",
    "phases II and III exchanged": lambda phase: {"II": "III", "III": "II"}.get(phase, phase),
    "random metric (everything is I)": lambda phase: "I",
}
"""Limit that a theory predicts where the paper predicts this one."""


def debiased(rows: pd.DataFrame) -> pd.Series:
    """D of every row of a table of distances; NaN where nothing was compared."""
    found = (rows.distance - (rows.floor + rows.dropout_floor) / 2) / rows.movement
    return found.mask(rows.status == LIMIT_DIVERGED, FARTHEST)


def cell_distances(rows: pd.DataFrame) -> pd.DataFrame:
    """D by cell (GIVEN) and seed, shape (cells * seeds, limits); the columns are PHASES."""
    known = rows.assign(debiased=debiased(rows)).set_index([*GIVEN, "seed", "limit"])
    return known.debiased.unstack("limit").reindex(columns=list(PHASES))


def leads(distances: pd.DataFrame, predicted: str) -> pd.DataFrame:
    """D of every other limit minus that of the predicted one, shape (seeds, limits - 1)."""
    return distances.drop(columns=predicted).sub(distances[predicted], axis=0)


def least_lead(limit: str, predicted: str, tolerance: float) -> float:
    """Smallest D(limit) - D(predicted) with which the predicted limit stands."""
    return -tolerance if predicted in CONTAINS[limit] else tolerance


def agrees(distances: pd.Series, predicted: str, tolerance: float) -> bool | None:
    """Whether D of all limits says that this is the network's limit; None if that takes a number that is missing."""
    apart = distances.drop(predicted) - distances[predicted]
    stands = [apart[limit] > least_lead(limit, predicted, tolerance) for limit in apart.index]
    if not all(found for found, value in zip(stands, apart, strict=True) if np.isfinite(value)):
        return False
    return True if apart.notna().all() else None


def found_limit(distances: pd.Series, tolerance: float) -> str | None:
    """The limit that a network has by its D; None if several tie, or too much is missing."""
    return next((limit for limit in PHASES if agrees(distances, limit, tolerance)), None)


def cell_outcomes(rows: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """Every cell of a diagram, by its mean D over the seeds.

    Args:
        rows: One row per cell, seed and limit, as in the table `phases/diagram`, of one activation.
        tolerance: x, in movements.

    Returns:
        One row per cell: GIVEN, status, mean D to each limit (PHASES), the limit found, and whether it agrees with the
        paper.
    """
    means = cell_distances(rows).groupby(level=GIVEN, sort=False).mean()
    statuses = rows.groupby(GIVEN, sort=False).status.agg(set)
    found = means.reset_index()
    found["status"] = [_status(statuses.loc[cell]) for cell in means.index]
    found["found"] = [found_limit(cell, tolerance) for _, cell in means.iterrows()]
    found["agrees"] = [
        agrees(cell, place[GIVEN.index("phase")], tolerance) if place[GIVEN.index("phase")] in PHASES else None
        for place, cell in means.iterrows()
    ]
    return found


def _status(found: set[str]) -> str:
    """What became of a cell: ok although single limits were over budget or diverged."""
    if OK in found or LIMIT_DIVERGED in found:
        return OK if not found - {OK, LIMIT_DIVERGED, OVER_BUDGET} else sorted(found - {OK, LIMIT_DIVERGED})[0]
    return sorted(found)[0] if found else OVER_BUDGET


def inside(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows (of a table, or outcomes) away from the boundaries, in one of the phases that tell theories apart."""
    return rows[~rows.boundary.astype(bool) & rows.phase.isin(DECIDING)]


def flow_cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the cells of gradient flow away from the boundaries, without those over budget: what can be compared."""
    return rows[(rows.phase == "GF") & ~rows.boundary.astype(bool) & (rows.status != OVER_BUDGET)]


def agreement_by_seed(rows: pd.DataFrame, tolerance: float, theory: Theory = THEORIES["the paper"]) -> pd.Series:
    """Share of the cells away from the boundaries that agree with a theory, one per seed.

    Args:
        rows: Table `phases/diagram`, of one activation.
        tolerance: x.
        theory: Limit that it predicts, by the paper's.
    """
    distances = cell_distances(inside(rows))
    if distances.empty:
        return pd.Series(dtype=float)
    phases = distances.index.get_level_values("phase")
    found = [
        bool(agrees(cell, theory(phase), tolerance))
        for phase, (_, cell) in zip(phases, distances.iterrows(), strict=True)
    ]
    return pd.Series(found, index=distances.index, dtype=float).groupby(level="seed").mean()


def rival_theories(rows: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """Agreement of the paper's theory and its rivals with the same cells, by phase of the paper and in all.

    Returns:
        One row per theory, columns DECIDING and "all": share of cells (at a seed) that agree.
    """
    found = {}
    for name, theory in THEORIES.items():
        parts = {phase: rows[rows.phase == phase] for phase in DECIDING} | {"all": rows}
        found[name] = {phase: agreement_by_seed(part, tolerance, theory).mean() for phase, part in parts.items()}
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("theory").reset_index()


SENSITIVITY = {
    "as planned": (CONVENTION, 1.0),
    "thresholds 0.05 and 20": (Convention(small=0.05, large=20.0), 1.0),
    "thresholds 0.2 and 5": (Convention(small=0.2, large=5.0), 1.0),
    "boundaries two wide": (Convention(factor=2.0), 1.0),
    "boundaries five wide": (Convention(factor=5.0), 1.0),
    "phase I from q = 0.1 on": (Convention(discrete=0.1), 1.0),
    "half the tolerance": (CONVENTION, 0.5),
    "twice the tolerance": (CONVENTION, 2.0),
}
"""Convention, and factor of the tolerance, by what was changed."""


def sensitivity(rows: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """How agreement depends on the convention and on the tolerance.

    Args:
        rows: Table `phases/diagram`, of one activation.
        tolerance: x as planned.

    Returns:
        One row per convention: the convention, cells away from the boundaries, and the share of them that agree.
    """
    found = []
    for name, (convention, factor) in SENSITIVITY.items():
        networks = zip(rows.width, rows.learning_rate, rows.keep_rate, strict=True)
        places = [classify_phase(*network, convention) for network in networks]
        placed = rows.assign(phase=[place.name for place in places], boundary=[place.boundary for place in places])
        cells = inside(cell_outcomes(placed, factor * tolerance))
        agree = (cells.agrees == True).mean()  # noqa: E712
        found.append({"convention": name, "cells": len(cells), "agree": agree})
    return pd.DataFrame(found)


def last_distances(rows: pd.DataFrame, limit: str | None = None) -> dict[str, pd.Series]:
    """D to a limit at the largest width, by phase.

    Args:
        rows: Table `phases/width_trend`, of one activation.
        limit: Compared with this limit; None: with the predicted one.

    Returns:
        For every phase one value per seed, none where it was not run.
    """
    last = rows[(rows.width == rows.width.max()) & (rows.limit == (rows.sequence if limit is None else limit))]
    return {name: debiased(last[last.sequence == name]) for name in PHASES}


def convergence_rates(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Exponent in n of W₁ to the predicted limit, by phase, one per seed.

    Args:
        rows: Table `phases/width_trend`, of one activation. Widths at which not all particles are compared are left
            out: there the sample no longer grows.
    """
    whole = rows[(rows.limit == rows.sequence) & (rows.points == rows.width)]
    found = {}
    for name in PHASES:
        table = whole[whole.sequence == name].pivot(index="seed", columns="width", values="distance")
        if table.shape[1] < 2:
            found[name] = pd.Series(dtype=float)
            continue
        slopes = np.polyfit(np.log(table.columns.to_numpy(float)), np.log(table.to_numpy()).T, 1)[0]
        found[name] = pd.Series(slopes, index=table.index)
    return found
