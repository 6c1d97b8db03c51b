"""Ways to drop, by name: rules of the linear regression, and who gets to know of the mask in the drop histories.

Nothing here needs torch: settings and forecasts list the runs of an experiment with it.
"""

import math
from dataclasses import dataclass
from typing import Literal

BASE_RATE, GRADIENT_RATE = 0.3, 0.5
"""Published rates of Dynamic DropConnect."""
PAIR_Q = 1 / (1 + math.exp(-math.sqrt(0.5)))
"""q = sigmoid(1/√2) of the edge with the smaller of two gradients."""
MEAN_RATE = BASE_RATE + GRADIENT_RATE * PAIR_Q / 2


@dataclass(frozen=True)
class Rule:
    """How edges are dropped: options of `dropatlas.layers.DynamicDropConnectLinear`."""

    base_rate: float
    gradient_rate: float = 0.0
    drops: Literal["small", "big"] = "small"
    gradient: Literal["dense", "masked"] = "dense"


RULES = {
    "none": Rule(0.0),
    "dropconnect": Rule(MEAN_RATE),
    "dropconnect_masked": Rule(MEAN_RATE, gradient="masked"),
    "ddc": Rule(BASE_RATE, GRADIENT_RATE),
    "ddc_masked": Rule(BASE_RATE, GRADIENT_RATE, gradient="masked"),
    "drop_big_gradient": Rule(BASE_RATE, GRADIENT_RATE, drops="big"),
}
"""Methods of the linear regression. All that drop do so at the same mean rate."""

VARIANTS = ("dense", "masked", "dense_judge")
"""Variants of Dynamic DropConnect whose drop history is recorded (`dropatlas.ddc.feedback`)."""
