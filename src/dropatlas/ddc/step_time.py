"""What a method costs: time of a training step with it against the plain step."""

import time
from collections.abc import Callable

import pandas as pd
import torch
from torch.nn import functional

from dropatlas.ddc.settings import METHOD_NAMES
from dropatlas.layers import apply_method
from dropatlas.models import build_model

INPUT_SHAPES = {"simple_cnn1_mnist": (1, 28, 28), "alexnet": (3, 64, 64)}
"""Shapes of one image where it is not (3, 32, 32)."""


def _stepper(model_name: str, method: str, images: torch.Tensor, labels: torch.Tensor) -> Callable[[], None]:
    """A function that does one training step of a model with a method in its published layers."""
    model = build_model(model_name, tuple(images.shape[1:]), 10, seed=0)
    model = model.to(images.device).to(memory_format=torch.channels_last)
    layers = model.dropout_layers if method == "dropout" else model.method_layers
    apply_method(model, layers, method)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        optimiser.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimiser.step()
        if images.is_cuda:
            torch.cuda.synchronize()

    return step


def step_times(model_name: str, batch_size: int, rounds: int, seed: int = 0) -> pd.DataFrame:
    """Time training steps of a network with every method, one step each in turn.

    Taking turns, other load on the machine hits all alike: compare within a round. float32, channels-last, SGD with
    momentum and weight decay, random images; one step of each is not counted.

    Args:
        model_name: One of `dropatlas.models.MODELS`, for images.
        batch_size: Images per step.
        rounds: Steps of each network.
        seed: Of images and masks; weights are the same for all.

    Returns:
        Columns method, round, wall_ms, processor_ms (all threads; on a GPU that of the host).
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        shape = INPUT_SHAPES.get(model_name, (3, 32, 32))
        images = torch.randn(batch_size, *shape).to(device).contiguous(memory_format=torch.channels_last)
        labels = torch.randint(10, (batch_size,), device=device)
        steps = {method: _stepper(model_name, method, images, labels) for method in METHOD_NAMES}
        for step in steps.values():
            step()
        rows = []
        for number in range(rounds):
            for method, step in steps.items():
                started, before = time.perf_counter(), time.process_time()
                step()
                spent = (time.perf_counter() - started, time.process_time() - before)
                rows.append((method, number, *(1e3 * seconds for seconds in spent)))
    return pd.DataFrame(rows, columns=["method", "round", "wall_ms", "processor_ms"])
