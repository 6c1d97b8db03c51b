"""Two-layer dropout in low floating-point precision, beside the same run in float64.

The regimes differ in which neurons move at a step and how far:

    critical        τ = αq, q = 1/(βn): about 1/β neurons a step, each by α (phase IV; τ is of order 1/n)
    penalised       the same with α smaller: many small steps of few neurons (towards phase II)
    gradient_flow   q = 1 with the τ of the critical run: all neurons, each by τ of order 1/n

Rounding has two ways in: an update below half the spacing of floating-point numbers at x is lost; and errors of
rounding are carried on by the dynamics. The first depends on α or τ, whichever is the length of a neuron's step.

Two orders of operations bring in τ, q and n, which give the same numbers without rounding:

    plain    ordinary code of a mean-field network, f = sum(mask φ)/n with a mask of 1/q, and gradient descent at the
             rate n τ: φ times 1/q, the sum over n; backward r over n, times 1/q; the gradient times n τ. Each is
             rounded to the type of the computation (the gradient's step to that of the weights), 1/q once, when the
             mask is made. In float16 1/q is infinite below q = 1.5e-5, φ/q may be before, and r/n loses digits below
             6e-5, where float16 has no normal numbers.
    folded   the factors of n cancelled by hand: the sum over n q, and the gradient times τ/q. No number depends on n.

All precisions share masks, data and initial values (which are representable in every one of them), so that all
differences are arithmetic. The arithmetic is that of `precision_kernels`, which touches kept neurons only.

Source: arXiv 2510.07554, phase IV; the question of precision is its summary's.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from dropatlas.phases.comparison import rms_distance
from dropatlas.phases.names import PRECISIONS, Precision
from dropatlas.phases.particles import Masks, Problem, initial_particles, plane_problem, risk, sample_masks
from dropatlas.phases.precision_errors import ORDERS
from dropatlas.phases.precision_kernels import KINDS, Factors, masked_steps, round_to
from dropatlas.phases.settings import FloatingPoint
from dropatlas.randomness import generator


class Run(NamedTuple):
    """Particles at the measured steps, and what rounding took.

    Attributes:
        particles: Shape (measurements, n, 3).
        lost: Share of updates of active neurons' parameters so far that left one as it was, shape (measurements,).
    """

    particles: np.ndarray
    lost: np.ndarray


def representable(values: np.ndarray) -> np.ndarray:
    """Values rounded so that float16 and bfloat16 (hence all precisions) hold them exactly."""
    for name in ("bfloat16", "float16", "bfloat16"):
        values = round_to(values, KINDS[name])
    return values


def all_kept(width: int, steps: int) -> Masks:
    """Masks that keep every neuron at every step."""
    return Masks(width * np.arange(steps + 1), np.tile(np.arange(width), steps))


def factors_of(order: str, width: int, rate: float, keep_rate: float) -> Factors:
    """Factors of a step, by the order of operations.

    Args:
        order: One of `ORDERS`.
        width: Neurons n.
        rate: Master rate τ.
        keep_rate: q.
    """
    if order == "folded":
        return Factors(1.0, width * keep_rate, 1.0, rate / keep_rate)
    return Factors(1 / keep_rate, float(width), float(width), width * rate)


def train(
    precision: Precision,
    problem: Problem,
    particles: np.ndarray,
    rate: float,
    keep_rate: float,
    masks: Masks,
    steps: Sequence[int],
    order: str = "folded",
) -> Run:
    """Gradient descent with dropout (tanh, squared loss) in the given precision.

    Args:
        precision: Types.
        problem: Data, representable in them.
        particles: Initial particles, shape (n, 3), representable in them.
        rate: Master rate τ.
        keep_rate: q; an active neuron moves by τ/q.
        masks: Active neurons.
        steps: Steps to measure at, rising.
        order: One of `ORDERS`.
    """
    factors = factors_of(order, len(particles), rate, keep_rate)
    state, inputs = particles.copy(), np.ascontiguousarray(problem.inputs.T)
    kinds = KINDS[precision.stored], KINDS[precision.computed]
    found, shares, lost = [], [], 0
    for done, mark in zip([0, *steps], steps, strict=False):
        kept = (masks.starts[done : mark + 1], masks.neurons)
        lost += masked_steps(state, inputs, problem.targets, factors, *kept, *kinds)
        found.append(state.copy())
        shares.append(lost / max(1, particles.shape[1] * int(masks.starts[mark])))
    return Run(np.stack(found), np.array(shares))


class RoundingErrors(NamedTuple):
    """One precision at one measured step, beside float64.

    Attributes:
        precision: A key of `PRECISIONS`.
        order: One of `ORDERS`.
        step: Steps done.
        error: RMS distance of the neurons to the float64 run; infinite if a neuron is no number.
        relative_error: The same over the RMS distance of the float64 run from the start.
        lost_share: Share of the updates of active neurons' parameters so far that changed nothing.
        risk: Training risk without masks, evaluated in float64.
        risk_error: Risk over that of the float64 run, minus 1.
    """

    precision: str
    order: str
    step: int
    error: float
    relative_error: float
    lost_share: float
    risk: float
    risk_error: float


def draw_problem(settings: FloatingPoint, seed: int, number: int) -> Problem:
    """Data of one seed, representable in every precision."""
    drawn = plane_problem(generator(seed, "precision", "problem", number), settings.samples)
    return Problem(representable(drawn.inputs), representable(drawn.targets))


def rounding_errors(settings: FloatingPoint, seed: int, width: int, regime: str, number: int) -> list[RoundingErrors]:
    """Train the network of one seed in every precision, float64 first, and the others in both orders of operations.

    Args:
        settings: Data, rates, steps.
        seed: Root seed.
        width: Neurons n.
        regime: One of `names.REGIMES`.
        number: Number of the seed.
    """
    problem = draw_problem(settings, seed, number)
    rate, keep_rate = settings.rates(width, regime)
    marks = settings.measured_steps(rate)
    start = representable(initial_particles(generator(seed, "precision", "start", width, number), width))
    if regime == "gradient_flow":
        masks = all_kept(width, marks[-1])
    else:
        masks = sample_masks(generator(seed, "precision", "masks", regime, width, number), width, keep_rate, marks[-1])
    found, exact = [], None
    for name, order in [("float64", "folded"), *product([one for one in PRECISIONS if one != "float64"], ORDERS)]:
        run = train(PRECISIONS[name], problem, start, rate, keep_rate, masks, marks, order)
        exact = exact or run
        for particles, reference, lost, mark in zip(run.particles, exact.particles, run.lost, marks, strict=True):
            finite = np.isfinite(particles).all()
            error, risk_here = rms_distance(particles, reference) if finite else np.inf, risk(problem, particles)
            relative = error / rms_distance(reference, start)
            risk_error = risk_here / risk(problem, reference) - 1
            found.append(RoundingErrors(name, order, mark, error, relative, float(lost), risk_here, risk_error))
    return found
