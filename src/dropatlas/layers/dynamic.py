"""Dynamic DropConnect: drop rates that follow the gradient of the previous step."""

import weakref
from typing import Any

import torch
from torch import Tensor, nn

from dropatlas.layers.dropping import Calibration, ConvEdges, EdgeDropping, Gradient, LinearEdges
from dropatlas.layers.probabilities import Drops, check_rates, drop_probabilities


class DynamicEdges(EdgeDropping):
    """Edges whose drop probability follows from the weight's last gradient.

    The layer watches its own weight: after each backward pass a hook on the parameter turns `weight.grad` into the
    probabilities of the next mask, so the training loop needs no change and may clear gradients whenever it likes.
    Parameters forget hooks when they are copied, unpickled, replaced or moved; each of these ways ends in `_watch`.

    Attributes:
        edge_drop_probability: Probability of each edge at the next mask, shape of the weight; zero until the first
            gradient. Part of `state_dict`, so that a resumed run goes on as it would have; a `state_dict` of a plain
            layer loads too.
    """

    drops: Drops = "small"
    edge_drop_probability: Tensor

    def _set_rates(
        self,
        base_rate: float,
        gradient_rate: float,
        threshold: float,
        normalize: bool,
        gradient: str,
        max_drop: float,
        calibration: str,
        per_sample: bool,
    ) -> None:
        check_rates(base_rate, gradient_rate, threshold)
        if base_rate > max_drop:
            raise ValueError(
                f"base_rate must be at most max_drop, got {base_rate} > {max_drop}: the calibration 1/(1 - r) would be "
                "cut off in every step"
            )
        self.base_rate, self.gradient_rate, self.threshold = base_rate, gradient_rate, threshold
        self.normalize = normalize
        self._loss_scaled = False
        self._configure(gradient, calibration, per_sample, max_drop)

    def _start_state(self) -> None:
        super()._start_state()
        self.register_buffer("edge_drop_probability", torch.zeros_like(self.weight, dtype=torch.float32).detach())

    def _drop_probability(self) -> Tensor | float:
        return self.edge_drop_probability

    def masked_weight(self, samples: int | None = None) -> Tensor:
        """Draw a mask and apply it (see `EdgeDropping.masked_weight`)."""
        # float16 needs a loss scaler, and a scaler tries scales that overflow: gradients may then be infinite.
        device = self.weight.device.type
        scaled = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) == torch.float16
        if scaled != self._loss_scaled:
            self._loss_scaled = scaled
        return super().masked_weight(samples)

    @torch.no_grad()
    def _take_gradient(self, gradient: Tensor) -> None:
        """Turn the gradient into the next mask's probabilities."""
        if not self.training:
            return
        rates = (self.base_rate, self.gradient_rate, self.threshold, self.normalize, self.drops)
        try:
            probability = drop_probabilities(gradient, *rates)
        except FloatingPointError as error:
            if self._loss_scaled:  # the scaler will skip this step too
                return
            raise FloatingPointError(f"{type(self).__name__}, weight {tuple(self.weight.shape)}: {error}") from None
        self.edge_drop_probability.copy_(probability)

    def _watch(self) -> None:
        """Have `_take_gradient` called whenever the present weight has got a gradient; safe to repeat."""
        weight = self._parameters.get("weight")
        watched = self.__dict__.get("_watched")
        if weight is None or (watched is not None and watched() is weight):
            return
        layer = weakref.ref(self)  # the parameter must not keep a replaced layer alive

        def take(parameter: Tensor) -> None:
            owner = layer()
            if owner is not None and owner.weight is parameter and parameter.grad is not None:
                owner._take_gradient(parameter.grad)

        frozen = not weight.requires_grad
        weight.requires_grad_(True)  # a frozen weight takes no hook, but may be thawed later
        weight.register_post_accumulate_grad_hook(take)
        weight.requires_grad_(not frozen)
        self.__dict__["_watched"] = weakref.ref(weight)

    def register_parameter(self, name: str, param: nn.Parameter | None) -> None:
        """Register a parameter and watch it if it is the weight (PyTorch's hook for every assignment)."""
        super().register_parameter(name, param)
        self._watch()

    def _apply(self, fn: Any, recurse: bool = True) -> nn.Module:
        module = super()._apply(fn, recurse)
        self._watch()
        return module

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_watched"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._watch()

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *arguments: Any) -> None:
        # A plain layer's state has no probabilities: no gradient yet.
        state_dict.setdefault(f"{prefix}edge_drop_probability", torch.zeros_like(self.edge_drop_probability))
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    def extra_repr(self) -> str:
        """Sizes and options, as `repr` shows them."""
        shown = {
            "base_rate": self.base_rate,
            "gradient_rate": self.gradient_rate,
            "threshold": self.threshold,
            "normalize": self.normalize,
            "gradient": self.gradient,
            "max_drop": self.max_drop,
            "calibration": self.calibration,
        }
        if self.per_sample:
            shown["per_sample"] = True
        return ", ".join([super().extra_repr(), *(f"{name}={value!r}" for name, value in shown.items())])


