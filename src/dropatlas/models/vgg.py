"""VGG-13 with batch normalisation, for 32×32 images."""

import torch
from torch import Tensor, nn

from dropatlas.models.network import Network

WIDTHS = (64, 128, 256, 512, 512)


class VGG13(Network):
    """Ten 3×3 convolutions with batch normalisation in five stages, fc 512 – ReLU – fc 512 – ReLU – fc.

    Args:
        input_shape: Channels, rows and columns; at least 32×32, where one position is left (larger maps are flattened).
        classes: Outputs.

    Source: arXiv 2502.19948 and the authors' code; Simonyan and Zisserman, configuration B.
    """

    method_layers = ("fc1",)
    dropout_layers = ("fc1", "fc2")

    def __init__(self, input_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, height, width = input_shape
        if min(height, width) < 32:
            raise ValueError(f"VGG13 needs images of at least 32x32 pixels, got {height}x{width}")
        layers = []
        for stage in WIDTHS:
            for _ in range(2):
                layers += [nn.Conv2d(channels, stage, 3, padding=1), nn.BatchNorm2d(stage), nn.ReLU()]
                channels = stage
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.fc1 = nn.Linear(512 * (height // 32) * (width // 32), 512)
        self.fc2 = nn.Linear(512, 512)
        self.fc3 = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, C, H, W)."""
        x = torch.relu(self.fc1(self.features(x).flatten(1)))
        return self.fc3(torch.relu(self.fc2(x)))
