"""Single passes through a module: with or without masks, and which samples' outputs have a gradient at the input."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
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
_SATURATING = frozenset(  # flat somewhere too, but their values are kept: bounded, or kept off 0
    f"{name}{mark}"
    for name in (
        *("tanh", "sigmoid", "gelu", "elu", "selu", "celu", "silu", "mish", "softplus", "logsigmoid"),
        *("clamp", "clip", "clamp_min", "clamp_max"),
    )
    for mark in ("", "_")
)
_EXTREMES = frozenset(("maximum", "minimum", "max", "min"))
_COMPARISONS = frozenset(("gt", "ge", "lt", "le", "greater", "greater_equal", "less", "less_equal"))
_LEAK = 0.5  # slope on the other side: 1 would let relu(x) + relu(-x) cancel

SETTLING = 10  # passes that new statistics of batch normalisation are taken from


class _Watch(TorchFunctionMode):
    """Sees every torch function that a forward calls.

    Adds leaves of the graph, which are 0, to what is first made from the integers `tokens`; gives activations a slope
    everywhere (`is_leaky`), so that no unit is off by its own value; leaves functional dropout out (`drops` False),
    also where it does not ask for the mode. Parameters must have no gradient: what has one depends on the inputs.
    """

    def __init__(self, tokens: Sequence[Tensor], is_leaky: bool, drops: bool) -> None:
        super().__init__()
        self.tokens = {id(token): (token, index) for index, token in enumerate(tokens)}
        self.signs: dict[int, tuple[Tensor, Tensor]] = {}  # x > 0, as it is or cast, and x
        self.is_leaky, self.drops = is_leaky, drops
        self.embedded: list[Tensor] = []
        self.cast: list[tuple[int, Tensor]] = []
        self.saw_rectifier = self.saw_dropout = False

    @property
    def made(self) -> list[Tensor]:
        """The leaves: of embeddings, or else of what the first of the tokens that is turned into numbers gives."""
        first = min((index for index, _ in self.cast), default=0)
        return self.embedded or [leaf for index, leaf in self.cast if index == first]

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _DROPOUT:
            rate = kwargs.get("p", args[1] if len(args) > 1 else 0.5)
            acts = kwargs.get("training", kwargs.get("train", args[2] if len(args) > 2 else "alpha" not in name))
            self.saw_dropout |= bool(rate) and bool(acts)
            if not self.drops:
                return args[0] if args else kwargs["input"]
        flattened = self._flattened(name, args, kwargs)
        if flattened is not None and flattened.requires_grad:
            self.saw_rectifier = True
            if self.is_leaky:  # no other argument of these functions is a boolean
                in_place = name.endswith("_") or any(value is True for value in (*args, *kwargs.values()))
                if name in _RECTIFIERS:
                    return _leaky(flattened, in_place)
                values = flattened.detach().clone()
                args = [values if each is flattened else each for each in args]
                kwargs = {key: values if each is flattened else each for key, each in kwargs.items()}
                return _leaky(flattened, in_place, func(*args, **kwargs).detach())
        result = func(*args, **kwargs)
        if isinstance(result, Tensor) and not result.requires_grad:
            self._note_sign(name, args, result)
            origins = [self.tokens[id(each)][1] for each in tensors_in((args, kwargs)) if id(each) in self.tokens]
            if origins and result.is_floating_point():
                leaf = torch.zeros_like(result).requires_grad_(True)
                if name.startswith("embedding"):
                    self.embedded.append(leaf)
                else:
                    self.cast.append((min(origins), leaf))
                return result + leaf
            if origins and result.dtype != torch.bool:
                self.tokens[id(result)] = result, min(origins)
        return result

    def _flattened(self, name: str, args: Any, kwargs: Any) -> Tensor | None:
        """The argument that an activation, also one written by hand, is flat in somewhere; None of other functions."""
        if name in _RECTIFIERS or name in _SATURATING:
            return args[0] if args else kwargs["input"]
        first, second, third = [*args, None, None, None][:3]
        if name in _EXTREMES and isinstance(first, Tensor) and isinstance(second, Tensor):  # one of them constant
            if first.requires_grad != second.requires_grad:
                return first if first.requires_grad else second
        elif name == "where":  # x > 0, x, 0
            sides = [each for each in (second, third) if isinstance(each, Tensor) and each.requires_grad]
            if len(sides) == 1 and self._compared(first) is sides[0]:
                return sides[0]
        elif name in ("mul", "multiply"):  # x, x > 0
            for values, factor in ((first, second), (second, first)):
                if isinstance(values, Tensor) and self._compared(factor) is values:
                    return values
        return None

    def _compared(self, sign: object) -> Tensor | None:
        """What was compared with a number."""
        return self.signs[id(sign)][1] if id(sign) in self.signs else None

    def _note_sign(self, name: str, args: Any, result: Tensor) -> None:
        first, second = [*args, None, None][:2]
        if name in _COMPARISONS and isinstance(second, (int, float)) and first.requires_grad:
            self.signs[id(result)] = result, first
        elif name in ("to", "float", "double", "type", "type_as") and id(first) in self.signs:
            self.signs[id(result)] = result, self.signs[id(first)][1]


def _leaky(values: Tensor, in_place: bool, result: Tensor | None = None) -> Tensor:
    """Leaky ReLU, or `result` with the slopes of one.

    Its backward pass does not need its output, which later layers may change in place.
    """
    slopes = torch.where(values.detach() > 0, 1.0, _LEAK).to(values.dtype)
    shift = 0 if result is None else result - values.detach() * slopes
    return values.mul_(slopes).add_(shift) if in_place else values * slopes + shift


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


def _backward(drops: bool) -> AbstractContextManager[None]:
    """Makes a backward pass possible: cuDNN's recurrent layers have none in evaluation mode."""
    if drops or not torch.cuda.is_available():
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=False)


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
        self._settling: list[nn.modules.batchnorm._BatchNorm] = []
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
        outputs, leaves, ends, weights = self._differentiable(batch, seed, drops, is_leaky)
        with _backward(drops):
            gradients = torch.autograd.grad(ends, leaves, weights, allow_unused=True)
        return [output.detach() for output in outputs], batch.alive(gradients)

    def gradients_apart(self, batch: Batch, seed: int, is_leaky: bool) -> Tensor:
        """With masks, which samples have an input gradient in which differentiable output, shape (outputs, B)."""
        _, leaves, ends, weights = self._differentiable(batch, seed, True, is_leaky)
        return torch.stack(
            [
                batch.alive(torch.autograd.grad(end, leaves, weight, retain_graph=True, allow_unused=True))
                for end, weight in zip(ends, weights, strict=True)
            ]
        )

    def _differentiable(
        self, batch: Batch, seed: int, drops: bool, is_leaky: bool
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        """All outputs, the leaves, the outputs that depend on these, and random weights of their entries."""
        with _backward(drops):
            outputs, leaves = self._forward(batch, seed, drops, is_leaky)
        if not leaves:
            raise ValueError(
                "nothing to differentiate by: inputs hold no floating-point tensor with samples, and forward makes "
                "none from their integers; give inputs (or token ids to embed) that all samples have"
            )
        ends = [output for output in outputs if output.requires_grad]
        if not ends:
            raise ValueError(
                "nothing differentiable is found: no output of forward has a gradient by the inputs "
                f"({len(outputs)} floating-point outputs): forward detaches them. Leave out detach(), no_grad() and "
                "argmax; behind a frozen part that runs so, check the rest alone, on that part's outputs"
            )
        generator = torch.Generator().manual_seed(seed)
        return outputs, leaves, ends, [torch.randn(end.shape, generator=generator).to(end) for end in ends]

    def settle_statistics(self, batch: Batch, seed: int) -> list[str]:
        """Give batch normalisation that has seen nothing yet the statistics of these inputs in training; notes."""
        training = {id(part) for part, is_training in self._modes if is_training}
        fresh = []
        for part in self.batch_norms:
            mean, variance = part.running_mean, part.running_var
            if id(part) not in training or mean is None or variance is None:
                continue
            if not mean.any() and bool((variance == 1).all()):
                fresh.append((part, mean, variance, part.momentum))
        if not fresh:
            return []
        self._settling = [part for part, *_ in fresh]
        try:
            for draw in range(SETTLING):
                for part in self._settling:
                    part.momentum = 1 / (draw + 1)  # the plain mean of all passes
                self.outputs(batch, seed + draw)
        except Exception:  # whatever forward raises in training mode, as for one sample alone
            for _, mean, variance, _ in fresh:
                mean.zero_()
                variance.fill_(1)
            return ["batch normalisation has its initial statistics still: train some steps first to judge the signal"]
        finally:
            self._settling = []
            for part, *_, momentum in fresh:
                part.momentum = momentum
        return ["batch normalisation had its initial statistics; those of these inputs were taken instead"]

    def set_modes(self, drops: bool = True) -> None:
        """The module's own training flags, or evaluation mode; batch normalisation only to settle its statistics."""
        for part, is_training in self._modes:
            part.training = is_training and drops
        for part in self.batch_norms:
            part.training = part in self._settling

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
        found = watch.embedded if leaves else watch.made
        leaves += [leaf for leaf in found if self._has_rows(leaf, batch)]
        return outputs, leaves

    @staticmethod
    def _has_rows(leaf: Tensor, batch: Batch) -> bool:
        if batch.dimension is None:
            return True
        return leaf.dim() > batch.dimension and leaf.shape[batch.dimension] % batch.size == 0
