"""A multilayer perceptron for tables of numbers."""

import torch
from torch import Tensor, nn

from dropatlas.models.network import Network


class TabularMLP(Network):
    """fc 128 – ReLU – fc 64 – ReLU – fc.

    Args:
        input_shape: (features,).
        classes: Outputs; 1 for regression.
        widths: Units of the two hidden layers.

    Not in arXiv 2502.19948, which asks for data that are not images.
    """

    method_layers = ("fc1",)
    dropout_layers = ("fc1",)

    def __init__(self, input_shape: tuple[int], classes: int, widths: tuple[int, int] = (128, 64)) -> None:
        super().__init__()
        if len(input_shape) != 1:
            raise ValueError(f"TabularMLP needs inputs of one dimension (features,), got shape {input_shape}")
        self.fc1 = nn.Linear(input_shape[0], widths[0])
        self.fc2 = nn.Linear(widths[0], widths[1])
        self.fc3 = nn.Linear(widths[1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (N, classes) of rows (N, features)."""
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))
