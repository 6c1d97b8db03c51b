"""The small residual networks for 32×32 images."""

import torch
from torch import Tensor, nn

from dropatlas.models.network import Network


class BasicBlock(nn.Module):
    """relu(x + BN(conv(relu(BN(conv x))))); the shortcut subsamples and is padded with zeros where sizes change."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.stride, self.added = stride, channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Output (N, channels, H / stride, W / stride)."""
        branch = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        if self.added:
            x = nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        return torch.relu(x + branch)


class ResNet(Network):
    """ResNet of depth 6 n + 2: conv, three stages of n blocks with 16, 32 and 64 channels, global mean, fc.

    Args:
        input_shape: Channels, rows and columns; any size from 4×4.
        classes: Outputs.
        blocks: n per stage; 3 is ResNet-20, 1 is ResNet-8.
        width: Channels of the first stage.

    Source: He et al., Deep residual learning, section 4.2 (option A shortcuts). Not in arXiv 2502.19948, which asks
    for it; the only fully connected layer is the last one, the convolutions of the blocks are the alternative.
    """

    method_layers = ("fc",)
    dropout_layers = ("fc",)

    def __init__(self, input_shape: tuple[int, int, int], classes: int, blocks: int = 3, width: int = 16) -> None:
        super().__init__()
        if blocks < 1 or width < 1:
            raise ValueError(f"blocks and width must be at least 1, got {blocks} and {width}")
        self.conv = nn.Conv2d(input_shape[0], width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        layers, channels = [], width
        for stage in range(3):
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                layers.append(BasicBlock(channels, width * 2**stage, stride))
                channels = width * 2**stage
        self.blocks = nn.Sequential(*layers)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, C, H, W)."""
        return self.fc(self.blocks(torch.relu(self.norm(self.conv(x)))).mean((2, 3)))
