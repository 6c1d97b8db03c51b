"""Cells and numbers of the tables on movement that figures, captions and verdicts share (P6, P7, P17)."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from dropatlas.collapse.ratios import UNKNOWN, LogRatio, ratio_to_bound
from dropatlas.stats import mean_interval


def gradient_sums(rows: pd.DataFrame) -> np.ndarray:
    """Sum of ‖f ⊙ g‖ over the steps with a path, of every network; 0 where there was no such step."""
    sums = (rows.path_gradient * rows.crossed_steps).to_numpy(dtype=float)
    return np.where(rows.crossed_steps == 0, 0.0, sums)


def mean_gradient(rows: pd.DataFrame) -> float:
    """Mean of ‖f ⊙ g‖ over the steps with a path, pooled over the networks; NaN without such a step."""
    counts = rows.crossed_steps.sum()
    return float(gradient_sums(rows).sum() / counts) if counts else np.nan


def bound_ratio(rows: pd.DataFrame, column: str = "distance") -> LogRatio:
    """Mean movement of the judged seeds of a cell over θ Σα times the mean gradient of the others.

    Args:
        rows: One per network, with `theta`, `rate_sum`, `crossed_steps`, `path_gradient`, `estimates`.
        column: The movement.
    """
    judged, others = rows[~rows.estimates], rows[rows.estimates]
    if judged.empty or others.empty:
        return UNKNOWN
    factor = float(judged.theta.iloc[0] * judged.rate_sum.iloc[0])
    return ratio_to_bound(judged[column].to_numpy(), gradient_sums(others), others.crossed_steps.to_numpy(), factor)


class DriftCell(NamedTuple):
    """Networks of `collapse/drift_bound` that differ by their seed alone.

    Attributes:
        network: Key of `NETWORKS`.
        model: "site" or "bond".
        depth: Hidden layers L.
        width: Vertices per layer W.
        theta: Crossing probability.
        assumption: Whether Assumption V.2 holds.
        expected: Steps with a path that a network should meet, θT.
        networks: Networks of all seeds.
        rows: Those that have a gradient without masks at w_0.
        slack: M over the mean gradient norm: how much the bound with M is above the sharper one.
    """

    network: str
    model: str
    depth: int
    width: int
    theta: float
    assumption: bool
    expected: float
    networks: int
    rows: pd.DataFrame
    slack: float


def drift_cells(table: pd.DataFrame) -> Iterator[DriftCell]:
    """The cells of table `collapse/drift_bound`."""
    names = ["network", "model", "depth", "width", "theta"]
    for (network, model, depth, width, theta), cell in table.groupby(names, sort=False):
        rows = cell[cell.alive]
        mean, largest = mean_gradient(rows[rows.estimates]), cell.gradient_bound.iloc[0]
        slack = max(1.0, float(largest / mean)) if mean > 0 else 1.0
        known = (bool(cell.assumption.iloc[0]), float(theta * cell.step.iloc[0]), len(cell))
        yield DriftCell(network, model, depth, width, theta, *known, rows, slack)


class MovementCell(NamedTuple):
    """Networks of the grid of `collapse/movement` that differ by their seed alone, after some steps.

    Attributes:
        depth: Hidden layers L.
        width: Vertices per layer W.
        gain: Initial gain.
        learning_rate: Learning rate α.
        step: Steps done, T.
        theta: Crossing probability.
        drift: x = M θ Σα / ‖w_0‖, with M from the other half of the seeds: the bound on the movement.
        moved: ‖w_T - w_0‖ / ‖w_0‖ of the judged seeds.
        control: The same of these networks without dropout.
        control_step: First measured step at which networks without dropout have moved by `LEAVES` on average; infinite
            if they never do.
        control_learns: Whether they reach the loss target at the end.
    """

    depth: int
    width: int
    gain: str
    learning_rate: float
    step: int
    theta: float
    drift: float
    moved: np.ndarray
    control: np.ndarray
    control_step: float
    control_learns: bool

    @property
    def expected(self) -> float:
        """Steps with a path that a network should have met, θT."""
        return self.theta * self.step

    @property
    def control_leaves(self) -> bool:
        """Whether the networks without dropout have clearly left after the same steps: else the cell cannot tell."""
        return bool(np.isfinite(self.control).all()) and mean_interval(self.control).low >= LEAVES

    @property
    def every_step(self) -> float:
        """The x of as many steps that all have a path, with the same M: small where α is small or M vanishes."""
        return self.drift / self.theta

    @property
    def chances(self) -> float:
        """Expected steps with a path over the steps that the network without dropout needs to leave."""
        return self.expected / self.control_step


LEAVES = 0.02
"""Relative movement from which on weights have left their initialisation: deep networks learn within a tenth."""


def movement_cells(table: pd.DataFrame) -> list[MovementCell]:
    """The cells of the grid of table `collapse/movement`, at a quarter of every run and at its end."""
    grid = table[table.series == "grid"]
    cells = []
    for (depth, width, rate), runs in grid.groupby(["depth", "width", "learning_rate"]):
        control = runs[runs.variant == "none"]
        mean = control.groupby("step").relative_movement.mean()
        left = mean.index[mean >= LEAVES]
        control_step = float(left.min()) if len(left) else np.inf
        last = runs.step.max()
        quarter = runs.step[runs.step >= last / 4].min()
        for gain, dropped in runs[runs.variant == "dropout"].groupby("gain", sort=False):
            for step in sorted({quarter, last}):
                now, then = dropped[dropped.step == step], control[control.step == step]
                others, judged = now[now.estimates], now[~now.estimates]
                theta = float(now.theta.iloc[0])
                norm = float(now.initial_norm.mean())
                drift = np.nan_to_num(mean_gradient(others)) * theta * float(now.rate_sum.iloc[0]) / norm
                cells.append(
                    MovementCell(
                        depth,
                        width,
                        gain,
                        rate,
                        int(step),
                        theta,
                        float(drift),
                        judged.relative_movement.to_numpy(),
                        then[~then.estimates].relative_movement.to_numpy(),
                        control_step,
                        bool(now.control_learns.iloc[0]),
                    )
                )
    return cells


class ThresholdCell(NamedTuple):
    """Networks near the critical width, at the end.

    Attributes:
        width: Vertices per layer W.
        theta: Crossing probability.
        expected: Steps with a path that a network should meet, θT.
        rows: Rows of table `collapse/movement`, with `distance`.
    """

    width: int
    theta: float
    expected: float
    rows: pd.DataFrame


def threshold_cells(table: pd.DataFrame) -> Iterator[ThresholdCell]:
    """The cells near the critical width of table `collapse/movement`."""
    near = table[table.series == "threshold"]
    last = near[near.step == near.step.max()]
    for (width, theta), rows in last.assign(distance=last.relative_movement * last.initial_norm).groupby(
        ["width", "theta"]
    ):
        yield ThresholdCell(width, float(theta), float(theta * rows.step.iloc[0]), rows)
