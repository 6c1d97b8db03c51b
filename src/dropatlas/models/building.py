"""Models by name, with initial weights that depend on nothing but the seed."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from dropatlas.models.alexnet import AlexNet
from dropatlas.models.network import Network
from dropatlas.models.resnet import ResNet
from dropatlas.models.simple_cnn import SimpleCNN1, SimpleCNN2
from dropatlas.models.tabular import TabularMLP
from dropatlas.models.transformer import VisionTransformer
from dropatlas.models.vgg import VGG13
from dropatlas.randomness import seed_sequence

MODELS: dict[str, Callable[..., Network]] = {
    "simple_cnn1": SimpleCNN1,
    "simple_cnn1_mnist": partial(SimpleCNN1, third_relu=False),
    "simple_cnn2": SimpleCNN2,
    "alexnet": AlexNet,
    "vgg13": VGG13,
    "resnet20": partial(ResNet, blocks=3),
    "resnet8": partial(ResNet, blocks=1),
    "vision_transformer": VisionTransformer,
    "tabular_mlp": TabularMLP,
}
"""Name to the model or its variant."""


@runtime_checkable
class Initialised(Protocol):
    """A layer that draws its own initial weights."""

    def initialise(self, generator: torch.Generator) -> None:
        """Draw them."""


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Xavier-uniform weights and zero biases for linear and convolutional layers; others by their own `initialise`.

    Normalisation layers start at weight 1 and bias 0, as PyTorch makes them.

    Source: arXiv 2502.19948 (Xavier).
    """
    for layer in model.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, Initialised):
            layer.initialise(generator)


def build_model(name: str, input_shape: tuple[int, ...], classes: int, seed: int, **options: Any) -> Network:
    """A model with its initial weights.

    Every model names the layers a method acts on in the published protocol, `method_layers` (for `apply_method`), and
    those that plain dropout acts on, `dropout_layers`.

    Args:
        name: One of `MODELS`.
        input_shape: (C, H, W) of an image, (features,) of a table row.
        classes: Outputs; 1 for regression.
        seed: Root seed of the weights; equal arguments give equal weights, and torch's own random state is untouched.
        options: Further arguments of the model, such as `width=32`.

    Returns:
        The model in training mode, float32, on the CPU.

    Raises:
        ValueError: unknown name (the message lists the names), or a shape the model cannot take.
        TypeError: an option the model does not have.

    Example:
        >>> model = build_model("simple_cnn1", (1, 28, 28), 10, seed=0)
        >>> model = apply_method(model, model.method_layers, "ddc")
    """
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}; models: {', '.join(MODELS)}")
    if classes < 1:
        raise ValueError(f"classes must be at least 1, got {classes}")
    build = MODELS[name]
    fixed = {"input_shape", "classes", *getattr(build, "keywords", {})}
    known = [option for option in inspect.signature(build).parameters if option not in fixed]
    if unknown := [option for option in options if option not in known]:
        raise TypeError(f"model {name} has no option {', '.join(unknown)}; options: {', '.join(known) or 'none'}")
    generator = torch.Generator().manual_seed(int(seed_sequence(seed, "model", name).generate_state(1)[0]))
    with torch.random.fork_rng(devices=[]):  # layers draw weights when they are made, which are drawn anew below
        model = build(tuple(input_shape), classes, **options)
    initialise(model, generator)
    return model
