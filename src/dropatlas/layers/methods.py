"""Regularisation methods by name, and how to put one into any model."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from torch import nn
from torch.nn.utils import parametrize

from dropatlas.layers.by_weight import DropByWeightLinear
from dropatlas.layers.dropconnect import DropConnectConv2d, DropConnectLinear
from dropatlas.layers.dropping import DropLayer, LinearEdges
from dropatlas.layers.dynamic import (
    DropBigGradientConv2d,
    DropBigGradientLinear,
    DynamicDropConnectConv2d,
    DynamicDropConnectLinear,
)
from dropatlas.layers.units import DropoutLinear, StandoutLinear

M = TypeVar("M", bound=nn.Module)
L = TypeVar("L", bound=LinearEdges)

METHODS: dict[str, dict[type[nn.Module], Callable[..., nn.Module]]] = {
    "none": {nn.Linear: nn.Linear, nn.Conv2d: nn.Conv2d},
    "dropout": {nn.Linear: DropoutLinear},
    "dropconnect": {nn.Linear: DropConnectLinear, nn.Conv2d: DropConnectConv2d},
    "standout": {nn.Linear: StandoutLinear},
    "ddc": {nn.Linear: DynamicDropConnectLinear, nn.Conv2d: DynamicDropConnectConv2d},
    "drop_big_gradient": {nn.Linear: DropBigGradientLinear, nn.Conv2d: DropBigGradientConv2d},
    "drop_small_weight": {nn.Linear: partial(DropByWeightLinear, drops="small")},
    "drop_big_weight": {nn.Linear: partial(DropByWeightLinear, drops="big")},
}
"""Method to the layer it puts in the place of `nn.Linear` and `nn.Conv2d`."""

PLAIN_ARGUMENTS = {
    nn.Linear: ("in_features", "out_features"),
    nn.Conv2d: (
        *("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode"),
    ),
}


def _kind(layer: nn.Module) -> type[nn.Module] | None:
    """`nn.Linear` or `nn.Conv2d` when `layer` is one (plain, or with a method already); otherwise None."""
    for kind in PLAIN_ARGUMENTS:
        # Other subclasses may compute something else with their weight.
        if type(layer) is kind or (isinstance(layer, DropLayer) and isinstance(layer, kind)):
            return kind
    return None


def replaceable_layers(model: nn.Module) -> list[str]:
    """Names of the layers of `model` that `apply_method` can replace, in the order of `model.named_modules()`."""
    return [name for name, layer in model.named_modules() if name and _kind(layer) is not None]


def _parent(model: nn.Module, name: str) -> nn.Module:
    return model.get_submodule(name.rpartition(".")[0])


def _replacement(name: str, layer: nn.Module, kind: type[nn.Module], method: str, options: dict[str, Any]) -> nn.Module:
    """The layer of `method` with the parameters of `layer` (the same objects, not copies); `kind` as `_kind` says."""
    if kind not in METHODS[method]:
        able = ", ".join(known for known in METHODS if kind in METHODS[known])
        raise ValueError(f"{method} has no form for {kind.__name__} (layer {name!r}); methods that have: {able}")
    build = METHODS[method][kind]
    plain = {argument: getattr(layer, argument) for argument in PLAIN_ARGUMENTS[kind]}
    fixed = {*plain, "self", "bias", "device", "dtype", "convolution", *getattr(build, "keywords", {})}
    known = () if build is kind else [key for key in inspect.signature(build).parameters if key not in fixed]
    if unknown := [key for key in options if key not in known]:
        raise TypeError(
            f"method {method!r} has no option {', '.join(unknown)} for {kind.__name__}; options: "
            f"{', '.join(known) or 'none'}"
        )
    # On the meta device nothing is initialised: no random number is spent on weights that are replaced.
    new = build(**plain, bias=layer.bias is not None, device="meta", **options)
    new.weight, new.bias = layer.weight, layer.bias
    if isinstance(new, DropLayer):
        new._start_state()
    return new.train(layer.training)


def apply_method(model: M, layer: str | Sequence[str], method: str, **options: Any) -> M:
    """Put a regularisation method into layers of a model, in place.

    The new layer has the parameters of the old one, the very same objects: weights, their names in `state_dict`, and
    optimisers that were already built stay as they are. `method="none"` makes the layer plain again.

    Args:
        model: Any module.
        layer: Name (or names) of an `nn.Linear` or `nn.Conv2d` as in `model.named_modules()`, such as "features.0".
        method: One of `METHODS`: none, dropout, dropconnect, standout, ddc, drop_big_gradient, drop_small_weight,
            drop_big_weight.
        options: Options of the method's layer, such as `base_rate=0.2`; see its class.

    Returns:
        The model, for chaining.

    Raises:
        ValueError: unknown layer (the message lists the layers there are) or method, a layer that cannot be replaced,
            or an option out of range.
        TypeError: an option the method does not have.

    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> type(apply_method(model, "1", "ddc", base_rate=0.2)[1]).__name__
        'DynamicDropConnectLinear'
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; methods: {', '.join(METHODS)}")
    modules = dict(model.named_modules(remove_duplicate=False))
    names = [layer] if isinstance(layer, str) else list(layer)
    kinds: dict[str, type[nn.Module]] = {}
    for name in names:
        there = ", ".join(replaceable_layers(model)) or "none"
        if not name or name not in modules:
            raise ValueError(f"{type(model).__name__} has no layer {name!r}; linear and convolutional layers: {there}")
        old = modules[name]
        if (kind := _kind(old)) is None:
            raise ValueError(
                f"layer {name!r} is a {type(old).__name__}; only nn.Linear and nn.Conv2d can be replaced: {there}"
            )
        if parametrize.is_parametrized(old):
            raise ValueError(f"layer {name!r} is parametrized; remove its parametrizations first")
        if isinstance(_parent(model, name), nn.MultiheadAttention):
            raise ValueError(f"layer {name!r}: nn.MultiheadAttention reads its weight without calling the layer")
        kinds[name] = kind
    replaced: dict[nn.Module, nn.Module] = {}
    for name in names:
        old = modules[name]
        new = replaced[old] = replaced.get(old) or _replacement(name, old, kinds[name], method, options)
        if isinstance(_parent(model, name), nn.TransformerEncoderLayer) and isinstance(new, DropLayer):
            # A hook, even one that does nothing, turns off its fast path, which reads weights without calling layers.
            new.register_forward_hook(_nothing)
    for parent in list(model.modules()):  # a layer that is used under several names is replaced under all of them
        for name, child in parent._modules.items():
            if child in replaced:
                parent._modules[name] = replaced[child]
    return model


def replace_linear(model: nn.Module, name: str, build: Callable[..., L]) -> L:
    """Put a layer of one's own in the place of a linear layer of a model, in place; parameters stay the same objects.

    Args:
        model: Any module.
        name: Name of the linear layer as in `model.named_modules()`.
        build: Makes the new layer; called like `nn.Linear`.

    Returns:
        The new layer.

    Raises:
        ValueError: the layer is not linear.
    """
    old = model.get_submodule(name)
    if not isinstance(old, nn.Linear):
        raise ValueError(f"layer {name!r} is a {type(old).__name__}; only nn.Linear can be replaced")
    new = build(old.in_features, old.out_features, old.bias is not None, device="meta")
    new.weight, new.bias = old.weight, old.bias
    new._start_state()
    setattr(_parent(model, name), name.rpartition(".")[2], new)
    return new


def _nothing(*_: object) -> None:
    """A forward hook without effect."""
