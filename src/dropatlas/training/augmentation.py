"""Random crops, mirror images and rotations of whole batches."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from dropatlas.recipes import Augmentation


def _crop(images: Tensor, padding: int, flip: bool, generator: torch.Generator) -> Tensor:
    """Crop each zero-padded image at its own random place; mirror every second one, at random.

    One gather of bytes for the whole batch: row and column indices per image.
    """
    count, _, height, width = images.shape
    device = images.device
    shifts = torch.randint(0, 2 * padding + 1, (2, count, 1), generator=generator).to(device)
    mirrored = (torch.rand(count, 1, generator=generator) < 0.5).to(device) & flip
    rows = torch.arange(height, device=device) + shifts[0]
    columns = torch.arange(width, device=device).expand(count, width)
    columns = torch.where(mirrored, width - 1 - columns, columns) + shifts[1]
    padded = functional.pad(images, (padding,) * 4)
    sample = torch.arange(count, device=device)[:, None, None]
    # Advanced indices around a slice put the channel last: (N, H, W, C).
    return padded[sample, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _rotate(images: Tensor, degrees: float, generator: torch.Generator) -> Tensor:
    """Rotate each image by its own random angle, bilinear."""
    count, _, height, width = images.shape
    angle = ((2 * torch.rand(count, generator=generator) - 1) * math.radians(degrees)).to(images.device)
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    # Coordinates run from -1 to 1 along both sides, whatever their lengths.
    turn = torch.stack([cosine, -sine * height / width, zero, sine * width / height, cosine, zero], 1).view(-1, 2, 3)
    grid = functional.affine_grid(turn, list(images.shape), align_corners=False)
    rotated = functional.grid_sample(images.float(), grid, mode="bilinear", align_corners=False)
    return rotated.round().clamp(0, 255).to(torch.uint8)


def augment(images: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """Change a batch of images at random, each in its own way.

    Args:
        images: uint8, (N, C, H, W).
        settings: What is done.
        generator: Random stream on the CPU; how much is drawn depends on N and the settings alone.

    Returns:
        uint8, same shape; what comes from outside the image is 0 (before normalisation).
    """
    if settings.rotation_degrees:
        images = _rotate(images, settings.rotation_degrees, generator)
    if settings.crop_padding or settings.flip:
        images = _crop(images, settings.crop_padding, settings.flip, generator)
    return images
