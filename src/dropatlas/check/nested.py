"""Tensors inside what modules take and give: tuples, lists, dictionaries, data classes, nested at will."""

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn


def tensors_in(tree: object) -> Iterator[Tensor]:
    """All tensors inside, in order; objects are looked into through their attributes."""
    return _tensors_in(tree, set())


def _tensors_in(tree: object, seen: set[int]) -> Iterator[Tensor]:
    if isinstance(tree, Tensor):
        yield tree
        return
    if id(tree) in seen:
        return
    seen.add(id(tree))
    values: Iterable[object] = ()
    if isinstance(tree, Mapping):
        values = tree.values()
    elif isinstance(tree, (tuple, list)):
        values = tree
    elif dataclasses.is_dataclass(tree):
        values = [getattr(tree, field.name) for field in dataclasses.fields(tree)]
    elif hasattr(tree, "__dict__") and not isinstance(tree, (nn.Module, type)):
        values = vars(tree).values()
    for value in values:
        yield from _tensors_in(value, seen)


def with_tensors(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same inputs with every tensor replaced; dictionaries become plain ones."""
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, Mapping):
        return {key: with_tensors(value, change) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        values = [with_tensors(value, change) for value in tree]
        return type(tree)(*values) if hasattr(tree, "_fields") else type(tree)(values)
    return tree


def call(module: nn.Module, inputs: Any) -> Any:
    """`module(**inputs)`, `module(*inputs)` or `module(inputs)`: the first that forward's signature allows."""
    if isinstance(inputs, Mapping) and _binds(module, **inputs):
        return module(**inputs)
    if isinstance(inputs, (tuple, list)) and _binds(module, *inputs):
        return module(*inputs)
    return module(inputs)


def _binds(module: nn.Module, /, *arguments: object, **named: object) -> bool:
    try:
        inspect.signature(module.forward).bind(*arguments, **named)
    except (TypeError, ValueError):
        return False
    return True
