"""Settings of comparisons between regularisation methods (arXiv 2502.19948)."""

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from dropatlas.data.choice import SetName
from dropatlas.recipes import Recipe
from dropatlas.settings import Count, Section, at_least_one

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
IMAGE_SETS = get_args(SetName)
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
ALL_ARMS = "all"
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


class Benchmark(Cell):
    """A cell and the arms that are compared in it."""

    arms: at_least_one(Name) = Field(description="arms compared, names of ddc.arms")


class ArmRuns(Section):
    """What one job trains: some arms in one cell."""

    cell: Cell
    arms: dict[Name, Arm]


class Gathering(Section):
    """Tables of one benchmark's arms, in the order they are shown."""

    tables: at_least_one(str)


class StepTime(Section):
    """Time of a training step with each method against the plain one."""

    models: at_least_one(ModelName) = Field(description="networks")
    batch_size: Count = Field(description="images per step")
    rounds: Annotated[int, Field(ge=5)] = Field(description="steps of each network, all networks in turn")


class DDCSettings(Section):
    """Published benchmarks of Dynamic DropConnect, and some beyond them."""

    arms: dict[Name, Arm] = Field(description="sides of the comparisons by name")
    job: Literal["arm", "benchmark"] = Field(
        description="what one job trains: an arm, or a whole benchmark if that takes little longer than to start a job"
    )
    benchmarks: dict[Name, Benchmark] = Field(description="comparisons by name")
    step_time: StepTime = Field(description="what a step costs")

    @model_validator(mode="after")
    def _arms_are_known(self) -> "DDCSettings":
        if ALL_ARMS in self.arms:
            raise ValueError(f"arms.{ALL_ARMS}: the name stands for all arms of a benchmark; give the arm another")
        for name, benchmark in self.benchmarks.items():
            if unknown := [arm for arm in benchmark.arms if arm not in self.arms]:
                raise ValueError(f"benchmarks.{name}: unknown arm {', '.join(unknown)}; arms: {', '.join(self.arms)}")
        return self

    def jobs(self, benchmark: str) -> dict[str, ArmRuns]:
        """What each job of a benchmark trains, by the name of its table under `ddc_runs`."""
        fields = self.benchmarks[benchmark].model_dump(exclude={"arms"})
        cell, arms = Cell.model_validate(fields), {arm: self.arms[arm] for arm in self.benchmarks[benchmark].arms}
        parts = {ALL_ARMS: arms} if self.job == "benchmark" else {arm: {arm: arms[arm]} for arm in arms}
        return {f"{benchmark}-{name}": ArmRuns(cell=cell, arms=part) for name, part in parts.items()}

    def gathering(self, benchmark: str) -> Gathering:
        """Tables of a benchmark's arms."""
        return Gathering(tables=[f"ddc_runs/{job}" for job in self.jobs(benchmark)])
