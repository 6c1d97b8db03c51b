"""Judges of M5 (Figure 3: RaM does on digits what dropout does) and M17 (and the more so the wider, ours)."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import Band, mean_check, no_number, ratio_check
from dropatlas.claims.parts import LEVEL, Check, Part, decide, one_part_open
from dropatlas.claims.verdicts import Judgement, State
from dropatlas.phases.digit_effects import (
    PUBLISHED_RATE,
    PUBLISHED_WIDTH,
    READINGS,
    Effects,
    Reading,
    effects,
    risks_of_runs,
    shares_of_seeds,
)
from dropatlas.stats import LEAST_SEEDS, mean_interval

DIGIT_PAIR = "phases/digit_pair"

SHARE = "share of dropout's effect on the test risk that RaM has"
PUBLISHED_DATA = "MNIST"


def why_it_cannot_tell(cell: Effects) -> str:
    """Why a cell says nothing about shares of dropout's effect; empty where it does."""
    if not cell.known or len(cell.none) < LEAST_SEEDS:
        return "no dropout, dropout or RaM was not run, diverged, or has too few seeds"
    if not cell.tells:
        gain = mean_interval(cell.dropout / cell.none.mean())
        return f"this cell cannot tell: dropout lowers the test risk by {gain:.1%}, which is not clear"
    return ""


def judge_m5(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M5: RaM has dropout's effect on the test risk, at the published width and drop rate in the published window.

    Two parts, the curves (mean over the window) and the best steps (lowest of each run): the share of dropout's effect
    lies within `margin` of 1. Where dropout itself has no clear effect the part stays open, and so it does where the
    window was not run to its end or the data are not MNIST, of which the statement speaks; its number is told.
    """
    rows = tables[DIGIT_PAIR]
    readings: dict[str, Reading] = {"the curves coincide": "mean", "the best steps coincide": "best"}
    inside = _inside(rows, criterion)
    if inside.empty:
        return one_part_open("the curves coincide", SHARE, _no_step(criterion))
    margin = criterion["margin"]
    unlike = _not_as_published(inside, criterion)
    parts = []
    for name, reading in readings.items():
        cell = effects(risks_of_runs(rows, reading, _window(criterion)), PUBLISHED_WIDTH, PUBLISHED_RATE)
        check = _share_check("", cell, (1 - margin, 1 + margin))
        checks = [replace(check, p_holds=1.0, p_fails=1.0) if unlike else check]
        notes = {State.OPEN: unlike} if unlike else {}
        parts.append(Part(name, f"{SHARE}, {READINGS[reading]},", checks, ".2f", notes, why_it_cannot_tell(cell)))
    return decide(parts, _regime(inside[inside.width == PUBLISHED_WIDTH]))


def judge_m17(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M17: RaM's share of dropout's effect grows from the smallest to the largest width.

    One part per drop rate that both have: it holds where the share clearly grows, and fails where it clearly grows by
    less than `growth` and not clearly by more than nothing. The test risk is the mean over the window. Where dropout
    has no clear effect at one of both widths the part stays open.
    """
    rows = tables[DIGIT_PAIR]
    inside = _inside(rows, criterion)
    measure = f"growth of the {SHARE}"
    if inside.empty:
        return one_part_open("the share grows", measure, _no_step(criterion))
    ends, risks = (int(inside.width.min()), int(inside.width.max())), risks_of_runs(rows, "mean", _window(criterion))
    if ends[0] == ends[1] or not _shared_rates(inside, ends):
        return one_part_open("the share grows", measure, "no drop rate was run at two widths")
    parts = []
    for rate in _shared_rates(inside, ends):
        cells = [effects(risks, width, rate) for width in ends]
        reasons = [why_it_cannot_tell(cell) for cell in cells]
        where = [f"n = {width}: {why}" for width, why in zip(ends, reasons, strict=True) if why]
        band, least = (0.0, np.inf), (criterion["growth"], np.inf)
        check = no_number("", band) if where else mean_check("", _growth(*cells), band, fails_outside=least)
        check = replace(check, p_fails=1.0) if check.p_holds <= LEVEL else check
        between = f"{measure} from n = {ends[0]} to n = {ends[1]}"
        parts.append(Part(f"the share grows at p = {rate:g}", between, [check], ".2f", why_open="; ".join(where)))
    return decide(parts, _regime(inside))


def _shared_rates(inside: pd.DataFrame, widths: tuple[int, int]) -> list[float]:
    """Drop rates that were run at both widths."""
    first, second = (set(inside.drop_rate[inside.width == width]) - {0.0} for width in widths)
    return sorted(first & second)


def _window(criterion: Mapping[str, float]) -> tuple[int, int]:
    return int(criterion["after"]), int(criterion["until"])


def _inside(rows: pd.DataFrame, criterion: Mapping[str, float]) -> pd.DataFrame:
    """Rows of the window."""
    after, until = _window(criterion)
    return rows[(rows.step > after) & (rows.step <= until)]


def _no_step(criterion: Mapping[str, float]) -> str:
    after, until = _window(criterion)
    return f"no network was measured after more than {after:,} and up to {until:,} steps, the published window"


def _not_as_published(inside: pd.DataFrame, criterion: Mapping[str, float]) -> str:
    """In what the run is not that of the statement; empty where it is."""
    until, seen = _window(criterion)[1], inside[inside.width == PUBLISHED_WIDTH]
    told = [f"the data are {data}, not {PUBLISHED_DATA}" for data in seen.data.unique() if data != PUBLISHED_DATA]
    if len(seen) and seen.step.max() < until:
        told.append(f"so far: measured up to step {seen.step.max():,} of {until:,}")
    return ", ".join(told)


def _regime(inside: pd.DataFrame) -> str:
    """Which part of the published window and how many seeds were run."""
    if inside.empty:
        return ""
    data, first, last = inside.data.iloc[0], inside.step.min(), inside.step.max()
    return f"{data}, steps {first:,} to {last:,}, {inside.seed.nunique()} seeds"


def _share_check(where: str, cell: Effects, band: Band) -> Check:
    return no_number(where, band) if why_it_cannot_tell(cell) else ratio_check(where, cell.variant, cell.dropout, band)


def _growth(narrow: Effects, wide: Effects) -> np.ndarray:
    """Share at the wide minus share at the narrow width, one per seed that both have."""
    seeds = min(len(narrow.none), len(wide.none))
    return shares_of_seeds(wide)[:seeds] - shares_of_seeds(narrow)[:seeds]
