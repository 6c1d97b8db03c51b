"""Settings of the tables on convergence: coupled paths in the Poisson phase, weak errors in the critical one."""

import math
from itertools import product
from typing import Annotated, NamedTuple

from pydantic import Field

from dropatlas.phases.rates import step_count
from dropatlas.phases.settings import ParticleSeeds, PlaneProblem
from dropatlas.settings import Count, Grid, OpenProbability, Positive, Section

SERIES, OWN_CLOCKS, FIXED_RATE, GRID = "series", "own clocks", "fixed keep rate", "grid"
"""Families of coupled networks (`Pathwise.networks`)."""
FUNCTIONS = ("risk", "square", "cosine", "bump")
"""Test functions of the weak rate: the risk, and the means of |x|², cos a and exp(-|x|²/2) over the neurons."""
LAW = "law"
"""The law itself, by its one-dimensional projections."""
FIRST_KEEP_RATE = 2.0  # q = 2 n^(-1/2) of the series, so that β = n^(-1/2)/2


class CoupledNetwork(NamedTuple):
    """One network whose paths are coupled to those of the limit: its family, n and q."""

    family: str
    width: int
    keep_rate: float


class Pathwise(Section):
    """Paths of dropout neurons coupled to those of the Poisson limit, over n, q and beta."""

    problem: PlaneProblem = Field(description="data and neurons")
    alpha: Positive = Field(description="mean time alpha between two updates of a neuron; tau = alpha q")
    widths: Grid[Count] = Field(description="widths n of the series q = 2 n^(-1/2) and of its controls")
    fixed_keep_rate: OpenProbability = Field(description="keep rate q of the control whose q does not fall")
    keep_rates: Grid[OpenProbability] = Field(description="keep rates q of the grid")
    betas: Grid[Positive] = Field(description="beta = 1/(nq) of the grid, up to rounding of n")
    limit_width: Count = Field(description="particles of each of the two simulations of the limit's output")
    points: Count = Field(description="intervals of the time grid of the limit's output")
    seeds: ParticleSeeds = Field(description="seeds, each with its own teacher, data, start, masks and clocks")

    def networks(self) -> list[CoupledNetwork]:
        """The networks of one seed."""
        rates = [(width, FIRST_KEEP_RATE / math.sqrt(width)) for width in self.widths]
        found = [CoupledNetwork(family, *rate) for family in (SERIES, OWN_CLOCKS) for rate in rates]
        found += [CoupledNetwork(FIXED_RATE, width, self.fixed_keep_rate) for width in self.widths]
        return found + [CoupledNetwork(GRID, round(1 / (q * b)), q) for q, b in product(self.keep_rates, self.betas)]


class WeakRate(Section):
    """Bias of dropout in the critical phase against its limit, over the width."""

    problem: PlaneProblem = Field(description="data and neurons")
    alpha: Positive = Field(description="mean time alpha between two updates of a neuron; tau = alpha q")
    beta: Positive = Field(description="beta = 1/(nq): inverse number of neurons kept in a step")
    widths: Grid[Count] = Field(description="widths n, each above 1/beta")
    neurons: Count = Field(description="neurons of all runs of one half at one width together; a run has n of them")
    limit_width: Annotated[int, Field(ge=1000)] = Field(description="particles of one simulation of a limit")
    copies: Count = Field(description="simulations of the critical limit of one half")
    seeds: ParticleSeeds = Field(description="seeds, each with its own teacher, data, runs and limits")

    def rates(self, width: int) -> tuple[float, float, int]:
        """Learning rate τ, keep rate q and steps at one width."""
        keep_rate = 1 / (self.beta * width)
        return self.alpha * keep_rate, keep_rate, step_count(self.problem.time, self.alpha * keep_rate)

    def runs(self, width: int) -> int:
        """Runs of one half at one width."""
        return max(2, self.neurons // width)
