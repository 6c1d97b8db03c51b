"""Data and random streams of the networks with three parameters a neuron: the phase diagram and its relatives."""

from functools import partial

from dropatlas.phases.comparison import Stream
from dropatlas.phases.particles import Problem, plane_problem
from dropatlas.phases.settings import PlaneProblem
from dropatlas.randomness import generator


def draw_problem(settings: PlaneProblem, seed: int, *names: str | int) -> Problem:
    """The data of all networks of one activation; of one of several data sets, with `names`."""
    bound = float("inf") if settings.bound is None else settings.bound
    rng = generator(seed, "plane problem", settings.activation, *names)
    return plane_problem(rng, settings.samples, settings.teachers, settings.scale, settings.activation, bound)


def streams(seed: int, number: int, *names: str | float) -> Stream:
    """Random streams of one seed of one network; the initial particles are called "start"."""
    return partial(generator, seed, "phases", *names, number)
