"""AlexNet as in the paper: torchvision's convolutions, no dropout of its own."""

import torch
from torch import Tensor, nn

from dropatlas.models.network import Network


class AlexNet(Network):
    """Five convolutions, 6×6 adaptive pooling, fc 4096 – ReLU – fc 4096 – ReLU – fc.

    The layers and their sizes are torchvision's `alexnet` without its two dropout layers.

    Args:
        input_shape: Channels, rows and columns; at least 63×63 (published: 224×224, NORB 133×133).
        classes: Outputs.

    Source: arXiv 2502.19948 and the authors' code; Krizhevsky, One weird trick, 2014.
    """

    method_layers = ("fc1",)
    dropout_layers = ("fc1",)

    def __init__(self, input_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, height, width = input_shape
        if min(height, width) < 63:
            raise ValueError(
                f"AlexNet needs images of at least 63x63 pixels, got {height}x{width}; resize them (published: 224)"
            )
        self.features = nn.Sequential(
            nn.Conv2d(channels, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.AdaptiveAvgPool2d(6),
        )
        self.fc1 = nn.Linear(256 * 6 * 6, 4096)
        self.fc2 = nn.Linear(4096, 4096)
        self.fc3 = nn.Linear(4096, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, C, H, W)."""
        x = torch.relu(self.fc1(self.features(x).flatten(1)))
        return self.fc3(torch.relu(self.fc2(x)))
