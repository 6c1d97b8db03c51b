"""A small vision Transformer."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from dropatlas.models.network import Network


class EncoderBlock(nn.Module):
    """Pre-norm block: x + attention(norm x), then x + MLP(norm x); every linear map is an `nn.Linear` that is called.

    (`nn.MultiheadAttention` and `nn.TransformerEncoderLayer` read weights past the layer, which would skip a mask.)
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.expand = nn.Linear(width, 2 * width)
        self.contract = nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (N, T, width) to the same shape."""
        count, tokens, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(count, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(count, tokens, width)
        x = x + self.project(attended)
        return x + self.contract(functional.gelu(self.expand(self.norm2(x))))


class VisionTransformer(Network):
    """Patches – linear embedding – encoder blocks – mean over tokens – linear classifier.

    Args:
        input_shape: Channels, rows and columns; sides divisible by `patch`.
        classes: Outputs.
        patch: Side of a patch in pixels.
        width: Token dimension, divisible by `heads`.
        depth: Encoder blocks.
        heads: Attention heads.

    Source: Dosovitskiy et al., An image is worth 16×16 words (class token replaced by the mean). Not in
    arXiv 2502.19948, which asks for it; methods act on the first layer of every block's MLP.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        classes: int,
        patch: int = 4,
        width: int = 64,
        depth: int = 4,
        heads: int = 4,
    ) -> None:
        super().__init__()
        channels, height, columns = input_shape
        if height % patch or columns % patch:
            raise ValueError(f"image sides must be divisible by patch, got {height}x{columns} and {patch}")
        if width % heads:
            raise ValueError(f"width must be divisible by heads, got {width} and {heads}")
        self.method_layers = self.dropout_layers = tuple(f"blocks.{index}.expand" for index in range(depth))
        self.embed = nn.Conv2d(channels, width, patch, stride=patch)
        self.position = nn.Parameter(torch.zeros(1, (height // patch) * (columns // patch), width))
        self.blocks = nn.Sequential(*(EncoderBlock(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, classes)

    def initialise(self, generator: torch.Generator) -> None:
        """Position embeddings from N(0, 0.02²), as usual; the rest is initialised by `build_model`."""
        with torch.no_grad():
            self.position.normal_(0, 0.02, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, C, H, W)."""
        tokens = self.embed(x).flatten(2).transpose(1, 2) + self.position
        return self.fc(self.norm(self.blocks(tokens)).mean(1))
