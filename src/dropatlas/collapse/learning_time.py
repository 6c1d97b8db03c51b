"""Steps that learning takes: who is trained, and what they are counted to."""

from itertools import product

import pandas as pd
from pydantic import Field

from dropatlas.collapse.members import GAINS, MASKED
from dropatlas.collapse.outcomes import aligned, steps_until
from dropatlas.collapse.settings import Training, Width
from dropatlas.settings import Count, Grid, OpenProbability, Positive, Section
from dropatlas.steps import log_spaced_steps

GOALS = ("movement", "loss")
"""What steps are counted to."""

RUN = ["width", "gain", "seed"]
"""Columns that tell the networks apart that are trained side by side."""


class LearningTime(Section):
    """Experiment 4: steps needed to learn against 1/theta."""

    depth: Count = Field(description="hidden layers L")
    widths: Grid[Width] = Field(description="vertices per layer W; 1, where masks only cut, is the control")
    thetas: Grid[OpenProbability] = Field(description="crossing probabilities; p is solved for")
    path_steps: Count = Field(description="training goes on until this many steps with a path are expected")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step")
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    movement: Positive = Field(description="movement over the norm of w_0 without dropout that counts as having left")
    training: Training = Field(description="seeds, batch, learning rate, test samples")

    def conditions(self) -> list[tuple[str, float]]:
        """Model and crossing probability, the shortest runs first."""
        return list(product(MASKED, sorted(self.thetas, reverse=True)))

    def networks(self, variant: str) -> list[tuple[int, str, int]]:
        """Width, gain and number of the seed of the networks that are trained side by side."""
        kinds = networks_compared(self.widths, variant)
        return [(width, gain, number) for width, gain in kinds for number in range(self.training.seeds)]

    def measured_steps(self, theta: float) -> list[int]:
        """Steps after which networks of one crossing probability are measured; the last one is the horizon."""
        horizon = round(self.path_steps / theta)
        # the grid scales with 1/θ, so that its resolution is the same everywhere
        return log_spaced_steps(horizon, self.measurements, first=max(1, round(1 / theta)))


def networks_compared(widths: list[int], variant: str) -> list[tuple[int, str]]:
    """Width and gain of the networks whose times are compared.

    At width 1 a mask with a path leaves dropout's network whole, so that a gain has nothing to make up for; dropconnect
    also removes input edges there, so that it is no pure case.
    """
    if variant == "none":
        return [(width, "plain") for width in widths]
    wider = list(product([width for width in widths if width > 1], GAINS))
    return [(1, "plain"), *wider] if variant == "dropout" and 1 in widths else wider


def steps_to_goals(history: pd.DataFrame, target: float, movement: float) -> pd.DataFrame:
    """Steps that every run needs to each goal.

    Movement is counted in one unit for all networks of a width, depth and seed: ‖w_0‖ at gain 1, which is that of the
    control. A larger initial gain does not put the goal farther away.

    Args:
        history: Rows of many runs (`RUN`) of one depth, measured at the same steps; every width and seed has gain 1.
        target: Loss ratio at most which a network has learned.
        movement: Weight movement, in that unit, at least which it has left its initialisation.

    Returns:
        The last row of every run, once for each goal (`goal`), with `steps` and `censored` (see `steps_until`).
    """
    plain = history[(history.gain == "plain") & (history.step == history.step.max())]
    unit = aligned(plain.set_index(["width", "seed"]).initial_norm, history, ["width", "seed"])
    goals = {
        "movement": lambda rows: rows.weight_distance >= movement * unit,
        "loss": lambda rows: rows.loss_ratio <= target,
    }
    return pd.concat([steps_until(history, goals[goal], RUN).assign(goal=goal) for goal in GOALS], ignore_index=True)
