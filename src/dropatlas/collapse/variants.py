"""Dropout beside modified dropout, which skips steps without a path: who is trained, and where a run has settled."""

from itertools import product
from typing import Annotated

import pandas as pd
from pydantic import Field

from dropatlas.collapse.members import Member
from dropatlas.collapse.settings import Cell, Seeds
from dropatlas.collapse.steps import evenly_spaced_steps
from dropatlas.settings import Count, Grid, OpenProbability, Positive, Section
from dropatlas.steps import log_spaced_steps

MODIFIED = {"dropout": "modified", "dropconnect": "modified_dropconnect"}
"""The variant that skips steps without a path, for each that does not."""

PLATEAU_PARTS = 32
"""Parts of a run that are measured evenly, so that its last half and the quarter before have means."""


class Variants(Section):
    """Experiment 2: no dropout, dropout and dropconnect, and both modified."""

    cells: Grid[Cell] = Field(description="networks and removal probabilities")
    learning_rates: Grid[Annotated[float, Field(gt=0, le=10)]] = Field(description="learning rates alpha, constant")
    seeds: Seeds = Field(description="networks per cell, each with its own initialisation, data order and masks")
    batch_size: Count = Field(description="samples per step, drawn with replacement")
    test_samples: Annotated[int, Field(ge=10, le=1000)] = Field(description="test samples used at every measurement")
    steps: Count = Field(description="training steps T of networks with biases")
    free_steps: Count = Field(description="training steps of networks without biases")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step, beside those of plateaus")
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    offset: Positive = Field(description="constant in the regression targets of networks with biases")

    def measured_steps(self, *, biases: bool) -> list[int]:
        """Steps after which every network is measured."""
        last = self.steps if biases else self.free_steps
        early = log_spaced_steps(last, self.measurements)
        return sorted({*early, *(step for step in evenly_spaced_steps(last, PLATEAU_PARTS) if step > last // 4)})

    def ensembles(self) -> list[tuple[bool, int, list[Member]]]:
        """Whether there are biases, depth, and the networks that are trained as one."""
        found = []
        for biases, depth in product((False, True), sorted({cell.depth for cell in self.cells})):
            cells = [(cell.width, cell.drop_rate) for cell in self.cells if cell.depth == depth]
            controls = [(width, 0.0, "none") for width in sorted({width for width, _ in cells})]
            for plain, modified in MODIFIED.items():
                masked = [(*cell, variant) for cell, variant in product(cells, (plain, modified))]
                kinds = [*controls, *masked] if plain == "dropout" else masked
                found.append((biases, depth, self._members(kinds)))
        return found

    def _members(self, kinds: list[tuple[int, float, str]]) -> list[Member]:
        numbers = range(self.seeds)
        return [
            Member(width, p, variant, rate, "plain", number)
            for (width, p, variant), rate, number in product(kinds, self.learning_rates, numbers)
        ]


def settled_losses(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Mean loss ratio of every run over the last half of its steps and over the quarter before.

    Args:
        rows: Table `collapse/variants`.
        keys: Columns that tell runs apart.

    Returns:
        Indexed by run: `late`, over (T/2, T], and `before`, over (T/4, T/2]; a diverged run has no number.
    """
    place = rows.step / rows.groupby("biases").step.transform("max")
    loss = rows.loss_ratio.where(~rows.diverged)
    windows = {"before": (place > 0.25) & (place <= 0.5), "late": place > 0.5}
    runs = [rows[key] for key in keys]
    return pd.DataFrame({name: loss.where(inside).groupby(runs).mean() for name, inside in windows.items()})
