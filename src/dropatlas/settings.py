"""Building blocks of the configuration models: strict sections and the field types of the subject."""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values are not coerced, every field has a description."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


T = TypeVar("T")


def distinct(values: list[T]) -> list[T]:
    """Check that no value stands twice in a list.

    Raises:
        ValueError: one does; the message names it.
    """
    for number, value in enumerate(values):
        if value in values[:number]:  # items may be lists, which have no hash
            shown = value.model_dump() if isinstance(value, Section) else value
            raise ValueError(f"{shown!r} stands there twice and would count twice; remove one of them")
    return values


Scale = Literal["quick", "standard", "paper"]
Probability = Annotated[float, Field(ge=0, le=1)]
OpenProbability = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Distinct = Annotated[list[T], AfterValidator(distinct)]
NonEmpty = Annotated[list[T], Field(min_length=1)]
Grid = Annotated[list[T], Field(min_length=1), AfterValidator(distinct)]
"""Values an experiment runs over: one that stood there twice would count twice as evidence."""
