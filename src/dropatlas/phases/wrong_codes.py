"""Codes for dropout with one mistake each, to see whether a comparison with the predicted limit shows it.

Scaling: the parameter rate without its factor n; the output over √n instead of n, and gradients with it. Mask: a kept
neuron counts 1 instead of 1/q; one mask for all neurons; one mask for every ten; an own mask for the forward and for
the backward pass.

A kept neuron that counts 1 makes the output q times smaller and every step q times shorter. Where q is small, as in
phase II, it is seen mostly because nothing moves.

Whether a mistake matters depends on the phase. In phase III the forward pass averages over many neurons, so that
neither independent passes nor shared masks of ten change the limit, as long as ten neurons are few (β·10 small).

Source: arXiv 2510.07554, failure signatures: "incorrect mean-field scaling causes dynamics mismatch; wrong dropout mask
distribution breaks equivalence; neurons clustering/diverging indicates β too small".
"""

from dataclasses import replace

import numpy as np
from scipy.spatial import KDTree

from dropatlas.phases import particle_kernels as kernels
from dropatlas.phases.names import CODES
from dropatlas.phases.particles import Masks, Problem, System, sample_masks, train

RIGHT, WRONG_SCALING, WRONG_MASK = CODES[0], CODES[1:3], CODES[3:]
GROUP = 10
HARMLESS = {("one mask for ten", "III"), ("independent passes", "III")}
"""Mistakes that the theory says this phase does not show, or not clearly."""


def train_with(
    code: str,
    problem: Problem,
    particles: np.ndarray,
    learning_rate: float,
    keep_rate: float,
    steps: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Particles after `steps` steps of a right or wrong code.

    Args:
        code: One of CODES.
        problem: Data and neuron type.
        particles: Initial particles, shape (n, 3); not changed.
        learning_rate: τ.
        keep_rate: q.
        steps: Steps; all masks are held at once.
        rng: Stream of the masks.

    Returns:
        Shape (n, 3); entries that are not finite say that the run diverged.

    Raises:
        ValueError: unknown code.
    """
    width = len(particles)
    if code == RIGHT:
        return train(problem, particles, "dropout", learning_rate, keep_rate, steps, rng)
    if code == "independent passes":
        return train(problem, particles, "pn_ram", learning_rate, keep_rate, steps, rng)
    rate, value, masks = learning_rate, keep_rate, None
    match code:
        case "rate without n":
            rate = learning_rate / width
        case "output over √n":  # nτ ∇(n^(-1/2) Σφ) (√n f - y) = nτ ∇φ (f - y/√n)
            rate = learning_rate * width
            problem = replace(problem, targets=problem.targets / np.sqrt(width))
        case "kept value 1":
            value = 1.0
        case "one mask for all":
            masks = shared_masks(rng, width, width, keep_rate, steps)
        case "one mask for ten":
            masks = shared_masks(rng, width, GROUP, keep_rate, steps)
        case _:
            raise ValueError(f"code must be one of {', '.join(CODES)}, got {code!r}")
    masks = masks or sample_masks(rng, width, keep_rate, steps)
    system = System(problem, particles)
    system.masked_steps(rate, value, kernels.SHARED, masks, masks)
    return system.particles


def shared_masks(rng: np.random.Generator, width: int, group: int, keep_rate: float, steps: int) -> Masks:
    """Masks that groups of neighbouring neurons share: every group is kept with probability q, or dropped.

    Args:
        rng: Stream of the masks.
        width: Neurons n.
        group: Neurons that share a mask; the last group may be smaller.
        keep_rate: q.
        steps: Steps.
    """
    groups = -(-width // group)
    kept = sample_masks(rng, groups, keep_rate, steps)
    members = (kept.neurons[:, None] * group + np.arange(group)).ravel()
    sizes = np.minimum(group, width - kept.neurons * group)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    return Masks(ends[kept.starts].astype(np.int64), members[members < width].astype(np.int64))


def neighbour_distance(particles: np.ndarray) -> float:
    """Mean distance of a particle to its nearest neighbour: it goes to 0 where particles cluster."""
    return float(np.mean(KDTree(particles).query(particles, 2)[0][:, 1]))


def root_mean_square(particles: np.ndarray) -> float:
    """Root mean square length of the particles: it grows where they diverge."""
    return float(np.sqrt(np.mean(np.sum(particles**2, axis=1))))
