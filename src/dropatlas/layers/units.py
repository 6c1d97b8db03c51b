"""Layers that drop output units in place of edges: dropout and standout."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from dropatlas.layers.dropping import DropLayer
from dropatlas.layers.probabilities import check_rate


class DropoutLinear(DropLayer, nn.Linear):
    """`nn.Linear` followed by (inverted) dropout of its outputs.

    Training: y = m ⊙ (x Wᵀ + b) / (1 - drop_rate), m ~ Bernoulli(1 - drop_rate) for every sample and unit.
    Evaluation: y = x Wᵀ + b. With a ReLU behind it, dropping before or after the ReLU is the same.

    Args:
        in_features: Size of the last dimension of the input.
        out_features: Size of the last dimension of the output.
        bias: Whether a bias is added.
        drop_rate: Probability that a unit is dropped, in [0, 1).
        device: As in `nn.Linear`.
        dtype: As in `nn.Linear`.

    Shape:
        Input (..., in_features), output (..., out_features).

    Raises:
        ValueError: drop_rate outside [0, 1).

    Source: Srivastava et al., Dropout, JMLR 2014. One layer, so that state dicts keep the names of the plain layer.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        drop_rate: float = 0.5,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias, device=device, dtype=dtype)
        check_rate("drop_rate", drop_rate)
        if drop_rate == 1:
            raise ValueError("drop_rate must be below 1, got 1: every unit would be dropped")
        self.drop_rate = drop_rate
        self._start_state()

    def forward(self, input: Tensor) -> Tensor:
        """Linear map, then dropout in training."""
        output = functional.linear(input, self.weight, self.bias)
        if not self.training:
            return output
        kept = torch.rand(output.shape, device=output.device, dtype=torch.float32) >= self.drop_rate
        self._note_drop_rate(1 - kept.mean(dtype=torch.float32))
        return output * (kept / (1 - self.drop_rate)).to(output.dtype)

    def extra_repr(self) -> str:
        """Sizes and options, as `repr` shows them."""
        return f"{super().extra_repr()}, drop_rate={self.drop_rate}"


class StandoutLinear(DropLayer, nn.Linear):
    """`nn.Linear` whose units are kept with a probability that follows from their own input (standout).

    With keep probability π = sigmoid(alpha · x Wᵀ + beta) for every sample and unit:

        training:   y = m ⊙ (x Wᵀ + b),   m ~ Bernoulli(π)
        evaluation: y = π ⊙ (x Wᵀ + b)

    π comes from the layer's own weight (the belief network shares it up to the affine map alpha, beta) and passes no
    gradient back. Meant to be followed by a ReLU, for which masking before or after is the same.

    Args:
        in_features: Size of the last dimension of the input.
        out_features: Size of the last dimension of the output.
        bias: Whether a bias is added; it does not enter π.
        alpha: Slope: 0 gives dropout with rate 1 - sigmoid(beta), large values keep the most active units.
        beta: Offset: large values keep everything.
        device: As in `nn.Linear`.
        dtype: As in `nn.Linear`.

    Shape:
        Input (..., in_features), output (..., out_features).

    Raises:
        ValueError: alpha or beta is not finite.

    Source: Ba and Frey, Adaptive dropout for training deep neural networks, NIPS 2013.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        alpha: float = 1.0,
        beta: float = 0.0,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias, device=device, dtype=dtype)
        for name, value in (("alpha", alpha), ("beta", beta)):
            if not abs(value) < float("inf"):
                raise ValueError(f"{name} must be finite, got {value}")
        self.alpha, self.beta = alpha, beta
        self._start_state()

    def forward(self, input: Tensor) -> Tensor:
        """Linear map, then units kept with probability π (training) or scaled by π (evaluation)."""
        output = functional.linear(input, self.weight)
        keep_probability = torch.sigmoid(self.alpha * output.detach().float() + self.beta)
        if self.bias is not None:
            output = output + self.bias.to(output.dtype)
        if not self.training:
            return output * keep_probability.to(output.dtype)
        kept = torch.rand(output.shape, device=output.device, dtype=torch.float32) < keep_probability
        self._note_drop_rate(1 - kept.mean(dtype=torch.float32))
        return output * kept

    def extra_repr(self) -> str:
        """Sizes and options, as `repr` shows them."""
        return f"{super().extra_repr()}, alpha={self.alpha}, beta={self.beta}"
