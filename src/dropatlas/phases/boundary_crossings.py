"""Where on a line through a boundary the simpler limit stops to be enough.

It is enough where its D (`agreement.debiased`) is larger than that of the richer limit, which contains it, by at most
the tolerance; the boundary is where it begins to be larger by more.
"""

import numpy as np
import pandas as pd

from dropatlas.phases.agreement import debiased


def simple_excess(rows: pd.DataFrame, *, raw: bool = False) -> pd.DataFrame:
    """By how much the simpler limit is farther than the richer one.

    Args:
        rows: Table `phases/boundary_scan`.
        raw: Of W₁ itself instead of D; both in movements.

    Returns:
        One row per line, coordinate and seed, with `excess`.
    """
    known = rows.assign(value=rows.distance / rows.movement if raw else debiased(rows))
    wide = known.pivot(index=["line", "coordinate", "seed"], columns="side", values="value")
    wide = wide.reindex(columns=["simple", "rich"])
    return (wide["simple"] - wide["rich"]).rename("excess").reset_index()


def crossings(rows: pd.DataFrame, tolerance: float) -> dict[str, pd.Series]:
    """Where the simpler limit begins to be farther by more than the tolerance.

    Args:
        rows: Table `phases/boundary_scan`.
        tolerance: x, in movements.

    Returns:
        For every line one coordinate per seed: behind the last place where the simpler limit is enough, interpolated
        in the logarithm. A seed whose simpler limit is always enough, or never, counts as the end of the line.
    """
    excess = simple_excess(rows)
    found = {}
    for line, part in excess.groupby("line", sort=False):
        table = part.pivot(index="seed", columns="coordinate", values="excess")
        places = np.log(table.columns.to_numpy(float))
        found[str(line)] = pd.Series(
            [_crossing(places, values, tolerance) for values in table.to_numpy()], index=table.index
        )
    return found


def _crossing(places: np.ndarray, values: np.ndarray, tolerance: float) -> float:
    if not np.isfinite(values).all():
        return np.nan
    enough = np.flatnonzero(values <= tolerance)
    if not len(enough):
        return float(np.exp(places[0]))
    last = int(enough[-1])
    if last == len(values) - 1:
        return float(np.exp(places[-1]))
    share = (tolerance - values[last]) / (values[last + 1] - values[last])
    return float(np.exp(places[last] + share * (places[last + 1] - places[last])))
