"""What stops training under dropout: missing paths, or the signal that is lost although a path exists.

**One identity, two mechanisms.** A site mask keeps each hidden vertex with probability q = 1 - p; nothing is rescaled.
A path meets one vertex in each of the L hidden layers, so it survives with probability q^L, whatever the width W. Hence

- in a linear network the mean output over masks is q^L times the full one, and so is its gradient: while outputs are
  small, a step moves the weights towards the teacher by q^L times what it does without masks, on average;
- behind orthogonal matrices the mean square of the last hidden layer is q^L times the full one.

A mask without a path leaves nothing, so both are θ times what they are *given* a path. With θ = (1 - p^W)^L

    q^L = θ · s²,   s² = (q / (1 - p^W))^L,   -L log q = -log θ - log s²,

an exact split of the attenuation into missing paths and lost signal. At W = 1 all of it is paths (s² = 1); at W >= 3
nearly all of it is signal (at small p the share of paths is p^(W-1)). So width turns one mechanism into the other and
leaves the product as it is. How many surviving paths learning takes is another matter: wider networks need fewer steps,
with masks and without.

**Rescaling.** Dividing kept activations by q or a larger initial gain give the outputs their size back, but the outputs
of two masks stay nearly unrelated: averaged over an isotropic last layer their correlation is q^L at any constant
scale, and about that with normalised layers, whose scale follows the mask. Of T steps that differ like that the mean
stands out of the noise only if T·q^L is more than about one. A mask for every sample leaves the mean step as it is.
"""

import math
from dataclasses import dataclass
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from dropatlas.collapse.members import Member, grouped_by_kind
from dropatlas.collapse.settings import Seeds, Training, Width
from dropatlas.collapse.steps import evenly_spaced_steps
from dropatlas.settings import Count, Grid, OpenProbability, Section

FEW, MANY = 10.0, 150.0
"""Steps with a path that cannot train a network, and that surely do; also of T q^L, where signal is kept."""
LOST = 1.0
"""Expected surviving share of paths, added up over the steps, below which nothing should be learned."""

WIDE = 3
"""Width from which on nearly all of the attenuation is signal."""
NARROW = 4
"""Largest width that is padded together with width 1."""


def surviving_share(p: float, depth: int) -> float:
    """Probability q^L that a given path survives a site mask: share of the mean output, of its mean square, of a step.

    Args:
        p: Removal probability in [0, 1).
        depth: Hidden layers L, at least 1.
    """
    return math.exp(depth * math.log1p(-p))


def signal_given_path(p: float, width: int, depth: int) -> float:
    """Share s² = (q / (1 - p^W))^L of the mean square, and of paths, that is left *given* that the mask leaves a path.

    Args:
        p: Removal probability in [0, 1).
        width: Vertices per layer W, at least 1.
        depth: Hidden layers L, at least 1.

    Returns:
        A number in (0, 1]; 1 at width 1, where a mask cuts everything or nothing.
    """
    return math.exp(depth * (math.log1p(-p) - math.log1p(-(p**width))))


def ordering(score: np.ndarray, learned: np.ndarray) -> float:
    """Probability that a network that learns has the larger score than one that does not (ties half).

    Args:
        score: Larger where success is expected, shape (n,).
        learned: Whether each network learns, shape (n,).

    Returns:
        A number in [0, 1], 1/2 for a score that says nothing; NaN if all learn, or none.
    """
    winners, losers = np.sort(score[learned]), score[~learned]
    if not len(winners) or not len(losers):
        return np.nan
    below = np.searchsorted(winners, losers, side="left") + np.searchsorted(winners, losers, side="right")
    return float(1 - below.mean() / (2 * len(winners)))


def edge_shifts(arm: pd.DataFrame, base: pd.DataFrame, least: float) -> np.ndarray:
    """By how many decades of T·q^L networks of one arm learn further down than those of another, by seed.

    Success is 1 above some T·q^L and 0 below, so the area between two success curves over its logarithm is the distance
    of their edges (Spearman and Kärber); trapezoids between the cells that both have.

    Args:
        arm: One row per network of one horizon, with `seed`, `step`, `width`, `depth`, `drop_rate`,
            `surviving_share` and `learned`.
        base: The same of the other arm; other cells, seeds and horizons are ignored.
        least: Smaller T·q^L count as this, so that no distance is made of cells in which nothing can learn.

    Returns:
        One number per seed that both have, positive if `arm` learns from fewer surviving paths; empty below two cells.
    """
    cell = ["step", "width", "depth", "drop_rate"]
    success = [rows.set_index([*cell, "seed"]).learned.astype(float) for rows in (arm, base)]
    gained = (success[0] - success[1]).dropna().unstack("seed")
    if len(gained) < 2:
        return np.empty(0)
    left = (arm.step * arm.surviving_share).groupby([arm[name] for name in cell]).first().reindex(gained.index)
    score = np.log10(left.clip(lower=least).to_numpy())
    order = np.argsort(score)
    return np.asarray(np.trapezoid(gained.to_numpy()[order], score[order], axis=0))


