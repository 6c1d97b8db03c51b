"""Settings of the mean-field tables (arXiv 2510.07554)."""

from typing import Annotated, Literal

from pydantic import Field

from dropatlas.settings import Count, OpenProbability, Positive, Section, at_least_one

Repeats = Annotated[int, Field(ge=2)]  # a single one carries no interval


class StudentProtocol(Section):
    """What all runs of the teacher-student experiment share."""

    dimension: Annotated[int, Field(ge=2)] = Field(description="inputs d")
    samples: Count = Field(description="training samples N")
    held_out: Count = Field(description="validation samples")
    teachers: Count = Field(description="ReLU neurons of the teacher")
    learning_rate: Positive = Field(description="master learning rate tau; the parameter learning rate is n tau")
    drop_rate: OpenProbability = Field(description="removal probability p = 1 - q")


class TeacherStudent(Section):
    """Figure 2: losses and RMS distances of the coupled variants over the width."""

    protocol: StudentProtocol = Field(description="data, teacher, learning rate, drop rate")
    widths: at_least_one(Count) = Field(description="neurons n of the student")
    repeats: Repeats = Field(description="repeats per width, each with its own teacher, data, start and masks")
    steps: Count = Field(description="training steps")


class Trajectories(Section):
    """Figure 2: ways of single neurons at one width."""

    protocol: StudentProtocol = Field(description="data, teacher, learning rate, drop rate")
    width: Count = Field(description="neurons n of the student")
    neurons: Count = Field(description="neurons followed")
    steps: Count = Field(description="training steps")


class DigitPair(Section):
    """Figure 3: digits 4 and 7 (or all ten) under five variants of dropout."""

    classes: Literal["pair", "all"] = Field(description="pair: 4 against 7, logistic loss; all: ten, cross-entropy")
    width: Count = Field(description="neurons n")
    drop_rates: at_least_one(OpenProbability) = Field(description="removal probabilities p = 1 - q")
    repeats: Repeats = Field(description="repeats, each with its own start, minibatches and masks")
    steps: Count = Field(description="training steps")
    measurements: Count = Field(description="measurements per run, evenly spaced in step")
    batch_size: Count = Field(description="images per step, without replacement")
    learning_rate: Positive = Field(description="master learning rate tau; the parameter learning rate is n tau")
    held_out: Count = Field(description="training images held out for validation")
    evaluated: Count = Field(description="images of each part that a measurement uses at most")


Replicas = Annotated[int, Field(ge=10)]  # fewer carry no useful interval
KeepRate = Annotated[float, Field(gt=0, le=1)]


class PlaneProblem(Section):
    """Neurons with three parameters, whose laws can be compared by optimal transport."""

    activation: Literal["tanh", "relu"] = Field(description="sigma of phi = a sigma(w z)")
    bound: Positive | None = Field(description="largest |a| and |w|, kept by projection; null: none")
    samples: Count = Field(description="inputs N in the plane")
    teachers: Count = Field(description="neurons of the teacher")
    scale: Positive = Field(description="standard deviation of the targets")
    time: Positive = Field(description="time T at which laws are compared; a run has T/tau steps")


class Diagram(Section):
    """Distance of the dropout particles to all five limits over a (tau, q) grid at one width."""

    problem: PlaneProblem = Field(description="data and neurons")
    width: Count = Field(description="neurons n")
    learning_rates: at_least_one(Positive) = Field(description="master learning rates tau")
    keep_rates: at_least_one(KeepRate) = Field(description="keep rates q")
    seeds: Replicas = Field(description="replicas per cell, each with its own start, masks and clocks")
    largest_steps: Count = Field(description="a cell with more steps is over budget")
    largest_updates: Count = Field(description="a cell in which a run updates more neurons (n T/alpha) is over budget")
    largest_reads: Count = Field(description="the critical limit is over budget if it reads more neurons than this")


class WidthTrend(Section):
    """Distance of the dropout particles to the predicted limit along a sequence of widths in every phase."""

    problem: PlaneProblem = Field(description="data and neurons")
    widths: at_least_one(Count) = Field(description="widths n")
    seeds: Replicas = Field(description="replicas per width, each with its own start, masks and clocks")
    points: Count = Field(description="particles whose laws are compared at most")
    largest_reads: Count = Field(description="the critical limit is over budget if it reads more neurons than this")


class Penalty(Section):
    """The three effects of dropout one by one over the width, tau = c n^-kappa."""

    problem: PlaneProblem = Field(description="data and neurons")
    widths: at_least_one(Count) = Field(description="widths n")
    exponents: at_least_one(Positive) = Field(description="exponents kappa")
    seeds: Replicas = Field(description="replicas per width, each with its own start and masks")
    points: Count = Field(description="particles whose laws are compared at most")
    largest_updates: Count = Field(description="a network in which a run updates more neurons is over budget")


Seeds = Annotated[int, Field(ge=3)]
ActivationName = Literal["relu", "tanh", "erf"]


