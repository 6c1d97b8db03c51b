"""What wrong codes, and neurons at small β, look like: numbers per seed from the table `phases/failure_signatures`."""

import pandas as pd

from dropatlas.phases.agreement import FARTHEST, debiased
from dropatlas.phases.comparison import DROPOUT_DIVERGED
from dropatlas.phases.wrong_codes import RIGHT


def right_code_distances(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """D of the right code to the predicted limit (`agreement.debiased`), by phase, one value per seed."""
    right = rows[(rows.experiment == "codes") & (rows.code == RIGHT)]
    return {str(cell): debiased(part) for cell, part in right.groupby("cell", sort=False)}


def code_signatures(rows: pd.DataFrame) -> dict[tuple[str, str], pd.Series]:
    """By how much farther than the right code a wrong one is from the predicted limit, in movements.

    Compared with the right code, not with a second run of the wrong one: two runs of a wrong code may be farther apart
    than anything else.

    Args:
        rows: Table `phases/failure_signatures`.

    Returns:
        By code and phase one value per seed; what is farther than a whole movement, or diverged, counts as FARTHEST.
    """
    compared = rows[rows.experiment == "codes"]
    right = compared[compared.code == RIGHT].set_index(["cell", "seed"])
    found = {}
    for (code, cell), part in compared[compared.code != RIGHT].groupby(["code", "cell"], sort=False):
        pairs = part.set_index(["cell", "seed"])
        excess = (pairs.distance - right.distance.reindex(pairs.index)) / pairs.movement
        excess = excess.mask(pairs.status == DROPOUT_DIVERGED, FARTHEST).clip(upper=FARTHEST)
        found[str(code), str(cell)] = excess.droplevel("cell")
    return found


def diverged_runs(rows: pd.DataFrame) -> dict[tuple[str, str], tuple[int, int]]:
    """How many seeds of a code diverged, and of how many; by code and phase, where any did.

    Args:
        rows: Table `phases/failure_signatures`.
    """
    lost = (rows[rows.experiment == "codes"].assign(lost=lambda r: r.status == DROPOUT_DIVERGED)).groupby(
        ["code", "cell"], sort=False
    )
    return {(str(code), str(cell)): (int(part.lost.sum()), len(part)) for (code, cell), part in lost if part.lost.any()}


def over_beta(rows: pd.DataFrame) -> pd.DataFrame:
    """Neurons at the largest β over those at the smallest, one row per seed, without the mean of the gradient flow.

    Args:
        rows: Table `phases/failure_signatures`.

    Returns:
        By seed the ratios of `neighbour` and `size`; none if a single β was watched.
    """
    watched = rows[rows.experiment == "small beta"].set_index("seed")
    largest, smallest = (watched[watched.beta == end] for end in (watched.beta.max(), watched.beta.min()))
    ratios = largest[["neighbour", "size"]] / smallest[["neighbour", "size"]]
    return ratios if watched.beta.nunique() > 1 else ratios[:0]


def against_flow(rows: pd.DataFrame) -> pd.DataFrame:
    """How near to one another, and how long, the neurons of the watched networks are.

    Args:
        rows: Table `phases/failure_signatures`.

    Returns:
        One row per network and seed: beta, seed, `neighbour` and `size` over those of gradient flow.
    """
    watched = rows[rows.experiment == "small beta"]
    return watched[["beta", "seed"]].assign(
        neighbour=watched.neighbour / watched.flow_neighbour, size=watched["size"] / watched.flow_size
    )