class DynamicDropConnectLinear(DynamicEdges, LinearEdges):
    """`nn.Linear` whose edges are dropped the more often, the smaller their last gradient (Dynamic DropConnect, DDC).

    With v = |gradient of W in the previous step|, over all edges of the layer:

        z = (v - mean v) / std v
        q = 1 - sigmoid(z), set to 0 where q <= threshold
        p = base_rate + gradient_rate * q
        training:   y = x (W ⊙ m)ᵀ / (1 - r) + b,   m ~ Bernoulli(1 - p),   r = min(realised drop rate, max_drop)
        evaluation: y = x Wᵀ + b

    Before the first gradient nothing is dropped; a gradient without spread (all zero, say) drops every edge with
    `base_rate`. Nothing changes in the training loop: put the layer in the place of `nn.Linear` and train.

    What counts as "the previous step": `weight.grad` after the latest backward pass in training mode. With gradient
    accumulation this is the sum so far; a layer used twice in one forward pass draws two masks and gets one, summed
    gradient. In float16 with a loss scaler, steps with infinite gradients keep the old probabilities, as the
    scaler skips them; anywhere else a gradient that is not finite is an error.

    Args:
        in_features: Size of the last dimension of the input.
        out_features: Size of the last dimension of the output.
        bias: Whether a bias is added; it is never dropped.
        base_rate: Drop probability p of every edge, in [0, max_drop].
        gradient_rate: Largest addition p_g for a small gradient, with base_rate + gradient_rate < 1.
        threshold: Candidates q up to τ add nothing; 0 means no threshold.
        normalize: False takes |gradient| in place of its z-score. No q then exceeds 1/2, so the published threshold
            leaves plain DropConnect with base_rate.
        gradient: What W receives. "dense": the gradient of the masked and scaled weight as it is, so that dropped
            edges are still judged and trained; the authors' code does this. "masked": the chain rule, by which a
            dropped edge gets exactly zero, looks unimportant and is dropped again.
        max_drop: Largest r of the calibration, in [0, 1).
        calibration: "realised": r is the share this mask dropped, as published. "expected": r is the mean of p.
            "none": no scaling.
        per_sample: An own mask for every sample (first dimension of the input) in place of one for the minibatch;
            needs memory for batch × out_features × in_features numbers.
        device: As in `nn.Linear`.
        dtype: As in `nn.Linear`.

    Shape:
        Input (..., in_features), output (..., out_features); weight and `edge_drop_probability`
        (out_features, in_features); `realised_drop_rate` ().

    Raises:
        ValueError: a rate outside its range, or an unknown choice.
        FloatingPointError: (backward) the gradient of the weight is not finite.

    Example:
        >>> layer = DynamicDropConnectLinear(256, 64)
        >>> layer(torch.randn(8, 256)).sum().backward()
        >>> bool(layer.edge_drop_probability.min() >= 0.3)
        True

    Source: arXiv 2502.19948, Algorithms 1 and 2, equations 3-4 and 6; dense gradients and the unbiased standard
    deviation from the authors' code. `gradient="masked"`, `calibration` and `per_sample` are ours.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        base_rate: float = 0.3,
        gradient_rate: float = 0.5,
        threshold: float = 0.5,
        normalize: bool = True,
        gradient: Gradient = "dense",
        max_drop: float = 0.95,
        *,
        calibration: Calibration = "realised",
        per_sample: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias, device=device, dtype=dtype)
        rates = (base_rate, gradient_rate, threshold, normalize)
        self._set_rates(*rates, gradient, max_drop, calibration, per_sample)


class DropBigGradientLinear(DynamicDropConnectLinear):
    """The opposite of `DynamicDropConnectLinear`: q = sigmoid(z), edges with a large gradient are dropped more often.

    Same arguments. Source: the control "DropBigGd" of the authors' code.
    """

    drops = "big"


class DynamicDropConnectConv2d(DynamicEdges, ConvEdges):
    """`nn.Conv2d` whose kernel entries are dropped as in `DynamicDropConnectLinear`: an edge is a kernel entry.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side, or height and width, of the kernel.
        base_rate: Drop probability p of every entry.
        gradient_rate: Largest addition p_g for a small gradient.
        threshold: Candidates q up to τ add nothing.
        normalize: Whether z-scores are taken.
        gradient: "dense" or "masked".
        max_drop: Largest r of the calibration.
        calibration: "realised", "expected" or "none".
        convolution: What else `nn.Conv2d` takes: stride, padding, dilation, groups, bias, padding_mode, device, dtype.

    Shape:
        As `nn.Conv2d`; weight and `edge_drop_probability` (out_channels, in_channels / groups, height, width).

    Raises:
        ValueError: a rate outside its range, or an unknown choice.
        FloatingPointError: (backward) the gradient of the weight is not finite.

    Source: arXiv 2502.19948 drops edges of fully connected layers; kernel entries are ours.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        base_rate: float = 0.3,
        gradient_rate: float = 0.5,
        threshold: float = 0.5,
        normalize: bool = True,
        gradient: Gradient = "dense",
        max_drop: float = 0.95,
        *,
        calibration: Calibration = "realised",
        **convolution: Any,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, **convolution)
        rates = (base_rate, gradient_rate, threshold, normalize)
        self._set_rates(*rates, gradient, max_drop, calibration, per_sample=False)


class DropBigGradientConv2d(DynamicDropConnectConv2d):
    """The opposite of `DynamicDropConnectConv2d`: entries with a large gradient are dropped more often."""

    drops = "big"
