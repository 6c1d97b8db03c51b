"""The sections of a configuration by part of the project.

They stand apart from the sections of single tables, which tasks import: a section added here makes no result stale.
"""

from typing import Literal

from pydantic import Field, model_validator

from dropatlas.collapse.architectures import ModifiedTopologies, OtherTopologies
from dropatlas.collapse.blindness_settings import Blindness
from dropatlas.collapse.depth_law import DepthLaw
from dropatlas.collapse.drift import DriftBound, Movement
from dropatlas.collapse.gradients import GradientNorms, Optimisers
from dropatlas.collapse.learning_time import LearningTime
from dropatlas.collapse.settings import Decoupling
from dropatlas.collapse.tradeoffs import Regularisation, TrainedBudget
from dropatlas.collapse.trainability import Trainability
from dropatlas.collapse.variants import Variants
from dropatlas.ddc.settings import (
    ALL_ARMS,
    Activations,
    Arm,
    ArmGroup,
    ArmRuns,
    Benchmark,
    Cell,
    Feedback,
    Gathering,
    LearnedSearch,
    MonteCarlo,
    Name,
    Regression,
    Sensitivity,
    StepTime,
)
from dropatlas.percolation.settings import (
    CrossingBoundary,
    CrossingGrid,
    MinimumCuts,
    OpenCuts,
    ParameterBudget,
    RequiredWidth,
    ScalingLaws,
    Topologies,
)
from dropatlas.phases.coupling_settings import Pathwise, WeakRate
from dropatlas.phases.settings import (
    BoundaryScan,
    Curvature,
    Depth,
    Diagram,
    DigitPair,
    Expansion,
    FailureSignatures,
    FloatingPoint,
    Penalty,
    ReferenceStudents,
    Residual,
    StableRates,
    TeacherStudent,
    Trajectories,
    WidthTrend,
)
from dropatlas.settings import Section


class PercolationSettings(Section):
    """All percolation experiments."""

    crossing: CrossingGrid = Field(description="crossing probability over a (p, W, L) grid")
    required_width: RequiredWidth = Field(description="width needed for a given crossing probability")
    parameter_budget: ParameterBudget = Field(description="width against depth at a fixed number of weights")
    scaling: ScalingLaws = Field(description="scaling laws W = floor((C log n)^tau), L = n")
    minimum_cuts: MinimumCuts = Field(description="minimum cuts of the bond model")
    open_cuts: OpenCuts = Field(description="open minimum cuts of sampled networks")
    boundary: CrossingBoundary = Field(description="crossing boundary in the (W, L) plane")
    topologies: Topologies = Field(description="residual and convolutional networks")


class CollapseSettings(Section):
    """All training-collapse experiments."""

    digits: Literal["digits5k", "mnist"] = Field(description="digits the networks learn")
    decoupling: Decoupling = Field(description="Theorem V.7: masks without a path")
    blindness: Blindness = Field(description="blindness: pairs of runs with the same masks and labels, other inputs")
    movement: Movement = Field(description="experiment 1: movement over depth and width")
    variants: Variants = Field(description="experiment 2: dropout, modified dropout, no dropout")
    trainability: Trainability = Field(description="experiment 3: what stops training, paths or signal")
    learning_time: LearningTime = Field(description="experiment 4: steps to learn against 1/theta")
    depth_law: DepthLaw = Field(description="steps to learn against depth at constant width")
    drift_bound: DriftBound = Field(description="experiment 5: the drift bound of Theorem V.3")
    gradients: GradientNorms = Field(description="norms of gradients over depth and drop rate")
    optimisers: Optimisers = Field(description="movement and time to learn under momentum and Adam")
    topologies: OtherTopologies = Field(description="experiment 6: residual and convolutional networks")
    modified_topologies: ModifiedTopologies = Field(
        description="experiment 7: modified dropout on several architectures"
    )
    regularisation: Regularisation = Field(description="design tradeoffs: drop rate against regularisation")
    parameter_budget: TrainedBudget = Field(description="design tradeoffs: width against depth at one budget")


class PhasesSettings(Section):
    """All mean-field experiments."""

    digits: Literal["digits5k", "mnist"] = Field(description="digits of Figure 3")
    diagram: Diagram = Field(description="Figure 1: distance to the five limits over (tau, q)")
    width_trend: WidthTrend = Field(description="distance to the predicted limit over the width")
    boundary_scan: BoundaryScan = Field(description="lines through the boundaries of the diagram")
    failure_signatures: FailureSignatures = Field(description="right and wrong codes against the predicted limit")
    penalty: Penalty = Field(description="where penalty, propagation noise and random metric survive")
    teacher_student: TeacherStudent = Field(description="Figure 2: coupled variants over the width")
    reference_students: ReferenceStudents = Field(description="Figure 2 with the authors' own random numbers")
    trajectories: Trajectories = Field(description="Figure 2: ways of single neurons")
    digit_pair: DigitPair = Field(description="Figure 3: variants on digits, over the width")
    curvature: Curvature = Field(description="B, C and S/n along training")
    expansion: Expansion = Field(description="what the masks of one step cost, measured and by the expansion")
    stable_rates: StableRates = Field(description="largest stable learning rates")
    precision: FloatingPoint = Field(description="the critical phase in low precision")
    depth: Depth = Field(description="dropout against the random metric in deeper networks")
    pathwise: Pathwise = Field(description="paths coupled to those of the Poisson limit")
    weak_rate: WeakRate = Field(description="weak error in the critical phase")
    residual: Residual = Field(description="dropout against the random metric in residual networks")


class DDCSettings(Section):
    """Benchmarks of Dynamic DropConnect, published and beyond, its ablations and mechanisms."""

    arms: dict[Name, Arm] = Field(description="sides of the comparisons by name")
    job: Literal["arm", "benchmark"] = Field(
        description="what one job trains: an arm, or a whole benchmark if that takes little longer than to start a job"
    )
    benchmarks: dict[Name, Benchmark] = Field(description="comparisons by name")
    step_time: StepTime = Field(description="what a step costs")
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
        return Gathering(tables=[f"ddc/{job}" for job in self.jobs(benchmark)])
