"""From a gradient (or a weight) to the probability that each edge is dropped: the formula of Dynamic DropConnect."""

from typing import Literal

import torch
from torch import Tensor

Drops = Literal["small", "big"]
SMALLEST_DEVIATION = 1e-6  # relative to the largest value; below it the spread of float32 values is rounding noise


def check_rate(name: str, rate: float) -> float:
    """Give back `rate` if it is in [0, 1].

    Raises:
        ValueError: it is not (or is NaN).
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {rate}")
    return rate


def check_rates(base_rate: float, gradient_rate: float, threshold: float) -> None:
    """Check the three rates of Dynamic DropConnect.

    Raises:
        ValueError: one is outside [0, 1], or base_rate + gradient_rate is not below 1: an unimportant edge could then
            be dropped in every step.
    """
    check_rate("base_rate", base_rate)
    check_rate("gradient_rate", gradient_rate)
    check_rate("threshold", threshold)
    if base_rate + gradient_rate >= 1:
        raise ValueError(
            f"base_rate + gradient_rate must be below 1, got {base_rate} + {gradient_rate}: edges could be dropped "
            "with certainty; lower one of them (published: 0.3 + 0.5)"
        )


def z_scores(values: Tensor) -> Tensor:
    """(v - mean v) / std v over all entries; zero where all values are equal up to rounding.

    Values are divided by the largest first, which changes no z-score: squares of huge gradients would overflow and
    those of tiny ones vanish, and a fixed epsilon beside the standard deviation would flatten tiny gradients.

    Args:
        values: Non-negative and finite, any shape.

    Returns:
        Same shape. The standard deviation is the unbiased one, as in the authors' code.
    """
    relative = values / values.amax().clamp_min(torch.finfo(values.dtype).tiny)
    centred = relative - relative.mean()
    deviation = (centred.square().sum() / max(values.numel() - 1, 1)).sqrt()
    # Where all values are equal, rounding alone would put each on one side of the threshold.
    return torch.where(deviation > SMALLEST_DEVIATION, centred / deviation.clamp_min(SMALLEST_DEVIATION), 0.0)


def rates_of_values(
    values: Tensor, base_rate: float, largest_addition: float, threshold: float, normalize: bool, drops: Drops
) -> Tensor:
    """The formula of `drop_probabilities` for any non-negative values, rates unchecked and without looking at values.

    Args:
        values: v, float32 or float64, any shape.
        base_rate: p.
        largest_addition: p_g.
        threshold: τ.
        normalize: Whether z-scores of v are taken.
        drops: Which values are dropped more often.

    Returns:
        p + p_g · q · 1[q > τ], shape of the values.
    """
    z = z_scores(values) if normalize else values
    q = torch.sigmoid(-z if drops == "small" else z)
    return base_rate + largest_addition * torch.where(q > threshold, q, 0.0)


def drop_probabilities(
    gradient: Tensor,
    base_rate: float = 0.3,
    gradient_rate: float = 0.5,
    threshold: float = 0.5,
    normalize: bool = True,
    drops: Drops = "small",
) -> Tensor:
    """Probability with which Dynamic DropConnect drops each edge.

    With v = |gradient|, over all edges of the layer:

        z = (v - mean v) / std v
        q = 1 - sigmoid(z), set to 0 where q <= threshold
        p = base_rate + gradient_rate * q

    so that edges with a small gradient are dropped more often. Equal gradients (all zero, for example) have z = 0 and
    q = 1/2, which does not exceed the published threshold: every edge then has `base_rate`.

    Args:
        gradient: Gradient of the layer's weight, any shape; in half precision it is widened to float32.
        base_rate: Probability p every edge has, in [0, 1].
        gradient_rate: Largest addition p_g, in [0, 1], with base_rate + gradient_rate < 1.
        threshold: Values of q up to τ count as zero, in [0, 1]; 0 means no threshold.
        normalize: False takes z = v. As v >= 0, q never exceeds 1/2 then: with the published threshold every edge has
            `base_rate`, which is plain DropConnect (not stated in the paper).
        drops: "small" as published; "big" uses q = sigmoid(z): edges with a large gradient are dropped more often.

    Returns:
        Probabilities of the gradient's shape in [base_rate, base_rate + gradient_rate], float32 (or float64).

    Raises:
        ValueError: a rate is out of range, `drops` is unknown or the gradient is empty.
        FloatingPointError: the gradient is not finite.

    Source: arXiv 2502.19948, Algorithm 1 and equations 3-4; "big" is the relative in the authors' code.
    """
    check_rates(base_rate, gradient_rate, threshold)
    if drops not in ("small", "big"):
        raise ValueError(f"drops must be 'small' or 'big', got {drops!r}")
    if gradient.numel() == 0:
        raise ValueError(f"gradient is empty, shape {tuple(gradient.shape)}")
    magnitude = gradient.detach().abs()
    if magnitude.dtype in (torch.float16, torch.bfloat16):
        magnitude = magnitude.float()
    if not torch.isfinite(magnitude.amax()):  # one value to look at: NaN and infinity both survive the maximum
        nans, infinite = int(magnitude.isnan().sum()), int(magnitude.isinf().sum())
        raise FloatingPointError(
            f"gradient is not finite: {nans} NaN and {infinite} infinite of {magnitude.numel()} values; lower the "
            "learning rate, clip gradients or check the inputs"
        )
    return rates_of_values(magnitude, base_rate, gradient_rate, threshold, normalize, drops)
