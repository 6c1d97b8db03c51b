"""The effects of dropout one by one: dropout without one, then two, then all of them, under the same masks.

Penalty: dropout against decorrelated. Propagation noise: decorrelated against ram. Random metric: ram against none.
Control of the penalty: redrawn against decorrelated. Dropout's own part of the forward pass has the same size there,
and no correlation with the gradient's mask: noise without a penalty. All runs start from the same particles.

Source: arXiv 2510.07554, Section 4.4; decorrelated and redrawn are ours.
"""

import numpy as np

from dropatlas.phases.comparison import DROPOUT_DIVERGED, OK, Stream, diverged, rms_distance
from dropatlas.phases.limits import flow_steps, gradient_flow
from dropatlas.phases.particles import Problem, risk, train
from dropatlas.phases.rates import DESCENT_FROM, Network

EFFECTS = ("moved", "movement", "penalty_effect", "redrawn_effect", "noise_effect", "metric_effect")
"""What is measured: the share of neurons that dropout moves, and RMS distances."""


def penalty_row(problem: Problem, particles: np.ndarray, network: Network, stream: Stream) -> dict[str, object]:
    """Penalty effect, with its control.

    Args:
        problem: Data and neuron type.
        particles: Initial particles, shape (n, 3).
        network: Learning rate, keep rate, steps.
        stream: Random streams of this network; it is called with "masks".

    Returns:
        Status, and those of `EFFECTS` that these runs tell; NaN where one diverged.
    """
    runs = _runs(problem, particles, network, stream, ("dropout", "decorrelated", "redrawn"))
    pairs = {"penalty_effect": ("dropout", "decorrelated"), "redrawn_effect": ("redrawn", "decorrelated")}
    return _row(problem, particles, runs, pairs)


def effect_row(problem: Problem, particles: np.ndarray, network: Network, stream: Stream) -> dict[str, object]:
    """The three effects; arguments and result as of `penalty_row`."""
    descends = network.learning_rate >= DESCENT_FROM
    variants = ("dropout", "decorrelated", "ram") + ("none",) * descends
    runs = _runs(problem, particles, network, stream, variants)
    if not descends:
        time = network.steps * network.learning_rate
        runs["none"] = gradient_flow(problem, particles, time, steps=flow_steps(problem, 0.0))
    pairs = {
        "penalty_effect": ("dropout", "decorrelated"),
        "noise_effect": ("decorrelated", "ram"),
        "metric_effect": ("ram", "none"),
    }
    return _row(problem, particles, runs, pairs)


def _runs(
    problem: Problem, particles: np.ndarray, network: Network, stream: Stream, variants: tuple[str, ...]
) -> dict[str, np.ndarray]:
    rates = (network.learning_rate, network.keep_rate, network.steps)
    return {variant: train(problem, particles, variant, *rates, stream("masks")) for variant in variants}


def _row(
    problem: Problem, particles: np.ndarray, runs: dict[str, np.ndarray], pairs: dict[str, tuple[str, str]]
) -> dict[str, object]:
    start = risk(problem, particles)
    if any(diverged(problem, found, start) for found in runs.values()):
        return {"status": DROPOUT_DIVERGED}
    dropout = runs["dropout"]
    return {
        "status": OK,
        "moved": float(np.mean((dropout != particles).any(axis=1))),
        "movement": rms_distance(dropout, particles),
        **{effect: rms_distance(runs[one], runs[other]) for effect, (one, other) in pairs.items()},
    }
