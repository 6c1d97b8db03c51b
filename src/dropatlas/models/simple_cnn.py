"""The two small convolutional networks of the paper, after those of cuda-convnet."""

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

from dropatlas.models.network import Network


def pooled(size: int) -> int:
    """Side of a feature map after pooling 3/2 without padding."""
    return (size - 3) // 2 + 1


def _pooled_to_nothing(name: str, height: int, width: int, smallest: int) -> ValueError:
    return ValueError(f"{name} needs images of at least {smallest}x{smallest} pixels, got {height}x{width}")


class SimpleCNN1(Network):
    """Three convolutions and two fully connected layers.

    conv 5×5×32 – max-pool 3/2 – conv 5×5×32 – ReLU – avg-pool 3/2 – conv 5×5×64 – (ReLU) – avg-pool 3/2 – fc 64 – ReLU
    – fc; convolutions are padded by 2, pooling is not.

    Args:
        input_shape: Channels, rows and columns; at least 15×15.
        classes: Outputs.
        third_relu: Whether a ReLU follows the third convolution. The authors' CIFAR network has it; in their MNIST
            network a duplicated layer name removed it.

    Source: arXiv 2502.19948 and the authors' code.
    """

    method_layers = ("fc1",)
    dropout_layers = ("fc1",)

    def __init__(self, input_shape: tuple[int, int, int], classes: int, third_relu: bool = True) -> None:
        super().__init__()
        channels, rows, columns = input_shape
        height, width = (pooled(pooled(pooled(side))) for side in (rows, columns))
        if min(height, width) < 1:
            raise _pooled_to_nothing("SimpleCNN1", rows, columns, smallest=15)
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(channels, 32, 5, padding=2),
                pool1=nn.MaxPool2d(3, 2),
                conv2=nn.Conv2d(32, 32, 5, padding=2),
                relu2=nn.ReLU(),
                pool2=nn.AvgPool2d(3, 2),
                conv3=nn.Conv2d(32, 64, 5, padding=2),
                relu3=nn.ReLU() if third_relu else nn.Identity(),
                pool3=nn.AvgPool2d(3, 2),
            )
        )
        self.fc1 = nn.Linear(64 * height * width, 64)
        self.fc2 = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, C, H, W)."""
        return self.fc2(torch.relu(self.fc1(self.features(x).flatten(1))))


class LocallyConnected2d(nn.Module):
    """A 3×3 convolution whose kernel is not shared between positions; padded by 1, so that the size stays.

    Args:
        in_channels: C.
        out_channels: O.
        height: Rows of input and output.
        width: Columns of input and output.

    Shape:
        Input (N, C, height, width), output (N, O, height, width); weight (height · width, 9 C, O), with the 9 C
        inputs of a position in the order of `torch.nn.functional.unfold`; bias (O, height, width).
    """

    def __init__(self, in_channels: int, out_channels: int, height: int, width: int) -> None:
        super().__init__()
        self.size = (height, width)
        self.weight = nn.Parameter(torch.empty(height * width, 9 * in_channels, out_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels, height, width))

    def initialise(self, generator: torch.Generator) -> None:
        """Xavier-uniform for the fan of one position.

        (The authors' code computes the fan from the whole tensor, which makes these weights about 25 times smaller.)
        """
        _, inputs, outputs = self.weight.shape
        bound = math.sqrt(6 / (inputs + 9 * outputs))
        with torch.no_grad():
            self.weight.uniform_(-bound, bound, generator=generator)
            self.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Local filters at every position."""
        patches = functional.unfold(x, 3, padding=1)  # (N, 9 C, positions)
        output = torch.bmm(patches.permute(2, 0, 1), self.weight)  # (positions, N, O)
        output = output.permute(1, 2, 0).unflatten(2, self.size)
        return output + self.bias.to(output.dtype)


class SimpleCNN2(Network):
    """Two convolutions, two locally connected and two fully connected layers.

    conv 5×5×64 – ReLU – max-pool 3/2 – LRN(5, 1e-3, 0.75) – conv 5×5×64 – ReLU – LRN – max-pool 3/2 – local 3×3×16 –
    ReLU – local 3×3×32 – ReLU – fc 128 – ReLU – fc; convolutions are padded by 2, local layers by 1.

    Args:
        input_shape: Channels, rows and columns; at least 7×7.
        classes: Outputs.

    Source: arXiv 2502.19948 and the authors' code.
    """

    method_layers = ("fc1",)
    dropout_layers = ("fc1",)

    def __init__(self, input_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, rows, columns = input_shape
        height, width = (pooled(pooled(side)) for side in (rows, columns))
        if min(height, width) < 1:
            raise _pooled_to_nothing("SimpleCNN2", rows, columns, smallest=7)
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(channels, 64, 5, padding=2),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(3, 2),
                norm1=nn.LocalResponseNorm(5, alpha=1e-3, beta=0.75),
                conv2=nn.Conv2d(64, 64, 5, padding=2),
                relu2=nn.ReLU(),
                norm2=nn.LocalResponseNorm(5, alpha=1e-3, beta=0.75),
                pool2=nn.MaxPool2d(3, 2),
                local3=LocallyConnected2d(64, 16, height, width),
                relu3=nn.ReLU(),
                local4=LocallyConnected2d(16, 32, height, width),
                relu4=nn.ReLU(),
            )
        )
        self.fc1 = nn.Linear(32 * height * width, 128)
        self.fc2 = nn.Linear(128, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, C, H, W)."""
        return self.fc2(torch.relu(self.fc1(self.features(x).flatten(1))))
