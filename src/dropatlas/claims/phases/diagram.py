"""Judges of the claims on the phase diagram, M3 and M8 (arXiv 2510.07554)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dropatlas.claims.checks import exact_check, mean_check, share_check
from dropatlas.claims.parts import Part, decide
from dropatlas.claims.verdicts import Judgement
from dropatlas.phases.agreement import CELL, HIT, MISS, NOTHING, TIE, cell_outcomes, excess_over_floor, inside
from dropatlas.phases.classification import PHASE_NAMES, PHASES

DIAGRAM = "phases/diagram"
DIAGRAM_RELU = "phases/diagram_relu"
WIDTH_TREND = "phases/width_trend"

MOST_MISSES = 3  # named one by one


def _compared(rows: pd.DataFrame, least_seeds: float) -> pd.DataFrame:
    """Outcomes of the cells away from the boundaries that were compared, with enough seeds."""
    cells = inside(cell_outcomes(rows))
    return cells[(cells.outcome != NOTHING) & (cells.seeds >= least_seeds)]


def _enough(values: pd.Series, least_seeds: float) -> Sequence[float]:
    """The values, one per seed; none where too few are numbers."""
    return values if np.isfinite(values).sum() >= least_seeds else []


def _named(phase: str) -> str:
    return f"{PHASE_NAMES[phase]} ({phase})"


def _hits(cells: pd.DataFrame) -> tuple[int, int]:
    """Hits, and cells that are a hit or a miss."""
    hits = int((cells.outcome == HIT).sum())
    return hits, hits + int((cells.outcome == MISS).sum())


def _agreement(cells: pd.DataFrame, share: float) -> list[Part]:
    """That most cells which decide are hits, and that every phase has hits and no misses; one with misses only fails.

    The interval of the share is over the cells of a grid chosen by hand, as if they were independent draws.
    """
    phases = []
    for name in PHASES:
        hits, decided = _hits(cells[cells.phase == name])
        value, some = hits / decided if decided else np.nan, np.nextafter(0.0, 1.0)
        phases.append(exact_check(_named(name), value, (1.0, 1.0), decided, fails_outside=(some, 1.0)))
    of_all = "share of decided cells away from the boundaries in the predicted phase"
    return [
        Part("most cells agree", of_all, [share_check("", *_hits(cells), (share, np.inf))], ".0%"),
        Part("every phase is found", "share of its decided cells in the predicted phase", phases, ".0%"),
    ]


def _counted(cells: pd.DataFrame) -> str:
    """How many cells have which outcome, and where the misses are."""
    counts = ", ".join(f"{(cells.outcome == outcome).sum()} {outcome}" for outcome in (HIT, MISS, TIE))
    nearest = f"the predicted limit is the very nearest in {(cells.nearest == cells.phase).sum()}"
    wrong = cells[cells.outcome == MISS]
    misses = [
        f"{miss.nearest} instead of {miss.phase} at τ = {miss.learning_rate:g}, q = {miss.keep_rate:g}"
        for miss in wrong[:MOST_MISSES].itertuples()
    ]
    misses += [f"{len(wrong) - MOST_MISSES} more"] if len(wrong) > MOST_MISSES else []
    return f"{len(cells)} cells: {counts}; {nearest}" + (f"; misses: {' and '.join(misses)}" if misses else "")


def judge_m3(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M3: away from the boundaries the dropout particles are nearest to the predicted limit, and reach it with n.

    Outcomes per cell: `phases.agreement`; ties (limits that cannot be told apart) count for neither. Besides the parts
    on agreement: at the largest width W₁ exceeds the noise floor by at most `excess` of it in every phase (interval
    over seeds).
    """
    cells, least = _compared(tables[DIAGRAM], criterion["least_seeds"]), criterion["least_seeds"]
    reached = [
        mean_check(_named(name), _enough(excess, least), (-np.inf, criterion["excess"]))
        for name, excess in excess_over_floor(tables[WIDTH_TREND]).items()
    ]
    measure = "W₁ to the predicted limit beyond the noise floor at the largest width, as a share of it,"
    parts = [*_agreement(cells, criterion["share"]), Part("the limit is reached", measure, reached, ".0%")]
    return decide(parts, _counted(cells))


def judge_m8(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M8: the diagram of ReLU with constrained weights agrees with the prediction as the bounded one does.

    Besides the parts on agreement, as in M3: every cell that decides in both diagrams has the same outcome.
    """
    cells, bounded = (_compared(tables[name], criterion["least_seeds"]) for name in (DIAGRAM_RELU, DIAGRAM))
    both = cells.merge(bounded, on=CELL, suffixes=("", "_tanh"))
    both = both[both.outcome.isin([HIT, MISS]) & both.outcome_tanh.isin([HIT, MISS])]
    same = float((both.outcome == both.outcome_tanh).mean())
    measure = "share of the cells that decide in both diagrams with the same outcome"
    alike = Part("as with tanh", measure, [exact_check("", same, (1.0, 1.0), len(both))], ".0%")
    return decide([*_agreement(cells, criterion["share"]), alike], _counted(cells))
