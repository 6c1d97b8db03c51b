"""What the phase tasks share: the problem, the streams of a replica, and the columns that name a network."""

from functools import partial

from dropatlas.meanfield.comparison import Stream
from dropatlas.meanfield.particles import Problem, plane_problem
from dropatlas.meanfield.phases import classify_phase
from dropatlas.meanfield.settings import PlaneProblem
from dropatlas.randomness import generator

NETWORK_MEANINGS = {
    "activation": "sigma of phi = a sigma(w z)",
    "bound": "largest |a| and |w|, kept by projection; infinite: none",
    "width": "neurons n",
    "learning_rate": "master learning rate tau",
    "keep_rate": "keep rate q",
    "alpha": "tau/q: mean time between two updates of a neuron",
    "beta": "1/(nq): inverse number of neurons kept in a step",
    "phase": "predicted phase: GF, II, III, IV, I, or degenerate",
    "margin": "factor between the network and the nearest phase boundary",
    "boundary": "whether that factor is at most 2",
    "steps": "training steps T/tau, to the nearest integer",
    "updates": "expected number of neurons that a run updates",
}


def draw_problem(settings: PlaneProblem, seed: int) -> Problem:
    """The data of all networks of one activation."""
    bound = float("inf") if settings.bound is None else settings.bound
    rng = generator(seed, "plane problem", settings.activation)
    return plane_problem(rng, settings.samples, settings.teachers, settings.scale, settings.activation, bound)


def streams(seed: int, replica: int, *names: str | float) -> Stream:
    """Random streams of one replica of one network; the initial particles are called "start"."""
    return partial(generator, seed, "phases", *names, replica)


def network(problem: Problem, width: int, learning_rate: float, keep_rate: float, steps: int) -> dict[str, object]:
    """The columns that name a network."""
    phase = classify_phase(width, learning_rate, keep_rate)
    return {
        "activation": problem.activation,
        "bound": problem.bound,
        "width": width,
        "learning_rate": learning_rate,
        "keep_rate": keep_rate,
        "alpha": phase.alpha,
        "beta": phase.beta,
        "phase": phase.name,
        "margin": phase.margin,
        "boundary": phase.boundary,
        "steps": steps,
        "updates": steps * width * keep_rate,
    }
