"""Settings of the ablations and mechanisms of Dynamic DropConnect (arXiv 2502.19948)."""

from itertools import product
from typing import Annotated

from pydantic import Field, model_validator

from dropatlas.regularisation.settings import Arm, ArmRuns, Cell, Name
from dropatlas.settings import Count, OpenProbability, Positive, Probability, Section, at_least_one

Rate = Annotated[float, Field(ge=0, lt=1)]


class ArmGroup(ArmRuns):
    """Arms trained in one cell by one job."""

    cell: Cell = Field(description="where arms are compared: data, model, training")
    arms: dict[Name, Arm] = Field(description="sides of the comparison by name")


class Regression(Section):
    """Linear regression with two parameters: which edge is dropped when, and convergence."""

    scales: at_least_one(Annotated[list[Positive], Field(min_length=2, max_length=2)]) = Field(
        description="standard deviations of the two inputs, one pair per problem"
    )
    correlation: Annotated[float, Field(gt=-1, lt=1)] = Field(description="correlation of the two inputs")
    learning_rates: at_least_one(OpenProbability) = Field(
        description="learning rates in units of 2/λ (λ: largest eigenvalue of the Hessian), below which plain gradient "
        "descent is stable"
    )
    radius: Positive = Field(description="distance of every start from the optimum (1, 1)")
    steps: Count = Field(description="steps of gradient descent")
    approach_steps: Count = Field(description="first steps, over which drops of each edge are counted")
    targets: at_least_one(OpenProbability) = Field(
        description="shares of the initial excess risk; the steps to reach each are counted"
    )
    replicas: Annotated[int, Field(ge=10)] = Field(description="starts around the optimum, each with its own masks")
    shown: Count = Field(description="replicas whose paths are kept step by step")
    shown_steps: Count = Field(description="steps of these paths")

    @model_validator(mode="after")
    def _parts_fit(self) -> "Regression":
        for name, limit in (("approach_steps", "steps"), ("shown_steps", "steps"), ("shown", "replicas")):
            if getattr(self, name) > getattr(self, limit):
                raise ValueError(f"{name} must be at most {limit}, got {getattr(self, name)}")
        return self


class Sensitivity(Section):
    """Grid of the three parameters of the formula in one cell."""

    base_rates: at_least_one(Rate) = Field(description="base rates p")
    gradient_rates: at_least_one(Rate) = Field(description="gradient rates p_g; 0 is DropConnect, whatever τ is")
    thresholds: at_least_one(Probability) = Field(description="thresholds τ")
    cell: Cell = Field(description="where the settings are compared")

    @model_validator(mode="after")
    def _not_everything_is_dropped(self) -> "Sensitivity":
        if max(self.base_rates) + max(self.gradient_rates) >= 1:
            raise ValueError(
                f"base rate + gradient rate must stay below 1, got {max(self.base_rates)} + {max(self.gradient_rates)}"
            )
        return self

    @property
    def arms(self) -> dict[str, Arm]:
        """One arm per point of the grid; without a gradient rate the threshold does nothing, so only the first."""
        points = product(self.base_rates, self.gradient_rates, self.thresholds)
        chosen = [point for point in points if point[1] > 0 or point[2] == self.thresholds[0]]
        options = [dict(zip(("base_rate", "gradient_rate", "threshold"), point, strict=True)) for point in chosen]
        return {f"point_{number}": Arm(method="ddc", options=values) for number, values in enumerate(options)}


class LearnedSearch(Section):
    """Search for a gradient-to-rate map on validation loss."""

    knots: Annotated[list[float], Field(min_length=2)] = Field(
        description="z-scores of |gradient| at which the map's drop rates are free; linear between, constant outside"
    )
    highest_rate: Rate = Field(description="largest drop rate of the map")
    deviation: Positive = Field(description="standard deviation of the first generation's changes of a rate")
    generations: Count = Field(description="generations; the changes shrink by half from one to the next")
    candidates: Annotated[int, Field(ge=2)] = Field(description="maps tried per generation")
    cell: Cell = Field(description="where maps are tried; its seeds are not those of the comparison")


class MonteCarlo(ArmGroup):
    """Predictions averaged over masks against deterministic ones."""

    masks: Annotated[int, Field(ge=2)] = Field(description="masks per prediction")
    bins: Annotated[int, Field(ge=2)] = Field(description="equal bins of confidence of the calibration error")

    @model_validator(mode="after")
    def _features_come_first(self) -> "MonteCarlo":
        if not self.cell.model.startswith("simple_cnn1"):
            raise ValueError(f"cell.model must be simple_cnn1 or simple_cnn1_mnist, got {self.cell.model}")
        return self


class Activations(ArmGroup):
    """Pre-activations of the masked layer in training against evaluation."""

    masks: Annotated[int, Field(ge=2)] = Field(description="masks averaged over")
    samples: Annotated[int, Field(ge=2)] = Field(description="training samples measured on")


class Feedback(Section):
    """Drop frequency of every edge over training: does dropping reinforce itself?"""

    windows: Annotated[int, Field(ge=2)] = Field(description="equal parts of training that are looked at one by one")
    bins: Annotated[int, Field(ge=5)] = Field(description="equal bins of an edge's drop frequency")
    cell: Cell = Field(description="what is trained")


class AblationSettings(Section):
    """Ablations and mechanisms of Dynamic DropConnect."""

    regression: Regression = Field(description="linear regression with two parameters")
    formula: ArmGroup = Field(description="parts of the formula left out or changed one by one")
    placement: ArmGroup = Field(description="which layers drop, and masks per sample")
    sensitivity_images: Sensitivity = Field(description="grid of p, p_g and τ on images")
    sensitivity_table: Sensitivity = Field(description="the same on a table")
    learned_search: LearnedSearch = Field(description="a learned gradient-to-rate map: search on validation loss")
    learned_rates: ArmGroup = Field(description="the learned map against fixed rates")
    monte_carlo: MonteCarlo = Field(description="predictions averaged over masks")
    activations: Activations = Field(description="calibration of the layer's output")
    feedback: Feedback = Field(description="dense against masked gradients: drop frequency of every edge")
