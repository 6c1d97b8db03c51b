"""Losses ℓ(f, y) of the mean-field networks; the risk of a network is their mean over the data.

Source: arXiv 2510.07554, Sections 2 (squared) and 4 (logistic, labels +1 and -1).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Loss(NamedTuple):
    """A loss and its derivatives by the output, elementwise over (outputs, targets)."""

    value: Callable[[Tensor, Tensor], Tensor]
    first: Callable[[Tensor, Tensor], Tensor]
    second: Callable[[Tensor, Tensor], Tensor]


LOSSES: dict[str, Loss] = {
    "squared": Loss(
        lambda f, y: (f - y).square() / 2,
        lambda f, y: f - y,
        lambda f, y: torch.ones_like(f),
    ),
    "logistic": Loss(
        lambda f, y: torch.nn.functional.softplus(-y * f),
        lambda f, y: -y * torch.sigmoid(-y * f),
        lambda f, y: torch.sigmoid(f) * torch.sigmoid(-f),
    ),
}
"""Losses by name: squared ½(f - y)², logistic log(1 + exp(-y f))."""
