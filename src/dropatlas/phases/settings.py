"""Settings of the mean-field tables (arXiv 2510.07554)."""

import math
from itertools import product
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from dropatlas.phases.boundary_lines import LINES
from dropatlas.phases.names import CODE_CELLS, PHASES, REGIMES, WATCHED_ALPHA
from dropatlas.phases.rates import (
    FIXED,
    HELD,
    MOST_PENALTY,
    Network,
    family_rates,
    rates_at,
    sequence_rates,
    step_count,
)
from dropatlas.phases.reference_runs import FIGURE, FIGURE_REPEATS, FIGURE_STEP, READ_OFF, READ_STEP, Runs
from dropatlas.phases.steps import evenly_spaced_steps, final_steps
from dropatlas.settings import Count, Grid, OpenProbability, Positive, Section, distinct
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
    first_seed: Annotated[int, Field(ge=0)] = Field(
        description="number of the first seed; with earlier ones step 100 was looked at before it was planned"
    )
    seeds: PairedSeeds = Field(description="seeds per width, each with its own teacher, data, start and masks")
    steps: Count = Field(description="training steps")
    measurements: Count = Field(description="measured steps, evenly spaced in log step, besides those that decide")

    def networks(self) -> list[tuple[int, int]]:
        """Width and number of the seed of every student, the widest first."""
        numbers = range(self.first_seed, self.first_seed + self.seeds)
        return list(product(sorted(self.widths, reverse=True), numbers))

    def measured_steps(self) -> list[int]:
        """Steps after which every network is measured: 0, spread in log step, published ones, the last tenth."""
        spread = log_spaced_steps(self.steps, self.measurements)
        published = [step for step in (READ_STEP, FIGURE_STEP) if step <= self.steps]
        return sorted({0, *spread, *published, *final_steps(self.steps)})


class ReferenceStudents(Section):
    """Figure 2 with the authors' own random numbers."""

    protocol: StudentProtocol = Field(description="data, teacher, learning rate, drop rate, as theirs")
    read_off_widths: Grid[Count] = Field(description="neurons n of the single runs whose distances were read off")
    widths: Grid[Count] = Field(description="neurons n of the runs of the figure, among the published ones")
    repeats: Annotated[int, Field(ge=1, le=FIGURE_REPEATS)] = Field(description="repeats of each of these, of ten")
    steps: Count = Field(description="training steps")
    measurements: Count = Field(description="measured steps, evenly spaced in log step, besides the published ones")

    def measured_steps(self) -> list[int]:
        """Steps after which every network is measured."""
        spread = log_spaced_steps(self.steps, self.measurements)
        return sorted({0, *spread, *(step for step in (READ_STEP, FIGURE_STEP) if step <= self.steps)})

    def networks(self) -> list[tuple[Runs, int, int]]:
        """Which runs they are, width and number of the repeat of every student."""
        figure = product(sorted(self.widths, reverse=True), range(self.repeats))
        return [*((FIGURE, *network) for network in figure), *((READ_OFF, width, 0) for width in self.read_off_widths)]


class Trajectories(Section):
    """Figure 2: ways of single neurons at one width."""

    protocol: StudentProtocol = Field(description="data, teacher, learning rate, drop rate")
    width: Count = Field(description="neurons n of the student")
    neurons: Count = Field(description="neurons followed")
    steps: Count = Field(description="training steps")


class DigitCell(Section):
    """Networks of one width on the digits; all of a seed share start, minibatches and masks."""

    width: Count = Field(description="neurons n")
    drop_rates: Grid[OpenProbability] = Field(description="removal probabilities p = 1 - q")
    variants: Grid[Literal["dropout", "ram", "pn_ram", "forward"]] = Field(description="variants besides no dropout")
    seeds: PairedSeeds = Field(description="seeds, each with its own start, minibatches and masks")

    def runs(self) -> list[tuple[float, str]]:
        """Removal probability (0 without a mask) and variant of the networks of one seed."""
        return [(0.0, "none"), *product(self.drop_rates, self.variants)]


class DigitPair(Section):
    """Figure 3: digits 4 and 7 (or all ten) under variants of dropout."""

    classes: Literal["pair", "all"] = Field(description="pair: 4 against 7, logistic loss; all: ten, cross-entropy")
    cells: Grid[DigitCell] = Field(description="widths, each once, with their drop rates, variants and seeds")
    steps: Count = Field(description="training steps")
    measurements: Count = Field(description="measurements per run, evenly spaced in step")
    batch_size: Count = Field(description="images per step, drawn anew without replacement")
    learning_rate: Positive = Field(description="master learning rate tau; the parameter learning rate is n tau")
    held_out: Count = Field(description="training images held out for validation")

    def measured_steps(self) -> list[int]:
        """Steps after which every network is measured."""
        return evenly_spaced_steps(self.steps, self.measurements)

    def parts(self) -> list[tuple[int, int]]:
        """Width and number of the seed of all networks trained together, the widest first."""
        return [
            (cell.width, number)
            for cell in sorted(self.cells, key=lambda cell: -cell.width)
            for number in range(cell.seeds)
        ]

    @model_validator(mode="after")
    def _widths_stand_once(self) -> "DigitPair":
        distinct([cell.width for cell in self.cells])
        return self


