"""What connectivity costs (arXiv 2512.13853, "Design tradeoffs"): regularisation, and depth at one budget.

The paper argues that a lower drop rate keeps more paths but regularises less, and that a budget of weights is better
spent on width than on depth. This module has what both experiments need besides the networks: their settings, targets
of which some are wrong, the shapes that a budget pays for, and numbers that verdicts, figures and captions share.
"""

from dataclasses import dataclass
from itertools import product
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from dropatlas.collapse.members import GAINS, Member, grouped_by_kind
from dropatlas.collapse.settings import Training, Width
from dropatlas.settings import Count, Grid, OpenProbability, Probability, Section
from dropatlas.steps import log_spaced_steps

FORMS = ("inverted", "dropout")
"""Library dropout (a mask per sample, rescaled) and the paper's (one mask per step, nothing rescaled)."""

INPUTS, OUTPUTS = 16, 1
"""Of the linear teacher that networks of one budget learn."""

BUDGET_TOLERANCE = 0.05
"""How far the weights of a network may lie from its budget, as a share of it."""

CELL = ["depth", "width", "wrong_labels"]
"""Columns that name a cell of `collapse/regularisation`; networks without dropout belong to it, too."""


class RegularisationCell(Section):
    """Networks of one shape on few digits, some of them labelled wrongly."""

    depth: Count = Field(description="hidden layers L")
    width: Width = Field(description="vertices per layer W")
    wrong_labels: Probability = Field(description="share of digits whose label is drawn at random, seen and unseen")


class Regularisation(Section):
    """Train-test gap and test loss of overfitting networks over the drop rate."""

    cells: Grid[RegularisationCell] = Field(description="networks and labels; each cell draws its own digits")
    drop_rates: Grid[OpenProbability] = Field(description="removal probabilities p besides 0")
    samples: Annotated[int, Field(ge=10)] = Field(description="training digits, the same for all networks of a cell")
    horizons: Grid[Count] = Field(description="training steps after which networks are compared; the last one ends it")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step, to find its best step")
    training: Training = Field(description="seeds, batch, learning rate, test samples")

    def measured_steps(self) -> list[int]:
        """Steps after which every network is measured, all horizons among them."""
        last = max(self.horizons)
        return sorted({*log_spaced_steps(last, self.measurements, first=min(10, last)), *self.horizons})

    def ensembles(self, cell: RegularisationCell) -> list[list[Member]]:
        """The networks of a cell, those that are trained as one together."""
        kinds = [(0.0, "none"), *product(self.drop_rates, FORMS)]
        return grouped_by_kind(
            [
                Member(cell.width, p, variant, self.training.learning_rate, "plain", i)
                for p, variant in kinds
                for i in range(self.training.seeds)
            ]
        )


class TrainedBudget(Section):
    """Training success of shapes that cost equally many weights."""

    budgets: Grid[Annotated[int, Field(ge=INPUTS + OUTPUTS)]] = Field(description="weights of a network")
    widths: Grid[Width] = Field(description="vertices per layer W; the depth is what the budget then pays for")
    drop_rates: Grid[OpenProbability] = Field(description="removal probabilities p")
    steps: Count = Field(description="training steps T")
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    training: Training = Field(description="seeds, batch, learning rate, test samples")

    def shapes(self) -> list[tuple[int, int, int]]:
        """Budget, depth and width of all networks, widest first; widths that miss a budget are left out."""
        return [
            (budget, depth, width)
            for budget, width in product(self.budgets, sorted(self.widths, reverse=True))
            if (depth := depth_for(budget, width)) is not None
        ]

    def members(self, width: int) -> list[Member]:
        """Networks of one width: without dropout, and with every drop rate at both gains."""
        kinds = [(0.0, "none", "plain"), *((p, "dropout", gain) for p, gain in product(self.drop_rates, GAINS))]
        return [
            Member(width, p, variant, self.training.learning_rate, gain, i)
            for p, variant, gain in kinds
            for i in range(self.training.seeds)
        ]


def weights_of(depth: int, width: int, inputs: int = INPUTS, outputs: int = OUTPUTS) -> int:
    """Weights of a fully connected network with L hidden layers of W vertices, without biases."""
    return inputs * width + (depth - 1) * width**2 + width * outputs


def depth_for(budget: int, width: int, inputs: int = INPUTS, outputs: int = OUTPUTS) -> int | None:
    """Hidden layers with which a network of a width costs a number of weights.

    Args:
        budget: Weights.
        width: Vertices per hidden layer W.
        inputs: Input dimension.
        outputs: Output dimension.

    Returns:
        L, at least 2 (with one layer nothing is traded); None where no such L comes within `BUDGET_TOLERANCE`.
    """
    depth = round((budget - width * (inputs + outputs)) / width**2) + 1
    near = abs(weights_of(depth, width, inputs, outputs) - budget) <= BUDGET_TOLERANCE * budget
    return depth if depth >= 2 and near else None


