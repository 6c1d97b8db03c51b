"""What a practitioner takes from arXiv 2512.13853: will masks cut this network, and what does that cost?

Only what the percolation theory says. A network that passes can still fail to train under dropout: without rescaling,
a signal shrinks by about sqrt(1 - p) per masked layer, which in deep networks bites long before paths run out (the
training collapse report).
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from dropatlas.percolation import (
    bond_crossing_probability,
    bond_extinction_probability,
    required_width,
    site_crossing_probability,
    site_extinction_probability,
)
from dropatlas.percolation.arguments import check_choice, check_positive, check_probability, layer_widths

TARGET = 0.99  # crossing probability that counts as safe
BUDGET_FACTOR = 10.0  # Σα should exceed 1/θ by at least this to count as "much larger"


class PercolationWarning(UserWarning):
    """A network's masks are likely to cut every path, or could not be read from its layers."""


@dataclass(frozen=True)
class NetworkCheck:
    """What masks do to a network.

    Attributes:
        widths: [W_0, ..., W_{L+1}].
        drop_rates: Removal probability of every hidden layer (site) or edge layer (bond); all equal in `check_network`.
        model: "site" or "bond".
        theta: Crossing probability θ of one mask.
        cut_probability: 1 - θ, accurate also where θ rounds to 1.
        steps: Planned steps, None if not given.
        learning_rate: Planned constant rate, None if not given.
        useless_steps: Expected steps whose mask has no path, of `steps`; None if not given.
        safe_width: Smallest width of all hidden layers with θ >= 0.99, None if no width reaches it or rates differ.
        rate_sum: Σα of the plan, None if not given.
        needed_rate_sum: 1/θ, which Σα has to exceed by far (Theorem V.3).
    """

    widths: tuple[int, ...]
    drop_rates: tuple[float, ...]
    model: str
    theta: float
    cut_probability: float
    steps: int | None
    learning_rate: float | None
    useless_steps: float | None
    safe_width: int | None
    rate_sum: float | None
    needed_rate_sum: float

    @property
    def warnings(self) -> list[str]:
        """What is wrong, in plain words; empty if nothing is."""
        found = []
        if self.theta < TARGET:
            remedy = f"; hidden layers of width {self.safe_width} would have one in 99 %" if self.safe_width else ""
            found.append(f"a mask has a path from input to output with probability {self.theta:.3g} only{remedy}")
        if self.rate_sum is not None and self.rate_sum < BUDGET_FACTOR * self.needed_rate_sum:
            found.append(
                f"the sum of learning rates is {self.rate_sum:.3g}, not much larger than 1/theta = "
                f"{self.needed_rate_sum:.3g}: weights may not leave their initialisation"
            )
        return found


def check_network(
    widths: Sequence[int],
    drop_rate: float,
    model: str = "site",
    steps: int | None = None,
    learning_rate: float | None = None,
) -> NetworkCheck:
    """Check a fully connected network against the percolation theory.

    Args:
        widths: [W_0, ..., W_{L+1}], input and output included, at least 2.
        drop_rate: Removal probability p in [0, 1].
        model: "site" (dropout after every hidden layer) or "bond" (dropconnect on every layer).
        steps: Planned training steps, at least 1.
        learning_rate: Planned constant learning rate, above 0.

    Returns:
        The check; its `warnings` say what is wrong.

    Raises:
        ValueError: an argument out of range; the message names it.

    Source: arXiv 2512.13853, Theorems IV.1 and V.3; bond model: our exact chain.
    """
    check_choice(model, "model", ("site", "bond"))
    p, layers = check_probability(drop_rate, "drop_rate"), layer_widths(None, None, widths)
    rates = [p] * (len(layers) - 2 if model == "site" else len(layers) - 1)
    return _checked(layers, rates, model, steps, learning_rate)


def _checked(
    widths: list[int], rates: list[float], model: str, steps: int | None, learning_rate: float | None
) -> NetworkCheck:
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise ValueError(f"steps must be an integer >= 1, got {steps!r}")
    if learning_rate is not None:
        check_positive(learning_rate, "learning_rate")
    theta, cut = _crossing(widths, rates, model)
    safe = _safe_width(widths, rates, model)
    rate_sum = steps * learning_rate if steps is not None and learning_rate is not None else None
    return NetworkCheck(
        widths=tuple(widths),
        drop_rates=tuple(rates),
        model=model,
        theta=theta,
        cut_probability=cut,
        steps=steps,
        learning_rate=learning_rate,
        useless_steps=None if steps is None else steps * cut,
        safe_width=safe,
        rate_sum=rate_sum,
        needed_rate_sum=1 / theta if theta > 0 else math.inf,
    )


