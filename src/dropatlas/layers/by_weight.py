"""Drop rates that follow the size of the weight: the controls of Dynamic DropConnect in the authors' code."""

import torch
from torch import Tensor

from dropatlas.layers.dropping import Gradient, LinearEdges, check_choice
from dropatlas.layers.probabilities import Drops, check_rates, rates_of_values


class DropByWeightLinear(LinearEdges):
    """`nn.Linear` whose edges are dropped the more often, the smaller (or bigger) their weight is.

    The formula of `DynamicDropConnectLinear` with v = |W| of this step in place of the last gradient:
    p = base_rate + weight_rate · q · 1[q > threshold], q = 1 - sigmoid(z(|W|)) (small) or sigmoid(z(|W|)) (big).

    Args:
        in_features: Size of the last dimension of the input.
        out_features: Size of the last dimension of the output.
        bias: Whether a bias is added; it is never dropped.
        drops: "small" or "big" weights are dropped more often.
        base_rate: Drop probability p of every edge.
        weight_rate: Largest addition, with base_rate + weight_rate < 1.
        threshold: Candidates q up to τ add nothing.
        gradient: "dense" or "masked", see `DynamicDropConnectLinear`.
        max_drop: Largest r of the calibration 1/(1 - r).
        device: As in `nn.Linear`.
        dtype: As in `nn.Linear`.

    Shape:
        Input (..., in_features), output (..., out_features).

    Raises:
        ValueError: a rate outside its range, or an unknown choice.

    Source: "DropSmallW" and "DropBigW" of the authors' code for arXiv 2502.19948. Theirs starts in the second step.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        drops: Drops = "small",
        base_rate: float = 0.3,
        weight_rate: float = 0.5,
        threshold: float = 0.5,
        gradient: Gradient = "dense",
        max_drop: float = 0.95,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias, device=device, dtype=dtype)
        check_rates(base_rate, weight_rate, threshold)
        self.drops = check_choice("drops", drops, ("small", "big"))
        self.base_rate, self.weight_rate, self.threshold = base_rate, weight_rate, threshold
        self._configure(gradient, "realised", False, max_drop)

    def _drop_probability(self) -> Tensor | float:
        rates = (self.base_rate, self.weight_rate, self.threshold)
        return rates_of_values(self.weight.detach().abs().float(), *rates, normalize=True, drops=self.drops)

    def extra_repr(self) -> str:
        """Sizes and options, as `repr` shows them."""
        return (
            f"{super().extra_repr()}, drops={self.drops!r}, base_rate={self.base_rate}, "
            f"weight_rate={self.weight_rate}, threshold={self.threshold}, gradient={self.gradient!r}"
        )
