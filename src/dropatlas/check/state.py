"""Run a module as often as a check needs, and leave it, and all random generators, as they were."""

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import torch
from torch import Tensor, nn

_TABLES = ("_parameters", "_buffers", "_modules")


def _generators() -> list[torch.Generator]:
    """Torch's global generators of all devices in use."""
    found = [torch.default_generator]
    for device in (torch.cuda, torch.xpu):
        if device.is_available() and device.is_initialized():
            found += device.default_generators
    if torch.backends.mps.is_available():
        found.append(torch.mps._get_default_mps_generator())
    return found


def random_states() -> tuple[object, ...]:
    """State of Python's, numpy's and torch's global generators, in a form that can be compared."""
    numpy_state = np.random.get_state(legacy=False)["state"]
    devices = [generator.get_state().numpy().tobytes() for generator in _generators()]
    return random.getstate(), numpy_state["key"].tobytes(), numpy_state["pos"], devices


def seed_all(seed: int) -> None:
    """Seed all global generators."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    for generator in _generators():
        generator.manual_seed(seed)


@contextmanager
def left_as_it_was(module: nn.Module) -> Iterator[list[Tensor]]:
    """Within the block anything may be done to a module's tensors, flags and attributes; afterwards all is as before.

    Restored, also after an error: values, types and places of parameters and buffers, `requires_grad`, `.grad`,
    training flags and whatever attributes forward has set, the global random generators (and those in attributes),
    the default type. What forward puts into a list or dictionary of its own stays there.

    Yields:
        The parameters and buffers.
    """
    parts = [(part, dict(vars(part)), _tables(part)) for part in module.modules()]
    tensors = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}.values()
    stored = [
        (tensor, tensor.data, tensor.detach().clone(), tensor.requires_grad, tensor.grad if tensor.is_leaf else None)
        for tensor in tensors
    ]
    own = [value for _, values, _ in parts for value in values.values() if isinstance(value, torch.Generator)]
    generators = [(generator, generator.get_state()) for generator in (*_generators(), *own)]
    python_state, numpy_state = random.getstate(), np.random.get_state(legacy=False)
    dtype = torch.get_default_dtype()
    try:
        yield [tensor for tensor, *_ in stored]
    finally:
        torch.set_default_dtype(dtype)
        for part, attributes, tables in parts:
            vars(part).clear()
            vars(part).update(attributes)
            for table, content in tables:
                table.clear()
                table.update(content)
        with torch.no_grad():
            for tensor, data, values, needs_gradient, gradient in stored:
                if not torch.equal(data, values):
                    data.copy_(values)
                tensor.data = data
                if tensor.is_leaf:
                    tensor.requires_grad_(needs_gradient)
                    tensor.grad = gradient
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        for generator, state in generators:
            generator.set_state(state)


@contextmanager
def plain_passes() -> Iterator[None]:
    """Within the block gradients are taken, types are as stated, and forward's warnings, hundreds, are not shown."""
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
        torch.autocast("cuda", enabled=False) if torch.cuda.is_available() else nullcontext(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def _tables(part: nn.Module) -> list[tuple[dict[str, object], dict[str, object]]]:
    """A module's dictionaries of parameters, buffers and parts, each with its content."""
    tables = [vars(part).get(name) for name in _TABLES]
    return [(table, dict(table)) for table in tables if isinstance(table, dict)]
