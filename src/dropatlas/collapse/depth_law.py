"""Steps that learning takes against depth: who is trained, and for how long."""

import math
from itertools import product

from pydantic import Field

from dropatlas.collapse.learning_time import networks_compared
from dropatlas.collapse.members import MASKED, PLAIN_DESCENT, Descent
from dropatlas.collapse.settings import Training, Width
from dropatlas.settings import Count, Grid, OpenProbability, Positive, Section
from dropatlas.steps import log_spaced_steps


class DepthLaw(Section):
    """Steps needed to learn against depth at constant width."""

    rate: Positive = Field(description="decay rate of theta per layer; p is solved for, so that all widths share it")
    widths: Grid[Width] = Field(description="vertices per layer W; 1, where masks only cut, is the control")
    depths: Grid[Count] = Field(description="hidden layers L, constant learning rate")
    falling_depths: Grid[Count] = Field(description="hidden layers L, falling learning rate")
    decay: Positive = Field(description="t_0 of the falling learning rate alpha t_0 / (t_0 + t)")
    path_steps: Count = Field(description="training goes on until this many steps with a path are expected")
    falling_path_steps: Count = Field(description="the same at a falling rate, in steps at the first one")
    checked_steps: Count = Field(description="first steps that are all computed, those without a path included")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step")
    target: OpenProbability = Field(description="'learned' means: test loss at most this share of the trivial loss")
    movement: Positive = Field(description="movement over the norm of w_0 without dropout that counts as having left")
    training: Training = Field(description="seeds, batch, learning rate, test samples")

    def conditions(self) -> list[tuple[str, int, str]]:
        """Schedule, depth and model."""
        cells = [("constant", depth) for depth in self.depths] + [("falling", depth) for depth in self.falling_depths]
        return [(schedule, depth, model) for (schedule, depth), model in product(cells, MASKED)]

    def networks(self, variant: str) -> list[tuple[int, str, int]]:
        """Width, gain and number of the seed of the networks that are trained side by side."""
        kinds = networks_compared(self.widths, variant)
        return [(width, gain, number) for width, gain in kinds for number in range(self.training.seeds)]

    def descent(self, schedule: str) -> Descent:
        """How networks descend; steps that change nothing are not computed."""
        return PLAIN_DESCENT if schedule == "constant" else Descent(decay=self.decay)

    def measured_steps(self, schedule: str, theta: float) -> list[int]:
        """Steps after which networks of at least this crossing probability are measured; the last is the horizon."""
        horizon = horizon_of(self.path_steps / theta)
        if schedule == "falling":
            horizon = horizon_of(self.falling_path_steps / theta, self.decay)
        grid = log_spaced_steps(horizon, self.measurements, first=min(horizon, max(1, round(1 / theta))))
        return sorted({*grid, min(self.checked_steps, horizon)})


def horizon_of(rate_sum: float, decay: float = math.inf) -> int:
    """Steps T after which the learning rates have added up to a multiple of the first one, Σ α_t = rate_sum·α.

    At α_t = α t_0 / (t_0 + t) the sum is about t_0 log(1 + T / t_0): T is exponential in it.

    Args:
        rate_sum: The multiple.
        decay: t_0; infinite: a constant rate.
    """
    return math.ceil(rate_sum if math.isinf(decay) else decay * math.expm1(rate_sum / decay))