NEURON_KINDS = ("bounded", "relu")
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

    bounded: PlaneProblem = Field(description="data and bounded neurons, as the theorems assume")
    relu: PlaneProblem = Field(description="data and ReLU neurons of constrained weights")
    width: Count = Field(description="neurons n")
    learning_rates: Grid[Positive] = Field(description="master learning rates tau")
    keep_rates: Grid[KeepRate] = Field(description="keep rates q")
    seeds: ParticleSeeds = Field(description="seeds per cell, each with its own data, start, masks and clocks")
    points: Count = Field(description="particles whose laws are compared at most")
    largest_updates: Count = Field(description="a cell in which a run updates more neurons (n T/alpha) is over budget")
    largest_reads: Count = Field(description="the critical limit is over budget if it reads more neurons than this")

    def cells(self) -> list[tuple[str, Network]]:
        """Neurons and network of every cell."""
        rates = list(product(self.learning_rates, self.keep_rates))
        return [(kind, self.problem(kind).network(self.width, *pair)) for kind in NEURON_KINDS for pair in rates]

    def problem(self, kind: str) -> PlaneProblem:
        """Data and neurons by kind."""
        return self.bounded if kind == "bounded" else self.relu

    def over_budget(self, network: Network) -> bool:
        """Whether a network is not run."""
        return network.updates > self.largest_updates


class WidthTrend(Section):
    """Distance of the dropout particles to the predicted limit along a sequence of widths in every phase."""

    bounded: PlaneProblem = Field(description="data and bounded neurons, as the theorems assume")
    relu: PlaneProblem = Field(description="data and ReLU neurons of constrained weights")
    widths: Grid[Count] = Field(description="widths n")
    seeds: ParticleSeeds = Field(description="seeds per width, each with its own data, start, masks and clocks")
    points: Count = Field(description="particles whose laws are compared at most")
    largest_reads: Count = Field(description="the critical limit is over budget if it reads more neurons than this")

    def networks(self) -> list[tuple[str, str, Network]]:
        """Neurons, phase and network of every sequence and width, the widest first."""
        found = product(sorted(self.widths, reverse=True), NEURON_KINDS, PHASES)
        return [
            (kind, phase, self.problem(kind).network(width, *sequence_rates(phase, width)))
            for width, kind, phase in found
        ]

    def problem(self, kind: str) -> PlaneProblem:
        """Data and neurons by kind."""
        return self.bounded if kind == "bounded" else self.relu


class BoundaryScan(Section):
    """Lines through the boundaries of the diagram at one width: distances to the limits of both sides."""

    problem: PlaneProblem = Field(description="data and neurons")
    width: Count = Field(description="neurons n")
    coordinates: Grid[Positive] = Field(description="values of alpha or beta on the lines that cross at 0.1")
    keep_rates: Grid[OpenProbability] = Field(description="q on the line from Poisson jumps to Bernoulli steps")
    seeds: ParticleSeeds = Field(description="seeds per network, each with its own data, start, masks and clocks")
    points: Count = Field(description="particles whose laws are compared at most")

    def networks(self) -> list[tuple[str, float, Network]]:
        """Line, coordinate along it and network of every place."""
        found = []
        for name, line in LINES.items():
            for value in self.keep_rates if line.coordinate == "q" else self.coordinates:
                found.append((name, value, self.problem.network(self.width, *line.rates(self.width, value))))
        return found


class FailureSignatures(Section):
    """Right and wrong codes against the limit that the theory predicts for the right one."""

    problem: PlaneProblem = Field(description="data and neurons")
    width: Count = Field(description="neurons n")
    betas: Grid[Positive] = Field(description="beta of the networks watched for clusters and divergence")
    seeds: ParticleSeeds = Field(description="seeds per network, each with its own data, start, masks and clocks")
    points: Count = Field(description="particles whose laws are compared at most")

    def networks(self) -> list[tuple[str, Network]]:
        """Phase in which codes are compared (empty: only watched) and network."""
        places = [*CODE_CELLS.items(), *(("", (WATCHED_ALPHA, beta)) for beta in self.betas)]
        return [(cell, self.problem.network(self.width, *rates_at(self.width, *place))) for cell, place in places]


class Penalty(Section):
    """The three effects of dropout one by one over the width, tau = c n^-kappa."""

    problem: PlaneProblem = Field(description="data and neurons")
    widths: Grid[Count] = Field(description="widths n")
    exponents: Grid[Positive] = Field(description="exponents kappa")
    seeds: ParticleSeeds = Field(description="seeds per width, each with its own data, start and masks")
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