class TeacherData(Section):
    """Data of a ReLU teacher, drawn anew for every seed."""

    dimension: Annotated[int, Field(ge=2)] = Field(description="inputs d")
    samples: Count = Field(description="training samples N")
    teachers: Count = Field(description="ReLU neurons of the teacher")


class DeepCurvature(Section):
    """Networks with several hidden layers of the curvature table."""

    depths: at_least_one(Count) = Field(description="hidden layers L")
    activations: at_least_one(ActivationName) = Field(description="activations")
    width: Count = Field(description="neurons per layer n")
    data: TeacherData = Field(description="data and teacher")
    steps: Count = Field(description="training steps")


class Curvature(Section):
    """B, C and the sharpness along training."""

    data: TeacherData = Field(description="data and teacher of the two-layer networks")
    activations: at_least_one(ActivationName) = Field(description="activations of the two-layer networks")
    losses: at_least_one(Literal["squared", "logistic"]) = Field(description="losses (logistic: sign of the teacher)")
    widths: at_least_one(Count) = Field(description="neurons n of the two-layer networks")
    learning_rate: Positive = Field(description="master learning rate tau")
    keep_rate: KeepRate = Field(description="q of the random metric")
    steps: Count = Field(description="training steps")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step, besides step 0")
    deep: DeepCurvature = Field(description="networks with several hidden layers")
    seeds: Seeds = Field(description="networks per cell, each with its own teacher, data, start and masks")


class StableRates(Section):
    """Largest stable learning rates, and training at the edge of stability."""

    data: TeacherData = Field(description="data and teacher")
    activations: at_least_one(ActivationName) = Field(description="activations")
    widths: at_least_one(Count) = Field(description="neurons n")
    keep_rates: at_least_one(KeepRate) = Field(description="keep rates q of the random metric and of its control")
    lowest: Positive = Field(description="smallest master rate tau tried")
    highest: Positive = Field(description="largest master rate tau tried")
    rounds: Count = Field(description="bisections of log tau")
    steps: Count = Field(description="training steps of a trial")
    edge_fraction: Annotated[float, Field(gt=0, le=1)] = Field(description="edge runs train at this share of tau*")
    measurements: Count = Field(description="measurements along an edge run, evenly spaced in step, besides step 0")
    batch_size: Count = Field(description="samples of a minibatch of the batch sharpness")
    draws: Count = Field(description="minibatches (and masks) of the batch sharpness")
    seeds: Seeds = Field(description="networks per cell, each with its own teacher, data, start and masks")


class FloatingPoint(Section):
    """Dropout in low precision against float64."""

    widths: at_least_one(Count) = Field(description="neurons n; tau is proportional to 1/n")
    alpha: Positive = Field(description="tau/q of the critical phase: how far a neuron moves at an update")
    beta: Positive = Field(description="1/(nq) of the critical phase: one over the neurons updated in a step")
    penalised_share: Annotated[float, Field(gt=0, lt=1)] = Field(description="alpha of the penalised regime over alpha")
    time: Positive = Field(description="training time T; T/tau steps")
    measurements: Count = Field(description="measurements per run, evenly spaced in time")
    samples: Count = Field(description="training samples N")
    seeds: Seeds = Field(description="networks per cell, each with its own teacher, data, start and masks")


class Depth(Section):
    """Dropout against the random metric in networks with several hidden layers."""

    data: TeacherData = Field(description="data and teacher")
    activation: ActivationName = Field(description="activation")
    depths: at_least_one(Count) = Field(description="hidden layers L (1: the two-layer network of the paper)")
    independent_depths: list[Count] = Field(description="hidden layers of the degenerate, independent initialisation")
    widths: at_least_one(Count) = Field(description="neurons per layer n")
    learning_rate: Positive = Field(description="master learning rate tau")
    keep_rate: KeepRate = Field(description="q")
    steps: Count = Field(description="training steps")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step")
    seeds: Seeds = Field(description="networks per cell, each with its own teacher, data, start and masks")


class PhasesSettings(Section):
    """All mean-field experiments."""

    digits: Literal["digits5k", "mnist"] = Field(description="digits of Figure 3")
    diagram: Diagram = Field(description="Figure 1: distance to the five limits over (tau, q)")
    diagram_relu: Diagram = Field(description="the same with ReLU neurons of constrained weights")
    width_trend: WidthTrend = Field(description="distance to the predicted limit over the width")
    penalty: Penalty = Field(description="where penalty, propagation noise and random metric survive")
    teacher_student: TeacherStudent = Field(description="Figure 2: coupled variants over the width")
    trajectories: Trajectories = Field(description="Figure 2: ways of single neurons")
    digit_pair: DigitPair = Field(description="Figure 3: five variants on digits")
    curvature: Curvature = Field(description="B, C and the sharpness along training")
    stable_rates: StableRates = Field(description="largest stable learning rates")
    precision: FloatingPoint = Field(description="the critical phase in low precision")
    depth: Depth = Field(description="dropout against the random metric in deeper networks")
