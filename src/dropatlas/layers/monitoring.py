"""Look at a model's drop layers: how much they drop, and dropping at prediction time."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from dropatlas.layers.dropping import DropLayer


def drop_rates(model: nn.Module) -> dict[str, float]:
    """Share of edges (or units) that each drop layer dropped in its last training forward pass, by layer name."""
    return {
        name: layer.realised_drop_rate.item() for name, layer in model.named_modules() if isinstance(layer, DropLayer)
    }


@contextmanager
def monte_carlo_dropping(model: nn.Module) -> Iterator[nn.Module]:
    """Predict with masks: within the block every forward pass draws new masks, all else is in evaluation mode.

    The mean of the predictions over passes is the Monte-Carlo estimate of the predictive distribution (Gal and
    Ghahramani 2016 for dropout). A Dynamic DropConnect layer draws with the probabilities of its last training step.

    Args:
        model: Any module with drop layers of this package or `nn.Dropout`.

    Yields:
        The model; afterwards every module has the mode it had before.

    Raises:
        ValueError: the model drops nothing.

    Example:
        >>> with monte_carlo_dropping(model), torch.no_grad():
        ...     probabilities = torch.stack([model(x).softmax(1) for _ in range(50)]).mean(0)
    """
    dropping = [layer for layer in model.modules() if isinstance(layer, (DropLayer, _DropoutNd))]
    if not dropping:
        raise ValueError(f"{type(model).__name__} has no layer that drops; see dropatlas.layers.apply_method")
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        for layer in dropping:
            layer.train()
        yield model
    finally:
        for module, training in modes.items():
            module.training = training