def _inverse_of_whole(rate: float) -> float:
    if not math.isclose(1 / rate, round(1 / rate), rel_tol=1e-9):
        raise ValueError(f"must be one over a whole number, such as 0.2, got {rate}")
    return rate


InverseCount = Annotated[float, Field(gt=0, lt=1), AfterValidator(_inverse_of_whole)]
ActivationName = Literal["relu", "tanh", "erf"]


class TeacherData(Section):
    """Data of a ReLU teacher, drawn anew for every seed."""

    dimension: Annotated[int, Field(ge=2)] = Field(description="inputs d")
    samples: Count = Field(description="training samples N")
    teachers: Count = Field(description="ReLU neurons of the teacher")


class NetworkKind(NamedTuple):
    """One kind of network of the curvature table; `loss` in LOSSES."""

    depth: int
    width: int
    activation: str
    loss: str


class DeepCurvature(Section):
    """Networks with several hidden layers of the curvature table."""

    depths: Grid[Count] = Field(description="hidden layers L")
    activations: Grid[ActivationName] = Field(description="activations")
    width: Count = Field(description="neurons per layer n")
    data: TeacherData = Field(description="data and teacher")
    steps: Count = Field(description="training steps")


class Curvature(Section):
    """B, C and S/n along training by the random metric."""

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
        shallow = product([1], self.widths, self.activations, self.losses)
        found = [NetworkKind(*kind) for kind in shallow]
        deeper = product(deep.depths, [deep.width], deep.activations, ["squared"])
        found += [NetworkKind(*kind) for kind in deeper]
        return sorted(found, key=lambda kind: -kind.width * kind.depth)

    def measured_steps(self, depth: int) -> list[int]:
        """Steps after which networks of one depth are measured."""
        return [0, *log_spaced_steps(self.steps if depth == 1 else self.deep.steps, self.measurements)]


class Expansion(Section):
    """What the masks of one step cost, measured and by the second-order expansion."""

    data: TeacherData = Field(description="data and teacher")
    activations: Grid[Literal["tanh", "erf"]] = Field(description="activations; ReLU bends at its kink only")
    losses: Grid[Literal["squared", "logistic"]] = Field(description="losses (logistic: sign of the teacher)")
    widths: Grid[Count] = Field(description="neurons n; all masks up to 10, sampled ones above")
    keep_rates: Grid[InverseCount] = Field(
        description="keep rates q of the measured step, each one over a whole number"
    )
    neuron_step: Positive = Field(description="tau/q of the measured step: how far a kept neuron moves")
    learning_rate: Positive = Field(description="master learning rate tau of the training before it")
    training_keep_rate: KeepRate = Field(description="q of the random metric in the training before it")
    stages: Grid[Annotated[int, Field(ge=0)]] = Field(description="training steps after which the step is measured")
    masks: Count = Field(description="sampled masks of a network, stage and keep rate")
    seeds: NetworkSeeds = Field(description="networks per cell, each with its own teacher, data, start and masks")

    def kinds(self) -> list[tuple[int, str, str]]:
        """Width, activation and loss, the widest first; every seed is trained of each."""
        return list(product(sorted(self.widths, reverse=True), self.activations, self.losses))


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
    learned: OpenProbability = Field(description="largest risk over the initial one, at its end, of a stable trial")
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

    def measured_steps(self) -> list[int]:
        """Steps of an edge run after which it is measured."""
        return evenly_spaced_steps(self.steps, self.measurements)


class FloatingPoint(Section):
    """Dropout in low precision against float64."""

    widths: Grid[Count] = Field(description="neurons n of the critical phase; tau is proportional to 1/n")
    other_widths: Grid[Count] = Field(description="neurons n of the other regimes, whose runs move more neurons")
    alpha: Positive = Field(description="tau/q of the critical phase: how far a neuron moves at an update")
    beta: Positive = Field(description="1/(nq) of the critical phase: one over the neurons updated in a step")
    penalised_share: Annotated[float, Field(gt=0, lt=1)] = Field(description="alpha of the penalised regime over alpha")
    time: Positive = Field(description="training time T; T/tau steps")
    measurements: Count = Field(description="measurements per run, evenly spaced in time")
    samples: Count = Field(description="training samples N")
    seeds: ParticleSeeds = Field(description="networks per cell, each with its own teacher, data, start and masks")

    def cells(self) -> list[tuple[int, str]]:
        """Width and regime, the widest first; every seed is trained in each precision."""
        widths = {regime: self.widths if regime == "critical" else self.other_widths for regime in REGIMES}
        found = [(width, regime) for regime in REGIMES for width in widths[regime]]
        return sorted(found, key=lambda cell: -cell[0])

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
