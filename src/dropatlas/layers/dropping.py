"""What all layers that drop share: the monitored rate, masks of edges, calibration, which gradient returns."""

from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

Gradient = Literal["dense", "masked"]
Calibration = Literal["realised", "expected", "none"]
Choice = TypeVar("Choice", bound=str)


def check_choice(name: str, value: Choice, choices: tuple[str, ...]) -> Choice:
    """Give back `value` if it is one of `choices`.

    Raises:
        ValueError: it is not.
    """
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    return value


class _DenseGradient(torch.autograd.Function):
    """weight * factor, with the gradient of the product handed to the weight as it is (straight through the mask)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(weight: Tensor, factor: Tensor) -> Tensor:
        return weight * factor

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


class DropLayer(nn.Module):
    """Base of all layers here: drops in training mode, and remembers how much it dropped last.

    Attributes:
        realised_drop_rate: Share of edges (or units) dropped in the last training forward pass, a scalar tensor on the
            layer's device; reading it costs nothing until it is printed. Not part of `state_dict`.
    """

    realised_drop_rate: Tensor
    weight: Tensor

    def _start_state(self) -> None:
        """Buffers beside the weight; called once the weight is there (again when it is replaced on another device)."""
        self.register_buffer("realised_drop_rate", torch.zeros((), device=self.weight.device), persistent=False)

    def _load_from_state_dict(self, *arguments: Any) -> None:
        super()._load_from_state_dict(*arguments)
        if self.realised_drop_rate.is_meta and not self.weight.is_meta:  # built on "meta", loaded with assign=True
            self.realised_drop_rate = torch.zeros((), device=self.weight.device)

    def _note_drop_rate(self, rate: Tensor) -> None:
        self.realised_drop_rate.copy_(rate.detach())


class EdgeDropping(DropLayer):
    """A layer whose weight is masked edge by edge in training. Subclasses say how likely each edge is dropped.

    In training the weight W is replaced by W ⊙ m · c with a {0, 1} mask m, drawn anew in every forward pass, and one
    number c, the calibration. In evaluation W is used as it is. Masks come from torch's default random generator of
    the device, as `nn.Dropout`'s do: `torch.manual_seed` fixes them.
    """

    def _configure(self, gradient: str, calibration: str, per_sample: bool, max_drop: float) -> None:
        self.gradient = check_choice("gradient", gradient, ("dense", "masked"))
        self.calibration = check_choice("calibration", calibration, ("realised", "expected", "none"))
        self.per_sample = per_sample
        if not 0 <= max_drop < 1:
            raise ValueError(f"max_drop must be in [0, 1), got {max_drop}: the weight is scaled by 1/(1 - drop rate)")
        self.max_drop = max_drop
        self._start_state()

    def _drop_probability(self) -> Tensor | float:
        """Probability that an edge is dropped now: one number, or one for each edge in the weight's shape."""
        raise NotImplementedError

    def masked_weight(self, samples: int | None = None) -> Tensor:
        """Draw a mask and apply it: W ⊙ m · c.

        Args:
            samples: None for one mask; B for independent masks of B samples.

        Returns:
            The weight's shape, or (B, *weight.shape).
        """
        weight, probability = self.weight, self._drop_probability()
        shape = weight.shape if samples is None else (samples, *weight.shape)
        # float32 whatever the weight's type: in bfloat16 uniform numbers have 8 bits and 1 is one of them.
        kept = torch.rand(shape, device=weight.device, dtype=torch.float32) >= probability
        edges = tuple(range(kept.dim() - weight.dim(), kept.dim()))
        dropped = 1 - kept.mean(dim=edges, keepdim=True, dtype=torch.float32)
        self._note_drop_rate(dropped.mean())
        if self.calibration == "none":
            factor = kept
        else:
            rate = dropped if self.calibration == "realised" else torch.as_tensor(probability).mean()
            factor = kept / (1 - rate.clamp_max(self.max_drop))
        factor = factor.to(weight.dtype)
        if samples is not None:
            weight = weight.expand(shape)
        return _DenseGradient.apply(weight, factor) if self.gradient == "dense" else weight * factor


class LinearEdges(EdgeDropping, nn.Linear):
    """`nn.Linear` with masked edges."""

    def forward(self, input: Tensor) -> Tensor:
        """Linear map of (..., in_features) to (..., out_features), with masked weights in training."""
        if not self.training:
            return functional.linear(input, self.weight, self.bias)
        if not self.per_sample:
            return functional.linear(input, self.masked_weight(), self.bias)
        if input.dim() < 2:
            raise ValueError(f"per_sample needs inputs of shape (batch, ..., features), got {tuple(input.shape)}")
        output = torch.einsum("b...i,boi->b...o", input, self.masked_weight(len(input)))
        return output if self.bias is None else output + self.bias.to(output.dtype)


class ConvEdges(EdgeDropping, nn.Conv2d):
    """`nn.Conv2d` with masked kernel entries."""

    def forward(self, input: Tensor) -> Tensor:
        """Convolution of (N, C_in, H, W), with a masked kernel in training."""
        return self._conv_forward(input, self.masked_weight() if self.training else self.weight, self.bias)
