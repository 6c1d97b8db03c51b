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

from dropatlas.meanfield.comparison import LIMIT_DIVERGED, OK, OVER_BUDGET
from dropatlas.meanfield.phases import CONTAINS, PHASES
from dropatlas.stats import mean_interval

HIT, TIE, MISS, NOTHING = "hit", "tie", "miss", "no comparison"
CELL = ["learning_rate", "keep_rate"]


def cell_outcomes(rows: pd.DataFrame, margin: float = 0.1, confidence: float = 0.99) -> pd.DataFrame:
    """Outcome of every (τ, q) cell of a diagram.

    Args:
        rows: One row per cell, replica and limit, as in the table `phases/diagram`, of one width and problem.
        margin: Share of the noise floor that counts as no difference where P is a limiting case of the other limit.
        confidence: Of the paired Student-t intervals over the replicas.

    Returns:
        One row per cell: learning_rate, keep_rate, alpha, beta, phase, boundary, status, replicas, nearest (smallest
        mean distance), outcome, and the mean distance to each limit (columns of PHASES) and noise floor.
    """
    return pd.DataFrame([_cell_outcome(cell, margin, confidence) for _, cell in rows.groupby(CELL, sort=False)])


def _cell_outcome(cell: pd.DataFrame, margin: float, confidence: float) -> dict[str, object]:
    first = cell.iloc[0]
    found = {name: first[name] for name in [*CELL, "alpha", "beta", "phase", "boundary"]}
    wide = {name: cell.pivot(index="replica", columns="limit", values=name) for name in ("distance", "floor")}
    distances, floors = wide["distance"].reindex(columns=PHASES), wide["floor"].reindex(columns=PHASES)
    own_floor = cell.groupby("replica").dropout_floor.first().mean()
    statuses = cell.groupby("limit").status.agg(set)
    usable = distances.notna().all()
    failed = set(cell.status) - {OK, OVER_BUDGET, LIMIT_DIVERGED}
    found["status"] = sorted(failed)[0] if failed else OVER_BUDGET if not usable.any() else OK
    found |= {"replicas": len(distances), "floor": max(own_floor, floors.mean().max())}
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
        apart = mean_interval((distances[limit] - distances[predicted]).to_numpy(), confidence)
        floor = max(own_floor, floors[limit].mean(), floors[predicted].mean())
        if apart.high < -floor:
            return found | {"outcome": MISS}
        if not apart.low > (-margin * floor if predicted in CONTAINS[limit] else 0.0):
            outcome = TIE
    return found | {"outcome": outcome}
