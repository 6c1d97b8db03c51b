"""Settings of Dynamic DropConnect against other methods, and of its ablations (arXiv 2502.19948)."""

from collections.abc import Iterable
from itertools import product
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from dropatlas.data.choice import SetName
from dropatlas.ddc.rules import RULES, VARIANTS
from dropatlas.recipes import Recipe
from dropatlas.settings import Count, Grid, OpenProbability, Positive, Probability, Section

# The names of layers.METHODS, models.MODELS and training.TABLES (a test compares): reading them there would import
# torch at every start of snakemake.
MethodName = Literal[
    "none", "dropout", "dropconnect", "standout", "ddc", "drop_big_gradient", "drop_small_weight", "drop_big_weight"
]
ModelName = Literal[
    "simple_cnn1",
    "simple_cnn1_mnist",
    "simple_cnn2",
    "alexnet",
    "vgg13",
    "resnet20",
    "resnet8",
    "vision_transformer",
    "tabular_mlp",
]
TableName = Literal["friedman", "breast_cancer"]
METHOD_NAMES: tuple[str, ...] = get_args(MethodName)
IMAGE_SETS = get_args(SetName)
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
ALL_ARMS = "all"
LEARNED = "learned"
"""Name of the arm whose map was searched for."""
STAGES = ("start", "end")
"""When outputs are measured: with the initial weights, and after training."""
Seeds = Annotated[int, Field(ge=2)]  # a single one carries no interval


class Arm(Section):
    """One side of a comparison: a method, its options, the layers it acts on."""

    method: MethodName = Field(description="regularisation method, see dropatlas.layers.METHODS")
    options: dict[str, float | bool | str] = Field(default={}, description="options of the method's layer")
    layers: list[str] | None = Field(
        default=None, description="layers the method acts on; null: those of the published protocol"
    )


class Cell(Section):
    """Where arms are compared: data, model, training."""

    data: Literal[SetName, TableName] = Field(
        description="image set, or a table that needs no file (friedman, breast_cancer)"
    )
    model: ModelName = Field(description="network, see dropatlas.models.MODELS")
    train_size: Count | None = Field(default=None, description="training samples before the split; null: all")
    test_size: Count | None = Field(default=None, description="test images; null: all")
    seeds: Seeds = Field(description="runs per arm; equal numbers share split, initial weights and data order")
    recipe: Recipe = Field(description="how networks are trained")

    @property
    def has_images(self) -> bool:
        """Whether the data are a prepared image set (otherwise a table made in memory)."""
        return self.data in IMAGE_SETS

    def runs(self, arms: Iterable[str]) -> list[tuple[int, str]]:
        """Number of the seed and arm of every run, in the order they are trained."""
        return list(product(range(self.seeds), arms))


class Benchmark(Cell):
    """A cell and the arms that are compared in it."""

    arms: Grid[Name] = Field(description="arms compared, names of ddc.arms")


class ArmRuns(Section):
    """What one job trains: some arms in one cell."""

    cell: Cell
    arms: dict[Name, Arm]


class Gathering(Section):
    """Tables of one benchmark's arms, in the order they are shown."""

    tables: Grid[str]


class StepTime(Section):
    """Time of a training step with each method against the plain one."""

    models: Grid[ModelName] = Field(description="networks")
    batch_size: Count = Field(description="images per step")
    rounds: Annotated[int, Field(ge=5)] = Field(description="steps of each network, all networks in turn")

    def networks(self) -> list[tuple[str, str]]:
        """Model and method of every network that is timed."""
        return list(product(self.models, METHOD_NAMES))


Rate = Annotated[float, Field(ge=0, lt=1)]


class ArmGroup(ArmRuns):
    """Arms trained in one cell by one job."""

    cell: Cell = Field(description="where arms are compared: data, model, training")
    arms: dict[Name, Arm] = Field(description="sides of the comparison by name")


