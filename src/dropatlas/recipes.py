"""How a model is trained: the settings of one run, and the learning rate they give."""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from dropatlas.settings import Count, Positive, Section


class Augmentation(Section):
    """Random changes of training images; zero and false change nothing."""

    crop_padding: Annotated[int, Field(ge=0)] = Field(
        default=0, description="pixels of zero padding around an image before a random crop back to its size"
    )
    flip: bool = Field(default=False, description="mirror every second image, at random")
    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = Field(
        default=0.0, description="images are rotated by a random angle up to this, bilinear, zero outside"
    )

    @property
    def nothing(self) -> bool:
        """Whether images stay as they are."""
        return not (self.crop_padding or self.flip or self.rotation_degrees)


class Recipe(Section):
    """SGD with momentum, and a cosine with linear warm-up. Defaults are those all published protocols share."""

    epochs: Count = Field(description="passes over the training images")
    learning_rate: Positive = Field(description="learning rate after the warm-up")
    minimum_learning_rate: Annotated[float, Field(ge=0)] = Field(
        default=0.001, description="learning rate at the start of the warm-up and at the end"
    )
    warmup_epochs: Annotated[float, Field(ge=0)] = Field(default=0.0, description="length of the warm-up in epochs")
    weight_decay: Annotated[float, Field(ge=0)] = Field(default=0.0, description="L2 decay of all parameters")
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(default=0.9, description="momentum of SGD")
    batch_size: Count = Field(default=128, description="samples per step")
    augmentation: Augmentation = Field(default=Augmentation(), description="random changes of training images")
    resize: Count | None = Field(
        default=None, description="images are enlarged to this side, bilinear; null: as they are"
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="bfloat16: mixed precision by autocast (weights stay float32)"
    )

    @model_validator(mode="after")
    def _warm_up_ends(self) -> "Recipe":
        if self.warmup_epochs >= self.epochs:
            raise ValueError(f"warmup_epochs must be below epochs, got {self.warmup_epochs} and {self.epochs}")
        return self

    def learning_rate_at(self, epoch: float) -> float:
        """Learning rate after `epoch` epochs, which may be a fraction.

        Linear from the minimum to the maximum during the warm-up, then half a cosine back to the minimum. The
        authors' code changes it once per epoch, this is changed in every step; and like theirs it rises towards the
        end when the minimum is the larger of the two (NORB with AlexNet and VGG).

        Args:
            epoch: In [0, epochs].

        Source: arXiv 2502.19948 and the authors' code.
        """
        low, high = self.minimum_learning_rate, self.learning_rate
        if epoch < self.warmup_epochs:
            return low + (high - low) * epoch / self.warmup_epochs
        progress = (epoch - self.warmup_epochs) / (self.epochs - self.warmup_epochs)
        return low + (high - low) * (1 + math.cos(math.pi * progress)) / 2
