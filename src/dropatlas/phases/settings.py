"""Settings of the mean-field tables (arXiv 2510.07554)."""

import math
from itertools import product
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from dropatlas.phases.names import PHASES, REGIMES, TRAINED, VARIANTS
from dropatlas.phases.rates import (
    FIXED,
    HELD,
    MOST_PENALTY,
    Network,
    family_rates,
    sequence_rates,
    step_count,
)
from dropatlas.phases.steps import evenly_spaced_steps
from dropatlas.settings import Count, Grid, OpenProbability, Positive, Section
from dropatlas.steps import log_spaced_steps

PairedSeeds = Annotated[int, Field(ge=2)]  # a single one carries no interval


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
    widths: Grid[Count] = Field(description="neurons n of the student")
    seeds: PairedSeeds = Field(description="seeds per width, each with its own teacher, data, start and masks")
    steps: Count = Field(description="training steps")

    def networks(self) -> list[tuple[int, int]]:
        """Width and number of the seed of every student, the widest first."""
        return list(product(sorted(self.widths, reverse=True), range(self.seeds)))


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
    drop_rates: Grid[OpenProbability] = Field(description="removal probabilities p = 1 - q")
    seeds: PairedSeeds = Field(description="seeds, each with its own start, minibatches and masks")
    steps: Count = Field(description="training steps")
    measurements: Count = Field(description="measurements per run, evenly spaced in step")
    batch_size: Count = Field(description="images per step, without replacement")
    learning_rate: Positive = Field(description="master learning rate tau; the parameter learning rate is n tau")
    held_out: Count = Field(description="training images held out for validation")
    evaluated: Count = Field(description="images of each part that a measurement uses at most")

    def measured_steps(self) -> list[int]:
        """Steps after which every network is measured."""
        return evenly_spaced_steps(self.steps, self.measurements)

    def variants(self) -> list[tuple[float, str]]:
        """Removal probability (0 without a mask) and variant of the networks of one seed."""
        masked = [variant for variant in VARIANTS if variant != "none"]
        return [(0.0, "none"), *product(self.drop_rates, masked)]


ParticleSeeds = Annotated[int, Field(ge=10)]  # fewer carry no useful interval
KeepRate = Annotated[float, Field(gt=0, le=1)]


class PlaneProblem(Section):
    """Neurons with three parameters, whose laws can be compared by optimal transport."""

    activation: Literal["tanh", "relu"] = Field(description="sigma of phi = a sigma(w z)")
    bound: Positive | None = Field(description="largest |a| and |w|, kept by projection; null: none")
    samples: Count = Field(description="inputs N in the plane")
    teachers: Count = Field(description="neurons of the teacher")
    scale: Positive = Field(description="standard deviation of the targets")
    time: Positive = Field(description="time T at which laws are compared; a run has T/tau steps")

    def network(self, width: int, learning_rate: float, keep_rate: float) -> Network:
        """A network that is trained to the time T."""
        return Network(width, learning_rate, keep_rate, step_count(self.time, learning_rate))


class Diagram(Section):
    """Distance of the dropout particles to all five limits over a (tau, q) grid at one width."""

    problem: PlaneProblem = Field(description="data and neurons")
    width: Count = Field(description="neurons n")
    learning_rates: Grid[Positive] = Field(description="master learning rates tau")
    keep_rates: Grid[KeepRate] = Field(description="keep rates q")
    seeds: ParticleSeeds = Field(description="seeds per cell, each with its own start, masks and clocks")
    largest_steps: Count = Field(description="a cell with more steps is over budget")
    largest_updates: Count = Field(description="a cell in which a run updates more neurons (n T/alpha) is over budget")
    largest_reads: Count = Field(description="the critical limit is over budget if it reads more neurons than this")

    def networks(self) -> list[Network]:
        """The network of every cell."""
        return [self.problem.network(self.width, *rates) for rates in product(self.learning_rates, self.keep_rates)]

    def over_budget(self, network: Network) -> bool:
        """Whether a network is not run."""
        return network.steps > self.largest_steps or network.updates > self.largest_updates


class WidthTrend(Section):
    """Distance of the dropout particles to the predicted limit along a sequence of widths in every phase."""

    problem: PlaneProblem = Field(description="data and neurons")
    widths: Grid[Count] = Field(description="widths n")
    seeds: ParticleSeeds = Field(description="seeds per width, each with its own start, masks and clocks")
    points: Count = Field(description="particles whose laws are compared at most")
    largest_reads: Count = Field(description="the critical limit is over budget if it reads more neurons than this")

    def networks(self) -> list[tuple[str, Network]]:
        """Phase and network of every sequence and width, the widest first."""
        found = product(sorted(self.widths, reverse=True), PHASES)
        return [(phase, self.problem.network(width, *sequence_rates(phase, width))) for width, phase in found]


