"""Dropout of a two-layer network with few parameters per neuron: particles that can be compared law by law.

The Wasserstein distance of n samples in dimension p is blurred by about n^(-1/p), so the phase diagram is measured
where p is 3: φ(x, z) = a·σ(w·z) with x = (a, w), inputs in the plane, squared loss, targets of a small teacher. A step
touches the kept neurons only and costs n·q, so that keep rates of 1/n are as cheap as any.

Source: arXiv 2510.07554, Section 2 (dynamics, equation 3), Section 4.4 (the three effects).
"""

from dataclasses import dataclass

import numpy as np

from dropatlas.phases import particle_kernels as kernels
from dropatlas.phases.rates import check_rates

ACTIVATION_CODES = {"tanh": kernels.TANH, "relu": kernels.RELU}
VARIANTS = ("dropout", "decorrelated", "redrawn", "pn_ram", "ram", "none")
"""What the mask does.

dropout: one mask for the forward and the backward pass. decorrelated (ours): the same, but a neuron sees itself
unmasked in the forward pass, which takes away the penalty and nothing else, with the same masks. redrawn (ours): the
same, but a neuron sees itself under a mask of its own: the noise of dropout's own part without its correlation. pn_ram:
independent masks for the two passes. ram: the backward pass is masked, the forward pass is not. none: gradient descent.
"""
PASSES = {
    "decorrelated": kernels.WITHOUT_OWN,
    "redrawn": kernels.REDRAWN_OWN,
    "ram": kernels.MEAN,
    "none": kernels.MEAN,
}
"""Forward passes of the kernels; of the others: masked."""
BLOCK = 2_000_000  # entries of a random array held at once


@dataclass(frozen=True)
class Problem:
    """Data and neuron type.

    Attributes:
        inputs: z_k, shape (N, 2).
        targets: y_k, shape (N,).
        activation: σ, "tanh" or "relu".
        bound: Largest |a| and |w| of a neuron, kept by projection after every update; infinite for none.
    """

    inputs: np.ndarray
    targets: np.ndarray
    activation: str = "tanh"
    bound: float = np.inf

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATION_CODES:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATION_CODES)}, got {self.activation!r}")
        if not self.bound > 0:
            raise ValueError(f"bound must be positive, got {self.bound}")
        if self.inputs.shape != (len(self.targets), 2):
            raise ValueError(
                f"inputs in the plane and as many targets needed, got {self.inputs.shape}, {len(self.targets)}"
            )


class System:
    """Particles with what the compiled loops keep about them.

    Args:
        problem: Data and neuron type.
        particles: Rows (a, w), shape (n, 3); copied, projected to the bound.
    """

    def __init__(self, problem: Problem, particles: np.ndarray) -> None:
        self.problem = problem
        self.code = ACTIVATION_CODES[problem.activation]
        self.particles = projected(particles, problem.bound)
        self.inputs = np.ascontiguousarray(problem.inputs.T, dtype=float)
        self.targets = np.ascontiguousarray(problem.targets, dtype=float)
        self.hidden = np.empty((len(self.particles), len(self.targets)))
        self.total = np.empty(len(self.targets))
        kernels.prepare(self.code, self.particles, self.hidden, self.inputs, self.total)

    def masked_steps(self, rate: float, keep_rate: float, pass_kind: int, forward: "Masks", backward: "Masks") -> None:
        """Advance by the steps of the masks (see `kernels.masked_steps`)."""
        kernels.masked_steps(
            *(self.code, self.problem.bound, self.particles, self.hidden, self.total, self.inputs, self.targets),
            *(rate, keep_rate, pass_kind, forward.starts, forward.neurons, backward.starts, backward.neurons),
        )

    def jump(self, alpha: float, who: np.ndarray, beta: float, counts: np.ndarray, others: np.ndarray) -> None:
        """Advance by jumps (see `kernels.jumps`)."""
        kernels.jumps(
            *(self.code, self.problem.bound, self.particles, self.hidden, self.total, self.inputs, self.targets),
            *(alpha, who, beta, counts, others),
        )

    def flow(self, penalty: float, time: float, steps: int) -> None:
        """Advance along the gradient flow (see `kernels.flow`)."""
        kernels.flow(
            *(self.code, self.problem.bound, self.particles, self.hidden, self.total, self.inputs, self.targets),
            *(penalty, time, steps),
        )


@dataclass(frozen=True)
class Masks:
    """Kept neurons of consecutive steps.

    Attributes:
        starts: Shape (steps + 1,); step s keeps neurons[starts[s]:starts[s + 1]].
        neurons: Indices, increasing within a step.
    """

    starts: np.ndarray
    neurons: np.ndarray

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.starts) - 1