def _crossing(widths: list[int], rates: list[float], model: str) -> tuple[float, float]:
    """(θ, 1 - θ); unequal rates only for sites."""
    if model == "bond":
        return bond_crossing_probability(rates[0], widths=widths), bond_extinction_probability(rates[0], widths=widths)
    # Hidden layers are cut independently; a network with the one hidden layer l has the extinction of that layer.
    layers = [(p, [1, width, 1]) for p, width in zip(rates, widths[1:-1], strict=True)]
    hazard = 0.0
    for p, single in layers:
        extinction = site_extinction_probability(p, widths=single)
        hazard += -math.log1p(-extinction) if extinction < 1 else math.inf
    theta = math.prod(site_crossing_probability(p, widths=single) for p, single in layers)
    return theta, -math.expm1(-hazard)


def _safe_width(widths: list[int], rates: list[float], model: str) -> int | None:
    """Width of all hidden layers that reaches the target (bond: as if input and output had it too)."""
    if len(set(rates)) != 1:
        return None
    try:
        return required_width(model, rates[0], len(widths) - 2, TARGET)
    except ValueError:
        return None


def check_module(module: nn.Module, steps: int | None = None, learning_rate: float | None = None) -> NetworkCheck:
    """Check the dropout of a plain feed-forward module: reads its Linear, convolution and Dropout layers in order.

    Convolutions count with their channels under `Dropout2d`-like layers, which drop whole channels. Layers are taken
    in the order of `module.modules()`, so the module must be a chain; branches and shared layers are not understood.

    Args:
        module: The network; nothing in it is changed.
        steps: Planned training steps, at least 1.
        learning_rate: Planned constant learning rate, above 0.

    Returns:
        The check of the site model, with hidden layers without dropout at rate 0.

    Raises:
        ValueError: fewer than two weight layers, or a plan out of range.

    Warns:
        PercolationWarning: θ is low, the plan is too short, or a layer is not understood.
    """
    widths: list[int] = []
    rates: list[float] = []
    is_convolution = False  # the weight layer before
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Linear):
            sizes = (layer.in_features, layer.out_features)
        elif isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            sizes = (layer.in_channels, layer.out_channels)
        elif isinstance(layer, nn.modules.dropout._DropoutNd):
            if not rates:
                _warn(f"{name} drops inputs before the first weight layer: not counted as a hidden layer")
                continue
            if isinstance(layer, nn.Dropout) and is_convolution:
                _warn(f"{name} drops single units of a convolution; only whole channels (Dropout2d) are counted")
                continue
            rates[-1] = 1 - (1 - rates[-1]) * (1 - layer.p)
            continue
        else:
            if any(parameter.requires_grad for parameter in layer.parameters(recurse=False)) and not _elementwise(
                layer
            ):
                _warn(f"{name} ({type(layer).__name__}) has weights that this check does not read")
            continue
        is_convolution = not isinstance(layer, nn.Linear)
        widths = widths or [sizes[0]]
        widths.append(sizes[1])
        rates.append(0.0)
    if len(widths) < 3:
        raise ValueError(f"module must have at least 2 weight layers (Linear or Conv), got {max(0, len(widths) - 1)}")
    if rates[-1] > 0:
        _warn("dropout after the last weight layer drops outputs: not counted as a hidden layer")
    found = _checked(widths, rates[:-1], "site", steps, learning_rate)
    for text in found.warnings:
        _warn(text)
    return found


def _elementwise(layer: nn.Module) -> bool:
    """Whether a layer with parameters keeps every channel to itself (normalisation, PReLU)."""
    return isinstance(layer, (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.PReLU))


def _warn(text: str) -> None:
    warnings.warn(text, PercolationWarning, stacklevel=3)


def format_check(check: NetworkCheck) -> str:
    """The check as text for a terminal."""
    removed = "hidden vertices (dropout)" if check.model == "site" else "edges (dropconnect)"
    rates = sorted(set(check.drop_rates))
    depth = len(check.widths) - 2
    lines = [
        f"network      {'-'.join(map(str, check.widths))}, {depth} hidden layer{'s' if depth != 1 else ''}",
        f"masks        remove {removed}, p = {', '.join(f'{rate:g}' for rate in rates) or 'none'}",
        f"theta        {check.theta:.6g}  (probability that a mask has a path)",
        f"1 - theta    {check.cut_probability:.6g}",
    ]
    if check.useless_steps is not None:
        lines.append(f"useless      {check.useless_steps:.4g} of {check.steps} steps are expected to have no path")
    if check.safe_width is not None:
        lines.append(f"safe width   {check.safe_width}  (every hidden layer this wide: theta >= {TARGET:g})")
    elif len(rates) == 1:
        lines.append(f"safe width   none (no width reaches theta >= {TARGET:g})")
    plan = f"; planned {check.rate_sum:.4g}" if check.rate_sum is not None else ""
    lines.append(
        f"budget       sum of learning rates must be much larger than 1/theta = {check.needed_rate_sum:.4g}{plan}"
    )
    lines += [f"warning      {text}" for text in check.warnings] or [
        "verdict      paths are no problem for this network"
    ]
    return "\n".join(lines)