class Penalty(Section):
    """The three effects of dropout one by one over the width, tau = c n^-kappa."""

    problem: PlaneProblem = Field(description="data and neurons")
    widths: Grid[Count] = Field(description="widths n")
    exponents: Grid[Positive] = Field(description="exponents kappa")
    seeds: ParticleSeeds = Field(description="seeds per width, each with its own start and masks")
    points: Count = Field(description="particles whose laws are compared at most")
    largest_updates: Count = Field(description="a network in which a run updates more neurons is over budget")

    def networks(self) -> list[tuple[str, str, float, Network]]:
        """Family, sequence (of the family "phase"), exponent (NaN there) and network, the widest first."""
        found: list[tuple[str, str, float, Network]] = []
        families = [(MOST_PENALTY, exponent) for exponent in self.exponents]
        families += [(family, kappa) for family in (HELD, FIXED) for kappa in self.exponents if kappa < 1]
        for width in sorted(self.widths, reverse=True):
            for phase in PHASES:
                network = self.problem.network(width, *sequence_rates(phase, width))
                found.append(("phase", phase, math.nan, network))
            for family, kappa in families:
                found.append((family, "", kappa, self.problem.network(width, *family_rates(family, kappa, width))))
        return found

    def over_budget(self, network: Network) -> bool:
        """Whether a network is not run."""
        return network.updates > self.largest_updates


NetworkSeeds = Annotated[int, Field(ge=3)]
ActivationName = Literal["relu", "tanh", "erf"]


class TeacherData(Section):
    """Data of a ReLU teacher, drawn anew for every seed."""

    dimension: Annotated[int, Field(ge=2)] = Field(description="inputs d")
    samples: Count = Field(description="training samples N")
    teachers: Count = Field(description="ReLU neurons of the teacher")


class NetworkKind(NamedTuple):
    """One kind of network of the curvature table, and how it is trained: `loss` in LOSSES, `variant` in TRAINED."""

    depth: int
    width: int
    activation: str
    loss: str
    variant: str


class DeepCurvature(Section):
    """Networks with several hidden layers of the curvature table."""

    depths: Grid[Count] = Field(description="hidden layers L")
    activations: Grid[ActivationName] = Field(description="activations")
    width: Count = Field(description="neurons per layer n")
    data: TeacherData = Field(description="data and teacher")
    steps: Count = Field(description="training steps")


class Curvature(Section):
    """B, C and the sharpness along training."""

    data: TeacherData = Field(description="data and teacher of the two-layer networks")
    activations: Grid[ActivationName] = Field(description="activations of the two-layer networks")
    losses: Grid[Literal["squared", "logistic"]] = Field(description="losses (logistic: sign of the teacher)")
    widths: Grid[Count] = Field(description="neurons n of the two-layer networks")
    learning_rate: Positive = Field(description="master learning rate tau")
    keep_rate: KeepRate = Field(description="q of the random metric")
    steps: Count = Field(description="training steps")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step, besides step 0")
    deep: DeepCurvature = Field(description="networks with several hidden layers")
    seeds: NetworkSeeds = Field(description="networks per cell, each with its own teacher, data, start and masks")

    def kinds(self) -> list[NetworkKind]:
        """Kinds of networks, the largest first; every seed is trained of each."""
        deep = self.deep
        shallow = product([1], self.widths, self.activations, self.losses, TRAINED)
        found = [NetworkKind(*kind) for kind in shallow]
        deeper = product(deep.depths, [deep.width], deep.activations, ["squared"], TRAINED)
        found += [NetworkKind(*kind) for kind in deeper]
        return sorted(found, key=lambda kind: -kind.width * kind.depth)

    def measured_steps(self, depth: int) -> list[int]:
        """Steps after which networks of one depth are measured."""
        return [0, *log_spaced_steps(self.steps if depth == 1 else self.deep.steps, self.measurements)]


