"""Columns that name a network of the phase diagram and its relatives."""

from dropatlas.phases.classification import classify_phase
from dropatlas.phases.particles import Problem
from dropatlas.phases.rates import Network

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


def named(problem: Problem, network: Network) -> dict[str, object]:
    """The columns that name a network."""
    phase = classify_phase(network.width, network.learning_rate, network.keep_rate)
    return {
        "activation": problem.activation,
        "bound": problem.bound,
        "width": network.width,
        "learning_rate": network.learning_rate,
        "keep_rate": network.keep_rate,
        "alpha": phase.alpha,
        "beta": phase.beta,
        "phase": phase.name,
        "margin": phase.margin,
        "boundary": phase.boundary,
        "steps": network.steps,
        "updates": network.updates,
    }
