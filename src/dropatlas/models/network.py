"""What all models have in common."""

from torch import nn


class Network(nn.Module):
    """A model that names the layers regularisation methods act on.

    Attributes:
        method_layers: Those of the published protocol.
        dropout_layers: Those that plain dropout acts on in it.
    """

    method_layers: tuple[str, ...]
    dropout_layers: tuple[str, ...]