def sample_masks(rng: np.random.Generator, width: int, keep_rate: float, steps: int) -> Masks:
    """Masks that keep every neuron in every step independently, at a cost proportional to what is kept.

    Over all steps laid out in a row, the gaps between kept neurons are geometric.

    Args:
        rng: Stream of the masks.
        width: Neurons n.
        keep_rate: q in (0, 1].
        steps: Steps.
    """
    cells = width * steps
    parts, last = [], -1
    while last < cells - 1:
        expected = (cells - 1 - last) * keep_rate
        gaps = rng.geometric(keep_rate, int(expected + 4 * np.sqrt(expected) + 16))
        places = last + np.cumsum(gaps)
        parts.append(places)
        last = int(places[-1])
    places = np.concatenate(parts)
    places = places[: np.searchsorted(places, cells)]
    starts = np.searchsorted(places, width * np.arange(steps + 1))
    return Masks(starts.astype(np.int64), (places % width).astype(np.int64))


def plane_problem(
    rng: np.random.Generator,
    samples: int = 30,
    teachers: int = 5,
    scale: float = 2.0,
    activation: str = "tanh",
    bound: float = np.inf,
) -> Problem:
    """Inputs N(0, I) in the plane, targets of a teacher with neurons of the same type.

    Args:
        rng: Stream of the data.
        samples: Inputs N.
        teachers: Teacher neurons (a, w) ~ N(0, I), averaged.
        scale: Standard deviation of the targets over the inputs.
        activation: σ of student and teacher.
        bound: Largest |a| and |w| of a student neuron.
    """
    inputs = rng.standard_normal((samples, 2))
    neurons = rng.standard_normal((teachers, 3))
    targets = System(Problem(inputs, np.zeros(samples), activation), neurons).total / teachers
    return Problem(inputs, scale * targets / targets.std(), activation, bound)


def initial_particles(rng: np.random.Generator, width: int) -> np.ndarray:
    """I.i.d. neurons (a, w) ~ N(0, I), shape (width, 3)."""
    return rng.standard_normal((width, 3))


def projected(particles: np.ndarray, bound: float) -> np.ndarray:
    """Nearest particles with |a| and |w| at most `bound` (a copy)."""
    result = np.array(particles, dtype=float, order="C")
    if np.isfinite(bound):
        result[:, 0] = result[:, 0].clip(-bound, bound)
        norms = np.linalg.norm(result[:, 1:], axis=1, keepdims=True)
        result[:, 1:] *= np.minimum(1.0, bound / np.maximum(norms, np.finfo(float).tiny))
    return result


def outputs(problem: Problem, particles: np.ndarray) -> np.ndarray:
    """f(z_k) = mean of φ(x_i, z_k) over the neurons, shape (N,)."""
    return System(problem, particles).total / len(particles)


def risk(problem: Problem, particles: np.ndarray) -> float:
    """R = |f - y|²/(2N)."""
    return float(np.mean((outputs(problem, particles) - problem.targets) ** 2) / 2)


def train(
    problem: Problem,
    particles: np.ndarray,
    variant: str,
    learning_rate: float,
    keep_rate: float,
    steps: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Particles after `steps` steps of a variant of dropout.

    Equal streams give equal backward masks to every variant, so that variants can be compared mask by mask
    (pn_ram and redrawn draw their other masks from a stream of its own).

    Args:
        problem: Data and neuron type.
        particles: Initial particles, shape (n, 3); not changed.
        variant: One of VARIANTS.
        learning_rate: τ (a parameter moves by n·τ times its gradient of the risk).
        keep_rate: q in (0, 1].
        steps: Steps.
        rng: Stream of the masks.

    Returns:
        Shape (n, 3); entries that are not finite say that the run diverged.

    Raises:
        ValueError: unknown variant, or rates without a meaning.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, got {variant!r}")
    check_rates(len(particles), learning_rate, keep_rate)
    keep_rate = 1.0 if variant == "none" else keep_rate
    kind = PASSES.get(variant, kernels.SHARED)
    forward_rng = rng.spawn(1)[0]
    system = System(problem, particles)
    block = int(max(1, min(BLOCK, BLOCK / (len(particles) * keep_rate))))
    for done in range(0, steps, block):
        masks = sample_masks(rng, len(particles), keep_rate, min(block, steps - done))
        drawn_twice = variant in ("pn_ram", "redrawn")
        forward = sample_masks(forward_rng, len(particles), keep_rate, masks.steps) if drawn_twice else masks
        system.masked_steps(learning_rate, keep_rate, kind, forward, masks)
        if not np.isfinite(system.total).all():
            return np.full_like(system.particles, np.nan)
    return system.particles
