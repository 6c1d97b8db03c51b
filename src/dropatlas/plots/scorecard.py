"""The picture of the scorecard: every claim's verdict, with the number and the interval behind it."""

import textwrap
from typing import Any, Protocol

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dropatlas.stats import Interval

VERDICT_STYLES = {
    "reproduced": ("#00674b", "#d5f0e5", "o"),
    "supported": ("#00674b", "#d5f0e5", "o"),
    "partly": ("#7a4a00", "#fce8c5", "D"),
    "not reproduced": ("#8f1d1d", "#f9dad6", "X"),
    "not supported": ("#8f1d1d", "#f9dad6", "X"),
    "inconclusive": ("#47505c", "#e3e7ec", "o"),
    "not run": ("#5f6873", "#f3f5f7", "o"),
}
"""Ink, paint and marker by verdict; markers tell the verdicts apart without colour."""

HEADING = 1.4  # height of a paper's heading, in rows
MEASURE_WIDTH = 88  # characters of what an effect is, in one line


def verdicts(rows: pd.DataFrame, titles: dict[str, str], limits: tuple[float, float] = (-1.0, 1.5)) -> Figure:
    """One line per claim: verdict, effect with 95 % interval, what the effect is; grouped by paper.

    Args:
        rows: Judged claims, a table of `dropatlas.tasks.judge_claims`.
        titles: Title by arXiv identifier, in reading order.
        limits: Range of the axis that all effects share, each in its own unit; an arrow stands for what lies beyond.
    """
    papers = [paper for paper in titles if (rows.paper == paper).any()]
    height = len(rows) + HEADING * len(papers)
    figure, (names, effects, words) = plt.subplots(
        1, 3, figsize=(13, 0.6 + 0.27 * height), sharey=True, width_ratios=[1.6, 2.4, 6.5]
    )
    place = 0.0
    for paper in papers:
        _text(names, 0, place + HEADING - 0.75, f"{titles[paper]} (arXiv {paper})", weight="bold", fontsize=10.5)
        place += HEADING
        for row in rows[rows.paper == paper].itertuples():
            _draw(names, effects, words, row, place, limits)
            place += 1
    names.set_zorder(1)  # titles run across the other columns
    for axes in (names, words):
        axes.set_axis_off()
        axes.set_xlim(0, 1)
    effects.axvline(0, color="0.75", lw=0.8, zorder=0)
    effects.set(xlim=limits, ylim=(height - 0.4, -0.2), yticks=[], xticks=[-1, -0.5, 0, 0.5, 1])
    effects.set_xlabel("effect, each in its own unit (right)", fontsize=9)
    effects.tick_params(labelsize=8)
    effects.grid(False, axis="y")
    for side in ("left", "right", "top"):
        effects.spines[side].set_visible(False)
    return figure


def _text(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Text of a column whose width is fixed: it must not push the other columns aside."""
    axes.text(x, y, text, va="center", **style).set_in_layout(False)


class _Judged(Protocol):
    """What the picture shows of a row of judged claims."""

    id: str
    verdict: str
    effect: float
    interval_low: float
    interval_high: float
    measure: str


def _draw(names: Axes, effects: Axes, words: Axes, row: _Judged, place: float, limits: tuple[float, float]) -> None:
    ink, paint, marker = VERDICT_STYLES[row.verdict]
    _text(names, 0.2, place, row.id, ha="right", fontsize=10, weight="bold")
    box = {"boxstyle": "round,pad=0.25", "fc": paint, "ec": ink, "lw": 0.7}
    _text(names, 0.27, place, row.verdict, color=ink, fontsize=9, bbox=box)
    if not np.isfinite(row.effect):
        _text(words, 0, place, "no number", color="0.4", fontsize=8.5)
        return
    low, high = np.clip([row.interval_low, row.interval_high], *limits)
    if limits[0] <= row.effect <= limits[1]:
        effects.plot([low, high], [place, place], color=ink, lw=2, alpha=0.6, solid_capstyle="butt")
        effects.plot(row.effect, place, marker, color=ink, ms=5.5)
    else:
        end, arrow = (limits[1], "→") if row.effect > limits[1] else (limits[0], "←")
        _text(effects, end, place, arrow, color=ink, ha="right" if arrow == "→" else "left", fontsize=12)
    found = Interval(row.effect, row.interval_low, row.interval_high)
    ours = f"{found.estimate:.3g}" if found.low == found.high else f"{found:.3g}"
    _text(words, 0, place, ours, fontsize=8.5)
    lines = textwrap.wrap(row.measure, MEASURE_WIDTH)
    _text(words, 0.3, place, "\n".join(lines), color="0.35", fontsize=8.5 if len(lines) == 1 else 7, linespacing=1)
