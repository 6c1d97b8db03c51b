"""Single passes through a module: with or without masks, and which samples' outputs have a gradient at the input."""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dropatlas.check.nested import call, tensors_in, with_tensors
from dropatlas.check.state import seed_all

_DROPOUT = frozenset(
    f"{name}{mark}"
    for name in (
        *("dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"),
        *("dropout1d", "dropout2d", "dropout3d"),
    )
    for mark in ("", "_")
)
_RECTIFIERS = frozenset(
    f"{name}{mark}"
    for name in ("relu", "relu6", "hardtanh", "threshold", "hardswish", "hardsigmoid", "hardshrink", "softshrink")
    for mark in ("", "_")
)
_LEAK = 0.5  # slope on the other side: 1 would let relu(x) + relu(-x) cancel


class _Watch(TorchFunctionMode):
    """Sees every torch function that a forward calls.

    Makes what embeddings take from the `tokens` leaves of the graph; makes rectifiers leaky (`is_leaky`), so that no
    unit is off by its own sign; leaves functional dropout out (`drops` False), also where it does not ask for the mode.
    """

    def __init__(self, tokens: Iterable[Tensor], is_leaky: bool, drops: bool) -> None:
        super().__init__()
        self.tokens = {id(token): token for token in tokens}
        self.is_leaky, self.drops = is_leaky, drops
        self.embedded: list[Tensor] = []
        self.cast: list[Tensor] = []
        self.saw_rectifier = self.saw_dropout = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _DROPOUT:
            rate = kwargs.get("p", args[1] if len(args) > 1 else 0.5)
            acts = kwargs.get("training", kwargs.get("train", args[2] if len(args) > 2 else "alpha" not in name))
            self.saw_dropout |= bool(rate) and bool(acts)
            if not self.drops:
                return args[0] if args else kwargs["input"]
        if name in _RECTIFIERS:
            self.saw_rectifier = True
            if self.is_leaky:  # no other argument of these functions is a boolean
                in_place = name.endswith("_") or any(value is True for value in (*args, *kwargs.values()))
                return _leaky(args[0] if args else kwargs["input"], in_place)
        result = func(*args, **kwargs)
        if self.tokens and isinstance(result, Tensor) and self._takes_tokens((args, kwargs)):
            if result.is_floating_point():
                leaf = result.detach().clone().requires_grad_(True)
                (self.embedded if name.startswith("embedding") else self.cast).append(leaf)
                return leaf.clone()
            if result.dtype != torch.bool:
                self.tokens[id(result)] = result
        return result

    def _takes_tokens(self, tree: object) -> bool:
        return any(id(tensor) in self.tokens for tensor in tensors_in(tree))


def _leaky(values: Tensor, in_place: bool) -> Tensor:
    """Leaky ReLU whose backward pass does not need its output, which later layers may change in place."""
    slopes = torch.where(values.detach() > 0, 1.0, _LEAK).to(values.dtype)
    return values.mul_(slopes) if in_place else values * slopes


@dataclass(frozen=True)
class Batch:
    """Inputs, and which of their dimensions counts the samples.

    Attributes:
        inputs: What the module takes.
        dimension: Dimension of samples; None if the whole input is one sample.
        size: Number of samples B.
    """

    inputs: Any
    dimension: int | None
    size: int

    def rows(self, indices: Tensor) -> "Batch":
        """The samples at the given indices."""
        if self.dimension is None:
            return self
        return Batch(with_tensors(self.inputs, lambda x: self._select(x, indices)), self.dimension, len(indices))

    def _select(self, tensor: Tensor, indices: Tensor) -> Tensor:
        if not self.carries_samples(tensor):
            return tensor
        return tensor.index_select(self.dimension or 0, indices.to(tensor.device))

    def carries_samples(self, tensor: Tensor) -> bool:
        """Whether a tensor of the inputs has one slice per sample."""
        return self.dimension is None or (
            tensor.dim() > self.dimension and tensor.shape[self.dimension] == self.size > 0
        )

    def alive(self, gradients: Iterable[Tensor | None]) -> Tensor:
        """Which samples have any gradient that is not zero, shape (B,).

        Raises:
            ValueError: a gradient is not finite.
        """
        found = torch.zeros(self.size, dtype=torch.bool)
        for gradient in gradients:
            if gradient is None:
                continue
            if not bool(torch.isfinite(gradient).all()):
                raise ValueError(
                    f"the input gradient is not finite ({int((~torch.isfinite(gradient)).sum())} of "
                    f"{gradient.numel()} entries): check inputs and parameters for NaN, infinity and overflow"
                )
            found |= by_sample(gradient != 0, self.dimension, self.size).any(1).cpu()
        return found


