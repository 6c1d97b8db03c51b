"""What the distances of one network to the limits say about its predicted phase.

The limits contain one another (`phases.CONTAINS`): in phase III, for example, the critical limit IV is near as well,
because it tends to III there. So for a network with predicted limit P,

- miss: some limit is nearer than P by more than the noise floor, at the chosen confidence;
- hit: every limit that does not have P as its limiting case is farther than P, and none of those that do is nearer
  by more than a small share of the noise floor (margin), each at the chosen confidence;
- tie: neither; the limits cannot be told apart at this width.

The noise floor of a pair is the largest of the distances between two copies of dropout, of P and of the other limit.

A limit that diverged where dropout did not is farther; one that was over budget is left out and named.
"""

import numpy as np
import pandas as pd

from dropatlas.phases.classification import CONTAINS, PHASES
from dropatlas.phases.comparison import LIMIT_DIVERGED, OK, OVER_BUDGET
from dropatlas.stats import mean_interval

HIT, TIE, MISS, NOTHING = "hit", "tie", "miss", "no comparison"
CELL = ["learning_rate", "keep_rate"]
GIVEN = [*CELL, "alpha", "beta", "phase", "boundary"]
MARGIN = 0.1
"""Share of the noise floor that counts as no difference where P is a limiting case of the other limit."""
CONFIDENCE = 0.99
"""Of the paired Student-t intervals over the seeds."""


def cell_outcomes(rows: pd.DataFrame) -> pd.DataFrame:
    """Outcome of every (τ, q) cell of a diagram.

    Args:
        rows: One row per cell, seed and limit, as in the table `phases/diagram`, of one width and problem.

    Returns:
        One row per cell: learning_rate, keep_rate, alpha, beta, phase, boundary, status, seeds, nearest (smallest
        mean distance), outcome, and the mean distance to each limit (columns of PHASES) and noise floor.
    """
    found = [_cell_outcome(cell) for _, cell in rows.groupby(CELL, sort=False)]
    return pd.DataFrame(found, columns=[*GIVEN, "status", "seeds", "floor", *PHASES, "nearest", "outcome"])


def inside(cells: pd.DataFrame) -> pd.DataFrame:
    """Of the outcomes of cells those away from the boundaries, in one of the five phases."""
    return cells[~cells.boundary.astype(bool) & cells.phase.isin(PHASES)]


def excess_over_floor(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Distance to the predicted limit beyond the noise floor at the largest width, as a share of the floor, by phase.

    Args:
        rows: Table `phases/width_trend`.

    Returns:
        For every phase one value per seed, none where it was not run; the floor is the larger of the distances between
        two copies of dropout and of the limit.
    """
    last = rows[rows.width == rows.width.max()]
    floor = last[["floor", "dropout_floor"]].max(axis=1)
    runs = {name: last.sequence == name for name in PHASES}
    return {name: (last.distance - floor)[run] / floor[run].mean() for name, run in runs.items()}


def _cell_outcome(cell: pd.DataFrame) -> dict[str, object]:
    first = cell.iloc[0]
    found = {name: first[name] for name in GIVEN}
    wide = {name: cell.pivot(index="seed", columns="limit", values=name) for name in ("distance", "floor")}
    distances, floors = wide["distance"].reindex(columns=PHASES), wide["floor"].reindex(columns=PHASES)
    own_floor = cell.groupby("seed").dropout_floor.first().mean()
    statuses = cell.groupby("limit").status.agg(set)
    usable = distances.notna().all()
    failed = set(cell.status) - {OK, OVER_BUDGET, LIMIT_DIVERGED}
    found["status"] = sorted(failed)[0] if failed else OVER_BUDGET if not usable.any() else OK
    found |= {"seeds": len(distances), "floor": max(own_floor, floors.mean().max())}
    found |= {limit: distances[limit].mean() if usable[limit] else np.nan for limit in PHASES}
    predicted = first.phase
    means = distances.loc[:, usable].mean()
    found["nearest"] = means.idxmin() if found["status"] == OK and len(means) else None
    if found["status"] != OK or predicted not in PHASES or not usable[predicted]:
        return found | {"outcome": NOTHING}
    outcome = HIT
    for limit in PHASES:
        if limit == predicted or not usable[limit]:
            unknown = limit != predicted and LIMIT_DIVERGED not in statuses.get(limit, set())
            if unknown and predicted not in CONTAINS[limit]:
                outcome = TIE  # not compared with a limit that it has to beat
            continue
        apart = mean_interval((distances[limit] - distances[predicted]).to_numpy(), CONFIDENCE)
        floor = max(own_floor, floors[limit].mean(), floors[predicted].mean())
        if apart.high < -floor:
            return found | {"outcome": MISS}
        if not apart.low > (-MARGIN * floor if predicted in CONTAINS[limit] else 0.0):
            outcome = TIE
    return found | {"outcome": outcome}
