"""Building blocks of the configuration models: strict sections and the field types of the subject."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values are not coerced, every field has a description."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Probability = Annotated[float, Field(ge=0, le=1)]
OpenProbability = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]


def at_least_one(item: type) -> type:
    """Type of a non-empty list of `item`."""
    return Annotated[list[item], Field(min_length=1)]