def by_sample(values: Tensor, dimension: int | None, size: int) -> Tensor:
    """Values in one row per sample, shape (size, ...)."""
    return values.reshape(1, -1) if dimension is None else values.movedim(dimension, 0).reshape(size, -1)


@dataclass
class Passes:
    """Runs a module on batches; the module's tensors have the type `dtype`, None for the types they came in."""

    module: nn.Module
    dtype: torch.dtype | None = None
    saw_dropout: bool = False
    saw_rectifier: bool = False
    drops_in_evaluation: bool = False
    returns_numbers: bool = False

    def __post_init__(self) -> None:
        self._modes = [(part, part.training) for part in self.module.modules()]
        self.batch_norms = [part for part, _ in self._modes if isinstance(part, nn.modules.batchnorm._BatchNorm)]

    def outputs(self, batch: Batch, seed: int, drops: bool = True) -> list[Tensor]:
        """Floating-point tensors of the output.

        Args:
            batch: The inputs.
            seed: Of all random generators, hence of the masks.
            drops: Whether in training mode; else all parts are in evaluation mode and functional dropout is left out.
        """
        return [output.detach() for output in self._forward(batch, seed, drops, is_leaky=False)[0]]

    def gradients(
        self, batch: Batch, seed: int, drops: bool = True, is_leaky: bool = False
    ) -> tuple[list[Tensor], Tensor]:
        """The outputs, and which samples have an input gradient that is not zero, shape (B,).

        The gradient is that of one random combination of all outputs: it is zero only if all their gradients are.

        Raises:
            ValueError: nothing that can be differentiated, or a gradient that is not finite.
        """
        # cuDNN's recurrent layers have no backward pass in evaluation mode.
        with nullcontext() if drops or not torch.cuda.is_available() else torch.backends.cudnn.flags(enabled=False):
            outputs, leaves = self._forward(batch, seed, drops, is_leaky)
            if not leaves:
                raise ValueError(
                    "nothing to differentiate by: inputs hold no floating-point tensor with samples, and forward makes "
                    "none from their integers; give inputs (or token ids to embed) that all samples have"
                )
            ends = [output for output in outputs if output.requires_grad]
            if not ends:
                raise ValueError(
                    "nothing differentiable is found: no output of forward has a gradient "
                    f"({len(outputs)} floating-point outputs); leave out detach(), no_grad() and argmax"
                )
            generator = torch.Generator().manual_seed(seed)
            weights = [torch.randn(end.shape, generator=generator).to(end) for end in ends]
            gradients = torch.autograd.grad(ends, leaves, weights, allow_unused=True)
        return [output.detach() for output in outputs], batch.alive(gradients)

    def set_modes(self, drops: bool = True) -> None:
        """The module's own training flags, or evaluation mode; batch normalisation never in training mode."""
        for part, is_training in self._modes:
            part.training = is_training and drops
        for part in self.batch_norms:
            part.training = False

    def _forward(self, batch: Batch, seed: int, drops: bool, is_leaky: bool) -> tuple[list[Tensor], list[Tensor]]:
        self.set_modes(drops)
        leaves: list[Tensor] = []
        tokens: list[Tensor] = []

        def prepare(tensor: Tensor) -> Tensor:
            if not tensor.is_floating_point():
                if tensor.dtype != torch.bool and not tensor.is_complex() and batch.carries_samples(tensor):
                    tokens.append(tensor)
                return tensor
            tensor = tensor.detach().to(self.dtype or tensor.dtype)
            if not batch.carries_samples(tensor):
                return tensor
            leaves.append(tensor.clone().requires_grad_(True))
            return leaves[-1].clone()  # forward may change it in place

        inputs = with_tensors(batch.inputs, prepare)
        watch = _Watch(tokens, is_leaky, drops)
        seed_all(seed)
        with torch.enable_grad(), watch:
            output = call(self.module, inputs)
        if drops:
            self.saw_dropout |= watch.saw_dropout
        self.drops_in_evaluation |= watch.saw_dropout and not drops
        self.saw_rectifier |= watch.saw_rectifier
        given = {id(tensor) for tensor in tensors_in(inputs)}
        outputs = [each for each in tensors_in(output) if each.is_floating_point() and id(each) not in given]
        self.returns_numbers = all(each.numel() == 1 for each in outputs)
        found = watch.embedded or ([] if leaves else watch.cast)
        leaves += [leaf for leaf in found if self._has_rows(leaf, batch)]
        return outputs, leaves

    @staticmethod
    def _has_rows(leaf: Tensor, batch: Batch) -> bool:
        if batch.dimension is None:
            return True
        return leaf.dim() > batch.dimension and leaf.shape[batch.dimension] % batch.size == 0
