"""Networks of the Dynamic DropConnect experiments (arXiv 2502.19948), and a few beyond the paper.

Use from outside: `build_model("simple_cnn1", (1, 28, 28), 10, seed=0)`.
"""

from dropatlas.models.alexnet import AlexNet
from dropatlas.models.building import MODELS, build_model
from dropatlas.models.network import Network
from dropatlas.models.resnet import ResNet
from dropatlas.models.simple_cnn import LocallyConnected2d, SimpleCNN1, SimpleCNN2
from dropatlas.models.tabular import TabularMLP
from dropatlas.models.transformer import VisionTransformer
from dropatlas.models.vgg import VGG13

__all__ = [
    "MODELS",
    "VGG13",
    "AlexNet",
    "LocallyConnected2d",
    "Network",
    "ResNet",
    "SimpleCNN1",
    "SimpleCNN2",
    "TabularMLP",
    "VisionTransformer",
    "build_model",
]
