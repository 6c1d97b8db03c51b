"""Cells of the tables on gradients and optimisers that figures, captions and verdicts share (P16, P23)."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from dropatlas.collapse.drift_effects import bound_ratio
from dropatlas.collapse.ratios import LogRatio, paired_ratio

MOMENTUM_DECAY = 0.9
"""β of the heavy ball (`dropatlas.collapse.ensemble`)."""


class NormCell(NamedTuple):
    """Gradient norms of networks under dropout beside those of the same networks without.

    Attributes:
        depth: Hidden layers L.
        drop_rate: Removal probability p.
        gain: Initial gain.
        step: Steps they are the mean over.
        theta: Crossing probability.
        norms: Mean of ‖f ⊙ g‖ over all steps, a step without a path counting as 0; by seed.
        controls: Mean of ‖g‖ without dropout, by the same seeds.
    """

    depth: int
    drop_rate: float
    gain: str
    step: int
    theta: float
    norms: np.ndarray
    controls: np.ndarray

    @property
    def ratio(self) -> LogRatio:
        """Mean norm over that without dropout."""
        return paired_ratio(self.norms, self.controls)

    @property
    def given_path(self) -> LogRatio:
        """Mean norm of a step with a path over that without dropout, by E‖f ⊙ g‖ = θ E[‖f ⊙ g‖ | path]."""
        return paired_ratio(self.norms / self.theta, self.controls)


def norm_cells(table: pd.DataFrame) -> Iterator[NormCell]:
    """The cells of table `collapse/gradients`: by gain, drop rate, depth and step, each rising."""
    controls = table[table.variant == "none"].set_index(["depth", "step", "seed"]).mean_gradient
    dropped = table[table.variant == "dropout"]
    for (gain, p, depth, step), cell in dropped.groupby(["gain", "drop_rate", "depth", "step"]):
        keys = pd.MultiIndex.from_frame(cell[["depth", "step", "seed"]])
        norms = cell.mean_gradient.where(~cell.diverged).to_numpy()
        yield NormCell(depth, p, gain, step, float(cell.theta.iloc[0]), norms, controls.reindex(keys).to_numpy())


class OptimiserCell(NamedTuple):
    """Networks under one optimiser, width and crossing probability.

    Attributes:
        optimiser: Its name.
        width: Vertices per layer W.
        theta: Crossing probability.
        expected: Steps with a path that a network should meet, θT.
        rows: Rows of table `collapse/optimisers`.
        steps: Steps to the loss target by seed; the horizon where it was not reached.
        control_steps: Those of the same seeds without dropout.
        censored: Share of the networks that did not reach the target: their time is longer than the horizon.
    """

    optimiser: str
    width: int
    theta: float
    expected: float
    rows: pd.DataFrame
    steps: np.ndarray
    control_steps: np.ndarray
    censored: float

    @property
    def slow_controls(self) -> float:
        """Share of the networks without dropout that need more steps than have a path here: no run could be as fast."""
        return float(np.mean(~(self.control_steps <= self.expected)))

    @property
    def drift(self) -> LogRatio:
        """Mean movement over its bound: M θ Σα, for momentum by 1 - β more."""
        ratio = bound_ratio(self.rows, "weight_distance")
        extra = np.log(1 - MOMENTUM_DECAY) if self.optimiser == "momentum" else 0.0
        return ratio._replace(estimate=ratio.estimate + extra)

    @property
    def time(self) -> LogRatio:
        """θ times mean steps to learn over those without dropout: 1 if only crossed steps count, and each as much."""
        return paired_ratio(self.theta * self.steps, self.control_steps)

    @property
    def root_time(self) -> LogRatio:
        """√θ times mean steps to learn over those without dropout: 1 if a crossed step counts 1/√θ times as much."""
        return paired_ratio(np.sqrt(self.theta) * self.steps, self.control_steps)


def optimiser_cells(table: pd.DataFrame) -> Iterator[OptimiserCell]:
    """The cells of table `collapse/optimisers`, without the controls."""
    table = table.assign(counted=table.steps_to_target.fillna(table.step))
    for (optimiser, width), runs in table.groupby(["optimiser", "width"], sort=False):
        controls = runs[runs.variant == "none"].set_index("seed").counted
        for theta, rows in runs[runs.variant == "dropout"].groupby("theta", sort=False):
            control_steps = controls.reindex(rows.seed).to_numpy()
            times = (rows.counted.to_numpy(), control_steps, float(rows.steps_to_target.isna().mean()))
            yield OptimiserCell(optimiser, width, theta, float(theta * rows.step.iloc[0]), rows, *times)
