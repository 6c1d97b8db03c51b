"""DropConnect with one fixed drop rate."""

from typing import Any

import torch
from torch import Tensor

from dropatlas.layers.dropping import ConvEdges, EdgeDropping, Gradient, LinearEdges
from dropatlas.layers.probabilities import check_rate


class _FixedRate(EdgeDropping):
    """Every edge has the same drop rate."""

    def _set_rate(self, drop_rate: float, gradient: str, per_sample: bool) -> None:
        check_rate("drop_rate", drop_rate)
        if drop_rate == 1:
            raise ValueError("drop_rate must be below 1, got 1: every edge would be dropped")
        self.drop_rate = drop_rate
        self._configure(gradient, "expected", per_sample, max_drop=drop_rate)

    def _drop_probability(self) -> Tensor | float:
        return self.drop_rate

    def extra_repr(self) -> str:
        """Sizes and options, as `repr` shows them."""
        per_sample = ", per_sample=True" if self.per_sample else ""
        return f"{super().extra_repr()}, drop_rate={self.drop_rate}, gradient={self.gradient!r}{per_sample}"


class DropConnectLinear(_FixedRate, LinearEdges):
    """`nn.Linear` whose edges are dropped with one probability in training (DropConnect).

    Training: y = x (W ⊙ m)ᵀ / (1 - drop_rate) + b with m ~ Bernoulli(1 - drop_rate), one mask for the minibatch or
    one for every sample. Evaluation: y = x Wᵀ + b. The bias is never dropped.

    Args:
        in_features: Size of the last dimension of the input.
        out_features: Size of the last dimension of the output.
        bias: Whether a bias is added.
        drop_rate: Probability that an edge is dropped, in [0, 1).
        per_sample: An own mask for every sample (first dimension of the input), as in Wan et al.; needs memory for
            batch × out_features × in_features numbers. False: one mask for the minibatch, as in arXiv 2502.19948.
        gradient: "masked": dropped edges get no gradient, by the chain rule. "dense": the weight gets the gradient of
            the masked and scaled weight, dropped edges included; the public code of arXiv 2502.19948 does this for its
            DropConnect baseline too.
        device: As in `nn.Linear`.
        dtype: As in `nn.Linear`.

    Shape:
        Input (..., in_features), output (..., out_features).

    Raises:
        ValueError: drop_rate outside [0, 1) or unknown `gradient`.

    Source: Wan et al., Regularization of Neural Networks using DropConnect, ICML 2013. Theirs also masks the bias and
    samples a Gaussian approximation in evaluation; this is the inverted form used as baseline in arXiv 2502.19948.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        drop_rate: float = 0.5,
        per_sample: bool = False,
        gradient: Gradient = "masked",
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias, device=device, dtype=dtype)
        self._set_rate(drop_rate, gradient, per_sample)


class DropConnectConv2d(_FixedRate, ConvEdges):
    """`nn.Conv2d` whose kernel entries are dropped with one probability in training (see `DropConnectLinear`).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side, or height and width, of the kernel.
        drop_rate: Probability that a kernel entry is dropped, in [0, 1).
        gradient: "masked" or "dense".
        convolution: What else `nn.Conv2d` takes: stride, padding, dilation, groups, bias, padding_mode, device, dtype.

    Raises:
        ValueError: drop_rate outside [0, 1) or unknown `gradient`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        drop_rate: float = 0.5,
        gradient: Gradient = "masked",
        **convolution: Any,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, **convolution)
        self._set_rate(drop_rate, gradient, per_sample=False)