@dataclass(frozen=True)
class Arm:
    """One way to drop.

    Attributes:
        variant: A masked variant of `dropatlas.collapse.members`.
        gain: "plain" or "compensated" initial weights.
        normalised: Whether every masked layer is divided by its root mean square.
        widths: Which widths it is run at: "all", "ends" (the narrowest and the widest), or "widest".
    """

    variant: str
    gain: str = "plain"
    normalised: bool = False
    widths: str = "widest"


ArmName = Literal["dropout", "compensated", "sample", "rescaled", "inverted", "normalised", "normalised sample"]

ARMS: dict[ArmName, Arm] = {
    "dropout": Arm("dropout", widths="all"),
    "compensated": Arm("dropout", gain="compensated"),
    "sample": Arm("sample", widths="ends"),
    "rescaled": Arm("rescaled"),
    "inverted": Arm("inverted"),
    "normalised": Arm("dropout", normalised=True),
    "normalised sample": Arm("sample", normalised=True),
}
"""The paper's dropout, and what is changed about it: initial gain, masks per sample, rescaling, normalised layers."""

NAMES = {(arm.variant, arm.gain, arm.normalised): name for name, arm in ARMS.items()}
"""Arm by variant, gain and normalisation."""


class Batch(NamedTuple):
    """Networks that are trained as one."""

    grid: str  # "map" or "published"
    depth: int
    normalised: bool
    steps: list[int]
    members: list[Member]


class PublishedCells(Section):
    """Networks of the size that was proposed, for few steps: wide and deep ones cost most."""

    depth: Count = Field(description="hidden layers L (proposed: 100)")
    widths: Grid[Width] = Field(description="vertices per layer W (proposed: 8, 16, 32, 64)")
    drop_rates: Grid[OpenProbability] = Field(description="removal probabilities p (proposed: 0.2, 0.4, 0.6)")
    steps: Count = Field(description="training steps T")
    seeds: Seeds = Field(description="networks per cell")


class Trainability(Section):
    """Experiment 3: which networks learn under dropout, and whether paths or signal decide."""

    depths: Grid[Count] = Field(description="hidden layers L")
    normalised_depths: Grid[Count] = Field(
        description="hidden layers L with normalised layers; deeper ones do not learn without dropout either"
    )
    widths: Grid[Width] = Field(description="vertices per layer W of plain dropout; at 1 only paths can be missing")
    drop_rates: Grid[OpenProbability] = Field(description="removal probabilities p")
    arms: Grid[ArmName] = Field(description="ways to drop")
    steps: Count = Field(description="training steps T; success is read at T/2 and at T")
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    published: PublishedCells = Field(description="the cells that were proposed, as far as they can be paid")
    training: Training = Field(description="seeds, batch, learning rate, test samples")

    def batches(self) -> list[Batch]:
        """All networks, those without dropout included, as they are trained."""
        found = []
        for normalised, depths in ((False, self.depths), (True, self.normalised_depths)):
            members = self._members(normalised)
            for depth, group in product(depths, _alike(members)):
                found.append(Batch("map", depth, normalised, evenly_spaced_steps(self.steps, 2), group))
        own = self.published
        for width in own.widths:
            group = [
                Member(width, p, variant, self.training.learning_rate, "plain", i)
                for p, variant in [(0.0, "none"), *((p, "dropout") for p in own.drop_rates)]
                for i in range(own.seeds)
            ]
            found.append(Batch("published", own.depth, False, [own.steps], group))
        return found

    def _members(self, normalised: bool) -> list[Member]:
        arms = [ARMS[name] for name in self.arms if ARMS[name].normalised == normalised]
        ends = sorted({min(self.widths), max(self.widths)})
        chosen = {"all": self.widths, "ends": ends, "widest": ends[-1:]}
        used = sorted({width for arm in arms for width in chosen[arm.widths]})
        kinds = [(width, 0.0, "none", "plain") for width in used]
        kinds += [
            (width, p, arm.variant, arm.gain)
            for arm in arms
            for width, p in product(chosen[arm.widths], self.drop_rates)
        ]
        return [
            Member(width, p, variant, self.training.learning_rate, gain, i)
            for width, p, variant, gain in kinds
            for i in range(self.training.seeds)
        ]


def _alike(members: list[Member]) -> list[list[Member]]:
    """Networks that one ensemble can hold without much padding."""
    parts = [[m for m in members if (m.width <= NARROW) == narrow] for narrow in (True, False)]
    return [group for part in parts if part for group in grouped_by_kind(part)]
