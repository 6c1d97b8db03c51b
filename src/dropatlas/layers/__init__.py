"""Layers that drop edges or units, as drop-in `nn.Module`s, and Dynamic DropConnect (arXiv 2502.19948) above all.

Use from outside: put `DynamicDropConnectLinear` in the place of `nn.Linear`, or let `apply_method(model, "fc1", "ddc")`
do it; watch `drop_rates(model)`; predict with masks inside `monte_carlo_dropping(model)`.
"""

from dropatlas.layers.by_weight import DropByWeightLinear
from dropatlas.layers.dropconnect import DropConnectConv2d, DropConnectLinear
from dropatlas.layers.dropping import DropLayer
from dropatlas.layers.dynamic import (
    DropBigGradientConv2d,
    DropBigGradientLinear,
    DynamicDropConnectConv2d,
    DynamicDropConnectLinear,
)
from dropatlas.layers.methods import METHODS, apply_method, replace_linear, replaceable_layers
from dropatlas.layers.monitoring import drop_rates, monte_carlo_dropping
from dropatlas.layers.probabilities import drop_probabilities
from dropatlas.layers.units import DropoutLinear, StandoutLinear

__all__ = [
    "METHODS",
    "DropBigGradientConv2d",
    "DropBigGradientLinear",
    "DropByWeightLinear",
    "DropConnectConv2d",
    "DropConnectLinear",
    "DropLayer",
    "DropoutLinear",
    "DynamicDropConnectConv2d",
    "DynamicDropConnectLinear",
    "StandoutLinear",
    "apply_method",
    "drop_probabilities",
    "drop_rates",
    "monte_carlo_dropping",
    "replace_linear",
    "replaceable_layers",
]