def with_wrong_labels(labels: np.ndarray, share: float, classes: int, rng: np.random.Generator) -> np.ndarray:
    """Labels of which a share is drawn anew, uniformly over all classes (so that some stay right).

    Args:
        labels: Class labels, shape (N,).
        share: Probability that a label is drawn anew, in [0, 1].
        classes: Number of classes.
        rng: Source of what is drawn.

    Returns:
        Shape (N,), as `labels`.
    """
    drawn = rng.random(len(labels)) < share
    return np.where(drawn, rng.integers(classes, size=len(labels)), labels)


@dataclass(frozen=True)
class Trajectory:
    """Losses of one network along its training, and what they say at a horizon.

    Attributes:
        steps: Measured steps, rising, shape (n,).
        train_loss: Without masks, on the training digits, shape (n,).
        test_loss: Without masks, on unseen digits, shape (n,).
        test_accuracy: Shape (n,).
    """

    steps: np.ndarray
    train_loss: np.ndarray
    test_loss: np.ndarray
    test_accuracy: np.ndarray

    def until(self, horizon: int) -> dict[str, float]:
        """Losses at a horizon, and at the step up to it whose test loss is lowest; a loss that is not finite stays."""
        end, seen = int(np.flatnonzero(self.steps == horizon)[0]), self.steps <= horizon
        finite = np.where(np.isfinite(self.test_loss) & seen, self.test_loss, np.inf)
        best = int(finite.argmin())
        return {
            "train_loss": float(self.train_loss[end]),
            "test_loss": float(self.test_loss[end]),
            "gap": float(self.test_loss[end] - self.train_loss[end]),
            "test_accuracy": float(self.test_accuracy[end]),
            "best_step": float(self.steps[best]),
            "best_test_loss": float(self.test_loss[best]),
            "best_gap": float(self.test_loss[best] - self.train_loss[best]),
            "best_test_accuracy": float(self.test_accuracy[best]),
        }


def changes_from_none(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """A number of every network with dropout minus that of the same network without.

    Args:
        rows: Table `collapse/regularisation`.
        column: The number.

    Returns:
        The rows with dropout, with `change` (NaN where either is no number).
    """
    keys = [*CELL, "horizon", "seed"]
    none = rows[rows.variant == "none"].set_index(keys)[column]
    dropped = rows[rows.variant != "none"]
    same = none.reindex(pd.MultiIndex.from_frame(dropped[keys])).to_numpy()
    return dropped.assign(change=dropped[column] - same)


def with_learning(rows: pd.DataFrame, learns: float) -> pd.DataFrame:
    """Mark the networks of `collapse/regularisation` that learn at all.

    Args:
        rows: The table.
        learns: Share of the trivial loss that the best test loss of most networks may have.

    Returns:
        The rows with `learns`, of all networks of one cell, variant, drop rate and horizon (their mean counts), and
        `control_learns`, the same of those without dropout of the cell and horizon. A network of which no loss is a
        number does not learn.
    """
    ratio = (rows.best_test_loss / rows.trivial_loss).fillna(np.inf)
    keys = [*CELL, "horizon"]
    reached = ratio.groupby([rows[key] for key in [*keys, "variant", "drop_rate"]]).transform("mean") <= learns
    control = reached[rows.variant == "none"].groupby([rows[key] for key in keys]).all()
    same = control.reindex(pd.MultiIndex.from_frame(rows[keys])).eq(True).to_numpy()
    return rows.assign(learns=reached, control_learns=same)


def gap_slopes(runs: pd.DataFrame, control: pd.DataFrame) -> np.ndarray:
    """Slope of the train-test gap over the drop rate, in gaps without dropout per unit of p, one value per seed.

    Args:
        runs: Rows of one cell, form of dropout and horizon.
        control: Those without dropout, of the same seeds (p = 0).

    Returns:
        Empty with fewer than three drop rates, 0 among them; NaN for a seed of which a gap is no number.
    """
    table = pd.concat([runs, control]).pivot(index="drop_rate", columns="seed", values="gap")
    if len(table) < 3:
        return np.empty(0)
    p = table.index.to_numpy()
    centred = p - p.mean()
    return (centred @ table.to_numpy()) / (centred @ centred) / float(control.gap.mean())


def cost_slopes(runs: pd.DataFrame) -> np.ndarray:
    """Slope of what dropout costs over the binary logarithm of the width, along the shapes of a budget, one per seed.

    Args:
        runs: Rows of one budget, drop rate and gain in `collapse/parameter_budget`; `excess` is the cost.

    Returns:
        Change of the loss ratio per doubling of the width; empty with fewer than two widths, NaN for a seed of which a
        loss is no number.
    """
    table = runs.pivot(index="width", columns="seed", values="excess")
    if len(table) < 2:
        return np.empty(0)
    x = np.log2(table.index.to_numpy())
    x = x - x.mean()
    return (x @ table.to_numpy()) / (x @ x)