class Regression(Section):
    """Linear regression with two parameters: which edge is dropped when, and convergence."""

    scales: Grid[Annotated[list[Positive], Field(min_length=2, max_length=2)]] = Field(
        description="standard deviations of the two inputs, one pair per problem"
    )
    correlation: Annotated[float, Field(gt=-1, lt=1)] = Field(description="correlation of the two inputs")
    learning_rates: Grid[OpenProbability] = Field(
        description="learning rates in units of 2/λ (λ: largest eigenvalue of the Hessian), below which plain gradient "
        "descent is stable"
    )
    radius: Positive = Field(description="distance of every start from the optimum (1, 1)")
    steps: Count = Field(description="steps of gradient descent")
    approach_steps: Count = Field(description="first steps, over which drops of each edge are counted")
    targets: Grid[OpenProbability] = Field(
        description="shares of the initial excess risk; the steps to reach each are counted"
    )
    seeds: Annotated[int, Field(ge=10)] = Field(description="starts around the optimum, each with its own masks")
    shown: Count = Field(description="seeds whose paths are kept step by step")
    shown_steps: Count = Field(description="steps of these paths")

    @model_validator(mode="after")
    def _parts_fit(self) -> "Regression":
        for name, limit in (("approach_steps", "steps"), ("shown_steps", "steps"), ("shown", "seeds")):
            if getattr(self, name) > getattr(self, limit):
                raise ValueError(f"{name} must be at most {limit}, got {getattr(self, name)}")
        return self

    def cells(self) -> list[tuple[tuple[float, float], float, str]]:
        """Standard deviations of the inputs, learning rate and method; every start is descended from in each."""
        return list(product(self._problems(), self.learning_rates, RULES))

    def shown_cells(self) -> list[tuple[tuple[float, float], str]]:
        """Standard deviations of the inputs and method of the paths that are kept step by step."""
        return list(product(self._problems(), RULES))

    def _problems(self) -> list[tuple[float, float]]:
        return [(first, second) for first, second in self.scales]


class Sensitivity(Section):
    """Grid of the three parameters of the formula in one cell."""

    base_rates: Grid[Rate] = Field(description="base rates p")
    gradient_rates: Grid[Rate] = Field(description="gradient rates p_g; 0 is DropConnect, whatever τ is")
    thresholds: Grid[Probability] = Field(description="thresholds τ")
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
        names = ("base_rate", "gradient_rate", "threshold")
        return {
            f"point_{number}": Arm(method="ddc", options={**dict(zip(names, point, strict=True))})
            for number, point in enumerate(chosen)
        }


class LearnedSearch(Section):
    """Search for a gradient-to-rate map on validation loss."""

    knots: Annotated[Grid[float], Field(min_length=2)] = Field(
        description="z-scores of |gradient| at which the map's drop rates are free; linear between, constant outside"
    )
    highest_rate: Rate = Field(description="largest drop rate of the map")
    deviation: Positive = Field(description="standard deviation of the first generation's changes of a rate")
    generations: Count = Field(description="generations; the changes shrink by half from one to the next")
    candidates: Annotated[int, Field(ge=2)] = Field(description="maps tried per generation")
    cell: Cell = Field(description="where maps are tried; its seeds are not those of the comparison")

    def maps(self) -> list[tuple[int, int]]:
        """Generation of every map that is tried, and its number there."""
        return list(product(range(self.generations), range(self.candidates)))


class MonteCarlo(ArmGroup):
    """Predictions averaged over masks against deterministic ones."""

    masks: Annotated[int, Field(ge=2)] = Field(description="masks per prediction")
    bins: Annotated[int, Field(ge=2)] = Field(description="equal bins of confidence of the calibration error")

    @model_validator(mode="after")
    def _features_come_first(self) -> "MonteCarlo":
        if not self.cell.model.startswith("simple_cnn1"):
            raise ValueError(f"cell.model must be simple_cnn1 or simple_cnn1_mnist, got {self.cell.model}")
        return self

    def predictions(self, arm: str) -> list[int | None]:
        """Masks that predictions of an arm are averaged over; None: without masks. Not every arm has some."""
        return [None] if self.arms[arm].method == "none" else [None, self.masks]


class Activations(ArmGroup):
    """Pre-activations of the masked layer in training against evaluation."""

    masks: Annotated[int, Field(ge=2)] = Field(description="masks averaged over")
    samples: Annotated[int, Field(ge=2)] = Field(description="training samples measured on")


class Feedback(Section):
    """Drop frequency of every edge over training: does dropping reinforce itself?"""

    windows: Annotated[int, Field(ge=2)] = Field(description="equal parts of training that are looked at one by one")
    bins: Annotated[int, Field(ge=5)] = Field(description="equal bins of an edge's drop frequency")
    cell: Cell = Field(description="what is trained")

    def runs(self) -> list[tuple[int, str]]:
        """Number of the seed and variant of every run, in the order they are trained."""
        return self.cell.runs(VARIANTS)