class StableRates(Section):
    """Largest stable learning rates, and training at the edge of stability."""

    data: TeacherData = Field(description="data and teacher")
    activations: Grid[ActivationName] = Field(description="activations")
    widths: Grid[Count] = Field(description="neurons n")
    keep_rates: Grid[KeepRate] = Field(description="keep rates q of the random metric and of its control")
    lowest: Positive = Field(description="smallest master rate tau tried")
    highest: Positive = Field(description="largest master rate tau tried")
    rounds: Count = Field(description="bisections of log tau")
    steps: Count = Field(description="training steps of a trial")
    edge_fraction: Annotated[float, Field(gt=0, le=1)] = Field(description="edge runs train at this share of tau*")
    measurements: Count = Field(description="measurements along an edge run, evenly spaced in step, besides step 0")
    batch_size: Count = Field(description="samples of a minibatch of the batch sharpness")
    draws: Count = Field(description="minibatches (and masks) of the batch sharpness")
    seeds: NetworkSeeds = Field(description="networks per cell, each with its own teacher, data, start and masks")

    def metrics(self) -> list[tuple[str, float]]:
        """Metrics with their keep rates."""
        return [("none", 1.0), *product(("ram", "common"), self.keep_rates)]

    def cells(self) -> list[tuple[int, str, str, float]]:
        """Width, activation, metric and keep rate, the widest first; every seed is trained in each."""
        found = product(sorted(self.widths, reverse=True), self.activations, self.metrics())
        return [(width, activation, *metric) for width, activation, metric in found]

    def edge_cells(self) -> list[tuple[int, str, str, float]]:
        """The cells that are trained at the edge: all but the control's."""
        return [cell for cell in self.cells() if cell[2] != "common"]

    def measured_steps(self) -> list[int]:
        """Steps of an edge run after which it is measured."""
        return evenly_spaced_steps(self.steps, self.measurements)


class FloatingPoint(Section):
    """Dropout in low precision against float64."""

    widths: Grid[Count] = Field(description="neurons n; tau is proportional to 1/n")
    alpha: Positive = Field(description="tau/q of the critical phase: how far a neuron moves at an update")
    beta: Positive = Field(description="1/(nq) of the critical phase: one over the neurons updated in a step")
    penalised_share: Annotated[float, Field(gt=0, lt=1)] = Field(description="alpha of the penalised regime over alpha")
    time: Positive = Field(description="training time T; T/tau steps")
    measurements: Count = Field(description="measurements per run, evenly spaced in time")
    samples: Count = Field(description="training samples N")
    seeds: NetworkSeeds = Field(description="networks per cell, each with its own teacher, data, start and masks")

    def cells(self) -> list[tuple[int, str]]:
        """Width and regime, the widest first; every seed is trained in each precision."""
        return list(product(sorted(self.widths, reverse=True), REGIMES))

    def rates(self, width: int, regime: str) -> tuple[float, float]:
        """Learning rate τ and keep rate q; gradient flow has the τ of the critical regime."""
        keep_rate = min(1.0, 1 / (self.beta * width))
        rate = self.alpha * (self.penalised_share if regime == "penalised" else 1.0) * keep_rate
        return rate, 1.0 if regime == "gradient_flow" else keep_rate

    def measured_steps(self, rate: float) -> list[int]:
        """Steps after which networks of one learning rate are measured."""
        count = step_count(self.time, rate)
        return sorted({max(1, count * part // self.measurements) for part in range(1, self.measurements + 1)})


class Depth(Section):
    """Dropout against the random metric in networks with several hidden layers."""

    data: TeacherData = Field(description="data and teacher")
    activation: ActivationName = Field(description="activation")
    initialisation: Literal["correlated", "independent"] = Field(
        description="start of the weights between hidden layers (independent: degenerate, nothing moves as n grows)"
    )
    depths: Grid[Count] = Field(description="hidden layers L (1: the two-layer network of the paper)")
    widths: Grid[Count] = Field(description="neurons per layer n")
    learning_rate: Positive = Field(description="master learning rate tau")
    keep_rate: KeepRate = Field(description="q")
    steps: Count = Field(description="training steps")
    measurements: Count = Field(description="measurements per run, evenly spaced in log step")
    seeds: NetworkSeeds = Field(description="networks per cell, each with its own teacher, data, start and masks")

    def cells(self) -> list[tuple[int, int]]:
        """Depth and width, the largest first; every seed is trained in each."""
        return sorted(product(self.depths, self.widths), key=lambda cell: -cell[0] * cell[1] ** 2)

    def measured_steps(self) -> list[int]:
        """Steps after which every network is measured."""
        return log_spaced_steps(self.steps, self.measurements)


class Residual(Section):
    """Dropout against the random metric in residual networks of growing depth."""

    data: TeacherData = Field(description="data and teacher")
    activation: ActivationName = Field(description="activation")
    branch_exponents: Grid[Annotated[float, Field(ge=0)]] = Field(
        description="s of the factor L^-s of every branch (1: residual networks with a limit in depth; 0: no factor)"
    )
    depths: Grid[Count] = Field(description="branches L")
    widths: Grid[Count] = Field(description="neurons n of a branch")
    learning_rate: Positive = Field(description="master learning rate tau")
    keep_rate: KeepRate = Field(description="q")
    steps: Count = Field(description="training steps")
    seeds: NetworkSeeds = Field(description="networks per cell, each with its own teacher, data, start and masks")

    def cells(self) -> list[tuple[float, int, int]]:
        """Branch exponent, depth and width, the largest first; every seed is trained in each."""
        return sorted(product(self.branch_exponents, self.depths, self.widths), key=lambda cell: -cell[1] * cell[2])
